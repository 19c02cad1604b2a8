//! Names and addresses of people: what they may hold, and that no two of those by which people are told apart read the same. Only what
//! is new is looked at, so that people from before these rules can be changed and blocked as they are.

use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::text::{check_handle, check_name};
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::user::User;

/// Refuses names and addresses that can't be shown as they are. `old` is the user before the change; none for a new one.
///
/// # Errors
/// VALIDATION, naming the field.
pub fn check(user: &User, old: Option<&User>) -> Result<()> {
    if old.is_none_or(|old| old.username != user.username) {
        check_handle("username", &user.username)?;
    }
    if let Some(email) = new_email(user, old) {
        check_email(email)?;
    }
    let shown = [
        ("lastName", Some(&user.last_name), old.map(|old| &old.last_name)),
        ("otherNames", Some(&user.other_names), old.map(|old| &old.other_names)),
        ("phone", user.phone.as_ref(), old.and_then(|old| old.phone.as_ref())),
    ];
    let mut new = shown.into_iter().filter(|(_, given, before)| given != before);
    new.try_for_each(|(field, given, _)| check_name(field, given.map_or("", String::as_str)))
}

/// Refuses a name to log in with, or an address, that reads like that of somebody else.
///
/// # Errors
/// VALIDATION, naming the field, or what the database says.
pub fn check_unique(connection: &mut DbConnection, user: &User, old: Option<&User>) -> Result<()> {
    let is_new = old.is_none_or(|old| old.username != user.username);
    if is_new && db::user::has_name(connection, &user.username, Some(user.id))? {
        return Err(taken());
    }
    if let Some(email) = new_email(user, old)
        && db::user::has_email(connection, email, Some(user.id))?
    {
        return Err(Error::validation("email", Message::new("email-taken")));
    }
    Ok(())
}

/// The refusal of a name to log in with that somebody else has.
pub fn taken() -> Error {
    Error::validation("username", Message::new("username-taken"))
}

fn new_email<'a>(user: &'a User, old: Option<&User>) -> Option<&'a str> {
    let before = old.and_then(|old| old.email.as_deref());
    user.email.as_deref().filter(|email| !email.is_empty() && Some(*email) != before)
}

/// Refuses what can't be an e-mail address.
fn check_email(email: &str) -> Result<()> {
    check_handle("email", email)?;
    let is_one = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && !email.contains(char::is_whitespace)
    });
    if is_one { Ok(()) } else { Err(Error::validation("email", Message::new("bad-email"))) }
}
