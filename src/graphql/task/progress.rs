//! `TaskProgress`: why a task is waiting, and for whom.

use async_graphql::{ComplexObject, Context, Enum, SimpleObject};
use uuid::Uuid;

use crate::error::Result;
use crate::graphql::completion_policy::TaskPolicy;
use crate::graphql::protocol::scalars::Moment;
use crate::graphql::task_flow::step::TaskFlowStepNode;
use crate::graphql::task_group::types::TaskGroupNode;
use crate::graphql::user::types::{UserNode, user, users};
use crate::graphql::vote::TaskDecisionDecision;
use crate::service::approval_state::PoolStatus;
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
#[derive(SimpleObject)]
pub struct TaskProgress {
    /// The pools that are asked at present; none before a task is accepted and after it is decided.
    pools: Vec<TaskPoolProgress>,
    /// Whether it can't go on by the votes of those who are asked, or does not though they are enough.
    held: bool,
    /// Why it does not.
    held_reason: Option<TaskHeldReason>,
    /// How many steps its flow has; absent for a task in no flow.
    step_count: Option<usize>,
    /// How many of them have passed.
    passed_count: Option<usize>,
}

/// How a pool stands that is asked about a task.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct TaskPoolProgress {
    /// How many of those who are asked must agree.
    policy: TaskPolicy,
    /// What the policy needs: approvals, or their weight.
    needed: u64,
    /// How much of that is there.
    has: u64,
    outcome: TaskPoolOutcome,
    /// Whether it can't go on by the votes of those who are asked.
    held: bool,
    /// Why it can't.
    held_reason: Option<TaskHeldReason>,
    /// What each person said who voted.
    votes: Vec<TaskPoolVote>,
    /// Who sits there and may not decide.
    barred: Vec<TaskBarredExecutor>,
    /// Whether the maker of the task may not decide here.
    forbid_maker: bool,
    /// Whether who decided another step may not decide here.
    distinct_deciders: bool,
    #[graphql(skip)]
    status: PoolStatus,
}

/// What a person said, on the whole task or on its records.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct TaskPoolVote {
    /// The verdict on the whole task; absent where records were voted on.
    verdict: Option<TaskDecisionDecision>,
    /// How many records were accepted.
    accepted_count: usize,
    /// How many records were rejected.
    rejected_count: usize,
    comment: Option<String>,
    /// When the last of it was said.
    date: Moment,
    #[graphql(skip)]
    user_id: Uuid,
}

/// An executor who may not decide.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct TaskBarredExecutor {
    reason: TaskBarredReason,
    #[graphql(skip)]
    user_id: Uuid,
}

impl From<Progress> for TaskProgress {
    fn from(progress: Progress) -> Self {
        Self {
            pools: progress.pools.into_iter().map(TaskPoolProgress::from).collect(),
            held: progress.held.is_some(),
            held_reason: progress.held.map(TaskHeldReason::from),
            step_count: progress.step_count,
            passed_count: progress.passed_count,
        }
    }
}

impl From<PoolProgress> for TaskPoolProgress {
    fn from(pool: PoolProgress) -> Self {
        let barred = pool.barred().iter();
        Self {
            policy: pool.status.rule.into(),
            needed: pool.status.standing.needed,
            has: pool.status.standing.has,
            outcome: pool.outcome().into(),
            held: pool.held().is_some(),
            held_reason: pool.held().map(TaskHeldReason::from),
            barred: barred
                .map(|(user, reason)| TaskBarredExecutor { user_id: *user, reason: (*reason).into() })
                .collect(),
            votes: pool.said.into_iter().map(TaskPoolVote::from).collect(),
            forbid_maker: pool.status.four_eyes.forbid_maker,
            distinct_deciders: pool.status.four_eyes.distinct_deciders,
            status: pool.status,
        }
    }
}

impl From<Said> for TaskPoolVote {
    fn from(said: Said) -> Self {
        Self {
            verdict: said.verdict.map(TaskDecisionDecision::from),
            accepted_count: said.accepted,
            rejected_count: said.rejected,
            comment: said.comment,
            date: Moment(said.date),
            user_id: said.user_id,
        }
    }
}

#[ComplexObject]
impl TaskPoolProgress {
    /// The step of the flow; absent for a task in no flow.
    async fn step(&self) -> Option<TaskFlowStepNode> {
        self.status.step.clone().map(TaskFlowStepNode::from)
    }

    /// Who is asked.
    async fn task_group(&self) -> TaskGroupNode {
        self.status.group.clone().into()
    }

    /// Who may decide and has not approved.
    async fn missing(&self, ctx: &Context<'_>) -> Result<Vec<UserNode>> {
        users(ctx, self.status.standing.missing.iter().copied().collect()).await
    }
}

#[ComplexObject]
impl TaskPoolVote {
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.user_id).await
    }
}

#[ComplexObject]
impl TaskBarredExecutor {
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.user_id).await
    }
}
