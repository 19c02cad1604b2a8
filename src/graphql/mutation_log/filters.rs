//! What lists of the journal can be asked for.

use std::sync::LazyLock;

use crate::domain::query::Lookup;
use crate::graphql::protocol::arguments::{Arguments, Table, int, moment, order_by, paging, text, uuid};

/// `Query.mutationLogs`
pub static MUTATION_LOG: Table =
    LazyLock::new(|| [order_by(), paging(), fields()].into_iter().flatten().collect());

/// Lists of the journal inside users.
pub static NESTED_MUTATION_LOG: Table =
    LazyLock::new(|| [paging(), fields()].into_iter().flatten().collect());

fn fields() -> Arguments {
    [
        uuid("id", "ID", "id", "MutationLogGQLType"),
        text("clientMutationId", "String", "client_mutation_id", &[Lookup::Exact]),
        text("clientMutationLabel", "String", "client_mutation_label", &[Lookup::Exact]),
        moment("requestDateTime", "request_date_time", &[Lookup::Exact, Lookup::Gte, Lookup::Lte]),
        int("status", "status", &[Lookup::Exact, Lookup::Gte]),
        uuid("user", "ID", "user_id", "UserGQLType"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
