//! `FunctionRunGQLType`. Its fields have Extra Horizon's names.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use uuid::Uuid;

use crate::domain::function_run::{LogLine, RunError};
use crate::error::Result;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::scalars::{BigInt, JsonString, Moment, global_id};
use crate::graphql::user::types::{UserNode, user};
use crate::model::function_run::FunctionRun;

/// The status of a run, in the order of its life. All but NEW and IN_PROGRESS are final.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::function_run::RunStatus")]
pub enum FunctionRunStatus {
    /// It waits until it is begun.
    New,
    /// A process executes it.
    InProgress,
    /// It ended well.
    Complete,
    /// It failed, and is not tried again.
    Failed,
    /// It failed, and another run tries again.
    Retried,
    /// Somebody gave it up before it was begun.
    Canceled,
}

/// What started a run.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::function_run::RunTrigger")]
pub enum FunctionRunTrigger {
    /// Somebody asked for it.
    Direct,
    /// It was time.
    Schedule,
    /// A task was decided.
    Task,
    /// Something happened of which a dispatcher is told.
    Event,
}

/// Where a run failed.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::function_run::RunErrorType")]
pub enum FunctionRunErrorType {
    /// Before the function: it could not be begun.
    Invocation,
    /// In the function, or because it took too long.
    Runtime,
    /// After it: what it answered can't be kept.
    Response,
}

shows! {
    /// A run: an execution of a function with its input, and what came of it.
    #[graphql(name = "FunctionRunGQLType", complex)]
    pub struct FunctionRunNode of run: FunctionRun {
        pub id: ID = global_id("FunctionRunGQLType", run.id),
        uuid: String = run.id.to_string(),
        /// The key of the function, which may be deleted since.
        function_id: String,
        function_name: String = run.function_name.clone(),
        status: FunctionRunStatus = run.status.into(),
        status_changed_timestamp: Moment = Moment(run.date_status),
        trigger: FunctionRunTrigger = run.triggered_by.into(),
        /// The error with which it failed.
        error: Option<FunctionRunError> = run.error().map(FunctionRunError::from),
        /// Words by which the run is found.
        tags: Vec<String> = run.tag_list(),
        /// When it may be begun.
        start_timestamp: Moment = Moment(run.date_start),
        /// Of one function, runs of a higher priority are begun first, and of the same priority those that start earlier.
        priority: BigInt,
        creation_timestamp: Moment = Moment(run.date_created),
        update_timestamp: Moment = Moment(run.date_updated),
        /// When it was begun.
        begun_timestamp: Option<Moment> = run.date_begun.map(Moment),
        /// The runs for which it is another attempt, the first one first.
        retry_for_run_ids: Vec<String> = run.retried_runs().iter().map(Uuid::to_string).collect(),
        /// The run that tries again.
        retried_by_run_id: Option<String> = run.retried_by.map(|id| id.to_string()),
        /// How many runs stand behind it, one causing the next.
        cause_depth: i32,
        /// The key of the schedule that started it.
        schedule_id: Option<String>,
        /// The moment of the schedule; null for another attempt.
        scheduled_timestamp: Option<Moment> = run.date_scheduled.map(Moment),
        /// The key of the task whose decision it carries out.
        task_id: Option<String>,
        /// The key of the dispatcher that started it.
        dispatcher_id: Option<String>,
        /// The own id of the event of which that was told; null for another attempt.
        event_id: Option<String>,
        /// The input.
        data: JsonString = JsonString::from(run.data),
        /// The result, once it is complete.
        result: Option<JsonString> = run.result.map(JsonString::from),
        #[graphql(skip)]
        key: Uuid = run.id,
        #[graphql(skip)]
        user_created: Uuid,
    }
}

/// Why a run failed.
#[derive(SimpleObject)]
pub struct FunctionRunError {
    /// Its name, by which retry policies know it, such as `timeLimitExceeded` or `zombieTaskCleaned`.
    name: String,
    message: String,
    #[graphql(name = "type")]
    kind: FunctionRunErrorType,
}

/// A line of a run's log.
#[derive(SimpleObject)]
pub struct FunctionRunLogLine {
    message: String,
    timestamp: Moment,
}

impl From<RunError> for FunctionRunError {
    fn from(error: RunError) -> Self {
        Self { name: error.name, message: error.message, kind: error.kind.into() }
    }
}

impl From<LogLine> for FunctionRunLogLine {
    fn from(line: LogLine) -> Self {
        Self { message: line.message, timestamp: Moment(line.timestamp) }
    }
}

#[ComplexObject]
impl FunctionRunNode {
    /// The person who asked for the run.
    async fn created_by_user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.user_created).await
    }

    /// What the run has said, once it has ended: a thousand lines and 100 KiB at most. Empty for people who may not read it.
    async fn logs(&self, ctx: &Context<'_>) -> Result<Vec<FunctionRunLogLine>> {
        let log = request(ctx)?.logs.load_one(self.key).await.map_err(shared)?;
        Ok(log.into_iter().flat_map(|log| log.log_lines()).map(FunctionRunLogLine::from).collect())
    }
}
