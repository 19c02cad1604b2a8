//! The outbox: what is still to be told to After-handlers and webhook endpoints, one row for each event and subscriber.

use chrono::NaiveDateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::{DbConnection, Dialect};
use super::query::{self, Field, Kind, PageLimit, Table};
use super::row;
use super::schema::task_management_outbox as outbox;
use super::sql::Sql;
use super::types::{DbJson, DbUuid};
use crate::domain::outbox::{Delivery, DeliveryStatus, OutboxFigures, Subscriber};
use crate::domain::query::{ListQuery, Slice};
use crate::error::{Error, Result};

/// The channel on which processes on one PostgreSQL tell each other that there is something to deliver.
pub const CHANNEL: &str = "task_management_outbox";

const TABLE: Table = Table {
    name: "task_management_outbox",
    key: Field::own("id", Kind::Int),
    fields: &[
        Field::own("id", Kind::Int),
        Field::own("event_id", Kind::Uuid),
        Field::own("signal", Kind::Text),
        Field::own("handler", Kind::Text),
        Field::own("entity_id", Kind::Uuid),
        Field::own("user_id", Kind::Uuid),
        Field::own("date_created", Kind::DateTime),
        Field::own("status", Kind::Text),
        Field::own("attempts", Kind::Int),
        Field::own("date_due", Kind::DateTime),
        Field::own("date_delivered", Kind::DateTime).optional(),
    ],
    order_aliases: &[],
    default_order: &[],
    always: None,
    touched_as: None,
    foreign_keys: false,
};

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

/// Whether anything may be due for one handler: what [`lease`] finds then, others may have in hand already.
///
/// # Errors
/// What the database says.
pub fn is_due(connection: &mut DbConnection, handler: &str, now: NaiveDateTime) -> Result<bool> {
    let due = outbox::table
        .filter(outbox::status.eq(DeliveryStatus::Pending.as_str()))
        .filter(outbox::handler.eq(handler))
        .filter(outbox::date_due.le(now));
    Ok(due.select(outbox::id).first::<i64>(connection).optional()?.is_some())
}

/// Takes at most `limit` due deliveries for one handler until `lease_until`: of each entity the oldest only, so that
/// order holds, and none that another worker has in hand.
///
/// # Errors
/// What the database says.
pub fn lease(
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
        .load::<Row>(connection)?;
    rows.into_iter().map(Delivery::try_from).collect()
}

/// Keeps a delivery in hand until `lease_until`; answers whether it still was.
///
/// # Errors
/// What the database says.
pub fn renew(
    connection: &mut DbConnection,
    id: i64,
    worker: Uuid,
    lease_until: NaiveDateTime,
) -> Result<bool> {
    let own = outbox::table
        .find(id)
        .filter(outbox::leased_by.eq(DbUuid(worker)))
        .filter(outbox::status.eq(DeliveryStatus::Pending.as_str()));
    Ok(diesel::update(own).set(outbox::lease_until.eq(lease_until)).execute(connection)? == 1)
}

/// Gives back all that a worker has in hand, for others to take at once.
///
/// # Errors
/// What the database says.
pub fn hand_back(connection: &mut DbConnection, worker: Uuid) -> Result<usize> {
    let own = outbox::table.filter(outbox::leased_by.eq(DbUuid(worker)));
    Ok(diesel::update(own)
        .set((
            // What was broken off in order has not failed.
            outbox::attempts.eq(outbox::attempts - 1),
            outbox::leased_by.eq(None::<DbUuid>),
            outbox::lease_until.eq(None::<NaiveDateTime>),
        ))
        .execute(connection)?)
}

/// Makes these deliveries due again, as if they had never been tried; answers how many there are.
///
/// # Errors
/// What the database says.
pub fn replay(connection: &mut DbConnection, ids: &[i64], now: NaiveDateTime) -> Result<usize> {
    Ok(diesel::update(outbox::table.filter(outbox::id.eq_any(ids.to_vec())))
        .set((
            outbox::status.eq(DeliveryStatus::Pending.as_str()),
            outbox::attempts.eq(0),
            outbox::date_due.eq(now),
            outbox::leased_by.eq(None::<DbUuid>),
            outbox::lease_until.eq(None::<NaiveDateTime>),
            outbox::date_delivered.eq(None::<NaiveDateTime>),
        ))
        .execute(connection)?)
}

/// Gives these deliveries up.
///
/// # Errors
/// What the database says.
pub fn discard(connection: &mut DbConnection, ids: &[i64]) -> Result<usize> {
    Ok(diesel::update(outbox::table.filter(outbox::id.eq_any(ids.to_vec())))
        .set((
            outbox::status.eq(DeliveryStatus::Discarded.as_str()),
            outbox::leased_by.eq(None::<DbUuid>),
            outbox::lease_until.eq(None::<NaiveDateTime>),
        ))
        .execute(connection)?)
}

/// Gives up all that was not delivered to this subscriber, which is no more.
///
/// # Errors
/// What the database says.
pub fn discard_all_of(connection: &mut DbConnection, subscriber: &Subscriber) -> Result<usize> {
    let undelivered = [DeliveryStatus::Pending.as_str(), DeliveryStatus::Dead.as_str()];
    let own = outbox::table
        .filter(outbox::handler.eq(subscriber.name()))
        .filter(outbox::status.eq_any(undelivered));
    Ok(diesel::update(own)
        .set((
            outbox::status.eq(DeliveryStatus::Discarded.as_str()),
            outbox::leased_by.eq(None::<DbUuid>),
            outbox::lease_until.eq(None::<NaiveDateTime>),
        ))
        .execute(connection)?)
}

