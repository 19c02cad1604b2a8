//! Roles: reading them, what they grant and the users who have them.

use std::sync::Arc;

use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::operation::{self, Operation};
use crate::domain::query::ListQuery;
use crate::domain::text::{MAX_TEXT, check_handle, check_text};
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::history::Historical;
use crate::model::role::{Role, RoleRight, UserRole};
use crate::model::slice::Slice;
use crate::service::identity::refuse_hosts;

mod changes;

pub use changes::{RoleInput, create, delete, duplicate, update};

/// Lists the roles that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
) -> Result<Slice<Role>> {
    services.list(requester, query, ListScope::Root, visibility::roles, db::list::<Role>).await
}

/// Lists the versions of roles.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list_history(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
) -> Result<Slice<Historical<Role>>> {
    services.list(requester, query, ListScope::Root, visibility::roles, db::list_history::<Role>).await
}

/// Lists which rights roles began and ceased to grant.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list_right_history(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
) -> Result<Slice<Historical<RoleRight>>> {
    services.list(requester, query, ListScope::Root, visibility::roles, db::list_history::<RoleRight>).await
}

/// Lists which roles users were given and which were taken from them.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list_holder_history(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
) -> Result<Slice<Historical<UserRole>>> {
    services.list(requester, query, ListScope::Root, visibility::users, db::list_history::<UserRole>).await
}

/// The operations that need rights, for people who may list roles.
///
/// # Errors
/// FORBIDDEN, or what the database says.
pub async fn operations(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
) -> Result<Vec<Operation>> {
    refuse_hosts(services)?;
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            requester.need(&settings.gql_role_search_perms)?;
            Ok(operation::operations(&settings))
        })
        .await
}

/// Refuses the name of a role that can't be shown as it is, or reads like that of another role than this one.
///
/// # Errors
/// VALIDATION, or what the database says.
fn check_name(connection: &mut DbConnection, name: &str, but: Option<i32>) -> Result<()> {
    check_handle("name", name)?;
    if db::role::has_name(connection, name, but)? { Err(taken()) } else { Ok(()) }
}

/// The refusal of a name that another role has.
fn taken() -> Error {
    Error::validation("name", Message::new("role-name-taken"))
}

/// Whether a new role may have this name: all of it is seen, and none reads like it; for people who may list roles.
///
/// # Errors
/// FORBIDDEN, or what the database says.
pub async fn is_name_free(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    name: String,
) -> Result<bool> {
    check_text("roleName", &name, MAX_TEXT)?;
    refuse_hosts(services)?;
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            requester.need(&settings.gql_role_search_perms)?;
            Ok(check_handle("roleName", &name).is_ok() && !db::role::has_name(connection, &name, None)?)
        })
        .await
}

/// A role with what it grants, and how many have it.
#[derive(Debug, Clone)]
pub struct RoleSummary {
    /// The role.
    pub role: Role,
    /// The rights that it grants.
    pub rights: Vec<i32>,
    /// How many users have it.
    pub holders: usize,
}

/// All roles by name.
///
/// # Errors
/// What the database says.
pub fn summaries(connection: &mut DbConnection) -> Result<Vec<RoleSummary>> {
    db::role::all(connection)?.into_iter().map(|role| summary(connection, role)).collect()
}

/// What a role grants, and how many have it.
///
/// # Errors
/// What the database says.
pub fn summary(connection: &mut DbConnection, role: Role) -> Result<RoleSummary> {
    let rights = db::role::rights(connection, &[role.id])?.into_iter().map(|(_, right)| right).collect();
    let holders = db::role::holders(connection, role.id, i64::MAX)?.len();
    Ok(RoleSummary { role, rights, holders })
}

/// The roles of users, for those who see what is personal about them.
pub async fn of_users(services: &Arc<ServiceContext>, user_ids: Vec<Uuid>) -> Result<Vec<(UserRole, Role)>> {
    services.read(move |_, connection| db::role::of_users(connection, &user_ids)).await
}

/// What roles grant, for those who see them: the role's key and the right.
pub async fn rights(services: &Arc<ServiceContext>, role_ids: Vec<i32>) -> Result<Vec<(i32, i32)>> {
    services.read(move |_, connection| db::role::rights(connection, &role_ids)).await
}

/// The users who have a role, for people who may list users: one page at most.
///
/// # Errors
/// FORBIDDEN, or what the database says.
pub async fn holders(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    role_id: i32,
) -> Result<Vec<UserRole>> {
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            visibility::users(&requester, &settings).at_root()?;
            db::role::holders(connection, role_id, services.limits.users_page_size)
        })
        .await
}
