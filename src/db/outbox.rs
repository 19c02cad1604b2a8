//! The outbox: what is still to be told to After-handlers, one row for each event and handler.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::{DbConnection, Dialect};
use super::schema::task_management_outbox as outbox;
use super::sql::Sql;
use super::types::{DbJson, DbUuid};
use crate::error::Result;

/// An event for one handler.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Primary key, counting up in the order of writes.
    pub id: i64,
    /// The event's stable id.
    pub event_id: Uuid,
    /// The signal's name.
    pub signal: String,
    /// The handler's name.
    pub handler: String,
    /// What the event is about; deliveries of one entity keep their order.
    pub entity_id: Uuid,
    /// Who caused it.
    pub user_id: Uuid,
    /// What happened.
    pub data: serde_json::Value,
    /// When it happened, naive UTC.
    pub date_created: NaiveDateTime,
    /// How often delivery has been tried.
    pub attempts: i32,
}

/// A delivery that is to be made.
#[derive(Debug)]
pub struct NewDelivery<'a> {
    /// The event's stable id.
    pub event_id: Uuid,
    /// The signal's name.
    pub signal: &'a str,
    /// The handler's name.
    pub handler: &'a str,
    /// What the event is about.
    pub entity_id: Uuid,
    /// Who caused it.
    pub user_id: Uuid,
    /// What happened.
    pub data: &'a serde_json::Value,
    /// When, naive UTC.
    pub now: NaiveDateTime,
}

/// Adds a delivery, in the transaction of the change that it tells of.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, new: &NewDelivery<'_>) -> Result<()> {
    diesel::insert_into(outbox::table)
        .values((
            outbox::event_id.eq(DbUuid(new.event_id)),
            outbox::signal.eq(new.signal),
            outbox::handler.eq(new.handler),
            outbox::entity_id.eq(DbUuid(new.entity_id)),
            outbox::user_id.eq(DbUuid(new.user_id)),
            outbox::data.eq(DbJson(new.data.clone())),
            outbox::date_created.eq(new.now),
            outbox::status.eq("PENDING"),
            outbox::attempts.eq(0),
            outbox::date_due.eq(new.now),
        ))
        .execute(connection)?;
    Ok(())
}

/// Takes at most `limit` due deliveries for one handler until `lease_until`: of each entity the oldest only, so that
/// order holds, and none that another worker has in hand.
///
/// # Errors
/// What the database says.
pub fn claim(
    connection: &mut DbConnection,
    handler: &str,
    worker: Uuid,
    now: NaiveDateTime,
    lease_until: NaiveDateTime,
    limit: i64,
) -> Result<Vec<Delivery>> {
    let skip = match connection.dialect() {
        Dialect::Postgres => " FOR UPDATE SKIP LOCKED",
        Dialect::Sqlite => "",
    };
    Sql::new("UPDATE task_management_outbox SET leased_by = ")
        .bind(worker)
        .sql(", lease_until = ")
        .bind(lease_until)
        .sql(", attempts = attempts + 1 WHERE id IN (SELECT due.id FROM task_management_outbox AS due WHERE due.status = 'PENDING' AND due.handler = ")
        .bind(handler)
        .sql(" AND due.date_due <= ")
        .bind(now)
        .sql(" AND (due.lease_until IS NULL OR due.lease_until < ")
        .bind(now)
        .sql(
            ") AND NOT EXISTS (SELECT 1 FROM task_management_outbox AS older WHERE older.status = 'PENDING' \
             AND older.handler = due.handler AND older.entity_id = due.entity_id AND older.id < due.id) \
             ORDER BY due.id LIMIT ",
        )
        .bind(limit)
        .sql(skip)
        .sql(")")
        .execute(connection)?;
    let rows = outbox::table
        .filter(outbox::leased_by.eq(DbUuid(worker)))
        .filter(outbox::handler.eq(handler))
        .filter(outbox::status.eq("PENDING"))
        .filter(outbox::lease_until.eq(lease_until))
        .order(outbox::id)
        .select((
            outbox::id,
            outbox::event_id,
            outbox::signal,
            outbox::handler,
            outbox::entity_id,
            outbox::user_id,
            outbox::data,
            outbox::date_created,
            outbox::attempts,
        ))
        .load::<Row>(connection)?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

/// Notes that the handler has done its work, unless another worker has taken the delivery over meanwhile.
///
/// # Errors
/// What the database says.
pub fn delivered(connection: &mut DbConnection, id: i64, worker: Uuid, now: NaiveDateTime) -> Result<()> {
    diesel::update(outbox::table.find(id).filter(outbox::leased_by.eq(DbUuid(worker))))
        .set((
            outbox::status.eq("DELIVERED"),
            outbox::date_delivered.eq(now),
            outbox::leased_by.eq(None::<DbUuid>),
            outbox::lease_until.eq(None::<NaiveDateTime>),
        ))
        .execute(connection)?;
    Ok(())
}

/// Notes that the handler failed, unless another worker has taken the delivery over meanwhile: it is due again at `due`, or parked as dead when there is no next time.
///
/// # Errors
/// What the database says.
pub fn failed(
    connection: &mut DbConnection,
    id: i64,
    worker: Uuid,
    error: &str,
    due: Option<NaiveDateTime>,
) -> Result<()> {
    let delivery = outbox::table.find(id).filter(outbox::leased_by.eq(DbUuid(worker)));
    match due {
        Some(due) => diesel::update(delivery)
            .set((
                outbox::date_due.eq(due),
                outbox::last_error.eq(error),
                outbox::leased_by.eq(None::<DbUuid>),
                outbox::lease_until.eq(None::<NaiveDateTime>),
            ))
            .execute(connection)?,
        None => diesel::update(delivery)
            .set((
                outbox::status.eq("DEAD"),
                outbox::last_error.eq(error),
                outbox::leased_by.eq(None::<DbUuid>),
                outbox::lease_until.eq(None::<NaiveDateTime>),
            ))
            .execute(connection)?,
    };
    Ok(())
}

/// Forgets what was delivered before `moment`.
///
/// # Errors
/// What the database says.
pub fn prune(connection: &mut DbConnection, moment: NaiveDateTime) -> Result<usize> {
    let old = outbox::table.filter(outbox::status.eq("DELIVERED")).filter(outbox::date_delivered.lt(moment));
    Ok(diesel::delete(old).execute(connection)?)
}

#[derive(Queryable)]
struct Row {
    id: i64,
    event_id: DbUuid,
    signal: String,
    handler: String,
    entity_id: DbUuid,
    user_id: DbUuid,
    data: DbJson,
    date_created: NaiveDateTime,
    attempts: i32,
}

impl From<Row> for Delivery {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            event_id: row.event_id.0,
            signal: row.signal,
            handler: row.handler,
            entity_id: row.entity_id.0,
            user_id: row.user_id.0,
            data: row.data.0,
            date_created: row.date_created,
            attempts: row.attempts,
        }
    }
}
