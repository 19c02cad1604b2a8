//! Setting a password without the old one, by a token: a person who has an address gets it by mail, where mails are sent; else an
//! administrator gets it and hands it over. Nothing that a stranger sends tells whether there is such a person.

use std::sync::Arc;

use chrono::TimeDelta;
use uuid::Uuid;

use super::{check, reset_token};
use crate::auth::token::Tokens;
use crate::db;
use crate::domain::security_log::SecurityEvent;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::user::User;
use crate::service::authority::{self, Authority};
use crate::service::context::ServiceContext;
use crate::service::identity::{named, refuse_hosts};
use crate::service::security_log::{self, note};
use crate::service::task_mail;
use crate::service::unit_of_work::UnitOfWork;

/// Makes a token by which a person sets a new password. It ends once it is used, with the next token, another password or another
/// e-mail address, and after `auth.reset_token_s`. The person gets it by mail; if that can't be, it is returned.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT for somebody who is blocked, or what the database says.
pub fn begin(unit: &mut UnitOfWork<'_>, username: &str) -> Result<Option<String>> {
    let settings = Arc::clone(&unit.settings);
    let authority = Authority::of(unit, &settings.gql_user_update_perms)?;
    unit.requester.refuse_token()?;
    let user = named(unit.connection, username)?;
    authority.over_user(unit.connection, &user)?;
    if !user.is_active {
        let message = Message::new("inactive-user").with("username", username);
        return Err(Error::new(ErrorCode::Conflict, message));
    }
    note(unit, SecurityEvent::PasswordReset, Some(user.id), None)?;
    if unit.services.mail.is_on() && task_mail::can_get(&user) {
        task_mail::leave_reset(unit, &user)?;
        return Ok(None);
    }
    let expires = unit.now + TimeDelta::seconds(unit.services.auth.reset_token_s);
    let by = unit.requester.id();
    reset_token::make(unit, user.id, by, expires).map(Some)
}

/// Sets the password of the person of this name, for whom the token was made. The person's sessions end.
///
/// # Errors
/// VALIDATION for a token that was not made for that person, was used or has ended, or for a weak password; LIMIT.
pub async fn finish(
    services: &Arc<ServiceContext>,
    username: String,
    token: String,
    new: String,
) -> Result<()> {
    refuse_hosts(services)?;
    let (owner, _) = Tokens::reset_people(&token).ok_or_else(wrong)?;
    let user = {
        let token = token.clone();
        services.read(move |services, connection| owned(services, connection, owner, &token)).await?
    };
    let user = user.filter(|user| user.username == username).ok_or_else(wrong)?;
    check(services, "newPassword", &new, &user)?;
    let at_once = (format!("password:{}", user.id), services.auth.logins_at_once_per_user);
    let ticket = services.hashing.ticket(vec![at_once]).map_err(|_| super::too_many_at_once())?;
    let hashing = Arc::clone(services);
    let hash = ticket.during(move || hashing.passwords.hash(&new)).await?;
    let (services, writer) = (Arc::clone(services), Arc::clone(services));
    writer
        .db
        .write(move |connection| {
            db::lock::<User>(connection, owner, db::Lock::Write)?;
            // Two may come with one token at once.
            owned(&services, connection, owner, &token)?.ok_or_else(wrong)?;
            let now = services.clock.now();
            db::user::set_password(connection, owner, &hash, now)?;
            let by = Some(owner);
            security_log::write(connection, now, SecurityEvent::PasswordSet, by, by, (None, None))?;
            db::session::revoke_others(connection, owner, None, now)
        })
        .await
}

/// The active person with this key, if the token was made for that person and is good. Who made it for somebody else must still
/// be one who may: a token gives no more than its maker has.
fn owned(
    services: &ServiceContext,
    connection: &mut db::connection::DbConnection,
    owner: Uuid,
    token: &str,
) -> Result<Option<User>> {
    let user = db::get::<User>(connection, owner)?.filter(|user| user.is_active && !user.is_deleted);
    let Some(bond) = db::user::reset_bond(connection, owner)? else { return Ok(None) };
    let user = user.filter(|_| services.tokens.is_reset(token, &bond, services.clock.now()));
    let (Some(user), Some((_, by))) = (user, Tokens::reset_people(token)) else { return Ok(None) };
    if by == owner {
        return Ok(Some(user));
    }
    let needed = services.settings.current(connection, services.clock.now())?.gql_user_update_perms.clone();
    Ok(authority::is_over(services, connection, by, &needed, &user)?.then_some(user))
}

fn wrong() -> Error {
    Error::validation("token", Message::new("reset-token-wrong"))
}
