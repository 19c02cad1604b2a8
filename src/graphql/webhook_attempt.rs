//! Attempts to tell webhook endpoints of events, in GraphQL.

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
        /// The endpoint; it may be deleted.
        endpoint_id: String,
        /// The event's own id, which the receiver sees as `webhook-id`, the same for each attempt.
        event_id: String,
        /// `id` of `taskEvents`.
        delivery_id: ID = global_id("TaskEventGQLType", attempt.delivery_id),
        /// Which try it was, from 1; a replay begins anew.
        attempt: i32,
        /// What was told, such as `task_service.complete_task`.
        signal: String,
        /// The row that it is about.
        entity_id: String,
        /// When it began.
        date: Moment,
        /// How many milliseconds it took.
        duration_ms: i64,
        /// The status that was answered; null where there was no answer.
        status_code: Option<i32>,
        /// Why it failed; null after a success.
        error: Option<String>,
        /// The beginning of what was answered, at most 1 KiB.
        response: Option<String>,
    }
}

/// Looking at attempts.
#[derive(Default)]
pub struct WebhookAttemptQueries;

#[Object]
impl WebhookAttemptQueries {
    /// What was sent to webhook endpoints and what came of it, in the order in which it ended.
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
