//! Escalation rules in GraphQL.

use async_graphql::{Enum, InputObject, SimpleObject};

use crate::domain::escalation::EscalationRule;
use crate::graphql::protocol::scalars::UuidOrGlobalId;

/// The moment from which an escalation rule counts.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::escalation::EscalationAt")]
pub enum TaskEscalationAt {
    /// So long before the task is due.
    BeforeDue,
    /// So long after the task was due.
    AfterDue,
    /// So long after the group or step was asked.
    AfterOpen,
}

/// What an escalation rule does.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::escalation::EscalationAction")]
pub enum TaskEscalationAction {
    /// Handlers and webhooks are told.
    Notify,
    /// The task becomes at least so urgent.
    RaisePriority,
    /// The task fails. Tasks that are held do not.
    Fail,
}

/// What happens when a task waits too long.
#[derive(SimpleObject, Debug, Clone)]
pub struct TaskEscalation {
    /// The moment from which the rule counts.
    at: TaskEscalationAt,
    /// How many seconds before or after that moment.
    offset_seconds: i32,
    /// What the rule does.
    action: TaskEscalationAction,
    /// For NOTIFY, the key of the group that handlers and webhooks are to tell.
    task_group_id: Option<String>,
    /// For RAISE_PRIORITY, how urgent the task becomes at least.
    priority: Option<i32>,
}

impl From<EscalationRule> for TaskEscalation {
    fn from(rule: EscalationRule) -> Self {
        Self {
            at: rule.at.into(),
            offset_seconds: rule.offset_seconds,
            action: rule.action.into(),
            task_group_id: rule.task_group_id.map(|id| id.to_string()),
            priority: rule.priority,
        }
    }
}

/// What is to happen when a task waits too long.
#[derive(InputObject, Debug, Clone)]
pub struct TaskEscalationInput {
    /// The moment from which the rule counts.
    at: TaskEscalationAt,
    /// How many seconds before or after that moment, from 0 to 315360000.
    offset_seconds: i32,
    /// What the rule does.
    action: TaskEscalationAction,
    /// For NOTIFY, the group that handlers and webhooks are to tell.
    task_group_id: Option<UuidOrGlobalId>,
    /// For RAISE_PRIORITY, how urgent the task becomes at least, from 0 to 100.
    priority: Option<i32>,
}

impl From<TaskEscalationInput> for EscalationRule {
    fn from(asked: TaskEscalationInput) -> Self {
        Self {
            at: asked.at.into(),
            offset_seconds: asked.offset_seconds,
            action: asked.action.into(),
            task_group_id: asked.task_group_id.map(|id| id.0),
            priority: asked.priority,
        }
    }
}

/// The rules that are asked for, if any are.
pub fn rules(asked: Option<Vec<TaskEscalationInput>>) -> Option<Vec<EscalationRule>> {
    asked.map(|rules| rules.into_iter().map(Into::into).collect())
}
