//! `TaskFlowStepGQLType`

use async_graphql::{Context, ID, Object};
use uuid::Uuid;

use crate::domain::completion_policy::PolicyRule;
use crate::error::{Error, Result};
use crate::graphql::completion_policy::TaskPolicy;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::scalars::{JsonString, Moment, global_id};
use crate::graphql::task_flow::types::{TaskFlowNode, flow};
use crate::graphql::task_group::types::{TaskGroupCompletionPolicy, TaskGroupNode, of_visible_row};
use crate::graphql::user::types::{UserNode, user};
use crate::model::task_flow_step::TaskFlowStep;

/// A step of a flow: a group that is asked, and how many of it must agree.
pub struct TaskFlowStepNode(pub TaskFlowStep);

#[Object(name = "TaskFlowStepGQLType")]
impl TaskFlowStepNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("TaskFlowStepGQLType", self.0.id)
    }

    async fn uuid(&self) -> Option<String> {
        Some(self.0.id.to_string())
    }

    async fn is_deleted(&self) -> bool {
        self.0.is_deleted
    }

    async fn json_ext(&self) -> Option<JsonString> {
        self.0.json_ext.clone().map(JsonString)
    }

    async fn date_created(&self) -> Option<Moment> {
        Some(Moment(self.0.date_created))
    }

    async fn date_updated(&self) -> Option<Moment> {
        Some(Moment(self.0.date_updated))
    }

    async fn user_created(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.0.user_created).await
    }

    async fn user_updated(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.0.user_updated).await
    }

    async fn version(&self) -> i32 {
        self.0.version
    }

    /// Always null: a version that supersedes the flow has steps of its own.
    async fn replacement_uuid(&self) -> Option<String> {
        None
    }

    /// Since when new tasks get this version of the flow.
    async fn date_valid_from(&self, ctx: &Context<'_>) -> Result<Moment> {
        Ok(Moment(self.of_flow(ctx).await?.0.date_valid_from))
    }

    /// Until when they did.
    async fn date_valid_to(&self, ctx: &Context<'_>) -> Result<Option<Moment>> {
        Ok(self.of_flow(ctx).await?.0.date_valid_to.map(Moment))
    }

    /// The version of the flow whose step it is.
    async fn flow(&self, ctx: &Context<'_>) -> Result<TaskFlowNode> {
        self.of_flow(ctx).await
    }

    /// When it comes, from 1; steps of one order are asked at the same time, and all of them must pass.
    async fn order(&self) -> i32 {
        self.0.step_order
    }

    /// Who is asked.
    async fn task_group(&self, ctx: &Context<'_>) -> Result<TaskGroupNode> {
        self.group(ctx).await
    }

    /// The step's own policy; absent: as the group counts.
    async fn completion_policy(&self) -> Option<TaskGroupCompletionPolicy> {
        self.0.completion_policy.map(|policy| policy.as_known_to_clients().into())
    }

    /// The step's own threshold.
    async fn threshold(&self) -> Option<i32> {
        self.0.threshold
    }

    /// The policy in force, the step's own or the group's, as clients of openIMIS know it.
    async fn effective_policy(&self, ctx: &Context<'_>) -> Result<Option<&'static str>> {
        Ok(Some(self.rule(ctx).await?.policy.as_known_to_clients().as_str()))
    }

    /// The threshold in force.
    async fn effective_threshold(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        Ok(self.rule(ctx).await?.threshold)
    }

    /// The policy in force with its threshold.
    async fn policy(&self, ctx: &Context<'_>) -> Result<TaskPolicy> {
        Ok(self.rule(ctx).await?.into())
    }

    /// Whether the maker of a task may not decide it; absent: as the group says.
    async fn forbid_maker(&self) -> Option<bool> {
        self.0.forbid_maker
    }

    /// Whether who decided another step may not decide this one; absent: as the group says.
    async fn distinct_deciders(&self) -> Option<bool> {
        self.0.distinct_deciders
    }
}

impl TaskFlowStepNode {
    async fn of_flow(&self, ctx: &Context<'_>) -> Result<TaskFlowNode> {
        let flow = flow(ctx, Some(self.0.task_flow_id)).await?;
        flow.ok_or_else(|| Error::internal(format!("step {} is of no flow", self.0.id)))
    }

    async fn group(&self, ctx: &Context<'_>) -> Result<TaskGroupNode> {
        let group = of_visible_row(ctx, self.0.task_group_id).await?;
        group.ok_or_else(|| Error::internal(format!("step {} has no group", self.0.id)))
    }

    async fn rule(&self, ctx: &Context<'_>) -> Result<PolicyRule> {
        Ok(self.0.rule(&self.group(ctx).await?.0))
    }
}

/// The step of a row that the requester sees.
pub async fn step(ctx: &Context<'_>, id: Option<Uuid>) -> Result<Option<TaskFlowStepNode>> {
    let Some(id) = id else { return Ok(None) };
    Ok(request(ctx)?.flow_steps.load_one(id).await.map_err(shared)?.map(TaskFlowStepNode))
}
