//! What lists of deliveries can be asked for.

use std::sync::LazyLock;

use crate::domain::query::Lookup;
use crate::graphql::outbox::types::TaskEventStatus;
use crate::graphql::protocol::arguments::{
    RANGE, Table, id_int, moment, one_of, order_by, paging, text, uuid,
};

/// `Query.taskEvents`
pub static TASK_EVENTS: Table = LazyLock::new(|| {
    [
        order_by(),
        paging(),
        id_int("id", "id", "TaskEventGQLType"),
        uuid("eventId", "ID", "event_id", "TaskEventGQLType"),
        one_of::<TaskEventStatus>("status", "status", &[Lookup::Exact]),
        text("handler", "String", "handler", &[Lookup::Exact]),
        text("signal", "String", "signal", &[Lookup::Exact]),
        uuid("entityId", "ID", "entity_id", "TaskGQLType"),
        moment("dateCreated", "date_created", RANGE),
        moment("dateDue", "date_due", RANGE),
    ]
    .into_iter()
    .flatten()
    .collect()
});
