//! When a task is due, and when to look at it again.

use std::collections::BTreeSet;

use chrono::{NaiveDateTime, SubsecRound as _};
use uuid::Uuid;

use crate::domain::escalation::{EscalationAction, EscalationAt};
use crate::domain::task::TaskStatus;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::task::Task;
use crate::model::task_flow_step::{TaskFlowStep, escalations, lead_time};
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
    let held = if is_planner { None } else { Some(held(unit, task)?) };
    // As the database keeps it.
    let kept = |moment: NaiveDateTime| moment.trunc_subsecs(6);
    if let Some(due) = due.map(|due| due.map(kept)).filter(|due| *due != task.due_date) {
        if due.is_some_and(|due| due <= unit.now) {
            return Err(Error::validation("dueDate", Message::new("due-in-the-past")));
        }
        if let Some(held) = &held {
            held.check_due(task, due)?;
        }
        // What a holder says does not outlast the group or step that is asked.
        task.due_by_lead_time = held.is_some();
        task.due_date = due;
    }
    if let Some(follow_up) = follow_up.map(|date| date.map(kept)).filter(|date| *date != task.follow_up_date)
    {
        let until = held.map(|held| held.until);
        if let Some(until) = until.filter(|until| follow_up.is_some_and(|date| date > *until)) {
            let message = Message::new("follow-up-within-claim").with("until", until);
            return Err(Error::validation("followUpDate", message));
        }
        task.follow_up_date = follow_up;
    }
    Ok(())
}

/// A claim of the requester on a task.
struct Held {
    /// When it ends; of several claims, the one that ends first.
    until: NaiveDateTime,
    /// Whether who is asked has a rule that fails the task by its date.
    fails_by_date: bool,
}

impl Held {
    /// Refuses a date by which the holder would overrule a planner, put the task off, or have a rule fail it in nobody's name.
    fn check_due(&self, task: &Task, due: Option<NaiveDateTime>) -> Result<()> {
        let message = match task.due_date {
            Some(_) if !task.due_by_lead_time => Message::new("due-is-planned"),
            _ if self.fails_by_date => Message::new("due-would-fail"),
            Some(present) if due.is_none_or(|due| due > present) => {
                Message::new("due-not-later").with("due", present)
            }
            _ => return Ok(()),
        };
        Err(Error::validation("dueDate", message))
    }
}

/// The claim of the requester.
///
/// # Errors
/// FORBIDDEN, if there is none.
fn held(unit: &mut UnitOfWork<'_>, task: &Task) -> Result<Held> {
    let nobody = || Error::forbidden(Message::new("only-planners-set-dates"));
    if task.status != TaskStatus::Accepted {
        return Err(nobody());
    }
    let (user, approval) = (unit.requester.id(), ApprovalState::read(unit, task)?);
    let claims = approval.pools.iter().filter_map(PoolStatus::claim);
    let ends = claims.filter(|claim| claim.user_id == user).map(|claim| claim.date_until);
    let mut rules = approval.pools.iter().flat_map(|pool| escalations(pool.step.as_ref(), &pool.group));
    let fails_by_date =
        rules.any(|rule| rule.action == EscalationAction::Fail && rule.at != EscalationAt::AfterOpen);
    Ok(Held { until: ends.min().ok_or_else(nobody)?, fails_by_date })
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
