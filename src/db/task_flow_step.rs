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
    let query = Sql::new(
        "SELECT count(*) FROM task_management_taskflowstep AS step \
         JOIN task_management_taskflow AS flow ON flow.id = step.task_flow_id \
         WHERE NOT step.is_deleted AND ((NOT flow.is_deleted AND flow.replacement_uuid IS NULL) \
         OR EXISTS (SELECT 1 FROM task_management_task AS task WHERE task.flow_id = flow.id AND ",
    )
    .sql(is_open("task"))
    .sql(")) AND step.task_group_id = ")
    .bind(group_id);
    Ok(query.typed::<BigInt>().get_result(connection)?)
}
