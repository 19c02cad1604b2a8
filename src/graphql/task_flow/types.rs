//! `TaskFlowGQLType` and its history.

use async_graphql::{ComplexObject, Context, SimpleObject};
use uuid::Uuid;

use crate::error::Result;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::scalars::Moment;
use crate::graphql::record::{LiveRecord, RecordVersion};
use crate::graphql::task_flow::step::TaskFlowStepNode;
use crate::graphql::task_source::TaskSourceFunction;
use crate::model::history::Historical;
use crate::model::task_flow::TaskFlow;
use crate::model::task_flow_step::TaskFlowStep;

/// A version of an approval flow. Tasks under way keep the version with which they began. A version that replaces another
/// continues the count of that one's `version`.
#[derive(SimpleObject)]
#[graphql(name = "TaskFlowGQLType", complex)]
pub struct TaskFlowNode {
    #[graphql(flatten)]
    pub record: LiveRecord,
    #[graphql(flatten)]
    pub fields: TaskFlowFields,
    /// The key of the flow's first version, which is the same in all its versions.
    lineage_id: String,
    #[graphql(skip)]
    key: Uuid,
}

/// A version of a flow as it was after a write.
#[derive(SimpleObject)]
#[graphql(name = "TaskFlowHistoryGQLType")]
pub struct TaskFlowHistoryNode {
    #[graphql(flatten)]
    pub record: RecordVersion,
    #[graphql(flatten)]
    fields: TaskFlowFields,
}

shows! {
    /// The fields that flows and their versions in history have.
    pub struct TaskFlowFields of flow: TaskFlow {
        /// The sources whose new tasks go to this flow.
        task_sources: Option<Vec<Option<String>>> = Some(flow.task_sources().into_iter().map(Some).collect()),
        /// The functions that run instead for tasks of single sources, while these are bound to it.
        source_functions: Vec<TaskSourceFunction> =
            flow.source_functions().into_iter().map(Into::into).collect(),
        code: String,
        name: Option<String>,
        /// The version that superseded this one; absent in the one that new tasks get.
        replacement_uuid: Option<String>,
        pub date_valid_from: Moment,
        /// Until when new tasks got this version.
        pub date_valid_to: Option<Moment>,
        /// The name of the function that runs when a task in this version is COMPLETED or FAILED.
        on_completed: Option<String>,
    }
}

impl From<TaskFlow> for TaskFlowNode {
    fn from(flow: TaskFlow) -> Self {
        Self {
            record: LiveRecord::new("TaskFlowGQLType", &flow.record),
            lineage_id: flow.lineage_id.to_string(),
            key: flow.id,
            fields: flow.into(),
        }
    }
}

impl From<Historical<TaskFlow>> for TaskFlowHistoryNode {
    fn from(version: Historical<TaskFlow>) -> Self {
        Self {
            record: RecordVersion::new("TaskFlowHistoryGQLType", &version.row.record, version.history),
            fields: version.row.into(),
        }
    }
}

#[ComplexObject]
impl TaskFlowNode {
    /// The steps, in their order.
    async fn steps(&self, ctx: &Context<'_>) -> Result<Option<Vec<Option<TaskFlowStepNode>>>> {
        Ok(Some(self.rows(ctx).await?.into_iter().map(|step| Some(step.into())).collect()))
    }

    async fn step_count(&self, ctx: &Context<'_>) -> Result<Option<usize>> {
        Ok(Some(self.rows(ctx).await?.len()))
    }

    /// How many open tasks are in this version.
    async fn in_flight_count(&self, ctx: &Context<'_>) -> Result<Option<i64>> {
        Ok(Some(request(ctx)?.in_flight.load_one(self.key).await.map_err(shared)?.unwrap_or_default()))
    }
}

impl TaskFlowNode {
    async fn rows(&self, ctx: &Context<'_>) -> Result<Vec<TaskFlowStep>> {
        Ok(request(ctx)?.steps_of_flows.load_one(self.key).await.map_err(shared)?.unwrap_or_default())
    }
}

/// The flow that a visible row names, if it names one.
pub async fn flow(ctx: &Context<'_>, id: Option<Uuid>) -> Result<Option<TaskFlowNode>> {
    let Some(id) = id else { return Ok(None) };
    let context = request(ctx)?;
    Ok(context.row(&context.flows, id).await?.map(TaskFlowNode::from))
}
