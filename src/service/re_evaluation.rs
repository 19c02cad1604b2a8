//! Weighing the votes on open tasks again after a change of who is asked, or of how many must agree: an executor was removed
//! or blocked, or a policy, threshold, weight or rule of four eyes changed. The module tells itself of such changes by the
//! outbox, with one delivery for each group. There they can be seen and replayed.
//!
//! Each task is weighed in a transaction of its own, which locks the task and then its groups, in the name of the system
//! user. The setting `reevaluate` says whether a task that can be decided is decided, or only shown as held.

use std::sync::Arc;

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::clock::new_id;
use crate::db;
use crate::db::entity::insert_counted;
use crate::domain::decision::{HeldReason, Progression};
use crate::domain::json::json;
use crate::domain::outbox::{DeliveryStatus, Subscriber};
use crate::domain::settings::Reevaluate;
use crate::domain::task::TaskStatus;
use crate::error::{ErrorCode, Result};
use crate::model::outbox::Delivery;
use crate::model::task::Task;
use crate::service::approval_state::ApprovalState;
use crate::service::checked_task::elsewhere;
use crate::service::context::ServiceContext;
use crate::service::unit_of_work::UnitOfWork;
use crate::service::{resolution, task_claim, task_hold};

/// How many tasks one delivery handles; the rest is left to another delivery.
const PAGE: usize = 500;

/// Does what a delivery asks for. Repeats do no harm: a task that is decided already, or does not change, stays as it is.
///
/// # Errors
/// The reason why a task can't be weighed or decided, after all others have been.
pub async fn run(services: &Arc<ServiceContext>, delivery: &Delivery) -> Result<()> {
    let system = services.read(|_, connection| Requester::system(connection)).await.map(Arc::new)?;
    let named = |key: &str| delivery.data.get(key).and_then(|id| id.as_str()).and_then(|id| id.parse().ok());
    let ids = match named("taskId") {
        Some(id) => vec![id],
        None => page(services, delivery, named("after")).await?,
    };
    let mut failed = None;
    for id in ids {
        let cause = delivery.clone();
        match services.write(&system, move |unit| weigh(unit, id, &cause)).await {
            Ok(()) => {}
            Err(error) if error.code() == ErrorCode::Unavailable => return Err(error),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(task = %id, %error, cause, "the votes on a task can't be weighed again");
                failed = Some(error);
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Lets other processes know which services this one puts under maker-checker.
pub async fn register_checked_services(services: &Arc<ServiceContext>) -> Result<()> {
    if services.checked_services.is_empty() {
        return Ok(());
    }
    let checked = services.checked_services.clone();
    let register = move |connection: &mut db::connection::DbConnection| {
        checked.iter().try_for_each(|service| db::checked_service::register(connection, service))
    };
    services.db.write(register).await
}

/// The tasks about which the group is asked. If there are more than one delivery handles, another delivery is left for the
/// rest, at the first attempt of this one.
async fn page(services: &Arc<ServiceContext>, delivery: &Delivery, after: Option<Uuid>) -> Result<Vec<Uuid>> {
    let delivery = delivery.clone();
    let now = services.clock.now();
    services
        .db
        .write(move |connection| {
            let group_id = delivery.entity_id;
            let ids = db::task::asked_of_group(connection, group_id, after.unwrap_or_default(), PAGE)?;
            if let Some(last) = ids.last().filter(|_| ids.len() == PAGE && delivery.attempts <= 1) {
                leave(
                    connection,
                    &delivery,
                    &Subscriber::ReEvaluation(None),
                    group_id,
                    ("after", *last),
                    now,
                )?;
            }
            Ok(ids)
        })
        .await
}

/// Leaves a part of the work of a delivery to another delivery.
fn leave(
    connection: &mut db::connection::DbConnection,
    delivery: &Delivery,
    subscriber: &Subscriber,
    entity_id: Uuid,
    (key, id): (&str, Uuid),
    now: chrono::NaiveDateTime,
) -> Result<()> {
    let rest = Delivery {
        id: 0,
        event_id: new_id(),
        handler: subscriber.name(),
        entity_id,
        data: json!({ "v": 1, "taskGroupId": delivery.data.get("taskGroupId"), key: id }),
        date_created: now,
        status: DeliveryStatus::Pending,
        attempts: 0,
        date_due: now,
        leased_by: None,
        lease_until: None,
        last_error: None,
        ..delivery.clone()
    };
    insert_counted(connection, &rest)?;
    db::outbox::announce(connection)
}

/// Weighs the votes on one task. The person who made the change counts as the decider; of several changes, the person who
/// made the last.
fn weigh(unit: &mut UnitOfWork<'_>, id: Uuid, delivery: &Delivery) -> Result<()> {
    let task = db::lock::<Task>(unit.connection, id, db::Lock::Exclusive)?;
    let Some(mut task) = task.filter(|task| !task.is_deleted && task.status == TaskStatus::Accepted) else {
        return Ok(());
    };
    let mut approval = ApprovalState::locked(unit, &task)?;
    task_claim::settle_any(unit, &mut task, &approval)?;
    if unit.settings.reevaluate == Reevaluate::Report || !can_be_decided(unit, &task, &approval) {
        return task_hold::keep(unit, &task, &approval);
    }
    let groups: Vec<Uuid> = approval.pools.iter().map(|pool| pool.group.id).collect();
    if db::outbox::is_asked_later(unit.connection, delivery.id, &groups)? {
        // The person who made the last change counts as the decider.
        return task_hold::keep(unit, &task, &approval);
    }
    if approval.bar(delivery.user_id).is_some() {
        return task_hold::keep_barred(unit, &task);
    }
    if approval.progression() == Progression::Completed
        && let Some(service) = elsewhere(unit, &task)?
    {
        task_hold::keep(unit, &task, &approval)?;
        let subscriber = Subscriber::ReEvaluation(Some(service.name));
        return leave(unit.connection, delivery, &subscriber, task.id, ("taskId", task.id), unit.now);
    }
    unit.because(format!("re-evaluated after {}, event {}", delivery.signal, delivery.event_id));
    resolution::apply(unit, &mut task, &mut approval)
}

/// Whether the votes are enough, and no reason is missing.
fn can_be_decided(unit: &UnitOfWork<'_>, task: &Task, approval: &ApprovalState) -> bool {
    unit.settings.decides_by_policy(task.executor_action_event.as_deref())
        && approval.held() == Some(HeldReason::ReadyToDecide)
        && !approval.passed_on_other_data()
        && !resolution::lacks_reason(unit, approval)
}
