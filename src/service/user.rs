//! Users: reading them, and what they may change of themselves.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use super::core::Core;
use super::login::refuse_hosts;
use super::unit::Unit;
use super::visibility;
use crate::auth::requester::Requester;
use crate::clock::new_id;
use crate::db;
use crate::db::query::PageLimit;
use crate::domain::permission::Rights;
use crate::domain::query::{Condition, ListQuery, Slice, Value};
use crate::domain::text::{MAX_TEXT, check_code, check_text};
use crate::domain::user::{Language, User};
use crate::error::{Error, Result};
use crate::message::Message;

/// A user to be added by an administrator at the command line.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// The name to log in with.
    pub username: String,
    /// The password in plain text.
    pub password: String,
    /// Family name.
    pub last_name: String,
    /// Given names.
    pub other_names: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Code of a language.
    pub language: String,
    /// Names of roles.
    pub roles: Vec<String>,
}

/// Lists the users that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(core: &Arc<Core>, requester: &Arc<Requester>, mut query: ListQuery) -> Result<Slice<User>> {
    let requester = Arc::clone(requester);
    core.read(move |core, connection| {
        let settings = core.settings.current(connection, core.clock.now())?;
        query.conditions.extend(visibility::users(&requester, &settings).at_root()?);
        db::user::list(connection, &query, PageLimit { max: core.limits.users_page_size })
    })
    .await
}

