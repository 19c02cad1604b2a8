//! What lists of attempts can be asked for.

use std::sync::LazyLock;

use crate::domain::query::Lookup;
use crate::graphql::protocol::arguments::{RANGE, Table, id_int, int, moment, order_by, paging, text, uuid};

/// `Query.webhookAttempts`
pub static WEBHOOK_ATTEMPTS: Table = LazyLock::new(|| {
    [
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
    ]
    .into_iter()
    .flatten()
    .collect()
});
