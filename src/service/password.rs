//! Setting passwords: the policy, and hashing where nothing is held that others need.

use std::sync::Arc;

use super::context::ServiceContext;
use super::security_log::note;
use super::unit_of_work::UnitOfWork;
use crate::auth::password::LONGEST;
use crate::auth::password_policy;
use crate::auth::requester::Requester;
use crate::budget::fair_places::Ticket;
use crate::db;
use crate::domain::security_log::SecurityEvent;
use crate::domain::settings::ModuleSettings;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::user::User;

pub mod reset;
pub(super) mod reset_token;

/// A password that is to be set. Neither its text nor its hash is ever shown.
#[derive(Clone)]
pub struct NewPassword {
    text: String,
    /// None where it was not worth hashing, because it is refused anyway.
    hash: Option<String>,
}

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassword")
    }
}

impl NewPassword {
    /// Hashes a password that this person wants to set, beside the transaction that sets it. Nothing is hashed for people
    /// without the rights for that.
    ///
    /// # Errors
    /// LIMIT when the person has too many passwords hashed at once.
    pub async fn of(
        services: &Arc<ServiceContext>,
        requester: &Arc<Requester>,
        text: String,
        needed: fn(&ModuleSettings) -> &Vec<i32>,
    ) -> Result<Self> {
        let asking = Arc::clone(requester);
        let may = move |services: &ServiceContext, connection: &mut db::connection::DbConnection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            Ok(asking.rights.have(needed(&settings)))
        };
        if services.users.is_hosts() || text.len() > LONGEST || !services.read(may).await? {
            return Ok(Self { text, hash: None });
        }
        let (hashing, plain) = (Arc::clone(services), text.clone());
        let hash = own_ticket(services, requester)?.during(move || hashing.passwords.hash(&plain)).await?;
        Ok(Self { text, hash: Some(hash) })
    }

    /// Hashes a password that an operator sets.
    ///
    /// # Errors
    /// INTERNAL when hashing fails.
    pub fn of_operator(services: &ServiceContext, text: String) -> Result<Self> {
        let hash = if text.len() > LONGEST { None } else { Some(services.passwords.hash(&text)?) };
        Ok(Self { text, hash })
    }

    /// The hash of the password, if its owner may choose it.
    ///
    /// # Errors
    /// VALIDATION, naming `field`.
    pub fn hash_for(&self, field: &str, services: &ServiceContext, owner: &User) -> Result<&str> {
        check(services, field, &self.text, owner)?;
        self.hash.as_deref().ok_or_else(|| Error::internal("a password was not hashed"))
    }
}

/// Sets the password of a person, whose sessions end.
///
/// # Errors
/// VALIDATION, naming `field`, or what the database says.
pub(super) fn set(unit: &mut UnitOfWork<'_>, field: &str, user: &User, password: &NewPassword) -> Result<()> {
    let hash = password.hash_for(field, unit.services, user)?;
    db::user::set_password(unit.connection, user.id, hash, unit.now)?;
    note(unit, SecurityEvent::PasswordSet, Some(user.id), None)?;
    db::session::revoke_others(unit.connection, user.id, None, unit.now)
}

/// Refuses a password that its owner may not choose.
pub(super) fn check(services: &ServiceContext, field: &str, text: &str, owner: &User) -> Result<()> {
    password_policy::check(field, text, services.auth.password_min_length, owner)
}

/// The permission to have a password hashed. Only those who hold a session of this person can use these up.
pub(super) fn own_ticket(services: &ServiceContext, requester: &Requester) -> Result<Ticket> {
    let at_once = (format!("password:{}", requester.id()), services.auth.logins_at_once_per_user);
    services.hashing.ticket(vec![at_once]).map_err(|_| too_many_at_once())
}

fn too_many_at_once() -> Error {
    let setting = "auth.logins_at_once_per_user";
    Error::new(ErrorCode::Limit, Message::new("logins-at-once").with("setting", setting))
}

/// How many characters a new password has at least, and how many bytes at most.
#[must_use]
pub const fn lengths(services: &ServiceContext) -> (usize, usize) {
    (services.auth.password_min_length, LONGEST)
}
