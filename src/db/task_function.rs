//! Functions in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::{Lock, Stored, get, insert, lock, select, select_locked, update, violates_unique};
use super::query::{Field, Listed};
use super::sql::Sql;
use crate::error::{Error, Result};
use crate::model::entity::{Entity as _, Kind};
use crate::model::task::Task;
use crate::model::task_function::{FunctionMeter, FunctionSecret, TaskFunction};

impl Listed for TaskFunction {
    const LEFT_OUT: &[&str] = &["json_ext", "retry_policy", "environment", "source"];
    const FIELDS: &[Field] =
        &[Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username")];
}

/// Whether an error is the refusal of a second live function with one name.
#[must_use]
pub fn is_name_taken(error: &Error) -> bool {
    violates_unique(error, "task_management_taskfunction_name_live")
}

/// The live function of this name.
pub fn by_name(connection: &mut DbConnection, name: &str) -> Result<Option<TaskFunction>> {
    Ok(select(connection, Sql::new("NOT is_deleted AND name = ").bind(name))?.pop())
}

/// The name of the function that is to run when this task is decided: that of its source where the source is bound, or else that
/// of its flow, or else that of its group.
pub fn named_for(connection: &mut DbConnection, task: &Task) -> Result<Option<String>> {
    #[derive(QueryableByName)]
    struct Named {
        #[diesel(sql_type = Nullable<Text>)]
        name: Option<String>,
    }

    let named: Vec<Named> =
        Sql::new("SELECT COALESCE((SELECT on_completed FROM task_management_tasksource WHERE source = ")
            .bind(&task.source)
            .sql("), (SELECT on_completed FROM task_management_taskflow WHERE id = ")
            .bind(&task.flow_id)
            .sql("), (SELECT on_completed FROM task_management_taskgroup WHERE id = ")
            .bind(&task.task_group_id)
            .sql(")) AS name")
            .load(connection)?;
    Ok(named.into_iter().find_map(|named| named.name))
}

/// Whether a function of this name is told of tasks, beside by dispatchers: a live group or flow names it, or a source that is bound to one,
/// or a run waits, or may be replayed, that has a task or an event as its input.
pub fn is_told_of_tasks(connection: &mut DbConnection, name: &str) -> Result<bool> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        is_told: bool,
    }

    let found: Vec<Found> = Sql::new(
        "SELECT (EXISTS (SELECT 1 FROM task_management_tasksource WHERE on_completed = ",
    )
    .bind(name)
    .sql(") OR EXISTS (SELECT 1 FROM task_management_taskflow WHERE NOT is_deleted AND on_completed = ")
    .bind(name)
    .sql(") OR EXISTS (SELECT 1 FROM task_management_taskgroup WHERE NOT is_deleted AND on_completed = ")
    .bind(name)
    .sql(") OR EXISTS (SELECT 1 FROM task_management_functionrun WHERE function_name = ")
    .bind(name)
    .sql(" AND triggered_by IN ('TASK', 'EVENT') AND status IN ('NEW', 'IN_PROGRESS', 'FAILED', 'CANCELED'))) AS is_told")
    .load(connection)?;
    Ok(found.into_iter().any(|found| found.is_told))
}

/// The function that had this name last, deleted or not.
pub fn last_by_name(connection: &mut DbConnection, name: &str) -> Result<Option<TaskFunction>> {
    let named = Sql::new("name = ").bind(name).sql(" ORDER BY is_deleted, date_updated DESC, id LIMIT 1");
    Ok(select(connection, named)?.pop())
}

/// How many live functions there are.
pub fn count(connection: &mut DbConnection) -> Result<i64> {
    let query = Sql::new(format!("SELECT count(*) FROM {} WHERE NOT is_deleted", TaskFunction::TABLE));
    Ok(query.typed::<BigInt>().get_result(connection)?)
}

/// The functions whose runs are begun, and of which some run may be due in this minute: those with the most urgent runs first, and
/// among these those whose next run has waited longest, so that none is passed over for ever.
pub fn with_due_runs(
    connection: &mut DbConnection,
    now: NaiveDateTime,
    minute: NaiveDateTime,
) -> Result<Vec<TaskFunction>> {
    #[derive(QueryableByName)]
    struct Urgency {
        #[diesel(sql_type = diesel::sql_types::Uuid)]
        id: Uuid,
    }

    let next = |column: &str| {
        Sql::new(format!("(SELECT waiting.{column} FROM task_management_functionrun AS waiting "))
            .sql("WHERE waiting.function_id = live.id AND waiting.status = 'NEW' AND waiting.date_start <= ")
            .bind(now)
            .sql(" ORDER BY waiting.priority DESC, waiting.date_start, waiting.id LIMIT 1) AS ")
            .sql(format!("next_{column}"))
    };
    let order: Vec<Urgency> = Sql::new("SELECT due.id FROM (SELECT live.id, ")
        .append(next("priority"))
        .sql(", ")
        .append(next("date_start"))
        .sql(
            " FROM task_management_taskfunction AS live WHERE NOT live.is_deleted AND live.is_enabled \
             AND NOT EXISTS (SELECT 1 FROM task_management_functionmeter AS meter WHERE meter.id = live.id \
             AND meter.begun >= live.runs_per_minute AND meter.minute >= ",
        )
        .bind(minute)
        .sql(
            ")) AS due WHERE due.next_priority IS NOT NULL ORDER BY due.next_priority DESC, due.next_date_start, due.id",
        )
        .load(connection)?;
    if order.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = order.iter().map(|function| function.id).collect();
    let mut functions: Vec<TaskFunction> = select(connection, Sql::new("id ").among(&ids))?;
    functions.sort_by_key(|function| ids.iter().position(|id| *id == function.id));
    Ok(functions)
}

/// What is secret about a function.
pub fn secret(connection: &mut DbConnection, id: Uuid) -> Result<FunctionSecret> {
    get::<FunctionSecret>(connection, id)?.ok_or_else(|| missing::<FunctionSecret>(id))
}

/// The secrets of all functions, locked until the transaction ends.
pub fn lock_secrets(connection: &mut DbConnection) -> Result<Vec<FunctionSecret>> {
    select_locked(connection, Sql::new("1 = 1 ORDER BY id"), Lock::Write)
}

/// Adds what belongs to a new function.
pub fn insert_parts(
    connection: &mut DbConnection,
    secret: &FunctionSecret,
    now: NaiveDateTime,
) -> Result<()> {
    insert(connection, secret)?;
    insert(connection, &FunctionMeter { id: secret.id, minute: now, begun: 0 })
}

/// How many more runs of this function may be begun in this minute. The answer holds until the transaction ends.
pub fn room_in_minute(
    connection: &mut DbConnection,
    function: &TaskFunction,
    minute: NaiveDateTime,
) -> Result<(FunctionMeter, i64)> {
    let meter = lock::<FunctionMeter>(connection, function.id, Lock::Write)?;
    let mut meter = meter.ok_or_else(|| missing::<FunctionMeter>(function.id))?;
    if meter.minute < minute {
        meter = FunctionMeter { minute, begun: 0, ..meter };
    }
    Ok((meter, (i64::from(function.runs_per_minute) - meter.begun).max(0)))
}

/// Notes how many runs were begun in a minute.
pub fn note_begun(connection: &mut DbConnection, meter: FunctionMeter, count: usize) -> Result<()> {
    let count = i64::try_from(count).map_err(Error::internal)?;
    update(connection, &FunctionMeter { begun: meter.begun + count, ..meter })
}

fn missing<T: Stored>(id: Uuid) -> Error {
    Error::internal(format!("the function {id} has no {}", T::NAME))
}
