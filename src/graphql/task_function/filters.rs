//! The arguments of lists of functions.

use std::sync::LazyLock;

use crate::domain::query::Lookup;
use crate::graphql::protocol::arguments::{
    Arguments, NAME, Table, boolean, client_mutation_id, join, of_record, one_of, order_by, paging, text,
    uuid,
};
use crate::graphql::task_function::types::TaskFunctionKind;

/// `Query.taskFunction`
pub static TASK_FUNCTION: Table =
    LazyLock::new(|| join([order_by(), client_mutation_id(), paging(), fields()]));

/// `Query.taskFunctionHistory`
pub static TASK_FUNCTION_HISTORY: Table =
    LazyLock::new(|| join([order_by(), client_mutation_id(), paging(), fields()]));

fn fields() -> Arguments {
    join([
        uuid("id", "ID", "id", "TaskFunctionGQLType"),
        text("name", "String", "name", NAME),
        one_of::<TaskFunctionKind>("kind", "kind", &[Lookup::Exact]),
        boolean("isEnabled", "is_enabled"),
        of_record(),
    ])
}
