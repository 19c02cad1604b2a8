//! Timers that are due: each acts in one transaction, if its reason is still there.

use chrono::TimeDelta;
use uuid::Uuid;

use super::timer::{GROUP, Planned, plan, planned};
use crate::db;
use crate::db::Lock;
use crate::db::connection::DbConnection;
use crate::domain::escalation::{EscalationAction, EscalationRule};
use crate::domain::event_data::EventData;
use crate::domain::signal::Signal;
use crate::domain::task::TaskStatus;
use crate::domain::timer::TimerKind;
use crate::error::{Error, Result};
use crate::model::task::Task;
use crate::model::timer::Timer;
use crate::service::approval_state::ApprovalState;
use crate::service::function_schedule;
use crate::service::resolution;
use crate::service::task_claim;
use crate::service::task_hold;
use crate::service::task_mail;
use crate::service::unit_of_work::UnitOfWork;

/// How many tasks of a group are found at once to be planned.
const PAGE: usize = 500;
/// After how long a task is looked at again that would fail, and is held.
const HELD: TimeDelta = TimeDelta::hours(1);

/// The tasks whose timers this timer plans, at most so many of those after `after`.
pub fn tasks_to_plan(connection: &mut DbConnection, timer: &Timer, after: Option<Uuid>) -> Result<Vec<Uuid>> {
    if timer.key == GROUP {
        return db::task::asked_of_group(connection, timer.entity_id, after.unwrap_or_default(), PAGE);
    }
    Ok(if after.is_none() { vec![timer.entity_id] } else { Vec::new() })
}

/// Does what a timer of a task is for, if this worker still has it in hand and its reason is still there; a timer by which
/// others are planned plans those of this task.
///
/// # Errors
/// The error of a handler.
pub fn act(unit: &mut UnitOfWork<'_>, task_id: Uuid, timer: &Timer, worker: Uuid) -> Result<()> {
    if timer.kind == TimerKind::Schedule {
        return function_schedule::act(unit, timer, worker);
    }
    if timer.kind == TimerKind::Digest {
        return task_mail::digest::act(unit, timer, worker);
    }
    let task = db::lock::<Task>(unit.connection, task_id, Lock::Exclusive)?;
    let Some(mut task) = task.filter(Task::is_open) else {
        return db::timer::delete_of(unit.connection, task_id);
    };
    if timer.kind == TimerKind::Plan {
        let approval = ApprovalState::locked(unit, &task)?;
        return plan(unit, &task, &approval.pools);
    }
    if db::timer::in_hand(unit.connection, timer.id, worker, unit.now)?.is_none() {
        return Ok(());
    }
    let approval = ApprovalState::locked(unit, &task)?;
    if timer.kind == TimerKind::Lapse {
        db::timer::delete(unit.connection, &[timer.id])?;
        return task_claim::settle(unit, &mut task, &approval);
    }
    let reason = planned(&task, &approval.pools)
        .into_iter()
        .find(|planned| planned.kind == timer.kind && planned.key == timer.key);
    let Some(Planned { rule, .. }) = reason else {
        return db::timer::delete(unit.connection, &[timer.id]);
    };
    let is_timeout = timer.kind == TimerKind::Timeout;
    if is_timeout && approval.held().is_some() {
        // People are wanted, or the votes are enough: nobody was idle.
        return db::timer::set_due(unit.connection, timer.id, Some(unit.now + HELD));
    }
    db::timer::set_due(unit.connection, timer.id, None)?;
    if let Some(rule) = rule {
        return escalate(unit, &mut task, &approval, rule);
    }
    unit.before(Signal::TaskOverdue, task.id, || told(&task))?;
    unit.changed(Signal::TaskOverdue, task.id, || told(&task))
}

fn escalate(
    unit: &mut UnitOfWork<'_>,
    task: &mut Task,
    approval: &ApprovalState,
    rule: EscalationRule,
) -> Result<()> {
    unit.before(Signal::TaskEscalate, task.id, || told(task).with("rule", rule))?;
    match rule.action {
        EscalationAction::Notify => {}
        EscalationAction::RaisePriority => {
            unit.because(format!("escalated: {rule}"));
            raise_priority(unit, task, approval, rule.priority)?;
        }
        EscalationAction::Fail => unit.because("timeout".to_owned()),
    }
    unit.changed(Signal::TaskEscalate, task.id, || told(task).with("rule", rule))?;
    match rule.action {
        EscalationAction::Fail => {
            resolution::complete(unit, task, TaskStatus::Failed, approval, Some(&rule.to_string()))
        }
        EscalationAction::Notify | EscalationAction::RaisePriority => Ok(()),
    }
}

fn told(task: &Task) -> EventData {
    EventData::new(Some(task), Some(task))
}

fn raise_priority(
    unit: &mut UnitOfWork<'_>,
    task: &mut Task,
    approval: &ApprovalState,
    priority: Option<i32>,
) -> Result<()> {
    let priority = priority.ok_or_else(|| Error::internal("a rule that raises the priority names none"))?;
    if task.priority >= priority {
        return Ok(());
    }
    let old = task.clone();
    task.priority = priority;
    unit.before(Signal::TaskUpdate, task.id, || EventData::new(Some(&old), Some(&*task)))?;
    unit.update(task)?;
    task_hold::keep(unit, task, approval)?;
    unit.changed(Signal::TaskUpdate, task.id, || EventData::new(Some(&old), Some(&*task)))
}
