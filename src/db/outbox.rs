//! The outbox in the database: deliveries to After-handlers, to webhook endpoints and to the module itself, one row for each
//! event and subscriber.

use chrono::NaiveDateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use uuid::Uuid;

use super::connection::{self, DbConnection, Dialect};
use super::entity::{Lock, insert_counted, select, select_locked};
use super::lease::{self, Lease, Leased};
use super::query::Listed;
use super::sql::Sql;
use crate::clock::new_id;
use crate::domain::json::json;
use crate::domain::outbox::{DeliveryStatus, OutboxFigures, Subscriber};
use crate::error::{Error, Result};
use crate::model::outbox::{Delivery, task_management_outbox as outbox};

/// The channel on which processes on one PostgreSQL tell each other of new deliveries.
pub const CHANNEL: &str = "task_management_outbox";

impl Leased for Delivery {
    const WAITS: &'static str = "status = 'PENDING'";
}

impl Listed for Delivery {
    const LEFT_OUT: &[&str] = &["data", "leased_by", "lease_until", "last_error"];
    const ORDER_ALIASES: &[(&str, &str)] = &[];
    const FOREIGN_KEYS: bool = false;
    const TOUCHED_BY: Option<&str> = None;
}

/// Asks the module, in the transaction of a change, to weigh the votes on the open tasks of a group again, because the
/// change is of who is asked, or of how many must agree. `signal` names the change, `user_id` the person who made it, `cause_depth` how many runs stand behind it.
pub fn ask_re_evaluation(
    connection: &mut DbConnection,
    group_id: Uuid,
    signal: &str,
    (user_id, cause_depth): (Uuid, i32),
    now: NaiveDateTime,
) -> Result<()> {
    let delivery = Delivery {
        id: 0,
        event_id: new_id(),
        signal: signal.to_owned(),
        handler: Subscriber::ReEvaluation(None).name(),
        entity_id: group_id,
        user_id,
        data: json!({ "v": 1, "taskGroupId": group_id }),
        date_created: now,
        status: DeliveryStatus::Pending,
        attempts: 0,
        date_due: now,
        leased_by: None,
        lease_until: None,
        last_error: None,
        date_delivered: None,
        cause_depth,
    };
    insert_counted(connection, &delivery)?;
    announce(connection)
}

/// Whether a later delivery, which is still to be made, asks the module to weigh again all tasks of one of these groups.
pub fn is_asked_later(connection: &mut DbConnection, id: i64, group_ids: &[Uuid]) -> Result<bool> {
    let later = Sql::new("status = 'PENDING' AND handler = ")
        .bind(Subscriber::ReEvaluation(None).name())
        .sql(" AND id > ")
        .bind(id)
        .sql(" AND entity_id ")
        .among(group_ids.iter().copied());
    let later = select::<Delivery>(connection, later)?;
    // A delivery that begins after some task is the rest of an earlier delivery.
    Ok(later.iter().any(|delivery| delivery.data.get("after").is_none()))
}

/// A subscriber that a look at the outbox has found.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Looked {
    /// The name of the subscriber.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Whether the last attempt at the endpoint failed.
    #[diesel(sql_type = Bool)]
    pub is_failing: bool,
    /// Whether a delivery may be due. An older one of the same row may have to be made first; [`lease`] decides that.
    #[diesel(sql_type = Bool)]
    pub is_due: bool,
    /// Who answers for the subscriber, whose dispatchers take turns.
    #[diesel(sql_type = Nullable<diesel::sql_types::Uuid>)]
    pub owner: Option<Uuid>,
}

/// Somebody in the database who is told of events: the name, and the names of the signals that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// The name of the subscriber.
    pub name: String,
    /// The signals.
    pub signals: Vec<String>,
}

