//! Approval flows in the database, one row for each version of a flow.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::history::{HistoryColumns, HistoryTable};
use super::query::{self, Field, Kind, PageLimit, Table};
use super::row;
use super::schema::{
    task_management_historicaltaskflow as historical, task_management_taskflow as task_flow,
};
use super::task_group::Lock;
use super::types::{DbJson, DbUuid};
use crate::domain::history::Historical;
use crate::domain::query::{ListQuery, Slice};
use crate::domain::task_flow::TaskFlow;
use crate::error::{Error, Result};

/// Where the writes of versions of flows are kept.
pub const HISTORY: HistoryTable = HistoryTable {
    table: "task_management_taskflow",
    historical: "task_management_historicaltaskflow",
    columns: "id, is_deleted, json_ext, version, date_created, date_updated, user_created, user_updated, code, name, \
              lineage_id, replacement_uuid, date_valid_from, date_valid_to",
};

const FIELDS: &[Field] = &[
    Field::own("id", Kind::Uuid),
    Field::own("is_deleted", Kind::Bool),
    Field::own("version", Kind::Int),
    Field::own("date_created", Kind::DateTime),
    Field::own("date_updated", Kind::DateTime),
    Field::own("user_created", Kind::Uuid),
    Field::own("user_updated", Kind::Uuid),
    Field::own("code", Kind::Text),
    Field::own("name", Kind::Text).optional(),
    Field::own("lineage_id", Kind::Uuid),
    Field::own("replacement_uuid", Kind::Uuid).optional(),
    Field::own("date_valid_from", Kind::DateTime),
    Field::own("date_valid_to", Kind::DateTime).optional(),
    Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username"),
    Field::related("user_updated__username", Kind::Text, "user_updated", "core_user", "username"),
];

const TABLE: Table = Table {
    name: "task_management_taskflow",
    key: Field::own("id", Kind::Uuid),
    fields: FIELDS,
    order_aliases: &[("uuid", "id")],
    default_order: &[],
    always: Some("NOT task_management_taskflow.is_deleted"),
    touched_as: Some(("task_flow", "id")),
    foreign_keys: true,
};

const HISTORY_TABLE: Table = Table {
    name: "task_management_historicaltaskflow",
    key: Field::own("history_id", Kind::Int),
    fields: HISTORY_FIELDS,
    order_aliases: &[("uuid", "id")],
    default_order: &["-history_date"],
    always: None,
    touched_as: Some(("task_flow", "id")),
    foreign_keys: false,
};

const HISTORY_FIELDS: &[Field] = &query::with_history_fields::<{ FIELDS.len() + 3 }>(FIELDS);

/// Adds a version of a flow.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, flow: &TaskFlow) -> Result<()> {
    diesel::insert_into(task_flow::table).values(TaskFlowRow::from(flow)).execute(connection)?;
    Ok(())
}

/// Writes a version of a flow over what it said before. The version that it names as its replacement may be added
/// later in the transaction, and must be: there is one head at a time.
///
/// # Errors
/// INTERNAL when the row is not at the version before: the caller has not locked it.
pub fn update(connection: &mut DbConnection, flow: &TaskFlow) -> Result<()> {
    let previous = task_flow::table.find(DbUuid(flow.id)).filter(task_flow::version.eq(flow.version - 1));
    match diesel::update(previous).set(TaskFlowRow::from(flow)).execute(connection)? {
        1 => Ok(()),
        _ => Err(Error::internal(format!("task flow {} is not at version {}", flow.id, flow.version - 1))),
    }
}

/// The version of a flow with this key, deleted or not.
///
/// # Errors
/// What the database says.
pub fn get(connection: &mut DbConnection, id: Uuid) -> Result<Option<TaskFlow>> {
    let row = task_flow::table.find(DbUuid(id)).first::<TaskFlowRow>(connection).optional()?;
    Ok(row.map(TaskFlow::from))
}

