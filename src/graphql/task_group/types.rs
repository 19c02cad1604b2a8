//! `TaskGroupGQLType` and its history.

use std::sync::atomic::Ordering;

use async_graphql::{ComplexObject, Context, SimpleObject};
use uuid::Uuid;

use crate::domain::claim::ClaimMode;
use crate::domain::query::{Condition, Value};
use crate::error::Result;
use crate::graphql::completion_policy::{TaskGroupCompletionPolicy, TaskPolicy};
use crate::graphql::escalation::TaskEscalation;
use crate::graphql::protocol::connection::{Connection, asks_for_rows_alone, listed};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::response::shared;
use crate::graphql::record::{LiveRecord, RecordVersion};
use crate::graphql::task::filters::NESTED_TASK;
use crate::graphql::task::types::TaskNode;
use crate::graphql::task_claim::types::TaskClaimMode;
use crate::graphql::task_executor::{NESTED_TASK_EXECUTOR, TaskExecutorNode};
use crate::graphql::task_source::TaskSourceFunction;
use crate::graphql::user::types::{UserNode, users};
use crate::model::history::Historical;
use crate::model::task_executor::TaskExecutor;
use crate::model::task_group::TaskGroup;
use crate::service::context::ListScope;
use crate::service::{task, task_executor};

/// A group of people who decide on tasks together.
#[derive(SimpleObject)]
#[graphql(name = "TaskGroupGQLType", complex)]
pub struct TaskGroupNode {
    #[graphql(flatten)]
    pub record: LiveRecord,
    #[graphql(flatten)]
    fields: TaskGroupFields,
    /// The sources whose new tasks go to this group.
    task_sources: Vec<String>,
    #[graphql(skip)]
    pub group: TaskGroup,
}

/// A task group as it was after a write.
#[derive(SimpleObject)]
#[graphql(name = "TaskGroupHistoryGQLType")]
pub struct TaskGroupHistoryNode {
    #[graphql(flatten)]
    pub record: RecordVersion,
    #[graphql(flatten)]
    fields: TaskGroupFields,
}

/// The fields that groups and their versions have.
#[derive(SimpleObject)]
struct TaskGroupFields {
    code: String,
    completion_policy: TaskGroupCompletionPolicy,
    /// How many must approve under the policy N; absent: 1. It is a percentage or a weight if `policy` says so.
    threshold: Option<i32>,
    /// How many must approve.
    policy: TaskPolicy,
    /// Whether the maker of a task is barred from deciding it; absent: as in the settings.
    forbid_maker: Option<bool>,
    /// Whether people who decided another step of a task are barred from deciding this group's step; absent: as in the
    /// settings.
    distinct_deciders: Option<bool>,
    /// Within how many seconds the group is to decide on a task for which nobody has said when it is due.
    lead_time_seconds: Option<i32>,
    /// What happens to tasks that wait too long.
    escalations: Vec<TaskEscalation>,
    /// What claims mean in the group.
    claim_mode: TaskClaimMode,
    /// How many seconds a claim lasts.
    claim_seconds: i32,
    /// The name of the function that runs when a task that the group decides is COMPLETED or FAILED, unless the task's flow names
    /// one.
    on_completed: Option<String>,
    /// The functions that run instead for tasks of single sources.
    source_functions: Vec<TaskSourceFunction>,
}

impl From<TaskGroup> for TaskGroupNode {
    fn from(group: TaskGroup) -> Self {
        Self {
            record: LiveRecord::new("TaskGroupGQLType", &group.record),
            fields: (&group).into(),
            task_sources: group.task_sources(),
            group,
        }
    }
}

impl From<Historical<TaskGroup>> for TaskGroupHistoryNode {
    fn from(version: Historical<TaskGroup>) -> Self {
        Self {
            fields: (&version.row).into(),
            record: RecordVersion::new("TaskGroupHistoryGQLType", &version.row.record, version.history),
        }
    }
}

impl From<&TaskGroup> for TaskGroupFields {
    fn from(group: &TaskGroup) -> Self {
        Self {
            code: group.code.clone(),
            completion_policy: group.completion_policy.into(),
            threshold: group.threshold,
            policy: group.rule().into(),
            forbid_maker: group.forbid_maker,
            distinct_deciders: group.distinct_deciders,
            lead_time_seconds: group.lead_time_seconds,
            escalations: group.escalation_rules().into_iter().map(Into::into).collect(),
            claim_mode: group.claim_mode.unwrap_or(ClaimMode::None).into(),
            claim_seconds: group.claim_seconds(),
            on_completed: group.on_completed.clone(),
            source_functions: group.source_functions().into_iter().map(Into::into).collect(),
        }
    }
}

#[ComplexObject]
impl TaskGroupNode {
    /// The live executors, for those who may search groups or see all tasks, who sit here too, or whose task this group is asked about at present.
    async fn taskexecutor_set(&self, ctx: &Context<'_>) -> Result<Connection<TaskExecutorNode>> {
        if asks_for_rows_alone(ctx, &[]) {
            let with_people = ctx.look_ahead().field("edges").field("node").field("user").exists();
            let executors = self.executors(ctx, with_people).await?.into_iter().map(TaskExecutorNode::from);
            return Ok(Connection::all(executors, request(ctx)?.services.limits.page_size));
        }
        listed(ctx, &NESTED_TASK_EXECUTOR, Some(self.own()), task_executor::list_of_named_group).await
    }

    /// The group's tasks that one may see.
    async fn task_set(&self, ctx: &Context<'_>) -> Result<Connection<TaskNode>> {
        let list = |services, requester, query| task::list(services, requester, query, ListScope::Nested);
        listed(ctx, &NESTED_TASK, Some(self.own()), list).await
    }

    /// Who sits in it, as far as `taskexecutorSet` shows it.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<Vec<Option<UserNode>>>> {
        let ids = self.executors(ctx, true).await?.into_iter().map(|executor| executor.user_id).collect();
        Ok(Some(users(ctx, ids).await?.into_iter().map(Some).collect()))
    }
}

impl TaskGroupNode {
    /// The condition that a row belongs to the group.
    const fn own(&self) -> Condition {
        Condition::equals("task_group_id", Value::Uuid(self.group.record.id))
    }

    async fn executors(&self, ctx: &Context<'_>, with_people: bool) -> Result<Vec<TaskExecutor>> {
        let executors = &request(ctx)?.executors;
        executors.loader().with_people.fetch_or(with_people, Ordering::Relaxed);
        let executors = executors.load_one(self.group.id).await.map_err(shared)?;
        Ok(executors.unwrap_or_default())
    }
}

/// The group that a visible row names, if it names one.
pub async fn group(ctx: &Context<'_>, id: Option<Uuid>) -> Result<Option<TaskGroupNode>> {
    let Some(id) = id else { return Ok(None) };
    let context = request(ctx)?;
    Ok(context.row(&context.groups, id).await?.map(TaskGroupNode::from))
}
