//! Approval flows in the database, one row for each version of a flow.

use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::{Lock, select_locked};
use super::query::{Field, Listed};
use super::sql::Sql;
use crate::error::Result;
use crate::model::entity::Kind;
use crate::model::task_flow::{TaskFlow, task_management_taskflow as task_flow};

impl Listed for TaskFlow {
    const LEFT_OUT: &[&str] = &["json_ext", "source_functions"];
    const FIELDS: &[Field] = &[
        Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username"),
        Field::related("user_updated__username", Kind::Text, "user_updated", "core_user", "username"),
    ];
}

/// The head of the live flow of this code.
pub fn live_by_code(connection: &mut DbConnection, code: &str) -> Result<Option<Uuid>> {
    Ok(task_flow::table
        .filter(task_flow::code.eq(code))
        .filter(diesel::dsl::not(task_flow::is_deleted))
        .filter(task_flow::replacement_uuid.is_null())
        .select(task_flow::id)
        .first(connection)
        .optional()?)
}

/// All versions of a live flow in the order of their keys, locked exclusively in that order.
pub fn of_lineage(connection: &mut DbConnection, lineage_id: Uuid) -> Result<Vec<TaskFlow>> {
    let versions = Sql::new("NOT is_deleted AND lineage_id = ").bind(lineage_id).sql(" ORDER BY id");
    select_locked(connection, versions, Lock::Exclusive)
}
