//! The bodies of webhooks: rows as GraphQL shows them to a superuser. An internal schema, which is exposed nowhere, shows
//! the snapshots in the event through the types of the interface, so that both always show the same.

use std::sync::Arc;

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Request, Schema};
use chrono::SecondsFormat;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::auth::requester::Requester;
use crate::domain::event_data::row_told;
use crate::domain::json::{Json, json};
use crate::domain::permission::Rights;
use crate::domain::text::camel_case;
use crate::error::{Error, Result};
use crate::graphql::function_run::types::FunctionRunNode;
use crate::graphql::protocol::context::ContextToBe;
use crate::graphql::task::types::TaskNode;
use crate::graphql::task_comment::TaskCommentNode;
use crate::graphql::task_executor::TaskExecutorNode;
use crate::graphql::task_flow::types::TaskFlowNode;
use crate::graphql::task_group::types::TaskGroupNode;
use crate::graphql::user::types::{UserNode, user};
use crate::model::entity::{Column, Entity as _};
use crate::model::function_run::FunctionRun;
use crate::model::task::Task;
use crate::model::task_comment::TaskComment;
use crate::model::task_executor::TaskExecutor;
use crate::model::task_flow::TaskFlow;
use crate::model::task_group::TaskGroup;
use crate::service::{ServiceContext, user as users};
use crate::signal::Event;

/// A kind of row of which an event can tell. The selected fields show the row as it was when the event happened, and the
/// names of the rows to which it points. Fields that are computed from other rows, such as progress, are left out, because
/// they would show the moment of the attempt.
struct Row {
    /// The name of the row in the event's data and in the body.
    name: &'static str,
    columns: &'static [Column],
    /// Columns that are not shown by a field of their own name, and the fields that show them.
    shown_as: &'static [(&'static str, &'static str)],
    /// Columns that receivers are not told, and why.
    left_out: &'static [(&'static str, &'static str)],
}

const ROWS: [Row; 6] = [
    Row {
        name: "task",
        columns: Task::COLUMNS,
        shown_as: &[
            ("data", "data businessData"),
            ("task_group_id", "taskGroup { id uuid code }"),
            ("flow_id", "flow { id uuid code name version }"),
            ("current_step_id", "currentStep { id uuid order }"),
        ],
        left_out: &[
            ("entity_type_id", "its number means something in this database only"),
            ("data_user", "who causes an event is in it as the user"),
            ("checker", "it is the source, where there is one"),
            ("due_by_lead_time", "the date itself is told"),
        ],
    },
    Row {
        name: "taskComment",
        columns: TaskComment::COLUMNS,
        shown_as: &[("task_id", "task { id uuid }"), ("mentions", "mentions { ...Person }")],
        left_out: &[],
    },
    Row {
        name: "taskGroup",
        columns: TaskGroup::COLUMNS,
        shown_as: &[
            ("escalations", "escalations { at offsetSeconds action taskGroupId priority }"),
            ("source_functions", "sourceFunctions { source onCompleted }"),
        ],
        left_out: &[
            ("threshold_kind", "the policy is told as clients of openIMIS know it"),
            ("forbid_maker", "rules for deciding are the module's own matter"),
            ("distinct_deciders", "rules for deciding are the module's own matter"),
        ],
    },
    Row {
        name: "taskExecutor",
        columns: TaskExecutor::COLUMNS,
        shown_as: &[("user_id", "user { ...Person }"), ("task_group_id", "taskGroup { id uuid code }")],
        left_out: &[],
    },
    Row {
        name: "taskFlow",
        columns: TaskFlow::COLUMNS,
        shown_as: &[("source_functions", "sourceFunctions { source onCompleted }")],
        left_out: &[
            ("lineage_id", "versions of a flow have one code"),
            ("replacement_uuid", "an event of its own tells of the version that replaces it"),
        ],
    },
    Row {
        name: "functionRun",
        columns: FunctionRun::COLUMNS,
        shown_as: &[
            ("date_status", "statusChangedTimestamp"),
            ("triggered_by", "trigger"),
            ("error_name", "error { name message type }"),
            ("date_start", "startTimestamp"),
            ("user_created", "createdByUser { ...Person }"),
            ("date_created", "creationTimestamp"),
            ("date_updated", "updateTimestamp"),
            ("date_begun", "begunTimestamp"),
            ("retry_for", "retryForRunIds"),
            ("date_scheduled", "scheduledTimestamp"),
            ("retried_by", "retriedByRunId"),
        ],
        left_out: &[
            ("error_message", "it is in the error"),
            ("error_type", "it is in the error"),
            ("leased_by", "leases are the module's own matter"),
            ("lease_until", "leases are the module's own matter"),
            ("attempts", "another attempt is another run"),
        ],
    },
];

/// The fields that show the common columns of all rows.
const RECORD: [(&str, &str); 3] = [
    ("id", "id uuid"),
    ("user_created", "userCreated { ...Person }"),
    ("user_updated", "userUpdated { ...Person }"),
];

/// Columns that receivers are not told, as the name of the row, the column and the reason.
pub fn left_out() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    ROWS.into_iter()
        .flat_map(|row| row.left_out.iter().map(move |(column, reason)| (row.name, *column, *reason)))
}

