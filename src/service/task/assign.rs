//! Assigning tasks to a group or a flow, by hand or by the source of the task.

use uuid::Uuid;

use super::UpdateTask;
use crate::db;
use crate::db::Lock;
use crate::domain::task::TaskStatus;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::task::Task;
use crate::model::task_flow::TaskFlow;
use crate::model::task_flow_step::TaskFlowStep;
use crate::model::task_group::TaskGroup;
use crate::model::task_source::SourceTarget;
use crate::service::approval_state::ApprovalState;
use crate::service::resolution;
use crate::service::unit_of_work::UnitOfWork;

/// The group or flow that decides on a task.
#[derive(Debug)]
pub enum Deciders {
    /// Nobody yet.
    Nobody,
    /// A group, which is locked.
    Group(Box<TaskGroup>),
    /// The groups of a flow's steps.
    Flow(Vec<TaskFlowStep>),
}

impl Deciders {
    /// The group, if a group decides.
    #[must_use]
    pub const fn group(&self) -> Option<&TaskGroup> {
        match self {
            Self::Group(group) => Some(group),
            Self::Nobody | Self::Flow(_) => None,
        }
    }

    /// Assigns the task to these deciders; returns the steps whose pools to open once the task is written.
    pub fn give(self, task: &mut Task) -> Vec<TaskFlowStep> {
        match self {
            Self::Nobody => {
                task.status = TaskStatus::Received;
                task.task_group_id = None;
                Vec::new()
            }
            Self::Group(group) => {
                task.status = TaskStatus::Accepted;
                task.task_group_id = Some(group.id);
                Vec::new()
            }
            Self::Flow(steps) => {
                task.status = TaskStatus::Accepted;
                resolution::begin(task, &steps)
            }
        }
    }
}

/// Changes the deciders of a task as an update asks. The task is changed, but not written.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION or CONFLICT.
pub fn reassign(unit: &mut UnitOfWork<'_>, task: &mut Task, input: &UpdateTask) -> Result<Vec<TaskFlowStep>> {
    // A group beside a flow is the one that the client saw in the task. The flow says who decides.
    let named = input.task_group_id.filter(|_| input.flow_id.is_none());
    let group = named.filter(|id| task.task_group_id != Some(*id));
    let flow = input.flow_id.filter(|id| task.flow_id != Some(*id));
    if (group.is_some() || flow.is_some() || input.detach_flow || input.detach_group)
        && !unit.requester.is_privileged(&unit.settings)
    {
        return Err(Error::forbidden(Message::new("only-privileged-assign")));
    }
    if input.flow_id.is_some() && input.detach_flow {
        return Err(Error::validation("flowId", Message::new("assign-one")));
    }
    let closes = input.status.is_some_and(TaskStatus::is_final);
    for (field, detaches) in [("detachGroup", input.detach_group), ("detachFlow", input.detach_flow)] {
        if detaches && closes {
            let message = Message::new("detach-or-close").with("field", field);
            return Err(Error::validation(field, message));
        }
    }
    if input.detach_group {
        if input.flow_id.is_some() || input.task_group_id.is_some() || input.detach_flow {
            return Err(Error::validation("detachGroup", Message::new("detach-group-alone")));
        }
        detach_group(unit, task)?;
    }
    if input.detach_flow {
        if task.flow_id.is_none() {
            return Err(Error::new(ErrorCode::Conflict, Message::new("not-in-flow")).of_field("detachFlow"));
        }
        refuse_voted(unit, task, "detachFlow")?;
        db::task_pool::delete_of_task(unit.connection, task.id)?;
        task.flow_id = None;
        task.current_step_id = None;
        Deciders::Nobody.give(task);
    }
    // A group that the task has already, such as that of its present step, is no change.
    if let Some(id) = named.filter(|id| task.task_group_id != Some(*id)) {
        if task.flow_id.is_some() {
            return Err(
                Error::new(ErrorCode::Conflict, Message::new("flow-sets-group")).of_field("taskGroupId")
            );
        }
        task.task_group_id = Some(live_group(unit, id)?.id);
    }
    if let Some(id) = flow {
        refuse_voted(unit, task, "flowId")?;
        let steps = assignable(unit, id, task)?;
        db::task_pool::delete_of_task(unit.connection, task.id)?;
        return Ok(Deciders::Flow(steps).give(task));
    }
    Ok(Vec::new())
}

