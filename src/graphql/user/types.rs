//! `UserGQLType`, `InteractiveUserGQLType` and `LanguageGQLType`.
//!
//! Everybody who is logged in sees names, as votes and executors show them. What is personal beyond that is for the person
//! and for those who may list users; to others it is null.

use async_graphql::{Context, ID, Object, SimpleObject};
use uuid::Uuid;

use crate::domain::query::{Condition, ListQuery, Value};
use crate::error::{Error, Result};
use crate::graphql::mutation_log::filters::NESTED_MUTATION_LOG;
use crate::graphql::mutation_log::types::MutationLogNode;
use crate::graphql::protocol::arguments::{Arguments, read};
use crate::graphql::protocol::connection::Connection;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::scalars::{JsonString, Moment, UuidOrGlobalId, global_id};
use crate::graphql::role::types::{RoleNode, UserRoleNode};
use crate::graphql::task::filters::NESTED_TASK;
use crate::graphql::task::types::TaskNode;
use crate::graphql::task_executor::filters::NESTED_TASK_EXECUTOR;
use crate::graphql::task_executor::types::TaskExecutorNode;
use crate::graphql::task_group::filters::NESTED_TASK_GROUP;
use crate::graphql::task_group::types::TaskGroupNode;
use crate::graphql::user::filters::NESTED_USERS;
use crate::graphql::user::stubs::{ClaimAdmin, HealthFacility, Officer};
use crate::model::role::{Role, UserRole};
use crate::model::user::User;
use crate::service::context::ListScope;
use crate::service::{mutation_log, task, task_executor, task_group, user as service};

/// A user.
pub struct UserNode(pub User);

#[Object(name = "UserGQLType")]
impl UserNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("UserGQLType", self.0.id)
    }

    async fn version(&self) -> i32 {
        self.0.version
    }

    async fn username(&self) -> &str {
        &self.0.username
    }

    /// Null unless one may see what is personal about the user.
    async fn i_user(&self, ctx: &Context<'_>) -> Result<Option<InteractiveUserNode>> {
        Ok(self.sees_personal_data(ctx).await?.then(|| InteractiveUserNode(self.0.clone())))
    }

    async fn mutationlog_set(&self, ctx: &Context<'_>) -> Result<Connection<MutationLogNode>> {
        let (query, context) = (self.about(ctx, &NESTED_MUTATION_LOG, "user_id")?, request(ctx)?);
        let entries = mutation_log::list(&context.services, context.requester()?, query).await?;
        Ok(Connection::new(entries, MutationLogNode))
    }

    async fn taskgroup_user_created(&self, ctx: &Context<'_>) -> Result<Connection<TaskGroupNode>> {
        self.groups(ctx, "user_created").await
    }

    async fn taskgroup_user_updated(&self, ctx: &Context<'_>) -> Result<Connection<TaskGroupNode>> {
        self.groups(ctx, "user_updated").await
    }

    /// Where the user sits.
    async fn taskexecutor_set(&self, ctx: &Context<'_>) -> Result<Connection<TaskExecutorNode>> {
        self.executors(ctx, "user_id").await
    }

    async fn taskexecutor_user_created(&self, ctx: &Context<'_>) -> Result<Connection<TaskExecutorNode>> {
        self.executors(ctx, "user_created").await
    }

    async fn taskexecutor_user_updated(&self, ctx: &Context<'_>) -> Result<Connection<TaskExecutorNode>> {
        self.executors(ctx, "user_updated").await
    }

    async fn task_user_created(&self, ctx: &Context<'_>) -> Result<Connection<TaskNode>> {
        self.tasks(ctx, "user_created").await
    }

    async fn task_user_updated(&self, ctx: &Context<'_>) -> Result<Connection<TaskNode>> {
        self.tasks(ctx, "user_updated").await
    }

    /// Users are not changed by mutations that have an id.
    async fn client_mutation_id(&self) -> Option<String> {
        None
    }

    /// Null unless one may see what is personal about the user.
    async fn rights(&self, ctx: &Context<'_>) -> Result<Option<Vec<Option<String>>>> {
        if !self.sees_personal_data(ctx).await? {
            return Ok(None);
        }
        let rights = service::rights(&request(ctx)?.services, self.0.id).await?;
        Ok(Some(rights.numbers.iter().map(|right| Some(right.to_string())).collect()))
    }

    async fn other_names(&self) -> Option<&str> {
        Some(&self.0.other_names)
    }

    async fn last_name(&self) -> Option<&str> {
        Some(&self.0.last_name)
    }

    /// Null unless one may see what is personal about the user.
    async fn email(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        Ok(if self.sees_personal_data(ctx).await? { self.0.email.as_deref() } else { None })
    }

    /// Null unless one may see what is personal about the user.
    async fn phone(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        Ok(if self.sees_personal_data(ctx).await? { self.0.phone.as_deref() } else { None })
    }

    async fn health_facility(&self) -> Option<HealthFacility> {
        None
    }

    async fn claim_admin(&self) -> Option<ClaimAdmin> {
        None
    }

    async fn officer(&self) -> Option<Officer> {
        None
    }
}

impl UserNode {
    async fn sees_personal_data(&self, ctx: &Context<'_>) -> Result<bool> {
        let context = request(ctx)?;
        service::sees_personal_data(&context.services, context.requester()?, self.0.id).await
    }

    /// What the present field's arguments ask for, of the rows whose `field` is this user.
    fn about(&self, ctx: &Context<'_>, table: &Arguments, field: &'static str) -> Result<ListQuery> {
        let mut query = read(ctx, table)?;
        query.conditions.push(Condition::equals(field, Value::Uuid(self.0.id)));
        Ok(query)
    }

