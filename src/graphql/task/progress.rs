//! `TaskProgress`: why a task is waiting, and for whom.

use async_graphql::{Context, Enum, Object};
use uuid::Uuid;

use crate::domain::decision::Barred;
use crate::error::Result;
use crate::graphql::completion_policy::TaskPolicy;
use crate::graphql::protocol::scalars::Moment;
use crate::graphql::task_flow::step::TaskFlowStepNode;
use crate::graphql::task_group::types::TaskGroupNode;
use crate::graphql::user::types::{UserNode, user, users};
use crate::graphql::vote::types::TaskDecisionDecision;
use crate::service::progress::{PoolProgress, Progress, Said};

/// What the votes of a pool amount to.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::decision::Outcome")]
pub enum TaskPoolOutcome {
    /// Approvals are missing.
    Open,
    /// Enough have approved; it shows once the votes are weighed again.
    Passed,
    /// Somebody has refused.
    Failed,
    /// Nobody in the pool may decide.
    Held,
}

/// Why a task can't go on by the votes of those who are asked.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::decision::HeldReason")]
pub enum TaskHeldReason {
    /// No live executor who is active is in the pool.
    EmptyPool,
    /// Nobody in the pool may decide this task, by the rules of four eyes.
    NobodyMayDecide,
    /// If all who are missing approved, it would still not be enough.
    TooFewExecutors,
    /// The votes are enough since a pool or a policy has changed; the next vote or `reEvaluateTask` decides.
    ReadyToDecide,
    /// The same, and who changed it may not decide this task, so that it waits for somebody else.
    ChangedByBarred,
}

/// Why an executor may not decide.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::decision::Barred")]
pub enum TaskBarredReason {
    /// The executor is the maker of the task.
    Maker,
    /// The executor decided another step of it.
    DecidedOtherStep,
}

/// How far a task is.
pub struct TaskProgress(pub Progress);

#[Object]
impl TaskProgress {
    /// The pools that are asked at present; none before a task is accepted and after it is decided.
    async fn pools(&self) -> Vec<TaskPoolProgress<'_>> {
        self.0.pools.iter().map(TaskPoolProgress).collect()
    }

    /// Whether it can't go on by the votes of those who are asked, or does not though they are enough.
    async fn held(&self) -> bool {
        self.0.held.is_some()
    }

    /// Why it does not.
    async fn held_reason(&self) -> Option<TaskHeldReason> {
        self.0.held.map(TaskHeldReason::from)
    }

    /// How many steps its flow has; absent for a task in no flow.
    async fn step_count(&self) -> Option<usize> {
        self.0.step_count
    }

    /// How many of them have passed.
    async fn passed_count(&self) -> Option<usize> {
        self.0.passed_count
    }
}

/// How a pool stands that is asked about a task.
pub struct TaskPoolProgress<'a>(&'a PoolProgress);

#[Object]
impl TaskPoolProgress<'_> {
    /// The step of the flow; absent for a task in no flow.
    async fn step(&self) -> Option<TaskFlowStepNode> {
        self.0.step().cloned().map(TaskFlowStepNode)
    }

    /// Who is asked.
    async fn task_group(&self) -> TaskGroupNode {
        TaskGroupNode(self.0.group().clone())
    }

    /// How many of them must agree.
    async fn policy(&self) -> TaskPolicy {
        self.0.status.rule.into()
    }

    /// What the policy needs: approvals, or their weight.
    async fn needed(&self) -> u64 {
        self.0.status.standing.needed
    }

    /// How much of that is there.
    async fn has(&self) -> u64 {
        self.0.status.standing.has
    }

    async fn outcome(&self) -> TaskPoolOutcome {
        self.0.outcome().into()
    }

    /// Whether it can't go on by the votes of those who are asked.
    async fn held(&self) -> bool {
        self.0.held().is_some()
    }

    /// Why it can't.
    async fn held_reason(&self) -> Option<TaskHeldReason> {
        self.0.held().map(TaskHeldReason::from)
    }

    /// What each person said who voted.
    async fn votes(&self) -> Vec<TaskPoolVote<'_>> {
        self.0.said.iter().map(TaskPoolVote).collect()
    }

    /// Who may decide and has not approved.
    async fn missing(&self, ctx: &Context<'_>) -> Result<Vec<UserNode>> {
        users(ctx, self.0.status.standing.missing.iter().copied().collect()).await
    }

    /// Who sits there and may not decide.
    async fn barred(&self) -> Vec<TaskBarredExecutor> {
        self.0
            .barred()
            .iter()
            .map(|(user, reason)| TaskBarredExecutor { user: *user, reason: *reason })
            .collect()
    }

    /// Whether the maker of the task may not decide here.
    async fn forbid_maker(&self) -> bool {
        self.0.status.four_eyes.forbid_maker
    }

    /// Whether who decided another step may not decide here.
    async fn distinct_deciders(&self) -> bool {
        self.0.status.four_eyes.distinct_deciders
    }
}

/// What a person said, on the whole task or on its records.
pub struct TaskPoolVote<'a>(&'a Said);

#[Object]
impl TaskPoolVote<'_> {
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.0.user_id).await
    }

    /// The verdict on the whole task; absent where records were voted on.
    async fn verdict(&self) -> Option<TaskDecisionDecision> {
        self.0.verdict.map(TaskDecisionDecision::from)
    }

    /// How many records were accepted.
    async fn accepted_count(&self) -> usize {
        self.0.accepted
    }

    /// How many records were rejected.
    async fn rejected_count(&self) -> usize {
        self.0.rejected
    }

    async fn comment(&self) -> Option<&str> {
        self.0.comment.as_deref()
    }

    /// When the last of it was said.
    async fn date(&self) -> Moment {
        Moment(self.0.date)
    }
}

/// An executor who may not decide.
pub struct TaskBarredExecutor {
    user: Uuid,
    reason: Barred,
}

#[Object]
impl TaskBarredExecutor {
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.user).await
    }

    async fn reason(&self) -> TaskBarredReason {
        self.reason.into()
    }
}