/// Lists users, oneself alone for those who may not list users.
///
/// # Errors
/// VALIDATION, LIMIT, or what the database says.
pub async fn list_visible(
    core: &Arc<Core>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<User>> {
    let requester = Arc::clone(requester);
    core.read(move |core, connection| {
        let settings = core.settings.current(connection, core.clock.now())?;
        if visibility::users(&requester, &settings) != visibility::Visible::All {
            query.conditions.push(Condition::equals("id", Value::Uuid(requester.id())));
        }
        db::user::list(connection, &query, PageLimit { max: core.limits.users_page_size })
    })
    .await
}

/// The users with these keys: for showing the people of a row that the requester sees.
///
/// # Errors
/// What the database says.
pub async fn of_visible_rows(core: &Arc<Core>, ids: Vec<Uuid>) -> Result<Vec<User>> {
    core.read(move |_, connection| db::user::get_many(connection, &ids)).await
}

/// Whether the requester sees what is personal about this user.
///
/// # Errors
/// What the database says.
pub async fn sees_personal_data(core: &Arc<Core>, requester: &Arc<Requester>, user_id: Uuid) -> Result<bool> {
    if requester.id() == user_id {
        return Ok(true);
    }
    let requester = Arc::clone(requester);
    core.read(move |core, connection| {
        let settings = core.settings.current(connection, core.clock.now())?;
        Ok(visibility::sees_personal_data(&requester, &settings, user_id))
    })
    .await
}

/// What a user may do, for those who see what is personal about the user.
///
/// # Errors
/// What the database says.
pub async fn rights(core: &Arc<Core>, user_id: Uuid) -> Result<Rights> {
    core.read(move |core, connection| core.users.rights(connection, user_id)).await
}

/// Brings the copies of a host's users up to date; answers how many were written.
///
/// # Errors
/// What the host or the database says.
pub async fn refresh(core: &Arc<Core>) -> Result<usize> {
    let (mut written, mut present) = (0, HashSet::new());
    let mut after = None;
    loop {
        // A transaction for each part: nobody has to wait for all of a large country's users.
        let users = Arc::clone(&core.users);
        let part = core.db.write(move |connection| users.refresh(connection, after)).await?;
        let Some(last) = part.ids.last() else { break };
        after = Some(*last);
        written += part.written;
        present.extend(part.ids);
    }
    let users = Arc::clone(&core.users);
    written += core.db.write(move |connection| users.retire(connection, &present)).await?;
    Ok(written)
}

/// The languages that users can choose.
///
/// # Errors
/// What the database says.
pub async fn languages(core: &Arc<Core>) -> Result<Vec<Language>> {
    core.read(|_, connection| db::user::languages(connection)).await
}

/// Chooses the language in which the requester reads.
///
/// # Errors
/// VALIDATION for an unknown language, or what the database says.
pub fn change_language(unit: &mut Unit<'_>, language: &str) -> Result<()> {
    refuse_hosts(unit.core)?;
    let known = db::user::language_codes(unit.connection)?;
    if !known.iter().any(|code| code == language) {
        let message = Message::new("unknown-language")
            .with("language", language.to_owned())
            .with_list("allowed", &known);
        return Err(Error::validation("languageId", message));
    }
    if unit.requester.user.language != language {
        db::user::set_language(unit.connection, unit.requester.id(), language, unit.now)?;
    }
    unit.touch_other("user", unit.requester.id());
    Ok(())
}

/// Adds a user; not offered over the network.
///
/// # Errors
/// VALIDATION, NOT_FOUND for an unknown role, or what the database says.
pub async fn add(core: &Arc<Core>, new: NewUser) -> Result<User> {
    refuse_hosts(core)?;
    check_code("username", &new.username)?;
    for (field, text) in [("lastName", &new.last_name), ("otherNames", &new.other_names)] {
        check_text(field, text, MAX_TEXT)?;
    }
    super::login::check_new_password(core, &new.password)?;
    let hash = core.passwords.hash(&new.password)?;
    let now = core.clock.now();
    core.db
        .write(move |connection| {
            if db::user::by_username(connection, &new.username)?.is_some() {
                return Err(Error::validation("username", Message::new("username-taken")));
            }
            let known = db::user::language_codes(connection)?;
            if !known.contains(&new.language) {
                let message = Message::new("unknown-language")
                    .with("language", new.language.as_str())
                    .with_list("allowed", &known);
                return Err(Error::validation("language", message));
            }
            let user = User {
                id: new_id(),
                interactive_user_id: db::user::next_interactive_user_id(connection)?,
                username: new.username.clone(),
                last_name: new.last_name.clone(),
                other_names: new.other_names.clone(),
                email: new.email.clone(),
                phone: None,
                language: new.language.clone(),
                is_active: true,
                version: 1,
                json_ext: None,
                date_created: now,
                date_updated: now,
                last_login: None,
            };
            db::user::insert(connection, &user, &hash)?;
            for role in &new.roles {
                grant_in(connection, &user, role, now)?;
            }
            Ok(user)
        })
        .await
}

/// Gives a user another password and ends the user's sessions; not offered over the network.
///
/// # Errors
/// VALIDATION, NOT_FOUND, or what the database says.
pub async fn set_password(core: &Arc<Core>, username: String, password: &str) -> Result<()> {
    refuse_hosts(core)?;
    super::login::check_new_password(core, password)?;
    let hash = core.passwords.hash(password)?;
    let now = core.clock.now();
    core.db
        .write(move |connection| {
            let user = named(connection, &username)?;
            db::user::set_password(connection, user.id, &hash, now)?;
            db::session::revoke_others(connection, user.id, None, now)
        })
        .await
}

/// Gives a user a role; answers whether that is new. Not offered over the network.
///
/// # Errors
/// NOT_FOUND, or what the database says.
pub async fn grant(core: &Arc<Core>, username: String, role: String) -> Result<bool> {
    refuse_hosts(core)?;
    let now = core.clock.now();
    core.db
        .write(move |connection| {
            let user = named(connection, &username)?;
            grant_in(connection, &user, &role, now)
        })
        .await
}

fn named(connection: &mut db::connection::DbConnection, username: &str) -> Result<User> {
    db::user::by_username(connection, username)?.map(|(user, _)| user).ok_or_else(|| {
        Error::not_found("username", Message::new("no-such-user").with("username", username.to_owned()))
    })
}

fn grant_in(
    connection: &mut db::connection::DbConnection,
    user: &User,
    role: &str,
    now: chrono::NaiveDateTime,
) -> Result<bool> {
    let role = db::role::by_name(connection, role)?
        .ok_or_else(|| Error::not_found("role", Message::new("no-role").with("role", role.to_owned())))?;
    db::role::grant(connection, user.id, role.id, now)
}
