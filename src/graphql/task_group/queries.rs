//! Reading task groups.

use async_graphql::{Context, Object};

use super::super::arguments::read;
use super::super::connection::Connection;
use super::super::context::request;
use super::filters::{TASK_GROUP, TASK_GROUP_HISTORY};
use super::types::{TaskGroupHistoryNode, TaskGroupNode};
use crate::error::Result;
use crate::service::core::Place;
use crate::service::task_group;

/// Reading task groups.
#[derive(Default)]
pub struct TaskGroupQueries;

#[Object]
impl TaskGroupQueries {
    /// All groups with the right to search them; else those that one sits in.
    async fn task_group(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskGroupNode>>> {
        let query = read(ctx, &TASK_GROUP)?;
        let context = request(ctx)?;
        let groups = task_group::list(&context.core, context.requester()?, query, Place::Root).await?;
        Ok(Some(Connection::new(groups, TaskGroupNode)))
    }

    /// All versions of groups, newest first. `id` is the group's.
    async fn task_group_history(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Connection<TaskGroupHistoryNode>>> {
        let query = read(ctx, &TASK_GROUP_HISTORY)?;
        let context = request(ctx)?;
        let versions = task_group::list_history(&context.core, context.requester()?, query).await?;
        Ok(Some(Connection::new(versions, TaskGroupHistoryNode)))
    }
}
