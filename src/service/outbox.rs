//! Looking at deliveries, making them again, and giving them up.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::{ListScope, ServiceContext};
use super::unit_of_work::UnitOfWork;
use super::{task_mail, visibility};
use crate::auth::requester::Requester;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::outbox::DeliveryStatus;
use crate::domain::query::ListQuery;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::outbox::Delivery;
use crate::model::slice::Slice;

/// Lists the deliveries that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION or LIMIT.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<Delivery>> {
    services.list(requester, query, place, visibility::task_events, db::list::<Delivery>).await
}

/// Lists deliveries for the operator of the server.
///
/// # Errors
/// VALIDATION or LIMIT.
pub async fn list_for_operator(services: &Arc<ServiceContext>, query: ListQuery) -> Result<Slice<Delivery>> {
    services
        .read(move |services, connection| db::list::<Delivery>(connection, &query, services.page_limit()))
        .await
}

/// Makes these deliveries due again, as if they had never been tried: all of them, or none. Those that were delivered are
/// delivered again, with the same event id.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND or LIMIT.
pub fn replay(unit: &mut UnitOfWork<'_>, ids: &[i64]) -> Result<()> {
    unit.requester.need(&unit.settings.gql_task_event_update_perms)?;
    unit.check_list("ids", ids.len())?;
    replay_these(unit.connection, ids, unit.now)
}

/// Gives up these deliveries, which were not made: all of them, or none.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT for a delivery that was made, or LIMIT.
pub fn discard(unit: &mut UnitOfWork<'_>, ids: &[i64]) -> Result<()> {
    unit.requester.need(&unit.settings.gql_task_event_update_perms)?;
    unit.check_list("ids", ids.len())?;
    discard_these(unit.connection, ids)
}

/// [`replay`] for the operator of the server.
///
/// # Errors
/// NOT_FOUND.
pub async fn replay_for_operator(services: &Arc<ServiceContext>, ids: Vec<i64>) -> Result<()> {
    let now = services.clock.now();
    services.db.write(move |connection| replay_these(connection, &ids, now)).await
}

/// [`discard`] for the operator of the server.
///
/// # Errors
/// NOT_FOUND or CONFLICT.
pub async fn discard_for_operator(services: &Arc<ServiceContext>, ids: Vec<i64>) -> Result<()> {
    services.db.write(move |connection| discard_these(connection, &ids)).await
}

fn replay_these(connection: &mut DbConnection, ids: &[i64], now: chrono::NaiveDateTime) -> Result<()> {
    locked(connection, ids)?;
    db::outbox::replay(connection, ids, now)?;
    db::outbox::announce(connection)
}

fn discard_these(connection: &mut DbConnection, ids: &[i64]) -> Result<()> {
    let deliveries = locked(connection, ids)?;
    if let Some(made) = deliveries.iter().find(|delivery| delivery.status == DeliveryStatus::Delivered) {
        let message = Message::new("event-delivered").with("id", made.id);
        return Err(Error::new(ErrorCode::Conflict, message).of_field("ids"));
    }
    db::outbox::discard(connection, ids)?;
    task_mail::give_up(connection, &deliveries)
}

/// The deliveries with these keys, all of which must exist.
fn locked(connection: &mut DbConnection, ids: &[i64]) -> Result<Vec<Delivery>> {
    let found = db::outbox::lock_many(connection, ids)?;
    let known: BTreeSet<i64> = found.iter().map(|delivery| delivery.id).collect();
    match ids.iter().find(|id| !known.contains(id)) {
        None => Ok(found),
        Some(id) => Err(Error::not_found("ids", Message::new("no-task-event").with("id", *id))),
    }
}
