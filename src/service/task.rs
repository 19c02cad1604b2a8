//! Creating, changing, deleting, carrying out and reading tasks. Deciding on them is in `resolution`.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::bulk;
use super::context::{ListScope, ServiceContext};
use super::resolution;
use super::task_claim;
use super::task_hold;
use super::timer;
use super::unit_of_work::UnitOfWork;
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::bulk::{BulkMode, Outcome};
use crate::domain::event_data::EventData;
use crate::domain::json::Json;
use crate::domain::query::ListQuery;
use crate::domain::signal::Signal;
use crate::domain::task::{TaskStatus, check_priority};
use crate::domain::task_action::TaskAction;
use crate::domain::text::check_json;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::history::Historical;
use crate::model::slice::Slice;
use crate::model::task::Task;
use crate::service::approval_state::ApprovalState;

pub(super) mod access;
pub mod action;
mod assign;
mod create;
mod dates;

pub use access::{Seen, SeenTask};
pub use create::{CreateTask, create, create_many};

use access::{check_entitled, check_seen, locked, no_task, refuse_final, refuse_unaccepted, sees};
use action::{Actor, check_state};
use assign::live_group;

/// The changes of a task. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct UpdateTask {
    /// The task.
    pub id: Uuid,
    /// Its new status.
    pub status: Option<TaskStatus>,
    /// Its new group.
    pub task_group_id: Option<Uuid>,
    /// The flow through which the task is to go.
    pub flow_id: Option<Uuid>,
    /// Whether to take the task out of its flow.
    pub detach_flow: bool,
    /// Whether to take the task from its group, which gives it back to triage.
    pub detach_group: bool,
    /// The new proposal. Votes on the earlier proposal no longer count, and a flow begins anew.
    pub data: Option<Json>,
    /// The reason of the change, which history keeps. Required for a rejection, if the settings want a reason.
    pub comment: Option<String>,
    /// How urgent the task is, from 0 to 100; for privileged people only.
    pub priority: Option<i32>,
    /// When the task is due, naive UTC; for triage, people who may assign tasks and whoever has claimed it. `Some(None)`: nobody
    /// says so.
    pub due_date: Option<Option<NaiveDateTime>>,
    /// When to look at the task again, naive UTC; for the same people only. `Some(None)`: at any time.
    pub follow_up_date: Option<Option<NaiveDateTime>>,
    /// What was seen of the task.
    pub seen: Seen,
}

/// Changes a task: assigns it to a group or flow, accepts it, changes what it proposes, or closes it through the one door.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT, or what a handler or the database says.
pub fn update(unit: &mut UnitOfWork<'_>, input: &UpdateTask) -> Result<Task> {
    Actor::of(unit).need(TaskAction::Update)?;
    let mut task = locked(unit, input.id)?;
    if !sees(unit, &task)? {
        return Err(no_task());
    }
    check_state(TaskAction::Update, &task)?;
    check_seen(&task, &input.seen)?;
    unit.touch(&task);
    let closes = input.status.filter(|status| status.is_final());
    if closes.is_some() && !unit.requester.is_privileged(&unit.settings) {
        return Err(Error::forbidden(Message::new("only-privileged-close")));
    }

    let comment = resolution::read_comment(unit, input.comment.as_deref())?;
    let old = task.clone();
    let first_steps = assign::reassign(unit, &mut task, input)?;
    match input.status {
        Some(TaskStatus::Accepted) => accept(unit, &mut task)?,
        Some(TaskStatus::Received) => {
            return Err(Error::validation("status", Message::new("received-is-the-beginning")));
        }
        Some(TaskStatus::Completed | TaskStatus::Failed) | None => {}
    }
    dates::keep(unit, &mut task, &old, &first_steps)?;
    if let Some(data) = &input.data {
        propose(unit, &mut task, data)?;
    }
    if let Some(priority) = input.priority {
        task.priority = check_priority(priority)?;
        // Everybody's own task seems urgent to them.
        if !unit.requester.is_privileged(&unit.settings) {
            return Err(Error::forbidden(Message::new("only-privileged-prioritize")));
        }
    }
    dates::set(unit, &mut task, input.due_date, input.follow_up_date)?;
    if task == old && closes.is_none() && comment.is_some() {
        // There would be no version to keep it.
        return Err(Error::validation("comment", Message::new("comment-without-change")));
    }
    if task != old {
        let stale = unbind_votes(unit, &mut task, &old)?;
        unit.before(Signal::TaskUpdate, task.id, || EventData::new(Some(&old), Some(&task)))?;
        resolution::write(unit, &mut task, stale, comment.as_deref().filter(|_| closes.is_none()))?;
        resolution::set_out(unit, &task, &first_steps)?;
        unit.changed(Signal::TaskUpdate, task.id, || EventData::new(Some(&old), Some(&task)))?;
    }
    if let Some(status) = closes {
        close(unit, &mut task, status, comment.as_deref())?;
    } else if task.version != old.version {
        let approval = ApprovalState::locked(unit, &task)?;
        task_hold::keep(unit, &task, &approval)?;
        task_claim::settle(unit, &mut task, &approval)?;
        timer::plan(unit, &task, &approval.pools)?;
    }
    Ok(task)
}

/// Deletes these tasks, which must not be decided yet.
///
/// # Errors
/// FORBIDDEN or LIMIT; NOT_FOUND, CONFLICT, or what a handler or the database says, if nothing was done.
pub fn delete(unit: &mut UnitOfWork<'_>, tasks: &[SeenTask], mode: BulkMode) -> Result<Vec<Outcome>> {
    Actor::of(unit).need(TaskAction::Delete)?;
    unit.check_list("ids", tasks.len())?;
    bulk::run(unit, mode, tasks, |task| task.id, bulk::once(|task: &SeenTask| task.id, delete_one))
}

