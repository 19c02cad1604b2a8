//! What follows from the votes: a task waits, moves on in its flow, is completed or fails. Only this file applies outcomes,
//! for tasks in a flow and for others.

use super::{complete, ledger};
use crate::db;
use crate::domain::decision::{Outcome, Progression};
use crate::domain::event_data::EventData;
use crate::domain::signal::Signal;
use crate::domain::task::TaskStatus;
use crate::error::Result;
use crate::model::task::Task;
use crate::model::task_flow_step::TaskFlowStep;
use crate::model::task_pool::TaskPool;
use crate::service::approval_state::{ApprovalState, PoolStatus};
use crate::service::task_hold;
use crate::service::timer;
use crate::service::unit_of_work::UnitOfWork;

/// Applies the progression that the approval state of the locked task gives.
///
/// # Errors
/// The error of a handler.
pub fn apply(unit: &mut UnitOfWork<'_>, task: &mut Task, approval: &mut ApprovalState) -> Result<()> {
    match approval.progression() {
        Progression::Waits => task_hold::keep(unit, task, approval),
        Progression::Failed => complete(unit, task, TaskStatus::Failed, approval, None),
        Progression::Completed => {
            mark_passed(unit, task, approval)?;
            complete(unit, task, TaskStatus::Completed, approval, None)
        }
        progression @ (Progression::Stays | Progression::MovesOn) => {
            let old = task.clone();
            let had_timers = timer::has_any(task, &approval.pools);
            let next: Vec<TaskFlowStep> = match progression {
                Progression::MovesOn => approval.next_steps().cloned().collect(),
                _ => Vec::new(),
            };
            let passed = mark_passed(unit, task, approval)?;
            let opened = open(unit, task, &next)?;
            approval.reach(unit.connection, opened)?;
            approval.weigh(task, &unit.settings);
            let active: Vec<TaskFlowStep> =
                approval.pools.iter().filter_map(|pool| pool.step.clone()).collect();
            point_at(task, &active);
            let lead_times = approval.pools.iter().map(PoolStatus::lead_time);
            if progression == Progression::MovesOn {
                task.open(lead_times, unit.now);
                make_room(task, approval);
            } else {
                task.narrow(lead_times);
            }
            unit.before(Signal::TaskUpdate, task.id, || EventData::new(Some(&old), Some(&*task)))?;
            unit.update_because(task, &format!("passed: {passed}"))?;
            task_hold::keep(unit, task, approval)?;
            if had_timers || timer::has_any(task, &approval.pools) {
                timer::plan(unit, task, &approval.pools)?;
            }
            unit.changed(Signal::TaskUpdate, task.id, || EventData::new(Some(&old), Some(&*task)))
        }
    }
}

/// Puts the task at the first steps of a flow. The caller has to write the task and to call [`set_out`].
pub fn begin(task: &mut Task, steps: &[TaskFlowStep]) -> Vec<TaskFlowStep> {
    let first = steps.iter().map(|step| step.step_order).min();
    let first: Vec<TaskFlowStep> =
        steps.iter().filter(|step| Some(step.step_order) == first).cloned().collect();
    task.flow_id = first.first().map(|step| step.task_flow_id);
    point_at(task, &first);
    first
}

/// Opens the pools of these steps for the task, which must have been written.
pub fn set_out(unit: &mut UnitOfWork<'_>, task: &Task, steps: &[TaskFlowStep]) -> Result<()> {
    open(unit, task, steps).map(drop)
}

/// Puts a task back to the first steps of its flow, because approvals of the earlier proposal say nothing about the new one.
/// The caller has to write the task.
pub fn reopen(unit: &mut UnitOfWork<'_>, task: &mut Task, approval: &mut ApprovalState) -> Result<()> {
    if task.flow_id.is_none() {
        return Ok(());
    }
    db::task_pool::delete_of_task(unit.connection, task.id)?;
    let first = begin(task, &approval.steps);
    approval.reached = open(unit, task, &first)?;
    approval.weigh(task, &unit.settings);
    task.open(approval.pools.iter().map(PoolStatus::lead_time), unit.now);
    timer::plan(unit, task, &approval.pools)
}

fn open(unit: &mut UnitOfWork<'_>, task: &Task, steps: &[TaskFlowStep]) -> Result<Vec<TaskPool>> {
    let mut pools = Vec::with_capacity(steps.len());
    for step in steps {
        let pool = TaskPool {
            task_id: task.id,
            step_id: step.id,
            task_group_id: step.task_group_id,
            date_opened: unit.now,
            date_passed: None,
            task_date_created: task.record.date_created,
            is_given: task.task_group_id == Some(step.task_group_id),
        };
        db::insert(unit.connection, &pool)?;
        pools.push(pool);
    }
    Ok(pools)
}

/// Notes which of the pools have passed; returns their orders and groups for the history.
fn mark_passed(unit: &mut UnitOfWork<'_>, task: &Task, approval: &mut ApprovalState) -> Result<String> {
    let mut names = Vec::new();
    for pool in approval.pools.iter().filter(|pool| pool.standing.outcome == Outcome::Passed) {
        if let Some(step) = &pool.step {
            db::task_pool::mark_passed(unit.connection, task.id, step.id, unit.now)?;
            names.push(format!("step {} ({})", step.step_order, pool.group.code));
        }
    }
    approval.pass(unit.now);
    Ok(names.join(", "))
}

/// Shows the first of the active steps as the task's current step.
fn point_at(task: &mut Task, active: &[TaskFlowStep]) {
    if let Some(step) = active.first() {
        task.current_step_id = Some(step.id);
        task.task_group_id = Some(step.task_group_id);
    }
}

/// Removes the earlier votes of people who are asked now from `businessStatus`. The front end shows no buttons to people who
/// stand there, because it takes them to have voted.
fn make_room(task: &mut Task, approval: &ApprovalState) {
    for user in approval.pools.iter().flat_map(|pool| pool.deciders.members.keys()) {
        ledger::forget(task, *user);
    }
}
