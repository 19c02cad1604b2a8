//! How runs end: their results and errors are kept, other runs try again, and who listens is told of failures.

use chrono::{NaiveDateTime, TimeDelta};
use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::clock::new_id;
use crate::db;
use crate::db::connection::DbConnection;
use crate::db::lease::Lease;
use crate::domain::event_data::EventData;
use crate::domain::function_run::reason::{BAD_RESULT, ZOMBIE};
use crate::domain::function_run::{LogLine, RUN_BYTES, RunError, RunErrorType, RunStatus};
use crate::domain::json::Json;
use crate::domain::signal::Signal;
use crate::domain::text::check_json;
use crate::error::{ErrorCode, Result};
use crate::model::function_run::FunctionRun;
use crate::model::task_function::TaskFunction;
use crate::service::context::ServiceContext;
use crate::service::unit_of_work::UnitOfWork;

/// How often a run is executed again whose processes were gone: one that ends its process must not end all.
const MOST_TAKEN_OVER: usize = 5;

/// The result of a function, if it can be kept.
///
/// # Errors
/// Why it can't.
pub fn kept(result: Json) -> std::result::Result<Json, RunError> {
    match check_json("result", &result, RUN_BYTES) {
        Ok(()) => Ok(result),
        Err(error) => Err(RunError::new(RunErrorType::Response, BAD_RESULT, &error.to_string())),
    }
}

/// Writes how a run ended, in the transaction of its worker; returns its status, or none if another worker has taken it over.
pub fn end(
    services: &ServiceContext,
    connection: &mut DbConnection,
    begun: &FunctionRun,
    worker: Uuid,
    outcome: &std::result::Result<Json, RunError>,
    lines: &[LogLine],
) -> Result<Option<RunStatus>> {
    let now = services.clock.now();
    let mut run = FunctionRun { date_status: now, date_updated: now, ..begun.clone() };
    let next = match outcome {
        Ok(result) => {
            run.status = RunStatus::Complete;
            run.result = Some(result.clone());
            None
        }
        Err(error) => {
            run.set_error(error.clone());
            let next = again(connection, &run, &error.name, now)?;
            run.status = if next.is_some() { RunStatus::Retried } else { RunStatus::Failed };
            run.retried_by = next.as_ref().map(|next| next.id);
            next
        }
    };
    if !db::function_run::end(connection, &run, worker)? {
        return Ok(None);
    }
    if !lines.is_empty() {
        db::function_run::keep_log(connection, run.id, Json::of(lines))?;
    }
    if let Some(next) = next {
        db::function_run::add(connection, &next, now)?;
    }
    if run.status == RunStatus::Failed {
        let system = Requester::system(connection)?;
        let mut unit = UnitOfWork::new(services, &system, connection, run.cause_depth.saturating_add(1))?;
        tell_of_failure(&mut unit, &run)?;
    }
    Ok(Some(run.status))
}

/// Tells of a run that has failed, whatever a handler says to that.
pub fn tell_of_failure(unit: &mut UnitOfWork<'_>, run: &FunctionRun) -> Result<()> {
    let told = unit
        .savepoint(|unit| unit.changed(Signal::FunctionFailed, run.id, || EventData::new(None, Some(run))));
    match told {
        Err(error) if error.code() == ErrorCode::Unavailable => Err(error),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(run = %run.id, %error, cause, "nobody is told of a run that failed");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Ends runs whose processes are gone; returns their statuses.
pub fn end_lapsed(
    services: &ServiceContext,
    connection: &mut DbConnection,
    lease: Lease,
) -> Result<Vec<RunStatus>> {
    let message = "the process that executed it is gone";
    let error = RunError::new(RunErrorType::Invocation, ZOMBIE, message);
    let mut ended = Vec::new();
    for run in db::function_run::take_over(connection, lease)? {
        ended.extend(end(services, connection, &run, lease.worker, &Err(error.clone()), &[])?);
    }
    Ok(ended)
}

/// The run that tries again after this one, which failed; none if none does.
fn again(
    connection: &mut DbConnection,
    run: &FunctionRun,
    error: &str,
    now: NaiveDateTime,
) -> Result<Option<FunctionRun>> {
    let function = db::get::<TaskFunction>(connection, run.function_id)?;
    let Some(function) = function.filter(|function| !function.is_deleted) else { return Ok(None) };
    let before = run.retried_runs();
    let may_have_acted = error == ZOMBIE && !function.is_idempotent;
    let at_once = error == ZOMBIE && before.len() < MOST_TAKEN_OVER;
    let pause = match function.retry_policy().pause(error, before.len()) {
        _ if may_have_acted => return Ok(None),
        Some(pause) => pause,
        None if at_once => 0,
        None => return Ok(None),
    };
    Ok(Some(run.again(new_id(), now, now + TimeDelta::seconds(pause))))
}
