//! Looking at functions.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::task_function::filters::{TASK_FUNCTION, TASK_FUNCTION_HISTORY};
use crate::graphql::task_function::types::{TaskFunctionHistoryNode, TaskFunctionNode};
use crate::service::context::ListScope;
use crate::service::task_function;

/// Looking at functions.
#[derive(Default)]
pub struct TaskFunctionQueries;

#[Object]
impl TaskFunctionQueries {
    /// The functions.
    async fn task_function(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskFunctionNode>>> {
        let list =
            |services, requester, query| task_function::list(services, requester, query, ListScope::Root);
        listed(ctx, &TASK_FUNCTION, None, list).await.map(Some)
    }

    /// All versions of the functions, newest first. `id` is the function's.
    async fn task_function_history(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Connection<TaskFunctionHistoryNode>>> {
        let list = |services, requester, query| task_function::list_history(services, requester, query);
        listed(ctx, &TASK_FUNCTION_HISTORY, None, list).await.map(Some)
    }
}
