//! Task groups in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::history::{HistoryColumns, HistoryTable};
use super::query::{self, Field, Kind, PageLimit, Table};
use super::row;
use super::schema::{
    task_management_historicaltaskgroup as historical, task_management_taskgroup as task_group,
};
use super::types::{DbJson, DbUuid};
use crate::domain::completion_policy::CompletionPolicy;
use crate::domain::history::Historical;
use crate::domain::query::{ListQuery, Slice};
use crate::domain::task_group::TaskGroup;
use crate::error::{Error, Result};

/// Where the versions of task groups are kept.
pub const HISTORY: HistoryTable = HistoryTable {
    table: "task_management_taskgroup",
    historical: "task_management_historicaltaskgroup",
    columns: "id, is_deleted, json_ext, version, date_created, date_updated, user_created, user_updated, code, \
              completion_policy, threshold, threshold_kind, forbid_maker, distinct_deciders",
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
    Field::own("completion_policy", Kind::Text),
    Field::own("threshold", Kind::Int).optional(),
    Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username"),
    Field::related("user_updated__username", Kind::Text, "user_updated", "core_user", "username"),
];

const TABLE: Table = Table {
    name: "task_management_taskgroup",
    key: Field::own("id", Kind::Uuid),
    fields: FIELDS,
    order_aliases: &[("uuid", "id")],
    default_order: &[],
    always: Some("NOT task_management_taskgroup.is_deleted"),
    foreign_keys: true,
    touched_as: Some(("task_group", "id")),
};

const HISTORY_TABLE: Table = Table {
    name: "task_management_historicaltaskgroup",
    key: Field::own("history_id", Kind::Int),
    fields: HISTORY_FIELDS,
    order_aliases: &[("uuid", "id")],
    default_order: &["-history_date"],
    always: None,
    foreign_keys: false,
    touched_as: Some(("task_group", "id")),
};

const HISTORY_FIELDS: &[Field] = &query::with_history_fields::<{ FIELDS.len() + 3 }>(FIELDS);

/// Adds a group.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, group: &TaskGroup) -> Result<()> {
    diesel::insert_into(task_group::table).values(TaskGroupRow::from(group)).execute(connection)?;
    Ok(())
}

/// Writes a group over its previous version.
///
/// # Errors
/// INTERNAL when the row is not at the version before: the caller has not locked it.
pub fn update(connection: &mut DbConnection, group: &TaskGroup) -> Result<()> {
    let previous = task_group::table.find(DbUuid(group.id)).filter(task_group::version.eq(group.version - 1));
    match diesel::update(previous).set(TaskGroupRow::from(group)).execute(connection)? {
        1 => Ok(()),
        _ => Err(Error::internal(format!("task group {} is not at version {}", group.id, group.version - 1))),
    }
}

/// The group with this key, deleted or not.
///
/// # Errors
/// What the database says.
pub fn get(connection: &mut DbConnection, id: Uuid) -> Result<Option<TaskGroup>> {
    let row = task_group::table.find(DbUuid(id)).first::<TaskGroupRow>(connection).optional()?;
    row.map(TaskGroup::try_from).transpose()
}

/// The groups with these keys, deleted or not, in no order.
///
/// # Errors
/// What the database says.
pub fn get_many(connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<TaskGroup>> {
    let ids: Vec<DbUuid> = ids.iter().copied().map(DbUuid).collect();
    let rows = task_group::table.filter(task_group::id.eq_any(ids)).load::<TaskGroupRow>(connection)?;
    rows.into_iter().map(TaskGroup::try_from).collect()
}

/// How long others have to wait for a locked group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Others may read it and share the lock, but not change it or its executors: for those who decide.
    Share,
    /// Others may not lock it at all: for those who change it or its executors.
    Exclusive,
}

/// The group with this key, deleted or not, locked until the transaction ends.
///
/// # Errors
/// What the database says.
pub fn lock(connection: &mut DbConnection, id: Uuid, lock: Lock) -> Result<Option<TaskGroup>> {
    let found = task_group::table.find(DbUuid(id));
    let row = match (connection, lock) {
        (DbConnection::Pg(pg), Lock::Share) => found.for_key_share().first::<TaskGroupRow>(pg).optional()?,
        (DbConnection::Pg(pg), Lock::Exclusive) => found.for_update().first::<TaskGroupRow>(pg).optional()?,
        // A writing transaction on SQLite has the whole database to itself.
        (DbConnection::Sqlite(sqlite), _) => found.first::<TaskGroupRow>(sqlite).optional()?,
    };
    row.map(TaskGroup::try_from).transpose()
}

