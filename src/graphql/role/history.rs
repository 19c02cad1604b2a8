//! The versions of roles, of the rights they grant, and of who has them, in GraphQL: who granted what to whom, and when.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use uuid::Uuid;

use crate::domain::query::Lookup;
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    Table, client_mutation_id, int, join, order_by, paging, text, uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::scalars::{Moment, global_id};
use crate::graphql::record::HistoricalTaskHistoryType;
use crate::graphql::user::types::{UserNode, user, user_if_any};
use crate::model::history::{Historical, History};
use crate::model::role::{Role, RoleRight, UserRole};
use crate::service::role;

/// A write of a row that counts no versions.
#[derive(SimpleObject)]
#[graphql(complex)]
struct Written {
    id: ID,
    history_id: ID,
    history_date: Moment,
    history_type: HistoricalTaskHistoryType,
    #[graphql(skip)]
    by: Option<Uuid>,
}

#[ComplexObject]
impl Written {
    /// The person who did it; null for what was loaded.
    async fn history_user(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user_if_any(ctx, self.by).await
    }
}

impl Written {
    fn of(type_name: &str, history: &History) -> Self {
        Self {
            id: global_id(type_name, history.history_id),
            history_id: ID(history.history_id.to_string()),
            history_date: Moment(history.history_date),
            history_type: history.history_type.into(),
            by: history.history_user,
        }
    }
}

/// A role as it was after a write, or before it was deleted.
#[derive(SimpleObject)]
#[graphql(name = "RoleHistoryGQLType")]
pub struct RoleHistoryNode {
    #[graphql(flatten)]
    written: Written,
    uuid: String,
    name: String,
    alt_language: Option<String>,
    is_system: i32,
    is_blocked: bool,
}

/// That a role began (`CREATED`) or ceased (`DELETED`) to grant a right.
#[derive(SimpleObject)]
#[graphql(name = "RoleRightHistoryGQLType")]
pub struct RoleRightHistoryNode {
    #[graphql(flatten)]
    written: Written,
    /// The key of the role.
    role_id: i32,
    right_id: i32,
}

/// That a user was given (`CREATED`) a role, or that it was taken (`DELETED`).
#[derive(SimpleObject)]
#[graphql(name = "UserRoleHistoryGQLType", complex)]
pub struct UserRoleHistoryNode {
    #[graphql(flatten)]
    written: Written,
    /// The key of the role.
    role_id: i32,
    #[graphql(skip)]
    holder: Uuid,
}

#[ComplexObject]
impl UserRoleHistoryNode {
    /// The user to whom it was given or from whom it was taken.
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.holder).await
    }
}

impl From<Historical<Role>> for RoleHistoryNode {
    fn from(Historical { history, row }: Historical<Role>) -> Self {
        Self {
            written: Written::of("RoleHistoryGQLType", &history),
            uuid: row.uuid.to_string(),
            name: row.name,
            alt_language: row.alt_language,
            is_system: row.is_system,
            is_blocked: row.is_blocked,
        }
    }
}

impl From<Historical<RoleRight>> for RoleRightHistoryNode {
    fn from(Historical { history, row }: Historical<RoleRight>) -> Self {
        let written = Written::of("RoleRightHistoryGQLType", &history);
        Self { written, role_id: row.role_id, right_id: row.right_id }
    }
}

impl From<Historical<UserRole>> for UserRoleHistoryNode {
    fn from(Historical { history, row }: Historical<UserRole>) -> Self {
        let written = Written::of("UserRoleHistoryGQLType", &history);
        Self { written, role_id: row.role_id, holder: row.user_id }
    }
}

/// `Query.roleHistory`
pub static ROLE_HISTORY: Table = LazyLock::new(|| {
    join([
        order_by(),
        client_mutation_id(),
        paging(),
        uuid("uuid", "String", "uuid", "RoleGQLType"),
        text("name", "String", "name", &[Lookup::Exact, Lookup::Icontains]),
    ])
});

/// `Query.roleRightHistory`
pub static ROLE_RIGHT_HISTORY: Table = LazyLock::new(|| {
    join([
        order_by(),
        paging(),
        int("roleId", "role_id", &[Lookup::Exact]),
        int("rightId", "right_id", &[Lookup::Exact]),
    ])
});

/// `Query.userRoleHistory`
pub static USER_ROLE_HISTORY: Table = LazyLock::new(|| {
    join([
        order_by(),
        paging(),
        uuid("userId", "ID", "user_id", "UserGQLType"),
        int("roleId", "role_id", &[Lookup::Exact]),
    ])
});

/// Reading the versions of roles, of their rights, and of who has them.
#[derive(Default)]
pub struct RoleHistoryQueries;

#[Object]
impl RoleHistoryQueries {
    /// All versions of roles, newest first; for people with the right to list them.
    async fn role_history(&self, ctx: &Context<'_>) -> Result<Option<Connection<RoleHistoryNode>>> {
        let list = |services, requester, query| role::list_history(services, requester, query);
        listed(ctx, &ROLE_HISTORY, None, list).await.map(Some)
    }

    /// Which rights roles began and ceased to grant, newest first; for people with the right to list roles.
    async fn role_right_history(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Connection<RoleRightHistoryNode>>> {
        let list = |services, requester, query| role::list_right_history(services, requester, query);
        listed(ctx, &ROLE_RIGHT_HISTORY, None, list).await.map(Some)
    }

    /// Which roles users were given and which were taken from them, newest first; for people with the right to list users.
    async fn user_role_history(&self, ctx: &Context<'_>) -> Result<Option<Connection<UserRoleHistoryNode>>> {
        let list = |services, requester, query| role::list_holder_history(services, requester, query);
        listed(ctx, &USER_ROLE_HISTORY, None, list).await.map(Some)
    }
}
