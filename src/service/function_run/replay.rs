//! Replaying: somebody has a run that failed, or was given up before it began, executed again, as another attempt.

use std::sync::Arc;

use uuid::Uuid;

use crate::clock::new_id;
use crate::db;
use crate::db::Lock;
use crate::domain::function_run::reason::NOT_BEGUN;
use crate::domain::function_run::{DEEPEST, RunError, RunErrorType, RunStatus};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::function_run::FunctionRun;
use crate::service::unit_of_work::UnitOfWork;
use crate::service::visibility;

/// Has the function of a run that failed, or was canceled, run again with the same input. That run is RETRIED then, so that it is replayed
/// once; the two name each other. If its function was deleted, the live one of the same name takes its place.
///
/// # Errors
/// NOT_FOUND, FORBIDDEN, CONFLICT for a run that has neither failed nor was canceled, or a function that is disabled, LIMIT, or what the database says.
pub fn replay(unit: &mut UnitOfWork<'_>, id: Uuid) -> Result<FunctionRun> {
    let settings = Arc::clone(&unit.settings);
    let missing = || Error::not_found("id", Message::new("no-function-run").with("id", id.to_string()));
    let is_visible = |unit: &UnitOfWork<'_>, run: &FunctionRun| {
        run.user_created == unit.requester.id() || visibility::sees_all_runs(unit.requester, &settings)
    };
    let seen = db::get::<FunctionRun>(unit.connection, id)?.filter(|run| is_visible(unit, run));
    let name = seen.ok_or_else(missing)?.function_name;
    // The function is locked before its runs, as where it is deleted.
    let function = super::allowed(unit, "functionName", &name, &settings.gql_function_run_create_perms)?;
    super::check_enabled(&function)?;
    super::check_room(unit, function.id)?;
    let failed = db::lock::<FunctionRun>(unit.connection, id, Lock::Exclusive)?.ok_or_else(missing)?;
    if !matches!(failed.status, RunStatus::Failed | RunStatus::Canceled) {
        let message = Message::new("run-not-failed").with("id", id.to_string());
        let message = message.with("status", failed.status.as_str());
        return Err(Error::new(ErrorCode::Conflict, message).of_field("id"));
    }
    let cause_depth = unit.cause_depth().max(failed.cause_depth);
    let mut next = FunctionRun {
        function_id: function.id,
        user_created: unit.requester.id(),
        cause_depth,
        ..failed.again(new_id(), unit.now, unit.now)
    };
    // A person may replay what was too deep. What runs have caused may not, lest they replay each other for ever.
    if unit.cause_depth() > DEEPEST {
        super::refuse_too_deep(&mut next);
    }
    let mut retried = FunctionRun {
        status: RunStatus::Retried,
        retried_by: Some(next.id),
        date_status: unit.now,
        date_updated: unit.now,
        ..failed
    };
    if retried.error_name.is_none() {
        retried.set_error(RunError::new(RunErrorType::Invocation, NOT_BEGUN, "it was canceled"));
    }
    db::update(unit.connection, &retried)?;
    db::function_run::add(unit.connection, &next, unit.now)?;
    unit.touch_other("function_run", retried.id);
    unit.touch_other("function_run", next.id);
    Ok(next)
}
