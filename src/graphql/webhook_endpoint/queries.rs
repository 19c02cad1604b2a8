//! Looking at webhook endpoints.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::webhook_endpoint::filters::WEBHOOK_ENDPOINTS;
use crate::graphql::webhook_endpoint::types::WebhookEndpointNode;
use crate::service::context::ListScope;
use crate::service::webhook_endpoint;

/// Looking at webhook endpoints.
#[derive(Default)]
pub struct WebhookEndpointQueries;

#[Object]
impl WebhookEndpointQueries {
    /// The receivers that are told of events by HTTP.
    async fn webhook_endpoints(&self, ctx: &Context<'_>) -> Result<Option<Connection<WebhookEndpointNode>>> {
        let list =
            |services, requester, query| webhook_endpoint::list(services, requester, query, ListScope::Root);
        listed(ctx, &WEBHOOK_ENDPOINTS, None, list).await.map(Some)
    }
}
