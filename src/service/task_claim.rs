//! Claims: who works on a task at present. Everything here happens under the lock of the task under which votes are cast. Where
//! a person's claims are counted, that person's row is locked before all tasks.
//!
//! A claim counts as long as its holder may decide in its pool, has not voted there, and its time is not up. Everything that
//! changes this under the task's lock ends the rows of claims that count no more ([`settle`]); a timer does so at the latest.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::TimeDelta;
use uuid::Uuid;

use super::bulk;
use super::context::ServiceContext;
use super::timer;
use super::unit_of_work::UnitOfWork;
use crate::clock::new_id;
use crate::db;
use crate::db::Lock;
use crate::db::query::PageLimit;
use crate::domain::bulk::{BulkMode, Outcome};
use crate::domain::claim::ClaimEnd;
use crate::domain::event_data::EventData;
use crate::domain::json::{Json, json};
use crate::domain::query::{Awaiting, Condition, ListQuery};
use crate::domain::signal::Signal;
use crate::domain::task::TaskStatus;
use crate::domain::task_action::TaskAction;
use crate::domain::timer::TimerKind;
use crate::error::Result;
use crate::model::task::Task;
use crate::model::task_claim::TaskClaim;
use crate::model::user::User;
use crate::service::approval_state::{ApprovalRows, ApprovalState, PoolStatus};
use crate::service::task::access::{Seen, check_entitled, check_seen, locked, no_task, sees};
use crate::service::task::action::{Actor, Room, assignable_to};

/// How many tasks `claim_next` looks at, because others may have taken the first ones meanwhile.
const CANDIDATES: i64 = 20;

/// A task to be claimed or released.
#[derive(Debug, Clone, Default)]
pub struct ClaimTask {
    /// The task.
    pub id: Uuid,
    /// The step, if several are asked at the same time; absent: all that can be claimed or released.
    pub step_id: Option<Uuid>,
    /// What was seen of the task.
    pub seen: Seen,
}

/// A task to be given to somebody.
#[derive(Debug, Clone, Default)]
pub struct AssignTask {
    /// The task.
    pub id: Uuid,
    /// Who is to work on it: an executor who may decide on it and has not voted.
    pub user_id: Uuid,
    /// The step, if several are asked at the same time; absent: all in which the person may decide.
    pub step_id: Option<Uuid>,
    /// What was seen of the task.
    pub seen: Seen,
}

/// Claims a task for the requester.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, LIMIT, CONFLICT that names the holder, or what a handler or the database says.
pub fn claim(unit: &mut UnitOfWork<'_>, asked: &ClaimTask) -> Result<()> {
    let user_id = unit.requester.id();
    lock_people(unit, [user_id])?;
    claim_one(unit, asked)
}

/// Claims several tasks for the requester.
///
/// # Errors
/// LIMIT for too many tasks; as for [`claim`], if nothing was done.
pub fn claim_many(unit: &mut UnitOfWork<'_>, items: &[ClaimTask], mode: BulkMode) -> Result<Vec<Outcome>> {
    unit.check_list("items", items.len())?;
    let user_id = unit.requester.id();
    lock_people(unit, [user_id])?;
    bulk::run(unit, mode, items, |item| item.id, |unit, item| claim_one(unit, item).map(|()| true))
}