/// Gives a task back to triage, as long as nobody in its group has voted.
fn detach_group(unit: &mut UnitOfWork<'_>, task: &mut Task) -> Result<()> {
    let conflict = |message| Err(Error::new(ErrorCode::Conflict, message).of_field("detachGroup"));
    if task.flow_id.is_some() {
        return conflict(Message::new("flow-sets-group"));
    }
    if task.task_group_id.is_none() {
        return conflict(Message::new("not-in-group"));
    }
    // Of tasks that votes do not decide, the ledger has no votes.
    if !unit.settings.decides_by_policy(task.executor_action_event.as_deref()) && shows_votes(task) {
        return conflict(Message::new("task-voted"));
    }
    refuse_voted(unit, task, "detachGroup")?;
    Deciders::Nobody.give(task);
    Ok(())
}

/// Whether `businessStatus` shows somebody's vote.
fn shows_votes(task: &Task) -> bool {
    task.business_status.as_object().is_some_and(|shown| shown.keys().any(|key| key.parse::<Uuid>().is_ok()))
}

/// The deciders of new tasks of this source: the flow or the group to which the source is bound.
pub fn of_source(unit: &mut UnitOfWork<'_>, source: &str, task_event: &str) -> Result<Deciders> {
    let target = db::task_source::bound_to(unit.connection, source)?;
    let deciders = match target {
        None => return Ok(Deciders::Nobody),
        Some(SourceTarget::Group(id)) => db::lock::<TaskGroup>(unit.connection, id, Lock::Share)?
            .filter(|group| !group.is_deleted)
            .map(|group| Deciders::Group(Box::new(group))),
        // Votes on tasks of other events decide nothing, so such a task would never move on in a flow.
        Some(SourceTarget::Flow(_)) if !unit.settings.decides_by_policy(Some(task_event)) => None,
        Some(SourceTarget::Flow(_))
            if unit.settings.flow_ineligible_sources.iter().any(|own| own == source) =>
        {
            None
        }
        Some(SourceTarget::Flow(id)) => {
            let head = db::lock::<TaskFlow>(unit.connection, id, Lock::Share)?.filter(TaskFlow::is_head);
            match head {
                Some(flow) => {
                    Some(Deciders::Flow(db::task_flow_step::of_flows(unit.connection, &[flow.id])?))
                }
                None => None,
            }
        }
    };
    // The source may have been bound elsewhere while this transaction waited for the lock.
    if db::task_source::bound_to(unit.connection, source)? == target {
        return Ok(deciders.unwrap_or(Deciders::Nobody));
    }
    of_source(unit, source, task_event)
}

/// The steps of the flow with this key, if the task may go through it.
///
/// # Errors
/// NOT_FOUND, CONFLICT for a superseded flow, or VALIDATION for a task that no flow may decide.
pub fn assignable(unit: &mut UnitOfWork<'_>, flow_id: Uuid, task: &Task) -> Result<Vec<TaskFlowStep>> {
    let flow = db::lock::<TaskFlow>(unit.connection, flow_id, Lock::Share)?
        .filter(|flow| !flow.is_deleted)
        .ok_or_else(|| Error::not_found("flowId", Message::new("no-task-flow")))?;
    if !flow.is_head() {
        return Err(Error::new(ErrorCode::Conflict, Message::new("flow-superseded")).of_field("flowId"));
    }
    if !unit.settings.decides_by_policy(task.executor_action_event.as_deref()) {
        return Err(Error::validation("flowId", Message::new("flow-needs-default-event")));
    }
    if let Some(source) =
        task.source.as_ref().filter(|source| unit.settings.flow_ineligible_sources.contains(source))
    {
        let message = Message::new("source-ineligible").with("source", source.as_str());
        return Err(Error::validation("flowId", message));
    }
    db::task_flow_step::of_flows(unit.connection, &[flow.id])
}

/// This live group, which nobody else can change or delete until the transaction ends.
pub fn live_group(unit: &mut UnitOfWork<'_>, id: Uuid) -> Result<TaskGroup> {
    db::lock::<TaskGroup>(unit.connection, id, Lock::Share)?
        .filter(|group| !group.is_deleted)
        .ok_or_else(|| Error::not_found("taskGroupId", Message::new("no-task-group")))
}

/// Refuses to change the deciders of a task once somebody has voted: votes belong to the pool in which they were cast.
fn refuse_voted(unit: &mut UnitOfWork<'_>, task: &Task, field: &str) -> Result<()> {
    if ApprovalState::read(unit, task)?.has_votes() {
        return Err(Error::new(ErrorCode::Conflict, Message::new("task-voted")).of_field(field));
    }
    Ok(())
}
