//! `TaskGQLType` and `TaskHistoryGQLType`.

use async_graphql::{Context, Enum, ID, Object};
use uuid::Uuid;

use crate::domain::query::{Condition, Value};
use crate::error::{Error, Result};
use crate::graphql::protocol::connection::{Connection, asks_for_rows_alone};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::scalars::{JsonString, Moment, global_id};
use crate::graphql::task::progress::TaskProgress;
use crate::graphql::task_flow::step::{TaskFlowStepNode, step};
use crate::graphql::task_flow::types::{TaskFlowNode, flow};
use crate::graphql::task_group::types::TaskGroupNode;
use crate::graphql::user::types::{UserNode, user};
use crate::graphql::vote::filters::NESTED_TASK_DECISION;
use crate::graphql::vote::queries::read_votes;
use crate::graphql::vote::types::TaskDecisionNode;
use crate::model::history::Historical;
use crate::model::task::Task;
use crate::service::context::ListScope;
use crate::service::vote;

/// Where a task stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::task::TaskStatus")]
pub enum TaskStatus {
    /// Created; no group decides on it yet.
    Received,
    /// A group decides on it.
    Accepted,
    /// Approved.
    Completed,
    /// Rejected.
    Failed,
}

/// Where a task stood.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::task::TaskStatus")]
pub enum HistoricalTaskStatus {
    /// Created; no group decided on it yet.
    Received,
    /// A group decided on it.
    Accepted,
    /// Approved.
    Completed,
    /// Rejected.
    Failed,
}

/// What a write did.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::history::HistoryType")]
pub enum HistoricalTaskHistoryType {
    /// The row was created.
    Created,
    /// The row was changed.
    Changed,
    /// The row was deleted.
    Deleted,
}

/// Somebody's proposal that waits for a decision, or got one.
pub struct TaskNode(pub Task);

#[Object(name = "TaskGQLType")]
impl TaskNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("TaskGQLType", self.0.id)
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

    async fn source(&self) -> Option<&str> {
        self.0.source.as_deref()
    }

    async fn entity_id(&self) -> Option<&str> {
        self.0.entity_id.as_deref()
    }

    async fn status(&self) -> TaskStatus {
        self.0.status.into()
    }

    async fn executor_action_event(&self) -> Option<&str> {
        self.0.executor_action_event.as_deref()
    }

    /// The readable merge of the votes, by user id.
    async fn business_status(&self) -> JsonString {
        JsonString::from(self.0.business_status.clone())
    }

    async fn business_event(&self) -> Option<&str> {
        self.0.business_event.as_deref()
    }

    /// The group that decides.
    async fn task_group(&self, ctx: &Context<'_>) -> Result<Option<TaskGroupNode>> {
        // A decided task keeps the key of its group, which may be deleted later.
        let group = task_group(ctx, &self.0).await?;
        Ok(group.filter(|group| !group.0.is_deleted))
    }

    /// The proposal itself.
    async fn data(&self) -> JsonString {
        JsonString::from(self.0.data.clone())
    }

    async fn business_data_serializer(&self) -> Option<&str> {
        self.0.business_data_serializer.as_deref()
    }

    /// How urgent it is, from 0 to 100.
    async fn priority(&self) -> i32 {
        self.0.priority
    }

    /// `data` as the host's serializer shows it.
    async fn business_data(&self, ctx: &Context<'_>) -> Result<Option<JsonString>> {
        Ok(Some(JsonString::from(request(ctx)?.services.host.business_data(&self.0))))
    }

    /// The display text of the entity that the task is about.
    async fn entity_string(&self) -> Option<&str> {
        self.0.entity_string.as_deref()
    }

    /// How the host calls the entity now; null where it does not exist any more, or where the host does not know its kind.
    async fn entity_display(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let (Some(content_type), Some(id)) = (self.0.entity_type_id, &self.0.entity_id) else {
            return Ok(None);
        };
        request(ctx)?.entities.load_one((content_type, id.clone())).await.map_err(shared)
    }

    /// The version of the flow that it goes through.
    async fn flow(&self, ctx: &Context<'_>) -> Result<Option<TaskFlowNode>> {
        flow(ctx, self.0.flow_id).await
    }

    /// The step of the flow at which it is, the first of them where several are asked; where it ended, once decided.
    async fn current_step(&self, ctx: &Context<'_>) -> Result<Option<TaskFlowStepNode>> {
        step(ctx, self.0.current_step_id).await
    }

    /// The groups that are asked at present; the first is `taskGroup`.
    async fn active_groups(&self, ctx: &Context<'_>) -> Result<Vec<TaskGroupNode>> {
        let progress = progress(ctx, self.0.id).await?;
        Ok(progress.0.pools.iter().map(|pool| TaskGroupNode(pool.group().clone())).collect())
    }

    /// Why it is waiting, and for whom.
    async fn progress(&self, ctx: &Context<'_>) -> Result<TaskProgress> {
        progress(ctx, self.0.id).await
    }

    /// The records that somebody rejected at any step.
    async fn rejected_record_ids(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        Ok(progress(ctx, self.0.id).await?.0.rejected_record_ids)
    }

    /// How many votes there are that count: neither replaced by their casters nor stale.
    async fn decision_count(&self, ctx: &Context<'_>) -> Result<Option<usize>> {
        Ok(Some(progress(ctx, self.0.id).await?.0.votes.iter().filter(|vote| !vote.is_stale).count()))
    }

    /// The votes, in the order in which they were cast, but for those that their casters have replaced. Stale ones are left
    /// out unless `isStale` is given.
    async fn decisions(&self, ctx: &Context<'_>) -> Result<Connection<TaskDecisionNode>> {
        let context = request(ctx)?;
        let mut query = read_votes(ctx, &NESTED_TASK_DECISION)?;
        if asks_for_rows_alone(ctx, &["isStale"]) {
            let is_stale = query.conditions.contains(&Condition::equals("is_stale", Value::Bool(true)));
            let votes = progress(ctx, self.0.id).await?.0.votes.into_iter();
            let votes = votes.filter(|vote| vote.is_stale == is_stale).map(TaskDecisionNode);
            return Ok(Connection::all(votes, context.services.limits.page_size));
        }
        query.conditions.push(Condition::equals("task_id", Value::Uuid(self.0.id)));
        let votes = vote::list(&context.services, context.requester()?, query, ListScope::Nested).await?;
        Ok(Connection::new(votes, TaskDecisionNode))
    }
}

