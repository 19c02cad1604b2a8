//! Looking at webhook endpoints.

use async_graphql::{Context, Object};

use super::super::arguments::read;
use super::super::connection::Connection;
use super::super::context::request;
use super::filters::WEBHOOK_ENDPOINTS;
use super::types::WebhookEndpointNode;
use crate::error::Result;
use crate::service::core::Place;
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
            webhook_endpoint::list(&context.core, context.requester()?, query, Place::Root).await?;
        Ok(Some(Connection::new(endpoints, WebhookEndpointNode)))
    }
}
