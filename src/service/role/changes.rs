//! Creating, changing, duplicating and deleting roles.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::check_name;
use crate::clock::new_id;
use crate::db;
use crate::domain::history::HistoryType;
use crate::domain::permission::check_rights;
use crate::domain::security_log::SecurityEvent;
use crate::domain::text;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::role::Role;
use crate::service::authority::Authority;
use crate::service::security_log::note;
use crate::service::unit_of_work::UnitOfWork;

/// `is_system` of roles that come with the system and grant nothing by that.
const SYSTEM_ROLE: i32 = 1;

/// The fields of a role as they are to be. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct RoleInput {
    /// Its name.
    pub name: Option<String>,
    /// Its name in another language; an empty one takes the present one away.
    pub alt_language: Option<String>,
    /// Whether it comes with the system. This makes no superusers, but may end that the role makes some.
    pub is_system: Option<bool>,
    /// Whether it is blocked, so that it grants nothing.
    pub is_blocked: Option<bool>,
    /// The rights that it is to grant, and no others.
    pub rights: Option<Vec<i32>>,
}

/// Creates a role.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub fn create(unit: &mut UnitOfWork<'_>, input: &RoleInput) -> Result<Role> {
    let settings = Arc::clone(&unit.settings);
    let authority = Authority::of(unit, &settings.gql_role_create_perms)?;
    let rights = rights_of(unit, input)?.unwrap_or_default();
    insert(unit, &authority, input, &rights)
}

/// Creates a role that grants what another one does, unless the input says otherwise. It makes no superusers.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, LIMIT, or what the database says.
pub fn duplicate(unit: &mut UnitOfWork<'_>, uuid: Uuid, input: &RoleInput) -> Result<Role> {
    let settings = Arc::clone(&unit.settings);
    let authority = Authority::of(unit, &settings.gql_role_duplicate_perms)?;
    let original = known(unit, "uuid", uuid)?;
    authority.over_role(unit.connection, &original)?;
    let rights = match rights_of(unit, input)? {
        Some(rights) => rights,
        None => present_rights(unit, original.id)?,
    };
    let alt_language = input.alt_language.clone().or(original.alt_language);
    insert(unit, &authority, &RoleInput { alt_language, ..input.clone() }, &rights)
}

/// Changes a role. Whoever has it has its new rights from the next request on.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for the last superuser's, LIMIT, or what the database says.
pub fn update(unit: &mut UnitOfWork<'_>, uuid: Uuid, input: &RoleInput) -> Result<Role> {
    let settings = Arc::clone(&unit.settings);
    let authority = Authority::of(unit, &settings.gql_role_update_perms)?;
    let mut role = known(unit, "uuid", uuid)?;
    authority.over_role(unit.connection, &role)?;
    let old = role.clone();
    fill(unit, &mut role, input)?;
    if role != old {
        db::role::update(unit.connection, &role, unit.entry(HistoryType::Changed)).map_err(taken)?;
    }
    if let Some(rights) = rights_of(unit, input)? {
        authority.to_grant("rightsId", &rights)?;
        db::role::set_rights(unit.connection, role.id, &rights, unit.entry(HistoryType::Changed))?;
    }
    unit.touch_other("role", role.uuid);
    note(unit, SecurityEvent::RoleChanged, None, Some(&role.name))?;
    authority.settle(unit.connection)?;
    Ok(role)
}

/// Deletes roles that nobody has: all of them, or none.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT for a role that somebody has, LIMIT, or what the database says.
pub fn delete(unit: &mut UnitOfWork<'_>, uuids: &[Uuid]) -> Result<()> {
    let settings = Arc::clone(&unit.settings);
    let authority = Authority::of(unit, &settings.gql_role_delete_perms)?;
    unit.check_list("uuids", uuids.len())?;
    for uuid in uuids.iter().collect::<BTreeSet<_>>() {
        let role = known(unit, "uuids", *uuid)?;
        authority.over_role(unit.connection, &role)?;
        let count = db::role::holders(unit.connection, role.id, i64::MAX)?.len();
        if count > 0 {
            let message = Message::new("role-in-use").with("role", role.name.as_str()).with("count", count);
            return Err(Error::new(ErrorCode::Conflict, message));
        }
        db::role::delete(unit.connection, &role, unit.entry(HistoryType::Deleted))?;
        unit.touch_other("role", role.uuid);
        note(unit, SecurityEvent::RoleChanged, None, Some(&role.name))?;
    }
    authority.settle(unit.connection)
}

fn insert(
    unit: &mut UnitOfWork<'_>,
    authority: &Authority,
    input: &RoleInput,
    rights: &BTreeSet<i32>,
) -> Result<Role> {
    authority.to_grant("rightsId", rights)?;
    let mut role = Role {
        id: db::role::next_id(unit.connection)?,
        uuid: new_id(),
        name: String::new(),
        alt_language: None,
        is_system: 0,
        is_blocked: false,
        date_created: unit.now,
    };
    let named = RoleInput { name: Some(input.name.clone().unwrap_or_default()), ..input.clone() };
    fill(unit, &mut role, &named)?;
    db::role::insert(unit.connection, &role, rights, unit.entry(HistoryType::Created)).map_err(taken)?;
    unit.touch_other("role", role.uuid);
    note(unit, SecurityEvent::RoleChanged, None, Some(&role.name))?;
    Ok(role)
}

/// Takes the fields of the input that are given, once they are checked.
fn fill(unit: &mut UnitOfWork<'_>, role: &mut Role, input: &RoleInput) -> Result<()> {
    // A name from before these rules stays.
    if let Some(name) = input.name.as_ref().filter(|name| name.is_empty() || **name != role.name) {
        check_name(unit.connection, name, Some(role.id))?;
        role.name.clone_from(name);
    }
    if let Some(name) = input.alt_language.as_ref().filter(|name| Some(*name) != role.alt_language.as_ref()) {
        text::check_name("altLanguage", name)?;
        role.alt_language = Some(name.clone()).filter(|name| !name.is_empty());
    }
    role.is_system = match (input.is_system, role.is_system) {
        (Some(false), _) => 0,
        (Some(true), 0) => SYSTEM_ROLE,
        (_, present) => present,
    };
    role.is_blocked = input.is_blocked.unwrap_or(role.is_blocked);
    Ok(())
}

fn rights_of(unit: &UnitOfWork<'_>, input: &RoleInput) -> Result<Option<BTreeSet<i32>>> {
    unit.check_list("rightsId", input.rights.as_ref().map_or(0, Vec::len))?;
    let rights = input.rights.as_ref().map(|rights| rights.iter().copied().collect());
    rights.iter().try_for_each(|rights| check_rights("rightsId", rights))?;
    Ok(rights)
}

fn present_rights(unit: &mut UnitOfWork<'_>, role_id: i32) -> Result<BTreeSet<i32>> {
    Ok(db::role::rights(unit.connection, &[role_id])?.into_iter().map(|(_, right)| right).collect())
}

fn known(unit: &mut UnitOfWork<'_>, field: &str, uuid: Uuid) -> Result<Role> {
    let message = || Message::new("no-role").with("role", uuid.to_string());
    db::role::by_uuid(unit.connection, uuid)?.ok_or_else(|| Error::not_found(field, message()))
}

/// The error to report when another transaction has taken a name meanwhile, which constraints of the database show.
fn taken(error: Error) -> Error {
    if db::entity::violates_unique(&error, "core_role_name_key") { super::taken() } else { error }
}