/// Those in the database who are told of events, in an order that stays: the dispatchers, and the webhook endpoints if these are told
/// at all. One statement, because every change asks.
pub fn listening(connection: &mut DbConnection, has_webhooks: bool) -> Result<Vec<Listening>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = Text)]
        signals: String,
    }

    let endpoints = has_webhooks.then(|| {
        Sql::new(
            "SELECT 'webhook:' || CAST(id AS text) AS name, CAST(events AS text) AS signals \
             FROM task_management_webhookendpoint WHERE NOT is_deleted AND is_active UNION ALL ",
        )
    });
    let rows: Vec<Row> = endpoints
        .unwrap_or_default()
        .sql(
            "SELECT 'dispatcher:' || CAST(id AS text) AS name, '[\"' || signal || '\"]' AS signals \
             FROM task_management_taskdispatcher WHERE NOT is_deleted AND is_enabled ORDER BY 1",
        )
        .load(connection)?;
    rows.into_iter()
        .map(|row| {
            let signals = serde_json::from_str(&row.signals).map_err(Error::internal)?;
            Ok(Listening { name: row.name, signals })
        })
        .collect()
}

/// Looks for all subscribers at once whether deliveries are due: for these handlers, for all live dispatchers, and for all live
/// endpoints if these are told at all. Deliveries to those that are disabled go on waiting.
pub fn look(
    connection: &mut DbConnection,
    handlers: &[String],
    has_webhooks: bool,
    now: NaiveDateTime,
) -> Result<Vec<Looked>> {
    let handlers = handlers.iter().map(|name| {
        Sql::new("SELECT ")
            .bind(name.as_str())
            .sql(" AS name, false AS is_failing, CAST(NULL AS uuid) AS owner")
    });
    let endpoints = has_webhooks.then(|| {
        Sql::new(
            "SELECT 'webhook:' || CAST(id AS text), failing_since IS NOT NULL, CAST(NULL AS uuid) \
             FROM task_management_webhookendpoint WHERE NOT is_deleted AND is_active",
        )
    });
    let dispatchers = Sql::new(
        "SELECT 'dispatcher:' || CAST(id AS text), false, user_updated FROM task_management_taskdispatcher \
         WHERE NOT is_deleted AND is_enabled",
    );
    let subscribers = Sql::join(handlers.chain(endpoints).chain([dispatchers]).collect(), " UNION ALL ", "");
    Ok(Sql::new("SELECT subscriber.name, subscriber.is_failing, subscriber.owner, ")
        .append(is_any_due(connection.dialect(), "subscriber.name", now))
        .sql(" AS is_due FROM (")
        .append(subscribers)
        .sql(") AS subscriber")
        .load(connection)?)
}

/// The condition that a delivery is due to the subscriber whose name `handler` is in SQL, and in no worker's hand. The earliest says
/// it, because an index has that first: by EXISTS or `min`, PostgreSQL might read the whole outbox.
fn is_any_due(dialect: Dialect, handler: &str, now: NaiveDateTime) -> Sql {
    let by = by_index(dialect, "task_management_outbox_due");
    Sql::new(format!(
        "COALESCE((SELECT due.date_due FROM task_management_outbox AS due {by} \
         WHERE due.status = 'PENDING' AND due.handler = {handler} AND (due.lease_until IS NULL OR due.lease_until < "
    ))
    .bind(now)
    .sql(") ORDER BY due.date_due LIMIT 1) <= ")
    .bind(now)
    .sql(", false)")
}

/// Leases deliveries for one handler that are due: only the oldest of each entity, to keep their order. The oldest is looked up for each,
/// because an index has that first. As a join, PostgreSQL might read all that waits once for each, where its statistics are of a time
/// when little waited.
pub fn lease(connection: &mut DbConnection, handler: &str, lease: Lease) -> Result<Vec<Delivery>> {
    let whose = Sql::new("waiting.handler = ").bind(handler);
    let by = by_index(connection.dialect(), "task_management_outbox_pending");
    let due = Sql::new("waiting.date_due <= ").bind(lease.now).sql(format!(
        " AND waiting.id = (SELECT older.id FROM task_management_outbox AS older {by} WHERE older.status = 'PENDING' \
         AND older.handler = waiting.handler AND older.entity_id = waiting.entity_id ORDER BY older.id LIMIT 1)"
    ));
    let mut taken: Vec<Delivery> =
        lease::lease(connection, lease, whose, due, "waiting.date_due, waiting.id")?;
    taken.sort_by_key(|delivery| delivery.id);
    Ok(taken)
}

