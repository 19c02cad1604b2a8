//! What webhook endpoints are told: the rows as GraphQL shows them to a superuser. An internal schema, which is exposed
//! nowhere, shows the snapshots that are in the event through the types of the interface, so both always say the same.

use std::sync::Arc;

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Request, Schema};
use chrono::SecondsFormat;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::domain::permission::Rights;
use crate::error::{Error, Result};
use crate::graphql::protocol::context::{Cookies, RequestContext};
use crate::graphql::task::types::TaskNode;
use crate::graphql::task_executor::types::TaskExecutorNode;
use crate::graphql::task_flow::types::TaskFlowNode;
use crate::graphql::task_group::types::TaskGroupNode;
use crate::graphql::user::types::{UserNode, user};
use crate::service::{ServiceContext, user as users};
use crate::signal::Event;

/// What is selected: what the row was when the event happened, and what others call the rows that it names. What is worked
/// out from other rows, such as progress, would tell of the moment of the attempt.
const SELECTION: &str = "
    query($task: Boolean!, $taskGroup: Boolean!, $taskExecutor: Boolean!, $taskFlow: Boolean!) {
        task @include(if: $task) {
            id uuid isDeleted jsonExt dateCreated dateUpdated version source entityId entityString status
            executorActionEvent businessStatus businessEvent data businessDataSerializer businessData
            userCreated { ...Person } userUpdated { ...Person }
            taskGroup { id uuid code } flow { id uuid code name version } currentStep { id uuid order }
        }
        taskGroup @include(if: $taskGroup) {
            id uuid isDeleted jsonExt dateCreated dateUpdated version code completionPolicy threshold
            userCreated { ...Person } userUpdated { ...Person }
        }
        taskExecutor @include(if: $taskExecutor) {
            id uuid isDeleted jsonExt dateCreated dateUpdated version weight
            user { ...Person } taskGroup { id uuid code }
            userCreated { ...Person } userUpdated { ...Person }
        }
        taskFlow @include(if: $taskFlow) {
            id uuid isDeleted jsonExt dateCreated dateUpdated version code name dateValidFrom dateValidTo
            userCreated { ...Person } userUpdated { ...Person }
        }
        user { ...Person }
    }
    fragment Person on UserGQLType { id username otherNames lastName }
";

/// The rows of which an event can tell, as its data and the answer name them.
const ROWS: [&str; 4] = ["task", "taskGroup", "taskExecutor", "taskFlow"];
/// What else of the event's data goes to receivers, where it is there.
const FACTS: [&str; 4] = ["result", "rejectedRecordIds", "vote", "comment"];

/// Writes what webhook endpoints are told.
pub struct WebhookPayloads {
    schema: Schema<Shown, EmptyMutation, EmptySubscription>,
}

impl Default for WebhookPayloads {
    fn default() -> Self {
        Self { schema: Schema::new(Shown, EmptyMutation, EmptySubscription) }
    }
}

impl WebhookPayloads {
    /// The body that tells of an event: `type`, `timestamp` and `data`, as Standard Webhooks has it.
    ///
    /// # Errors
    /// INTERNAL when the event can't be shown; what the database says.
    pub async fn body(&self, services: &Arc<ServiceContext>, event: &Event) -> Result<Value> {
        let people = users::of_visible_rows(services, vec![event.user_id]).await?;
        let cause = people.into_iter().next();
        let cause = cause.ok_or_else(|| Error::internal(format!("there is no user {}", event.user_id)))?;
        let rights = Rights { is_superuser: true, ..Rights::default() };
        let reader = Arc::new(Requester { user: cause, rights, session_id: None });
        let context = RequestContext::new(services, Some(reader), Cookies::default(), None);
        let batches = context.batches.clone();
        let wanted: Map<String, Value> =
            ROWS.iter().map(|row| ((*row).to_owned(), event.data.get(row).is_some().into())).collect();
        let variables = async_graphql::Variables::from_json(Value::Object(wanted));
        let query = Request::new(SELECTION)
            .variables(variables)
            .data(context)
            .data(Snapshot { rows: event.data.clone(), user_id: event.user_id });
        let answer = batches.drive(self.schema.execute(query)).await;
        if let Some(error) = answer.errors.into_iter().next() {
            return Err(match error.source::<Error>() {
                Some(own) if own.is_internal() => Error::internal(
                    std::error::Error::source(own).map_or_else(|| own.to_string(), ToString::to_string),
                ),
                _ => Error::internal(error.message),
            });
        }
        let mut data = answer.data.into_json().map_err(Error::internal)?;
        if let Value::Object(data) = &mut data {
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
    rows: Value,
    user_id: Uuid,
}

impl Snapshot {
    fn row<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let row = self.rows.get(name).cloned().map(serde_json::from_value);
        row.transpose().map_err(Error::internal)
    }
}

/// The root of the internal schema.
struct Shown;

#[Object]
impl Shown {
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<TaskNode>> {
        Ok(snapshot(ctx)?.row("task")?.map(TaskNode))
    }

    async fn task_group(&self, ctx: &Context<'_>) -> Result<Option<TaskGroupNode>> {
        Ok(snapshot(ctx)?.row("taskGroup")?.map(TaskGroupNode))
    }

    async fn task_executor(&self, ctx: &Context<'_>) -> Result<Option<TaskExecutorNode>> {
        Ok(snapshot(ctx)?.row("taskExecutor")?.map(TaskExecutorNode))
    }

    async fn task_flow(&self, ctx: &Context<'_>) -> Result<Option<TaskFlowNode>> {
        Ok(snapshot(ctx)?.row("taskFlow")?.map(TaskFlowNode))
    }

    /// Who caused the event: the decider, where something was decided.
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, snapshot(ctx)?.user_id).await
    }
}

fn snapshot<'a>(ctx: &Context<'a>) -> Result<&'a Snapshot> {
    ctx.data::<Snapshot>().map_err(|error| Error::internal(error.message))
}