/// The live group of this code.
///
/// # Errors
/// What the database says.
pub fn live_by_code(connection: &mut DbConnection, code: &str) -> Result<Option<Uuid>> {
    let found = task_group::table
        .filter(task_group::code.eq(code))
        .filter(diesel::dsl::not(task_group::is_deleted))
        .select(task_group::id)
        .first::<DbUuid>(connection)
        .optional()?;
    Ok(row::id(found))
}

/// Live groups.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list(connection: &mut DbConnection, query: &ListQuery, limit: PageLimit) -> Result<Slice<TaskGroup>> {
    let rows = query::list(connection, &TABLE, query, limit, |connection, page| {
        task_group::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((task_group::all_columns, page.sort_values))
            .load::<(TaskGroupRow, String)>(connection)
    })?;
    rows.try_map(TaskGroup::try_from)
}

/// Versions of groups, deleted ones included.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list_history(
    connection: &mut DbConnection,
    query: &ListQuery,
    limit: PageLimit,
) -> Result<Slice<Historical<TaskGroup>>> {
    let rows = query::list(connection, &HISTORY_TABLE, query, limit, |connection, page| {
        historical::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((HISTORY.copy::<task_group::SqlType>(), HistoryTable::history(), page.sort_values))
            .load::<(TaskGroupRow, HistoryColumns, String)>(connection)
            .map(|rows| rows.into_iter().map(|(row, history, values)| ((row, history), values)).collect())
    })?;
    rows.try_map(|(row, history)| history.with(TaskGroup::try_from(row)?))
}

/// What the threshold counts. Clients of openIMIS filter by the policy and know three of them, so what is `N` to them is
/// kept as `N`, and this beside it.
const fn threshold_kind(policy: CompletionPolicy) -> &'static str {
    match policy {
        CompletionPolicy::All | CompletionPolicy::Any | CompletionPolicy::N => "COUNT",
        CompletionPolicy::Percent | CompletionPolicy::Weight => policy.as_str(),
    }
}

super::history::versioned!(TaskGroup, "task_group");

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = task_group, treat_none_as_null = true, treat_none_as_default_value = false)]
struct TaskGroupRow {
    id: DbUuid,
    is_deleted: bool,
    json_ext: Option<DbJson>,
    version: i32,
    date_created: NaiveDateTime,
    date_updated: NaiveDateTime,
    user_created: DbUuid,
    user_updated: DbUuid,
    code: String,
    completion_policy: String,
    threshold: Option<i32>,
    threshold_kind: String,
    forbid_maker: Option<bool>,
    distinct_deciders: Option<bool>,
}

impl From<&TaskGroup> for TaskGroupRow {
    fn from(group: &TaskGroup) -> Self {
        Self {
            id: group.id.into(),
            is_deleted: group.is_deleted,
            json_ext: group.json_ext.clone().map(DbJson),
            version: group.version,
            date_created: group.date_created,
            date_updated: group.date_updated,
            user_created: group.user_created.into(),
            user_updated: group.user_updated.into(),
            code: group.code.clone(),
            completion_policy: group.completion_policy.as_known_to_clients().as_str().to_owned(),
            threshold: group.threshold,
            threshold_kind: threshold_kind(group.completion_policy).to_owned(),
            forbid_maker: group.forbid_maker,
            distinct_deciders: group.distinct_deciders,
        }
    }
}

impl TryFrom<TaskGroupRow> for TaskGroup {
    type Error = Error;

    fn try_from(row: TaskGroupRow) -> Result<Self> {
        Ok(Self {
            id: row.id.0,
            is_deleted: row.is_deleted,
            json_ext: row::json(row.json_ext),
            version: row.version,
            date_created: row.date_created,
            date_updated: row.date_updated,
            user_created: row.user_created.0,
            user_updated: row.user_updated.0,
            code: row.code,
            completion_policy: match &*row.threshold_kind {
                "COUNT" => row::known("completion policy", &row.completion_policy, CompletionPolicy::parse)?,
                kind => row::known("threshold kind", kind, CompletionPolicy::parse)?,
            },
            threshold: row.threshold,
            forbid_maker: row.forbid_maker,
            distinct_deciders: row.distinct_deciders,
        })
    }
}
