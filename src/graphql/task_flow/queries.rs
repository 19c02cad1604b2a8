//! Reading flows.

use async_graphql::{Context, Object, Value};

use crate::domain::query::Condition;
use crate::error::Result;
use crate::graphql::protocol::arguments::given;
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::task_flow::filters::{SHOW_SUPERSEDED, TASK_FLOW, TASK_FLOW_HISTORY};
use crate::graphql::task_flow::types::{TaskFlowHistoryNode, TaskFlowNode};
use crate::service::context::ListScope;
use crate::service::task_flow;

/// Reading flows.
#[derive(Default)]
pub struct TaskFlowQueries;

#[Object]
impl TaskFlowQueries {
    /// The approval flows: the versions that new tasks get; with `showSuperseded` also the earlier ones.
    async fn task_flow(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskFlowNode>>> {
        let shows_superseded = given(ctx)?
            .iter()
            .any(|(name, value)| name.as_str() == SHOW_SUPERSEDED && *value == Value::Boolean(true));
        let condition = (!shows_superseded).then_some(Condition::LiveHead);
        let list = |services, requester, query| task_flow::list(services, requester, query, ListScope::Root);
        listed(ctx, &TASK_FLOW, condition, list).await.map(Some)
    }

    /// The history of all flows, newest write first. `id` is the key of one version of a flow.
    async fn task_flow_history(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskFlowHistoryNode>>> {
        let list = |services, requester, query| task_flow::list_history(services, requester, query);
        listed(ctx, &TASK_FLOW_HISTORY, None, list).await.map(Some)
    }
}
