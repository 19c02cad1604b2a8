//! Tasks in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::history::{HistoryColumns, HistoryTable};
use super::query::{self, Field, Kind, PageLimit, Table};
use super::row;
use super::schema::{task_management_historicaltask as historical, task_management_task as task};
use super::sql::Sql;
use super::types::{DbJson, DbUuid};
use crate::domain::history::Historical;
use crate::domain::query::{Condition, ListQuery, Slice};
use crate::domain::task::{Task, TaskStatus};
use crate::error::{Error, Result};

/// Where the versions of tasks are kept.
pub const HISTORY: HistoryTable = HistoryTable {
    table: "task_management_task",
    historical: "task_management_historicaltask",
    columns: "id, is_deleted, json_ext, version, date_created, date_updated, user_created, user_updated, source, \
              entity_type_id, entity_id, entity_string, status, executor_action_event, business_status, \
              business_event, task_group_id, data, business_data_serializer, flow_id, current_step_id, \
              data_user",
};

const GROUP: &str = "task_management_taskgroup";
const FLOW: &str = "task_management_taskflow";

const FIELDS: &[Field] = &[
    Field::own("id", Kind::Uuid),
    Field::own("is_deleted", Kind::Bool),
    Field::own("version", Kind::Int),
    Field::own("date_created", Kind::DateTime),
    Field::own("date_updated", Kind::DateTime),
    Field::own("user_created", Kind::Uuid),
    Field::own("user_updated", Kind::Uuid),
    Field::own("source", Kind::Text).optional(),
    Field::own("entity_type", Kind::Int).column("entity_type_id").optional(),
    Field::own("entity_id", Kind::Text).optional(),
    Field::own("entity_string", Kind::Text).optional(),
    Field::own("status", Kind::Text),
    Field::own("executor_action_event", Kind::Text).optional(),
    Field::own("business_status", Kind::Json),
    Field::own("business_event", Kind::Text).optional(),
    Field::own("task_group_id", Kind::Uuid).optional(),
    Field::own("business_data_serializer", Kind::Text).optional(),
    Field::own("flow_id", Kind::Uuid).optional(),
    Field::own("current_step_id", Kind::Uuid).optional(),
    Field::related("task_group__code", Kind::Text, "task_group_id", GROUP, "code"),
    Field::related("task_group__completion_policy", Kind::Text, "task_group_id", GROUP, "completion_policy"),
    Field::related("flow__code", Kind::Text, "flow_id", FLOW, "code"),
    Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username"),
    Field::related("user_updated__username", Kind::Text, "user_updated", "core_user", "username"),
];

/// Names that the front end sorts by.
const ORDER_ALIASES: &[(&str, &str)] = &[
    ("uuid", "id"),
    ("type", "business_event"),
    ("entity", "entity_string"),
    ("assignee", "task_group__code"),
    ("task_group", "task_group__code"),
];

const TABLE: Table = Table {
    name: "task_management_task",
    key: Field::own("id", Kind::Uuid),
    fields: FIELDS,
    order_aliases: ORDER_ALIASES,
    default_order: &[],
    always: Some("NOT task_management_task.is_deleted"),
    foreign_keys: true,
    touched_as: Some(("task", "id")),
};

const HISTORY_TABLE: Table = Table {
    name: "task_management_historicaltask",
    key: Field::own("history_id", Kind::Int),
    fields: HISTORY_FIELDS,
    order_aliases: ORDER_ALIASES,
    default_order: &["-history_date"],
    always: None,
    foreign_keys: false,
    touched_as: Some(("task", "id")),
};

const HISTORY_FIELDS: &[Field] = &query::with_history_fields::<{ FIELDS.len() + 3 }>(FIELDS);

/// Adds a task.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, task: &Task) -> Result<()> {
    diesel::insert_into(task::table).values(TaskRow::from(task)).execute(connection)?;
    Ok(())
}

/// Writes a task over its previous version.
///
/// # Errors
/// INTERNAL when the row is not at the version before: the caller has not locked it.
pub fn update(connection: &mut DbConnection, task: &Task) -> Result<()> {
    let previous = task::table.find(DbUuid(task.id)).filter(task::version.eq(task.version - 1));
    match diesel::update(previous).set(TaskRow::from(task)).execute(connection)? {
        1 => Ok(()),
        _ => Err(Error::internal(format!("task {} is not at version {}", task.id, task.version - 1))),
    }
}

/// The task with this key, deleted or not.
///
/// # Errors
/// What the database says.
pub fn get(connection: &mut DbConnection, id: Uuid) -> Result<Option<Task>> {
    task::table.find(DbUuid(id)).first::<TaskRow>(connection).optional()?.map(Task::try_from).transpose()
}

