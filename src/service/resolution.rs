//! Deciding on tasks: casting votes, weighing them, and the one door to COMPLETED and FAILED.

use serde_json::{Value, json};
use uuid::Uuid;

use super::approval_state::{ApprovalState, PoolStatus};
use super::task::{locked, no_task, refuse_final, sees};
use super::unit_of_work::UnitOfWork;
use crate::domain::decision::Barred;
use crate::domain::merge::merge;
use crate::domain::signal::Signal;
use crate::domain::task::TaskStatus;
use crate::domain::text::check_json;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::task::Task;

mod cast;
mod ledger;
mod progression;

pub(super) use ledger::make_stale;
pub(super) use progression::{begin, reopen, set_out};

/// A vote to be cast.
#[derive(Debug, Clone, Default)]
pub struct ResolveTask {
    /// The task.
    pub id: Uuid,
    /// An object whose only key is the caller's user id; its value is the vote.
    pub business_status: Value,
    /// What else the caller has to say; kept in `jsonExt`.
    pub additional_data: Option<Value>,
    /// Why; kept with the vote.
    pub comment: Option<String>,
    /// The step that the vote is meant for, where several are active; absent: all at which the caller sits.
    pub step_id: Option<Uuid>,
}

/// How many of the largest votes fit in `businessStatus`.
const MERGED_VOTES: usize = 16;

/// Casts the requester's vote, and completes or fails the task if that decides it. A repeated vote writes nothing, but
/// the votes are weighed again.
///
/// # Errors
/// NOT_FOUND, FORBIDDEN, CONFLICT, VALIDATION, LIMIT, or what a handler or the database says.
pub fn resolve(unit: &mut UnitOfWork<'_>, input: &ResolveTask) -> Result<Task> {
    let mut task = locked(unit, input.id)?;
    let approval = ApprovalState::locked(unit, &task)?;
    check_entitled(unit, &task, &approval)?;
    refuse_final(&task)?;
    refuse_unaccepted(&task)?;
    if approval.passed_on_other_data() {
        return Err(Error::new(ErrorCode::Conflict, Message::new("flow-data-changed")));
    }
    let by_policy =
        task.executor_action_event.as_deref() == Some(unit.settings.default_executor_event.as_str());
    let cast = cast::read(unit, input, &task, by_policy)?;
    let pools = voting_pools(unit, &approval, input.step_id)?;
    unit.before(Signal::TaskResolve, task.id, || json!({ "task": task, "vote": input.business_status }))?;

    let old = task.clone();
    let key = unit.requester.id().to_string();
    let stale = ledger::mark_unbound(unit, &mut task, &approval)?;
    let is_new = ledger::enter(unit, &task, &approval, &pools, &cast)?;
    // Where the ledger decides, what it knows already is not merged: lists would grow by repeats.
    if is_new || !by_policy {
        merge_vote(&mut task, key.clone(), &cast.value);
    }
    if let Some(additional) = input.additional_data.clone() {
        merge_additional(&mut task, key, additional);
    }
    check_json("businessStatus", &task.business_status, MERGED_VOTES * unit.services.limits.json_bytes)?;
    unit.touch(&task);
    if task != old {
        write(unit, &mut task, stale)?;
    }
    unit.changed(
        Signal::TaskResolve,
        task.id,
        || json!({ "task": task, "vote": input.business_status, "comment": input.comment }),
    )?;
    if by_policy {
        let approval = ApprovalState::read(unit, &task)?;
        progression::apply(unit, &mut task, &approval)?;
    }
    Ok(task)
}

/// Weighs the votes on a task again, without a new one: a pool may have been filled since, or a policy changed.
///
/// # Errors
/// NOT_FOUND, FORBIDDEN, CONFLICT, or what a handler or the database says.
pub fn re_evaluate(unit: &mut UnitOfWork<'_>, id: Uuid) -> Result<Task> {
    let mut task = locked(unit, id)?;
    if !unit.requester.is_privileged(&unit.settings) {
        return Err(if sees(unit, &task)? {
            Error::forbidden(Message::new("only-privileged-re-evaluate"))
        } else {
            no_task()
        });
    }
    refuse_final(&task)?;
    refuse_unaccepted(&task)?;
    unit.touch(&task);
    let approval = ApprovalState::locked(unit, &task)?;
    let old = task.clone();
    let stale = ledger::mark_unbound(unit, &mut task, &approval)?;
    if approval.passed_on_other_data() {
        reopen(unit, &mut task, &approval)?;
    }
    if task != old {
        write(unit, &mut task, stale)?;
    }
    let approval = ApprovalState::read(unit, &task)?;
    progression::apply(unit, &mut task, &approval)?;
    Ok(task)
}

/// Writes a task as its next version; its history says how many votes on it have become stale.
///
/// # Errors
/// What the database says.
pub(super) fn write(unit: &mut UnitOfWork<'_>, task: &mut Task, stale: usize) -> Result<()> {
    match stale {
        0 => unit.update(task),
        count => unit.update_because(task, &format!("{count} votes are stale")),
    }
}

