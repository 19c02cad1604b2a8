//! Reading votes.

use async_graphql::{Context, Object};

use crate::domain::query::{Condition, ListQuery, Value};
use crate::error::Result;
use crate::graphql::protocol::arguments::{Arguments, read};
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
    /// The votes on the tasks that one sees, but for those that their casters have replaced. Stale ones are left out unless
    /// `isStale` is given.
    async fn task_decision(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskDecisionNode>>> {
        let query = read_votes(ctx, &TASK_DECISION)?;
        let context = request(ctx)?;
        let votes = vote::list(&context.services, context.requester()?, query, ListScope::Root).await?;
        Ok(Some(Connection::new(votes, TaskDecisionNode)))
    }
}

/// What a list of votes is asked for: those that are not stale, where it does not say. The front end offers no vote to
/// whoever has one in such a list.
///
/// # Errors
/// VALIDATION naming the argument.
pub fn read_votes(ctx: &Context<'_>, table: &Arguments) -> Result<ListQuery> {
    let mut query = read(ctx, table)?;
    if !query.conditions.iter().any(|condition| condition.names_any(&["is_stale"])) {
        query.conditions.push(Condition::equals("is_stale", Value::Bool(false)));
    }
    Ok(query)
}
