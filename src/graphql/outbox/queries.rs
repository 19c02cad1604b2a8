//! Looking at deliveries.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::outbox::filters::TASK_EVENTS;
use crate::graphql::outbox::types::TaskEventNode;
use crate::graphql::protocol::arguments::read;
use crate::graphql::protocol::connection::Connection;
use crate::graphql::protocol::context::request;
use crate::service::context::ListScope;
use crate::service::outbox;

/// Looking at deliveries.
#[derive(Default)]
pub struct OutboxQueries;

#[Object]
impl OutboxQueries {
    /// Events for After-handlers, one row for each handler, in the order in which they happened.
    async fn task_events(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskEventNode>>> {
        let query = read(ctx, &TASK_EVENTS)?;
        let context = request(ctx)?;
        let deliveries =
            outbox::list(&context.services, context.requester()?, query, ListScope::Root).await?;
        Ok(Some(Connection::new(deliveries, TaskEventNode)))
    }
}
