//! `TaskFlowGQLType` and its history.

use async_graphql::{Context, ID, Object};
use uuid::Uuid;

use crate::error::Result;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::scalars::{JsonString, Moment, global_id};
use crate::graphql::task::types::HistoricalTaskHistoryType;
use crate::graphql::task_flow::step::TaskFlowStepNode;
use crate::graphql::user::types::{UserNode, user};
use crate::model::history::Historical;
use crate::model::task_flow::TaskFlow;
use crate::model::task_flow_step::TaskFlowStep;

/// A version of an approval flow. Tasks under way keep the version with which they began.
pub struct TaskFlowNode(pub TaskFlow);

#[Object(name = "TaskFlowGQLType")]
impl TaskFlowNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("TaskFlowGQLType", self.0.id)
    }

    async fn uuid(&self) -> Option<String> {
        Some(self.0.id.to_string())
    }

    async fn is_deleted(&self) -> bool {
        self.0.is_deleted
    }

    /// Holds the bound task sources under `task_sources`.
    async fn json_ext(&self) -> Option<JsonString> {
        self.0.json_ext.clone().map(JsonString::from)
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

    /// Counts the writes; a version that replaces another counts on from it.
    async fn version(&self) -> i32 {
        self.0.version
    }

    async fn code(&self) -> &str {
        &self.0.code
    }

    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The version that superseded this one; absent in the one that new tasks get.
    async fn replacement_uuid(&self) -> Option<String> {
        self.0.replacement_uuid.map(|id| id.to_string())
    }

    async fn date_valid_from(&self) -> Moment {
        Moment(self.0.date_valid_from)
    }

    /// Until when new tasks got this version.
    async fn date_valid_to(&self) -> Option<Moment> {
        self.0.date_valid_to.map(Moment)
    }

    /// The key of the flow's first version, which all its versions share.
    async fn lineage_id(&self) -> String {
        self.0.lineage_id.to_string()
    }

    /// The steps, in their order.
    async fn steps(&self, ctx: &Context<'_>) -> Result<Option<Vec<Option<TaskFlowStepNode>>>> {
        Ok(Some(steps(ctx, self.0.id).await?.into_iter().map(TaskFlowStepNode).map(Some).collect()))
    }

    async fn step_count(&self, ctx: &Context<'_>) -> Result<Option<usize>> {
        Ok(Some(steps(ctx, self.0.id).await?.len()))
    }

    /// How many open tasks are in this version.
    async fn in_flight_count(&self, ctx: &Context<'_>) -> Result<Option<i64>> {
        Ok(Some(request(ctx)?.in_flight.load_one(self.0.id).await.map_err(shared)?.unwrap_or_default()))
    }

    /// The sources whose new tasks come to this flow.
    async fn task_sources(&self) -> Option<Vec<Option<String>>> {
        Some(self.0.task_sources().into_iter().map(Some).collect())
    }
}

/// A version of a flow as it was after a write.
pub struct TaskFlowHistoryNode(pub Historical<TaskFlow>);

#[Object(name = "TaskFlowHistoryGQLType")]
impl TaskFlowHistoryNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("TaskFlowHistoryGQLType", self.0.history_id)
    }

    async fn uuid(&self) -> Option<String> {
        Some(self.0.row.id.to_string())
    }

    async fn is_deleted(&self) -> bool {
        self.0.row.is_deleted
    }

    async fn json_ext(&self) -> Option<JsonString> {
        self.0.row.json_ext.clone().map(JsonString::from)
    }

    async fn date_created(&self) -> Option<Moment> {
        Some(Moment(self.0.row.date_created))
    }

    async fn date_updated(&self) -> Option<Moment> {
        Some(Moment(self.0.row.date_updated))
    }

    async fn user_created(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user(ctx, self.0.row.user_created).await.map(Some)
    }

    async fn user_updated(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user(ctx, self.0.row.user_updated).await.map(Some)
    }

    async fn version(&self) -> i32 {
        self.0.row.version
    }

    async fn code(&self) -> &str {
        &self.0.row.code
    }

    async fn name(&self) -> Option<&str> {
        self.0.row.name.as_deref()
    }

    async fn replacement_uuid(&self) -> Option<String> {
        self.0.row.replacement_uuid.map(|id| id.to_string())
    }

    async fn date_valid_from(&self) -> Moment {
        Moment(self.0.row.date_valid_from)
    }

    async fn date_valid_to(&self) -> Option<Moment> {
        self.0.row.date_valid_to.map(Moment)
    }

    async fn task_sources(&self) -> Option<Vec<Option<String>>> {
        Some(self.0.row.task_sources().into_iter().map(Some).collect())
    }

    async fn history_id(&self) -> ID {
        ID(self.0.history_id.to_string())
    }

    async fn history_date(&self) -> Moment {
        Moment(self.0.history_date)
    }

    async fn history_change_reason(&self) -> Option<&str> {
        self.0.history_change_reason.as_deref()
    }

    async fn history_type(&self) -> HistoricalTaskHistoryType {
        self.0.history_type.into()
    }

    async fn history_user(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        match self.0.history_user {
            Some(id) => user(ctx, id).await.map(Some),
            None => Ok(None),
        }
    }
}

/// The flow of a row that the requester sees.
pub async fn flow(ctx: &Context<'_>, id: Option<Uuid>) -> Result<Option<TaskFlowNode>> {
    let Some(id) = id else { return Ok(None) };
    Ok(request(ctx)?.flows.load_one(id).await.map_err(shared)?.map(TaskFlowNode))
}

async fn steps(ctx: &Context<'_>, flow_id: Uuid) -> Result<Vec<TaskFlowStep>> {
    Ok(request(ctx)?.steps_of_flows.load_one(flow_id).await.map_err(shared)?.unwrap_or_default())
}
