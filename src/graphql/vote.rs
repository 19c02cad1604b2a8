//! Votes in GraphQL, where they are called task decisions.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context, Enum, Object};
use uuid::Uuid;

use crate::domain::query::{Condition, ListQuery, Lookup, Value};
use crate::domain::verdict::Verdict;
use crate::error::{Error, Result};
use crate::graphql::protocol::arguments::{
    Argument, Arguments, Given, RANGE, TEXT, Table, absent, boolean, client_mutation_id, join, moment,
    one_of, order_by, paging, read, text, uuid,
};
use crate::graphql::protocol::connection::Connection;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::response::shared;
use crate::graphql::record::LiveRecord;
use crate::graphql::task::types::{TaskNode, TaskStatus};
use crate::graphql::task_flow::step::{TaskFlowStepNode, step};
use crate::graphql::user::types::{UserNode, user};
use crate::model::vote::Vote;
use crate::service::context::ListScope;
use crate::service::vote;

/// The verdict of a vote.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskDecisionDecision {
    /// The task, or the named record, may go ahead.
    Approved,
    /// The named record is rejected.
    Rejected,
    /// The whole task is refused.
    Failed,
}

impl From<Verdict> for TaskDecisionDecision {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Approved | Verdict::Accept => Self::Approved,
            Verdict::Reject => Self::Rejected,
            Verdict::Failed => Self::Failed,
        }
    }
}

shows! {
    /// A vote: one person's verdict on a task, or on one record of it.
    #[graphql(name = "TaskDecisionGQLType", complex)]
    pub struct TaskDecisionNode of vote: Vote {
        #[graphql(flatten)]
        pub record: LiveRecord = LiveRecord::new("TaskDecisionGQLType", &vote.record),
        decision: TaskDecisionDecision = vote.verdict.into(),
        /// The record voted on; absent for a vote on the whole task.
        record_id: Option<String>,
        comment: Option<String>,
        /// How much the vote counted under the policy WEIGHT when it was cast.
        weight: i32,
        /// SHA-256 of the task's `data` as it was voted on: its JSON without white space, keys sorted.
        data_hash: Option<String>,
        /// Whether the task's data has changed since, or the task went to another group. A stale vote no longer counts.
        is_stale: bool,
        #[graphql(skip)]
        task_id: Uuid,
        #[graphql(skip)]
        step_id: Option<Uuid>,
        #[graphql(skip)]
        user_id: Uuid,
    }
}

#[ComplexObject]
impl TaskDecisionNode {
    /// The task voted on.
    async fn task(&self, ctx: &Context<'_>) -> Result<TaskNode> {
        let task = request(ctx)?.tasks.load_one(self.task_id).await.map_err(shared)?;
        task.map(TaskNode::from).ok_or_else(|| Error::internal(format!("there is no task {}", self.task_id)))
    }

    /// The step of the flow at which the vote was cast; absent for tasks in no flow.
    async fn flow_step(&self, ctx: &Context<'_>) -> Result<Option<TaskFlowStepNode>> {
        step(ctx, self.step_id).await
    }

    /// The person who cast the vote.
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.user_id).await
    }
}

/// Reading votes.
#[derive(Default)]
pub struct VoteQueries;

#[Object]
impl VoteQueries {
    /// The votes on the tasks that one may see, without those that their casters have replaced. Stale votes are left out
    /// unless `isStale` is given.
    async fn task_decision(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskDecisionNode>>> {
        let query = read_votes(ctx, &TASK_DECISION)?;
        let context = request(ctx)?;
        let votes = vote::list(&context.services, context.requester()?, query, ListScope::Root).await?;
        Ok(Some(Connection::new(context, votes)))
    }
}

/// Reads the arguments of a list of votes. Stale votes are left out if the arguments do not say otherwise, because the front
/// end does not offer voting to a person who has a vote in such a list.
///
/// # Errors
/// VALIDATION, naming the argument.
pub fn read_votes(ctx: &Context<'_>, table: &Arguments) -> Result<ListQuery> {
    let mut query = read(ctx, table)?;
    if !query.conditions.iter().any(|condition| condition.names_any(&["is_stale"])) {
        query.conditions.push(Condition::equals("is_stale", Value::Bool(false)));
    }
    Ok(query)
}

/// `Query.taskDecision`
pub static TASK_DECISION: Table =
    LazyLock::new(|| join([order_by(), client_mutation_id(), paging(), fields()]));

/// Lists of votes inside a task.
pub static NESTED_TASK_DECISION: Table = LazyLock::new(|| join([order_by(), paging(), fields()]));

fn fields() -> Arguments {
    join([
        uuid("id", "ID", "id", "TaskDecisionGQLType"),
        vec![
            Argument::own("decision", "TaskDecisionDecision", decision),
            Argument::own("decision_Iexact", "TaskDecisionDecision", decision),
        ],
        text("recordId", "String", "record_id", &[Lookup::Exact]),
        absent("recordId", "record_id"),
        moment("dateCreated", "date_created", RANGE),
        boolean("isDeleted", "is_deleted"),
        uuid("taskId", "ID", "task_id", "TaskGQLType"),
        uuid("task_Id", "ID", "task_id", "TaskGQLType"),
        text("task_Source", "String", "task__source", TEXT),
        one_of::<TaskStatus>("task_Status", "task__status", TEXT),
        uuid("stepId", "ID", "step_id", "TaskFlowStepGQLType"),
        uuid("userId", "ID", "user_id", "UserGQLType"),
        boolean("isStale", "is_stale"),
    ])
}

/// The filter by `decision`, which shows verdicts on tasks and on records alike.
fn decision(given: &Given<'_>) -> Result<Option<Condition>> {
    let asked = given.one_of::<TaskDecisionDecision>()?.value;
    let verdicts = Verdict::ALL.iter().filter(|verdict| TaskDecisionDecision::from(**verdict) == asked);
    let values = verdicts.map(|verdict| Value::Text(verdict.as_str().to_owned())).collect();
    Ok(Some(Condition::OneOf { field: "decision", values }))
}
