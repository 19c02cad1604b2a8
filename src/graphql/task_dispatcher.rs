//! Dispatchers in GraphQL.

use std::sync::LazyLock;

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject};

use crate::domain::json::Json;
use crate::domain::query::Lookup;
use crate::domain::task_dispatcher::{DispatchAction, DispatchCondition};
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    Arguments, Table, boolean, client_mutation_id, join, of_record, order_by, paging, text, uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::declaration::{asked, shows};
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::protocol::scalars::{BigInt, JsonString, UuidOrGlobalId};
use crate::graphql::record::{LiveRecord, RecordVersion};
use crate::graphql::task_mail::TaskMailRecipient;
use crate::model::history::Historical;
use crate::model::task_dispatcher::TaskDispatcher;
use crate::service::context::ListScope;
use crate::service::task_dispatcher::{self, CreateTaskDispatcher, TaskDispatcherChange};

/// How a condition compares what stands in an event with its own value.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::task_dispatcher::DispatchOp")]
pub enum TaskDispatcherOp {
    /// Both are equal; numbers by their values.
    Eq,
    /// Not both are equal; also where nothing stands.
    Ne,
    /// The event's is less: both are numbers, or both are texts.
    Lt,
    /// The event's is less or equal.
    Lte,
    /// The event's is greater.
    Gt,
    /// The event's is greater or equal.
    Gte,
    /// The event's is one of a list.
    In,
    /// Something stands there that is not null; for the value `false`, nothing does.
    Exists,
}

/// What a dispatcher does.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::task_dispatcher::DispatchActionKind")]
pub enum TaskDispatcherActionKind {
    /// Mails go to people and addresses, while mails are sent at all.
    Mail,
    /// A function runs, with the event as its input.
    Function,
}

/// A dispatcher: what is done when something happens.
#[derive(SimpleObject)]
#[graphql(name = "TaskDispatcherGQLType")]
pub struct TaskDispatcherNode {
    #[graphql(flatten)]
    pub record: LiveRecord,
    #[graphql(flatten)]
    fields: DispatcherFields,
}

/// A dispatcher as it was after a write.
#[derive(SimpleObject)]
#[graphql(name = "TaskDispatcherHistoryGQLType")]
pub struct TaskDispatcherHistoryNode {
    #[graphql(flatten)]
    pub record: RecordVersion,
    #[graphql(flatten)]
    fields: DispatcherFields,
}

shows! {
    /// The fields that dispatchers and their versions have.
    struct DispatcherFields of dispatcher: TaskDispatcher {
        /// What must hold of an event, all of it.
        when: Vec<TaskDispatcherCondition> =
            dispatcher.conditions().unwrap_or_default().into_iter().map(Into::into).collect(),
        /// What is done then.
        actions: Vec<TaskDispatcherAction> =
            dispatcher.actions().unwrap_or_default().into_iter().map(Into::into).collect(),
        /// Words by which it and its runs are found.
        tags: Vec<String> = dispatcher.tag_list(),
        /// Its name, which never changes.
        name: String,
        /// What it is for.
        description: String,
        /// The signal of which it is told.
        signal: String,
        /// Whether it is told of events.
        is_enabled: bool,
    }
}

shows! {
    /// What must hold of an event.
    pub struct TaskDispatcherCondition of condition: DispatchCondition {
        /// Where to look in what webhooks show of the event: a JSON pointer.
        path: String,
        op: TaskDispatcherOp = condition.op.into(),
        /// What to compare with.
        value: JsonString = JsonString::from(condition.value.unwrap_or_default()),
    }
}

shows! {
    /// What is done about an event.
    pub struct TaskDispatcherAction of action: DispatchAction {
        kind: TaskDispatcherActionKind = action.kind.into(),
        /// Of a mail, the name of the template.
        template: Option<String>,
        /// Of a mail, the people who get it, by what they are to the task.
        recipients: Vec<TaskMailRecipient> = action.recipients.into_iter().map(Into::into).collect(),
        /// Of a mail, the addresses that get it. They are shown no data.
        addresses: Vec<String>,
        /// Of a function, its name.
        function_name: Option<String>,
        /// Of a function, the priority of its runs; as the function says, if it is null.
        priority: Option<BigInt>,
    }
}

