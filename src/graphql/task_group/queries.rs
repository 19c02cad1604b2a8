//! Reading task groups.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::task_group::filters::{TASK_GROUP, TASK_GROUP_HISTORY};
use crate::graphql::task_group::types::{TaskGroupHistoryNode, TaskGroupNode};
use crate::service::context::ListScope;
use crate::service::task_group;

/// Reading task groups.
#[derive(Default)]
pub struct TaskGroupQueries;

#[Object]
impl TaskGroupQueries {
    /// All groups for people with the right to search them; for others the groups in which they are executors.
    async fn task_group(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskGroupNode>>> {
        let list = |services, requester, query| task_group::list(services, requester, query, ListScope::Root);
        listed(ctx, &TASK_GROUP, None, list).await.map(Some)
    }

    /// All versions of groups, newest first. `id` is the group's.
    async fn task_group_history(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Connection<TaskGroupHistoryNode>>> {
        let list = |services, requester, query| task_group::list_history(services, requester, query);
        listed(ctx, &TASK_GROUP_HISTORY, None, list).await.map(Some)
    }
}
