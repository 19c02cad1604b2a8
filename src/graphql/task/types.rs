//! `TaskGQLType` and `TaskHistoryGQLType`.

use async_graphql::{ComplexObject, Context, SimpleObject};

use crate::domain::query::{Condition, Value};
use crate::domain::vote::DataHash;
use crate::error::{Error, Result};
use crate::graphql::function_run::task_run::{NESTED_TASK_RUN, TaskRunNode};
use crate::graphql::protocol::connection::{Connection, asks_for_rows_alone, listed};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::enums::enum_named;
use crate::graphql::protocol::registered::Registered;
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::scalars::{JsonString, Moment};
use crate::graphql::record::{LiveRecord, RecordVersion};
use crate::graphql::task::action::TaskAction;
use crate::graphql::task::progress::TaskProgress;
use crate::graphql::task_claim::types::TaskClaimNode;
use crate::graphql::task_comment::{NESTED_TASK_COMMENT, TaskCommentNode};
use crate::graphql::task_flow::step::{TaskFlowStepNode, step};
use crate::graphql::task_flow::types::{TaskFlowNode, flow};
use crate::graphql::task_group::types::{TaskGroupNode, group};
use crate::graphql::vote::{NESTED_TASK_DECISION, TaskDecisionNode, read_votes};
use crate::model::history::Historical;
use crate::model::task::Task;
use crate::service::context::ListScope;
use crate::service::progress::Progress;
use crate::service::{function_run, task_comment, vote};

enum_named! {
    /// The status of a task.
    TaskStatus, HistoricalTaskStatus = "crate::domain::task::TaskStatus" {
        /// Created; no group decides on it yet.
        Received,
        /// A group decides on it.
        Accepted,
        /// Approved.
        Completed,
        /// Rejected.
        Failed,
    }
}

/// A task: somebody's proposal that waits for a decision, or is decided.
#[derive(SimpleObject)]
#[graphql(name = "TaskGQLType", complex)]
pub struct TaskNode {
    #[graphql(flatten)]
    pub record: LiveRecord,
    #[graphql(flatten)]
    fields: TaskFields,
    status: TaskStatus,
}

/// A task as it was after a write.
#[derive(SimpleObject)]
#[graphql(name = "TaskHistoryGQLType", complex)]
pub struct TaskHistoryNode {
    #[graphql(flatten)]
    pub record: RecordVersion,
    #[graphql(flatten)]
    fields: TaskFields,
    status: HistoricalTaskStatus,
}

shows! {
    /// The fields that tasks and their versions have.
    #[graphql(complex)]
    struct TaskFields keeps task: Task {
        source: Option<String>,
        entity_id: Option<String>,
        /// The display text of the entity that the task is about.
        entity_string: Option<String>,
        executor_action_event: Option<String>,
        business_event: Option<String>,
        business_data_serializer: Option<String>,
        /// How urgent the task is, from 0 to 100.
        priority: i32,
        /// When the task is due.
        due_date: Option<Moment>,
        /// When to look at the task again.
        follow_up_date: Option<Moment>,
        /// Since when the present group, or the present steps, are asked.
        date_opened: Option<Moment>,
    }
}

impl From<Task> for TaskNode {
    fn from(task: Task) -> Self {
        Self {
            record: LiveRecord::new("TaskGQLType", &task.record),
            status: task.status.into(),
            fields: task.into(),
        }
    }
}

impl From<Historical<Task>> for TaskHistoryNode {
    fn from(version: Historical<Task>) -> Self {
        let Historical { row, history } = version;
        Self {
            record: RecordVersion::new("TaskHistoryGQLType", &row.record, history),
            status: row.status.into(),
            fields: row.into(),
        }
    }
}

#[ComplexObject]
impl TaskFields {
    /// The votes in readable form, by user id.
    async fn business_status(&self) -> JsonString {
        JsonString::from(self.task.business_status.clone())
    }

    /// The proposal itself.
    async fn data(&self) -> JsonString {
        JsonString::from(self.task.data.clone())
    }

    /// SHA-256 of `data` in hex: of its JSON without white space, keys sorted. A vote counts only on the data on which it was
    /// cast; whoever votes can say by `expectedDataHash` which data that is to be.
    async fn data_hash(&self) -> String {
        DataHash::of(&self.task.data).as_str().to_owned()
    }

    /// `data` in the form in which the host's serializer shows it.
    async fn business_data(&self, ctx: &Context<'_>) -> Result<Option<JsonString>> {
        Ok(Some(JsonString::from(request(ctx)?.services.host.business_data(&self.task))))
    }

    /// The version of the flow through which the task goes.
    async fn flow(&self, ctx: &Context<'_>) -> Result<Option<Registered<TaskFlowNode>>> {
        Ok(flow(ctx, self.task.flow_id).await?.map(Registered))
    }

    /// The present step of the task in its flow; the first one, if several are asked; the last one, once the task is
    /// decided.
    async fn current_step(&self, ctx: &Context<'_>) -> Result<Option<Registered<TaskFlowStepNode>>> {
        Ok(step(ctx, self.task.current_step_id).await?.map(Registered))
    }
}

#[ComplexObject]
impl TaskNode {
    /// The group that decides.
    async fn task_group(&self, ctx: &Context<'_>) -> Result<Option<TaskGroupNode>> {
        // A decided task keeps the key of its group, which may be deleted later.
        let group = group(ctx, self.task().task_group_id).await?;
        Ok(group.filter(|group| !group.group.is_deleted))
    }