impl From<TaskDispatcher> for TaskDispatcherNode {
    fn from(dispatcher: TaskDispatcher) -> Self {
        Self {
            record: LiveRecord::new("TaskDispatcherGQLType", &dispatcher.record),
            fields: dispatcher.into(),
        }
    }
}

impl From<Historical<TaskDispatcher>> for TaskDispatcherHistoryNode {
    fn from(version: Historical<TaskDispatcher>) -> Self {
        let Historical { row, history } = version;
        Self {
            record: RecordVersion::new("TaskDispatcherHistoryGQLType", &row.record, history),
            fields: row.into(),
        }
    }
}

/// `Query.taskDispatcher`
pub static TASK_DISPATCHER: Table =
    LazyLock::new(|| join([order_by(), client_mutation_id(), paging(), fields()]));

/// `Query.taskDispatcherHistory`
pub static TASK_DISPATCHER_HISTORY: Table =
    LazyLock::new(|| join([order_by(), client_mutation_id(), paging(), fields()]));

fn fields() -> Arguments {
    join([
        uuid("id", "ID", "id", "TaskDispatcherGQLType"),
        text("name", "String", "name", &[Lookup::Exact]),
        text("signal", "String", "signal", &[Lookup::Exact]),
        boolean("isEnabled", "is_enabled"),
        of_record(),
    ])
}

/// Looking at dispatchers.
#[derive(Default)]
pub struct TaskDispatcherQueries;

#[Object]
impl TaskDispatcherQueries {
    /// What is done when something happens.
    async fn task_dispatcher(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskDispatcherNode>>> {
        let list =
            |services, requester, query| task_dispatcher::list(services, requester, query, ListScope::Root);
        listed(ctx, &TASK_DISPATCHER, None, list).await.map(Some)
    }

    /// All versions of dispatchers, newest first. `id` is the dispatcher's.
    async fn task_dispatcher_history(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Connection<TaskDispatcherHistoryNode>>> {
        let list = |services, requester, query| task_dispatcher::list_history(services, requester, query);
        listed(ctx, &TASK_DISPATCHER_HISTORY, None, list).await.map(Some)
    }
}

payloads! {
    CreateTaskDispatcherPayload => "CreateTaskDispatcherMutationPayload",
    UpdateTaskDispatcherPayload => "UpdateTaskDispatcherMutationPayload",
    DeleteTaskDispatcherPayload => "DeleteTaskDispatcherMutationPayload",
}

/// What must hold of an event.
#[derive(InputObject, Debug, Clone)]
pub struct TaskDispatcherConditionInput {
    /// Where to look in what webhooks show of the event, with JSON in texts read: a JSON pointer such as `/data/task/source`.
    path: String,
    op: TaskDispatcherOp,
    /// What to compare with: a number or a text for `LT` to `GTE`, a list for `IN`, also null for `EQ` and `NE`. `EXISTS` alone needs none.
    value: MaybeUndefined<JsonString>,
}

/// What is done about an event.
#[derive(InputObject, Debug, Clone)]
pub struct TaskDispatcherActionInput {
    kind: TaskDispatcherActionKind,
    /// Of a mail, the name of the template.
    template: Option<String>,
    /// Of a mail, the people who get it: `MAKER`, `POOL`, `MISSING`, `CLAIMANT`.
    recipients: Option<Vec<TaskMailRecipient>>,
    /// Of a mail, up to 20 addresses that get it. They are shown no data.
    addresses: Option<Vec<String>>,
    /// Of a function, its name.
    function_name: Option<String>,
    /// Of a function, the priority of its runs; as the function says, unless said.
    priority: Option<BigInt>,
}

/// The fields of a dispatcher that may change.
#[derive(InputObject, Debug, Clone)]
pub struct TaskDispatcherFields {
    /// What it is for.
    description: Option<String>,
    /// What must hold of an event, all of it: up to 20 conditions.
    when: Option<Vec<TaskDispatcherConditionInput>>,
    /// What is done then: up to 10 actions.
    actions: Option<Vec<TaskDispatcherActionInput>>,
    /// Words by which it and its runs are found.
    tags: Option<Vec<String>>,
    /// Whether it is told of events.
    is_enabled: Option<bool>,
}

impl TaskDispatcherFields {
    fn read(&self) -> Result<TaskDispatcherChange> {
        let condition = |given: &TaskDispatcherConditionInput| {
            let value: Option<Option<Json>> = asked(&given.value, "when")?;
            let (path, op) = (given.path.clone(), given.op.into());
            Ok(DispatchCondition { path, op, value: value.map(Option::unwrap_or_default) })
        };
        let action = |given: &TaskDispatcherActionInput| {
            Ok(DispatchAction {
                kind: given.kind.into(),
                template: given.template.clone(),
                recipients: given.recipients.iter().flatten().map(|recipient| (*recipient).into()).collect(),
                addresses: given.addresses.clone().unwrap_or_default(),
                function_name: given.function_name.clone(),
                priority: asked(&given.priority, "priority")?,
            })
        };
        let read = self.when.as_ref().map(|when| when.iter().map(condition).collect::<Result<Vec<_>>>());
        let done =
            self.actions.as_ref().map(|actions| actions.iter().map(action).collect::<Result<Vec<_>>>());
        Ok(TaskDispatcherChange {
            description: self.description.clone(),
            when: read.transpose()?,
            actions: done.transpose()?,
            tags: self.tags.clone(),
            is_enabled: self.is_enabled,
        })
    }
}

/// The dispatcher to be made, which needs an action.
#[derive(InputObject, Debug, Clone)]
pub struct CreateTaskDispatcherMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    name: String,
    /// The signal of which it is told, such as `task_service.complete_task`.
    signal: String,
    #[graphql(flatten)]
    fields: TaskDispatcherFields,
}

/// The fields of a dispatcher as they are to be. Absent fields stay as they are.
#[derive(InputObject, Debug, Clone)]
pub struct UpdateTaskDispatcherMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    id: UuidOrGlobalId,
    /// `version` of the dispatcher as it was seen. If it has changed since, the mutation is refused as a CONFLICT.
    expected_version: Option<i32>,
    #[graphql(flatten)]
    fields: TaskDispatcherFields,
}

