//! `TaskClaimGQLType`: who works on a task.

use async_graphql::{ComplexObject, Context, Enum};
use uuid::Uuid;

use crate::error::Result;
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::scalars::Moment;
use crate::graphql::task_flow::step::{TaskFlowStepNode, step};
use crate::graphql::user::types::{UserNode, user};
use crate::model::task_claim::TaskClaim;

/// What claims mean in a group.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::claim::ClaimMode")]
pub enum TaskClaimMode {
    /// There are none.
    None,
    /// They show who works on a task, and bind nobody.
    Mark,
    /// While one lasts, the vote of nobody else is taken, but of privileged people.
    Exclusive,
}

shows! {
    /// A claim: somebody works on a task, until a moment.
    #[graphql(name = "TaskClaimGQLType", complex)]
    pub struct TaskClaimNode of claim: TaskClaim {
        /// Its `uuid`.
        uuid: String = claim.id.to_string(),
        /// Since when.
        date_claimed: Moment,
        /// Until when. Then others may take the task.
        date_until: Moment,
        #[graphql(skip)]
        user_id: Uuid,
        #[graphql(skip)]
        assigned_by: Option<Uuid>,
        #[graphql(skip)]
        step_id: Option<Uuid>,
    }
}

#[ComplexObject]
impl TaskClaimNode {
    /// Who works on the task.
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.user_id).await
    }

    /// Who has assigned the task; absent if the holder has taken it.
    async fn assigned_by(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        match self.assigned_by {
            Some(id) => user(ctx, id).await.map(Some),
            None => Ok(None),
        }
    }

    /// The step of the flow; absent for tasks in no flow.
    async fn flow_step(&self, ctx: &Context<'_>) -> Result<Option<TaskFlowStepNode>> {
        step(ctx, self.step_id).await
    }
}
