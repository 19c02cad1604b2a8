//! Attempts to tell webhook endpoints of events, in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::query::{self, Field, Kind, PageLimit, Table};
use super::schema::task_management_webhookattempt as webhook_attempt;
use super::types::DbUuid;
use crate::domain::query::{ListQuery, Slice};
use crate::domain::webhook_attempt::{NewWebhookAttempt, WebhookAttempt};
use crate::error::Result;

const TABLE: Table = Table {
    name: "task_management_webhookattempt",
    key: Field::own("id", Kind::Int),
    fields: &[
        Field::own("id", Kind::Int),
        Field::own("endpoint_id", Kind::Uuid),
        Field::own("event_id", Kind::Uuid),
        Field::own("delivery_id", Kind::Int),
        Field::own("attempt", Kind::Int),
        Field::own("signal", Kind::Text),
        Field::own("entity_id", Kind::Uuid),
        Field::own("date", Kind::DateTime),
        Field::own("duration_ms", Kind::Int),
        Field::own("status_code", Kind::Int).optional(),
    ],
    order_aliases: &[],
    default_order: &[],
    always: None,
    touched_as: None,
    foreign_keys: true,
};

/// Records an attempt.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, new: &NewWebhookAttempt) -> Result<()> {
    diesel::insert_into(webhook_attempt::table)
        .values((
            webhook_attempt::endpoint_id.eq(DbUuid(new.endpoint_id)),
            webhook_attempt::event_id.eq(DbUuid(new.event_id)),
            webhook_attempt::delivery_id.eq(new.delivery_id),
            webhook_attempt::attempt.eq(new.attempt),
            webhook_attempt::signal.eq(&new.signal),
            webhook_attempt::entity_id.eq(DbUuid(new.entity_id)),
            webhook_attempt::date.eq(new.date),
            webhook_attempt::duration_ms.eq(new.duration_ms),
            webhook_attempt::status_code.eq(new.status_code),
            webhook_attempt::error.eq(new.error.as_deref()),
            webhook_attempt::response.eq(new.response.as_deref()),
        ))
        .execute(connection)?;
    Ok(())
}

/// When the last attempt at this endpoint was made.
///
/// # Errors
/// What the database says.
pub fn last_date(connection: &mut DbConnection, endpoint_id: Uuid) -> Result<Option<NaiveDateTime>> {
    let own = webhook_attempt::table.filter(webhook_attempt::endpoint_id.eq(DbUuid(endpoint_id)));
    let last = own.order(webhook_attempt::id.desc()).select(webhook_attempt::date);
    Ok(last.first(connection).optional()?)
}

/// Attempts.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list(
    connection: &mut DbConnection,
    query: &ListQuery,
    limit: PageLimit,
) -> Result<Slice<WebhookAttempt>> {
    let rows = query::list(connection, &TABLE, query, limit, |connection, page| {
        webhook_attempt::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((webhook_attempt::all_columns, page.sort_values))
            .load::<(Row, String)>(connection)
    })?;
    rows.try_map(|row| Ok(WebhookAttempt::from(row)))
}

/// Forgets attempts that were made before `moment`.
///
/// # Errors
/// What the database says.
pub fn prune(connection: &mut DbConnection, moment: NaiveDateTime) -> Result<usize> {
    Ok(diesel::delete(webhook_attempt::table.filter(webhook_attempt::date.lt(moment))).execute(connection)?)
}

#[derive(Queryable)]
struct Row {
    id: i64,
    endpoint_id: DbUuid,
    event_id: DbUuid,
    delivery_id: i64,
    attempt: i32,
    signal: String,
    entity_id: DbUuid,
    date: NaiveDateTime,
    duration_ms: i64,
    status_code: Option<i32>,
    error: Option<String>,
    response: Option<String>,
}

impl From<Row> for WebhookAttempt {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            record: NewWebhookAttempt {
                endpoint_id: row.endpoint_id.0,
                event_id: row.event_id.0,
                delivery_id: row.delivery_id,
                attempt: row.attempt,
                signal: row.signal,
                entity_id: row.entity_id.0,
                date: row.date,
                duration_ms: row.duration_ms,
                status_code: row.status_code,
                error: row.error,
                response: row.response,
            },
        }
    }
}
