//! Who somebody is and what they may do now, for the services.

use uuid::Uuid;

use super::context::ServiceContext;
use crate::auth::requester::Requester;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::operation::all_rights;
use crate::domain::permission::Rights;
use crate::domain::text::{MAX_TEXT, check_text};
use crate::domain::user::SYSTEM_USER;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::user::User;

/// The person with this key, with rights as they are now; none for one who may not act any more.
pub(super) fn acting_by_id(
    services: &ServiceContext,
    connection: &mut DbConnection,
    id: Uuid,
) -> Result<Option<Requester>> {
    let user = services.users.by_ids(connection, &[id])?.pop();
    acting(services, connection, user)
}

/// Who answers for something that goes on by itself, with the rights of now; none if that person has left. What the system user has
/// made, the system answers for.
pub(super) fn answering_by_id(
    services: &ServiceContext,
    connection: &mut DbConnection,
    id: Uuid,
) -> Result<Option<Requester>> {
    if id == SYSTEM_USER {
        return Requester::system(connection).map(Some);
    }
    acting_by_id(services, connection, id)
}

/// A requester without a session; an error if the person is not active.
pub(super) fn acting(
    services: &ServiceContext,
    connection: &mut DbConnection,
    user: Option<User>,
) -> Result<Option<Requester>> {
    let Some(user) = user.filter(|user| user.is_active) else {
        return Ok(None);
    };
    let rights = rights_of(services, connection, user.id)?;
    Ok(Some(Requester::new(user, rights, None)))
}

/// The user of this name, active or not.
pub(super) fn named(connection: &mut DbConnection, username: &str) -> Result<User> {
    check_text("username", username, MAX_TEXT)?;
    let found = db::user::by_username(connection, username)?.map(|(user, _)| user);
    found.filter(|user| user.id != SYSTEM_USER && !user.is_deleted).ok_or_else(|| {
        Error::not_found("username", Message::new("no-user-with").with("who", username.to_owned()))
    })
}

/// Refuses to log in, change or add people if they are a host's.
///
/// # Errors
/// FORBIDDEN.
pub(super) fn refuse_hosts(services: &ServiceContext) -> Result<()> {
    if services.users.is_hosts() {
        return Err(Error::forbidden(Message::new("users-are-the-hosts")));
    }
    Ok(())
}

/// The rights of a user.
pub(super) fn rights_of(
    services: &ServiceContext,
    connection: &mut DbConnection,
    user_id: Uuid,
) -> Result<Rights> {
    let mut rights = services.users.rights(connection, &[user_id])?;
    complete(services, connection, rights.remove(&user_id).unwrap_or_default())
}

/// Front ends look at the numbers of rights, so a superuser, who may do everything, gets all of them.
pub(super) fn complete(
    services: &ServiceContext,
    connection: &mut DbConnection,
    mut rights: Rights,
) -> Result<Rights> {
    if rights.is_superuser {
        let settings = services.settings.current(connection, services.clock.now())?;
        rights.numbers.extend(all_rights(&settings));
    }
    Ok(rights)
}