fn delete_one(unit: &mut UnitOfWork<'_>, asked: &SeenTask) -> Result<()> {
    let mut task = locked(unit, asked.id)?;
    if !sees(unit, &task)? {
        return Err(no_task());
    }
    check_state(TaskAction::Delete, &task)?;
    check_seen(&task, &asked.seen)?;
    let old = task.clone();
    unit.before(Signal::TaskDelete, task.id, || EventData::new(Some(&old), None))?;
    unit.delete(&mut task)?;
    task_claim::close(unit, &mut task)?;
    db::task_hold::release(unit.connection, task.id)?;
    db::timer::delete_of(unit.connection, task.id)?;
    unit.changed(Signal::TaskDelete, task.id, || EventData::new(Some(&old), Some(&task)))
}

/// Carries a task out by the executor action handler that the host registered for its event.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT, VALIDATION without a handler, or what a handler or the database says.
pub fn execute(unit: &mut UnitOfWork<'_>, asked: &SeenTask) -> Result<Task> {
    let task = locked(unit, asked.id)?;
    let approval = ApprovalState::locked(unit, &task)?;
    check_entitled(unit, &task, &approval)?;
    refuse_final(&task)?;
    refuse_unaccepted(&task)?;
    check_seen(&task, &asked.seen)?;
    if unit.settings.decides_by_policy(task.executor_action_event.as_deref()) {
        return Err(Error::new(ErrorCode::Conflict, Message::new("decided-by-votes")));
    }
    let event = task.executor_action_event.clone().unwrap_or_default();
    let Some(action) = unit.services.host.executor_action(&event).cloned() else {
        return Err(Error::validation("id", Message::new("no-executor-action").with("event", event)));
    };
    unit.before(Signal::TaskExecute, task.id, || EventData::new(Some(&task), Some(&task)))?;
    action(unit.connection, unit.requester, &task)?;
    unit.touch(&task);
    unit.changed(Signal::TaskExecute, task.id, || EventData::new(Some(&task), Some(&task)))?;
    Ok(task)
}

/// Lists the tasks that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<Task>> {
    services.list(requester, query, place, visibility::tasks, db::list::<Task>).await
}

/// The tasks with these keys, to show the tasks of visible rows.
pub async fn of_visible_rows(services: &Arc<ServiceContext>, ids: Vec<Uuid>) -> Result<Vec<Task>> {
    services.read(move |_, connection| db::get_many::<Task>(connection, &ids)).await
}

/// Lists the versions of the tasks that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list_history(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<Historical<Task>>> {
    query.leave_out_deleted_versions();
    services.list(requester, query, ListScope::Root, visibility::task_history, db::list_history::<Task>).await
}

/// Accepts the task: its group decides on it from now on.
fn accept(unit: &mut UnitOfWork<'_>, task: &mut Task) -> Result<()> {
    let Some(group_id) = task.task_group_id else {
        return Err(Error::validation("status", Message::new("accepted-needs-group")));
    };
    live_group(unit, group_id)?;
    task.status = TaskStatus::Accepted;
    Ok(())
}

/// Changes the proposal. Only the maker and privileged people may do that, so that deciders can't change what they decide
/// on.
fn propose(unit: &UnitOfWork<'_>, task: &mut Task, data: &Json) -> Result<()> {
    if *data == task.data {
        return Ok(());
    }
    if unit.requester.id() != task.user_created && !unit.requester.is_privileged(&unit.settings) {
        return Err(Error::forbidden(Message::new("only-maker-changes-data")));
    }
    check_json("data", data, unit.services.limits.json_bytes)?;
    task.data = data.clone();
    task.data_user = Some(unit.requester.id());
    Ok(())
}

/// Makes the votes stale if the proposal or the deciders have changed since they were cast; returns how many.
fn unbind_votes(unit: &mut UnitOfWork<'_>, task: &mut Task, old: &Task) -> Result<usize> {
    let moved = task.task_group_id != old.task_group_id && old.flow_id.is_none();
    if task.data == old.data && !moved {
        return Ok(0);
    }
    let mut approval = ApprovalState::read(unit, old)?;
    let stale = resolution::make_stale(unit, task, &mut approval)?;
    if old.flow_id.is_some() && old.flow_id == task.flow_id {
        resolution::reopen(unit, task, &mut approval)?;
    }
    Ok(stale)
}

/// Closes a task without votes, unless the rules of four eyes bar the requester from deciding it.
fn close(
    unit: &mut UnitOfWork<'_>,
    task: &mut Task,
    status: TaskStatus,
    comment: Option<&str>,
) -> Result<()> {
    if task.flow_id.is_some() {
        return Err(Error::new(ErrorCode::Conflict, Message::new("flow-decides")).of_field("status"));
    }
    let approval = ApprovalState::locked(unit, task)?;
    let user = unit.requester.id();
    let barred = match approval.pools.as_slice() {
        // There is no group, so the rules of the settings hold.
        [] => unit.settings.four_eyes().bar(user, &task.makers(), &BTreeSet::new()),
        pools => pools.iter().find_map(|pool| pool.bar(user)),
    };
    if let Some(reason) = barred {
        return Err(access::barred(reason));
    }
    resolution::complete(unit, task, status, &approval, comment)
}
