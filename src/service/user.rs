//! Users: reading them, adding them, and the data that they may change about themselves.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use super::context::ServiceContext;
use super::login::{refuse_hosts, rights_of};
use super::unit_of_work::UnitOfWork;
use super::visibility;
use crate::auth::requester::Requester;
use crate::clock::new_id;
use crate::db;
use crate::db::query::PageLimit;
use crate::domain::permission::Rights;
use crate::domain::query::{Condition, ListQuery, Value};
use crate::domain::text::{check_code, check_name};
use crate::domain::user::SYSTEM_USER;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::slice::Slice;
use crate::model::user::{Language, User};

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
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<User>> {
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            query.conditions.extend(visibility::users(&requester, &settings).at_root()?);
            db::user::list(connection, &query, PageLimit { max: services.limits.users_page_size })
        })
        .await
}

/// Lists users; for people who may not list users, only themselves.
///
/// # Errors
/// VALIDATION, LIMIT, or what the database says.
pub async fn list_visible(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<User>> {
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            if visibility::users(&requester, &settings) != visibility::Visible::All {
                query.conditions.push(Condition::equals("id", Value::Uuid(requester.id())));
            }
            db::user::list(connection, &query, PageLimit { max: services.limits.users_page_size })
        })
        .await
}

/// The users with these keys, to show the people of visible rows.
pub async fn of_visible_rows(services: &Arc<ServiceContext>, ids: Vec<Uuid>) -> Result<Vec<User>> {
    services.read(move |_, connection| db::get_many::<User>(connection, &ids)).await
}

/// Whether the requester may see other people's personal data.
pub async fn sees_personal_data(services: &Arc<ServiceContext>, requester: &Arc<Requester>) -> Result<bool> {
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            Ok(visibility::sees_personal_data(&requester, &settings))
        })
        .await
}

/// The rights of a user, for people who may see the user's personal data.
pub async fn rights(services: &Arc<ServiceContext>, user_id: Uuid) -> Result<Rights> {
    services.read(move |services, connection| rights_of(services, connection, user_id)).await
}

/// Brings the copies of a host's users up to date; returns how many were written.
///
/// # Errors
/// An error of the host.
pub async fn refresh(services: &Arc<ServiceContext>) -> Result<usize> {
    let (mut written, mut present) = (0, HashSet::new());
    let mut after = None;
    loop {
        // One transaction for each page, so that nobody has to wait for all users of a large country.
        let users = Arc::clone(&services.users);
        let part = services.db.write(move |connection| users.refresh(connection, after)).await?;
        let Some(last) = part.ids.last() else { break };
        after = Some(*last);
        written += part.written;
        present.extend(part.ids);
    }
    let users = Arc::clone(&services.users);
    written += services.db.write(move |connection| users.retire(connection, &present)).await?;
    Ok(written)
}

/// The languages that users can choose.
pub async fn languages(services: &Arc<ServiceContext>) -> Result<Vec<Language>> {
    services.read(|_, connection| db::user::languages(connection)).await
}

/// Chooses the language in which the requester reads.
///
/// # Errors
/// VALIDATION for an unknown language, or what the database says.
pub fn change_language(unit: &mut UnitOfWork<'_>, language: &str) -> Result<()> {
    refuse_hosts(unit.services)?;
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
pub async fn add(services: &Arc<ServiceContext>, new: NewUser) -> Result<User> {
    refuse_hosts(services)?;
    check_code("username", &new.username)?;
    check_names(&new.username, &new.last_name, &new.other_names, new.email.as_deref())?;
    super::login::check_new_password(services, &new.password)?;
    let hash = services.passwords.hash(&new.password)?;
    let now = services.clock.now();
    services
        .db
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

/// Refuses names that can't be shown as they are.
pub(super) fn check_names(
    username: &str,
    last_name: &str,
    other_names: &str,
    email: Option<&str>,
) -> Result<()> {
    let names = [
        ("username", username),
        ("lastName", last_name),
        ("otherNames", other_names),
        ("email", email.unwrap_or_default()),
    ];
    names.into_iter().try_for_each(|(field, name)| check_name(field, name))
}

/// Changes a user's password and ends the user's sessions. Not offered over the network.
///
/// # Errors
/// VALIDATION, NOT_FOUND, or what the database says.
pub async fn set_password(services: &Arc<ServiceContext>, username: String, password: &str) -> Result<()> {
    refuse_hosts(services)?;
    super::login::check_new_password(services, password)?;
    let hash = services.passwords.hash(password)?;
    let now = services.clock.now();
    services
        .db
        .write(move |connection| {
            let user = named(connection, &username)?;
            db::user::set_password(connection, user.id, &hash, now)?;
            db::session::revoke_others(connection, user.id, None, now)
        })
        .await
}

/// Gives a user a role; returns whether the user did not have it yet. Not offered over the network.
///
/// # Errors
/// NOT_FOUND, or what the database says.
pub async fn grant(services: &Arc<ServiceContext>, username: String, role: String) -> Result<bool> {
    refuse_hosts(services)?;
    let now = services.clock.now();
    services
        .db
        .write(move |connection| {
            let user = named(connection, &username)?;
            grant_in(connection, &user, &role, now)
        })
        .await
}

fn named(connection: &mut db::connection::DbConnection, username: &str) -> Result<User> {
    let found = db::user::by_username(connection, username)?.map(|(user, _)| user);
    found.filter(|user| user.id != SYSTEM_USER).ok_or_else(|| {
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
