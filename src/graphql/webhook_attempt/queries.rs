//! Looking at attempts.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::protocol::arguments::read;
use crate::graphql::protocol::connection::Connection;
use crate::graphql::protocol::context::request;
use crate::graphql::webhook_attempt::filters::WEBHOOK_ATTEMPTS;
use crate::graphql::webhook_attempt::types::WebhookAttemptNode;
use crate::service::context::ListScope;
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
        let attempts =
            webhook_attempt::list(&context.services, context.requester()?, query, ListScope::Root).await?;
        Ok(Some(Connection::new(attempts, WebhookAttemptNode)))
    }
}
