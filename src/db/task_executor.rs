//! Task executors in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::history::{HistoryColumns, HistoryTable};
use super::query::{self, Field, Kind, PageLimit, Table};
use super::row;
use super::schema::{
    task_management_historicaltaskexecutor as historical, task_management_taskexecutor as task_executor,
};
use super::types::{DbJson, DbUuid};
use crate::domain::history::Historical;
use crate::domain::query::{ListQuery, Slice};
use crate::domain::task_executor::TaskExecutor;
use crate::error::{Error, Result};

/// Where the versions of task executors are kept.
pub const HISTORY: HistoryTable = HistoryTable {
    table: "task_management_taskexecutor",
    historical: "task_management_historicaltaskexecutor",
    columns: "id, is_deleted, json_ext, version, date_created, date_updated, user_created, user_updated, \
              task_group_id, user_id, weight",
};

const GROUP: &str = "task_management_taskgroup";

const FIELDS: &[Field] = &[
    Field::own("id", Kind::Uuid),
    Field::own("is_deleted", Kind::Bool),
    Field::own("version", Kind::Int),
    Field::own("date_created", Kind::DateTime),
    Field::own("date_updated", Kind::DateTime),
    Field::own("user_created", Kind::Uuid),
    Field::own("user_updated", Kind::Uuid),
    Field::own("user_id", Kind::Uuid),
    Field::own("task_group_id", Kind::Uuid),
    Field::own("weight", Kind::Int),
    Field::related("user__username", Kind::Text, "user_id", "core_user", "username"),
    Field::related("user__i_user__id", Kind::Int, "user_id", "core_user", "interactive_user_id"),
    Field::related("user__i_user__uuid", Kind::Uuid, "user_id", "core_user", "id"),
    Field::related("user__i_user__last_name", Kind::Text, "user_id", "core_user", "last_name"),
    Field::related("user__i_user__other_names", Kind::Text, "user_id", "core_user", "other_names"),
    Field::related("user__i_user__phone", Kind::Text, "user_id", "core_user", "phone"),
    Field::related("user__i_user__login_name", Kind::Text, "user_id", "core_user", "username"),
    Field::related("user__i_user__email", Kind::Text, "user_id", "core_user", "email"),
    Field::related("user__i_user__is_associated", Kind::Bool, "user_id", "core_user", "is_active"),
    Field::related("user__i_user__language_id", Kind::Text, "user_id", "core_user", "language"),
    Field::related("task_group__id", Kind::Uuid, "task_group_id", GROUP, "id"),
    Field::related("task_group__code", Kind::Text, "task_group_id", GROUP, "code"),
    Field::related("task_group__completion_policy", Kind::Text, "task_group_id", GROUP, "completion_policy"),
    Field::related("task_group__date_created", Kind::DateTime, "task_group_id", GROUP, "date_created"),
    Field::related("task_group__date_updated", Kind::DateTime, "task_group_id", GROUP, "date_updated"),
    Field::related("task_group__is_deleted", Kind::Bool, "task_group_id", GROUP, "is_deleted"),
    Field::related("task_group__version", Kind::Int, "task_group_id", GROUP, "version"),
    Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username"),
    Field::related("user_updated__username", Kind::Text, "user_updated", "core_user", "username"),
];

const ORDER_ALIASES: &[(&str, &str)] =
    &[("uuid", "id"), ("user", "user__username"), ("task_group", "task_group__code")];

const TABLE: Table = Table {
    name: "task_management_taskexecutor",
    key: Field::own("id", Kind::Uuid),
    fields: FIELDS,
    order_aliases: ORDER_ALIASES,
    default_order: &[],
    always: Some(
        "NOT task_management_taskexecutor.is_deleted AND task_management_taskexecutor.task_group_id IN \
         (SELECT id FROM task_management_taskgroup WHERE NOT is_deleted)",
    ),
    foreign_keys: true,
    touched_as: Some(("task_executor", "id")),
};

const HISTORY_TABLE: Table = Table {
    name: "task_management_historicaltaskexecutor",
    key: Field::own("history_id", Kind::Int),
    fields: HISTORY_FIELDS,
    order_aliases: ORDER_ALIASES,
    default_order: &["-history_date"],
    always: None,
    foreign_keys: false,
    touched_as: Some(("task_executor", "id")),
};

const HISTORY_FIELDS: &[Field] = &query::with_history_fields::<{ FIELDS.len() + 3 }>(FIELDS);

/// Adds a executor.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, executor: &TaskExecutor) -> Result<()> {
    diesel::insert_into(task_executor::table).values(TaskExecutorRow::from(executor)).execute(connection)?;
    Ok(())
}

