//! The arguments of lists of tasks.

use std::sync::LazyLock;

use async_graphql::InputType;
use async_graphql::resolver_utils::EnumType;

use crate::domain::decision::HeldReason;
use crate::domain::query::{Awaiting, Condition, Lookup, Value};
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    ANY_OF, Argument, Arguments, Given, RANGE, TEXT, Table, client_mutation_id, global_int, int, join,
    moment, of_record, one_of, order_by, paging, text, uuid,
};
use crate::graphql::task::progress::TaskHeldReason;
use crate::graphql::task::types::{HistoricalTaskStatus, TaskStatus};

/// `Query.task`
pub static TASK: Table =
    LazyLock::new(|| join([order_by(), root(), open(), paging(), fields::<TaskStatus>()]));

/// `Query.taskHistory`
pub static TASK_HISTORY: Table =
    LazyLock::new(|| join([order_by(), root(), paging(), fields::<HistoricalTaskStatus>()]));

/// Lists of tasks inside groups and users.
pub static NESTED_TASK: Table = LazyLock::new(|| join([paging(), fields::<TaskStatus>()]));

/// The filters of `Query.task`.
pub fn filters() -> Arguments {
    join([root(), open(), fields::<TaskStatus>()])
}

/// The arguments that only lists at the root have.
fn root() -> Arguments {
    join([
        client_mutation_id(),
        vec![
            Argument::ignored(
                "applyDefaultValidityFilter",
                "Boolean",
                "Ignored: tasks have no period of validity.",
            ),
            Argument::own("groupId", "String", group),
            // Recorded traffic shows that the original takes and ignores it here.
            Argument::ignored("customFilters", "[String]", "Ignored: tasks have no custom filters."),
            Argument::own("taskGroupId", "String", group),
            Argument::own("entityIds", "[UUID]", entity_ids).described(ANY_OF),
        ],
        uuid("userCreatedId", "ID", "user_created", "UserGQLType"),
        text("entityString", "String", "entity_string", &[Lookup::Icontains]),
    ])
}

/// The filters by where a task stands at present. Lists of versions do not have them.
fn open() -> Arguments {
    vec![
        Argument::own("heldReason", "TaskHeldReason", |given| {
            let reason = HeldReason::from(given.one_of::<TaskHeldReason>()?.value);
            Ok(Some(Condition::HeldFor { reason: reason.as_str() }))
        }),
        Argument::own("overdue", "Boolean", |given| {
            let overdue = Condition::Overdue { now: given.now };
            Ok(Some(if given.bool()? { overdue } else { Condition::Not(Box::new(overdue)) }))
        })
        .described("Whether the task is open although it was due before now."),
        Argument::own("awaitingMe", "Boolean", |given| {
            let awaiting = Condition::AwaitingMe(Awaiting::new(given.requester.id(), given.now));
            Ok(Some(if given.bool()? { awaiting } else { Condition::Not(Box::new(awaiting)) }))
        })
        .described(
            "Whether the task waits for the caller: an executor who is asked, has not voted and is not barred, while nobody else \
             works on it alone, and its follow-up date has passed or it is overdue.",
        ),
        Argument::own("claimedByMe", "Boolean", |given| {
            let claimed = Condition::ClaimedBy { user_id: given.requester.id(), now: given.now };
            Ok(Some(if given.bool()? { claimed } else { Condition::Not(Box::new(claimed)) }))
        })
        .described("Whether the caller has a claim on the task."),
        Argument::own("decidedByMe", "Boolean", |given| {
            Ok(Some(Condition::DecidedBy { user_id: given.requester.id(), has: given.bool()? }))
        })
        .described(
            "Whether the caller has voted on the task or on a record of it, at any step, and has not taken that back. A vote on \
             what has changed since is one, too.",
        ),
    ]
}

fn fields<S: EnumType + InputType>() -> Arguments {
    join([
        uuid("id", "ID", "id", "TaskGQLType"),
        global_int("entityType", "entity_type", "ContentType"),
        text("entityId", "String", "entity_id", &[Lookup::Exact]),
        text("source", "String", "source", TEXT),
        one_of::<S>("status", "status", TEXT),
        text("executorActionEvent", "String", "executor_action_event", TEXT),
        text("businessEvent", "String", "business_event", TEXT),
        of_record(),
        int("priority", "priority", RANGE),
        moment("dueDate", "due_date", RANGE),
        moment("followUpDate", "follow_up_date", RANGE),
        uuid("flowId", "ID", "flow_id", "TaskFlowGQLType"),
        uuid("currentStepId", "ID", "current_step_id", "TaskFlowStepGQLType"),
    ])
}

fn group(given: &Given<'_>) -> Result<Option<Condition>> {
    if given.text()?.is_none() {
        return Ok(None);
    }
    Ok(Some(Condition::equals("task_group_id", Value::Uuid(given.uuid("TaskGroupGQLType")?))))
}

/// Tasks about any of these entities. An empty list asks for nothing.
fn entity_ids(given: &Given<'_>) -> Result<Option<Condition>> {
    let ids = given.items()?;
    let values: Vec<Value> =
        ids.iter().map(|item| Ok(Value::Text(item.uuid("")?.to_string()))).collect::<Result<_>>()?;
    let field = "entity_id";
    Ok((!values.is_empty()).then_some(Condition::OneOf { field, values }))
}
