//! Roles, the rights they grant and the users who have them, in the database. Each write adds a version to the historical twin.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::{self, insert_counted, insert_many, select};
use super::history::{Entry, keep};
use super::query::{Field, Listed};
use super::sql::Sql;
use crate::domain::history::HistoryType;
use crate::error::Result;
use crate::model::entity::Kind;
use crate::model::role::{Role, RoleRight, UserRole, core_role, core_roleright, core_userrole};

impl Listed for Role {
    const LEFT_OUT: &[&str] = &["date_created"];
    const FIELDS: &[Field] = &[Field::own("validity_from", Kind::DateTime).column("date_created")];
    const ORDER_ALIASES: &[(&str, &str)] = &[];
    const TOUCHED_BY: Option<&str> = Some("uuid");
}

impl Listed for RoleRight {
    const TOUCHED_BY: Option<&str> = None;
    const ORDER_ALIASES: &[(&str, &str)] = &[];
}

impl Listed for UserRole {
    const TOUCHED_BY: Option<&str> = None;
}

/// Adds a role with its rights.
pub fn insert(
    connection: &mut DbConnection,
    role: &Role,
    rights: &BTreeSet<i32>,
    entry: Entry<'_>,
) -> Result<()> {
    entity::insert(connection, role)?;
    keep(connection, std::slice::from_ref(role), entry)?;
    set_rights(connection, role.id, rights, entry)
}

/// Overwrites a role.
pub fn update(connection: &mut DbConnection, role: &Role, entry: Entry<'_>) -> Result<()> {
    entity::update(connection, role)?;
    keep(connection, std::slice::from_ref(role), entry)
}

/// Deletes a role that nobody has, with its rights.
pub fn delete(connection: &mut DbConnection, role: &Role, entry: Entry<'_>) -> Result<()> {
    set_rights(connection, role.id, &BTreeSet::new(), entry)?;
    diesel::delete(core_role::table.find(role.id)).execute(connection)?;
    keep(connection, std::slice::from_ref(role), entry)
}

/// Has a role grant these rights, and no others.
pub fn set_rights(
    connection: &mut DbConnection,
    role_id: i32,
    wanted: &BTreeSet<i32>,
    entry: Entry<'_>,
) -> Result<()> {
    let present: BTreeSet<i32> =
        rights(connection, &[role_id])?.into_iter().map(|(_, right)| right).collect();
    let link = |right_id: &i32| RoleRight { role_id, right_id: *right_id };
    let added: Vec<RoleRight> = wanted.difference(&present).map(link).collect();
    let removed: Vec<RoleRight> = present.difference(wanted).map(link).collect();
    insert_many(connection, &added)?;
    for row in &removed {
        diesel::delete(core_roleright::table.find((row.role_id, row.right_id))).execute(connection)?;
    }
    keep(connection, &added, Entry { history_type: HistoryType::Created, ..entry })?;
    keep(connection, &removed, Entry { history_type: HistoryType::Deleted, ..entry })
}

/// The next free key. That of a role that was deleted is not free, because history names it.
pub fn next_id(connection: &mut DbConnection) -> Result<i32> {
    let largest: Option<i32> = core_role::table.select(diesel::dsl::max(core_role::id)).first(connection)?;
    let gone =
        format!("SELECT {} FROM core_historicalrole ORDER BY id DESC LIMIT 1", entity::columns::<Role>());
    let gone: Vec<Role> = Sql::new(gone).load(connection)?;
    let largest = largest.into_iter().chain(gone.first().map(|role| role.id)).max();
    Ok(largest.unwrap_or(0) + 1)
}

/// All roles by name.
pub fn all(connection: &mut DbConnection) -> Result<Vec<Role>> {
    select(connection, Sql::new("1 = 1 ORDER BY name"))
}

/// The role of this name.
pub fn by_name(connection: &mut DbConnection, name: &str) -> Result<Option<Role>> {
    Ok(select(connection, Sql::new("name = ").bind(name))?.pop())
}

/// Whether another role than this one has a name that reads like this one.
pub fn has_name(connection: &mut DbConnection, name: &str, but: Option<i32>) -> Result<bool> {
    let alike: Vec<Role> = select(connection, Sql::reads_like("name", name))?;
    Ok(alike.iter().any(|role| Some(role.id) != but))
}

/// The names of all roles.
pub fn names(connection: &mut DbConnection) -> Result<Vec<String>> {
    Ok(core_role::table.select(core_role::name).load(connection)?)
}

/// The role with this second key.
pub fn by_uuid(connection: &mut DbConnection, uuid: Uuid) -> Result<Option<Role>> {
    Ok(select(connection, Sql::new("uuid = ").bind(uuid))?.pop())
}

/// The roles with these keys, in the order of these.
pub fn by_ids(connection: &mut DbConnection, ids: &BTreeSet<i32>) -> Result<Vec<Role>> {
    select(connection, Sql::new("id ").among(ids.iter().copied()).sql(" ORDER BY id"))
}

/// Gives the user the role; returns whether the user did not have it yet.
pub fn grant(connection: &mut DbConnection, user_id: Uuid, role_id: i32, entry: Entry<'_>) -> Result<bool> {
    if link(connection, user_id, role_id)?.is_some() {
        return Ok(false);
    }
    // The key is counted by the database.
    insert_counted(connection, &UserRole { id: 0, user_id, role_id, date_created: entry.date })?;
    let added = link(connection, user_id, role_id)?;
    keep(connection, added.as_slice(), Entry { history_type: HistoryType::Created, ..entry })?;
    Ok(true)
}

/// Takes the role from the user; returns whether the user had it.
pub fn revoke(connection: &mut DbConnection, user_id: Uuid, role_id: i32, entry: Entry<'_>) -> Result<bool> {
    let removed = link(connection, user_id, role_id)?;
    for row in removed.as_slice() {
        diesel::delete(core_userrole::table.find(row.id)).execute(connection)?;
    }
    keep(connection, removed.as_slice(), Entry { history_type: HistoryType::Deleted, ..entry })?;
    Ok(removed.is_some())
}

fn link(connection: &mut DbConnection, user_id: Uuid, role_id: i32) -> Result<Option<UserRole>> {
    let held = Sql::new("user_id = ").bind(user_id).sql(" AND role_id = ").bind(role_id);
    Ok(select(connection, held)?.pop())
}

/// The roles that these users have.
pub fn of_users(connection: &mut DbConnection, user_ids: &[Uuid]) -> Result<Vec<(UserRole, Role)>> {
    Ok(core_userrole::table
        .inner_join(core_role::table.on(core_role::id.eq(core_userrole::role_id)))
        .filter(Sql::new("core_userrole.user_id ").among(user_ids).typed::<Bool>())
        .order(core_userrole::id)
        .select((UserRole::as_select(), Role::as_select()))
        .load(connection)?)
}

/// What roles grant: the role's key and the right.
pub fn rights(connection: &mut DbConnection, role_ids: &[i32]) -> Result<Vec<(i32, i32)>> {
    let granted = core_roleright::table.filter(core_roleright::role_id.eq_any(role_ids));
    let columns = (core_roleright::role_id, core_roleright::right_id);
    Ok(granted.order(core_roleright::right_id).select(columns).load(connection)?)
}

/// The users who have this role.
pub fn holders(connection: &mut DbConnection, role_id: i32, limit: i64) -> Result<Vec<UserRole>> {
    let held = Sql::new("role_id = ").bind(role_id).sql(" ORDER BY id LIMIT ").bind(limit);
    select(connection, held)
}
