//! What lists of webhook endpoints can be asked for.

use std::sync::LazyLock;

use crate::domain::query::Lookup;
use crate::graphql::protocol::arguments::{
    Argument, RANGE, Table, boolean, moment, order_by, paging, text, uuid,
};
use crate::service::visibility::touched_by;

/// `Query.webhookEndpoints`
pub static WEBHOOK_ENDPOINTS: Table = LazyLock::new(|| {
    [
        vec![Argument::own("clientMutationId", "String", |given| {
            Ok(given.text()?.map(|id| touched_by(given.requester, id)))
        })],
        order_by(),
        paging(),
        uuid("id", "ID", "id", "WebhookEndpointGQLType"),
        text("name", "String", "name", &[Lookup::Exact, Lookup::Icontains]),
        text("url", "String", "url", &[Lookup::Exact, Lookup::Icontains]),
        boolean("isActive", "is_active"),
        boolean("isConfigured", "is_configured"),
        moment("dateCreated", "date_created", RANGE),
        moment("failingSince", "failing_since", RANGE),
    ]
    .into_iter()
    .flatten()
    .collect()
});
