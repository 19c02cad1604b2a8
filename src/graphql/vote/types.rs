//! `TaskDecisionGQLType`

use async_graphql::{Context, Enum, ID, Object};

use crate::domain::verdict::Verdict;
use crate::error::{Error, Result};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::scalars::{JsonString, Moment, global_id};
use crate::graphql::task::types::TaskNode;
use crate::graphql::task_flow::step::{TaskFlowStepNode, step};
use crate::graphql::user::types::{UserNode, user};
use crate::model::vote::Vote;

/// What a vote says.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskDecisionDecision {
    /// The task, or the record that is named, may go ahead.
    Approved,
    /// The record that is named is rejected.
    Rejected,
    /// The whole task is refused.
    Failed,
}

impl From<Verdict> for TaskDecisionDecision {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Approved | Verdict::Accept => Self::Approved,
            Verdict::Reject => Self::Rejected,
            Verdict::Failed => Self::Failed,
        }
    }
}

/// A vote: one person's verdict on a task, or on one record of it.
pub struct TaskDecisionNode(pub Vote);

#[Object(name = "TaskDecisionGQLType")]
impl TaskDecisionNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("TaskDecisionGQLType", self.0.id)
    }

    async fn uuid(&self) -> Option<String> {
        Some(self.0.id.to_string())
    }

    async fn is_deleted(&self) -> bool {
        self.0.is_deleted
    }

    async fn json_ext(&self) -> Option<JsonString> {
        self.0.json_ext.clone().map(JsonString)
    }

    /// When it was cast.
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

    /// The task voted on.
    async fn task(&self, ctx: &Context<'_>) -> Result<TaskNode> {
        let task = request(ctx)?.tasks.load_one(self.0.task_id).await.map_err(shared)?;
        task.map(TaskNode).ok_or_else(|| Error::internal(format!("vote {} is on no task", self.0.id)))
    }

    /// The step of the flow at which it was cast; absent for tasks in no flow.
    async fn flow_step(&self, ctx: &Context<'_>) -> Result<Option<TaskFlowStepNode>> {
        step(ctx, self.0.step_id).await
    }

    /// Who cast it.
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.0.user_id).await
    }

    /// The record voted on; absent for a vote on the whole task.
    async fn record_id(&self) -> Option<&str> {
        self.0.record_id.as_deref()
    }

    async fn decision(&self) -> TaskDecisionDecision {
        self.0.verdict.into()
    }

    async fn comment(&self) -> Option<&str> {
        self.0.comment.as_deref()
    }

    /// What it counted under the policy WEIGHT when it was cast.
    async fn weight(&self) -> i32 {
        self.0.weight
    }

    /// SHA-256 of the task's `data` as it was voted on: its JSON without white space, keys sorted.
    async fn data_hash(&self) -> Option<&str> {
        self.0.data_hash.as_deref()
    }

    /// Whether what was voted on has changed since, or went to another group: then it counts no more.
    async fn is_stale(&self) -> bool {
        self.0.is_stale
    }
}
