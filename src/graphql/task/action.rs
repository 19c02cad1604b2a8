//! `TaskAction`.

use async_graphql::Enum;

/// What can be done with a task.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::task_action::TaskAction")]
pub enum TaskAction {
    /// `claimTask`.
    Claim,
    /// `releaseTask`.
    Release,
    /// `assignTask`.
    Assign,
    /// `resolveTask` with a vote that approves the whole task.
    Approve,
    /// `resolveTask` with a vote that refuses the whole task.
    Fail,
    /// `resolveTask` with verdicts on records.
    DecideRecords,
    /// `withdrawTaskDecision`.
    Withdraw,
    /// `updateTask`; some of its fields need more rights.
    Update,
    /// `deleteTask`.
    Delete,
    /// `createTaskComment`.
    Comment,
    /// `reEvaluateTask`.
    ReEvaluate,
}
