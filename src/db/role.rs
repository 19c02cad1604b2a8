//! Roles, what they grant and who has them, in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::query::{self, Field, Kind, PageLimit, Table};
use super::schema::{core_role, core_roleright, core_userrole};
use super::types::DbUuid;
use crate::domain::query::{ListQuery, Slice};
use crate::domain::role::{Role, UserRole};
use crate::error::Result;

const FIELDS: &[Field] = &[
    Field::own("id", Kind::Int),
    Field::own("uuid", Kind::Uuid),
    Field::own("name", Kind::Text),
    Field::own("alt_language", Kind::Text).optional(),
    Field::own("is_system", Kind::Int),
    Field::own("is_blocked", Kind::Bool),
    Field::own("validity_from", Kind::DateTime).column("date_created"),
];

const TABLE: Table = Table {
    name: "core_role",
    key: Field::own("id", Kind::Int),
    fields: FIELDS,
    order_aliases: &[],
    default_order: &[],
    always: None,
    foreign_keys: true,
    touched_as: Some(("role", "uuid")),
};

/// Adds a role.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, role: &Role, rights: &[i32]) -> Result<()> {
    diesel::insert_into(core_role::table)
        .values((
            core_role::id.eq(role.id),
            core_role::uuid.eq(DbUuid(role.uuid)),
            core_role::name.eq(&role.name),
            core_role::alt_language.eq(role.alt_language.as_deref()),
            core_role::is_system.eq(role.is_system),
            core_role::is_blocked.eq(role.is_blocked),
            core_role::date_created.eq(role.date_created),
        ))
        .execute(connection)?;
    for right in rights {
        diesel::insert_into(core_roleright::table)
            .values((core_roleright::role_id.eq(role.id), core_roleright::right_id.eq(right)))
            .execute(connection)?;
    }
    Ok(())
}

/// The next free key.
///
/// # Errors
/// What the database says.
pub fn next_id(connection: &mut DbConnection) -> Result<i32> {
    let largest: Option<i32> = core_role::table.select(diesel::dsl::max(core_role::id)).first(connection)?;
    Ok(largest.unwrap_or(0) + 1)
}

/// The role of this name.
///
/// # Errors
/// What the database says.
pub fn by_name(connection: &mut DbConnection, name: &str) -> Result<Option<Role>> {
    let row = core_role::table.filter(core_role::name.eq(name)).first::<RoleRow>(connection).optional()?;
    Ok(row.map(Role::from))
}

/// Gives the user the role; answers whether that is new.
///
/// # Errors
/// What the database says.
pub fn grant(connection: &mut DbConnection, user_id: Uuid, role_id: i32, now: NaiveDateTime) -> Result<bool> {
    let held: i64 = core_userrole::table
        .filter(core_userrole::user_id.eq(DbUuid(user_id)))
        .filter(core_userrole::role_id.eq(role_id))
        .count()
        .get_result(connection)?;
    if held > 0 {
        return Ok(false);
    }
    diesel::insert_into(core_userrole::table)
        .values((
            core_userrole::user_id.eq(DbUuid(user_id)),
            core_userrole::role_id.eq(role_id),
            core_userrole::date_created.eq(now),
        ))
        .execute(connection)?;
    Ok(true)
}

/// Who has which role, among these users.
///
/// # Errors
/// What the database says.
pub fn of_users(connection: &mut DbConnection, user_ids: &[Uuid]) -> Result<Vec<(UserRole, Role)>> {
    let ids: Vec<DbUuid> = user_ids.iter().copied().map(DbUuid).collect();
    let rows = core_userrole::table
        .inner_join(core_role::table.on(core_role::id.eq(core_userrole::role_id)))
        .filter(core_userrole::user_id.eq_any(ids))
        .order(core_userrole::id)
        .select((core_userrole::all_columns, core_role::all_columns))
        .load::<(UserRoleRow, RoleRow)>(connection)?;
    Ok(rows.into_iter().map(|(held, role)| (held.into(), role.into())).collect())
}

/// What a role grants.
///
/// # Errors
/// What the database says.
pub fn rights(connection: &mut DbConnection, role_id: i32) -> Result<Vec<i32>> {
    let granted = core_roleright::table.filter(core_roleright::role_id.eq(role_id));
    Ok(granted.order(core_roleright::right_id).select(core_roleright::right_id).load(connection)?)
}

/// Who has these roles.
///
/// # Errors
/// What the database says.
pub fn holders(connection: &mut DbConnection, role_id: i32, limit: i64) -> Result<Vec<UserRole>> {
    let rows = core_userrole::table
        .filter(core_userrole::role_id.eq(role_id))
        .order(core_userrole::id)
        .limit(limit)
        .load::<UserRoleRow>(connection)?;
    Ok(rows.into_iter().map(UserRole::from).collect())
}

/// Roles.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list(connection: &mut DbConnection, query: &ListQuery, limit: PageLimit) -> Result<Slice<Role>> {
    let rows = query::list(connection, &TABLE, query, limit, |connection, page| {
        core_role::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((core_role::all_columns, page.sort_values))
            .load::<(RoleRow, String)>(connection)
    })?;
    rows.try_map(|row| Ok(row.into()))
}

#[derive(Queryable)]
struct RoleRow {
    id: i32,
    uuid: DbUuid,
    name: String,
    alt_language: Option<String>,
    is_system: i32,
    is_blocked: bool,
    date_created: NaiveDateTime,
}

impl From<RoleRow> for Role {
    fn from(row: RoleRow) -> Self {
        Self {
            id: row.id,
            uuid: row.uuid.0,
            name: row.name,
            alt_language: row.alt_language,
            is_system: row.is_system,
            is_blocked: row.is_blocked,
            date_created: row.date_created,
        }
    }
}

#[derive(Queryable)]
struct UserRoleRow {
    id: i32,
    user_id: DbUuid,
    role_id: i32,
    date_created: NaiveDateTime,
}

impl From<UserRoleRow> for UserRole {
    fn from(row: UserRoleRow) -> Self {
        Self { id: row.id, user_id: row.user_id.0, role_id: row.role_id, date_created: row.date_created }
    }
}