/// Claims the first task that awaits the requester, nobody has claimed and meets these conditions: the most urgent first, then the
/// one that is due first, then the oldest. Tasks that somebody works on at this moment are passed over.
///
/// # Errors
/// LIMIT, VALIDATION, or what a handler or the database says.
pub fn claim_next(unit: &mut UnitOfWork<'_>, conditions: &[Condition]) -> Result<Vec<Outcome>> {
    let user_id = unit.requester.id();
    lock_people(unit, [user_id])?;
    let room = room(unit, user_id)?;
    room.check(1, "id")?;
    let awaiting = Awaiting { unclaimed: true, ..Awaiting::new(user_id, unit.now) };
    let mut query = ListQuery {
        conditions: vec![Condition::AwaitingMe(awaiting)],
        order_by: ["-priority", "dueDate", "dateCreated"].map(str::to_owned).to_vec(),
        ..ListQuery::default()
    };
    query.conditions.extend_from_slice(conditions);
    query.complete(unit.settings.four_eyes());
    let found = db::list::<Task>(unit.connection, &query, PageLimit { max: CANDIDATES })?.rows;
    let mut outcomes = Vec::new();
    for (row, _) in found {
        let Some(mut task) = db::lock_free::<Task>(unit.connection, row.id)?.filter(Task::is_open) else {
            continue;
        };
        let approval = ApprovalState::locked(unit, &task)?;
        if let Ok(pools) = Actor::of(unit).claim(&task, &approval, None, room) {
            give(unit, &mut task, &approval, &pools, user_id, None)?;
            outcomes.push(Outcome::done(task.id));
            break;
        }
    }
    bulk::keep(unit, &outcomes);
    Ok(outcomes)
}

/// Gives up the requester's claim on a task; for people who assign tasks and have none, anybody's.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT without a claim, or what a handler or the database says.
pub fn release(unit: &mut UnitOfWork<'_>, asked: &ClaimTask) -> Result<()> {
    let mut task = locked(unit, asked.id)?;
    let approval = ApprovalState::locked(unit, &task)?;
    if !approval.is_asked(unit.requester.id()) && !sees(unit, &task)? {
        return Err(no_task());
    }
    let claims = Actor::of(unit).release(&task, &approval, asked.step_id)?;
    check_seen(&task, &asked.seen)?;
    for claim in &claims {
        unit.before(Signal::TaskRelease, task.id, || told(&task, claim))?;
    }
    end_all(unit, &mut task, claims.into_iter().map(|claim| (claim, ClaimEnd::Released)))?;
    unit.touch(&task);
    Ok(())
}

/// Gives a task to somebody, whoever has claimed it.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, LIMIT, CONFLICT if the person has it, or what a handler or the database says.
pub fn assign(unit: &mut UnitOfWork<'_>, asked: &AssignTask) -> Result<()> {
    Actor::of(unit).need(TaskAction::Assign)?;
    lock_people(unit, [asked.user_id])?;
    assign_one(unit, asked)
}

/// Gives several tasks to people.
///
/// # Errors
/// FORBIDDEN or LIMIT; as for [`assign`], if nothing was done.
pub fn assign_many(unit: &mut UnitOfWork<'_>, items: &[AssignTask], mode: BulkMode) -> Result<Vec<Outcome>> {
    Actor::of(unit).need(TaskAction::Assign)?;
    unit.check_list("items", items.len())?;
    lock_people(unit, items.iter().map(|item| item.user_id))?;
    bulk::run(unit, mode, items, |item| item.id, |unit, item| assign_one(unit, item).map(|()| true))
}

fn claim_one(unit: &mut UnitOfWork<'_>, asked: &ClaimTask) -> Result<()> {
    let mut task = locked(unit, asked.id)?;
    let approval = ApprovalState::locked(unit, &task)?;
    check_entitled(unit, &task, &approval)?;
    let user_id = unit.requester.id();
    let room = room(unit, user_id)?;
    let pools = Actor::of(unit).claim(&task, &approval, asked.step_id, room)?;
    check_seen(&task, &asked.seen)?;
    give(unit, &mut task, &approval, &pools, user_id, None)
}

fn assign_one(unit: &mut UnitOfWork<'_>, asked: &AssignTask) -> Result<()> {
    let mut task = locked(unit, asked.id)?;
    if !sees(unit, &task)? {
        return Err(no_task());
    }
    let approval = ApprovalState::locked(unit, &task)?;
    Actor::of(unit).assign(&task, &approval, asked.step_id)?;
    check_seen(&task, &asked.seen)?;
    let pools = assignable_to(asked.user_id, &approval, asked.step_id)?;
    room(unit, asked.user_id)?.check(pools.len(), "userId")?;
    let held: Vec<TaskClaim> =
        pools.iter().filter_map(|place| approval.pools.get(*place)?.claim().cloned()).collect();
    for claim in &held {
        unit.before(Signal::TaskRelease, task.id, || told(&task, claim))?;
    }
    end_all(unit, &mut task, held.into_iter().map(|claim| (claim, ClaimEnd::Released)))?;
    let by = unit.requester.id();
    give(unit, &mut task, &approval, &pools, asked.user_id, Some(by))
}