/// Has SQLite use this index, which it may not where its statistics say that nothing waits. PostgreSQL can't be told so; it mostly takes
/// the one that has first what is wanted.
fn by_index(dialect: Dialect, index: &str) -> String {
    match dialect {
        Dialect::Postgres => String::new(),
        Dialect::Sqlite => format!("INDEXED BY {index}"),
    }
}

/// Makes these deliveries due again, as if they had never been tried; returns how many there are.
pub fn replay(connection: &mut DbConnection, ids: &[i64], now: NaiveDateTime) -> Result<usize> {
    Ok(diesel::update(outbox::table.filter(outbox::id.eq_any(ids.to_vec())))
        .set((
            outbox::status.eq(DeliveryStatus::Pending),
            outbox::attempts.eq(0),
            outbox::date_due.eq(now),
            outbox::leased_by.eq(None::<Uuid>),
            outbox::lease_until.eq(None::<NaiveDateTime>),
            outbox::date_delivered.eq(None::<NaiveDateTime>),
        ))
        .execute(connection)?)
}

/// Gives up these deliveries.
pub fn discard(connection: &mut DbConnection, ids: &[i64]) -> Result<usize> {
    Ok(diesel::update(outbox::table.filter(outbox::id.eq_any(ids.to_vec())))
        .set((
            outbox::status.eq(DeliveryStatus::Discarded),
            outbox::leased_by.eq(None::<Uuid>),
            outbox::lease_until.eq(None::<NaiveDateTime>),
        ))
        .execute(connection)?)
}

/// Gives up all deliveries that wait for this subscriber, which no longer exists.
pub fn discard_all_of(connection: &mut DbConnection, subscriber: &Subscriber) -> Result<usize> {
    let undelivered = [DeliveryStatus::Pending.as_str(), DeliveryStatus::Dead.as_str()];
    let own = outbox::table
        .filter(outbox::handler.eq(subscriber.name()))
        .filter(outbox::status.eq_any(undelivered));
    Ok(diesel::update(own)
        .set((
            outbox::status.eq(DeliveryStatus::Discarded),
            outbox::leased_by.eq(None::<Uuid>),
            outbox::lease_until.eq(None::<NaiveDateTime>),
        ))
        .execute(connection)?)
}

/// Gives up deliveries that wait for deleted webhook endpoints and dispatchers: a change that did not see the deletion left them, or
/// somebody replayed them since.
pub fn discard_ownerless(connection: &mut DbConnection) -> Result<usize> {
    Ok(Sql::new(
        "UPDATE task_management_outbox SET status = 'DISCARDED', leased_by = NULL, lease_until = NULL \
         WHERE status = 'PENDING' AND handler IN (SELECT 'webhook:' || CAST(id AS text) \
         FROM task_management_webhookendpoint WHERE is_deleted UNION ALL \
         SELECT 'dispatcher:' || CAST(id AS text) FROM task_management_taskdispatcher WHERE is_deleted)",
    )
    .execute(connection)?)
}

/// The deliveries with these keys, locked until the transaction ends, in no order.
pub fn lock_many(connection: &mut DbConnection, ids: &[i64]) -> Result<Vec<Delivery>> {
    let found = Sql::new("id ").among(ids.iter().copied()).sql(" ORDER BY id");
    select_locked(connection, found, Lock::Exclusive)
}

