//! Deciding on tasks: casting votes, weighing them, and the one door to COMPLETED and FAILED.

use uuid::Uuid;

use crate::db;
use crate::domain::decision::{HeldReason, Progression};
use crate::domain::event_data::EventData;
use crate::domain::json::{Json, json};
use crate::domain::merge::merge;
use crate::domain::signal::Signal;
use crate::domain::task::TaskStatus;
use crate::domain::task_action::TaskAction;
use crate::domain::text::check_json;
use crate::error::{Error, Result};
use crate::model::task::Task;
use crate::service::approval_state::ApprovalState;
use crate::service::checked_task;
use crate::service::function_run;
use crate::service::task::access::{
    Seen, SeenTask, check_entitled, check_seen, locked, no_task, refuse_final, sees,
};
use crate::service::task::action::Actor;
use crate::service::task_claim;
use crate::service::task_hold;
use crate::service::unit_of_work::UnitOfWork;

mod cast;
mod ledger;
mod many;
mod progression;
mod withdrawal;

pub(super) use cast::read_comment;
pub(super) use ledger::make_stale;
pub use many::{re_evaluate_many, resolve_many};
pub(super) use progression::{apply, begin, reopen, set_out};
pub use withdrawal::{WithdrawTaskDecision, withdraw};

/// A vote to be cast.
#[derive(Debug, Clone, Default)]
pub struct ResolveTask {
    /// The task.
    pub id: Uuid,
    /// An object whose only key is the caller's user id; its value is the vote.
    pub business_status: Json,
    /// Further data of the caller, kept in `jsonExt`.
    pub additional_data: Option<Json>,
    /// The reason, kept with the vote.
    pub comment: Option<String>,
    /// The step for which the vote is, if several are active; absent: all in which the caller is an executor.
    pub step_id: Option<Uuid>,
    /// What was seen of the task.
    pub seen: Seen,
}

/// How many of the largest votes fit in `businessStatus`.
const MERGED_VOTES: usize = 16;

/// Casts the requester's vote, and completes or fails the task if that decides it. A repeated vote writes nothing, but has
/// the votes weighed again.
///
/// # Errors
/// NOT_FOUND, FORBIDDEN, CONFLICT, VALIDATION, LIMIT, or what a handler or the database says.
pub fn resolve(unit: &mut UnitOfWork<'_>, input: &ResolveTask) -> Result<Task> {
    let task = locked(unit, input.id)?;
    let approval = ApprovalState::locked(unit, &task)?;
    vote(unit, input, task, approval)
}

/// Casts the requester's vote on a locked task, whose approval state was read.
fn vote(
    unit: &mut UnitOfWork<'_>,
    input: &ResolveTask,
    mut task: Task,
    mut approval: ApprovalState,
) -> Result<Task> {
    check_entitled(unit, &task, &approval)?;
    let pools = Actor::of(unit).vote(&task, &approval, input.step_id)?;
    check_seen(&task, &input.seen)?;
    let by_policy = unit.settings.decides_by_policy(task.executor_action_event.as_deref());
    let cast = cast::read(unit, input, &task, approval.mode, by_policy)?;
    unit.before(Signal::TaskResolve, task.id, || told(&task, &task, input))?;

    let old = task.clone();
    let key = unit.requester.id().to_string();
    let stale = ledger::mark_unbound(unit, &mut task, &mut approval)?;
    let is_new = ledger::enter(unit, &task, &mut approval, &pools, &cast)?;
    if !by_policy {
        merge_vote(&mut task, key.clone(), &cast.value);
    } else if is_new {
        let is_whole = cast.verdicts.iter().any(|(record_id, _)| record_id.is_none());
        let shown = if is_whole {
            cast.value.clone()
        } else {
            ledger::lists(&approval, &pools, unit.requester.id(), &cast.value)
        };
        show_vote(&mut task, key.clone(), shown);
    }
    if let Some(additional) = input.additional_data.clone() {
        merge_additional(&mut task, key, additional);
    }
    check_json("businessStatus", &task.business_status, MERGED_VOTES * unit.services.limits.json_bytes)?;
    unit.touch(&task);
    if task != old {
        write(unit, &mut task, stale, None)?;
    }
    unit.changed(Signal::TaskResolve, task.id, || told(&old, &task, input))?;
    if by_policy {
        approval.weigh(&task, &unit.settings);
        progression::apply(unit, &mut task, &mut approval)?;
    } else {
        task_hold::keep(unit, &task, &approval)?;
        // The ledger has no such votes.
        if approval.may_have_claims() {
            task_claim::end_own(unit, &mut task)?;
        }
    }
    // The door to the end has ended all claims.
    if !task.status.is_final() {
        task_claim::settle_any(unit, &mut task, &approval)?;
    }
    Ok(task)
}

fn told(old: &Task, new: &Task, input: &ResolveTask) -> EventData {
    EventData::new(Some(old), Some(new)).with("vote", &input.business_status).with("comment", &input.comment)
}

/// The tasks whose votes are to be weighed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReEvaluate {
    /// The tasks with these keys.
    Ids(Vec<Uuid>),
    /// The tasks that are held for this reason, at most as many as a list may have. Those that the requester may not decide
    /// are left out.
    HeldFor(HeldReason),
}

