//! What lists of task groups can be asked for.

use std::sync::LazyLock;

use crate::domain::query::{Condition, Lookup};
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    Argument, Arguments, Given, NAME, RANGE, Table, boolean, int, moment, one_of, order_by, paging, text,
    uuid,
};
use crate::graphql::task_group::types::TaskGroupCompletionPolicy;
use crate::service::visibility::touched_by;

const NO_VALIDITY: &str =
    "Ignored: groups have no period of validity, they are valid from their creation until they are deleted.";

/// `Query.taskGroup`
pub static TASK_GROUP: Table = LazyLock::new(|| {
    let root = vec![
        Argument::ignored("dateValidFrom_Gte", "DateTime", NO_VALIDITY),
        Argument::ignored("dateValidTo_Lte", "DateTime", NO_VALIDITY),
        Argument::own("clientMutationId", "String", |given| {
            Ok(given.text()?.map(|id| touched_by(given.requester, id)))
        }),
        Argument::own("search", "String", search),
    ];
    [order_by(), root, paging(), fields()].into_iter().flatten().collect()
});

/// `Query.taskGroupHistory`
pub static TASK_GROUP_HISTORY: Table = LazyLock::new(|| {
    let root = vec![Argument::own("clientMutationId", "String", |given| {
        Ok(given.text()?.map(|id| touched_by(given.requester, id)))
    })];
    [order_by(), root, paging(), fields()].into_iter().flatten().collect()
});

/// Lists of task groups inside users.
pub static NESTED_TASK_GROUP: Table = LazyLock::new(|| [paging(), fields()].into_iter().flatten().collect());

fn fields() -> Arguments {
    [
        uuid("id", "ID", "id", "TaskGroupGQLType"),
        text("code", "String", "code", NAME),
        one_of::<TaskGroupCompletionPolicy>(
            "completionPolicy",
            "completion_policy",
            &[Lookup::Exact, Lookup::Iexact],
        ),
        moment("dateCreated", "date_created", RANGE),
        moment("dateUpdated", "date_updated", RANGE),
        boolean("isDeleted", "is_deleted"),
        int("version", "version", &[Lookup::Exact]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// In the code, or in a name of a live executor.
fn search(given: &Given<'_>) -> Result<Option<Condition>> {
    Ok(given.text()?.map(|text| {
        Condition::Any(vec![Condition::search(&["code"], &text), Condition::HasExecutorNamed { text }])
    }))
}
