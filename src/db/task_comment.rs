//! Comments in the database.

use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::select;
use super::query::{Field, Listed};
use super::sql::Sql;
use crate::error::Result;
use crate::model::entity::Kind;
use crate::model::task_comment::{TaskComment, task_management_taskcomment as comment};

/// Comments on deleted tasks are not listed either.
impl Listed for TaskComment {
    const LEFT_OUT: &[&str] = &["json_ext", "mentions"];
    const FIELDS: &[Field] =
        &[Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username")];
    const ORDER_ALIASES: &[(&str, &str)] = &[("uuid", "id"), ("task", "task_id")];
    const CONDITION: Option<&str> = Some(
        "task_management_taskcomment.task_id IN (SELECT id FROM task_management_task WHERE NOT is_deleted)",
    );
}

/// The live comments on these tasks, the oldest first.
pub fn of_tasks(connection: &mut DbConnection, task_ids: &[Uuid]) -> Result<Vec<TaskComment>> {
    select(connection, Sql::new("NOT is_deleted AND task_id ").among(task_ids).sql(" ORDER BY id"))
}

/// How many live comments the task has.
pub fn count_on(connection: &mut DbConnection, task_id: Uuid) -> Result<i64> {
    let live =
        comment::table.filter(comment::task_id.eq(task_id)).filter(diesel::dsl::not(comment::is_deleted));
    Ok(live.count().get_result(connection)?)
}