/// Weighs the votes on a task again, without a new vote, because a pool or a policy may have changed since. The requester
/// counts as the decider, so the rules of four eyes apply.
///
/// # Errors
/// NOT_FOUND, FORBIDDEN, CONFLICT, VALIDATION for a rejection without a reason, or what a handler or the database says.
pub fn re_evaluate(unit: &mut UnitOfWork<'_>, asked: &SeenTask) -> Result<Task> {
    let mut task = locked(unit, asked.id)?;
    if let Err(refusal) = Actor::of(unit).need(TaskAction::ReEvaluate) {
        return Err(if sees(unit, &task)? { refusal } else { no_task() });
    }
    let mut approval = ApprovalState::locked(unit, &task)?;
    Actor::of(unit).re_evaluate(&task, &approval)?;
    check_seen(&task, &asked.seen)?;
    weigh_again(unit, &mut task, &mut approval)?;
    Ok(task)
}

fn weigh_again(unit: &mut UnitOfWork<'_>, task: &mut Task, approval: &mut ApprovalState) -> Result<()> {
    unit.touch(task);
    let old = task.clone();
    let has_other_data = approval.passed_on_other_data();
    let stale = ledger::mark_unbound(unit, task, approval)?;
    if has_other_data {
        reopen(unit, task, approval)?;
    }
    if *task != old {
        write(unit, task, stale, None)?;
    }
    progression::apply(unit, task, approval)?;
    if task.status.is_final() { Ok(()) } else { task_claim::settle_any(unit, task, approval) }
}

/// Writes a task as its next version. History says how many votes on it have become stale, and keeps the writer's comment.
pub(super) fn write(
    unit: &mut UnitOfWork<'_>,
    task: &mut Task,
    stale: usize,
    comment: Option<&str>,
) -> Result<()> {
    let stale = (stale > 0).then(|| format!("{stale} votes are stale"));
    let reasons: Vec<&str> = stale.as_deref().into_iter().chain(comment).collect();
    if reasons.is_empty() { unit.update(task) } else { unit.update_because(task, &reasons.join("; ")) }
}

/// Whether the task would be rejected without a reason although the settings want one, because nobody who refused it gave
/// one.
#[must_use]
pub(super) fn lacks_reason(unit: &UnitOfWork<'_>, approval: &ApprovalState) -> bool {
    unit.settings.require_rejection_comment
        && approval.progression() == Progression::Failed
        && !approval.says_why_refused()
}

/// The one door to COMPLETED and FAILED, whoever opens it.
///
/// # Errors
/// VALIDATION for a rejection for which neither `comment` nor a vote gives a reason, if the settings want one; CONFLICT if a
/// process that knows the task's service must decide; INTERNAL for another status; or an error of a handler.
pub fn complete(
    unit: &mut UnitOfWork<'_>,
    task: &mut Task,
    status: TaskStatus,
    approval: &ApprovalState,
    comment: Option<&str>,
) -> Result<()> {
    if !status.is_final() {
        return Err(Error::internal("a task is closed as COMPLETED or FAILED only"));
    }
    refuse_final(task)?;
    if status == TaskStatus::Failed {
        cast::need_reason(unit, comment.is_some() || approval.says_why_refused())?;
    }
    let left_to = match status {
        TaskStatus::Completed => checked_task::left_to(unit, task)?,
        _ => None,
    };
    let result = status.as_str();
    let old = task.clone();
    task.status = status;
    unit.before(Signal::TaskComplete, task.id, || {
        EventData::new(Some(&old), Some(&*task)).with("result", result)
    })?;
    write(unit, task, 0, comment)?;
    db::task_hold::release(unit.connection, task.id)?;
    task_claim::settle_any(unit, task, approval)?;
    db::timer::delete_of(unit.connection, task.id)?;
    function_run::carry_out(unit, task, &approval.votes)?;
    unit.count("tasks_completed_total", "result", result);
    let said = [("comment", comment.map(str::to_owned)), ("cause", unit.cause().map(str::to_owned))];
    unit.changed_and_left(Signal::TaskComplete, task.id, left_to, || {
        let data = EventData::new(Some(&old), Some(&*task))
            .with("result", result)
            .with("rejectedRecordIds", approval.rejected_record_ids());
        let said = said.into_iter().filter_map(|(name, text)| Some((name, text?)));
        said.fold(data, |data, (name, text)| data.with(name, text))
    })
}

/// Shows in `businessStatus`, which clients read, what the ledger has of the person.
fn show_vote(task: &mut Task, key: String, shown: Json) {
    match task.business_status.as_object_mut() {
        Some(gathered) => {
            gathered.insert(key, shown);
        }
        None => task.business_status = json!({ key: shown }),
    }
}

/// Merges a vote that the ledger does not have into `businessStatus`, which clients read.
fn merge_vote(task: &mut Task, key: String, value: &Json) {
    // Merging joins lists, so a repeated list must not be merged again.
    if task.business_status.get(&key) != Some(value) {
        merge(&mut task.business_status, json!({ key: value }));
    }
}

fn merge_additional(task: &mut Task, key: String, additional: Json) {
    let ext = task.json_ext.get_or_insert_with(|| json!({}));
    if !ext.is_object() {
        *ext = json!({});
    }
    let Some(ext) = ext.as_object_mut() else { return };
    let kept = ext.entry("additional_resolve_data".to_owned()).or_insert_with(|| json!({}));
    if !kept.is_object() {
        *kept = json!({});
    }
    if let Some(kept) = kept.as_object_mut() {
        kept.insert(key, additional);
    }
}
