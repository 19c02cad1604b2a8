//! What lists of votes can be asked for.

use std::sync::LazyLock;

use crate::domain::query::{Condition, Lookup, Value};
use crate::domain::verdict::Verdict;
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    Argument, Arguments, Given, RANGE, TEXT, Table, absent, boolean, moment, one_of, order_by, paging, text,
    uuid,
};
use crate::graphql::task::types::TaskStatus;
use crate::graphql::vote::types::TaskDecisionDecision;
use crate::service::visibility::touched_by;

/// `Query.taskDecision`
pub static TASK_DECISION: Table = LazyLock::new(|| {
    let root = vec![Argument::own("clientMutationId", "String", |given| {
        Ok(given.text()?.map(|id| touched_by(given.requester, id)))
    })];
    [order_by(), root, paging(), fields()].into_iter().flatten().collect()
});

/// The votes on a task, inside it.
pub static NESTED_TASK_DECISION: Table =
    LazyLock::new(|| [order_by(), paging(), fields()].into_iter().flatten().collect());

fn fields() -> Arguments {
    [
        uuid("id", "ID", "id", "TaskDecisionGQLType"),
        vec![
            Argument::own("decision", "TaskDecisionDecision", decision),
            Argument::own("decision_Iexact", "TaskDecisionDecision", decision),
        ],
        text("recordId", "String", "record_id", &[Lookup::Exact]),
        absent("recordId", "record_id"),
        moment("dateCreated", "date_created", RANGE),
        boolean("isDeleted", "is_deleted"),
        uuid("taskId", "ID", "task_id", "TaskGQLType"),
        uuid("task_Id", "ID", "task_id", "TaskGQLType"),
        text("task_Source", "String", "task__source", TEXT),
        one_of::<TaskStatus>("task_Status", "task__status", TEXT),
        uuid("stepId", "ID", "step_id", "TaskFlowStepGQLType"),
        uuid("userId", "ID", "user_id", "UserGQLType"),
        boolean("isStale", "is_stale"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A decision stands for the verdicts that are shown as it, on tasks and on records.
fn decision(given: &Given<'_>) -> Result<Option<Condition>> {
    let asked = given.one_of::<TaskDecisionDecision>()?.value;
    let verdicts = Verdict::ALL.iter().filter(|verdict| TaskDecisionDecision::from(**verdict) == asked);
    let values = verdicts.map(|verdict| Value::Text(verdict.as_str().to_owned())).collect();
    Ok(Some(Condition::OneOf { field: "decision", values }))
}
