//! Webhook endpoints in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::query::{self, Field, Kind, PageLimit, Table};
use super::row::{self, violates_unique};
use super::schema::task_management_webhookendpoint as webhook_endpoint;
use super::types::{DbJson, DbUuid};
use crate::domain::query::{ListQuery, Slice};
use crate::domain::webhook_endpoint::WebhookEndpoint;
use crate::error::{Error, Result};

const TABLE: Table = Table {
    name: "task_management_webhookendpoint",
    key: Field::own("id", Kind::Uuid),
    fields: &[
        Field::own("id", Kind::Uuid),
        Field::own("version", Kind::Int),
        Field::own("date_created", Kind::DateTime),
        Field::own("date_updated", Kind::DateTime),
        Field::own("name", Kind::Text),
        Field::own("url", Kind::Text),
        Field::own("is_active", Kind::Bool),
        Field::own("is_configured", Kind::Bool),
        Field::own("date_disabled", Kind::DateTime).optional(),
        Field::own("failing_since", Kind::DateTime).optional(),
    ],
    order_aliases: &[("uuid", "id")],
    default_order: &[],
    always: Some("NOT task_management_webhookendpoint.is_deleted"),
    touched_as: Some(("webhook_endpoint", "id")),
    foreign_keys: true,
};

/// Adds an endpoint.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, endpoint: &WebhookEndpoint) -> Result<()> {
    let row = WebhookEndpointRow::try_from(endpoint)?;
    diesel::insert_into(webhook_endpoint::table).values(row).execute(connection)?;
    Ok(())
}

/// Writes an endpoint over what it said before; the caller has locked it.
///
/// # Errors
/// What the database says.
pub fn update(connection: &mut DbConnection, endpoint: &WebhookEndpoint) -> Result<()> {
    let row = WebhookEndpointRow::try_from(endpoint)?;
    let own = webhook_endpoint::table.find(DbUuid(endpoint.id));
    match diesel::update(own).set(row).execute(connection)? {
        1 => Ok(()),
        _ => Err(Error::internal(format!("there is no webhook endpoint {}", endpoint.id))),
    }
}

/// Whether an error is the refusal of a second live endpoint of one name.
#[must_use]
pub fn is_name_taken(error: &Error) -> bool {
    violates_unique(error, "task_management_webhookendpoint_name_live")
}

/// The endpoint with this key, deleted or not.
///
/// # Errors
/// What the database says.
pub fn get(connection: &mut DbConnection, id: Uuid) -> Result<Option<WebhookEndpoint>> {
    let row = webhook_endpoint::table.find(DbUuid(id)).first::<WebhookEndpointRow>(connection).optional()?;
    row.map(WebhookEndpoint::try_from).transpose()
}

/// The endpoint with this key, deleted or not, locked until the transaction ends. Attempts to tell it can still be recorded
/// meanwhile: their reference to it does not wait for this lock.
///
/// # Errors
/// What the database says.
pub fn lock(connection: &mut DbConnection, id: Uuid) -> Result<Option<WebhookEndpoint>> {
    let found = webhook_endpoint::table.find(DbUuid(id));
    let row = match connection {
        DbConnection::Pg(pg) => found.for_no_key_update().first::<WebhookEndpointRow>(pg).optional()?,
        // A writing transaction on SQLite has the whole database to itself.
        DbConnection::Sqlite(sqlite) => found.first::<WebhookEndpointRow>(sqlite).optional()?,
    };
    row.map(WebhookEndpoint::try_from).transpose()
}

/// The endpoints that are not deleted, by key, locked until the transaction ends.
///
/// # Errors
/// What the database says.
pub fn lock_all(connection: &mut DbConnection) -> Result<Vec<WebhookEndpoint>> {
    let found = webhook_endpoint::table
        .filter(diesel::dsl::not(webhook_endpoint::is_deleted))
        .order(webhook_endpoint::id);
    let rows = match connection {
        DbConnection::Pg(pg) => found.for_no_key_update().load::<WebhookEndpointRow>(pg)?,
        DbConnection::Sqlite(sqlite) => found.load::<WebhookEndpointRow>(sqlite)?,
    };
    rows.into_iter().map(WebhookEndpoint::try_from).collect()
}

/// The key of the endpoint of this name that is not deleted.
///
/// # Errors
/// What the database says.
pub fn by_name(connection: &mut DbConnection, name: &str) -> Result<Option<Uuid>> {
    let found = webhook_endpoint::table
        .filter(webhook_endpoint::name.eq(name))
        .filter(diesel::dsl::not(webhook_endpoint::is_deleted))
        .select(webhook_endpoint::id)
        .first::<DbUuid>(connection)
        .optional()?;
    Ok(row::id(found))
}

