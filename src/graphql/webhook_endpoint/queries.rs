//! Looking at webhook endpoints.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::protocol::arguments::read;
use crate::graphql::protocol::connection::Connection;
use crate::graphql::protocol::context::request;
use crate::graphql::webhook_endpoint::filters::WEBHOOK_ENDPOINTS;
use crate::graphql::webhook_endpoint::types::WebhookEndpointNode;
use crate::service::context::ListScope;
use crate::service::webhook_endpoint;

/// Looking at webhook endpoints.
#[derive(Default)]
pub struct WebhookEndpointQueries;

#[Object]
impl WebhookEndpointQueries {
    /// Receivers that are told of events by HTTP.
    async fn webhook_endpoints(&self, ctx: &Context<'_>) -> Result<Option<Connection<WebhookEndpointNode>>> {
        let query = read(ctx, &WEBHOOK_ENDPOINTS)?;
        let context = request(ctx)?;
        let endpoints =
            webhook_endpoint::list(&context.services, context.requester()?, query, ListScope::Root).await?;
        Ok(Some(Connection::new(endpoints, WebhookEndpointNode)))
    }
}
