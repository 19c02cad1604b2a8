//! Adding executors to groups, removing them, and reading them.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::unit_of_work::UnitOfWork;
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::event_data::EventData;
use crate::domain::query::ListQuery;
use crate::domain::signal::Signal;
use crate::domain::task_executor::{DEFAULT_WEIGHT, MAX_WEIGHT};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::history::Historical;
use crate::model::slice::{Related, Slice};
use crate::model::task_executor::TaskExecutor;
use crate::service::task_group::access;

/// Makes a user an executor of a group.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for a user who is an executor already, or what a handler or the database says.
pub fn create(unit: &mut UnitOfWork<'_>, task_group_id: Uuid, user_id: Uuid) -> Result<TaskExecutor> {
    unit.requester.need(&unit.settings.gql_task_group_update_perms)?;
    let group = access::locked(unit, task_group_id)?;
    check_new(unit, &[user_id], &BTreeSet::new())?;
    if db::task_executor::pool(unit.connection, group.id)?.contains(&user_id) {
        return Err(Error::new(ErrorCode::Conflict, Message::new("already-an-executor")));
    }
    let executor = executor(unit, group.id, user_id, DEFAULT_WEIGHT)?;
    unit.ask_re_evaluation(group.id, Signal::TaskExecutorCreate)?;
    Ok(executor)
}

/// Replaces the user of an executor.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for a user who is an executor already, or what a handler or the database says.
pub fn update(unit: &mut UnitOfWork<'_>, id: Uuid, user_id: Uuid) -> Result<TaskExecutor> {
    unit.requester.need(&unit.settings.gql_task_group_update_perms)?;
    let mut executor = locked(unit, id)?;
    unit.touch(&executor);
    if executor.user_id == user_id {
        return Ok(executor);
    }
    check_new(unit, &[user_id], &BTreeSet::new())?;
    if db::task_executor::pool(unit.connection, executor.task_group_id)?.contains(&user_id) {
        return Err(Error::new(ErrorCode::Conflict, Message::new("already-an-executor")));
    }
    let old = executor.clone();
    executor.user_id = user_id;
    unit.before(Signal::TaskExecutorUpdate, id, || EventData::new(Some(&old), Some(&executor)))?;
    unit.update(&mut executor)?;
    unit.changed(Signal::TaskExecutorUpdate, id, || EventData::new(Some(&old), Some(&executor)))?;
    unit.ask_re_evaluation(executor.task_group_id, Signal::TaskExecutorUpdate)?;
    Ok(executor)
}

/// Changes the weight of an executor under the policy WEIGHT. Votes that were cast keep their weight.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, or what a handler or the database says.
pub fn set_weight(unit: &mut UnitOfWork<'_>, id: Uuid, weight: i32) -> Result<TaskExecutor> {
    unit.requester.need(&unit.settings.gql_task_group_update_perms)?;
    check_weight("weight", weight)?;
    let executor = locked(unit, id)?;
    unit.touch(&executor);
    let before = executor.weight;
    let executor = weigh_seat(unit, executor, weight)?;
    if executor.weight != before {
        unit.ask_re_evaluation(executor.task_group_id, Signal::TaskExecutorUpdate)?;
    }
    Ok(executor)
}

