//! Roles, the rights they grant and the users who have them, in GraphQL.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};

use crate::domain::query::{Condition, Lookup, Value};
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    Argument, Table, boolean, client_mutation_id, id_int, join, order_by, paging, text, uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::scalars::{Moment, global_id};
use crate::graphql::user::types::{InteractiveUserNode, users};
use crate::model::role::{Role, UserRole};
use crate::model::user::User;
use crate::service::role;

pub mod changes;
pub mod history;
pub mod permission;

/// The fields that all of openIMIS' older tables have.
#[derive(SimpleObject)]
struct LegacyFields {
    validity_from: Moment,
    validity_to: Option<Moment>,
    legacy_id: Option<i32>,
    audit_user_id: Option<i32>,
}

/// A named set of rights.
#[derive(SimpleObject)]
#[graphql(name = "RoleGQLType", complex)]
pub struct RoleNode {
    pub id: ID,
    #[graphql(flatten)]
    legacy: LegacyFields,
    uuid: String,
    name: Option<String>,
    alt_language: Option<String>,
    is_system: i32,
    is_blocked: bool,
    system_role_id: Option<i32>,
    #[graphql(skip)]
    role: Role,
}

/// A role that a user has.
#[derive(SimpleObject)]
#[graphql(name = "UserRoleGQLType", complex)]
pub struct UserRoleNode {
    id: ID,
    #[graphql(flatten)]
    legacy: LegacyFields,
    #[graphql(skip)]
    holder: User,
    #[graphql(skip)]
    held: Role,
}

/// A right that a role grants.
#[derive(SimpleObject)]
#[graphql(name = "RoleRightGQLType", complex)]
pub struct RoleRightNode {
    pub id: ID,
    #[graphql(flatten)]
    legacy: LegacyFields,
    right_id: i32,
    #[graphql(skip)]
    granting: Role,
}

impl LegacyFields {
    const fn since(moment: chrono::NaiveDateTime) -> Self {
        Self { validity_from: Moment(moment), validity_to: None, legacy_id: None, audit_user_id: None }
    }
}

impl From<Role> for RoleNode {
    fn from(role: Role) -> Self {
        Self {
            id: global_id("RoleGQLType", role.id),
            legacy: LegacyFields::since(role.date_created),
            uuid: role.uuid.to_string(),
            name: Some(role.name.clone()),
            alt_language: role.alt_language.clone(),
            is_system: role.is_system,
            is_blocked: role.is_blocked,
            system_role_id: Some(role.is_system),
            role,
        }
    }
}

impl UserRoleNode {
    /// The link of this user to this role.
    pub fn new(of: &UserRole, held: Role, holder: User) -> Self {
        Self {
            id: global_id("UserRoleGQLType", of.id),
            legacy: LegacyFields::since(of.date_created),
            holder,
            held,
        }
    }
}

impl RoleRightNode {
    /// The link of this role to the right.
    pub fn new(granting: Role, right_id: i32) -> Self {
        Self {
            id: global_id("RoleRightGQLType", format!("{}-{right_id}", granting.id)),
            legacy: LegacyFields::since(granting.date_created),
            right_id,
            granting,
        }
    }
}

#[ComplexObject]
impl RoleNode {
    /// The users who have the role; for people with the right to list users.
    async fn user_roles(&self, ctx: &Context<'_>) -> Result<Vec<UserRoleNode>> {
        let context = request(ctx)?;
        let held = role::holders(&context.services, context.requester()?, self.role.id).await?;
        let holders = users(ctx, held.iter().map(|held| held.user_id).collect()).await?;
        let pairs = held.iter().zip(holders);
        Ok(pairs.map(|(held, holder)| UserRoleNode::new(held, self.role.clone(), holder.user)).collect())
    }

    /// The rights that the role grants.
    async fn rights(&self, ctx: &Context<'_>) -> Result<Vec<RoleRightNode>> {
        let rights = request(ctx)?.rights_of_roles.load_one(self.role.id).await.map_err(shared)?;
        let rights = rights.unwrap_or_default().into_iter();
        Ok(rights.map(|right| RoleRightNode::new(self.role.clone(), right)).collect())
    }
}

#[ComplexObject]
impl UserRoleNode {
    async fn user(&self) -> InteractiveUserNode {
        self.holder.clone().into()
    }

    async fn role(&self) -> RoleNode {
        self.held.clone().into()
    }
}

#[ComplexObject]
impl RoleRightNode {
    async fn role(&self) -> RoleNode {
        self.granting.clone().into()
    }
}

/// Reading roles.
#[derive(Default)]
pub struct RoleQueries;

#[Object]
impl RoleQueries {
    /// All roles; for people with the right to list them.
    async fn role(&self, ctx: &Context<'_>) -> Result<Option<Connection<RoleNode>>> {
        let list = |services, requester, query| role::list(services, requester, query);
        listed(ctx, &ROLE, None, list).await.map(Some)
    }
}

const NAME: &[Lookup] = &[Lookup::Exact, Lookup::Istartswith, Lookup::Icontains, Lookup::Iexact];

/// `Query.role`
pub static ROLE: Table = LazyLock::new(|| {
    let root = vec![
        Argument::own("isSystem", "Boolean", |given| {
            let none = Condition::equals("is_system", Value::Int(0));
            Ok(Some(if given.bool()? { Condition::Not(Box::new(none)) } else { none }))
        }),
        Argument::own("roleRight", "Int", |given| Ok(Some(Condition::GrantsRight { right: given.int()? }))),
        Argument::own("systemRoleId", "Int", |given| {
            Ok(Some(Condition::equals("is_system", Value::Int(given.int()?))))
        }),
        Argument::ignored("showHistory", "Boolean", "Ignored: `roleHistory` shows the versions of roles."),
        Argument::own("str", "String", |given| {
            Ok(given.text()?.map(|text| Condition::search(&["name"], &text)))
        }),
    ];
    join([
        order_by(),
        client_mutation_id(),
        root,
        paging(),
        id_int("id", "id", "RoleGQLType"),
        uuid("uuid", "String", "uuid", "RoleGQLType"),
        text("name", "String", "name", NAME),
        boolean("isBlocked", "is_blocked"),
    ])
});
