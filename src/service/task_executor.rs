//! Seating users in groups and reading who sits where.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::task::check_list;
use super::task_group;
use super::unit_of_work::UnitOfWork;
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::query::{ListQuery, Slice};
use crate::domain::signal::Signal;
use crate::domain::task_executor::{DEFAULT_WEIGHT, MAX_WEIGHT};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::history::Historical;
use crate::model::task_executor::TaskExecutor;

/// Executors a user in a group.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for one who sits there, or what a handler or the database says.
pub fn create(unit: &mut UnitOfWork<'_>, task_group_id: Uuid, user_id: Uuid) -> Result<TaskExecutor> {
    unit.requester.need(&unit.settings.gql_task_group_update_perms)?;
    let group = task_group::locked(unit, task_group_id)?;
    check_users(unit, &[user_id])?;
    if db::task_executor::pool(unit.connection, group.id)?.contains(&user_id) {
        return Err(Error::new(ErrorCode::Conflict, Message::new("already-an-executor")));
    }
    executor(unit, group.id, user_id, DEFAULT_WEIGHT)
}

/// Gives an executor to another user.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for one who sits there, or what a handler or the database says.
pub fn update(unit: &mut UnitOfWork<'_>, id: Uuid, user_id: Uuid) -> Result<TaskExecutor> {
    unit.requester.need(&unit.settings.gql_task_group_update_perms)?;
    let mut executor = locked(unit, id)?;
    unit.touch(&executor);
    if executor.user_id == user_id {
        return Ok(executor);
    }
    check_users(unit, &[user_id])?;
    if db::task_executor::pool(unit.connection, executor.task_group_id)?.contains(&user_id) {
        return Err(Error::new(ErrorCode::Conflict, Message::new("already-an-executor")));
    }
    let old = executor.clone();
    executor.user_id = user_id;
    unit.before(Signal::TaskExecutorUpdate, id, || json!({ "taskExecutor": old, "new": executor }))?;
    unit.update(&mut executor)?;
    unit.changed(Signal::TaskExecutorUpdate, id, || json!({ "taskExecutor": executor, "old": old }))?;
    Ok(executor)
}

/// Gives an executor another weight under policy WEIGHT. Votes that were cast keep theirs.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, or what a handler or the database says.
pub fn set_weight(unit: &mut UnitOfWork<'_>, id: Uuid, weight: i32) -> Result<TaskExecutor> {
    unit.requester.need(&unit.settings.gql_task_group_update_perms)?;
    check_weight("weight", weight)?;
    let executor = locked(unit, id)?;
    unit.touch(&executor);
    weigh_seat(unit, executor, weight)
}

/// Takes executors away: all of them, or none.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, LIMIT, or what a handler or the database says.
pub fn delete(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<()> {
    unit.requester.need(&unit.settings.gql_task_group_update_perms)?;
    check_list(unit, "ids", ids.len())?;
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let executor = locked(unit, id)?;
        unseat(unit, executor)?;
    }
    Ok(())
}

/// Makes exactly these users sit in a group that the caller has locked; who stays keeps the executor.
pub(super) fn seat_exactly(
    unit: &mut UnitOfWork<'_>,
    task_group_id: Uuid,
    user_ids: &[Uuid],
    weights: &[(Uuid, i32)],
) -> Result<()> {
    check_list(unit, "userIds", user_ids.len())?;
    check_users(unit, user_ids)?;
    let present = db::task_executor::live_in_groups(unit.connection, &[task_group_id])?;
    let wanted: BTreeSet<Uuid> = user_ids.iter().copied().collect();
    let seated: BTreeSet<Uuid> = present.iter().map(|executor| executor.user_id).collect();
    for executor in present.into_iter().filter(|executor| !wanted.contains(&executor.user_id)) {
        unseat(unit, executor)?;
    }
    // In the order in which they were named, as lists show them by key.
    let mut new = seated;
    for user_id in user_ids.iter().filter(|user_id| new.insert(**user_id)).copied().collect::<Vec<_>>() {
        let weight =
            weights.iter().find(|(user, _)| *user == user_id).map_or(DEFAULT_WEIGHT, |(_, weight)| *weight);
        check_weight("weights", weight)?;
        executor(unit, task_group_id, user_id, weight)?;
    }
    weigh_seats(unit, task_group_id, weights)
}

/// Gives the users in a group that the caller has locked these weights; who is not named keeps the present one.
pub(super) fn weigh_seats(
    unit: &mut UnitOfWork<'_>,
    task_group_id: Uuid,
    weights: &[(Uuid, i32)],
) -> Result<()> {
    if weights.is_empty() {
        return Ok(());
    }
    check_list(unit, "weights", weights.len())?;
    let executors = db::task_executor::live_in_groups(unit.connection, &[task_group_id])?;
    for (user_id, weight) in weights {
        check_weight("weights", *weight)?;
        let Some(executor) = executors.iter().find(|executor| executor.user_id == *user_id) else {
            let message = Message::new("weight-without-executor").with("id", user_id.to_string());
            return Err(Error::validation("weights", message));
        };
        weigh_seat(unit, executor.clone(), *weight)?;
    }
    Ok(())
}