/// The dispatchers to be deleted.
#[derive(InputObject, Debug, Clone)]
pub struct DeleteTaskDispatcherMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Vec<UuidOrGlobalId>,
}

/// Making, changing and deleting dispatchers.
#[derive(Default)]
pub struct TaskDispatcherMutations;

#[Object]
impl TaskDispatcherMutations {
    /// Has something done whenever something happens. Who makes it needs the right to see all tasks, too.
    async fn create_task_dispatcher(
        &self,
        ctx: &Context<'_>,
        input: CreateTaskDispatcherMutationInput,
    ) -> Result<Option<Payload<CreateTaskDispatcherPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "createTaskDispatcher", &meta, move |unit| {
            let (name, signal) = (input.name.clone(), input.signal.clone());
            let change = input.fields.read()?;
            task_dispatcher::create(unit, &CreateTaskDispatcher { name, signal, change }).map(drop)
        })
        .await
    }

    /// Changes a dispatcher. Who changes it answers for all that it does from then on.
    async fn update_task_dispatcher(
        &self,
        ctx: &Context<'_>,
        input: UpdateTaskDispatcherMutationInput,
    ) -> Result<Option<Payload<UpdateTaskDispatcherPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "updateTaskDispatcher", &meta, move |unit| {
            let change = input.fields.read()?;
            task_dispatcher::update(unit, input.id.0, &change, input.expected_version).map(drop)
        })
        .await
    }

    /// Deletes these dispatchers: all of them, or none. Deliveries that wait for them are given up.
    async fn delete_task_dispatcher(
        &self,
        ctx: &Context<'_>,
        input: DeleteTaskDispatcherMutationInput,
    ) -> Result<Option<Payload<DeleteTaskDispatcherPayload>>> {
        let ids: Vec<_> = input.ids.iter().map(|id| id.0).collect();
        journaled(ctx, "deleteTaskDispatcher", &input.meta, move |unit| task_dispatcher::delete(unit, &ids))
            .await
    }
}