/// Locks the rows of people, in the order of their keys, whose claims are counted or who get some.
fn lock_people(unit: &mut UnitOfWork<'_>, ids: impl IntoIterator<Item = Uuid>) -> Result<()> {
    let ids: BTreeSet<Uuid> = ids.into_iter().collect();
    db::lock_many::<User>(unit.connection, &Vec::from_iter(ids), Lock::Write).map(drop)
}

fn room(unit: &mut UnitOfWork<'_>, user_id: Uuid) -> Result<Room> {
    let has = db::task_claim::count_of_user(unit.connection, user_id, unit.now)?;
    Ok(Room { has: usize::try_from(has).unwrap_or(usize::MAX), max: unit.services.limits.claims_per_person })
}

/// Writes claims on these pools. A person who gave a claim back, or took back the vote that ended it, goes on with it for the time that
/// was left.
fn give(
    unit: &mut UnitOfWork<'_>,
    task: &mut Task,
    approval: &ApprovalState,
    pools: &[usize],
    user_id: Uuid,
    assigned_by: Option<Uuid>,
) -> Result<()> {
    // Rows that count no more make room.
    settle(unit, task, approval)?;
    for pool in pools.iter().filter_map(|place| approval.pools.get(*place)) {
        let seconds = TimeDelta::seconds(pool.group.claim_seconds().into());
        let earlier = pool.claims.iter().find(|claim| claim.user_id == user_id && claim.can_go_on(unit.now));
        let earlier = earlier.filter(|_| assigned_by.is_none());
        let claim = TaskClaim {
            id: new_id(),
            task_id: task.id,
            step_id: pool.step_id(),
            user_id,
            assigned_by,
            date_claimed: unit.now,
            date_until: earlier.map_or(unit.now + seconds, |claim| claim.date_until),
            date_ended: None,
            ended_as: None,
            ended_by: None,
        };
        unit.before(Signal::TaskClaim, task.id, || told(task, &claim))?;
        if let Some(earlier) = earlier {
            let shortened =
                TaskClaim { date_until: earlier.date_ended.unwrap_or(unit.now), ..earlier.clone() };
            db::update(unit.connection, &shortened)?;
        }
        db::insert(unit.connection, &claim)?;
        let lapse = timer::new(TimerKind::Lapse, task.id, claim.id.to_string(), claim.date_until, Json::Null);
        db::timer::insert(unit.connection, &lapse, unit.now)?;
        unit.changed(Signal::TaskClaim, task.id, || told(task, &claim))?;
    }
    unit.touch(task);
    Ok(())
}

/// Ends the claims on a locked task that count no more.
///
/// # Errors
/// The error of a handler.
pub fn settle(unit: &mut UnitOfWork<'_>, task: &mut Task, approval: &ApprovalState) -> Result<()> {
    let mut ended = Vec::new();
    for claim in db::task_claim::live_of(unit.connection, task.id)? {
        let is_asked = task.is_open() && task.status == TaskStatus::Accepted;
        let pool = approval.pools.iter().find(|pool| pool.step_id() == claim.step_id);
        let counting = pool.filter(|_| is_asked).and_then(PoolStatus::claim);
        if counting.is_some_and(|counting| counting.id == claim.id) {
            continue;
        }
        let voted = |user_id, step_id| {
            approval.counting_votes().any(|vote| vote.user_id == user_id && vote.step_id == step_id)
        };
        let ended_as = if voted(claim.user_id, claim.step_id) {
            ClaimEnd::Voted
        } else if claim.date_until <= unit.now {
            ClaimEnd::Lapsed
        } else if pool.is_some_and(|pool| !pool.deciders.members.contains_key(&claim.user_id)) {
            ClaimEnd::Lost
        } else {
            ClaimEnd::Closed
        };
        ended.push((claim, ended_as));
    }
    end_all(unit, task, ended)
}

