//! Reading task executors.

use async_graphql::{Context, Object};

use super::super::arguments::read;
use super::super::connection::Connection;
use super::super::context::request;
use super::filters::{TASK_EXECUTOR, TASK_EXECUTOR_HISTORY};
use super::types::{TaskExecutorHistoryNode, TaskExecutorNode};
use crate::error::Result;
use crate::service::core::Place;
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
        let seats = task_executor::list(&context.core, context.requester()?, query, Place::Root).await?;
        Ok(Some(Connection::new(seats, TaskExecutorNode)))
    }

    /// All versions of seats, newest first. `id` is the seat's.
    async fn task_executor_history(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Connection<TaskExecutorHistoryNode>>> {
        let query = read(ctx, &TASK_EXECUTOR_HISTORY)?;
        let context = request(ctx)?;
        let versions = task_executor::list_history(&context.core, context.requester()?, query).await?;
        Ok(Some(Connection::new(versions, TaskExecutorHistoryNode)))
    }
}
