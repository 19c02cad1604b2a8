//! The steps of approval flows in the database.

use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::select;
use super::query::is_open;
use super::sql::Sql;
use crate::error::Result;
use crate::model::task_flow_step::TaskFlowStep;

/// The steps of these versions of flows, in their order. Deleted steps are included, because tasks that went through a
/// retired flow still show them.
pub fn of_flows(connection: &mut DbConnection, flow_ids: &[Uuid]) -> Result<Vec<TaskFlowStep>> {
    select(connection, Sql::new("task_flow_id ").among(flow_ids).sql(" ORDER BY step_order, id"))
}

/// How many live steps of the group may still be reached: steps of flows that new tasks get, or that have open tasks.
pub fn count_live_in_group(connection: &mut DbConnection, group_id: Uuid) -> Result<i64> {
    count_live(connection, Sql::new("step.task_group_id = ").bind(group_id))
}

/// How many groups and such steps name the group in their escalation rules, beside itself.
pub fn count_rules_naming(connection: &mut DbConnection, group_id: Uuid) -> Result<i64> {
    let names = |table: &str| {
        Sql::new(format!("CAST({table}.escalations AS text) LIKE ")).bind(format!("%{group_id}%"))
    };
    let of_groups = Sql::new(
        "SELECT count(*) FROM task_management_taskgroup AS other WHERE NOT other.is_deleted AND other.id <> ",
    )
    .bind(group_id)
    .sql(" AND ")
    .append(names("other"));
    Ok(of_groups.typed::<BigInt>().get_result::<i64>(connection)? + count_live(connection, names("step"))?)
}

fn count_live(connection: &mut DbConnection, condition: Sql) -> Result<i64> {
    let query = Sql::new(
        "SELECT count(*) FROM task_management_taskflowstep AS step \
         JOIN task_management_taskflow AS flow ON flow.id = step.task_flow_id \
         WHERE NOT step.is_deleted AND ((NOT flow.is_deleted AND flow.replacement_uuid IS NULL) \
         OR EXISTS (SELECT 1 FROM task_management_task AS task WHERE task.flow_id = flow.id AND ",
    )
    .sql(is_open("task"))
    .sql(")) AND ")
    .append(condition);
    Ok(query.typed::<BigInt>().get_result(connection)?)
}
