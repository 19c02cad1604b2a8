//! Creating, changing, blocking and deleting users, and giving them roles.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::{check_language, names, role_named};
use crate::db;
use crate::db::history::Entry;
use crate::domain::history::HistoryType;
use crate::domain::json::{Json, json};
use crate::domain::security_log::SecurityEvent;
use crate::domain::user::SYSTEM_USER;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::role::Role;
use crate::model::user::User;
use crate::service::authority::Authority;
use crate::service::identity::named;
use crate::service::password::{self, NewPassword};
use crate::service::security_log::note;
use crate::service::unit_of_work::UnitOfWork;

/// The fields of a user as they are to be. Absent fields stay as they are; a new user has them empty.
#[derive(Debug, Clone, Default)]
pub struct UserInput {
    /// The user who is changed; absent: the user of this name.
    pub id: Option<Uuid>,
    /// The name to log in with.
    pub username: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Given names.
    pub other_names: Option<String>,
    /// E-mail address; an empty one takes the present one away.
    pub email: Option<String>,
    /// Telephone number; an empty one takes the present one away.
    pub phone: Option<String>,
    /// Code of a language; a new user reads English.
    pub language: Option<String>,
    /// Keys of the roles that the user is to have, and no others.
    pub roles: Option<Vec<i32>>,
    /// Whether the user may log in and become an executor.
    pub is_active: Option<bool>,
    /// The password; nobody can log in as a new user without one.
    pub password: Option<NewPassword>,
}

/// Creates a user.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND for a role, VALIDATION, LIMIT, or what the database says.
pub fn create(unit: &mut UnitOfWork<'_>, input: &UserInput) -> Result<User> {
    let settings = Arc::clone(&unit.settings);
    let authority = Authority::of(unit, &settings.gql_user_create_perms)?;
    if input.id.is_some() {
        return Err(Error::validation("uuid", Message::new("key-of-new").with("field", "uuid")));
    }
    let number = db::user::next_interactive_user_id(unit.connection)?;
    let mut user = User::new(unit.new_record(), number);
    user.is_active = input.is_active.unwrap_or(true);
    fill(unit, &mut user, input, None)?;
    let hash = match &input.password {
        Some(password) => {
            unit.requester.refuse_token()?;
            password.hash_for("password", unit.services, &user)?
        }
        None => "",
    };
    db::user::insert(unit.connection, &user, hash, unit.entry(HistoryType::Created)).map_err(taken)?;
    unit.touch(&user);
    note(unit, SecurityEvent::UserCreated, Some(user.id), None)?;
    if let Some(roles) = &input.roles {
        set_roles(unit, &authority, &user, roles)?;
    }
    authority.settle(unit.connection)?;
    Ok(user)
}

/// Changes a user. One's own password is not changed here.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for the last superuser, LIMIT, or what the database says.
pub fn update(unit: &mut UnitOfWork<'_>, input: &UserInput) -> Result<User> {
    let settings = Arc::clone(&unit.settings);
    let authority = Authority::of(unit, &settings.gql_user_update_perms)?;
    let mut user = match (input.id, &input.username) {
        (Some(id), _) => locked(unit, "uuid", id)?,
        (None, Some(username)) => {
            let id = named(unit.connection, username)?.id;
            locked(unit, "username", id)?
        }
        (None, None) => return Err(Error::validation("uuid", Message::new("user-needed"))),
    };
    let is_own = user.id == unit.requester.id();
    // A program has a part of its owner's rights.
    if !is_own || unit.requester.is_program {
        authority.over_user(unit.connection, &user)?;
    }
    let old = user.clone();
    fill(unit, &mut user, input, Some(&old))?;
    if is_own && user.email != old.email {
        // Who reads the mail that comes there can set the password.
        unit.requester.refuse_token()?;
    }
    user.is_active = input.is_active.unwrap_or(user.is_active);
    if let Some(password) = &input.password {
        unit.requester.refuse_token()?;
        if is_own {
            return Err(Error::validation("password", Message::new("own-password-elsewhere")));
        }
        password::set(unit, "password", &user, password)?;
    }
    if user == old {
        unit.touch(&user);
    } else {
        unit.update(&mut user).map_err(taken)?;
        if user.email != old.email {
            // Who reads the old box must not set the password.
            db::user::set_reset_key(unit.connection, user.id, None)?;
        }
        let kind = match (old.is_active, user.is_active) {
            (true, false) => SecurityEvent::UserBlocked,
            (false, true) => SecurityEvent::UserUnblocked,
            _ => SecurityEvent::UserChanged,
        };
        note(unit, kind, Some(user.id), None)?;
    }
    if let Some(roles) = &input.roles {
        set_roles(unit, &authority, &user, roles)?;
    }
    if user.is_active != old.is_active {
        let left = weigh_again(unit, &user)?;
        report(unit, left);
    }
    authority.settle(unit.connection)?;
    Ok(user)
}

