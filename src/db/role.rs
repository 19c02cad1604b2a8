//! Roles, the rights they grant and the users who have them, in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::{self, insert_counted, insert_many, select};
use super::query::{Field, Listed};
use super::sql::Sql;
use crate::error::Result;
use crate::model::entity::Kind;
use crate::model::role::{Role, RoleRight, UserRole, core_role, core_roleright, core_userrole};

impl Listed for Role {
    const LEFT_OUT: &[&str] = &["date_created"];
    const FIELDS: &[Field] = &[Field::own("validity_from", Kind::DateTime).column("date_created")];
    const ORDER_ALIASES: &[(&str, &str)] = &[];
    const TOUCHED_BY: Option<&str> = Some("uuid");
}

/// Adds a role.
pub fn insert(connection: &mut DbConnection, role: &Role, rights: &[i32]) -> Result<()> {
    entity::insert(connection, role)?;
    let rights: Vec<RoleRight> =
        rights.iter().map(|right_id| RoleRight { role_id: role.id, right_id: *right_id }).collect();
    insert_many(connection, &rights)
}

/// The next free key.
pub fn next_id(connection: &mut DbConnection) -> Result<i32> {
    let largest: Option<i32> = core_role::table.select(diesel::dsl::max(core_role::id)).first(connection)?;
    Ok(largest.unwrap_or(0) + 1)
}

/// The role of this name.
pub fn by_name(connection: &mut DbConnection, name: &str) -> Result<Option<Role>> {
    Ok(select(connection, Sql::new("name = ").bind(name))?.pop())
}

/// Gives the user the role; returns whether the user did not have it yet.
pub fn grant(connection: &mut DbConnection, user_id: Uuid, role_id: i32, now: NaiveDateTime) -> Result<bool> {
    let held: i64 = core_userrole::table
        .filter(core_userrole::user_id.eq(user_id))
        .filter(core_userrole::role_id.eq(role_id))
        .count()
        .get_result(connection)?;
    if held > 0 {
        return Ok(false);
    }
    // The key is counted by the database.
    insert_counted(connection, &UserRole { id: 0, user_id, role_id, date_created: now })?;
    Ok(true)
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