/// The same, and nobody else may write it until the transaction ends.
///
/// # Errors
/// What the database says.
pub fn lock(connection: &mut DbConnection, id: Uuid) -> Result<Option<Task>> {
    let row = match connection {
        DbConnection::Pg(pg) => task::table.find(DbUuid(id)).for_update().first::<TaskRow>(pg).optional()?,
        // A writing transaction on SQLite has the whole database to itself.
        DbConnection::Sqlite(sqlite) => task::table.find(DbUuid(id)).first::<TaskRow>(sqlite).optional()?,
    };
    row.map(Task::try_from).transpose()
}

/// The tasks with these keys, deleted or not, in no order.
///
/// # Errors
/// What the database says.
pub fn get_many(connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<Task>> {
    let ids: Vec<DbUuid> = ids.iter().copied().map(DbUuid).collect();
    let rows = task::table.filter(task::id.eq_any(ids)).load::<TaskRow>(connection)?;
    rows.into_iter().map(Task::try_from).collect()
}

/// How many open tasks the group has: those that are given to it, and those in flows that are at a step of it.
///
/// # Errors
/// What the database says.
pub fn count_open_in_group(connection: &mut DbConnection, group_id: Uuid) -> Result<i64> {
    let open = Sql::new(
        "NOT is_deleted AND status IN ('RECEIVED', 'ACCEPTED') AND id IN (\
         SELECT given.id FROM task_management_task AS given \
         WHERE NOT given.is_deleted AND given.task_group_id = ",
    )
    .bind(group_id)
    .sql(
        " UNION SELECT pool.task_id FROM task_management_taskpool AS pool \
         WHERE pool.date_passed IS NULL AND pool.task_group_id = ",
    )
    .bind(group_id)
    .sql(")");
    query::count(connection, &TABLE, &open)
}

/// How many open tasks these versions of flows have, those that have any.
///
/// # Errors
/// What the database says.
pub fn count_open_in_flows(connection: &mut DbConnection, flow_ids: &[Uuid]) -> Result<Vec<(Uuid, i64)>> {
    let ids: Vec<DbUuid> = flow_ids.iter().copied().map(DbUuid).collect();
    let counts = task::table
        .filter(task::flow_id.eq_any(ids))
        .filter(diesel::dsl::not(task::is_deleted))
        .filter(task::status.eq("RECEIVED").or(task::status.eq("ACCEPTED")))
        .group_by(task::flow_id)
        .select((task::flow_id.assume_not_null(), diesel::dsl::count_star()))
        .load::<(DbUuid, i64)>(connection)?;
    Ok(counts.into_iter().map(|(flow, count)| (flow.0, count)).collect())
}

/// Whether a live task meets the conditions.
///
/// # Errors
/// What the database says.
pub fn is_among(connection: &mut DbConnection, conditions: &[Condition]) -> Result<bool> {
    let filter = query::filter(connection.dialect(), &TABLE, conditions)?;
    Ok(query::count(connection, &TABLE, &filter)? > 0)
}

/// The open task about this entity, if there is one.
///
/// # Errors
/// What the database says.
pub fn open_about(
    connection: &mut DbConnection,
    entity_type_id: i32,
    entity_id: &str,
) -> Result<Option<Uuid>> {
    let found = task::table
        .filter(task::entity_type_id.eq(entity_type_id))
        .filter(task::entity_id.eq(entity_id))
        .filter(diesel::dsl::not(task::is_deleted))
        .filter(task::status.eq("RECEIVED").or(task::status.eq("ACCEPTED")))
        .select(task::id)
        .first::<DbUuid>(connection)
        .optional()?;
    Ok(row::id(found))
}

/// Live tasks.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list(connection: &mut DbConnection, query: &ListQuery, limit: PageLimit) -> Result<Slice<Task>> {
    let rows = query::list(connection, &TABLE, query, limit, |connection, page| {
        task::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((task::all_columns, page.sort_values))
            .load::<(TaskRow, String)>(connection)
    })?;
    rows.try_map(Task::try_from)
}

/// Versions of tasks, deleted ones included.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list_history(
    connection: &mut DbConnection,
    query: &ListQuery,
    limit: PageLimit,
) -> Result<Slice<Historical<Task>>> {
    let rows = query::list(connection, &HISTORY_TABLE, query, limit, |connection, page| {
        historical::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((HISTORY.copy::<task::SqlType>(), HistoryTable::history(), page.sort_values))
            .load::<(TaskRow, HistoryColumns, String)>(connection)
            .map(|rows| rows.into_iter().map(|(row, history, values)| ((row, history), values)).collect())
    })?;
    rows.try_map(|(row, history)| history.with(Task::try_from(row)?))
}