/// Deletes users: all of them, or none. Their sessions end, their roles are taken, and the tasks of their groups are weighed
/// again. History, votes and journal go on naming them. Returns the codes of the groups that are left without anybody.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT for the last superuser, LIMIT, or what the database says.
pub fn delete(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<Vec<String>> {
    let settings = Arc::clone(&unit.settings);
    let authority = Authority::of(unit, &settings.gql_user_delete_perms)?;
    unit.check_list("uuids", ids.len())?;
    let mut left = BTreeSet::new();
    for id in ids.iter().collect::<BTreeSet<_>>() {
        let mut user = locked(unit, "uuids", *id)?;
        authority.over_user(unit.connection, &user)?;
        set_roles(unit, &authority, &user, &[])?;
        user.is_active = false;
        unit.delete(&mut user)?;
        note(unit, SecurityEvent::UserDeleted, Some(user.id), None)?;
        left.extend(weigh_again(unit, &user)?);
    }
    authority.settle(unit.connection)?;
    let left: Vec<String> = left.into_iter().collect();
    report(unit, left.clone());
    Ok(left)
}

/// Has a user have these roles, and no others.
pub(super) fn set_roles(
    unit: &mut UnitOfWork<'_>,
    authority: &Authority,
    user: &User,
    wanted: &[i32],
) -> Result<()> {
    unit.check_list("roles", wanted.len())?;
    let wanted: BTreeSet<i32> = wanted.iter().copied().collect();
    let held = db::role::of_users(unit.connection, &[user.id])?.into_iter().map(|(_, role)| (role.id, role));
    let held: std::collections::BTreeMap<i32, Role> = held.collect();
    let known = db::role::by_ids(unit.connection, &wanted)?;
    if let Some(key) = wanted.iter().find(|key| known.iter().all(|role| role.id != **key)) {
        let message = Message::new("no-role-with-key").with("key", i64::from(*key));
        return Err(Error::not_found("roles", message));
    }
    for role in known.iter().filter(|role| !held.contains_key(&role.id)) {
        authority.over_role(unit.connection, role)?;
        db::role::grant(unit.connection, user.id, role.id, unit.entry(HistoryType::Created))?;
        note(unit, SecurityEvent::RoleGranted, Some(user.id), Some(&role.name))?;
    }
    for role in held.values().filter(|role| !wanted.contains(&role.id)) {
        authority.over_role(unit.connection, role)?;
        db::role::revoke(unit.connection, user.id, role.id, unit.entry(HistoryType::Deleted))?;
        note(unit, SecurityEvent::RoleRevoked, Some(user.id), Some(&role.name))?;
    }
    Ok(())
}

/// The user with this key, to be changed.
pub(super) fn locked(unit: &mut UnitOfWork<'_>, field: &str, id: Uuid) -> Result<User> {
    let found = db::lock::<User>(unit.connection, id, db::Lock::Write)?;
    found
        .filter(|user| !user.is_deleted && user.id != SYSTEM_USER)
        .ok_or_else(|| Error::not_found(field, Message::new("no-user-with").with("who", id.to_string())))
}

/// Ends the sessions of a user who may not act any more, and has the votes on the tasks of the user's groups weighed again.
/// Returns the codes of the groups that are left without anybody.
fn weigh_again(unit: &mut UnitOfWork<'_>, user: &User) -> Result<BTreeSet<String>> {
    if !user.is_active {
        db::session::revoke_all(unit.connection, user.id, unit.now)?;
        db::user::set_reset_key(unit.connection, user.id, None)?;
    }
    let mut left = BTreeSet::new();
    for group_id in db::task_executor::groups_of(unit.connection, user.id)? {
        let by = unit.requester.id();
        let by = (by, unit.cause_depth());
        db::outbox::ask_re_evaluation(unit.connection, group_id, "user_service.update", by, unit.now)?;
        if db::task_executor::asked_in_groups(unit.connection, &[group_id])?.is_empty() {
            let group = db::get::<crate::model::task_group::TaskGroup>(unit.connection, group_id)?;
            left.extend(group.filter(|group| !group.is_deleted).map(|group| group.code));
        }
    }
    Ok(left)
}

/// Has the journal say which groups are left without anybody.
fn report(unit: &mut UnitOfWork<'_>, left: impl IntoIterator<Item = String>) {
    let left: Vec<Json> = left.into_iter().map(Json::String).collect();
    if !left.is_empty() {
        unit.keep(json!({ "groupsWithoutExecutors": left }));
    }
}

/// Takes the fields of the input that are given, once they are checked. `old` is the user before the change; none for a new one.
fn fill(unit: &mut UnitOfWork<'_>, user: &mut User, input: &UserInput, old: Option<&User>) -> Result<()> {
    for (own, given) in [
        (&mut user.username, &input.username),
        (&mut user.last_name, &input.last_name),
        (&mut user.other_names, &input.other_names),
        (&mut user.language, &input.language),
    ] {
        if let Some(given) = given {
            own.clone_from(given);
        }
    }
    for (own, given) in [(&mut user.email, &input.email), (&mut user.phone, &input.phone)] {
        if let Some(given) = given {
            *own = Some(given.trim().to_owned()).filter(|given| !given.is_empty());
        }
    }
    names::check(user, old)?;
    check_language(unit.connection, "language", &user.language)?;
    names::check_unique(unit.connection, user, old)
}

/// The error to report when another transaction has taken a name meanwhile, which constraints of the database show.
fn taken(error: Error) -> Error {
    if db::entity::violates_unique(&error, "core_user_username_key") { names::taken() } else { error }
}

/// Gives a user a role; returns whether the user did not have it yet.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, or what the database says.
pub fn grant(unit: &mut UnitOfWork<'_>, username: &str, role: &str) -> Result<bool> {
    change_role(unit, username, role, SecurityEvent::RoleGranted, |connection, user, role, entry| {
        db::role::grant(connection, user.id, role.id, entry)
    })
}

/// Takes a role from a user; returns whether the user had it.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT for the last superuser, or what the database says.
pub fn revoke(unit: &mut UnitOfWork<'_>, username: &str, role: &str) -> Result<bool> {
    change_role(unit, username, role, SecurityEvent::RoleRevoked, |connection, user, role, entry| {
        db::role::revoke(connection, user.id, role.id, entry)
    })
}

fn change_role(
    unit: &mut UnitOfWork<'_>,
    username: &str,
    role: &str,
    kind: SecurityEvent,
    change: fn(&mut db::connection::DbConnection, &User, &Role, Entry<'_>) -> Result<bool>,
) -> Result<bool> {
    let settings = Arc::clone(&unit.settings);
    let authority = Authority::of(unit, &settings.gql_user_update_perms)?;
    let user = named(unit.connection, username)?;
    let role = role_named(unit.connection, role)?;
    authority.over_user(unit.connection, &user)?;
    authority.over_role(unit.connection, &role)?;
    let entry = unit.entry(HistoryType::Created);
    let changed = change(unit.connection, &user, &role, entry)?;
    if changed {
        note(unit, kind, Some(user.id), Some(&role.name))?;
    }
    authority.settle(unit.connection)?;
    Ok(changed)
}

/// Gives a user another name to log in with.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, or what the database says.
pub fn rename(unit: &mut UnitOfWork<'_>, username: &str, new: &str) -> Result<User> {
    let id = Some(named(unit.connection, username)?.id);
    update(unit, &UserInput { id, username: Some(new.to_owned()), ..UserInput::default() })
}

/// Ends the sessions of a user.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, or what the database says.
pub fn end_sessions(unit: &mut UnitOfWork<'_>, username: &str) -> Result<()> {
    let settings = Arc::clone(&unit.settings);
    let authority = Authority::of(unit, &settings.gql_user_update_perms)?;
    let user = named(unit.connection, username)?;
    authority.over_user(unit.connection, &user)?;
    db::session::revoke_others(unit.connection, user.id, None, unit.now)
}
