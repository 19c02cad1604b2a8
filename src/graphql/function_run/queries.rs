//! Looking at runs of functions.

use std::sync::LazyLock;

use async_graphql::{Context, Object};

use crate::domain::query::{Condition, Lookup};
use crate::error::Result;
use crate::graphql::function_run::types::{FunctionRunNode, FunctionRunStatus, FunctionRunTrigger};
use crate::graphql::protocol::arguments::{
    Argument, RANGE, Table, client_mutation_id, int, join, moment, one_of, order_by, paging, text, uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::service::context::ListScope;
use crate::service::function_run;

/// `Query.functionRun`
pub static FUNCTION_RUN: Table = LazyLock::new(|| {
    join([
        order_by(),
        client_mutation_id(),
        paging(),
        uuid("id", "ID", "id", "FunctionRunGQLType"),
        uuid("functionId", "ID", "function_id", "TaskFunctionGQLType"),
        uuid("taskId", "ID", "task_id", "TaskGQLType"),
        uuid("scheduleId", "ID", "schedule_id", "FunctionScheduleGQLType"),
        uuid("dispatcherId", "ID", "dispatcher_id", "TaskDispatcherGQLType"),
        uuid("eventId", "ID", "event_id", "TaskEventGQLType"),
        text("functionName", "String", "function_name", &[Lookup::Exact]),
        one_of::<FunctionRunStatus>("status", "status", &[Lookup::Exact]),
        one_of::<FunctionRunTrigger>("trigger", "triggered_by", &[Lookup::Exact]),
        text("errorName", "String", "error_name", &[Lookup::Exact]),
        vec![Argument::own("tag", "String", |given| Ok(given.text()?.map(|tag| Condition::HasTag { tag })))],
        uuid("createdByUserId", "ID", "user_created", "UserGQLType"),
        int("causeDepth", "cause_depth", RANGE),
        moment("startTimestamp", "date_start", RANGE),
        moment("creationTimestamp", "date_created", RANGE),
        moment("statusChangedTimestamp", "date_status", RANGE),
    ])
});

/// Looking at runs of functions.
#[derive(Default)]
pub struct FunctionRunQueries;

#[Object]
impl FunctionRunQueries {
    /// Runs of functions, in the order in which they were created: one's own; for people with the right, everybody's.
    async fn function_run(&self, ctx: &Context<'_>) -> Result<Option<Connection<FunctionRunNode>>> {
        let list =
            |services, requester, query| function_run::list(services, requester, query, ListScope::Root);
        listed(ctx, &FUNCTION_RUN, None, list).await.map(Some)
    }
}
