//! What lists of flows can be asked for.

use std::sync::LazyLock;

use crate::domain::query::{Condition, Lookup};
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    Argument, Arguments, Given, NAME, RANGE, Table, absent, boolean, int, moment, order_by, paging, text,
    uuid,
};
use crate::service::visibility::touched_by;

/// The argument that shows superseded versions beside the heads.
pub const SHOW_SUPERSEDED: &str = "showSuperseded";

/// `Query.taskFlow`
pub static TASK_FLOW: Table = LazyLock::new(|| {
    let root = vec![
        // What it asks for where it is absent is seen to by the query.
        Argument::own(SHOW_SUPERSEDED, "Boolean", |given| given.bool().map(|_| None)),
        Argument::own("clientMutationId", "String", mutation),
        Argument::own("search", "String", search),
    ];
    [order_by(), root, paging(), fields()].into_iter().flatten().collect()
});

/// `Query.taskFlowHistory`
pub static TASK_FLOW_HISTORY: Table = LazyLock::new(|| {
    let root = vec![
        Argument::own("clientMutationId", "String", mutation),
        Argument::own("search", "String", search),
    ];
    [order_by(), root, paging(), fields()].into_iter().flatten().collect()
});

fn fields() -> Arguments {
    [
        uuid("id", "ID", "id", "TaskFlowGQLType"),
        text("code", "String", "code", NAME),
        text("name", "String", "name", NAME),
        moment("dateValidFrom", "date_valid_from", RANGE),
        moment("dateValidTo", "date_valid_to", RANGE),
        absent("dateValidTo", "date_valid_to"),
        uuid("replacementUuid", "UUID", "replacement_uuid", "TaskFlowGQLType"),
        absent("replacementUuid", "replacement_uuid"),
        moment("dateCreated", "date_created", RANGE),
        moment("dateUpdated", "date_updated", RANGE),
        boolean("isDeleted", "is_deleted"),
        int("version", "version", &[Lookup::Exact]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn mutation(given: &Given<'_>) -> Result<Option<Condition>> {
    Ok(given.text()?.map(|id| touched_by(given.requester, id)))
}

/// In the code or the name.
fn search(given: &Given<'_>) -> Result<Option<Condition>> {
    Ok(given.text()?.map(|text| Condition::search(&["code", "name"], &text)))
}
