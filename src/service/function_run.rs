//! Runs: having functions run, giving up runs that wait, and looking at them.
//!
//! A run that is begun is IN_PROGRESS before its function is called, so that it is executed once at most: the run of a process
//! that is gone fails as `zombieTaskCleaned`, unless its function says that a run may be executed again.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::unit_of_work::UnitOfWork;
use super::{authority, visibility};
use crate::auth::requester::Requester;
use crate::clock::new_id;
use crate::db;
use crate::db::Lock;
use crate::domain::function_run::reason::{CANCELED, NOT_BEGUN};
use crate::domain::function_run::{
    DEEPEST, MOST_TAGS, RUN_BYTES, RunError, RunErrorType, RunStatus, RunTrigger,
};
use crate::domain::json::Json;
use crate::domain::query::ListQuery;
use crate::domain::task_function::{PRIORITIES, check_function_name, check_range};
use crate::domain::text::{check_code, check_json};
use crate::domain::user::SYSTEM_USER;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::function_run::{FunctionLog, FunctionRun};
use crate::model::slice::Slice;
use crate::model::task_function::TaskFunction;

mod decision;
pub mod ending;
pub mod preparation;
mod replay;

pub(super) use decision::{carry_out, check_on_completed};
pub use replay::replay;

/// A run to be created.
#[derive(Debug, Clone, Default)]
pub struct CreateFunctionRun {
    /// The name of the function.
    pub function_name: String,
    /// The input.
    pub data: Json,
    /// When it may be begun, naive UTC; absent: at once.
    pub start_timestamp: Option<NaiveDateTime>,
    /// How urgent it is; absent: as the function says.
    pub priority: Option<i64>,
    /// Words by which the run is found.
    pub tags: Vec<String>,
    /// How many runs stand behind it at least, one causing the next.
    pub cause_depth: Option<i32>,
}

/// What has a function run.
#[derive(Debug, Clone, Copy)]
pub enum Cause {
    /// The requester asks for it.
    Asked,
    /// It is time.
    Moment(Moment),
    /// This task is decided. Nobody has asked for the run: whoever decided learns of it as others do who see the task.
    Task(Uuid),
    /// A dispatcher was told of an event. Each has one run of a function.
    Event {
        /// The dispatcher.
        dispatcher_id: Uuid,
        /// The stable id of the event.
        event_id: Uuid,
    },
}

/// The moment of a schedule.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The schedule.
    pub schedule_id: Uuid,
    /// The moment, naive UTC.
    pub date: NaiveDateTime,
}

/// Has a function run, now or later.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, LIMIT, CONFLICT for a function that is disabled, or what the database says.
pub fn create(unit: &mut UnitOfWork<'_>, input: &CreateFunctionRun) -> Result<FunctionRun> {
    let settings = Arc::clone(&unit.settings);
    asked_for(unit, input, &settings.gql_function_run_create_perms)
}

/// Has a function run whose result is waited for (see [`finished`]).
///
/// # Errors
/// As for [`create`].
pub fn execute(unit: &mut UnitOfWork<'_>, input: &CreateFunctionRun) -> Result<FunctionRun> {
    let settings = Arc::clone(&unit.settings);
    asked_for(unit, input, &settings.gql_function_run_execute_perms)
}

fn asked_for(unit: &mut UnitOfWork<'_>, input: &CreateFunctionRun, rights: &[i32]) -> Result<FunctionRun> {
    let function = allowed(unit, "functionName", &input.function_name, rights)?;
    check_enabled(&function)?;
    add(unit, &function, Cause::Asked, input)
}

/// The live function of this name, if the requester may have it run by these rights. It is not deleted until the transaction ends,
/// lest a run of it wait for ever.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND or VALIDATION, naming `field`.
pub(super) fn allowed(
    unit: &mut UnitOfWork<'_>,
    field: &str,
    name: &str,
    rights: &[i32],
) -> Result<TaskFunction> {
    let function = named(unit, field, name, rights)?;
    live(unit, function.id)?.ok_or_else(|| no_function(field))
}

