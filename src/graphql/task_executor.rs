//! Task executors in GraphQL: which users decide in which groups.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context, Object};
use uuid::Uuid;

use crate::domain::query::{Condition, Lookup, Value};
use crate::error::{Error, Result};
use crate::graphql::completion_policy::TaskGroupCompletionPolicy;
use crate::graphql::protocol::arguments::{
    Argument, Arguments, Given, NAME, RANGE, Table, boolean, client_mutation_id, id_int, int, join, moment,
    of_record, one_of, order_by, paging, text, uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::declaration::shows;
use crate::graphql::record::{LiveRecord, RecordVersion};
use crate::graphql::task_group::types::{TaskGroupNode, group};
use crate::graphql::user::types::{UserNode, user};
use crate::model::history::Historical;
use crate::model::task_executor::TaskExecutor;
use crate::service::context::ListScope;
use crate::service::task_executor;

shows! {
    /// An executor: a user who decides in a group.
    #[graphql(name = "TaskExecutorGQLType", complex)]
    pub struct TaskExecutorNode of executor: TaskExecutor {
        #[graphql(flatten)]
        pub record: LiveRecord = LiveRecord::new("TaskExecutorGQLType", &executor.record),
        /// How much the executor's approval counts under the policy WEIGHT.
        weight: i32,
        #[graphql(skip)]
        user_id: Uuid,
        #[graphql(skip)]
        task_group_id: Uuid,
    }
}

shows! {
    /// An executor as it was after a write.
    #[graphql(name = "TaskExecutorHistoryGQLType", complex)]
    pub struct TaskExecutorHistoryNode of version: Historical<TaskExecutor> {
        #[graphql(flatten)]
        pub record: RecordVersion =
            RecordVersion::new("TaskExecutorHistoryGQLType", &version.row.record, version.history),
        #[graphql(skip)]
        user_id: Uuid = version.row.user_id,
        #[graphql(skip)]
        task_group_id: Uuid = version.row.task_group_id,
    }
}

#[ComplexObject]
impl TaskExecutorNode {
    /// The user who is the executor.
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.user_id).await
    }

    async fn task_group(&self, ctx: &Context<'_>) -> Result<TaskGroupNode> {
        let group = group(ctx, Some(self.task_group_id)).await?;
        group.ok_or_else(|| Error::internal("an executor is in no group"))
    }
}

#[ComplexObject]
impl TaskExecutorHistoryNode {
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user(ctx, self.user_id).await.map(Some)
    }

    async fn task_group(&self, ctx: &Context<'_>) -> Result<Option<TaskGroupNode>> {
        group(ctx, Some(self.task_group_id)).await
    }
}

/// Reading task executors.
#[derive(Default)]
pub struct TaskExecutorQueries;

#[Object]
impl TaskExecutorQueries {
    /// The executors of all groups; for people with the right to search groups.
    async fn task_executor(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskExecutorNode>>> {
        let list =
            |services, requester, query| task_executor::list(services, requester, query, ListScope::Root);
        listed(ctx, &TASK_EXECUTOR, None, list).await.map(Some)
    }

    /// All versions of executors, newest first. `id` is the executor's.
    async fn task_executor_history(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Connection<TaskExecutorHistoryNode>>> {
        let list = |services, requester, query| task_executor::list_history(services, requester, query);
        listed(ctx, &TASK_EXECUTOR_HISTORY, None, list).await.map(Some)
    }
}

const NO_VALIDITY: &str = "Ignored: executors have no period of validity, they are valid from their creation until they are deleted.";

/// `Query.taskExecutor`
pub static TASK_EXECUTOR: Table = LazyLock::new(|| {
    let root = vec![
        Argument::ignored("dateValidFrom_Gte", "DateTime", NO_VALIDITY),
        Argument::ignored("dateValidTo_Lte", "DateTime", NO_VALIDITY),
        Argument::own("taskGroupIdString", "String", of_group),
    ];
    join([order_by(), client_mutation_id(), root, paging(), fields()])
});

/// `Query.taskExecutorHistory`
pub static TASK_EXECUTOR_HISTORY: Table = LazyLock::new(|| {
    let root = vec![Argument::own("taskGroupIdString", "String", of_group)];
    let id = uuid("id", "ID", "id", "TaskExecutorGQLType");
    join([order_by(), client_mutation_id(), root, paging(), id, fields()])
});

/// Lists of executors inside groups and users.
pub static NESTED_TASK_EXECUTOR: Table = LazyLock::new(|| join([paging(), fields()]));

fn fields() -> Arguments {
    join([
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
        of_record(),
    ])
}

fn of_group(given: &Given<'_>) -> Result<Option<Condition>> {
    if given.text()?.is_none() {
        return Ok(None);
    }
    Ok(Some(Condition::equals("task_group_id", Value::Uuid(given.uuid("TaskGroupGQLType")?))))
}
