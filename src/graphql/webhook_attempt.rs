//! Attempts at webhook endpoints, in GraphQL.

use std::sync::LazyLock;

use async_graphql::{Context, ID, Object};

use crate::domain::query::Lookup;
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    RANGE, Table, id_int, int, join, moment, order_by, paging, text, uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::scalars::{Moment, global_id};
use crate::model::webhook_attempt::WebhookAttempt;
use crate::service::context::ListScope;
use crate::service::webhook_attempt;

shows! {
    /// An attempt to tell a webhook endpoint of an event.
    #[graphql(name = "WebhookAttemptGQLType")]
    pub struct WebhookAttemptNode of attempt: WebhookAttempt {
        pub id: ID = global_id("WebhookAttemptGQLType", attempt.id),
        /// The endpoint, which may be deleted since.
        endpoint_id: String,
        /// The event's own id, the same at each attempt; the receiver sees it as `webhook-id`.
        event_id: String,
        /// The delivery: an `id` of `taskEvents`.
        delivery_id: ID = global_id("TaskEventGQLType", attempt.delivery_id),
        /// The number of the attempt, from 1; a replay begins at 1 again.
        attempt: i32,
        /// The signal of the event, such as `task_service.complete_task`.
        signal: String,
        /// The id of the row that the event is about.
        entity_id: String,
        /// When the attempt began.
        date: Moment,
        /// How many milliseconds the attempt took.
        duration_ms: i64,
        /// The HTTP status of the answer; null if there was no answer.
        status_code: Option<i32>,
        /// Why the attempt failed; null after a success.
        error: Option<String>,
        /// The beginning of the answer's body, at most 1 KiB.
        response: Option<String>,
    }
}

/// Looking at attempts.
#[derive(Default)]
pub struct WebhookAttemptQueries;

#[Object]
impl WebhookAttemptQueries {
    /// The attempts at webhook endpoints and their results, in the order in which they ended.
    async fn webhook_attempts(&self, ctx: &Context<'_>) -> Result<Option<Connection<WebhookAttemptNode>>> {
        let list =
            |services, requester, query| webhook_attempt::list(services, requester, query, ListScope::Root);
        listed(ctx, &WEBHOOK_ATTEMPTS, None, list).await.map(Some)
    }
}

/// `Query.webhookAttempts`
pub static WEBHOOK_ATTEMPTS: Table = LazyLock::new(|| {
    join([
        order_by(),
        paging(),
        id_int("id", "id", "WebhookAttemptGQLType"),
        uuid("endpointId", "ID", "endpoint_id", "WebhookEndpointGQLType"),
        uuid("eventId", "ID", "event_id", "TaskEventGQLType"),
        id_int("deliveryId", "delivery_id", "TaskEventGQLType"),
        uuid("entityId", "ID", "entity_id", "TaskGQLType"),
        text("signal", "String", "signal", &[Lookup::Exact]),
        int("statusCode", "status_code", RANGE),
        moment("date", "date", RANGE),
    ])
});
