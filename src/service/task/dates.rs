//! When a task is due, and when to look at it again.

use std::collections::BTreeSet;

use chrono::{NaiveDateTime, SubsecRound as _};
use uuid::Uuid;

use crate::domain::task::TaskStatus;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::task::Task;
use crate::model::task_flow_step::{TaskFlowStep, lead_time};
use crate::model::task_group::TaskGroup;
use crate::service::approval_state::{ApprovalState, PoolStatus};
use crate::service::task_group::access::shared;
use crate::service::unit_of_work::UnitOfWork;

/// Sets the dates that are given. `Some(None)` takes a date away.
///
/// # Errors
/// FORBIDDEN, or VALIDATION for a task that would be due in the past.
#[expect(clippy::option_option, reason = "absent, taken away and given are three things")]
pub fn set(
    unit: &mut UnitOfWork<'_>,
    task: &mut Task,
    due: Option<Option<NaiveDateTime>>,
    follow_up: Option<Option<NaiveDateTime>>,
) -> Result<()> {
    if due.is_none() && follow_up.is_none() {
        return Ok(());
    }
    // As with urgency, everybody would have time for their own task.
    if !unit.requester.is_privileged(&unit.settings)
        && !unit.requester.rights.have(&unit.settings.gql_task_assign_perms)
        && !is_holder(unit, task)?
    {
        return Err(Error::forbidden(Message::new("only-planners-set-dates")));
    }
    // As the database keeps it.
    let kept = |moment: NaiveDateTime| moment.trunc_subsecs(6);
    if let Some(due) = due.map(|due| due.map(kept)).filter(|due| *due != task.due_date) {
        if due.is_some_and(|due| due <= unit.now) {
            return Err(Error::validation("dueDate", Message::new("due-in-the-past")));
        }
        task.due_date = due;
        task.due_by_lead_time = false;
    }
    if let Some(follow_up) = follow_up {
        task.follow_up_date = follow_up.map(kept);
    }
    Ok(())
}

/// Whether the requester has claimed the task.
fn is_holder(unit: &mut UnitOfWork<'_>, task: &Task) -> Result<bool> {
    let (user, approval) = (unit.requester.id(), ApprovalState::read(unit, task)?);
    let mut claims = approval.pools.iter().filter_map(PoolStatus::claim);
    Ok(task.status == TaskStatus::Accepted && claims.any(|claim| claim.user_id == user))
}

/// The lead times of these steps; for a task in no flow, that of its group.
pub fn lead_times(steps: &[TaskFlowStep], groups: &[TaskGroup]) -> Vec<Option<i32>> {
    if steps.is_empty() {
        return groups.iter().map(|group| lead_time(None, group)).collect();
    }
    let of_step = |step: &TaskFlowStep| {
        let group = groups.iter().find(|group| group.id == step.task_group_id)?;
        lead_time(Some(step), group)
    };
    steps.iter().map(of_step).collect()
}

/// Keeps the dates true after a change of who is asked: `first_steps` are the steps of a flow to which the task was assigned.
pub fn keep(
    unit: &mut UnitOfWork<'_>,
    task: &mut Task,
    old: &Task,
    first_steps: &[TaskFlowStep],
) -> Result<()> {
    let asked =
        |task: &Task| (task.status == TaskStatus::Accepted).then_some((task.task_group_id, task.flow_id));
    if asked(task).is_none() {
        task.shut();
    } else if asked(task) != asked(old) {
        let mut ids: BTreeSet<Uuid> = first_steps.iter().map(|step| step.task_group_id).collect();
        ids.extend(task.task_group_id);
        let groups = shared(unit, &ids)?;
        task.open(lead_times(first_steps, &groups), unit.now);
    }
    Ok(())
}
