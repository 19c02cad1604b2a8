//! The arguments of lists of webhook endpoints.

use std::sync::LazyLock;

use crate::domain::query::Lookup;
use crate::graphql::protocol::arguments::{
    RANGE, Table, boolean, client_mutation_id, join, moment, order_by, paging, text, uuid,
};

/// `Query.webhookEndpoints`
pub static WEBHOOK_ENDPOINTS: Table = LazyLock::new(|| {
    join([
        client_mutation_id(),
        order_by(),
        paging(),
        uuid("id", "ID", "id", "WebhookEndpointGQLType"),
        text("name", "String", "name", &[Lookup::Exact, Lookup::Icontains]),
        text("url", "String", "url", &[Lookup::Exact, Lookup::Icontains]),
        boolean("isActive", "is_active"),
        boolean("isConfigured", "is_configured"),
        moment("dateCreated", "date_created", RANGE),
        moment("failingSince", "failing_since", RANGE),
    ])
});