/// Removes executors: all of them, or none.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, LIMIT, or what a handler or the database says.
pub fn delete(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<()> {
    unit.requester.need(&unit.settings.gql_task_group_update_perms)?;
    unit.check_list("ids", ids.len())?;
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut groups = BTreeSet::new();
    for id in ids {
        let executor = locked(unit, id)?;
        groups.insert(executor.task_group_id);
        unseat(unit, executor)?;
    }
    groups.into_iter().try_for_each(|group| unit.ask_re_evaluation(group, Signal::TaskExecutorDelete))
}

/// Makes exactly these users the executors of a group that the caller has locked. Users who stay, active or not, keep their
/// rows. Returns whether that changes anything.
pub(super) fn set_executors(
    unit: &mut UnitOfWork<'_>,
    task_group_id: Uuid,
    user_ids: &[Uuid],
    weights: &[(Uuid, i32)],
) -> Result<bool> {
    unit.check_list("userIds", user_ids.len())?;
    let present = db::task_executor::live_in_groups(unit.connection, &[task_group_id])?;
    let wanted: BTreeSet<Uuid> = user_ids.iter().copied().collect();
    let members: BTreeSet<Uuid> = present.iter().map(|executor| executor.user_id).collect();
    check_new(unit, user_ids, &members)?;
    let changes = members != wanted;
    for executor in present.into_iter().filter(|executor| !wanted.contains(&executor.user_id)) {
        unseat(unit, executor)?;
    }
    // In the order in which they were named, because lists show them by key.
    let mut new = members;
    for user_id in user_ids.iter().filter(|user_id| new.insert(**user_id)).copied().collect::<Vec<_>>() {
        let weight =
            weights.iter().find(|(user, _)| *user == user_id).map_or(DEFAULT_WEIGHT, |(_, weight)| *weight);
        check_weight("weights", weight)?;
        executor(unit, task_group_id, user_id, weight)?;
    }
    Ok(weigh_executors(unit, task_group_id, weights)? || changes)
}

/// Sets the weights of executors of a group that the caller has locked. Executors who are not named keep their weight.
/// Returns whether that changes anything.
pub(super) fn weigh_executors(
    unit: &mut UnitOfWork<'_>,
    task_group_id: Uuid,
    weights: &[(Uuid, i32)],
) -> Result<bool> {
    if weights.is_empty() {
        return Ok(false);
    }
    unit.check_list("weights", weights.len())?;
    let executors = db::task_executor::live_in_groups(unit.connection, &[task_group_id])?;
    let mut changes = false;
    for (user_id, weight) in weights {
        check_weight("weights", *weight)?;
        let Some(executor) = executors.iter().find(|executor| executor.user_id == *user_id) else {
            let message = Message::new("weight-without-executor").with("id", user_id.to_string());
            return Err(Error::validation("weights", message));
        };
        changes |= executor.weight != *weight;
        weigh_seat(unit, executor.clone(), *weight)?;
    }
    Ok(changes)
}

fn weigh_seat(unit: &mut UnitOfWork<'_>, mut executor: TaskExecutor, weight: i32) -> Result<TaskExecutor> {
    if executor.weight != weight {
        let old = executor.clone();
        executor.weight = weight;
        let id = executor.id;
        unit.before(Signal::TaskExecutorUpdate, id, || EventData::new(Some(&old), Some(&executor)))?;
        unit.update(&mut executor)?;
        unit.changed(Signal::TaskExecutorUpdate, id, || EventData::new(Some(&old), Some(&executor)))?;
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

/// All executors of such groups, likewise, and the rows that these fields of theirs show.
///
/// # Errors
/// What the database says.
pub async fn of_named_groups(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    task_group_ids: Vec<Uuid>,
    fields: Vec<String>,
) -> Result<(Vec<TaskExecutor>, Related)> {
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            let bound = visibility::executors_of_named_groups(&requester, &settings).nested();
            db::task_executor::live_in_groups_where(connection, &task_group_ids, bound.as_slice(), &fields)
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
    unit.before(Signal::TaskExecutorCreate, executor.id, || EventData::new(None, Some(&executor)))?;
    unit.insert(&executor)?;
    unit.changed(Signal::TaskExecutorCreate, executor.id, || EventData::new(None, Some(&executor)))?;
    Ok(executor)
}

fn unseat(unit: &mut UnitOfWork<'_>, mut executor: TaskExecutor) -> Result<()> {
    let old = executor.clone();
    unit.before(Signal::TaskExecutorDelete, old.id, || EventData::new(Some(&old), None))?;
    unit.delete(&mut executor)?;
    unit.changed(Signal::TaskExecutorDelete, old.id, || EventData::new(Some(&old), Some(&executor)))
}

/// The live executor with this key, its group locked.
fn locked(unit: &mut UnitOfWork<'_>, id: Uuid) -> Result<TaskExecutor> {
    let gone = || Error::not_found("id", Message::new("no-task-executor"));
    let found = db::get::<TaskExecutor>(unit.connection, id)?.ok_or_else(gone)?;
    access::locked(unit, found.task_group_id).map_err(|_| gone())?;
    // It is read again, because it may have been removed while this transaction waited for the lock.
    db::get::<TaskExecutor>(unit.connection, id)?.filter(|executor| !executor.is_deleted).ok_or_else(gone)
}

/// Refuses users who do not exist, and users who are not active unless they are executors already.
fn check_new(unit: &mut UnitOfWork<'_>, user_ids: &[Uuid], members: &BTreeSet<Uuid>) -> Result<()> {
    let users = unit.services.users.by_ids(unit.connection, user_ids)?;
    for id in user_ids.iter().filter(|id| !members.contains(id)) {
        let refused = match users.iter().find(|user| user.id == *id) {
            Some(user) if user.is_active => continue,
            Some(user) => Message::new("inactive-user").with("username", user.username.as_str()),
            None => Message::new("unknown-user").with("id", id.to_string()),
        };
        return Err(Error::validation("userIds", refused));
    }
    Ok(())
}
