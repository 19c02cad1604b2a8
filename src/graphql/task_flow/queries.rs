//! Reading flows.

use async_graphql::{Context, Object, Value};

use crate::domain::query::Condition;
use crate::error::Result;
use crate::graphql::protocol::arguments::{given, read};
use crate::graphql::protocol::connection::Connection;
use crate::graphql::protocol::context::request;
use crate::graphql::task_flow::filters::{SHOW_SUPERSEDED, TASK_FLOW, TASK_FLOW_HISTORY};
use crate::graphql::task_flow::types::{TaskFlowHistoryNode, TaskFlowNode};
use crate::service::context::ListScope;
use crate::service::task_flow;

/// Reading flows.
#[derive(Default)]
pub struct TaskFlowQueries;

#[Object]
impl TaskFlowQueries {
    /// The approval flows: the versions that new tasks get, with `showSuperseded` the earlier ones too.
    async fn task_flow(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskFlowNode>>> {
        let mut query = read(ctx, &TASK_FLOW)?;
        let shows_superseded = given(ctx)?
            .iter()
            .any(|(name, value)| name.as_str() == SHOW_SUPERSEDED && *value == Value::Boolean(true));
        if !shows_superseded {
            query.conditions.push(Condition::LiveHead);
        }
        let context = request(ctx)?;
        let flows = task_flow::list(&context.services, context.requester()?, query, ListScope::Root).await?;
        Ok(Some(Connection::new(flows, TaskFlowNode)))
    }

    /// All writes of flows, newest first. `id` is the key of one version of a flow.
    async fn task_flow_history(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskFlowHistoryNode>>> {
        let query = read(ctx, &TASK_FLOW_HISTORY)?;
        let context = request(ctx)?;
        let versions = task_flow::list_history(&context.services, context.requester()?, query).await?;
        Ok(Some(Connection::new(versions, TaskFlowHistoryNode)))
    }
}
