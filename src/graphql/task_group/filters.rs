//! The arguments of lists of task groups.

use std::sync::LazyLock;

use crate::domain::query::{Condition, Lookup};
use crate::error::Result;
use crate::graphql::completion_policy::TaskGroupCompletionPolicy;
use crate::graphql::protocol::arguments::{
    Argument, Arguments, Given, NAME, Table, client_mutation_id, join, of_record, one_of, order_by, paging,
    text, uuid,
};

const NO_VALIDITY: &str =
    "Ignored: groups have no period of validity, they are valid from their creation until they are deleted.";

/// `Query.taskGroup`
pub static TASK_GROUP: Table = LazyLock::new(|| {
    let root = vec![
        Argument::ignored("dateValidFrom_Gte", "DateTime", NO_VALIDITY),
        Argument::ignored("dateValidTo_Lte", "DateTime", NO_VALIDITY),
        Argument::own("search", "String", search),
    ];
    join([order_by(), client_mutation_id(), root, paging(), fields()])
});

/// `Query.taskGroupHistory`
pub static TASK_GROUP_HISTORY: Table =
    LazyLock::new(|| join([order_by(), client_mutation_id(), paging(), fields()]));

/// Lists of task groups inside users.
pub static NESTED_TASK_GROUP: Table = LazyLock::new(|| join([paging(), fields()]));

fn fields() -> Arguments {
    join([
        uuid("id", "ID", "id", "TaskGroupGQLType"),
        text("code", "String", "code", NAME),
        one_of::<TaskGroupCompletionPolicy>(
            "completionPolicy",
            "completion_policy",
            &[Lookup::Exact, Lookup::Iexact],
        ),
        of_record(),
    ])
}

/// Searches in the code, and in the names of live executors.
fn search(given: &Given<'_>) -> Result<Option<Condition>> {
    Ok(given.text()?.map(|text| {
        Condition::Any(vec![Condition::search(&["code"], &text), Condition::HasExecutorNamed { text }])
    }))
}