/// Adds history rows as they are, keys included.
///
/// # Errors
/// What the database says.
pub fn insert_history(connection: &mut DbConnection, version: &Historical<Task>) -> Result<()> {
    let row = TaskRow::from(&version.row);
    diesel::insert_into(historical::table)
        .values((
            (
                historical::id.eq(row.id),
                historical::is_deleted.eq(row.is_deleted),
                historical::json_ext.eq(row.json_ext),
                historical::version.eq(row.version),
                historical::date_created.eq(row.date_created),
                historical::date_updated.eq(row.date_updated),
                historical::user_created.eq(row.user_created),
                historical::user_updated.eq(row.user_updated),
                historical::source.eq(row.source),
                historical::entity_type_id.eq(row.entity_type_id),
                historical::entity_id.eq(row.entity_id),
                historical::entity_string.eq(row.entity_string),
            ),
            (
                historical::status.eq(row.status),
                historical::executor_action_event.eq(row.executor_action_event),
                historical::business_status.eq(row.business_status),
                historical::business_event.eq(row.business_event),
                historical::task_group_id.eq(row.task_group_id),
                historical::data.eq(row.data),
                historical::business_data_serializer.eq(row.business_data_serializer),
                historical::flow_id.eq(row.flow_id),
                historical::current_step_id.eq(row.current_step_id),
                historical::data_user.eq(row.data_user),
                historical::history_id.eq(version.history_id),
                historical::history_date.eq(version.history_date),
                historical::history_type.eq(version.history_type.as_str()),
                historical::history_user.eq(version.history_user.map(DbUuid)),
                historical::history_change_reason.eq(version.history_change_reason.as_deref()),
            ),
        ))
        .execute(connection)?;
    Ok(())
}

super::history::versioned!(Task, "task");

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = task, treat_none_as_null = true, treat_none_as_default_value = false)]
struct TaskRow {
    id: DbUuid,
    is_deleted: bool,
    json_ext: Option<DbJson>,
    version: i32,
    date_created: NaiveDateTime,
    date_updated: NaiveDateTime,
    user_created: DbUuid,
    user_updated: DbUuid,
    source: Option<String>,
    entity_type_id: Option<i32>,
    entity_id: Option<String>,
    entity_string: Option<String>,
    status: String,
    executor_action_event: Option<String>,
    business_status: DbJson,
    business_event: Option<String>,
    task_group_id: Option<DbUuid>,
    data: DbJson,
    business_data_serializer: Option<String>,
    flow_id: Option<DbUuid>,
    current_step_id: Option<DbUuid>,
    data_user: Option<DbUuid>,
}

impl From<&Task> for TaskRow {
    fn from(task: &Task) -> Self {
        Self {
            id: task.id.into(),
            is_deleted: task.is_deleted,
            json_ext: task.json_ext.clone().map(DbJson),
            version: task.version,
            date_created: task.date_created,
            date_updated: task.date_updated,
            user_created: task.user_created.into(),
            user_updated: task.user_updated.into(),
            source: task.source.clone(),
            entity_type_id: task.entity_type_id,
            entity_id: task.entity_id.clone(),
            entity_string: task.entity_string.clone(),
            status: task.status.as_str().to_owned(),
            executor_action_event: task.executor_action_event.clone(),
            business_status: task.business_status.clone().into(),
            business_event: task.business_event.clone(),
            task_group_id: task.task_group_id.map(DbUuid),
            data: task.data.clone().into(),
            business_data_serializer: task.business_data_serializer.clone(),
            flow_id: task.flow_id.map(DbUuid),
            current_step_id: task.current_step_id.map(DbUuid),
            data_user: task.data_user.map(DbUuid),
        }
    }
}

impl TryFrom<TaskRow> for Task {
    type Error = Error;

    fn try_from(row: TaskRow) -> Result<Self> {
        Ok(Self {
            id: row.id.0,
            is_deleted: row.is_deleted,
            json_ext: row::json(row.json_ext),
            version: row.version,
            date_created: row.date_created,
            date_updated: row.date_updated,
            user_created: row.user_created.0,
            user_updated: row.user_updated.0,
            source: row.source,
            entity_type_id: row.entity_type_id,
            entity_id: row.entity_id,
            entity_string: row.entity_string,
            status: row::known("task status", &row.status, TaskStatus::parse)?,
            executor_action_event: row.executor_action_event,
            business_status: row.business_status.0,
            business_event: row.business_event,
            task_group_id: row::id(row.task_group_id),
            data: row.data.0,
            business_data_serializer: row.business_data_serializer,
            flow_id: row::id(row.flow_id),
            current_step_id: row::id(row.current_step_id),
            data_user: row::id(row.data_user),
        })
    }
}
