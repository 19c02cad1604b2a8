//! Completion policies in GraphQL, beyond the three that clients of openIMIS know.

use async_graphql::{Enum, InputObject, SimpleObject};

use crate::domain::completion_policy::{CompletionPolicy, PolicyRule};
use crate::error::{Error, Result};
use crate::graphql::protocol::enums::enum_named;
use crate::message::Message;

enum_named! {
    /// How many executors must approve, as clients of openIMIS know it.
    TaskGroupCompletionPolicy, TaskGroupCompletionPolicyEnum {
        /// Every live executor must approve.
        All,
        /// One executor must approve.
        Any,
        /// As many executors must approve as the threshold says.
        N,
    }
}

impl From<CompletionPolicy> for TaskGroupCompletionPolicy {
    fn from(policy: CompletionPolicy) -> Self {
        match policy {
            CompletionPolicy::All => Self::All,
            CompletionPolicy::Any => Self::Any,
            CompletionPolicy::N | CompletionPolicy::Percent | CompletionPolicy::Weight => Self::N,
        }
    }
}

impl From<TaskGroupCompletionPolicyEnum> for CompletionPolicy {
    fn from(policy: TaskGroupCompletionPolicyEnum) -> Self {
        match policy {
            TaskGroupCompletionPolicyEnum::All => Self::All,
            TaskGroupCompletionPolicyEnum::Any => Self::Any,
            TaskGroupCompletionPolicyEnum::N => Self::N,
        }
    }
}

/// How approvals are counted.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::completion_policy::CompletionPolicy")]
pub enum TaskPolicyKind {
    /// Every live executor must approve.
    All,
    /// One executor must approve.
    Any,
    /// As many people must approve as the threshold says.
    N,
    /// As many percent of the pool must approve as the threshold says, rounded up to whole people.
    Percent,
    /// The weights of the executors who approve must add up to the threshold.
    Weight,
}

/// How many executors must approve.
#[derive(SimpleObject, Debug, Clone, Copy)]
#[graphql(name = "TaskPolicy")]
pub struct TaskPolicy {
    /// How approvals are counted.
    kind: TaskPolicyKind,
    /// How many people, how many percent or how much weight must approve; absent for ALL and ANY, and for N if it is 1.
    threshold: Option<i32>,
}

/// How many executors must approve.
#[derive(InputObject, Debug, Clone, Copy)]
pub struct TaskPolicyInput {
    /// How approvals are counted.
    kind: TaskPolicyKind,
    /// How many people, how many percent (1 to 100) or how much weight must approve.
    threshold: Option<i32>,
}

impl From<PolicyRule> for TaskPolicy {
    fn from(rule: PolicyRule) -> Self {
        Self { kind: rule.policy.into(), threshold: rule.threshold }
    }
}

impl From<TaskPolicyInput> for PolicyRule {
    fn from(input: TaskPolicyInput) -> Self {
        Self { policy: input.kind.into(), threshold: input.threshold }
    }
}

/// The policy that is given beside `completionPolicy`. It must be one that clients see as `completionPolicy`.
///
/// # Errors
/// VALIDATION if the two disagree.
pub fn beside(known: CompletionPolicy, policy: Option<TaskPolicyInput>) -> Result<Option<PolicyRule>> {
    let Some(rule) = policy.map(PolicyRule::from) else {
        return Ok(None);
    };
    let read_as = rule.policy.as_known_to_clients();
    if read_as != known {
        let message =
            Message::new("policy-not-n").with("policy", rule.policy.as_str()).with("known", read_as.as_str());
        return Err(Error::validation("policy", message));
    }
    Ok(Some(rule))
}
