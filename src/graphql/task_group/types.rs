//! `TaskGroupGQLType` and its history.

use async_graphql::{Context, Enum, ID, Object};
use uuid::Uuid;

use crate::domain::completion_policy::CompletionPolicy;
use crate::domain::query::{Condition, Value};
use crate::error::Result;
use crate::graphql::completion_policy::TaskPolicy;
use crate::graphql::protocol::arguments::read;
use crate::graphql::protocol::connection::Connection;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::scalars::{JsonString, Moment, global_id};
use crate::graphql::task::filters::NESTED_TASK;
use crate::graphql::task::types::{HistoricalTaskHistoryType, TaskNode};
use crate::graphql::task_executor::filters::NESTED_TASK_EXECUTOR;
use crate::graphql::task_executor::types::TaskExecutorNode;
use crate::graphql::user::types::{UserNode, user, users};
use crate::model::history::Historical;
use crate::model::task_group::TaskGroup;
use crate::service::context::ListScope;
use crate::service::{task, task_executor};

/// How many executors must approve.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskGroupCompletionPolicy {
    /// Every live executor.
    All,
    /// One.
    Any,
    /// As many as the threshold says.
    N,
}

impl From<CompletionPolicy> for TaskGroupCompletionPolicy {
    /// As clients of openIMIS know it.
    fn from(policy: CompletionPolicy) -> Self {
        match policy {
            CompletionPolicy::All => Self::All,
            CompletionPolicy::Any => Self::Any,
            CompletionPolicy::N | CompletionPolicy::Percent | CompletionPolicy::Weight => Self::N,
        }
    }
}

/// People who decide on tasks together.
pub struct TaskGroupNode(pub TaskGroup);

#[Object(name = "TaskGroupGQLType")]
impl TaskGroupNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("TaskGroupGQLType", self.0.id)
    }

    async fn uuid(&self) -> Option<String> {
        Some(self.0.id.to_string())
    }

    async fn is_deleted(&self) -> bool {
        self.0.is_deleted
    }

    /// Holds the bound task sources under `task_sources`.
    async fn json_ext(&self) -> Option<JsonString> {
        self.0.json_ext.clone().map(JsonString)
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

    async fn code(&self) -> &str {
        &self.0.code
    }

    async fn completion_policy(&self) -> TaskGroupCompletionPolicy {
        self.0.completion_policy.into()
    }

    /// How many must approve under policy N; 1 when absent. Percent or weight, if `policy` says so.
    async fn threshold(&self) -> Option<i32> {
        self.0.threshold
    }

    /// How many must approve.
    async fn policy(&self) -> TaskPolicy {
        self.0.rule().into()
    }

    /// Whether the maker of a task may not decide it; absent: as the settings say.
    async fn forbid_maker(&self) -> Option<bool> {
        self.0.forbid_maker
    }

    /// Whether who decided another step of a task may not decide this one; absent: as the settings say.
    async fn distinct_deciders(&self) -> Option<bool> {
        self.0.distinct_deciders
    }

    /// The sources whose new tasks come to this group.
    async fn task_sources(&self) -> Vec<String> {
        self.0.task_sources()
    }

    /// The live executors, as far as one may know who sits there: where one sits, and where one is asked at present.
    async fn taskexecutor_set(&self, ctx: &Context<'_>) -> Result<Connection<TaskExecutorNode>> {
        let context = request(ctx)?;
        if !ctx.field().arguments().is_ok_and(|given| given.is_empty()) || wants_more_than_nodes(ctx) {
            let mut query = read(ctx, &NESTED_TASK_EXECUTOR)?;
            query.conditions.push(Condition::equals("task_group_id", Value::Uuid(self.0.id)));
            let executors =
                task_executor::list_of_named_group(&context.services, context.requester()?, query).await?;
            return Ok(Connection::new(executors, TaskExecutorNode));
        }
        let executors = context
            .executors
            .load_one(self.0.id)
            .await
            .map_err(crate::graphql::protocol::response::shared)?;
        Ok(Connection::all(
            executors.unwrap_or_default().into_iter().map(TaskExecutorNode),
            context.services.limits.page_size,
        ))
    }

    /// The group's tasks that one sees.
    async fn task_set(&self, ctx: &Context<'_>) -> Result<Connection<TaskNode>> {
        let mut query = read(ctx, &NESTED_TASK)?;
        query.conditions.push(Condition::equals("task_group_id", Value::Uuid(self.0.id)));
        let context = request(ctx)?;
        let tasks = task::list(&context.services, context.requester()?, query, ListScope::Nested).await?;
        Ok(Connection::new(tasks, TaskNode))
    }

    /// Who sits in it.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<Vec<Option<UserNode>>>> {
        let executors = request(ctx)?
            .executors
            .load_one(self.0.id)
            .await
            .map_err(crate::graphql::protocol::response::shared)?;
        let ids: Vec<Uuid> =
            executors.unwrap_or_default().into_iter().map(|executor| executor.user_id).collect();
        Ok(Some(users(ctx, ids).await?.into_iter().map(Some).collect()))
    }
}

/// A task group as it was after a write.
pub struct TaskGroupHistoryNode(pub Historical<TaskGroup>);

#[Object(name = "TaskGroupHistoryGQLType")]
impl TaskGroupHistoryNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("TaskGroupHistoryGQLType", self.0.history_id)
    }

    async fn uuid(&self) -> Option<String> {
        Some(self.0.row.id.to_string())
    }

    async fn is_deleted(&self) -> bool {
        self.0.row.is_deleted
    }

    async fn json_ext(&self) -> Option<JsonString> {
        self.0.row.json_ext.clone().map(JsonString)
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

    async fn code(&self) -> &str {
        &self.0.row.code
    }

    async fn completion_policy(&self) -> TaskGroupCompletionPolicy {
        self.0.row.completion_policy.into()
    }

    async fn threshold(&self) -> Option<i32> {
        self.0.row.threshold
    }

    async fn policy(&self) -> TaskPolicy {
        self.0.row.rule().into()
    }

    async fn forbid_maker(&self) -> Option<bool> {
        self.0.row.forbid_maker
    }

    async fn distinct_deciders(&self) -> Option<bool> {
        self.0.row.distinct_deciders
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

/// The group of a row that the requester sees.
pub async fn of_visible_row(ctx: &Context<'_>, id: Uuid) -> Result<Option<TaskGroupNode>> {
    let group =
        request(ctx)?.groups.load_one(id).await.map_err(crate::graphql::protocol::response::shared)?;
    Ok(group.map(TaskGroupNode))
}

/// Whether cursors or the like are selected, for which the rows alone are not enough.
fn wants_more_than_nodes(ctx: &Context<'_>) -> bool {
    let selected = ctx.look_ahead();
    selected.field("pageInfo").exists() || selected.field("edges").field("cursor").exists()
}