/// The versions of flows with these keys, deleted or not, in no order.
///
/// # Errors
/// What the database says.
pub fn get_many(connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<TaskFlow>> {
    let ids: Vec<DbUuid> = ids.iter().copied().map(DbUuid).collect();
    let rows = task_flow::table.filter(task_flow::id.eq_any(ids)).load::<TaskFlowRow>(connection)?;
    Ok(rows.into_iter().map(TaskFlow::from).collect())
}

/// The version of a flow with this key, deleted or not, locked until the transaction ends: shared by those who give
/// tasks to it, exclusively by those who replace or retire it.
///
/// # Errors
/// What the database says.
pub fn lock(connection: &mut DbConnection, id: Uuid, lock: Lock) -> Result<Option<TaskFlow>> {
    let found = task_flow::table.find(DbUuid(id));
    let row = match (connection, lock) {
        (DbConnection::Pg(pg), Lock::Share) => found.for_key_share().first::<TaskFlowRow>(pg).optional()?,
        (DbConnection::Pg(pg), Lock::Exclusive) => found.for_update().first::<TaskFlowRow>(pg).optional()?,
        // A writing transaction on SQLite has the whole database to itself.
        (DbConnection::Sqlite(sqlite), _) => found.first::<TaskFlowRow>(sqlite).optional()?,
    };
    Ok(row.map(TaskFlow::from))
}

/// The head of the live flow of this code.
///
/// # Errors
/// What the database says.
pub fn live_by_code(connection: &mut DbConnection, code: &str) -> Result<Option<Uuid>> {
    let found = task_flow::table
        .filter(task_flow::code.eq(code))
        .filter(diesel::dsl::not(task_flow::is_deleted))
        .filter(task_flow::replacement_uuid.is_null())
        .select(task_flow::id)
        .first::<DbUuid>(connection)
        .optional()?;
    Ok(row::id(found))
}

/// All versions of a live flow by key, locked exclusively in that order.
///
/// # Errors
/// What the database says.
pub fn of_lineage(connection: &mut DbConnection, lineage_id: Uuid) -> Result<Vec<TaskFlow>> {
    let versions = task_flow::table
        .filter(task_flow::lineage_id.eq(DbUuid(lineage_id)))
        .filter(diesel::dsl::not(task_flow::is_deleted))
        .order(task_flow::id);
    let rows = match connection {
        DbConnection::Pg(pg) => versions.for_update().load::<TaskFlowRow>(pg)?,
        // A writing transaction on SQLite has the whole database to itself.
        DbConnection::Sqlite(sqlite) => versions.load::<TaskFlowRow>(sqlite)?,
    };
    Ok(rows.into_iter().map(TaskFlow::from).collect())
}

/// Versions of live flows, superseded ones too.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list(connection: &mut DbConnection, query: &ListQuery, limit: PageLimit) -> Result<Slice<TaskFlow>> {
    let rows = query::list(connection, &TABLE, query, limit, |connection, page| {
        task_flow::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((task_flow::all_columns, page.sort_values))
            .load::<(TaskFlowRow, String)>(connection)
    })?;
    rows.try_map(|row| Ok(row.into()))
}

/// What was written of versions of flows, deleted ones included.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list_history(
    connection: &mut DbConnection,
    query: &ListQuery,
    limit: PageLimit,
) -> Result<Slice<Historical<TaskFlow>>> {
    let rows = query::list(connection, &HISTORY_TABLE, query, limit, |connection, page| {
        historical::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((HISTORY.copy::<task_flow::SqlType>(), HistoryTable::history(), page.sort_values))
            .load::<(TaskFlowRow, HistoryColumns, String)>(connection)
            .map(|rows| rows.into_iter().map(|(row, history, values)| ((row, history), values)).collect())
    })?;
    rows.try_map(|(row, history)| history.with(row.into()))
}

super::history::versioned!(TaskFlow, "task_flow");

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = task_flow, treat_none_as_null = true, treat_none_as_default_value = false)]
struct TaskFlowRow {
    id: DbUuid,
    is_deleted: bool,
    json_ext: Option<DbJson>,
    version: i32,
    date_created: NaiveDateTime,
    date_updated: NaiveDateTime,
    user_created: DbUuid,
    user_updated: DbUuid,
    code: String,
    name: Option<String>,
    lineage_id: DbUuid,
    replacement_uuid: Option<DbUuid>,
    date_valid_from: NaiveDateTime,
    date_valid_to: Option<NaiveDateTime>,
}

impl From<&TaskFlow> for TaskFlowRow {
    fn from(flow: &TaskFlow) -> Self {
        Self {
            id: flow.id.into(),
            is_deleted: flow.is_deleted,
            json_ext: flow.json_ext.clone().map(DbJson),
            version: flow.version,
            date_created: flow.date_created,
            date_updated: flow.date_updated,
            user_created: flow.user_created.into(),
            user_updated: flow.user_updated.into(),
            code: flow.code.clone(),
            name: flow.name.clone(),
            lineage_id: flow.lineage_id.into(),
            replacement_uuid: flow.replacement_uuid.map(DbUuid),
            date_valid_from: flow.date_valid_from,
            date_valid_to: flow.date_valid_to,
        }
    }
}

impl From<TaskFlowRow> for TaskFlow {
    fn from(row: TaskFlowRow) -> Self {
        Self {
            id: row.id.0,
            is_deleted: row.is_deleted,
            json_ext: row::json(row.json_ext),
            version: row.version,
            date_created: row.date_created,
            date_updated: row.date_updated,
            user_created: row.user_created.0,
            user_updated: row.user_updated.0,
            code: row.code,
            name: row.name,
            lineage_id: row.lineage_id.0,
            replacement_uuid: row::id(row.replacement_uuid),
            date_valid_from: row.date_valid_from,
            date_valid_to: row.date_valid_to,
        }
    }
}