/// Gives up what waits for webhook endpoints that are no more: left by a change that did not know yet, or replayed since.
///
/// # Errors
/// What the database says.
pub fn discard_ownerless(connection: &mut DbConnection) -> Result<usize> {
    Ok(Sql::new(
        "UPDATE task_management_outbox SET status = 'DISCARDED', leased_by = NULL, lease_until = NULL \
         WHERE status = 'PENDING' AND handler IN (SELECT 'webhook:' || CAST(id AS text) \
         FROM task_management_webhookendpoint WHERE is_deleted)",
    )
    .execute(connection)?)
}

/// Puts a delivery back that a worker has in hand and has not tried to make.
///
/// # Errors
/// What the database says.
pub fn put_back(connection: &mut DbConnection, id: i64, worker: Uuid) -> Result<()> {
    diesel::update(outbox::table.find(id).filter(outbox::leased_by.eq(DbUuid(worker))))
        .set((
            outbox::attempts.eq(outbox::attempts - 1),
            outbox::leased_by.eq(None::<DbUuid>),
            outbox::lease_until.eq(None::<NaiveDateTime>),
        ))
        .execute(connection)?;
    Ok(())
}

/// The deliveries with these keys, locked until the transaction ends, in no order.
///
/// # Errors
/// What the database says.
pub fn lock_many(connection: &mut DbConnection, ids: &[i64]) -> Result<Vec<Delivery>> {
    let found = outbox::table.filter(outbox::id.eq_any(ids.to_vec())).order(outbox::id);
    let rows = match connection {
        DbConnection::Pg(pg) => found.for_update().load::<Row>(pg)?,
        // A writing transaction on SQLite has the whole database to itself.
        DbConnection::Sqlite(sqlite) => found.load::<Row>(sqlite)?,
    };
    rows.into_iter().map(Delivery::try_from).collect()
}

/// Deliveries.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list(connection: &mut DbConnection, query: &ListQuery, limit: PageLimit) -> Result<Slice<Delivery>> {
    let rows = query::list(connection, &TABLE, query, limit, |connection, page| {
        outbox::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((outbox::all_columns, page.sort_values))
            .load::<(Row, String)>(connection)
    })?;
    rows.try_map(Delivery::try_from)
}

/// How the outbox stands.
///
/// # Errors
/// What the database says.
pub fn figures(connection: &mut DbConnection) -> Result<OutboxFigures> {
    let of = |status: DeliveryStatus| outbox::table.filter(outbox::status.eq(status.as_str()));
    Ok(OutboxFigures {
        pending: of(DeliveryStatus::Pending).count().get_result(connection)?,
        dead: of(DeliveryStatus::Dead).count().get_result(connection)?,
        oldest: of(DeliveryStatus::Pending)
            .order(outbox::id)
            .select(outbox::date_created)
            .first(connection)
            .optional()?,
    })
}

/// Lets the connection be told what [`announce`] announces.
///
/// # Errors
/// What the database says.
pub fn listen(connection: &mut diesel::PgConnection) -> Result<()> {
    Ok(connection.batch_execute(&format!("LISTEN {CHANNEL}"))?)
}

/// Tells other processes, when the transaction is committed, that there is something to deliver. They see for themselves
/// sooner or later where the database can't tell them.
///
/// # Errors
/// What the database says.
pub fn announce(connection: &mut DbConnection) -> Result<()> {
    if connection.dialect() == Dialect::Postgres {
        Sql::new(format!("NOTIFY {CHANNEL}")).execute(connection)?;
    }
    Ok(())
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

/// Notes in the transaction of the handler's own work that it is done; answers whether it was still to be done. Another one
/// that does the same work waits here for the transaction to end.
///
/// # Errors
/// What the database says.
pub fn settle(
    connection: &mut DbConnection,
    (event_id, entity_id): (Uuid, Uuid),
    handler: &str,
    now: NaiveDateTime,
) -> Result<bool> {
    let own = outbox::table
        .filter(outbox::entity_id.eq(DbUuid(entity_id)))
        .filter(outbox::event_id.eq(DbUuid(event_id)))
        .filter(outbox::handler.eq(handler))
        .filter(outbox::status.eq(DeliveryStatus::Pending.as_str()));
    let settled = diesel::update(own)
        .set((outbox::status.eq(DeliveryStatus::Delivered.as_str()), outbox::date_delivered.eq(now)))
        .execute(connection)?;
    Ok(settled > 0)
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
    status: String,
    attempts: i32,
    date_due: NaiveDateTime,
    #[expect(dead_code, reason = "rows are read with all their columns")]
    leased_by: Option<DbUuid>,
    lease_until: Option<NaiveDateTime>,
    last_error: Option<String>,
    date_delivered: Option<NaiveDateTime>,
}

impl TryFrom<Row> for Delivery {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            event_id: row.event_id.0,
            signal: row.signal,
            handler: row.handler,
            entity_id: row.entity_id.0,
            user_id: row.user_id.0,
            data: row.data.0,
            date_created: row.date_created,
            status: row::known("delivery status", &row.status, DeliveryStatus::parse)?,
            attempts: row.attempts,
            date_due: row.date_due,
            lease_until: row.lease_until,
            last_error: row.last_error,
            date_delivered: row.date_delivered,
        })
    }
}