/// A task as it was after a write.
pub struct TaskHistoryNode(pub Historical<Task>);

#[Object(name = "TaskHistoryGQLType")]
impl TaskHistoryNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("TaskHistoryGQLType", self.0.history_id)
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

    async fn version(&self) -> i32 {
        self.0.row.version
    }

    async fn source(&self) -> Option<&str> {
        self.0.row.source.as_deref()
    }

    async fn entity_id(&self) -> Option<&str> {
        self.0.row.entity_id.as_deref()
    }

    async fn status(&self) -> HistoricalTaskStatus {
        self.0.row.status.into()
    }

    async fn executor_action_event(&self) -> Option<&str> {
        self.0.row.executor_action_event.as_deref()
    }

    async fn business_status(&self) -> JsonString {
        JsonString::from(self.0.row.business_status.clone())
    }

    async fn business_event(&self) -> Option<&str> {
        self.0.row.business_event.as_deref()
    }

    async fn data(&self) -> JsonString {
        JsonString::from(self.0.row.data.clone())
    }

    async fn business_data_serializer(&self) -> Option<&str> {
        self.0.row.business_data_serializer.as_deref()
    }

    async fn priority(&self) -> i32 {
        self.0.row.priority
    }

    async fn user_created(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user(ctx, self.0.row.user_created).await.map(Some)
    }

    async fn user_updated(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user(ctx, self.0.row.user_updated).await.map(Some)
    }

    async fn task_group(&self, ctx: &Context<'_>) -> Result<Option<TaskGroupNode>> {
        task_group(ctx, &self.0.row).await
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

    /// Who wrote this version; none for rows that were loaded.
    async fn history_user(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        match self.0.history_user {
            Some(id) => user(ctx, id).await.map(Some),
            None => Ok(None),
        }
    }

    async fn business_data(&self, ctx: &Context<'_>) -> Result<Option<JsonString>> {
        Ok(Some(JsonString::from(request(ctx)?.services.host.business_data(&self.0.row))))
    }

    async fn entity_string(&self) -> Option<&str> {
        self.0.row.entity_string.as_deref()
    }

    async fn flow(&self, ctx: &Context<'_>) -> Result<Option<TaskFlowNode>> {
        flow(ctx, self.0.row.flow_id).await
    }

    async fn current_step(&self, ctx: &Context<'_>) -> Result<Option<TaskFlowStepNode>> {
        step(ctx, self.0.row.current_step_id).await
    }
}

/// How far a task is that the requester sees.
async fn progress(ctx: &Context<'_>, id: Uuid) -> Result<TaskProgress> {
    let progress = request(ctx)?.progress.load_one(id).await.map_err(shared)?;
    progress.map(TaskProgress).ok_or_else(|| Error::internal(format!("no progress of task {id}")))
}

/// The group of a task that the requester sees. A deleted group is shown in history only, where it belongs.
async fn task_group(ctx: &Context<'_>, task: &Task) -> Result<Option<TaskGroupNode>> {
    let Some(id) = task.task_group_id else {
        return Ok(None);
    };
    crate::graphql::task_group::types::of_visible_row(ctx, id).await
}
