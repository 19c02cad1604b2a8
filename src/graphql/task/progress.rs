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

/// The outcome of a pool's votes.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::decision::Outcome")]
pub enum TaskPoolOutcome {
    /// Approvals are missing.
    Open,
    /// Enough people have approved; the next weighing of the votes acts on it.
    Passed,
    /// Somebody has refused.
    Failed,
    /// Nobody in the pool may decide.
    Held,
}

/// Why a task can't go on, even if everybody who is asked votes.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::decision::HeldReason")]
pub enum TaskHeldReason {
    /// The pool has no live, active executor.
    EmptyPool,
    /// Nobody in the pool may decide this task, by the rules of four eyes.
    NobodyMayDecide,
    /// Even if everybody who is missing approved, it would not be enough.
    TooFewExecutors,
    /// The votes have become enough because a pool or a policy changed; the next vote or `reEvaluateTask` decides.
    ReadyToDecide,
    /// The votes have become enough, but the person who made the change may not decide this task: it waits for somebody
    /// else.
    ChangedByBarred,
}

/// Why an executor may not decide.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::decision::Barred")]
pub enum TaskBarredReason {
    /// The executor is the maker of the task.
    Maker,
    /// The executor decided another step of the task.
    DecidedOtherStep,
}

/// The progress of a task: how far it is, and what it waits for.
#[derive(SimpleObject)]
pub struct TaskProgress {
    /// The pools that are asked at present; none before a task is accepted and after it is decided.
    pools: Vec<TaskPoolProgress>,
    /// Whether the task can't go on even if everybody who is asked votes, or its votes are enough but nobody has weighed
    /// them.
    held: bool,
    /// Why the task does not go on.
    held_reason: Option<TaskHeldReason>,
    /// How many steps its flow has; absent for a task in no flow.
    step_count: Option<usize>,
    /// How many of the steps have passed.
    passed_count: Option<usize>,
}

/// The progress of a pool that is asked about a task.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct TaskPoolProgress {
    /// How many of the people who are asked must agree.
    policy: TaskPolicy,
    /// What the policy needs: approvals, or their weight.
    needed: u64,
    /// How much of that the pool has.
    has: u64,
    outcome: TaskPoolOutcome,
    /// Whether the pool can't pass, even if everybody who is asked votes.
    held: bool,
    /// Why the pool can't pass.
    held_reason: Option<TaskHeldReason>,
    /// The vote of each person who voted.
    votes: Vec<TaskPoolVote>,
    /// The pool's executors who may not decide.
    barred: Vec<TaskBarredExecutor>,
    /// Whether the maker of the task is barred from deciding in this pool.
    forbid_maker: bool,
    /// Whether people who decided another step are barred from deciding in this pool.
    distinct_deciders: bool,
    #[graphql(skip)]
    status: PoolStatus,
}

/// A person's vote, on the whole task or on its records.
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
    /// When the person voted last.
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

    /// The group that is asked.
    async fn task_group(&self) -> TaskGroupNode {
        self.status.group.clone().into()
    }

    /// The people who may decide and have not approved.
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
