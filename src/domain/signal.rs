//! Signals: the operations of services to which handlers are bound, with openIMIS' names.

use std::fmt;

/// An operation that a service did or is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// `task_service.create`
    TaskCreate,
    /// `task_service.update`
    TaskUpdate,
    /// `task_service.delete`
    TaskDelete,
    /// `task_service.execute_task`
    TaskExecute,
    /// `task_service.resolve_task`
    TaskResolve,
    /// `task_service.complete_task`
    TaskComplete,
    /// `task_service.overdue`
    TaskOverdue,
    /// `task_service.escalate`
    TaskEscalate,
    /// `task_service.withdraw_task_decision`
    TaskWithdrawDecision,
    /// `task_service.claim`
    TaskClaim,
    /// `task_service.release`
    TaskRelease,
    /// `task_comment_service.create`
    TaskCommentCreate,
    /// `task_comment_service.update`
    TaskCommentUpdate,
    /// `task_comment_service.delete`
    TaskCommentDelete,
    /// `task_group_service.create`
    TaskGroupCreate,
    /// `task_group_service.update`
    TaskGroupUpdate,
    /// `task_group_service.delete`
    TaskGroupDelete,
    /// `task_executor_service.create`
    TaskExecutorCreate,
    /// `task_executor_service.update`
    TaskExecutorUpdate,
    /// `task_executor_service.delete`
    TaskExecutorDelete,
    /// `task_flow_service.create`
    TaskFlowCreate,
    /// `task_flow_service.update`
    TaskFlowUpdate,
    /// `task_flow_service.replace`
    TaskFlowReplace,
    /// `task_flow_service.delete`
    TaskFlowDelete,
    /// `task_function.failed`
    FunctionFailed,
}

impl Signal {
    /// All signals.
    pub const ALL: [Self; 25] = [
        Self::TaskCreate,
        Self::TaskUpdate,
        Self::TaskDelete,
        Self::TaskExecute,
        Self::TaskResolve,
        Self::TaskComplete,
        Self::TaskOverdue,
        Self::TaskEscalate,
        Self::TaskWithdrawDecision,
        Self::TaskClaim,
        Self::TaskRelease,
        Self::TaskCommentCreate,
        Self::TaskCommentUpdate,
        Self::TaskCommentDelete,
        Self::TaskGroupCreate,
        Self::TaskGroupUpdate,
        Self::TaskGroupDelete,
        Self::TaskExecutorCreate,
        Self::TaskExecutorUpdate,
        Self::TaskExecutorDelete,
        Self::TaskFlowCreate,
        Self::TaskFlowUpdate,
        Self::TaskFlowReplace,
        Self::TaskFlowDelete,
        Self::FunctionFailed,
    ];

    /// The name of the signal for handlers and clients.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TaskCreate => "task_service.create",
            Self::TaskUpdate => "task_service.update",
            Self::TaskDelete => "task_service.delete",
            Self::TaskExecute => "task_service.execute_task",
            Self::TaskResolve => "task_service.resolve_task",
            Self::TaskComplete => "task_service.complete_task",
            Self::TaskOverdue => "task_service.overdue",
            Self::TaskEscalate => "task_service.escalate",
            Self::TaskWithdrawDecision => "task_service.withdraw_task_decision",
            Self::TaskClaim => "task_service.claim",
            Self::TaskRelease => "task_service.release",
            Self::TaskCommentCreate => "task_comment_service.create",
            Self::TaskCommentUpdate => "task_comment_service.update",
            Self::TaskCommentDelete => "task_comment_service.delete",
            Self::TaskGroupCreate => "task_group_service.create",
            Self::TaskGroupUpdate => "task_group_service.update",
            Self::TaskGroupDelete => "task_group_service.delete",
            Self::TaskExecutorCreate => "task_executor_service.create",
            Self::TaskExecutorUpdate => "task_executor_service.update",
            Self::TaskExecutorDelete => "task_executor_service.delete",
            Self::TaskFlowCreate => "task_flow_service.create",
            Self::TaskFlowUpdate => "task_flow_service.update",
            Self::TaskFlowReplace => "task_flow_service.replace",
            Self::TaskFlowDelete => "task_flow_service.delete",
            Self::FunctionFailed => "task_function.failed",
        }
    }

    /// The kind of row that the signal is about, in the words of the interface.
    #[must_use]
    pub const fn row_name(self) -> &'static str {
        match self {
            Self::TaskCreate
            | Self::TaskUpdate
            | Self::TaskDelete
            | Self::TaskExecute
            | Self::TaskResolve
            | Self::TaskComplete
            | Self::TaskOverdue
            | Self::TaskEscalate
            | Self::TaskWithdrawDecision
            | Self::TaskClaim
            | Self::TaskRelease => "task",
            Self::TaskCommentCreate | Self::TaskCommentUpdate | Self::TaskCommentDelete => "taskComment",
            Self::TaskGroupCreate | Self::TaskGroupUpdate | Self::TaskGroupDelete => "taskGroup",
            Self::TaskExecutorCreate | Self::TaskExecutorUpdate | Self::TaskExecutorDelete => "taskExecutor",
            Self::TaskFlowCreate | Self::TaskFlowUpdate | Self::TaskFlowReplace | Self::TaskFlowDelete => {
                "taskFlow"
            }
            Self::FunctionFailed => "functionRun",
        }
    }

    /// The signal of this name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.as_str() == name)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
