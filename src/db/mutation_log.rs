//! The journal in the database, and which rows each mutation touched.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::query::{self, Field, Kind, PageLimit, Table};
use super::row;
use super::schema::core_mutationlog as log;
use super::sql::{ROWS_AT_ONCE, Sql};
use super::types::{DbJson, DbUuid};
use crate::domain::mutation_log::{MutationLog, MutationStatus};
use crate::domain::query::{ListQuery, Slice, Value};
use crate::error::{Error, Result};

const FIELDS: &[Field] = &[
    Field::own("id", Kind::Uuid),
    Field::own("user_id", Kind::Uuid),
    Field::own("client_mutation_id", Kind::Text).optional(),
    Field::own("client_mutation_label", Kind::Text).optional(),
    Field::own("request_date_time", Kind::DateTime),
    Field::own("status", Kind::Int),
    Field::own("error", Kind::Text).optional(),
    Field::related("user__username", Kind::Text, "user_id", "core_user", "username"),
];

const TABLE: Table = Table {
    name: "core_mutationlog",
    key: Field::own("id", Kind::Uuid),
    fields: FIELDS,
    order_aliases: &[("uuid", "id"), ("user", "user__username")],
    default_order: &[],
    always: None,
    foreign_keys: true,
    touched_as: None,
};

/// Adds an entry unless its user has one with the same client id. If another request is adding one now, waits for it
/// to end. Answers whether the entry was added.
///
/// # Errors
/// What the database says.
pub fn reserve(connection: &mut DbConnection, entry: &MutationLog) -> Result<bool> {
    let optional = |text: &Option<String>| match text {
        Some(text) => Sql::default().bind(Value::Text(text.clone())),
        None => Sql::new("NULL"),
    };
    let values = vec![
        Sql::default().bind(entry.id),
        Sql::default().bind(entry.mutation.as_str()),
        Sql::default().bind(entry.user_id),
        optional(&entry.client_mutation_id),
        optional(&entry.client_mutation_label),
        optional(&entry.client_mutation_details),
        Sql::default().bind(entry.json_content.as_str()),
        Sql::default().bind(entry.request_date_time),
        Sql::default().bind(i64::from(entry.status.as_i32())),
        optional(&entry.error),
    ];
    let added = Sql::new(
        "INSERT INTO core_mutationlog (id, mutation, user_id, client_mutation_id, client_mutation_label, \
         client_mutation_details, json_content, request_date_time, status, error) VALUES (",
    )
    .append(Sql::join(values, ", ", ""))
    .sql(") ON CONFLICT (user_id, client_mutation_id) DO NOTHING")
    .execute(connection)?;
    Ok(added == 1)
}

/// The entry of this user with this client id.
///
/// # Errors
/// What the database says.
pub fn by_client_id(
    connection: &mut DbConnection,
    user_id: Uuid,
    client_mutation_id: &str,
) -> Result<Option<MutationLog>> {
    let row = log::table
        .filter(log::user_id.eq(DbUuid(user_id)))
        .filter(log::client_mutation_id.eq(client_mutation_id))
        .first::<Row>(connection)
        .optional()?;
    row.map(MutationLog::try_from).transpose()
}

/// Says how a mutation went.
///
/// # Errors
/// What the database says.
pub fn finish(
    connection: &mut DbConnection,
    id: Uuid,
    status: MutationStatus,
    error: Option<&str>,
) -> Result<()> {
    diesel::update(log::table.find(DbUuid(id)))
        .set((log::status.eq(status.as_i32()), log::error.eq(error)))
        .execute(connection)?;
    Ok(())
}

/// Notes that the mutation touched these rows.
///
/// # Errors
/// What the database says.
pub fn link(connection: &mut DbConnection, mutation_id: Uuid, touched: &[(&str, Uuid)]) -> Result<()> {
    for chunk in touched.chunks(ROWS_AT_ONCE) {
        let rows = chunk.iter().map(|(entity, entity_id)| {
            Sql::new("(").bind(mutation_id).sql(", ").bind(*entity).sql(", ").bind(*entity_id).sql(")")
        });
        Sql::new("INSERT INTO task_management_taskmutation (mutation_id, entity, entity_id) VALUES ")
            .append(Sql::join(rows.collect(), ", ", ""))
            .sql(" ON CONFLICT DO NOTHING")
            .execute(connection)?;
    }
    Ok(())
}

/// Entries.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list(
    connection: &mut DbConnection,
    query: &ListQuery,
    limit: PageLimit,
) -> Result<Slice<MutationLog>> {
    let rows = query::list(connection, &TABLE, query, limit, |connection, page| {
        log::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((log::all_columns, page.sort_values))
            .load::<(Row, String)>(connection)
    })?;
    rows.try_map(MutationLog::try_from)
}

#[derive(Queryable)]
struct Row {
    id: DbUuid,
    mutation: String,
    user_id: DbUuid,
    client_mutation_id: Option<String>,
    client_mutation_label: Option<String>,
    client_mutation_details: Option<String>,
    json_content: String,
    request_date_time: NaiveDateTime,
    status: i32,
    error: Option<String>,
    autogenerated_code: Option<String>,
    json_ext: Option<DbJson>,
}

impl TryFrom<Row> for MutationLog {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id.0,
            mutation: row.mutation,
            user_id: row.user_id.0,
            client_mutation_id: row.client_mutation_id,
            client_mutation_label: row.client_mutation_label,
            client_mutation_details: row.client_mutation_details,
            json_content: row.json_content,
            request_date_time: row.request_date_time,
            status: MutationStatus::parse(row.status).ok_or_else(|| {
                Error::internal(format!("the database holds the mutation status {}", row.status))
            })?,
            error: row.error,
            autogenerated_code: row.autogenerated_code,
            json_ext: row::json(row.json_ext),
        })
    }
}
