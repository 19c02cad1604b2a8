//! Why open tasks can't go on. A row holds for one version of its task, so a later version that is written without one has
//! none.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::{get_many, insert_with};
use crate::domain::decision::HeldReason;
use crate::error::Result;
use crate::model::task::Task;
use crate::model::task_hold::{TaskHold, task_management_taskhold as task_hold};

/// Keeps why the task can't go on, in place of an earlier reason.
pub fn keep(
    connection: &mut DbConnection,
    task: &Task,
    reason: HeldReason,
    now: NaiveDateTime,
) -> Result<()> {
    let hold = TaskHold { task_id: task.id, task_version: task.version, reason, date_held: now };
    insert_with(
        connection,
        &hold,
        Vec::new(),
        " ON CONFLICT (task_id) DO UPDATE SET task_version = excluded.task_version, \
         reason = excluded.reason, date_held = excluded.date_held",
    )
    .map(drop)
}

/// Forgets the reason: the task can go on, or is decided.
pub fn release(connection: &mut DbConnection, task_id: Uuid) -> Result<()> {
    diesel::delete(task_hold::table.find(task_id)).execute(connection)?;
    Ok(())
}

/// The reasons why these tasks can't go on; tasks without a reason are left out.
pub fn of_tasks(connection: &mut DbConnection, task_ids: &[Uuid]) -> Result<Vec<TaskHold>> {
    get_many(connection, task_ids)
}