/// Writes an executor over its previous version.
///
/// # Errors
/// INTERNAL when the row is not at the version before: the caller has not locked its group.
pub fn update(connection: &mut DbConnection, executor: &TaskExecutor) -> Result<()> {
    let previous = task_executor::table
        .find(DbUuid(executor.id))
        .filter(task_executor::version.eq(executor.version - 1));
    match diesel::update(previous).set(TaskExecutorRow::from(executor)).execute(connection)? {
        1 => Ok(()),
        _ => Err(Error::internal(format!(
            "executor {} is not at version {}",
            executor.id,
            executor.version - 1
        ))),
    }
}

/// The executor with this key, deleted or not.
///
/// # Errors
/// What the database says.
pub fn get(connection: &mut DbConnection, id: Uuid) -> Result<Option<TaskExecutor>> {
    let row = task_executor::table.find(DbUuid(id)).first::<TaskExecutorRow>(connection).optional()?;
    Ok(row.map(TaskExecutor::from))
}

/// The live executors of these groups, by key.
///
/// # Errors
/// What the database says.
pub fn live_in_groups(connection: &mut DbConnection, group_ids: &[Uuid]) -> Result<Vec<TaskExecutor>> {
    let ids: Vec<DbUuid> = group_ids.iter().copied().map(DbUuid).collect();
    let rows = task_executor::table
        .filter(task_executor::task_group_id.eq_any(ids))
        .filter(diesel::dsl::not(task_executor::is_deleted))
        .order(task_executor::id)
        .load::<TaskExecutorRow>(connection)?;
    Ok(rows.into_iter().map(TaskExecutor::from).collect())
}

/// The keys of the users who sit in this group, live executors only.
///
/// # Errors
/// What the database says.
pub fn pool(connection: &mut DbConnection, group_id: Uuid) -> Result<Vec<Uuid>> {
    let users = task_executor::table
        .filter(task_executor::task_group_id.eq(DbUuid(group_id)))
        .filter(diesel::dsl::not(task_executor::is_deleted))
        .select(task_executor::user_id)
        .load::<DbUuid>(connection)?;
    Ok(users.into_iter().map(|user| user.0).collect())
}

/// Live executors of live groups.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list(
    connection: &mut DbConnection,
    query: &ListQuery,
    limit: PageLimit,
) -> Result<Slice<TaskExecutor>> {
    let rows = query::list(connection, &TABLE, query, limit, |connection, page| {
        task_executor::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((task_executor::all_columns, page.sort_values))
            .load::<(TaskExecutorRow, String)>(connection)
    })?;
    rows.try_map(|row| Ok(row.into()))
}

/// Versions of executors, deleted ones included.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list_history(
    connection: &mut DbConnection,
    query: &ListQuery,
    limit: PageLimit,
) -> Result<Slice<Historical<TaskExecutor>>> {
    let rows = query::list(connection, &HISTORY_TABLE, query, limit, |connection, page| {
        historical::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((HISTORY.copy::<task_executor::SqlType>(), HistoryTable::history(), page.sort_values))
            .load::<(TaskExecutorRow, HistoryColumns, String)>(connection)
            .map(|rows| rows.into_iter().map(|(row, history, values)| ((row, history), values)).collect())
    })?;
    rows.try_map(|(row, history)| history.with(row.into()))
}

super::history::versioned!(TaskExecutor, "task_executor");

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = task_executor, treat_none_as_null = true, treat_none_as_default_value = false)]
struct TaskExecutorRow {
    id: DbUuid,
    is_deleted: bool,
    json_ext: Option<DbJson>,
    version: i32,
    date_created: NaiveDateTime,
    date_updated: NaiveDateTime,
    user_created: DbUuid,
    user_updated: DbUuid,
    task_group_id: DbUuid,
    user_id: DbUuid,
    weight: i32,
}

impl From<&TaskExecutor> for TaskExecutorRow {
    fn from(executor: &TaskExecutor) -> Self {
        Self {
            id: executor.id.into(),
            is_deleted: executor.is_deleted,
            json_ext: executor.json_ext.clone().map(DbJson),
            version: executor.version,
            date_created: executor.date_created,
            date_updated: executor.date_updated,
            user_created: executor.user_created.into(),
            user_updated: executor.user_updated.into(),
            task_group_id: executor.task_group_id.into(),
            user_id: executor.user_id.into(),
            weight: executor.weight,
        }
    }
}

impl From<TaskExecutorRow> for TaskExecutor {
    fn from(row: TaskExecutorRow) -> Self {
        Self {
            id: row.id.0,
            is_deleted: row.is_deleted,
            json_ext: row::json(row.json_ext),
            version: row.version,
            date_created: row.date_created,
            date_updated: row.date_updated,
            user_created: row.user_created.0,
            user_updated: row.user_updated.0,
            task_group_id: row.task_group_id.0,
            user_id: row.user_id.0,
            weight: row.weight,
        }
    }
}