/// The figures of the outbox.
pub fn figures(connection: &mut DbConnection) -> Result<OutboxFigures> {
    let of = |status: DeliveryStatus| outbox::table.filter(outbox::status.eq(status));
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

/// Lets the connection be notified of what [`announce`] announces.
pub fn listen(connection: &mut DbConnection) -> Result<()> {
    Ok(connection.batch_execute(&format!("LISTEN {CHANNEL}"))?)
}

/// Lets the connection be notified no more.
pub fn listen_no_more(connection: &mut DbConnection) -> Result<()> {
    Ok(connection.batch_execute(&format!("UNLISTEN {CHANNEL}"))?)
}

/// Whether others have notified the connection since it was last asked. What `own` has announced, it knows already.
#[cfg(feature = "postgres")]
pub fn is_notified(connection: &mut DbConnection, own: Uuid) -> Result<bool> {
    let own = own.to_string();
    let mut is_notified = false;
    for notification in connection.postgres()?.notifications_iter() {
        is_notified |= notification?.payload != own;
    }
    Ok(is_notified)
}

/// Only PostgreSQL notifies.
#[cfg(not(feature = "postgres"))]
pub const fn is_notified(_: &mut DbConnection, _: Uuid) -> Result<bool> {
    Ok(false)
}

/// Tells the workers of this process and of others, when the transaction is committed, that there are deliveries. Where the
/// database can't tell other processes, they find the deliveries at their next look.
pub fn announce(connection: &mut DbConnection) -> Result<()> {
    let announcer = connection::announce();
    if connection.dialect() == Dialect::Postgres {
        Sql::new(format!("NOTIFY {CHANNEL}, '{announcer}'")).execute(connection)?;
    }
    Ok(())
}

/// Notes that the delivery was made, unless another worker has taken it over meanwhile. Returns whether another may be due for
/// the same subscriber, such as the next event of the same row.
pub fn delivered(connection: &mut DbConnection, id: i64, worker: Uuid, now: NaiveDateTime) -> Result<bool> {
    #[derive(QueryableByName)]
    struct Settled {
        #[diesel(sql_type = Bool)]
        is_more_due: bool,
    }

    let settled: Vec<Settled> =
        Sql::new("UPDATE task_management_outbox SET status = 'DELIVERED', date_delivered = ")
            .bind(now)
            .sql(", leased_by = NULL, lease_until = NULL, last_error = NULL WHERE id = ")
            .bind(id)
            .sql(" AND leased_by = ")
            .bind(worker)
            .sql(" RETURNING ")
            // This one is leased still, as PostgreSQL sees it here.
            .append(is_any_due(connection.dialect(), "task_management_outbox.handler", now))
            .sql(" AS is_more_due")
            .load(connection)?;
    Ok(settled.iter().any(|settled| settled.is_more_due))
}

/// Notes in the transaction of the handler's own work that the work is done; returns whether it was still to be done.
/// Another worker that does the same work waits here for that transaction to end.
pub fn settle(
    connection: &mut DbConnection,
    (event_id, entity_id): (Uuid, Uuid),
    handler: &str,
    now: NaiveDateTime,
) -> Result<bool> {
    let own = outbox::table
        .filter(outbox::entity_id.eq(entity_id))
        .filter(outbox::event_id.eq(event_id))
        .filter(outbox::handler.eq(handler))
        .filter(outbox::status.eq(DeliveryStatus::Pending));
    let settled = diesel::update(own)
        .set((
            outbox::status.eq(DeliveryStatus::Delivered),
            outbox::date_delivered.eq(now),
            outbox::last_error.eq(None::<String>),
        ))
        .execute(connection)?;
    Ok(settled > 0)
}

/// Notes that the delivery failed, unless another worker has taken it over meanwhile. It is due again at `due`; without
/// `due` it is parked as dead.
pub fn failed(
    connection: &mut DbConnection,
    id: i64,
    worker: Uuid,
    error: &str,
    due: Option<NaiveDateTime>,
) -> Result<()> {
    let delivery = outbox::table.find(id).filter(outbox::leased_by.eq(worker));
    match due {
        Some(due) => diesel::update(delivery)
            .set((
                outbox::date_due.eq(due),
                outbox::last_error.eq(error),
                outbox::leased_by.eq(None::<Uuid>),
                outbox::lease_until.eq(None::<NaiveDateTime>),
            ))
            .execute(connection)?,
        None => diesel::update(delivery)
            .set((
                outbox::status.eq(DeliveryStatus::Dead),
                outbox::last_error.eq(error),
                outbox::leased_by.eq(None::<Uuid>),
                outbox::lease_until.eq(None::<NaiveDateTime>),
            ))
            .execute(connection)?,
    };
    Ok(())
}

/// Forgets deliveries that were made before `moment`.
pub fn prune(connection: &mut DbConnection, moment: NaiveDateTime) -> Result<usize> {
    let old = outbox::table
        .filter(outbox::status.eq(DeliveryStatus::Delivered))
        .filter(outbox::date_delivered.lt(moment));
    Ok(diesel::delete(old).execute(connection)?)
}
