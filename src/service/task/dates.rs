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
    let is_planner = unit.requester.is_privileged(&unit.settings)
        || unit.requester.rights.have(&unit.settings.gql_task_assign_perms);
    let held_until = if is_planner { None } else { held_until(unit, task)? };
    if !is_planner && held_until.is_none() {
        return Err(Error::forbidden(Message::new("only-planners-set-dates")));
    }
    // As the database keeps it.
    let kept = |moment: NaiveDateTime| moment.trunc_subsecs(6);
    if let Some(due) = due.map(|due| due.map(kept)).filter(|due| *due != task.due_date) {
        if due.is_some_and(|due| due <= unit.now) {
            return Err(Error::validation("dueDate", Message::new("due-in-the-past")));
        }
        if let Some(present) = task.due_date.filter(|_| !is_planner)
            && due.is_none_or(|due| due > present)
        {
            let message = Message::new("due-not-later").with("due", present);
            return Err(Error::validation("dueDate", message));
        }
        // What a holder says where no planner has said anything does not outlast the group or step that is asked.
        task.due_by_lead_time = !is_planner && (task.due_date.is_none() || task.due_by_lead_time);
        task.due_date = due;
    }
    if let Some(follow_up) = follow_up.map(|date| date.map(kept)).filter(|date| *date != task.follow_up_date)
    {
        if let Some(until) = held_until.filter(|until| follow_up.is_some_and(|date| date > *until)) {
            let message = Message::new("follow-up-within-claim").with("until", until);
            return Err(Error::validation("followUpDate", message));
        }
        task.follow_up_date = follow_up;
    }
    Ok(())
}

/// Until when the requester has claimed the task; of several claims, the one that ends first.
fn held_until(unit: &mut UnitOfWork<'_>, task: &Task) -> Result<Option<NaiveDateTime>> {
    if task.status != TaskStatus::Accepted {
        return Ok(None);
    }
    let (user, approval) = (unit.requester.id(), ApprovalState::read(unit, task)?);
    let claims = approval.pools.iter().filter_map(PoolStatus::claim);
    Ok(claims.filter(|claim| claim.user_id == user).map(|claim| claim.date_until).min())
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