/// The same, which may be deleted meanwhile.
fn named(unit: &mut UnitOfWork<'_>, field: &str, name: &str, rights: &[i32]) -> Result<TaskFunction> {
    check_function_name(field, name)?;
    let function = db::task_function::by_name(unit.connection, name)?;
    if function.as_ref().is_none_or(|function| function.permission_mode.needs_right()) {
        unit.requester.need(rights)?;
    }
    function.ok_or_else(|| no_function(field))
}

/// The live function with this key, which is not deleted until the transaction ends.
pub(super) fn live(unit: &mut UnitOfWork<'_>, id: Uuid) -> Result<Option<TaskFunction>> {
    let function = db::lock::<TaskFunction>(unit.connection, id, Lock::Share)?;
    Ok(function.filter(|function| !function.is_deleted))
}

fn no_function(field: &str) -> Error {
    Error::not_found(field, Message::new("no-task-function"))
}

/// The live function of this name, if the requester may leave it to a schedule or a dispatcher, which go on without the requester: by
/// the right to have functions run, and with all rights of its account.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND or VALIDATION, naming `field`.
pub(super) fn entrusted(unit: &mut UnitOfWork<'_>, field: &'static str, name: &str) -> Result<TaskFunction> {
    let settings = Arc::clone(&unit.settings);
    let function = allowed(unit, field, name, &settings.gql_function_run_create_perms)?;
    authority::over_account_of(unit, &function).map_err(|error| error.of_field(field))?;
    Ok(function)
}

/// Refuses a function whose runs are not begun.
pub(super) fn check_enabled(function: &TaskFunction) -> Result<()> {
    if function.is_enabled {
        return Ok(());
    }
    let message = Message::new("function-disabled").with("name", function.name.as_str());
    Err(Error::new(ErrorCode::Conflict, message).of_field("functionName"))
}

/// Adds a run of a live function that the caller has locked, whatever causes it.
///
/// # Errors
/// VALIDATION, LIMIT, or what the database says.
pub fn add(
    unit: &mut UnitOfWork<'_>,
    function: &TaskFunction,
    cause: Cause,
    input: &CreateFunctionRun,
) -> Result<FunctionRun> {
    check(input)?;
    match cause {
        Cause::Asked => check_room(unit, function.id)?,
        Cause::Moment(_) | Cause::Event { .. } => check_waiting(unit, function.id)?,
        Cause::Task(_) => {}
    }
    let mut run = new(unit, function, cause, input);
    if run.cause_depth > DEEPEST {
        refuse_too_deep(&mut run);
    }
    db::function_run::add(unit.connection, &run, unit.now)?;
    unit.touch_other("function_run", run.id);
    Ok(run)
}

/// Adds a run that fails before it is begun: it shows what did not happen, and whoever hears of failures is told.
pub(super) fn add_failed(
    unit: &mut UnitOfWork<'_>,
    function: &TaskFunction,
    cause: Cause,
    input: &CreateFunctionRun,
    reason: &str,
) -> Result<()> {
    let mut run = new(unit, function, cause, input);
    run.status = RunStatus::Failed;
    run.set_error(RunError::new(RunErrorType::Invocation, NOT_BEGUN, reason));
    db::function_run::add(unit.connection, &run, unit.now)?;
    unit.touch_other("function_run", run.id);
    ending::tell_of_failure(unit, &run)
}

/// Has a new run fail behind which there are too many others. Nobody is told of it: who is told might cause another.
fn refuse_too_deep(run: &mut FunctionRun) {
    let depth = run.cause_depth;
    tracing::warn!(run = %run.id, function = %run.function_name, depth, "a run is refused: functions cause each other");
    run.status = RunStatus::Failed;
    run.set_error(RunError::too_deep(depth));
}

