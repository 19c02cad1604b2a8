//! `TaskAssignmentTargetGQLType`

use async_graphql::{Enum, Object};

use crate::domain::completion_policy::PolicyRule;
use crate::graphql::completion_policy::TaskPolicy;
use crate::graphql::task_group::types::TaskGroupCompletionPolicy;
use crate::service::task_assignment_target::{TargetKind, TaskAssignmentTarget};

/// What a target is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskAssignmentTargetKind {
    /// A flow, given as `flowId`.
    Flow,
    /// A group, given as `taskGroupId`.
    Group,
}

/// What a task can be assigned to.
pub struct TaskAssignmentTargetNode(pub TaskAssignmentTarget);

#[Object(name = "TaskAssignmentTargetGQLType")]
impl TaskAssignmentTargetNode {
    async fn kind(&self) -> TaskAssignmentTargetKind {
        match self.0.kind {
            TargetKind::Flow(_) => TaskAssignmentTargetKind::Flow,
            TargetKind::Group(_) => TaskAssignmentTargetKind::Group,
        }
    }

    async fn uuid(&self) -> String {
        self.0.id.to_string()
    }

    async fn code(&self) -> Option<&str> {
        Some(&self.0.code)
    }

    /// Its name for people; a group's is its code.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// How many steps a flow has.
    async fn step_count(&self) -> Option<usize> {
        match self.0.kind {
            TargetKind::Flow(steps) => Some(steps),
            TargetKind::Group(_) => None,
        }
    }

    /// How a group counts approvals, as clients of openIMIS know it.
    async fn completion_policy(&self) -> Option<TaskGroupCompletionPolicy> {
        self.rule().map(|rule| rule.policy.as_known_to_clients().into())
    }

    async fn threshold(&self) -> Option<i32> {
        self.rule().and_then(|rule| rule.threshold)
    }

    /// How a group counts approvals.
    async fn policy(&self) -> Option<TaskPolicy> {
        self.rule().map(TaskPolicy::from)
    }

    /// How many different people sit in it.
    async fn member_count(&self) -> Option<usize> {
        Some(self.0.member_count)
    }
}

impl TaskAssignmentTargetNode {
    const fn rule(&self) -> Option<PolicyRule> {
        match self.0.kind {
            TargetKind::Flow(_) => None,
            TargetKind::Group(rule) => Some(rule),
        }
    }
}
