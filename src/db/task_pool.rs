//! The steps at which tasks in flows are and were decided, in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::schema::task_management_taskpool as task_pool;
use super::types::DbUuid;
use crate::domain::task_pool::TaskPool;
use crate::error::{Error, Result};

/// Adds a pool.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, pool: &TaskPool) -> Result<()> {
    diesel::insert_into(task_pool::table).values(TaskPoolRow::from(pool)).execute(connection)?;
    Ok(())
}

/// Says that an active pool has passed.
///
/// # Errors
/// INTERNAL when there is no such active pool: the caller has not locked the task.
pub fn mark_passed(
    connection: &mut DbConnection,
    task_id: Uuid,
    step_id: Uuid,
    at: NaiveDateTime,
) -> Result<()> {
    let active =
        task_pool::table.find((DbUuid(task_id), DbUuid(step_id))).filter(task_pool::date_passed.is_null());
    match diesel::update(active).set(task_pool::date_passed.eq(at)).execute(connection)? {
        1 => Ok(()),
        _ => Err(Error::internal(format!("task {task_id} has no active pool at step {step_id}"))),
    }
}

/// The pools of these tasks, passed ones included, in the order in which they were opened.
///
/// # Errors
/// What the database says.
pub fn of_tasks(connection: &mut DbConnection, task_ids: &[Uuid]) -> Result<Vec<TaskPool>> {
    let ids: Vec<DbUuid> = task_ids.iter().copied().map(DbUuid).collect();
    let rows = task_pool::table
        .filter(task_pool::task_id.eq_any(ids))
        .order((task_pool::date_opened, task_pool::step_id))
        .load::<TaskPoolRow>(connection)?;
    Ok(rows.into_iter().map(TaskPool::from).collect())
}

/// Removes the pools of a task, passed ones included: it leaves its flow.
///
/// # Errors
/// What the database says.
pub fn delete_of_task(connection: &mut DbConnection, task_id: Uuid) -> Result<()> {
    diesel::delete(task_pool::table.filter(task_pool::task_id.eq(DbUuid(task_id)))).execute(connection)?;
    Ok(())
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = task_pool, treat_none_as_default_value = false)]
struct TaskPoolRow {
    task_id: DbUuid,
    step_id: DbUuid,
    task_group_id: DbUuid,
    date_opened: NaiveDateTime,
    date_passed: Option<NaiveDateTime>,
}

impl From<&TaskPool> for TaskPoolRow {
    fn from(pool: &TaskPool) -> Self {
        Self {
            task_id: pool.task_id.into(),
            step_id: pool.step_id.into(),
            task_group_id: pool.task_group_id.into(),
            date_opened: pool.date_opened,
            date_passed: pool.date_passed,
        }
    }
}

impl From<TaskPoolRow> for TaskPool {
    fn from(row: TaskPoolRow) -> Self {
        Self {
            task_id: row.task_id.0,
            step_id: row.step_id.0,
            task_group_id: row.task_group_id.0,
            date_opened: row.date_opened,
            date_passed: row.date_passed,
        }
    }
}
