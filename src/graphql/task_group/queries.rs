//! Reading task groups.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::protocol::arguments::read;
use crate::graphql::protocol::connection::Connection;
use crate::graphql::protocol::context::request;
use crate::graphql::task_group::filters::{TASK_GROUP, TASK_GROUP_HISTORY};
use crate::graphql::task_group::types::{TaskGroupHistoryNode, TaskGroupNode};
use crate::service::context::ListScope;
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
        let groups =
            task_group::list(&context.services, context.requester()?, query, ListScope::Root).await?;
        Ok(Some(Connection::new(groups, TaskGroupNode)))
    }

    /// All versions of groups, newest first. `id` is the group's.
    async fn task_group_history(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Connection<TaskGroupHistoryNode>>> {
        let query = read(ctx, &TASK_GROUP_HISTORY)?;
        let context = request(ctx)?;
        let versions = task_group::list_history(&context.services, context.requester()?, query).await?;
        Ok(Some(Connection::new(versions, TaskGroupHistoryNode)))
    }
}