/// The one door to COMPLETED and FAILED, whoever opens it.
///
/// # Errors
/// What a handler or the database says; INTERNAL for another status.
pub fn complete(unit: &mut UnitOfWork<'_>, task: &mut Task, status: TaskStatus) -> Result<()> {
    if !status.is_final() {
        return Err(Error::internal("a task is closed as COMPLETED or FAILED only"));
    }
    refuse_final(task)?;
    let result = status.as_str();
    unit.before(Signal::TaskComplete, task.id, || json!({ "task": task, "result": result }))?;
    task.status = status;
    unit.update(task)?;
    unit.count("tasks_completed_total", "result", result);
    let audience = unit.audience(Signal::TaskComplete)?;
    let rejected =
        if audience.is_empty() { Vec::new() } else { progression::rejected_record_ids(unit, task)? };
    unit.changed(
        Signal::TaskComplete,
        task.id,
        || json!({ "task": task, "result": result, "rejectedRecordIds": rejected }),
    )
}

/// The requester sits in a pool that is asked, or is privileged.
pub(super) fn check_entitled(unit: &mut UnitOfWork<'_>, task: &Task, approval: &ApprovalState) -> Result<()> {
    let user = unit.requester.id();
    if approval.pools.iter().any(|pool| pool.has_executor(user))
        || unit.requester.is_privileged(&unit.settings)
    {
        return Ok(());
    }
    if sees(unit, task)? { Err(not_an_executor()) } else { Err(no_task()) }
}

/// Refuses to decide on what no group has been asked about.
pub(super) fn refuse_unaccepted(task: &Task) -> Result<()> {
    if task.status == TaskStatus::Accepted {
        return Ok(());
    }
    let message = Message::new("task-not-accepted").with("status", task.status.as_str());
    Err(Error::new(ErrorCode::Conflict, message))
}

/// Refuses who may not decide here by the rules of four eyes, whatever executor or rights there are.
pub(super) fn refuse_barred(reason: Barred) -> Error {
    Error::forbidden(match reason {
        Barred::Maker => Message::new("maker-may-not-decide"),
        Barred::DecidedOtherStep => Message::new("decided-other-step"),
    })
}

fn not_an_executor() -> Error {
    Error::forbidden(Message::new("not-an-executor"))
}

/// The pools in which the requester's vote counts: those with an executor of the requester's, else, for privileged people, all.
/// Where a rule wants different deciders for each step, only the first of them.
fn voting_pools<'d>(
    unit: &UnitOfWork<'_>,
    approval: &'d ApprovalState,
    step_id: Option<Uuid>,
) -> Result<Vec<&'d PoolStatus>> {
    let user = unit.requester.id();
    let meant: Vec<&PoolStatus> =
        approval.pools.iter().filter(|pool| step_id.is_none() || pool.step_id() == step_id).collect();
    if let (true, Some(step_id)) = (meant.is_empty(), step_id) {
        return Err(not_asked(approval, step_id));
    }
    let own: Vec<&PoolStatus> = meant.iter().filter(|pool| pool.has_executor(user)).copied().collect();
    let entitled = if own.is_empty() && unit.requester.is_privileged(&unit.settings) { meant } else { own };
    if entitled.is_empty() {
        return Err(not_an_executor());
    }
    let mut pools: Vec<&PoolStatus> = Vec::new();
    let mut barred = None;
    for pool in entitled {
        if let Some(reason) = pool.bar(user) {
            barred = Some(reason);
        } else if !pools
            .iter()
            .any(|other| other.four_eyes.distinct_deciders || pool.four_eyes.distinct_deciders)
        {
            pools.push(pool);
        }
    }
    match barred {
        Some(reason) if pools.is_empty() => Err(refuse_barred(reason)),
        _ => Ok(pools),
    }
}

/// Why a step is not asked at present.
fn not_asked(approval: &ApprovalState, step_id: Uuid) -> Error {
    if approval.reached.iter().any(|pool| pool.step_id == step_id) {
        Error::new(ErrorCode::Conflict, Message::new("step-passed")).of_field("stepId")
    } else if approval.steps.iter().any(|step| step.id == step_id) {
        Error::new(ErrorCode::Conflict, Message::new("step-not-reached")).of_field("stepId")
    } else {
        Error::not_found("stepId", Message::new("no-such-step"))
    }
}

/// Gathers the vote where clients read it.
fn merge_vote(task: &mut Task, key: String, value: &Value) {
    // Lists are joined by merging, so a repeated list must not be merged again.
    if task.business_status.get(&key) != Some(value) {
        merge(&mut task.business_status, json!({ key: value }));
    }
}

fn merge_additional(task: &mut Task, key: String, additional: Value) {
    let ext = task.json_ext.get_or_insert_with(|| json!({}));
    if !ext.is_object() {
        *ext = json!({});
    }
    let Some(ext) = ext.as_object_mut() else { return };
    let kept = ext.entry("additional_resolve_data").or_insert_with(|| json!({}));
    if !kept.is_object() {
        *kept = json!({});
    }
    if let Some(kept) = kept.as_object_mut() {
        kept.insert(key, additional);
    }
}
