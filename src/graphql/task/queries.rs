//! Reading tasks.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::protocol::arguments::read;
use crate::graphql::protocol::connection::Connection;
use crate::graphql::protocol::context::request;
use crate::graphql::task::filters::{TASK, TASK_HISTORY};
use crate::graphql::task::types::{TaskHistoryNode, TaskNode};
use crate::service::context::ListScope;
use crate::service::task;

/// Reading tasks.
#[derive(Default)]
pub struct TaskQueries;

#[Object]
impl TaskQueries {
    /// The tasks that one sees: privileged people and holders of the right to see all see all; others those that they sit
    /// over, once accepted.
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskNode>>> {
        let query = read(ctx, &TASK)?;
        let context = request(ctx)?;
        let tasks = task::list(&context.services, context.requester()?, query, ListScope::Root).await?;
        Ok(Some(Connection::new(tasks, TaskNode)))
    }

    /// All versions of the tasks that one sees, newest first. `id` is the task's.
    async fn task_history(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskHistoryNode>>> {
        let query = read(ctx, &TASK_HISTORY)?;
        let context = request(ctx)?;
        let versions = task::list_history(&context.services, context.requester()?, query).await?;
        Ok(Some(Connection::new(versions, TaskHistoryNode)))
    }
}
