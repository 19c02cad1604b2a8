//! The steps of approval flows in the database.

use chrono::NaiveDateTime;
use diesel::RunQueryDsl;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use uuid::Uuid;

use super::connection::DbConnection;
use super::history::HistoryTable;
use super::row;
use super::schema::task_management_taskflowstep as task_flow_step;
use super::sql::Sql;
use super::types::{DbJson, DbUuid};
use crate::domain::completion_policy::CompletionPolicy;
use crate::domain::task_flow_step::TaskFlowStep;
use crate::error::{Error, Result};

/// Where the versions of steps are kept.
pub const HISTORY: HistoryTable = HistoryTable {
    table: "task_management_taskflowstep",
    historical: "task_management_historicaltaskflowstep",
    columns: "id, is_deleted, json_ext, version, date_created, date_updated, user_created, user_updated, \
              task_flow_id, step_order, task_group_id, completion_policy, threshold, forbid_maker, distinct_deciders",
};

/// Adds a step.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, step: &TaskFlowStep) -> Result<()> {
    diesel::insert_into(task_flow_step::table).values(TaskFlowStepRow::from(step)).execute(connection)?;
    Ok(())
}

/// Writes a step over its previous version.
///
/// # Errors
/// INTERNAL when the row is not at the version before: the caller has not locked its flow.
pub fn update(connection: &mut DbConnection, step: &TaskFlowStep) -> Result<()> {
    let previous =
        task_flow_step::table.find(DbUuid(step.id)).filter(task_flow_step::version.eq(step.version - 1));
    match diesel::update(previous).set(TaskFlowStepRow::from(step)).execute(connection)? {
        1 => Ok(()),
        _ => Err(Error::internal(format!("step {} is not at version {}", step.id, step.version - 1))),
    }
}

/// The steps with these keys, deleted or not, in no order.
///
/// # Errors
/// What the database says.
pub fn get_many(connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<TaskFlowStep>> {
    let ids: Vec<DbUuid> = ids.iter().copied().map(DbUuid).collect();
    let rows =
        task_flow_step::table.filter(task_flow_step::id.eq_any(ids)).load::<TaskFlowStepRow>(connection)?;
    rows.into_iter().map(TaskFlowStep::try_from).collect()
}

/// The steps of these versions of flows in the order in which they come, deleted ones included: tasks that went through
/// a flow that was retired since still show them.
///
/// # Errors
/// What the database says.
pub fn of_flows(connection: &mut DbConnection, flow_ids: &[Uuid]) -> Result<Vec<TaskFlowStep>> {
    let ids: Vec<DbUuid> = flow_ids.iter().copied().map(DbUuid).collect();
    let rows = task_flow_step::table
        .filter(task_flow_step::task_flow_id.eq_any(ids))
        .order((task_flow_step::step_order, task_flow_step::id))
        .load::<TaskFlowStepRow>(connection)?;
    rows.into_iter().map(TaskFlowStep::try_from).collect()
}

/// How many live steps ask the group, or will: those of flows that new tasks get, or that have open tasks.
///
/// # Errors
/// What the database says.
pub fn count_live_in_group(connection: &mut DbConnection, group_id: Uuid) -> Result<i64> {
    let query = Sql::new(
        "SELECT count(*) FROM task_management_taskflowstep AS step \
         JOIN task_management_taskflow AS flow ON flow.id = step.task_flow_id \
         WHERE NOT step.is_deleted AND ((NOT flow.is_deleted AND flow.replacement_uuid IS NULL) \
         OR EXISTS (SELECT 1 FROM task_management_task AS task WHERE task.flow_id = flow.id \
         AND NOT task.is_deleted AND task.status IN ('RECEIVED', 'ACCEPTED'))) AND step.task_group_id = ",
    )
    .bind(group_id);
    Ok(query.typed::<BigInt>().get_result(connection)?)
}

super::history::versioned!(TaskFlowStep, "task_flow_step");

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = task_flow_step, treat_none_as_null = true, treat_none_as_default_value = false)]
struct TaskFlowStepRow {
    id: DbUuid,
    is_deleted: bool,
    json_ext: Option<DbJson>,
    version: i32,
    date_created: NaiveDateTime,
    date_updated: NaiveDateTime,
    user_created: DbUuid,
    user_updated: DbUuid,
    task_flow_id: DbUuid,
    step_order: i32,
    task_group_id: DbUuid,
    completion_policy: Option<String>,
    threshold: Option<i32>,
    forbid_maker: Option<bool>,
    distinct_deciders: Option<bool>,
}

impl From<&TaskFlowStep> for TaskFlowStepRow {
    fn from(step: &TaskFlowStep) -> Self {
        Self {
            id: step.id.into(),
            is_deleted: step.is_deleted,
            json_ext: step.json_ext.clone().map(DbJson),
            version: step.version,
            date_created: step.date_created,
            date_updated: step.date_updated,
            user_created: step.user_created.into(),
            user_updated: step.user_updated.into(),
            task_flow_id: step.task_flow_id.into(),
            step_order: step.order,
            task_group_id: step.task_group_id.into(),
            completion_policy: step.completion_policy.map(|policy| policy.as_str().to_owned()),
            threshold: step.threshold,
            forbid_maker: step.forbid_maker,
            distinct_deciders: step.distinct_deciders,
        }
    }
}

impl TryFrom<TaskFlowStepRow> for TaskFlowStep {
    type Error = Error;

    fn try_from(row: TaskFlowStepRow) -> Result<Self> {
        let policy = |text: &str| row::known("completion policy", text, CompletionPolicy::parse);
        Ok(Self {
            id: row.id.0,
            is_deleted: row.is_deleted,
            json_ext: row::json(row.json_ext),
            version: row.version,
            date_created: row.date_created,
            date_updated: row.date_updated,
            user_created: row.user_created.0,
            user_updated: row.user_updated.0,
            task_flow_id: row.task_flow_id.0,
            order: row.step_order,
            task_group_id: row.task_group_id.0,
            completion_policy: row.completion_policy.as_deref().map(policy).transpose()?,
            threshold: row.threshold,
            forbid_maker: row.forbid_maker,
            distinct_deciders: row.distinct_deciders,
        })
    }
}