    async fn groups(&self, ctx: &Context<'_>, field: &'static str) -> Result<Connection<TaskGroupNode>> {
        let (query, context) = (self.about(ctx, &NESTED_TASK_GROUP, field)?, request(ctx)?);
        let groups =
            task_group::list(&context.services, context.requester()?, query, ListScope::Nested).await?;
        Ok(Connection::new(groups, TaskGroupNode))
    }

    async fn executors(
        &self,
        ctx: &Context<'_>,
        field: &'static str,
    ) -> Result<Connection<TaskExecutorNode>> {
        let (query, context) = (self.about(ctx, &NESTED_TASK_EXECUTOR, field)?, request(ctx)?);
        let executors =
            task_executor::list(&context.services, context.requester()?, query, ListScope::Nested).await?;
        Ok(Connection::new(executors, TaskExecutorNode))
    }

    async fn tasks(&self, ctx: &Context<'_>, field: &'static str) -> Result<Connection<TaskNode>> {
        let (query, context) = (self.about(ctx, &NESTED_TASK, field)?, request(ctx)?);
        let tasks = task::list(&context.services, context.requester()?, query, ListScope::Nested).await?;
        Ok(Connection::new(tasks, TaskNode))
    }
}

/// What is personal about a user; it is only reached where one may see it.
pub struct InteractiveUserNode(pub User);

#[Object(name = "InteractiveUserGQLType")]
impl InteractiveUserNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("InteractiveUserGQLType", self.0.interactive_user_id)
    }

    async fn version(&self) -> i32 {
        self.0.version
    }

    async fn uuid(&self) -> UuidOrGlobalId {
        UuidOrGlobalId(self.0.id)
    }

    async fn active(&self) -> bool {
        self.0.is_active
    }

    async fn json_ext(&self) -> Option<JsonString> {
        self.0.json_ext.clone().map(JsonString)
    }

    async fn date_deactivated(&self) -> Option<Moment> {
        (!self.0.is_active).then_some(Moment(self.0.date_updated))
    }

    async fn validity_from(&self) -> Option<Moment> {
        Some(Moment(self.0.date_created))
    }

    async fn validity_to(&self) -> Option<Moment> {
        None
    }

    async fn language(&self, ctx: &Context<'_>) -> Result<LanguageNode> {
        let language = request(ctx)?.languages.load_one(self.0.language.clone()).await.map_err(shared)?;
        let language = language.ok_or_else(|| Error::internal("a user reads no language"))?;
        Ok(LanguageNode { code: language.code, name: language.name, sort_order: language.sort_order })
    }

    async fn last_name(&self) -> &str {
        &self.0.last_name
    }

    async fn other_names(&self) -> &str {
        &self.0.other_names
    }

    async fn phone(&self) -> Option<&str> {
        self.0.phone.as_deref()
    }

    async fn login_name(&self) -> &str {
        &self.0.username
    }

    async fn last_login(&self) -> Option<Moment> {
        self.0.last_login.map(Moment)
    }

    async fn health_facility_id(&self) -> Option<i32> {
        None
    }

    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    async fn password_validity(&self) -> Option<Moment> {
        None
    }

    async fn is_associated(&self) -> Option<bool> {
        Some(self.0.is_active)
    }

    async fn role_id(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        Ok(self.held(ctx).await?.first().map(|(_, role)| role.id))
    }

    async fn user_roles(&self, ctx: &Context<'_>) -> Result<Vec<UserRoleNode>> {
        let held = self.held(ctx).await?;
        Ok(held.into_iter().map(|(held, role)| UserRoleNode { held, role, user: self.0.clone() }).collect())
    }

    /// The user itself: openIMIS keeps it in two rows.
    async fn user_set(&self, ctx: &Context<'_>) -> Result<Connection<UserNode>> {
        let mut query = read(ctx, &NESTED_USERS)?;
        query.conditions.push(Condition::equals("id", Value::Uuid(self.0.id)));
        let context = request(ctx)?;
        let users = service::list_visible(&context.services, context.requester()?, query).await?;
        Ok(Connection::new(users, UserNode))
    }

    async fn language_id(&self) -> Option<&str> {
        Some(&self.0.language)
    }

    async fn roles(&self, ctx: &Context<'_>) -> Result<Option<Vec<Option<RoleNode>>>> {
        Ok(Some(self.held(ctx).await?.into_iter().map(|(_, role)| Some(RoleNode(role))).collect()))
    }
}

impl InteractiveUserNode {
    async fn held(&self, ctx: &Context<'_>) -> Result<Vec<(UserRole, Role)>> {
        let held = request(ctx)?.roles_of_users.load_one(self.0.id).await.map_err(shared)?;
        Ok(held.unwrap_or_default())
    }
}

/// A language that users can choose.
#[derive(SimpleObject)]
#[graphql(name = "LanguageGQLType")]
pub struct LanguageNode {
    /// The code, such as `en`.
    pub code: String,
    /// Its name in that language.
    pub name: String,
    /// Its place in lists.
    pub sort_order: Option<i32>,
}

/// The user that a row points to.
pub async fn user(ctx: &Context<'_>, id: Uuid) -> Result<UserNode> {
    let user = request(ctx)?.users.load_one(id).await.map_err(shared)?;
    user.map(UserNode).ok_or_else(|| Error::internal(format!("there is no user {id}")))
}

/// The users that a row points to, in that order.
pub async fn users(ctx: &Context<'_>, ids: Vec<Uuid>) -> Result<Vec<UserNode>> {
    let mut found = request(ctx)?.users.load_many(ids.iter().copied()).await.map_err(shared)?;
    Ok(ids.into_iter().filter_map(|id| found.remove(&id)).map(UserNode).collect())
}
