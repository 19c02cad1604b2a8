//! Reading roles and who has them.

use std::sync::Arc;

use uuid::Uuid;

use super::core::{Core, Place};
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::query::{ListQuery, Slice};
use crate::domain::role::{Role, UserRole};
use crate::error::Result;

/// Lists the roles that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(core: &Arc<Core>, requester: &Arc<Requester>, query: ListQuery) -> Result<Slice<Role>> {
    core.list(requester, query, Place::Root, visibility::roles, db::role::list).await
}

/// The roles of a user, for those who see what is personal about the user.
///
/// # Errors
/// What the database says.
pub async fn of_user(core: &Arc<Core>, user_id: Uuid) -> Result<Vec<(UserRole, Role)>> {
    core.read(move |_, connection| db::role::of_users(connection, &[user_id])).await
}

/// What a role grants, for those who see the role.
///
/// # Errors
/// What the database says.
pub async fn rights(core: &Arc<Core>, role_id: i32) -> Result<Vec<i32>> {
    core.read(move |_, connection| db::role::rights(connection, role_id)).await
}

/// Who has a role, for those who see users: one page at most.
///
/// # Errors
/// FORBIDDEN, or what the database says.
pub async fn holders(core: &Arc<Core>, requester: &Arc<Requester>, role_id: i32) -> Result<Vec<UserRole>> {
    let requester = Arc::clone(requester);
    core.read(move |core, connection| {
        let settings = core.settings.current(connection, core.clock.now())?;
        visibility::users(&requester, &settings).at_root()?;
        db::role::holders(connection, role_id, core.limits.users_page_size)
    })
    .await
}
