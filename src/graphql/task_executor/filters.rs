//! What lists of task executors can be asked for.

use std::sync::LazyLock;

use crate::domain::query::{Condition, Lookup, Value};
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    Argument, Arguments, Given, NAME, RANGE, Table, boolean, id_int, int, moment, one_of, order_by, paging,
    text, uuid,
};
use crate::graphql::task_group::types::TaskGroupCompletionPolicy;
use crate::service::visibility::touched_by;

const NO_VALIDITY: &str = "Ignored: executors have no period of validity, they are valid from their creation until they are deleted.";

/// `Query.taskExecutor`
pub static TASK_EXECUTOR: Table = LazyLock::new(|| {
    let root = vec![
        Argument::ignored("dateValidFrom_Gte", "DateTime", NO_VALIDITY),
        Argument::ignored("dateValidTo_Lte", "DateTime", NO_VALIDITY),
        Argument::own("clientMutationId", "String", |given| {
            Ok(given.text()?.map(|id| touched_by(given.requester, id)))
        }),
        Argument::own("taskGroupIdString", "String", group),
    ];
    [order_by(), root, paging(), fields()].into_iter().flatten().collect()
});

/// `Query.taskExecutorHistory`
pub static TASK_EXECUTOR_HISTORY: Table = LazyLock::new(|| {
    let root = vec![
        Argument::own("clientMutationId", "String", |given| {
            Ok(given.text()?.map(|id| touched_by(given.requester, id)))
        }),
        Argument::own("taskGroupIdString", "String", group),
    ];
    let id = uuid("id", "ID", "id", "TaskExecutorGQLType");
    [order_by(), root, paging(), id, fields()].into_iter().flatten().collect()
});

/// Lists of executors inside groups and users.
pub static NESTED_TASK_EXECUTOR: Table =
    LazyLock::new(|| [paging(), fields()].into_iter().flatten().collect());

fn fields() -> Arguments {
    [
        uuid("user_Id", "ID", "user_id", "UserGQLType"),
        text("user_Username", "String", "user__username", &[Lookup::Exact, Lookup::Icontains]),
        id_int("user_IUser_Id", "user__i_user__id", "InteractiveUserGQLType"),
        uuid("user_IUser_Uuid", "UUID", "user__i_user__uuid", "UserGQLType"),
        text("user_IUser_LastName", "String", "user__i_user__last_name", &[Lookup::Icontains]),
        text("user_IUser_OtherNames", "String", "user__i_user__other_names", &[Lookup::Icontains]),
        text("user_IUser_Phone", "String", "user__i_user__phone", &[Lookup::Iexact]),
        text("user_IUser_LoginName", "String", "user__i_user__login_name", &[Lookup::Iexact]),
        text("user_IUser_Email", "String", "user__i_user__email", &[Lookup::Iexact]),
        boolean("user_IUser_IsAssociated", "user__i_user__is_associated"),
        text("user_IUser_LanguageId", "ID", "user__i_user__language_id", &[Lookup::Exact]),
        uuid("taskGroup_Id", "ID", "task_group__id", "TaskGroupGQLType"),
        text("taskGroup_Code", "String", "task_group__code", NAME),
        one_of::<TaskGroupCompletionPolicy>(
            "taskGroup_CompletionPolicy",
            "task_group__completion_policy",
            &[Lookup::Exact, Lookup::Iexact],
        ),
        moment("taskGroup_DateCreated", "task_group__date_created", RANGE),
        moment("taskGroup_DateUpdated", "task_group__date_updated", RANGE),
        boolean("taskGroup_IsDeleted", "task_group__is_deleted"),
        int("taskGroup_Version", "task_group__version", &[Lookup::Exact]),
        moment("dateCreated", "date_created", RANGE),
        moment("dateUpdated", "date_updated", RANGE),
        boolean("isDeleted", "is_deleted"),
        int("version", "version", &[Lookup::Exact]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn group(given: &Given<'_>) -> Result<Option<Condition>> {
    if given.text()?.is_none() {
        return Ok(None);
    }
    Ok(Some(Condition::equals("task_group_id", Value::Uuid(given.uuid("TaskGroupGQLType")?))))
}
