//! The arguments of lists of flows.

use std::sync::LazyLock;

use crate::domain::query::Condition;
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    Argument, Arguments, Given, NAME, RANGE, Table, absent, client_mutation_id, join, moment, of_record,
    order_by, paging, text, uuid,
};

/// The argument that also lists superseded versions, not only the heads.
pub const SHOW_SUPERSEDED: &str = "showSuperseded";

/// `Query.taskFlow`
pub static TASK_FLOW: Table = LazyLock::new(|| {
    // The query applies the default if the argument is absent.
    let shown = Argument::own(SHOW_SUPERSEDED, "Boolean", |given| given.bool().map(|_| None));
    join([vec![shown], root()])
});

/// `Query.taskFlowHistory`
pub static TASK_FLOW_HISTORY: Table = LazyLock::new(root);

fn root() -> Arguments {
    join([
        order_by(),
        client_mutation_id(),
        vec![Argument::own("search", "String", search)],
        paging(),
        uuid("id", "ID", "id", "TaskFlowGQLType"),
        text("code", "String", "code", NAME),
        text("name", "String", "name", NAME),
        moment("dateValidFrom", "date_valid_from", RANGE),
        moment("dateValidTo", "date_valid_to", RANGE),
        absent("dateValidTo", "date_valid_to"),
        uuid("replacementUuid", "UUID", "replacement_uuid", "TaskFlowGQLType"),
        absent("replacementUuid", "replacement_uuid"),
        of_record(),
    ])
}

/// Searches in the code and the name.
fn search(given: &Given<'_>) -> Result<Option<Condition>> {
    Ok(given.text()?.map(|text| Condition::search(&["code", "name"], &text)))
}
