//! Reading task executors.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::protocol::arguments::read;
use crate::graphql::protocol::connection::Connection;
use crate::graphql::protocol::context::request;
use crate::graphql::task_executor::filters::{TASK_EXECUTOR, TASK_EXECUTOR_HISTORY};
use crate::graphql::task_executor::types::{TaskExecutorHistoryNode, TaskExecutorNode};
use crate::service::context::ListScope;
use crate::service::task_executor;

/// Reading task executors.
#[derive(Default)]
pub struct TaskExecutorQueries;

#[Object]
impl TaskExecutorQueries {
    /// Who sits in which group, with the right to search groups.
    async fn task_executor(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskExecutorNode>>> {
        let query = read(ctx, &TASK_EXECUTOR)?;
        let context = request(ctx)?;
        let executors =
            task_executor::list(&context.services, context.requester()?, query, ListScope::Root).await?;
        Ok(Some(Connection::new(executors, TaskExecutorNode)))
    }

    /// All versions of executors, newest first. `id` is the executor's.
    async fn task_executor_history(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Connection<TaskExecutorHistoryNode>>> {
        let query = read(ctx, &TASK_EXECUTOR_HISTORY)?;
        let context = request(ctx)?;
        let versions = task_executor::list_history(&context.services, context.requester()?, query).await?;
        Ok(Some(Connection::new(versions, TaskExecutorHistoryNode)))
    }
}
