//! Pools in the database: the steps at which tasks in flows are, or were, decided.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::select;
use super::sql::Sql;
use crate::error::{Error, Result};
use crate::model::task_pool::{TaskPool, task_management_taskpool as task_pool};

/// Marks an active pool as passed.
///
/// # Errors
/// INTERNAL when there is no such active pool: the caller has not locked the task.
pub fn mark_passed(
    connection: &mut DbConnection,
    task_id: Uuid,
    step_id: Uuid,
    at: NaiveDateTime,
) -> Result<()> {
    let active = task_pool::table.find((task_id, step_id)).filter(task_pool::date_passed.is_null());
    match diesel::update(active).set(task_pool::date_passed.eq(at)).execute(connection)? {
        1 => Ok(()),
        _ => Err(Error::internal(format!("task {task_id} has no active pool at step {step_id}"))),
    }
}

/// The pools of these tasks, passed ones included, in the order in which they were opened.
pub fn of_tasks(connection: &mut DbConnection, task_ids: &[Uuid]) -> Result<Vec<TaskPool>> {
    select(connection, Sql::new("task_id ").among(task_ids).sql(" ORDER BY date_opened, step_id"))
}

/// Removes the pools of a task, passed ones included: it leaves its flow.
pub fn delete_of_task(connection: &mut DbConnection, task_id: Uuid) -> Result<()> {
    diesel::delete(task_pool::table.filter(task_pool::task_id.eq(task_id))).execute(connection)?;
    Ok(())
}
