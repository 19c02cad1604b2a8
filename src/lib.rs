//! Human tasks: somebody proposes a change, a task is created for it, a group of executors decides, and a bound handler
//! carries the decision out. That happens once, it is not lost, and history keeps it.
//!
//! The interface is the GraphQL of openIMIS' `tasks_management`. This crate is a server (the binary of the same name)
//! and a library for other axum backends: [`Builder`] puts the module together, [`TaskManagement`] gives its router, its
//! services and its workers.
//!
//! ```
//! use tasks_management::{Builder, Settings, Signal, Signals};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let file = std::env::temp_dir().join(format!("embed-{}.db", uuid::Uuid::new_v4()));
//! let mut settings = Settings::default();
//! settings.database.url = format!("sqlite://{}", file.display());
//! let signals = Signals::builder().within(Signal::TaskComplete, |_connection, event| {
//!     println!("decided: {}", event.data);
//!     Ok(())
//! });
//! let module = Builder::new(settings).signals(signals).build()?;
//! module.migrate().await?;
//! let app: axum::Router = axum::Router::new().merge(module.router());
//! # Ok(())
//! # }
//! ```
//!
//! A host can bring its own users ([`Users`]), entities ([`EntityType`]), pool ([`Database::from_pool`]) and schema
//! ([`TaskManagement::query`]), and put its services under maker-checker ([`CheckedService`]).

#![deny(missing_docs)]
#![cfg_attr(
    not(all(
        feature = "javascript",
        feature = "mail",
        feature = "postgres",
        feature = "server",
        feature = "sqlite",
        feature = "webhooks"
    )),
    allow(
        dead_code,
        unused_imports,
        unused_variables,
        reason = "what only a missing feature uses stays where it is"
    )
)]

#[cfg(not(any(feature = "postgres", feature = "sqlite")))]
compile_error!("tasks-management needs the feature `postgres` or `sqlite`");

mod app;
mod auth;
mod budget;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod cli;
mod clock;
pub mod config;
mod db;
mod domain;
mod error;
#[cfg(feature = "javascript")]
mod function_runner;
#[cfg(not(feature = "javascript"))]
#[path = "function_runner/no_runner.rs"]
mod function_runner;
mod graphql;
#[cfg(feature = "server")]
mod http;
mod message;
mod model;
mod reports;
mod service;
mod signal;
mod worker;

pub use app::{Builder, Page, TaskManagement};
pub use auth::host_key::HostKey;
pub use auth::people::{Account, People, Remote, Wanted};
pub use auth::requester::Requester;
pub use auth::users::{Ahead, Person, Users};
pub use clock::{Clock, FixedClock, SystemClock};
pub use config::Settings;
#[cfg(feature = "postgres")]
pub use db::connection::PgLink;
#[cfg(feature = "sqlite")]
pub use db::connection::SqliteLink;
pub use db::connection::{Database, DbConnection, HostPool, Link};
pub use domain::bulk::{BulkMode, Outcome};
pub use domain::claim::{ClaimEnd, ClaimMode};
pub use domain::completion_policy::{CompletionPolicy, PolicyRule};
pub use domain::escalation::{EscalationAction, EscalationAt, EscalationRule};
// For auditors, who can weigh the votes of the ledger again.
pub use domain::decision;
pub use domain::function_run::{LogLine, RunError, RunErrorType, RunStatus, RunTrigger};
pub use domain::function_schedule::CatchUp;
pub use domain::json::{Json, JsonError, JsonFault};
pub use domain::permission::Rights;
pub use domain::settings::{ModuleSettings, Reevaluate};
pub use domain::signal::Signal;
pub use domain::task::TaskStatus;
pub use domain::task_dispatcher::{DispatchAction, DispatchActionKind, DispatchCondition, DispatchOp};
pub use domain::task_function::{FunctionKind, PermissionMode, RetryPolicy};
pub use domain::task_source::SourceFunction;
pub use domain::user::SYSTEM_USER;
pub use domain::verdict::Verdict;
pub use error::{Error, ErrorCode, Result};
pub use function_runner::{FunctionRunner, function_runner};
pub use graphql::protocol::context::{RequestId, requester};
pub use graphql::{
    CoreMutation, CoreQuery, JournalQuery, NodeQuery, TaskMutation, TaskQuery, TaskSubscription,
};
pub use message::Message;
pub use model::function_run::FunctionRun;
pub use model::function_schedule::FunctionSchedule;
pub use model::record::Record;
pub use model::task::Task;
pub use model::task_claim::TaskClaim;
pub use model::task_comment::TaskComment;
pub use model::task_dispatcher::TaskDispatcher;
pub use model::task_executor::TaskExecutor;
pub use model::task_flow::TaskFlow;
pub use model::task_flow_step::TaskFlowStep;
pub use model::task_function::TaskFunction;
pub use model::task_group::TaskGroup;
pub use model::user::User;
pub use service::facade::{
    FunctionRunService, FunctionScheduleService, TaskClaimService, TaskCommentService, TaskDispatcherService,
    TaskExecutorService, TaskFlowService, TaskFunctionService, TaskGroupService, TaskService,
    WebhookEndpointService,
};
pub use service::function_handler::{FunctionCall, FunctionError};
pub use service::function_run::CreateFunctionRun;
pub use service::function_schedule::{CreateFunctionSchedule, FunctionScheduleChange};
pub use service::host::{BusinessDataSerializer, Entity, EntityType, ExecutorAction, Host};
pub use service::load::{File as LoadFile, Loaded};
pub use service::maker_checker::{Approved, CheckedService, ExecutionMode, MakerChecker, NotOffered};
pub use service::resolution::{ReEvaluate, ResolveTask, WithdrawTaskDecision};
pub use service::task::{CreateTask, Seen, SeenTask, UpdateTask};
pub use service::task_claim::{AssignTask, ClaimTask};
pub use service::task_comment::{CreateTaskComment, UpdateTaskComment};
pub use service::task_dispatcher::{CreateTaskDispatcher, TaskDispatcherChange};
pub use service::task_flow::{CreateTaskFlow, ReplaceTaskFlow, TaskFlowStepInput, UpdateTaskFlow};
pub use service::task_function::{CreateTaskFunction, EnvironmentVariable, TaskFunctionChange};
pub use service::task_group::TaskGroupInput;
pub use service::webhook_endpoint::WebhookEndpointChange;
pub use signal::bus::{Bus as Signals, BusBuilder as SignalsBuilder, HandlerError};
pub use signal::event::{CastVote, Decision, Event};

/// The columns and values that the code declares, for the tests that compare them with the databases.
#[doc(hidden)]
pub mod declared {
    pub use crate::domain::configuration::Layer;
    pub use crate::domain::history::HistoryType;
    pub use crate::domain::mail::{MailFrequency, MailRecipient, MailStatus};
    pub use crate::domain::outbox::DeliveryStatus;
    pub use crate::domain::security_log::SecurityEvent;
    pub use crate::domain::text::camel_case;
    pub use crate::graphql::webhook_endpoint::payload::left_out as not_told;
    pub use crate::model::TABLES;
    pub use crate::model::history::COLUMNS as HISTORY_COLUMNS;
    pub use crate::service::load::left_out as not_loaded;
}

/// The programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
