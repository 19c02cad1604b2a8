//! What lists of votes can be asked for.

use std::sync::LazyLock;

use crate::domain::query::Lookup;
use crate::graphql::protocol::arguments::{
    Argument, Arguments, RANGE, Table, boolean, moment, one_of, order_by, paging, text, uuid,
};
use crate::service::visibility::touched_by;

const VERDICTS: &[&str] = &["APPROVED", "FAILED", "ACCEPT", "REJECT"];

/// `Query.taskDecision`
pub static TASK_DECISION: Table = LazyLock::new(|| {
    let root = vec![Argument::own("clientMutationId", "String", |given| {
        Ok(given.text()?.map(|id| touched_by(given.requester, id)))
    })];
    [order_by(), root, paging(), fields()].into_iter().flatten().collect()
});

fn fields() -> Arguments {
    [
        uuid("id", "ID", "id", "TaskDecisionGQLType"),
        uuid("taskId", "ID", "task_id", "TaskGQLType"),
        uuid("stepId", "ID", "step_id", "TaskFlowStepGQLType"),
        uuid("userId", "ID", "user_id", "UserGQLType"),
        text("recordId", "String", "record_id", &[Lookup::Exact]),
        one_of("verdict", "TaskVerdict", "verdict", VERDICTS, &[Lookup::Exact]),
        boolean("isStale", "is_stale"),
        moment("dateCreated", "date_created", RANGE),
        boolean("isDeleted", "is_deleted"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
