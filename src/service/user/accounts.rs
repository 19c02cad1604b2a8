//! What operators see of users at the command line.

use std::sync::Arc;

use super::role_named;
use crate::auth::requester::Requester;
use crate::db;
use crate::db::connection::DbConnection;
use crate::db::query::PageLimit;
use crate::domain::permission::Rights;
use crate::domain::query::{Condition, ListQuery, Page};
use crate::error::Result;
use crate::model::session::Session;
use crate::model::task_group::TaskGroup;
use crate::model::user::User;
use crate::service::context::ServiceContext;
use crate::service::identity::named;

/// A user with what belongs to the user.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The names of the user's roles.
    pub roles: Vec<String>,
    /// What the user may do.
    pub rights: Rights,
    /// The codes of the groups in which the user is an executor.
    pub groups: Vec<String>,
    /// How many sessions go on.
    pub sessions: usize,
    /// Whether somebody can log in as this user by a password.
    pub has_password: bool,
}

/// Users by name, those alone in whose names `search` stands, if it is given.
///
/// # Errors
/// LIMIT, or what the database says.
pub async fn accounts(
    services: &Arc<ServiceContext>,
    search: Option<Condition>,
    limit: i64,
) -> Result<Vec<Account>> {
    services
        .read(move |services, connection| {
            let page = Page { first: Some(limit), ..Page::default() };
            let query = ListQuery {
                conditions: search.into_iter().collect(),
                order_by: vec!["username".to_owned()],
                page,
                ..ListQuery::default()
            };
            let found =
                db::user::list(connection, &query, PageLimit { max: services.limits.users_page_size })?;
            found.rows.into_iter().map(|(user, _)| of(services, connection, user)).collect()
        })
        .await
}

/// The user of this name.
///
/// # Errors
/// NOT_FOUND, or what the database says.
pub async fn account(services: &Arc<ServiceContext>, username: String) -> Result<Account> {
    services
        .read(move |services, connection| {
            let user = named(connection, &username)?;
            of(services, connection, user)
        })
        .await
}

/// The sessions of a user that go on, the oldest first.
///
/// # Errors
/// NOT_FOUND, or what the database says.
pub async fn sessions(services: &Arc<ServiceContext>, username: String) -> Result<Vec<Session>> {
    services
        .read(move |services, connection| {
            let user = named(connection, &username)?;
            db::session::of_user(connection, user.id, services.clock.now())
        })
        .await
}

fn of(services: &ServiceContext, connection: &mut DbConnection, user: User) -> Result<Account> {
    let roles = db::role::of_users(connection, &[user.id])?.into_iter().map(|(_, role)| role.name).collect();
    let groups = db::task_executor::groups_of(connection, user.id)?;
    let groups = db::get_many::<TaskGroup>(connection, &groups)?;
    let live = groups.into_iter().filter(|group| !group.is_deleted);
    let mut groups: Vec<String> = live.map(|group| group.code).collect();
    groups.sort_unstable();
    Ok(Account {
        roles,
        rights: services.users.rights(connection, &[user.id])?.remove(&user.id).unwrap_or_default(),
        groups,
        sessions: db::session::of_user(connection, user.id, services.clock.now())?.len(),
        has_password: db::user::password(connection, user.id)?.is_some_and(|hash| !hash.is_empty()),
        user,
    })
}

/// The names of those who have a role.
///
/// # Errors
/// NOT_FOUND, or what the database says.
pub fn holders(connection: &mut DbConnection, role: &str) -> Result<Vec<String>> {
    let role = role_named(connection, role)?;
    let held = db::role::holders(connection, role.id, i64::MAX)?;
    let ids: Vec<uuid::Uuid> = held.into_iter().map(|held| held.user_id).collect();
    let mut names: Vec<String> =
        db::get_many::<User>(connection, &ids)?.into_iter().map(|user| user.username).collect();
    names.sort_unstable();
    Ok(names)
}

/// In whose name operators act, and the names of the superusers who can log in.
///
/// # Errors
/// What the database says.
pub async fn acting(services: &Arc<ServiceContext>) -> Result<(Requester, Vec<String>)> {
    services
        .read(|_, connection| {
            let mut names: Vec<String> =
                db::user::superusers(connection)?.into_iter().map(|user| user.username).collect();
            names.sort_unstable();
            Ok((Requester::system(connection)?, names))
        })
        .await
}
