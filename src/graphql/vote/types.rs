//! `TaskDecisionGQLType`

use async_graphql::{Context, Enum, ID, Object};

use crate::error::Result;
use crate::graphql::protocol::scalars::{Moment, global_id};
use crate::graphql::task_flow::step::{TaskFlowStepNode, step};
use crate::graphql::user::types::{UserNode, user};
use crate::model::vote::Vote;

/// What a vote says.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "TaskVerdict", remote = "crate::domain::vote::Verdict")]
pub enum TaskVerdict {
    /// The whole task may go ahead.
    Approved,
    /// The whole task is refused.
    Failed,
    /// One record of the task is accepted.
    Accept,
    /// One record of the task is rejected.
    Reject,
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

    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When it was cast.
    async fn date_created(&self) -> Moment {
        Moment(self.0.date_created)
    }

    async fn date_updated(&self) -> Moment {
        Moment(self.0.date_updated)
    }

    /// The task voted on.
    async fn task_id(&self) -> String {
        self.0.task_id.to_string()
    }

    /// The step of the flow at which it was cast; absent for tasks in no flow.
    async fn step(&self, ctx: &Context<'_>) -> Result<Option<TaskFlowStepNode>> {
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

    async fn verdict(&self) -> TaskVerdict {
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
