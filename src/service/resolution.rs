//! Deciding on tasks: casting votes, weighing them, and the one door to COMPLETED and FAILED.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::task::{check_list, locked, no_task, refuse_final, sees};
use super::unit::Unit;
use crate::clock::new_id;
use crate::db;
use crate::db::task_group::Lock;
use crate::domain::decision::{Outcome, evaluate};
use crate::domain::merge::merge;
use crate::domain::signal::Signal;
use crate::domain::task::{Task, TaskStatus};
use crate::domain::text::{MAX_TEXT, check_json, check_text};
use crate::domain::vote::{Verdict, Vote};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;

/// A vote to be cast.
#[derive(Debug, Clone)]
pub struct ResolveTask {
    /// The task.
    pub id: Uuid,
    /// An object whose only key is the caller's user id; its value is the vote.
    pub business_status: Value,
    /// What else the caller has to say; kept in `jsonExt`.
    pub additional_data: Option<Value>,
}

/// A vote as it was read from the input.
struct Cast {
    /// The value under the caller's id, to be merged into `businessStatus`.
    value: Value,
    /// The verdicts in it; none where the completion policy does not decide.
    verdicts: Vec<(Option<String>, Verdict)>,
}

/// Casts the requester's vote, and completes or fails the task if that decides it. A repeated vote writes nothing, but
/// the votes are weighed again.
///
/// # Errors
/// NOT_FOUND, FORBIDDEN, CONFLICT, VALIDATION, LIMIT, or what a handler or the database says.
pub fn resolve(unit: &mut Unit<'_>, input: &ResolveTask) -> Result<Task> {
    let mut task = locked(unit, input.id)?;
    let pool = check_entitled(unit, &task)?;
    refuse_final(&task)?;
    refuse_unaccepted(&task)?;
    let by_policy =
        task.executor_action_event.as_deref() == Some(unit.settings.default_executor_event.as_str());
    let cast = read_vote(unit, input, by_policy)?;
    unit.before(Signal::TaskResolve, task.id, || json!({ "task": task, "vote": input.business_status }))?;

    let old = task.clone();
    let key = unit.requester.id().to_string();
    let is_new = enter_in_ledger(unit, &task, &cast.verdicts)?;
    // Where the ledger decides, what it knows already is not merged: lists would grow by repeats.
    if is_new || !by_policy {
        merge_vote(&mut task, key.clone(), &cast.value);
    }
    if let Some(additional) = input.additional_data.clone() {
        merge_additional(&mut task, key, additional);
    }
    check_json("businessStatus", &task.business_status, unit.core.limits.json_bytes)?;
    unit.touch(&task);
    if task != old {
        unit.update(&mut task)?;
    }
    unit.changed(Signal::TaskResolve, task.id, || json!({ "task": task, "vote": input.business_status }))?;
    if by_policy {
        weigh(unit, &mut task, &pool)?;
    }
    Ok(task)
}

/// The one door to COMPLETED and FAILED, whoever opens it.
///
/// # Errors
/// What a handler or the database says; INTERNAL for another status.
pub fn complete(unit: &mut Unit<'_>, task: &mut Task, status: TaskStatus) -> Result<()> {
    if !status.is_final() {
        return Err(Error::internal("a task is closed as COMPLETED or FAILED only"));
    }
    refuse_final(task)?;
    let result = status.as_str();
    unit.before(Signal::TaskComplete, task.id, || json!({ "task": task, "result": result }))?;
    task.status = status;
    unit.update(task)?;
    unit.count("tasks_completed_total", "result", result);
    unit.changed(Signal::TaskComplete, task.id, || json!({ "task": task, "result": result }))
}

/// The requester sits in the group that decides, or is privileged; answers who sits there. The group and its seats stay
/// as they are until the transaction ends.
pub(super) fn check_entitled(unit: &mut Unit<'_>, task: &Task) -> Result<BTreeSet<Uuid>> {
    let mut pool = BTreeSet::new();
    if let Some(group_id) = task.task_group_id
        && db::task_group::lock(unit.connection, group_id, Lock::Share)?
            .is_some_and(|group| !group.is_deleted)
    {
        pool.extend(db::task_executor::pool(unit.connection, group_id)?);
    }
    if pool.contains(&unit.requester.id()) || unit.requester.is_privileged(&unit.settings) {
        return Ok(pool);
    }
    if sees(unit, task)? { Err(Error::forbidden(Message::new("not-an-executor"))) } else { Err(no_task()) }
}

/// Refuses to decide on what no group has been asked about.
pub(super) fn refuse_unaccepted(task: &Task) -> Result<()> {
    if task.status == TaskStatus::Accepted {
        return Ok(());
    }
    let message = Message::new("task-not-accepted").with("status", task.status.as_str());
    Err(Error::new(ErrorCode::Conflict, message))
}