/// The endpoints that are told of events, by key, each with the signals that it asked for.
///
/// # Errors
/// What the database says.
pub fn live(connection: &mut DbConnection) -> Result<Vec<(Uuid, Vec<String>)>> {
    let rows = webhook_endpoint::table
        .filter(diesel::dsl::not(webhook_endpoint::is_deleted))
        .filter(webhook_endpoint::is_active)
        .order(webhook_endpoint::id)
        .select((webhook_endpoint::id, webhook_endpoint::events))
        .load::<(DbUuid, DbJson)>(connection)?;
    rows.into_iter().map(|(id, events)| Ok((id.0, read(events)?))).collect()
}

/// Whether this endpoint is told of events.
///
/// # Errors
/// What the database says.
pub fn is_live(connection: &mut DbConnection, id: Uuid) -> Result<bool> {
    let live = webhook_endpoint::table
        .find(DbUuid(id))
        .filter(diesel::dsl::not(webhook_endpoint::is_deleted))
        .filter(webhook_endpoint::is_active);
    Ok(live.count().get_result::<i64>(connection)? == 1)
}

/// Endpoints.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list(
    connection: &mut DbConnection,
    query: &ListQuery,
    limit: PageLimit,
) -> Result<Slice<WebhookEndpoint>> {
    let rows = query::list(connection, &TABLE, query, limit, |connection, page| {
        webhook_endpoint::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((webhook_endpoint::all_columns, page.sort_values))
            .load::<(WebhookEndpointRow, String)>(connection)
    })?;
    rows.try_map(WebhookEndpoint::try_from)
}

fn read<T: serde::de::DeserializeOwned>(value: DbJson) -> Result<T> {
    serde_json::from_value(value.0).map_err(Error::internal)
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = webhook_endpoint, treat_none_as_default_value = false, treat_none_as_null = true)]
struct WebhookEndpointRow {
    id: DbUuid,
    is_deleted: bool,
    version: i32,
    date_created: NaiveDateTime,
    date_updated: NaiveDateTime,
    user_created: Option<DbUuid>,
    user_updated: Option<DbUuid>,
    name: String,
    url: String,
    events: DbJson,
    is_active: bool,
    is_configured: bool,
    disabled_reason: Option<String>,
    date_disabled: Option<NaiveDateTime>,
    failing_since: Option<NaiveDateTime>,
    secrets: DbJson,
}

impl TryFrom<&WebhookEndpoint> for WebhookEndpointRow {
    type Error = Error;

    fn try_from(endpoint: &WebhookEndpoint) -> Result<Self> {
        Ok(Self {
            id: endpoint.id.into(),
            is_deleted: endpoint.is_deleted,
            version: endpoint.version,
            date_created: endpoint.date_created,
            date_updated: endpoint.date_updated,
            user_created: endpoint.user_created.map(DbUuid),
            user_updated: endpoint.user_updated.map(DbUuid),
            name: endpoint.name.clone(),
            url: endpoint.url.clone(),
            events: DbJson(serde_json::to_value(&endpoint.events).map_err(Error::internal)?),
            is_active: endpoint.is_active,
            is_configured: endpoint.is_configured,
            disabled_reason: endpoint.disabled_reason.clone(),
            date_disabled: endpoint.date_disabled,
            failing_since: endpoint.failing_since,
            secrets: DbJson(serde_json::to_value(&endpoint.secrets).map_err(Error::internal)?),
        })
    }
}

impl TryFrom<WebhookEndpointRow> for WebhookEndpoint {
    type Error = Error;

    fn try_from(row: WebhookEndpointRow) -> Result<Self> {
        Ok(Self {
            id: row.id.0,
            is_deleted: row.is_deleted,
            version: row.version,
            date_created: row.date_created,
            date_updated: row.date_updated,
            user_created: row::id(row.user_created),
            user_updated: row::id(row.user_updated),
            name: row.name,
            url: row.url,
            events: read(row.events)?,
            is_active: row.is_active,
            is_configured: row.is_configured,
            disabled_reason: row.disabled_reason,
            date_disabled: row.date_disabled,
            failing_since: row.failing_since,
            // What can't be read is not quoted: it is secret.
            secrets: serde_json::from_value(row.secrets.0)
                .map_err(|_| Error::internal("the secrets of a webhook endpoint can't be read"))?,
        })
    }
}
