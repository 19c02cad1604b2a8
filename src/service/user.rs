//! Users: reading them, adding them, and the data that they may change about themselves.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::identity::{named, refuse_hosts, rights_of};
use super::password::{self, NewPassword};
use super::unit_of_work::UnitOfWork;
use super::{task_mail, visibility};
use crate::auth::requester::Requester;
use crate::db;
use crate::db::connection::DbConnection;
use crate::db::query::PageLimit;
use crate::domain::mail::{MAIL_HOURS, MailFrequency};
use crate::domain::permission::Rights;
use crate::domain::query::{Condition, ListQuery, Value};
use crate::domain::task_function::check_range;
use crate::domain::text::{MAX_TEXT, check_handle, check_text};
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::history::Historical;
use crate::model::role::Role;
use crate::model::slice::Slice;
use crate::model::user::{Language, User};

mod accounts;
mod changes;
pub(super) mod names;

pub use accounts::{Account, account, accounts, acting, holders, sessions};
pub use changes::{UserInput, create, delete, end_sessions, grant, rename, revoke, update};

/// The fields in which users are searched by name.
pub const NAMES: &[&str] = &["username", "last_name", "other_names", "email"];

/// A user to be added by an administrator at the command line.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// The name to log in with.
    pub username: String,
    /// The password in plain text; nobody can log in without one.
    pub password: Option<String>,
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

/// Lists the versions of users.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list_history(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<Historical<User>>> {
    query.leave_out_deleted_versions();
    services.list(requester, query, ListScope::Root, visibility::users, db::list_history::<User>).await
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

/// Whether a new user may have this name: all of it is seen, and nobody's reads like it; for people who may list users.
///
/// # Errors
/// FORBIDDEN, or what the database says.
pub async fn is_name_free(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    username: String,
) -> Result<bool> {
    check_text("username", &username, MAX_TEXT)?;
    is_free(services, requester, move |connection| {
        Ok(check_handle("username", &username).is_ok() && !db::user::has_name(connection, &username, None)?)
    })
    .await
}

/// Whether a new user may have this e-mail address, for people who may list users.
///
/// # Errors
/// FORBIDDEN, or what the database says.
pub async fn is_email_free(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    email: String,
) -> Result<bool> {
    check_text("userEmail", &email, MAX_TEXT)?;
    is_free(services, requester, move |connection| {
        Ok(check_handle("userEmail", &email).is_ok() && !db::user::has_email(connection, &email, None)?)
    })
    .await
}

async fn is_free(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    look: impl FnOnce(&mut db::connection::DbConnection) -> Result<bool> + Send + 'static,
) -> Result<bool> {
    refuse_hosts(services)?;
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            visibility::users(&requester, &settings).at_root()?;
            look(connection)
        })
        .await
}

/// The languages that users can choose.
pub async fn languages(services: &Arc<ServiceContext>) -> Result<Vec<Language>> {
    services.read(|_, connection| db::user::languages(connection)).await
}

/// Refuses the code of a language that nobody can choose.
///
/// # Errors
/// VALIDATION, naming `field` and the codes that there are, or what the database says.
pub fn check_language(connection: &mut DbConnection, field: &str, language: &str) -> Result<()> {
    let known = db::user::language_codes(connection)?;
    if known.iter().any(|code| code == language) {
        return Ok(());
    }
    let message = Message::new("unknown-language").with("language", language).with_list("allowed", &known);
    Err(Error::validation(field, message))
}

/// Chooses the language in which the requester reads.
///
/// # Errors
/// VALIDATION for an unknown language, or what the database says.
pub fn change_language(unit: &mut UnitOfWork<'_>, language: &str) -> Result<()> {
    refuse_hosts(unit.services)?;
    check_language(unit.connection, "languageId", language)?;
    let mut user = changes::locked(unit, "languageId", unit.requester.id())?;
    if user.language == language {
        unit.touch(&user);
        return Ok(());
    }
    language.clone_into(&mut user.language);
    unit.update(&mut user)
}