/// Ends the claims of the requester, who has voted, on a locked task.
///
/// # Errors
/// The error of a handler.
pub fn end_own(unit: &mut UnitOfWork<'_>, task: &mut Task) -> Result<()> {
    let (user_id, live) = (unit.requester.id(), db::task_claim::live_of(unit.connection, task.id)?);
    let own = live.into_iter().filter(|claim| claim.user_id == user_id);
    end_all(unit, task, own.map(|claim| (claim, ClaimEnd::Voted)))
}

/// Ends all claims on a task that is asked about no more.
///
/// # Errors
/// The error of a handler.
pub fn close(unit: &mut UnitOfWork<'_>, task: &mut Task) -> Result<()> {
    let live = db::task_claim::live_of(unit.connection, task.id)?;
    end_all(unit, task, live.into_iter().map(|claim| (claim, ClaimEnd::Closed)))
}

/// Does the same as [`settle`], if the groups that are or were asked about the task have, or had, claims at all.
///
/// # Errors
/// The error of a handler.
pub fn settle_any(unit: &mut UnitOfWork<'_>, task: &mut Task, approval: &ApprovalState) -> Result<()> {
    if approval.may_have_claims() { settle(unit, task, approval) } else { Ok(()) }
}

fn end_all(
    unit: &mut UnitOfWork<'_>,
    task: &mut Task,
    claims: impl IntoIterator<Item = (TaskClaim, ClaimEnd)>,
) -> Result<()> {
    let mut until = None;
    for (claim, ended_as) in claims {
        until = until.max(Some(claim.date_until));
        end(unit, task, claim, ended_as)?;
    }
    // Whose claim has ended leaves the task to the others, and does not hide it from them.
    if task.is_open() && task.follow_up_date.is_some_and(|date| date > unit.now && Some(date) <= until) {
        task.follow_up_date = None;
        unit.update(task)?;
    }
    Ok(())
}

fn end(unit: &mut UnitOfWork<'_>, task: &Task, mut claim: TaskClaim, ended_as: ClaimEnd) -> Result<()> {
    claim.date_ended = Some(unit.now);
    claim.ended_as = Some(ended_as);
    claim.ended_by = Some(unit.requester.id());
    db::update(unit.connection, &claim)?;
    db::timer::delete_named(unit.connection, task.id, TimerKind::Lapse, &claim.id.to_string())?;
    unit.changed(Signal::TaskRelease, task.id, || told(task, &claim))
}

fn told(task: &Task, claim: &TaskClaim) -> EventData {
    let facts = json!({
        "userId": claim.user_id, "stepId": claim.step_id, "assignedBy": claim.assigned_by,
        "dateClaimed": claim.date_claimed, "dateUntil": claim.date_until, "endedAs": claim.ended_as,
    });
    EventData::new(Some(task), Some(task)).with("claim", facts)
}

/// The claims that count on these tasks, all of which the requester may see. It takes as many queries for a hundred tasks as for
/// one.
pub async fn of_visible_tasks(
    services: &Arc<ServiceContext>,
    task_ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Vec<TaskClaim>>> {
    services
        .read(move |services, connection| {
            let now = services.clock.now();
            let settings = services.settings.current(connection, now)?;
            let tasks = db::get_many::<Task>(connection, &task_ids)?;
            let asked: Vec<&Task> = tasks.iter().filter(|task| task.status == TaskStatus::Accepted).collect();
            let rows = ApprovalRows::load_people(connection, &asked, now)?;
            let claims = |task: &Task| -> Vec<TaskClaim> {
                let approval = rows.approval(task, &settings);
                approval.pools.iter().filter_map(|pool| pool.claim().cloned()).collect()
            };
            Ok(asked.into_iter().map(|task| (task.id, claims(task))).collect())
        })
        .await
}