    /// The host's present name of the entity; null if the entity no longer exists, or if the host does not know its kind.
    async fn entity_display(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let (Some(content_type), Some(id)) = (self.task().entity_type_id, &self.task().entity_id) else {
            return Ok(None);
        };
        request(ctx)?.entities.load_one((content_type, id.clone())).await.map_err(shared)
    }

    /// The groups that are asked at present; the first is `taskGroup`.
    async fn active_groups(&self, ctx: &Context<'_>) -> Result<Vec<TaskGroupNode>> {
        let progress = self.progress_of(ctx).await?;
        Ok(progress.pools.iter().map(|pool| pool.group().clone().into()).collect())
    }

    /// Why the task is waiting, and for whom.
    async fn progress(&self, ctx: &Context<'_>) -> Result<TaskProgress> {
        self.progress_of(ctx).await.map(TaskProgress::from)
    }

    /// The records that somebody rejected at any step.
    async fn rejected_record_ids(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        Ok(self.progress_of(ctx).await?.rejected_record_ids)
    }

    /// How many votes count, because they are neither replaced by their casters nor stale.
    async fn decision_count(&self, ctx: &Context<'_>) -> Result<Option<usize>> {
        Ok(Some(self.progress_of(ctx).await?.votes.iter().filter(|vote| !vote.is_stale).count()))
    }

    /// What the caller can do with the task at present. An action is listed exactly when its mutation would not be refused for
    /// rights, state, pool, claim or four eyes.
    async fn allowed_actions(&self, ctx: &Context<'_>) -> Result<Vec<TaskAction>> {
        let actions = request(ctx)?.actions.load_one(self.task().id).await.map_err(shared)?;
        Ok(actions.into_iter().flatten().map(TaskAction::from).collect())
    }

    /// Who works on the task at present.
    async fn claims(&self, ctx: &Context<'_>) -> Result<Vec<TaskClaimNode>> {
        let claims = request(ctx)?.claims.load_one(self.task().id).await.map_err(shared)?;
        Ok(claims.into_iter().flatten().map(TaskClaimNode::from).collect())
    }

    /// The caller's own votes on the task that count, the oldest first.
    async fn my_decisions(&self, ctx: &Context<'_>) -> Result<Vec<TaskDecisionNode>> {
        let votes = request(ctx)?.own_votes.load_one(self.task().id).await.map_err(shared)?;
        let hash = DataHash::of(&self.task().data);
        let counting = votes.into_iter().flatten().filter(|vote| vote.counts_for(&hash));
        Ok(counting.map(TaskDecisionNode::from).collect())
    }

    /// The discussion of the task, in the order in which the comments were made.
    async fn comments(&self, ctx: &Context<'_>) -> Result<Connection<TaskCommentNode>> {
        let context = request(ctx)?;
        if asks_for_rows_alone(ctx, &[]) {
            let comments = context.comments.load_one(self.task().id).await.map_err(shared)?;
            let comments = comments.into_iter().flatten().map(TaskCommentNode::from);
            return Ok(Connection::all(comments, context.services.limits.page_size));
        }
        let own = Condition::equals("task_id", Value::Uuid(self.task().id));
        let list =
            |services, requester, query| task_comment::list(services, requester, query, ListScope::Nested);
        listed(ctx, &NESTED_TASK_COMMENT, Some(own), list).await
    }

    /// The runs that carry out what was decided on the task, the oldest first. They are kept for a time after their end.
    async fn runs(&self, ctx: &Context<'_>) -> Result<Connection<TaskRunNode>> {
        let context = request(ctx)?;
        if asks_for_rows_alone(ctx, &[]) {
            let runs = context.runs_of_tasks.load_one(self.task().id).await.map_err(shared)?;
            let runs = runs.into_iter().flatten().map(TaskRunNode::from);
            return Ok(Connection::all(runs, context.services.limits.page_size));
        }
        let own = Condition::equals("task_id", Value::Uuid(self.task().id));
        listed(ctx, &NESTED_TASK_RUN, Some(own), function_run::list_of_tasks).await
    }

    /// The votes in the order in which they were cast, without those that their casters have replaced. Stale votes are left
    /// out unless `isStale` is given.
    async fn decisions(&self, ctx: &Context<'_>) -> Result<Connection<TaskDecisionNode>> {
        let context = request(ctx)?;
        let mut query = read_votes(ctx, &NESTED_TASK_DECISION)?;
        if asks_for_rows_alone(ctx, &["isStale"]) {
            let is_stale = query.conditions.contains(&Condition::equals("is_stale", Value::Bool(true)));
            let votes = self.progress_of(ctx).await?.votes.into_iter();
            let votes = votes.filter(|vote| vote.is_stale == is_stale).map(TaskDecisionNode::from);
            return Ok(Connection::all(votes, context.services.limits.page_size));
        }
        query.conditions.push(Condition::equals("task_id", Value::Uuid(self.task().id)));
        let votes = vote::list(&context.services, context.requester()?, query, ListScope::Nested).await?;
        Ok(Connection::new(context, votes))
    }
}

impl TaskNode {
    const fn task(&self) -> &Task {
        &self.fields.task
    }

    /// The progress of the task.
    async fn progress_of(&self, ctx: &Context<'_>) -> Result<Progress> {
        let id = self.task().id;
        let progress = request(ctx)?.progress.load_one(id).await.map_err(shared)?;
        progress.ok_or_else(|| Error::internal(format!("no progress of task {id}")))
    }
}

#[ComplexObject]
impl TaskHistoryNode {
    /// The group that decided, which may be deleted since.
    async fn task_group(&self, ctx: &Context<'_>) -> Result<Option<TaskGroupNode>> {
        group(ctx, self.fields.task.task_group_id).await
    }
}
