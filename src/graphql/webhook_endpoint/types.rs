//! `WebhookEndpointGQLType`

use async_graphql::{Context, ID, Object};

use crate::error::Result;
use crate::graphql::protocol::scalars::{Moment, global_id};
use crate::graphql::user::types::{UserNode, user};
use crate::model::webhook_endpoint::WebhookEndpoint;

/// A receiver that is told of events by HTTP. Its secret is shown once, where it is made.
pub struct WebhookEndpointNode(pub WebhookEndpoint);

#[Object(name = "WebhookEndpointGQLType")]
impl WebhookEndpointNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("WebhookEndpointGQLType", self.0.id)
    }

    async fn uuid(&self) -> String {
        self.0.id.to_string()
    }

    /// Its name, by which configuration and people know it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Where events are sent.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// The events that it wants, such as `task_service.complete_task`; none: all of tasks.
    async fn events(&self) -> &[String] {
        &self.0.events
    }

    /// Whether it is told of events.
    async fn is_active(&self) -> bool {
        self.0.is_active
    }

    /// Whether it stands in the configuration of the server, which alone changes it then.
    async fn is_configured(&self) -> bool {
        self.0.is_configured
    }

    /// Why the server stopped telling it.
    async fn disabled_reason(&self) -> Option<&str> {
        self.0.disabled_reason.as_deref()
    }

    /// When the server stopped telling it.
    async fn date_disabled(&self) -> Option<Moment> {
        self.0.date_disabled.map(Moment)
    }

    /// Since when every attempt has failed; null after a success.
    async fn failing_since(&self) -> Option<Moment> {
        self.0.failing_since.map(Moment)
    }

    /// Until when the secret before the present one signs too.
    async fn old_secret_valid_until(&self) -> Option<Moment> {
        self.0.secrets.iter().find_map(|secret| secret.valid_until).map(Moment)
    }

    /// Counts the writes by people and by the configuration.
    async fn version(&self) -> i32 {
        self.0.version
    }

    async fn date_created(&self) -> Moment {
        Moment(self.0.date_created)
    }

    async fn date_updated(&self) -> Moment {
        Moment(self.0.date_updated)
    }

    /// Who created it; null where the configuration did.
    async fn user_created(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        match self.0.user_created {
            Some(id) => user(ctx, id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Who changed it last; null where the configuration did.
    async fn user_updated(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        match self.0.user_updated {
            Some(id) => user(ctx, id).await.map(Some),
            None => Ok(None),
        }
    }
}
