//! Looking at deliveries.

use async_graphql::{Context, Object};

use super::super::arguments::read;
use super::super::connection::Connection;
use super::super::context::request;
use super::filters::TASK_EVENTS;
use super::types::TaskEventNode;
use crate::error::Result;
use crate::service::core::Place;
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
        let deliveries = outbox::list(&context.core, context.requester()?, query, Place::Root).await?;
        Ok(Some(Connection::new(deliveries, TaskEventNode)))
    }
}
