//! Creating, changing and deleting webhook endpoints, and giving them new secrets.

use async_graphql::{Context, InputObject, Object};

use crate::error::Result;
use crate::graphql::protocol::payload::{
    MutationMeta, Payload, SecretPayload, journaled, journaled_secret, payloads,
};
use crate::graphql::protocol::scalars::UuidOrGlobalId;
use crate::service::webhook_endpoint::{self, WebhookEndpointChange};

payloads! {
    CreateWebhookEndpointPayload => "CreateWebhookEndpointMutationPayload",
    UpdateWebhookEndpointPayload => "UpdateWebhookEndpointMutationPayload",
    DeleteWebhookEndpointPayload => "DeleteWebhookEndpointMutationPayload",
    RotateWebhookSecretPayload => "RotateWebhookSecretMutationPayload",
}

/// The endpoint to be created.
#[derive(InputObject, Debug, Clone)]
pub struct CreateWebhookEndpointMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// A name that no other endpoint has.
    name: String,
    /// The URL to which events are sent: https at a public address, unless settings allow more.
    url: String,
    /// The events of which it is told, such as `task_service.complete_task`. An empty or absent list means all events of
    /// tasks.
    events: Option<Vec<String>>,
}

/// The fields of an endpoint as they are to be. Absent fields stay as they are.
#[derive(InputObject, Debug, Clone)]
pub struct UpdateWebhookEndpointMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    id: UuidOrGlobalId,
    /// A name that no other endpoint has.
    name: Option<String>,
    /// The URL to which events are sent.
    url: Option<String>,
    /// The events of which it is told; an empty list means all events of tasks.
    events: Option<Vec<String>>,
    /// Whether the endpoint is told of events. If it is enabled again, the deliveries that wait for it go on.
    is_active: Option<bool>,
}

/// The endpoints to be deleted.
#[derive(InputObject, Debug, Clone)]
pub struct DeleteWebhookEndpointMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Vec<UuidOrGlobalId>,
}

/// The endpoint that gets a new secret.
#[derive(InputObject, Debug, Clone)]
pub struct RotateWebhookSecretMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    id: UuidOrGlobalId,
    /// The seconds in which the old secret goes on signing beside the new one.
    #[graphql(default = 86_400)]
    keep_old_for_s: i64,
}

/// Creating, changing and deleting webhook endpoints, and giving them new secrets.
#[derive(Default)]
pub struct WebhookEndpointMutations;

#[Object]
impl WebhookEndpointMutations {
    /// Creates an endpoint. Only this answer shows its secret.
    async fn create_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        input: CreateWebhookEndpointMutationInput,
    ) -> Result<Option<SecretPayload<CreateWebhookEndpointPayload>>> {
        let meta = input.meta.clone();
        journaled_secret(ctx, "createWebhookEndpoint", &meta, move |unit| {
            let events = input.events.as_deref().unwrap_or_default();
            webhook_endpoint::create(unit, &input.name, &input.url, events).map(|(_, secret)| secret)
        })
        .await
    }

    /// Changes an endpoint.
    async fn update_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        input: UpdateWebhookEndpointMutationInput,
    ) -> Result<Option<Payload<UpdateWebhookEndpointPayload>>> {
        let id = input.id.0;
        let change = WebhookEndpointChange {
            name: input.name,
            url: input.url,
            events: input.events,
            is_active: input.is_active,
        };
        journaled(ctx, "updateWebhookEndpoint", &input.meta, move |unit| {
            webhook_endpoint::update(unit, id, &change)
        })
        .await
    }

    /// Deletes these endpoints: all of them, or none. Deliveries that wait for them are given up.
    async fn delete_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        input: DeleteWebhookEndpointMutationInput,
    ) -> Result<Option<Payload<DeleteWebhookEndpointPayload>>> {
        let ids = input.ids.iter().map(|id| id.0).collect::<Vec<_>>();
        journaled(ctx, "deleteWebhookEndpoint", &input.meta, move |unit| webhook_endpoint::delete(unit, &ids))
            .await
    }

    /// Gives an endpoint a new secret. Only this answer shows it. The old secret goes on signing beside it for a while.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        input: RotateWebhookSecretMutationInput,
    ) -> Result<Option<SecretPayload<RotateWebhookSecretPayload>>> {
        let (id, keep) = (input.id.0, input.keep_old_for_s);
        journaled_secret(ctx, "rotateWebhookSecret", &input.meta, move |unit| {
            webhook_endpoint::rotate_secret(unit, id, keep)
        })
        .await
    }
}