fn weigh_seat(unit: &mut UnitOfWork<'_>, mut executor: TaskExecutor, weight: i32) -> Result<TaskExecutor> {
    if executor.weight != weight {
        let old = executor.clone();
        executor.weight = weight;
        let id = executor.id;
        unit.before(Signal::TaskExecutorUpdate, id, || json!({ "taskExecutor": old, "new": executor }))?;
        unit.update(&mut executor)?;
        unit.changed(Signal::TaskExecutorUpdate, id, || json!({ "taskExecutor": executor, "old": old }))?;
    }
    Ok(executor)
}

fn check_weight(field: &str, weight: i32) -> Result<()> {
    if (1..=MAX_WEIGHT).contains(&weight) {
        return Ok(());
    }
    let message = Message::new("weight-out-of-range")
        .with("weight", i64::from(weight))
        .with("max", i64::from(MAX_WEIGHT));
    Err(Error::validation(field, message))
}

/// Lists the executors that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<TaskExecutor>> {
    let visible = match place {
        ListScope::Root => visibility::task_executors,
        ListScope::Nested => visibility::nested_task_executors,
    };
    services.list(requester, query, place, visible, db::list::<TaskExecutor>).await
}

/// Lists executors of a group that something names which the requester sees, as far as who sits there is known to them.
///
/// # Errors
/// VALIDATION, LIMIT, or what the database says.
pub async fn list_of_named_group(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
) -> Result<Slice<TaskExecutor>> {
    let visible = visibility::executors_of_named_groups;
    services.list(requester, query, ListScope::Nested, visible, db::list::<TaskExecutor>).await
}

/// All executors of such groups, likewise.
///
/// # Errors
/// What the database says.
pub async fn of_named_groups(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    task_group_ids: Vec<Uuid>,
) -> Result<Vec<TaskExecutor>> {
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            let bound = visibility::executors_of_named_groups(&requester, &settings).nested();
            db::task_executor::live_in_groups_where(connection, &task_group_ids, bound.as_slice())
        })
        .await
}

/// Lists the versions of executors.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list_history(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<Historical<TaskExecutor>>> {
    query.leave_out_deleted_versions();
    services
        .list(requester, query, ListScope::Root, visibility::task_executors, db::list_history::<TaskExecutor>)
        .await
}

fn executor(
    unit: &mut UnitOfWork<'_>,
    task_group_id: Uuid,
    user_id: Uuid,
    weight: i32,
) -> Result<TaskExecutor> {
    let executor = TaskExecutor { record: unit.new_record(), task_group_id, user_id, weight };
    unit.before(Signal::TaskExecutorCreate, executor.id, || json!({ "taskExecutor": executor }))?;
    unit.insert(&executor)?;
    unit.changed(Signal::TaskExecutorCreate, executor.id, || json!({ "taskExecutor": executor }))?;
    Ok(executor)
}

fn unseat(unit: &mut UnitOfWork<'_>, mut executor: TaskExecutor) -> Result<()> {
    unit.before(Signal::TaskExecutorDelete, executor.id, || json!({ "taskExecutor": executor }))?;
    unit.delete(&mut executor)?;
    unit.changed(Signal::TaskExecutorDelete, executor.id, || json!({ "taskExecutor": executor }))
}

/// The live executor with this key, its group locked.
fn locked(unit: &mut UnitOfWork<'_>, id: Uuid) -> Result<TaskExecutor> {
    let gone = || Error::not_found("id", Message::new("no-task-executor"));
    let found = db::get::<TaskExecutor>(unit.connection, id)?.ok_or_else(gone)?;
    task_group::locked(unit, found.task_group_id).map_err(|_| gone())?;
    // Read again: it may have been taken away while the lock was waited for.
    db::get::<TaskExecutor>(unit.connection, id)?.filter(|executor| !executor.is_deleted).ok_or_else(gone)
}

fn check_users(unit: &mut UnitOfWork<'_>, user_ids: &[Uuid]) -> Result<()> {
    let known: BTreeSet<Uuid> = unit
        .services
        .users
        .by_ids(unit.connection, user_ids)?
        .into_iter()
        .filter(|user| user.is_active)
        .map(|user| user.id)
        .collect();
    match user_ids.iter().find(|id| !known.contains(id)) {
        None => Ok(()),
        Some(id) => {
            Err(Error::validation("userIds", Message::new("unknown-user").with("id", id.to_string())))
        }
    }
}
