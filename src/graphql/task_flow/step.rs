//! `TaskFlowStepGQLType`

use async_graphql::{ComplexObject, Context};
use uuid::Uuid;

use crate::domain::completion_policy::PolicyRule;
use crate::error::{Error, Result};
use crate::graphql::completion_policy::{TaskGroupCompletionPolicy, TaskPolicy};
use crate::graphql::escalation::TaskEscalation;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::scalars::Moment;
use crate::graphql::record::LiveRecord;
use crate::graphql::task_flow::types::{TaskFlowNode, flow};
use crate::graphql::task_group::types::{TaskGroupNode, group};
use crate::model::task_flow_step::TaskFlowStep;

shows! {
    /// A step of a flow: a group that is asked, and how many of its executors must agree.
    #[graphql(name = "TaskFlowStepGQLType", complex)]
    pub struct TaskFlowStepNode keeps step: TaskFlowStep {
        #[graphql(flatten)]
        pub record: LiveRecord = LiveRecord::new("TaskFlowStepGQLType", &step.record),
        /// The step's position, from 1. Steps with one order are asked at the same time, and all of them must pass.
        order: i32 = step.step_order,
        /// The step's own policy; absent: that of the group.
        completion_policy: Option<TaskGroupCompletionPolicy> = step.completion_policy.map(TaskGroupCompletionPolicy::from),
        /// The step's own threshold.
        threshold: Option<i32>,
        /// Whether the maker of a task is barred from deciding this step; absent: as in the group.
        forbid_maker: Option<bool>,
        /// Whether people who decided another step are barred from deciding this one; absent: as in the group.
        distinct_deciders: Option<bool>,
        /// Within how many seconds the step is to pass; absent: as in the group.
        lead_time_seconds: Option<i32>,
        /// What happens to tasks that wait too long at the step; absent: as in the group.
        escalations: Option<Vec<TaskEscalation>> = step.escalation_rules().map(|rules| rules.into_iter().map(Into::into).collect()),
        /// Always null: a version that supersedes the flow has steps of its own.
        replacement_uuid: Option<String> = None,
    }
}

#[ComplexObject]
impl TaskFlowStepNode {
    /// The version of the flow to which the step belongs.
    async fn flow(&self, ctx: &Context<'_>) -> Result<TaskFlowNode> {
        self.of_flow(ctx).await
    }

    /// Since when new tasks get this version of the flow.
    async fn date_valid_from(&self, ctx: &Context<'_>) -> Result<Moment> {
        Ok(self.of_flow(ctx).await?.fields.date_valid_from)
    }

    /// Until when new tasks got this version of the flow.
    async fn date_valid_to(&self, ctx: &Context<'_>) -> Result<Option<Moment>> {
        Ok(self.of_flow(ctx).await?.fields.date_valid_to)
    }

    /// The group that is asked.
    async fn task_group(&self, ctx: &Context<'_>) -> Result<TaskGroupNode> {
        self.asked(ctx).await
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
}

impl TaskFlowStepNode {
    async fn of_flow(&self, ctx: &Context<'_>) -> Result<TaskFlowNode> {
        let flow = flow(ctx, Some(self.step.task_flow_id)).await?;
        flow.ok_or_else(|| Error::internal(format!("step {} is of no flow", self.step.id)))
    }

    async fn asked(&self, ctx: &Context<'_>) -> Result<TaskGroupNode> {
        let group = group(ctx, Some(self.step.task_group_id)).await?;
        group.ok_or_else(|| Error::internal(format!("step {} has no group", self.step.id)))
    }

    async fn rule(&self, ctx: &Context<'_>) -> Result<PolicyRule> {
        Ok(self.step.rule(&self.asked(ctx).await?.group))
    }
}

/// The step that a visible row names, if it names one.
pub async fn step(ctx: &Context<'_>, id: Option<Uuid>) -> Result<Option<TaskFlowStepNode>> {
    let Some(id) = id else { return Ok(None) };
    let context = request(ctx)?;
    Ok(context.row(&context.flow_steps, id).await?.map(TaskFlowStepNode::from))
}