/// The run that an input asks for, which is not checked.
fn new(
    unit: &UnitOfWork<'_>,
    function: &TaskFunction,
    cause: Cause,
    input: &CreateFunctionRun,
) -> FunctionRun {
    let (mut moment, mut task_id, mut event) = (None, None, None);
    let triggered_by = match cause {
        Cause::Asked => RunTrigger::Direct,
        Cause::Moment(of_schedule) => {
            moment = Some(of_schedule);
            RunTrigger::Schedule
        }
        Cause::Task(decided) => {
            task_id = Some(decided);
            RunTrigger::Task
        }
        Cause::Event { dispatcher_id, event_id } => {
            event = Some((dispatcher_id, event_id));
            RunTrigger::Event
        }
    };
    FunctionRun {
        id: new_id(),
        function_id: function.id,
        function_name: function.name.clone(),
        status: RunStatus::New,
        date_status: unit.now,
        triggered_by,
        data: input.data.clone(),
        result: None,
        error_name: None,
        error_message: None,
        error_type: None,
        tags: Json::of(&input.tags),
        date_start: input.start_timestamp.unwrap_or(unit.now),
        priority: input.priority.unwrap_or(function.default_priority),
        user_created: if task_id.is_some() { SYSTEM_USER } else { unit.requester.id() },
        date_created: unit.now,
        date_updated: unit.now,
        date_begun: None,
        retry_for: Json::Array(Vec::new()),
        retried_by: None,
        cause_depth: unit.cause_depth().max(input.cause_depth.unwrap_or_default()),
        leased_by: None,
        lease_until: None,
        attempts: 0,
        schedule_id: moment.map(|moment| moment.schedule_id),
        date_scheduled: moment.map(|moment| moment.date),
        task_id,
        dispatcher_id: event.map(|event| event.0),
        event_id: event.map(|event| event.1),
    }
}

fn check(input: &CreateFunctionRun) -> Result<()> {
    check_json("data", &input.data, RUN_BYTES)?;
    if let Some(priority) = input.priority {
        check_range("priority", priority, PRIORITIES)?;
    }
    if let Some(depth) = input.cause_depth {
        check_range("causeDepth", depth, 0..=i32::MAX)?;
    }
    if input.tags.len() > MOST_TAGS {
        let message = Message::new("list-too-long").with("field", "tags").with("max", MOST_TAGS);
        return Err(Error::limit("tags", message));
    }
    input.tags.iter().try_for_each(|tag| check_code("tags", tag))
}

/// Refuses another run of a function for which the requester asks, if too many of it wait, or of the requester's.
fn check_room(unit: &mut UnitOfWork<'_>, function_id: Uuid) -> Result<()> {
    let max = unit.services.function_settings.waiting_runs_per_user;
    let requester = unit.requester.id();
    if db::function_run::are_waiting_of_user(unit.connection, requester, max)? {
        let message = Message::new("too-many-own-runs").with("max", max);
        return Err(Error::limit("functionName", message));
    }
    check_waiting(unit, function_id)
}

/// Refuses another run of a function of which too many wait.
fn check_waiting(unit: &mut UnitOfWork<'_>, function_id: Uuid) -> Result<()> {
    let max = unit.services.function_settings.waiting_runs;
    if db::function_run::are_waiting(unit.connection, function_id, max)? {
        let message = Message::new("too-many-runs").with("max", max);
        return Err(Error::limit("functionName", message));
    }
    Ok(())
}

/// Has a run that is under way fail. Its worker learns that the run is not its own any more when it renews the lease, and stops.
fn break_off(run: &mut FunctionRun) {
    run.status = RunStatus::Failed;
    run.leased_by = None;
    run.lease_until = None;
    let message = "somebody has ended it; what it had done by then is done";
    run.set_error(RunError::new(RunErrorType::Runtime, CANCELED, message));
}

