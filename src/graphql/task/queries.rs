//! Reading tasks.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::task::filters::{TASK, TASK_HISTORY};
use crate::graphql::task::types::{TaskHistoryNode, TaskNode};
use crate::service::context::ListScope;
use crate::service::task;

/// Reading tasks.
#[derive(Default)]
pub struct TaskQueries;

#[Object]
impl TaskQueries {
    /// The tasks that one may see. Privileged people and people with the right to see all tasks see all; others see the
    /// tasks that they are asked about as executors, once accepted.
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskNode>>> {
        let list = |services, requester, query| task::list(services, requester, query, ListScope::Root);
        listed(ctx, &TASK, None, list).await.map(Some)
    }

    /// All versions of the tasks that one may see, newest first. `id` is the task's.
    async fn task_history(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskHistoryNode>>> {
        let list = |services, requester, query| task::list_history(services, requester, query);
        listed(ctx, &TASK_HISTORY, None, list).await.map(Some)
    }
}