impl Row {
    /// The selection of the row with its fields, if the query asks for it.
    fn selection(&self) -> String {
        let shown = |column: &Column| {
            let otherwise = self.shown_as.iter().chain(&RECORD).find(|(name, _)| *name == column.name);
            otherwise.map_or_else(|| camel_case(column.name), |(_, selection)| (*selection).to_owned())
        };
        let told = self
            .columns
            .iter()
            .filter(|column| self.left_out.iter().all(|(left_out, _)| *left_out != column.name));
        let fields: Vec<String> = told.map(shown).collect();
        format!("{0} @include(if: ${0}) {{ {1} }}", self.name, fields.join(" "))
    }
}

/// The query of all rows with their fields, and of the person who caused the event.
fn query() -> String {
    let variables = ROWS.map(|row| format!("${}: Boolean!", row.name)).join(", ");
    let rows = ROWS.map(|row| row.selection()).join(" ");
    format!(
        "query({variables}) {{ {rows} user {{ ...Person }} }} \
         fragment Person on UserGQLType {{ id username otherNames lastName }}"
    )
}

/// The facts in the event's data that receivers are told, if the data has them.
const FACTS: [&str; 6] = ["result", "rejectedRecordIds", "vote", "comment", "rule", "cause"];

/// Writes the bodies of webhooks.
pub struct WebhookPayloads {
    schema: Schema<Shown, EmptyMutation, EmptySubscription>,
    query: String,
}

impl Default for WebhookPayloads {
    fn default() -> Self {
        Self { schema: Schema::new(Shown, EmptyMutation, EmptySubscription), query: query() }
    }
}

impl WebhookPayloads {
    /// The body that tells of an event: `type`, `timestamp` and `data`, in the form of Standard Webhooks.
    ///
    /// # Errors
    /// INTERNAL when the event can't be shown.
    pub async fn body(&self, services: &Arc<ServiceContext>, event: &Event) -> Result<Json> {
        let people = users::of_visible_rows(services, vec![event.user_id]).await?;
        let cause = people.into_iter().next();
        let cause = cause.ok_or_else(|| Error::internal(format!("there is no user {}", event.user_id)))?;
        let rights = Rights { is_superuser: true, ..Rights::default() };
        let reader = Arc::new(Requester::new(cause, rights, None));
        let context = ContextToBe::new(services, Some(reader), None);
        let batches = context.batches();
        let wanted: Map<String, Value> = ROWS
            .iter()
            .map(|row| (row.name.to_owned(), (row.name == event.signal.row_name()).into()))
            .collect();
        let variables = async_graphql::Variables::from_json(Value::Object(wanted));
        let query = Request::new(&self.query)
            .variables(variables)
            .data(Arc::new(context))
            .data(Snapshot { event: event.clone() });
        let answer = batches.drive(self.schema.execute(query)).await;
        if let Some(error) = answer.errors.into_iter().next() {
            return Err(match error.source::<Error>() {
                Some(own) if own.is_internal() => Error::internal(
                    std::error::Error::source(own).map_or_else(|| own.to_string(), ToString::to_string),
                ),
                _ => Error::internal(error.message),
            });
        }
        let mut data = Json::of(&answer.data);
        if let Json::Object(data) = &mut data {
            for fact in FACTS {
                if let Some(value) = event.data.get(fact) {
                    data.insert(fact.to_owned(), value.clone());
                }
            }
        }
        let timestamp = event.date.and_utc().to_rfc3339_opts(SecondsFormat::Micros, true);
        Ok(json!({ "type": event.signal.as_str(), "timestamp": timestamp, "data": data }))
    }
}

/// The rows as they were when the event happened.
struct Snapshot {
    event: Event,
}

impl Snapshot {
    fn row<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let row = self.event.data.get(row_told(self.event.signal)).map(Json::read_flattened);
        row.transpose().map_err(Error::internal)
    }
}

/// The root of the internal schema.
struct Shown;

#[Object]
impl Shown {
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<TaskNode>> {
        Ok(snapshot(ctx)?.row::<Task>()?.map(TaskNode::from))
    }

    async fn task_comment(&self, ctx: &Context<'_>) -> Result<Option<TaskCommentNode>> {
        Ok(snapshot(ctx)?.row::<TaskComment>()?.map(TaskCommentNode::from))
    }

    async fn task_group(&self, ctx: &Context<'_>) -> Result<Option<TaskGroupNode>> {
        Ok(snapshot(ctx)?.row::<TaskGroup>()?.map(TaskGroupNode::from))
    }

    async fn task_executor(&self, ctx: &Context<'_>) -> Result<Option<TaskExecutorNode>> {
        Ok(snapshot(ctx)?.row::<TaskExecutor>()?.map(TaskExecutorNode::from))
    }

    async fn task_flow(&self, ctx: &Context<'_>) -> Result<Option<TaskFlowNode>> {
        Ok(snapshot(ctx)?.row::<TaskFlow>()?.map(TaskFlowNode::from))
    }

    async fn function_run(&self, ctx: &Context<'_>) -> Result<Option<FunctionRunNode>> {
        Ok(snapshot(ctx)?.row::<FunctionRun>()?.map(FunctionRunNode::from))
    }

    /// The person who caused the event; for a decision, the decider.
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, snapshot(ctx)?.event.user_id).await
    }
}

fn snapshot<'a>(ctx: &Context<'a>) -> Result<&'a Snapshot> {
    ctx.data::<Snapshot>().map_err(|error| Error::internal(error.message))
}
