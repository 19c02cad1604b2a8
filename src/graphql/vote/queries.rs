//! Reading votes.

use async_graphql::{Context, Object};

use super::super::arguments::read;
use super::super::connection::Connection;
use super::super::context::request;
use super::filters::TASK_DECISION;
use super::types::TaskDecisionNode;
use crate::error::Result;
use crate::service::core::Place;
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
        let votes = vote::list(&context.core, context.requester()?, query, Place::Root).await?;
        Ok(Some(Connection::new(votes, TaskDecisionNode)))
    }
}
