//! Looking for what tasks can be assigned to.

use async_graphql::{Context, Object};

use crate::domain::text::{MAX_TEXT, check_text};
use crate::error::Result;
use crate::graphql::protocol::context::request;
use crate::graphql::task_assignment_target::types::TaskAssignmentTargetNode;
use crate::service::task_assignment_target;

/// Looking for what tasks can be assigned to.
#[derive(Default)]
pub struct TaskAssignmentTargetQueries;

#[Object]
impl TaskAssignmentTargetQueries {
    /// The flows and groups that a task can be assigned to, flows first, each by code; for those who may assign.
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
        Ok(Some(targets.into_iter().map(TaskAssignmentTargetNode).map(Some).collect()))
    }
}
