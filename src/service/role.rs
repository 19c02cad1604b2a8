//! Reading roles and the users who have them.

use std::sync::Arc;

use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::query::ListQuery;
use crate::error::Result;
use crate::model::role::{Role, UserRole};
use crate::model::slice::Slice;

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
