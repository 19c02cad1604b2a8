//! Reading votes.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::protocol::arguments::read;
use crate::graphql::protocol::connection::Connection;
use crate::graphql::protocol::context::request;
use crate::graphql::vote::filters::TASK_DECISION;
use crate::graphql::vote::types::TaskDecisionNode;
use crate::service::context::ListScope;
use crate::service::vote;

/// Reading votes.
#[derive(Default)]
pub struct VoteQueries;

#[Object]
impl VoteQueries {
    /// The votes on the tasks that one sees, but for those that their casters have replaced.
    async fn task_decision(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskDecisionNode>>> {
        let query = read(ctx, &TASK_DECISION)?;
        let context = request(ctx)?;
        let votes = vote::list(&context.services, context.requester()?, query, ListScope::Root).await?;
        Ok(Some(Connection::new(votes, TaskDecisionNode)))
    }
}
