//! Deciding on many tasks at once.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::{ReEvaluate, ResolveTask, lacks_reason, re_evaluate, resolve, vote, weigh_again};
use crate::db;
use crate::db::Lock;
use crate::db::query::PageLimit;
use crate::domain::bulk::{BulkMode, Outcome};
use crate::domain::query::{Condition, ListQuery};
use crate::domain::task::TaskStatus;
use crate::domain::task_action::TaskAction;
use crate::error::Result;
use crate::model::task::Task;
use crate::service::approval_state::ApprovalState;
use crate::service::bulk;
use crate::service::task::access::SeenTask;
use crate::service::task::action::Actor;
use crate::service::unit_of_work::UnitOfWork;

/// Casts the requester's votes on several tasks. A task may be named more than once, such as for two steps that are asked at
/// the same time.
///
/// # Errors
/// LIMIT for too many votes; as for [`resolve`], if nothing was done.
pub fn resolve_many(
    unit: &mut UnitOfWork<'_>,
    items: &[ResolveTask],
    mode: BulkMode,
) -> Result<Vec<Outcome>> {
    unit.check_list("items", items.len())?;
    let mut known = read_together(unit, items.iter().map(|item| item.id).collect())?;
    bulk::run(
        unit,
        mode,
        items,
        |item| item.id,
        |unit, item| {
            // What was read holds until something is done with the task.
            match known.remove(&item.id) {
                Some((task, approval)) => vote(unit, item, task, approval)?,
                None => resolve(unit, item)?,
            };
            Ok(true)
        },
    )
}

/// Locks tasks and reads their approval states, with as many statements for many as for one. Where handlers act in the
/// transaction, nothing is read ahead, because they may change another of the tasks.
fn read_together(
    unit: &mut UnitOfWork<'_>,
    ids: BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, (Task, ApprovalState)>> {
    if unit.services.bus.acts_within_changes() {
        return Ok(HashMap::new());
    }
    let mut tasks = db::lock_many::<Task>(unit.connection, &Vec::from_iter(ids), Lock::Exclusive)?;
    tasks.retain(|task| !task.is_deleted);
    let rows = ApprovalState::locked_rows(unit, &Vec::from_iter(&tasks))?;
    let settings = &unit.settings;
    Ok(tasks
        .into_iter()
        .map(|task| {
            let approval = rows.approval(&task, settings);
            (task.id, (task, approval))
        })
        .collect())
}

/// Weighs the votes on several tasks again.
///
/// # Errors
/// LIMIT for too many tasks; as for [`re_evaluate`], if nothing was done.
pub fn re_evaluate_many(
    unit: &mut UnitOfWork<'_>,
    which: &ReEvaluate,
    mode: BulkMode,
) -> Result<Vec<Outcome>> {
    Actor::of(unit).need(TaskAction::ReEvaluate)?;
    match which {
        ReEvaluate::Ids(ids) => {
            unit.check_list("ids", ids.len())?;
            let weigh =
                |unit: &mut UnitOfWork<'_>, id: &Uuid| re_evaluate(unit, &SeenTask::from(*id)).map(drop);
            bulk::run(unit, mode, ids, |id| *id, bulk::once(|id| *id, weigh))
        }
        ReEvaluate::HeldFor(reason) => {
            let query = ListQuery {
                conditions: vec![Condition::HeldFor { reason: reason.as_str() }],
                ..ListQuery::default()
            };
            let limit =
                PageLimit { max: i64::try_from(unit.services.limits.list_length).unwrap_or(i64::MAX) };
            let held = db::list::<Task>(unit.connection, &query, limit)?.rows;
            let ids: Vec<Uuid> = held.into_iter().map(|(task, _)| task.id).collect();
            bulk::run(unit, mode, &ids, |id| *id, |unit, id| weigh_held(unit, *id))
        }
    }
}

/// Weighs the votes on a task that was held when it was listed. It may have been decided while the lock was waited for, or the
/// requester may not decide it: then it is left out.
fn weigh_held(unit: &mut UnitOfWork<'_>, id: Uuid) -> Result<bool> {
    let locked = db::lock::<Task>(unit.connection, id, Lock::Exclusive)?;
    let Some(mut task) = locked.filter(Task::is_open) else { return Ok(false) };
    let mut approval = ApprovalState::locked(unit, &task)?;
    let is_barred = approval.bar(unit.requester.id()).is_some();
    if task.status != TaskStatus::Accepted || is_barred || lacks_reason(unit, &approval) {
        return Ok(false);
    }
    weigh_again(unit, &mut task, &mut approval)?;
    Ok(true)
}
