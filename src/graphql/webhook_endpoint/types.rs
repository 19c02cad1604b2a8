//! `WebhookEndpointGQLType`

use async_graphql::{ComplexObject, Context, ID};
use uuid::Uuid;

use crate::error::Result;
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::scalars::{Moment, global_id};
use crate::graphql::user::types::{UserNode, user_if_any};
use crate::model::webhook_endpoint::WebhookEndpoint;

shows! {
    /// A receiver that is told of events by HTTP. Only the mutation that makes its secret shows it.
    #[graphql(name = "WebhookEndpointGQLType", complex)]
    pub struct WebhookEndpointNode of endpoint: WebhookEndpoint {
        pub id: ID = global_id("WebhookEndpointGQLType", endpoint.id),
        uuid: String = endpoint.id.to_string(),
        /// The name by which the configuration and people know the endpoint.
        name: String,
        /// The URL to which events are sent.
        url: String,
        /// The events of which it is told, such as `task_service.complete_task`. An empty list means all events of tasks.
        events: Vec<String> = endpoint.events.0,
        /// Whether the endpoint is told of events.
        is_active: bool,
        /// Whether the endpoint stands in the server's configuration. Then only the configuration changes it.
        is_configured: bool,
        /// Why the server disabled the endpoint.
        disabled_reason: Option<String>,
        /// When the server disabled the endpoint.
        date_disabled: Option<Moment>,
        /// Since when every attempt has failed; null after a success.
        failing_since: Option<Moment>,
        /// Until when the secret before the present one signs too.
        old_secret_valid_until: Option<Moment> = endpoint.secrets.iter().find_map(|secret| secret.valid_until).map(Moment),
        /// Counts the writes by people and by the configuration.
        version: i32,
        date_created: Moment,
        date_updated: Moment,
        #[graphql(skip)]
        created_by: Option<Uuid> = endpoint.user_created,
        #[graphql(skip)]
        updated_by: Option<Uuid> = endpoint.user_updated,
    }
}

#[ComplexObject]
impl WebhookEndpointNode {
    /// The person who created the endpoint; null if the configuration did.
    async fn user_created(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user_if_any(ctx, self.created_by).await
    }

    /// The person who changed the endpoint last; null if the configuration or the server did.
    async fn user_updated(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user_if_any(ctx, self.updated_by).await
    }
}
