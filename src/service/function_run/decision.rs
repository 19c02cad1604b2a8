//! The runs that carry decisions out: a group or a flow names a function, which runs when a task that it decides is COMPLETED or
//! FAILED. The run is added in the transaction that decides, so that there is exactly one, and never without the decision.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Cause, CreateFunctionRun, add, add_failed, live, named};
use crate::db;
use crate::domain::function_run::RUN_BYTES;
use crate::domain::json::{Json, json};
use crate::domain::task_source::SourceFunction;
use crate::error::{Error, Result};
use crate::model::task::Task;
use crate::model::vote::Vote;
use crate::service::authority;
use crate::service::unit_of_work::UnitOfWork;

/// Refuses functions that a group or a flow is to name, for all its tasks or for those of single sources, unless the requester may
/// have them run.
///
/// # Errors
/// As for [`check_named`], and LIMIT.
pub fn check_on_completed(
    unit: &mut UnitOfWork<'_>,
    on_completed: Option<&str>,
    of_sources: Option<&[SourceFunction]>,
) -> Result<()> {
    let of_sources = of_sources.unwrap_or_default();
    unit.check_list("sourceFunctions", of_sources.len())?;
    if let Some(name) = on_completed {
        check_named(unit, name).map_err(|error| error.of_field("onCompleted"))?;
    }
    let names: BTreeSet<&str> = of_sources.iter().map(|function| function.on_completed.as_str()).collect();
    for name in names {
        check_named(unit, name).map_err(|error| error.of_field("sourceFunctions"))?;
    }
    Ok(())
}

/// Refuses a function that is not there, or that the requester may not have run: by what a group or a flow names, it runs for
/// everybody who decides. To be called before groups and flows are locked, as people are locked first.
///
/// # Errors
/// NOT_FOUND, FORBIDDEN, also for the function of an account with rights that the requester lacks, or VALIDATION.
fn check_named(unit: &mut UnitOfWork<'_>, name: &str) -> Result<()> {
    const FIELD: &str = "onCompleted";

    let settings = Arc::clone(&unit.settings);
    let function = named(unit, FIELD, name, &settings.gql_function_run_create_perms)?;
    authority::over_account_of(unit, &function)
}

/// Has the function run that is to carry out what was decided on this task, if its source, its flow or its group names one.
///
/// # Errors
/// What the database says, or an error of a handler.
pub fn carry_out(unit: &mut UnitOfWork<'_>, task: &Task, votes: &[Vote]) -> Result<()> {
    let Some(name) = db::task_function::named_for(unit.connection, task)? else { return Ok(()) };
    let function = match db::task_function::by_name(unit.connection, &name)? {
        // It must not be deleted meanwhile, lest the run wait for ever.
        Some(function) => live(unit, function.id)?,
        None => None,
    };
    let input =
        CreateFunctionRun { function_name: name, data: input(task, votes), ..CreateFunctionRun::default() };
    match function {
        // Runs of a disabled function wait: what people have decided is not lost.
        Some(function) => add(unit, &function, Cause::Task(task.id), &input).map(drop),
        None => cannot_begin(unit, task, &input),
    }
}

/// What the function is given: the task, how it was decided, and the votes that nobody has replaced. What is too large or too deep for
/// a run is left out, and the function told of that.
fn input(task: &Task, votes: &[Vote]) -> Json {
    // A proposal may be as deep as JSON is read, and stands within more here.
    let fits = |input: &Json| {
        let text = input.to_string();
        text.len() <= RUN_BYTES && Json::parse(&text).is_ok()
    };
    let whole = json!({ "task": task, "result": task.status, "decisions": votes, "isShortened": false });
    if fits(&whole) {
        return whole;
    }
    let mut task = Json::of(task);
    if let Some(fields) = task.as_object_mut() {
        for large in ["data", "businessStatus", "jsonExt"] {
            fields.insert(large.to_owned(), Json::Null);
        }
    }
    let without_data = |votes: &[Vote]| json!({ "task": task, "result": task["status"], "decisions": votes, "isShortened": true });
    let shorter = without_data(votes);
    if fits(&shorter) { shorter } else { without_data(&[]) }
}

/// Keeps that the function is gone as a run that failed, which can be replayed once there is another one of this name.
fn cannot_begin(unit: &mut UnitOfWork<'_>, task: &Task, input: &CreateFunctionRun) -> Result<()> {
    let Some(function) = db::task_function::last_by_name(unit.connection, &input.function_name)? else {
        return Err(Error::internal(format!("there never was the function {:?}", input.function_name)));
    };
    add_failed(unit, &function, Cause::Task(task.id), input, "the function is deleted")
}
