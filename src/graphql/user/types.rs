//! `UserGQLType`, `InteractiveUserGQLType` and `LanguageGQLType`.
//!
//! Everybody who is logged in sees names, because votes and executors show them. Other personal data is for the person and
//! for people who may list users; for others it is null.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use uuid::Uuid;

use crate::domain::query::{Condition, Value};
use crate::error::{Error, Result};
use crate::graphql::mutation_log::{MutationLogNode, NESTED_MUTATION_LOG};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::scalars::{JsonString, Moment, UuidOrGlobalId, global_id};
use crate::graphql::role::{RoleNode, UserRoleNode};
use crate::graphql::task::filters::NESTED_TASK;
use crate::graphql::task::types::TaskNode;
use crate::graphql::task_executor::{NESTED_TASK_EXECUTOR, TaskExecutorNode};
use crate::graphql::task_group::filters::NESTED_TASK_GROUP;
use crate::graphql::task_group::types::TaskGroupNode;
use crate::graphql::user::filters::NESTED_USERS;
use crate::graphql::user::mail_frequency::UserMailFrequency;
use crate::graphql::user::stubs::{ClaimAdmin, HealthFacility, Officer};
use crate::model::role::{Role, UserRole};
use crate::model::user::{Language, User};
use crate::service::context::ListScope;
use crate::service::{mutation_log, task, task_executor, task_group, user as service};

/// A user.
#[derive(SimpleObject)]
#[graphql(name = "UserGQLType", complex)]
pub struct UserNode {
    pub id: ID,
    version: i32,
    username: String,
    other_names: Option<String>,
    last_name: Option<String>,
    /// Always null: no mutation with an id changes users.
    client_mutation_id: Option<String>,
    health_facility: Option<Box<HealthFacility>>,
    claim_admin: Option<Box<ClaimAdmin>>,
    officer: Option<Box<Officer>>,
    #[graphql(skip)]
    pub user: User,
}

impl From<User> for UserNode {
    fn from(user: User) -> Self {
        Self {
            id: global_id("UserGQLType", user.id),
            version: user.version,
            username: user.username.clone(),
            other_names: Some(user.other_names.clone()),
            last_name: Some(user.last_name.clone()),
            client_mutation_id: None,
            health_facility: None,
            claim_admin: None,
            officer: None,
            user,
        }
    }
}

#[ComplexObject]
impl UserNode {
    /// Null unless one may see the user's personal data.
    async fn i_user(&self, ctx: &Context<'_>) -> Result<Option<InteractiveUserNode>> {
        Ok(self.sees_personal_data(ctx).await?.then(|| self.user.clone().into()))
    }

    async fn mutationlog_set(&self, ctx: &Context<'_>) -> Result<Connection<MutationLogNode>> {
        listed(ctx, &NESTED_MUTATION_LOG, Some(self.is("user_id")), mutation_log::list).await
    }

    async fn taskgroup_user_created(&self, ctx: &Context<'_>) -> Result<Connection<TaskGroupNode>> {
        self.groups(ctx, "user_created").await
    }

    async fn taskgroup_user_updated(&self, ctx: &Context<'_>) -> Result<Connection<TaskGroupNode>> {
        self.groups(ctx, "user_updated").await
    }

    /// The groups in which the user is an executor.
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

    /// Null unless one may see the user's personal data.
    async fn rights(&self, ctx: &Context<'_>) -> Result<Option<Vec<Option<String>>>> {
        if !self.sees_personal_data(ctx).await? {
            return Ok(None);
        }
        let context = request(ctx)?;
        let requester = context.requester()?;
        // A program has some of its user's rights only.
        let rights = if requester.id() == self.user.id {
            requester.rights.clone()
        } else {
            service::rights(&context.services, self.user.id).await?
        };
        Ok(Some(rights.numbers.iter().map(|right| Some(right.to_string())).collect()))
    }

    /// How often the user gets mails about tasks. Null unless one may see the user's personal data.
    async fn mail_frequency(&self, ctx: &Context<'_>) -> Result<Option<UserMailFrequency>> {
        let is_shown = self.sees_personal_data(ctx).await? && request(ctx)?.services.has_own_people();
        Ok(is_shown.then(|| self.user.clone().into()))
    }

    /// Null unless one may see the user's personal data.
    async fn email(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        Ok(if self.sees_personal_data(ctx).await? { self.user.email.as_deref() } else { None })
    }

    /// Null unless one may see the user's personal data.
    async fn phone(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        Ok(if self.sees_personal_data(ctx).await? { self.user.phone.as_deref() } else { None })
    }
}

impl UserNode {
    async fn sees_personal_data(&self, ctx: &Context<'_>) -> Result<bool> {
        let context = request(ctx)?;
        let requester = context.requester()?;
        // Asked once, and one's own row waits for it like the others: rows that go on at different moments would ask their
        // loaders one after the other.
        let ask = || service::sees_personal_data(&context.services, requester);
        let of_others = *context.sees_personal_data.get_or_try_init(ask).await?;
        Ok(of_others || requester.id() == self.user.id)
    }

    /// The condition that `field` of a row is this user.
    const fn is(&self, field: &'static str) -> Condition {
        Condition::equals(field, Value::Uuid(self.user.record.id))
    }

