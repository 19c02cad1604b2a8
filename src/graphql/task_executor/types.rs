//! `TaskExecutorGQLType` and its history.

use async_graphql::{Context, ID, Object};

use crate::error::{Error, Result};
use crate::graphql::protocol::scalars::{JsonString, Moment, global_id};
use crate::graphql::task::types::HistoricalTaskHistoryType;
use crate::graphql::task_group::types::{TaskGroupNode, of_visible_row};
use crate::graphql::user::types::{UserNode, user};
use crate::model::history::Historical;
use crate::model::task_executor::TaskExecutor;

/// A user's executor in a group.
pub struct TaskExecutorNode(pub TaskExecutor);

#[Object(name = "TaskExecutorGQLType")]
impl TaskExecutorNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("TaskExecutorGQLType", self.0.id)
    }

    async fn uuid(&self) -> Option<String> {
        Some(self.0.id.to_string())
    }

    async fn is_deleted(&self) -> bool {
        self.0.is_deleted
    }

    async fn json_ext(&self) -> Option<JsonString> {
        self.0.json_ext.clone().map(JsonString::from)
    }

    async fn date_created(&self) -> Option<Moment> {
        Some(Moment(self.0.date_created))
    }

    async fn date_updated(&self) -> Option<Moment> {
        Some(Moment(self.0.date_updated))
    }

    async fn user_created(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.0.user_created).await
    }

    async fn user_updated(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.0.user_updated).await
    }

    async fn version(&self) -> i32 {
        self.0.version
    }

    /// What an approval counts under the policy WEIGHT.
    async fn weight(&self) -> i32 {
        self.0.weight
    }

    /// Who sits there.
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.0.user_id).await
    }

    async fn task_group(&self, ctx: &Context<'_>) -> Result<TaskGroupNode> {
        of_visible_row(ctx, self.0.task_group_id)
            .await?
            .ok_or_else(|| Error::internal("an executor is in no group"))
    }
}

/// An executor as it was after a write.
pub struct TaskExecutorHistoryNode(pub Historical<TaskExecutor>);

#[Object(name = "TaskExecutorHistoryGQLType")]
impl TaskExecutorHistoryNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("TaskExecutorHistoryGQLType", self.0.history_id)
    }

    async fn uuid(&self) -> Option<String> {
        Some(self.0.row.id.to_string())
    }

    async fn is_deleted(&self) -> bool {
        self.0.row.is_deleted
    }

    async fn json_ext(&self) -> Option<JsonString> {
        self.0.row.json_ext.clone().map(JsonString::from)
    }

    async fn date_created(&self) -> Option<Moment> {
        Some(Moment(self.0.row.date_created))
    }

    async fn date_updated(&self) -> Option<Moment> {
        Some(Moment(self.0.row.date_updated))
    }

    async fn user_created(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user(ctx, self.0.row.user_created).await.map(Some)
    }

    async fn user_updated(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user(ctx, self.0.row.user_updated).await.map(Some)
    }

    async fn version(&self) -> i32 {
        self.0.row.version
    }

    async fn user(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user(ctx, self.0.row.user_id).await.map(Some)
    }

    async fn task_group(&self, ctx: &Context<'_>) -> Result<Option<TaskGroupNode>> {
        of_visible_row(ctx, self.0.row.task_group_id).await
    }

    async fn history_id(&self) -> ID {
        ID(self.0.history_id.to_string())
    }

    async fn history_date(&self) -> Moment {
        Moment(self.0.history_date)
    }

    async fn history_change_reason(&self) -> Option<&str> {
        self.0.history_change_reason.as_deref()
    }

    async fn history_type(&self) -> HistoricalTaskHistoryType {
        self.0.history_type.into()
    }

    async fn history_user(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        match self.0.history_user {
            Some(id) => user(ctx, id).await.map(Some),
            None => Ok(None),
        }
    }
}