fn weigh(unit: &mut Unit<'_>, task: &mut Task, pool: &BTreeSet<Uuid>) -> Result<()> {
    let Some(group_id) = task.task_group_id else {
        return Ok(());
    };
    let Some(group) = db::task_group::get(unit.connection, group_id)? else {
        return Ok(());
    };
    let ledger = db::vote::live_on_task(unit.connection, task.id)?;
    let votes: Vec<(Uuid, Verdict)> = ledger
        .iter()
        .filter(|vote| vote.record_id.is_none())
        .map(|vote| (vote.user_id, vote.verdict))
        .collect();
    match evaluate(group.policy(), pool, &votes) {
        Outcome::Passed => complete(unit, task, TaskStatus::Completed),
        Outcome::Failed => complete(unit, task, TaskStatus::Failed),
        Outcome::Open | Outcome::Held => Ok(()),
    }
}

fn read_vote(unit: &Unit<'_>, input: &ResolveTask, by_policy: bool) -> Result<Cast> {
    let foreign = || Error::validation("businessStatus", Message::new("vote-in-own-name"));
    check_json("businessStatus", &input.business_status, unit.core.limits.json_bytes)?;
    if let Some(additional) = &input.additional_data {
        check_json("additionalData", additional, unit.core.limits.json_bytes)?;
    }
    let Some(map) = input.business_status.as_object() else {
        return Err(Error::validation(
            "businessStatus",
            Message::new("not-an-object").with("field", "businessStatus"),
        ));
    };
    let mut entries = map.iter();
    let (Some((key, value)), None) = (entries.next(), entries.next()) else {
        return Err(foreign());
    };
    if key.parse::<Uuid>().ok() != Some(unit.requester.id()) {
        return Err(foreign());
    }
    let verdicts = if by_policy { read_verdicts(unit, value)? } else { Vec::new() };
    Ok(Cast { value: value.clone(), verdicts })
}

fn read_verdicts(unit: &Unit<'_>, value: &Value) -> Result<Vec<(Option<String>, Verdict)>> {
    let settings = &unit.settings;
    let unknown = || {
        let allowed = [
            settings.task_user_approved.as_str(),
            settings.task_user_failed.as_str(),
            r#"{"ACCEPT": […], "REJECT": […]}"#,
        ];
        Error::validation("businessStatus", Message::new("unknown-verdict").with_list("allowed", &allowed))
    };
    match value {
        Value::String(text) if *text == settings.task_user_approved => Ok(vec![(None, Verdict::Approved)]),
        Value::String(text) if *text == settings.task_user_failed => Ok(vec![(None, Verdict::Failed)]),
        Value::Object(map) => {
            let mut verdicts = Vec::new();
            let mut records = BTreeSet::new();
            for (key, listed) in map {
                let verdict = [Verdict::Accept, Verdict::Reject]
                    .into_iter()
                    .find(|verdict| verdict.as_str() == key)
                    .ok_or_else(unknown)?;
                let listed = listed.as_array().ok_or_else(unknown)?;
                check_list(unit, "businessStatus", listed.len())?;
                let mut own = BTreeSet::new();
                for record in listed {
                    let record = record.as_str().ok_or_else(unknown)?;
                    check_text("businessStatus", record, MAX_TEXT)?;
                    if record.trim().is_empty() {
                        return Err(Error::validation("businessStatus", Message::new("blank-record")));
                    }
                    if own.insert(record) {
                        verdicts.push((Some(record.to_owned()), verdict));
                    }
                }
                if own.iter().any(|record| !records.insert(*record)) {
                    return Err(Error::validation("businessStatus", Message::new("record-in-both")));
                }
            }
            if verdicts.is_empty() { Err(unknown()) } else { Ok(verdicts) }
        }
        _ => Err(unknown()),
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

/// Adds the verdicts to the ledger; answers whether that changed it. A verdict that replaces another leaves that one
/// marked as deleted; one that repeats another adds nothing.
fn enter_in_ledger(unit: &mut Unit<'_>, task: &Task, verdicts: &[(Option<String>, Verdict)]) -> Result<bool> {
    if verdicts.is_empty() {
        return Ok(false);
    }
    let mut is_new = false;
    let user = unit.requester.id();
    let own: Vec<Vote> = db::vote::live_on_task(unit.connection, task.id)?
        .into_iter()
        .filter(|vote| vote.user_id == user)
        .collect();
    // One speaks of the whole task or of its records. Who turns from one to the other takes back what was said before,
    // as `businessStatus` shows it.
    let of_records = verdicts.iter().any(|(record_id, _)| record_id.is_some());
    for before in own.iter().filter(|vote| vote.record_id.is_some() != of_records) {
        unit.delete(&mut before.clone())?;
    }
    for (record_id, verdict) in verdicts {
        if let Some(before) = own.iter().find(|vote| vote.record_id == *record_id) {
            if before.verdict == *verdict {
                continue;
            }
            unit.delete(&mut before.clone())?;
        }
        is_new = true;
        unit.insert(&Vote {
            id: new_id(),
            is_deleted: false,
            json_ext: None,
            version: 1,
            date_created: unit.now,
            date_updated: unit.now,
            user_created: user,
            user_updated: user,
            task_id: task.id,
            step_id: None,
            user_id: user,
            record_id: record_id.clone(),
            verdict: *verdict,
        })?;
        unit.count("tasks_votes_total", "verdict", verdict.as_str());
    }
    Ok(is_new)
}
