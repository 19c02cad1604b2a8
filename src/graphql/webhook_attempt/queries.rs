//! Looking at attempts.

use async_graphql::{Context, Object};

use super::super::arguments::read;
use super::super::connection::Connection;
use super::super::context::request;
use super::filters::WEBHOOK_ATTEMPTS;
use super::types::WebhookAttemptNode;
use crate::error::Result;
use crate::service::core::Place;
use crate::service::webhook_attempt;

/// Looking at attempts.
#[derive(Default)]
pub struct WebhookAttemptQueries;

#[Object]
impl WebhookAttemptQueries {
    /// What was sent to webhook endpoints and what came of it, in the order in which it ended.
    async fn webhook_attempts(&self, ctx: &Context<'_>) -> Result<Option<Connection<WebhookAttemptNode>>> {
        let query = read(ctx, &WEBHOOK_ATTEMPTS)?;
        let context = request(ctx)?;
        let attempts = webhook_attempt::list(&context.core, context.requester()?, query, Place::Root).await?;
        Ok(Some(Connection::new(attempts, WebhookAttemptNode)))
    }
}
