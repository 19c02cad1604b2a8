//! Timers of tasks: which there are, and what they do when they are due.
//!
//! A task's timers follow from its dates and from the rules of those who are asked. They are planned in the transaction of
//! whatever changes these; a rule of a group leaves one timer there, by which those of its open tasks are planned. A timer that is due acts
//! in one transaction: it locks the task, looks whether its reason is still there, acts in the name of the system user, and is
//! done. So a process that dies at any moment loses nothing, and nothing happens twice. A timer that has acted stays until the
//! task is decided or deleted, so that the same reason does not make another.

use chrono::NaiveDateTime;
use uuid::Uuid;

use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::escalation::{EscalationAction, EscalationRule};
use crate::domain::json::{Json, json};
use crate::domain::task::TaskStatus;
use crate::domain::timer::TimerKind;
use crate::error::Result;
use crate::model::task::Task;
use crate::model::task_flow_step::escalations;
use crate::model::timer::Timer;
use crate::service::approval_state::PoolStatus;
use crate::service::unit_of_work::UnitOfWork;

/// A timer that a task is to have.
pub(super) struct Planned {
    pub(super) kind: TimerKind,
    pub(super) key: String,
    due: NaiveDateTime,
    pub(super) rule: Option<EscalationRule>,
}

/// The timers that an open task with these pools is to have, those too that have acted.
pub(super) fn planned(task: &Task, pools: &[PoolStatus]) -> Vec<Planned> {
    let mut planned: Vec<Planned> = Vec::new();
    if let Some(due) = task.due_date {
        planned.push(Planned { kind: TimerKind::Overdue, key: at(due), due, rule: None });
    }
    let opened = task.date_opened.unwrap_or(task.date_created);
    // A group that was named for a task which is not accepted yet is not asked.
    for pool in pools.iter().filter(|_| task.status == TaskStatus::Accepted) {
        let asked = pool.step_id().unwrap_or(pool.group.id);
        for rule in escalations(pool.step.as_ref(), &pool.group) {
            let Some(base) = rule.base(task.due_date, opened) else { continue };
            let Some(due) = rule.moment(base) else { continue };
            let kind = match rule.action {
                EscalationAction::Fail => TimerKind::Timeout,
                EscalationAction::Notify | EscalationAction::RaisePriority => TimerKind::Escalate,
            };
            let key = format!("{asked} {rule} {}", at(base));
            // A rule that is there twice acts once.
            if !planned.iter().any(|other| other.kind == kind && other.key == key) {
                planned.push(Planned { kind, key, due, rule: Some(rule) });
            }
        }
    }
    planned
}

fn at(moment: NaiveDateTime) -> String {
    moment.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

/// Whether a task with these pools is to have timers.
#[must_use]
pub fn has_any(task: &Task, pools: &[PoolStatus]) -> bool {
    task.due_date.is_some()
        || pools.iter().any(|pool| !escalations(pool.step.as_ref(), &pool.group).is_empty())
}

/// Plans the timers of an open task anew, after a change of its dates or of who is asked.
pub fn plan(unit: &mut UnitOfWork<'_>, task: &Task, pools: &[PoolStatus]) -> Result<()> {
    let wanted = planned(task, pools);
    let present = db::timer::planned_of(unit.connection, task.id)?;
    let is_same = |timer: &Timer, planned: &Planned| timer.kind == planned.kind && timer.key == planned.key;
    let is_gone =
        |timer: &&Timer| timer.due.is_some() && !wanted.iter().any(|planned| is_same(timer, planned));
    let gone: Vec<i64> = present.iter().filter(is_gone).map(|timer| timer.id).collect();
    db::timer::delete(unit.connection, &gone)?;
    for planned in wanted.into_iter().filter(|planned| !present.iter().any(|timer| is_same(timer, planned))) {
        insert(unit, task.id, planned)?;
    }
    Ok(())
}

/// Plans the timers of a task that this transaction has created.
pub fn begin(unit: &mut UnitOfWork<'_>, task: &Task, pools: &[PoolStatus]) -> Result<()> {
    planned(task, pools).into_iter().try_for_each(|planned| insert(unit, task.id, planned))
}

/// Has the timers of all open tasks planned anew about which a group is asked, because its rules have changed. It may be asked
/// about any number of tasks, and a transaction that changes a group may lock none.
pub fn plan_tasks_of(unit: &mut UnitOfWork<'_>, group_id: Uuid) -> Result<()> {
    let timer = new(TimerKind::Plan, group_id, GROUP.to_owned(), unit.now, Json::Null);
    db::timer::renew(unit.connection, &timer, unit.now)
}

/// Has the timers of a task planned that was written past the services.
pub fn plan_later(connection: &mut DbConnection, task_id: Uuid, now: NaiveDateTime) -> Result<()> {
    db::timer::renew(connection, &new(TimerKind::Plan, task_id, TASK.to_owned(), now, Json::Null), now)
}

/// The name of the timer by which those of a group's tasks are planned.
pub(super) const GROUP: &str = "group";
/// The name of the timer by which those of one task are planned.
const TASK: &str = "task";

fn insert(unit: &mut UnitOfWork<'_>, task_id: Uuid, planned: Planned) -> Result<()> {
    let rule = planned.rule.map_or(Json::Null, |rule| json!({ "rule": rule }));
    let timer = new(planned.kind, task_id, planned.key, planned.due, rule);
    db::timer::insert(unit.connection, &timer, unit.now)
}

/// A timer that is not written yet.
pub(super) const fn new(
    kind: TimerKind,
    entity_id: Uuid,
    key: String,
    due: NaiveDateTime,
    payload: Json,
) -> Timer {
    Timer {
        id: 0,
        kind,
        entity_id,
        key,
        due: Some(due),
        payload,
        leased_by: None,
        lease_until: None,
        attempts: 0,
    }
}