/// How the requester wants mails about tasks. Absent fields stay as they are.
#[derive(Debug, Clone)]
pub struct ChangeMailFrequency {
    /// How often they come.
    pub frequency: MailFrequency,
    /// The hour at which digests are sent, if they are not sent each hour.
    pub hour: Option<i32>,
    /// The time zone of that hour.
    pub time_zone: Option<String>,
}

/// Chooses how often the requester gets mails about tasks. Those that wait come with what is next.
///
/// # Errors
/// FORBIDDEN for a program and where people are a host's, VALIDATION, or what the database says.
pub fn change_mail_frequency(unit: &mut UnitOfWork<'_>, input: &ChangeMailFrequency) -> Result<()> {
    refuse_hosts(unit.services)?;
    // A token that is found must not keep its owner from being told.
    if unit.requester.is_program {
        return Err(Error::forbidden(Message::new("mails-by-token")));
    }
    let mut user = changes::locked(unit, "frequency", unit.requester.id())?;
    let old = user.clone();
    user.mail_frequency = input.frequency;
    user.mail_hour = input.hour.unwrap_or(user.mail_hour);
    if let Some(zone) = &input.time_zone {
        user.mail_time_zone.clone_from(zone);
    }
    check_mail_frequency(&user, ["hour", "timeZone"])?;
    if user == old {
        unit.touch(&user);
        return Ok(());
    }
    unit.update(&mut user)?;
    task_mail::digest::plan(unit, &user)
}

/// Refuses an hour and a time zone at which no digest can be sent; these fields have them.
///
/// # Errors
/// VALIDATION, naming the field.
pub(super) fn check_mail_frequency(user: &User, [hour, time_zone]: [&str; 2]) -> Result<()> {
    check_range(hour, user.mail_hour, MAIL_HOURS)?;
    let rhythm = user.mail_frequency.rhythm(user.mail_hour, &user.mail_time_zone);
    rhythm.map(drop).map_err(|error| error.of_field(time_zone))
}

/// Adds a user on behalf of an operator.
///
/// # Errors
/// VALIDATION, NOT_FOUND for an unknown role, or what the database says.
pub async fn add(services: &Arc<ServiceContext>, new: NewUser) -> Result<User> {
    refuse_hosts(services)?;
    let password = match new.password {
        Some(password) => Some(NewPassword::of_operator(services, password)?),
        None => None,
    };
    let input = UserInput {
        username: Some(new.username),
        last_name: Some(new.last_name),
        other_names: Some(new.other_names),
        email: new.email,
        language: Some(new.language),
        password,
        ..UserInput::default()
    };
    operate(services, move |unit| {
        let mut roles = Vec::new();
        for name in &new.roles {
            roles.push(role_named(unit.connection, name)?.id);
        }
        create(unit, &UserInput { roles: Some(roles), ..input.clone() })
    })
    .await
}

/// Does what an operator asks for at the command line, in the name of the system user.
///
/// # Errors
/// The error of `work`.
pub async fn operate<T, F>(services: &Arc<ServiceContext>, work: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&mut UnitOfWork<'_>) -> Result<T> + Send + 'static,
{
    refuse_hosts(services)?;
    let system = services.read(|_, connection| Requester::system(connection)).await.map(Arc::new)?;
    services.write(&system, work).await
}

/// Changes a user's password and ends the user's sessions. Not offered over the network.
///
/// # Errors
/// VALIDATION, NOT_FOUND, or what the database says.
pub async fn set_password(services: &Arc<ServiceContext>, username: String, password: String) -> Result<()> {
    refuse_hosts(services)?;
    let new = NewPassword::of_operator(services, password)?;
    operate(services, move |unit| {
        let user = named(unit.connection, &username)?;
        password::set(unit, "newPassword", &user, &new)
    })
    .await
}

/// The role of this name.
///
/// # Errors
/// NOT_FOUND, or what the database says.
pub fn role_named(connection: &mut DbConnection, name: &str) -> Result<Role> {
    db::role::by_name(connection, name)?
        .ok_or_else(|| Error::not_found("role", Message::new("no-role").with("role", name.to_owned())))
}
