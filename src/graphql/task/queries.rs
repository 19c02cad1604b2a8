//! Reading tasks.

use async_graphql::{Context, Object};

use super::super::arguments::read;
use super::super::connection::Connection;
use super::super::context::request;
use super::filters::{TASK, TASK_HISTORY};
use super::types::{TaskHistoryNode, TaskNode};
use crate::error::Result;
use crate::service::core::Place;
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
        let tasks = task::list(&context.core, context.requester()?, query, Place::Root).await?;
        Ok(Some(Connection::new(tasks, TaskNode)))
    }

    /// All versions of the tasks that one sees, newest first. `id` is the task's.
    async fn task_history(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskHistoryNode>>> {
        let query = read(ctx, &TASK_HISTORY)?;
        let context = request(ctx)?;
        let versions = task::list_history(&context.core, context.requester()?, query).await?;
        Ok(Some(Connection::new(versions, TaskHistoryNode)))
    }
}