/// Gives up runs that wait, and ends those that are under way: all of them, or none. What a run has done when it is ended is done.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT for a run that has ended, LIMIT, or what the database says.
pub fn cancel(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<()> {
    unit.requester.need(&unit.settings.gql_function_run_cancel_perms)?;
    unit.check_list("ids", ids.len())?;
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let sees_all = visibility::sees_all_runs(unit.requester, &unit.settings);
    for run in db::lock_many::<FunctionRun>(unit.connection, &ids, Lock::Exclusive)? {
        if !sees_all && run.user_created != unit.requester.id() {
            continue;
        }
        ids.retain(|id| *id != run.id);
        let was = run.status;
        let mut ended = FunctionRun { date_status: unit.now, date_updated: unit.now, ..run };
        match was {
            RunStatus::New => ended.status = RunStatus::Canceled,
            RunStatus::InProgress => break_off(&mut ended),
            RunStatus::Complete | RunStatus::Failed | RunStatus::Retried | RunStatus::Canceled => {
                let message = Message::new("run-ended").with("id", ended.id.to_string());
                let message = message.with("status", was.as_str());
                return Err(Error::new(ErrorCode::Conflict, message).of_field("ids"));
            }
        }
        db::update(unit.connection, &ended)?;
        unit.touch_other("function_run", ended.id);
        if ended.status == RunStatus::Failed {
            ending::tell_of_failure(unit, &ended)?;
        }
    }
    match ids.first() {
        None => Ok(()),
        Some(id) => {
            let message = Message::new("no-function-run").with("id", id.to_string());
            Err(Error::not_found("ids", message))
        }
    }
}

/// Lists the runs that the requester sees: one's own; for people with the right, everybody's.
///
/// # Errors
/// VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<FunctionRun>> {
    services.list(requester, query, place, visibility::function_runs, db::list::<FunctionRun>).await
}

/// Lists the runs for the tasks that the requester sees.
///
/// # Errors
/// VALIDATION, LIMIT, or what the database says.
pub async fn list_of_tasks(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
) -> Result<Slice<FunctionRun>> {
    let visible = visibility::runs_of_tasks;
    services.list(requester, query, ListScope::Nested, visible, db::list::<FunctionRun>).await
}

/// The runs for these tasks, all of which the requester may see.
pub async fn of_visible_tasks(
    services: &Arc<ServiceContext>,
    task_ids: Vec<Uuid>,
) -> Result<Vec<FunctionRun>> {
    services.read(move |_, connection| db::function_run::of_tasks(connection, &task_ids)).await
}

/// Whether the requester sees the runs for which others have asked.
pub async fn sees_all(services: &Arc<ServiceContext>, requester: &Arc<Requester>) -> Result<bool> {
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            Ok(visibility::sees_all_runs(&requester, &settings))
        })
        .await
}

/// What runs that the requester sees have said; nothing for people who may not read it.
pub async fn logs(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    ids: Vec<Uuid>,
) -> Result<Vec<FunctionLog>> {
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            if !visibility::reads_logs(&requester, &settings) {
                return Ok(Vec::new());
            }
            db::function_run::logs(connection, &ids)
        })
        .await
}

/// The run, as it is when it has ended, or when `patience` is over; none if it is not there.
pub async fn finished(
    services: &Arc<ServiceContext>,
    id: Uuid,
    patience: Duration,
) -> Result<Option<FunctionRun>> {
    const LONGEST: Duration = Duration::from_millis(250);
    let until = tokio::time::Instant::now() + patience;
    let mut pause = Duration::from_millis(4);
    loop {
        // Runs are large, and who asks has a bound.
        let status = services.read(move |_, connection| db::function_run::status(connection, id)).await?;
        if status.is_none_or(RunStatus::is_final) || tokio::time::Instant::now() >= until {
            return services.read(move |_, connection| db::get::<FunctionRun>(connection, id)).await;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}
