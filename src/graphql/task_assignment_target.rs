//! The flows and groups to which tasks can be assigned, in GraphQL.

use async_graphql::{Context, Enum, Object, SimpleObject};

use crate::domain::text::{MAX_TEXT, check_text};
use crate::error::Result;
use crate::graphql::completion_policy::{TaskGroupCompletionPolicy, TaskPolicy};
use crate::graphql::protocol::context::request;
use crate::service::task_assignment_target::{self, TargetKind, TaskAssignmentTarget};

/// The kind of a target.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskAssignmentTargetKind {
    /// A flow, to be given as `flowId`.
    Flow,
    /// A group, to be given as `taskGroupId`.
    Group,
}

/// A flow or a group to which a task can be assigned.
#[derive(SimpleObject)]
#[graphql(name = "TaskAssignmentTargetGQLType")]
pub struct TaskAssignmentTargetNode {
    kind: TaskAssignmentTargetKind,
    uuid: String,
    code: Option<String>,
    /// The name for people; a group's is its code.
    name: Option<String>,
    /// How many steps a flow has.
    step_count: Option<usize>,
    /// How a group counts approvals, as clients of openIMIS know it.
    completion_policy: Option<TaskGroupCompletionPolicy>,
    threshold: Option<i32>,
    /// How a group counts approvals.
    policy: Option<TaskPolicy>,
    /// How many different people are executors of the group, or of the flow's groups.
    member_count: Option<usize>,
}

impl From<TaskAssignmentTarget> for TaskAssignmentTargetNode {
    fn from(target: TaskAssignmentTarget) -> Self {
        let (kind, step_count, rule) = match target.kind {
            TargetKind::Flow(steps) => (TaskAssignmentTargetKind::Flow, Some(steps), None),
            TargetKind::Group(rule) => (TaskAssignmentTargetKind::Group, None, Some(rule)),
        };
        Self {
            kind,
            uuid: target.id.to_string(),
            code: Some(target.code),
            name: target.name,
            step_count,
            completion_policy: rule.map(|rule| rule.policy.into()),
            threshold: rule.and_then(|rule| rule.threshold),
            policy: rule.map(TaskPolicy::from),
            member_count: Some(target.member_count),
        }
    }
}

/// Searching the flows and groups to which tasks can be assigned.
#[derive(Default)]
pub struct TaskAssignmentTargetQueries;

#[Object]
impl TaskAssignmentTargetQueries {
    /// The flows and groups to which a task can be assigned, flows first, each by code. Only for people who may assign.
    async fn task_assignment_targets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In the code or the name.")] search: Option<String>,
        #[graphql(desc = "At most so many.")] first: Option<i32>,
    ) -> Result<Option<Vec<Option<TaskAssignmentTargetNode>>>> {
        let context = request(ctx)?;
        let search = search.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if let Some(text) = &search {
            check_text("search", text, MAX_TEXT)?;
        }
        let targets = task_assignment_target::list(
            &context.services,
            context.requester()?,
            search,
            first.map(i64::from),
        )
        .await?;
        Ok(Some(targets.into_iter().map(|target| Some(target.into())).collect()))
    }
}