    async fn groups(&self, ctx: &Context<'_>, field: &'static str) -> Result<Connection<TaskGroupNode>> {
        let list =
            |services, requester, query| task_group::list(services, requester, query, ListScope::Nested);
        listed(ctx, &NESTED_TASK_GROUP, Some(self.is(field)), list).await
    }

    async fn executors(
        &self,
        ctx: &Context<'_>,
        field: &'static str,
    ) -> Result<Connection<TaskExecutorNode>> {
        let list =
            |services, requester, query| task_executor::list(services, requester, query, ListScope::Nested);
        listed(ctx, &NESTED_TASK_EXECUTOR, Some(self.is(field)), list).await
    }

    async fn tasks(&self, ctx: &Context<'_>, field: &'static str) -> Result<Connection<TaskNode>> {
        let list = |services, requester, query| task::list(services, requester, query, ListScope::Nested);
        listed(ctx, &NESTED_TASK, Some(self.is(field)), list).await
    }
}

shows! {
    /// A user's personal data. It is shown only where one may see it.
    #[graphql(name = "InteractiveUserGQLType", complex)]
    pub struct InteractiveUserNode keeps user: User {
        pub id: ID = global_id("InteractiveUserGQLType", user.interactive_user_id),
        version: i32,
        uuid: UuidOrGlobalId = UuidOrGlobalId(user.id),
        active: bool = user.is_active,
        date_deactivated: Option<Moment> = (!user.is_active).then_some(Moment(user.date_updated)),
        validity_from: Option<Moment> = Some(Moment(user.date_created)),
        validity_to: Option<Moment> = None,
        last_name: String,
        other_names: String,
        phone: Option<String>,
        login_name: String = user.username.clone(),
        last_login: Option<Moment>,
        health_facility_id: Option<i32> = None,
        email: Option<String>,
        password_validity: Option<Moment> = None,
        is_associated: Option<bool> = Some(user.is_active),
        language_id: Option<String> = Some(user.language.clone()),
    }
}

#[ComplexObject]
impl InteractiveUserNode {
    async fn json_ext(&self) -> Option<JsonString> {
        self.user.json_ext.clone().map(JsonString::from)
    }

    async fn language(&self, ctx: &Context<'_>) -> Result<LanguageNode> {
        let language = request(ctx)?.languages.load_one(self.user.language.clone()).await.map_err(shared)?;
        let language = language.ok_or_else(|| Error::internal("a user reads no language"))?;
        Ok(language.into())
    }

    async fn role_id(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        Ok(self.held(ctx).await?.first().map(|(_, role)| role.id))
    }

    async fn user_roles(&self, ctx: &Context<'_>) -> Result<Vec<UserRoleNode>> {
        let held = self.held(ctx).await?;
        Ok(held.into_iter().map(|(held, role)| UserRoleNode::new(&held, role, self.user.clone())).collect())
    }

    /// The user itself: openIMIS keeps a user in two rows.
    async fn user_set(&self, ctx: &Context<'_>) -> Result<Connection<UserNode>> {
        let own = Condition::equals("id", Value::Uuid(self.user.id));
        listed(ctx, &NESTED_USERS, Some(own), service::list_visible).await
    }

    async fn roles(&self, ctx: &Context<'_>) -> Result<Option<Vec<Option<RoleNode>>>> {
        Ok(Some(self.held(ctx).await?.into_iter().map(|(_, role)| Some(role.into())).collect()))
    }
}

impl InteractiveUserNode {
    async fn held(&self, ctx: &Context<'_>) -> Result<Vec<(UserRole, Role)>> {
        let held = request(ctx)?.roles_of_users.load_one(self.user.id).await.map_err(shared)?;
        Ok(held.unwrap_or_default())
    }
}

shows! {
    /// A language that users can choose.
    #[graphql(name = "LanguageGQLType")]
    pub struct LanguageNode of language: Language {
        /// The code, such as `en`.
        code: String,
        /// The language's name in that language.
        name: String,
        /// The language's position in lists.
        sort_order: Option<i32>,
    }
}

/// The user to which a row points.
pub async fn user(ctx: &Context<'_>, id: Uuid) -> Result<UserNode> {
    let context = request(ctx)?;
    let user = context.row(&context.users, id).await?;
    user.map(UserNode::from).ok_or_else(|| Error::internal(format!("there is no user {id}")))
}

/// The user to which a row points, if it points to one.
pub async fn user_if_any(ctx: &Context<'_>, id: Option<Uuid>) -> Result<Option<UserNode>> {
    match id {
        Some(id) => user(ctx, id).await.map(Some),
        None => Ok(None),
    }
}

/// The users to which a row points, in this order.
pub async fn users(ctx: &Context<'_>, ids: Vec<Uuid>) -> Result<Vec<UserNode>> {
    let context = request(ctx)?;
    let mut found: HashMap<Uuid, User> =
        ids.iter().filter_map(|id| Some((*id, context.known.row(*id)?))).collect();
    let unknown: Vec<Uuid> = ids.iter().filter(|id| !found.contains_key(*id)).copied().collect();
    found.extend(context.users.load_many(unknown).await.map_err(shared)?);
    Ok(ids.into_iter().filter_map(|id| found.remove(&id)).map(UserNode::from).collect())
}
