//! `TaskFunctionGQLType`, its history, and what both have.

use async_graphql::{ComplexObject, Context, Enum, SimpleObject};

use crate::error::Result;
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::registered::Registered;
use crate::graphql::protocol::scalars::{BigInt, Moment};
use crate::graphql::record::{LiveRecord, RecordVersion};
use crate::graphql::user::types::{UserNode, user_if_any};
use crate::model::history::Historical;
use crate::model::task_function::{TaskFunction, VariableName};

/// What carries a function out.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::task_function::FunctionKind")]
pub enum TaskFunctionKind {
    /// Rust that the host of this module has registered under the function's name.
    Handler,
    /// A receiver that is sent each run by a signed POST; the JSON that it answers is the result.
    Http,
    /// A module in JavaScript, executed by a process of its own for each run, without files and network.
    Javascript,
}

/// Who may have a function run.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::task_function::PermissionMode", rename_items = "camelCase")]
pub enum TaskFunctionPermissionMode {
    /// People with the right to create runs, or to execute functions.
    PermissionRequired,
    /// Everybody who is logged in.
    AllUsers,
    /// The same, and strangers by HTTP. Needs the setting `functions.public_api`.
    Public,
}

/// A function: logic that is executed with inputs. Each execution is a run.
#[derive(SimpleObject)]
#[graphql(name = "TaskFunctionGQLType")]
pub struct TaskFunctionNode {
    #[graphql(flatten)]
    pub record: LiveRecord,
    #[graphql(flatten)]
    fields: FunctionFields,
}

/// A function as it was after a write.
#[derive(SimpleObject)]
#[graphql(name = "TaskFunctionHistoryGQLType")]
pub struct TaskFunctionHistoryNode {
    #[graphql(flatten)]
    pub record: RecordVersion,
    #[graphql(flatten)]
    fields: FunctionFields,
}

shows! {
    /// The fields that functions and their versions have.
    #[graphql(complex)]
    struct FunctionFields keeps function: TaskFunction {
        /// Its name, which never changes.
        name: String,
        /// What it is for.
        description: String,
        kind: TaskFunctionKind = function.kind.into(),
        /// Where its receiver stands, if it has one.
        url: Option<String>,
        /// The module in JavaScript whose default export is called.
        source: Option<String>,
        /// How many megabytes of memory a run in JavaScript may take.
        memory_limit: Option<i32>,
        /// How many seconds a run may take.
        time_limit: i32,
        permission_mode: TaskFunctionPermissionMode = function.permission_mode.into(),
        /// The priority of runs for which none is said.
        default_priority: BigInt,
        /// Whether a run may be executed again that a process began which is gone.
        is_idempotent: bool,
        /// Whether runs are taken and begun.
        is_enabled: bool,
        /// How many of its runs each process executes at once.
        max_concurrency: i32,
        /// How many of its runs are begun in a minute, by all processes together. More wait.
        runs_per_minute: i32,
        /// When a run that failed is tried again.
        retry_policy: TaskFunctionRetryPolicy = function.retry_policy().into(),
        /// Its environment variables. Nobody is shown their values.
        environment_variables: Vec<TaskFunctionVariable> = function.variables().into_iter().map(Into::into).collect(),
        /// Since when messages to its receiver are signed with the present secret.
        date_secret: Option<Moment>,
    }
}

shows! {
    /// An environment variable of a function. Nobody is shown its value.
    #[graphql(name = "TaskFunctionVariable")]
    pub struct TaskFunctionVariable of variable: VariableName {
        name: String,
        /// Since when it has its present value.
        date_set: Moment,
    }
}

/// When a run that failed is tried again.
#[derive(SimpleObject)]
pub struct TaskFunctionRetryPolicy {
    /// Whether it is.
    enabled: bool,
    /// The names of the errors after which it is; an empty list means all errors.
    errors_to_retry: Vec<String>,
    /// How many seconds it waits before each attempt. It is given up after the last one.
    pauses_seconds: Vec<i64>,
}

impl From<crate::domain::task_function::RetryPolicy> for TaskFunctionRetryPolicy {
    fn from(policy: crate::domain::task_function::RetryPolicy) -> Self {
        Self {
            enabled: policy.enabled,
            errors_to_retry: policy.errors_to_retry,
            pauses_seconds: policy.pauses_seconds,
        }
    }
}

impl From<TaskFunction> for TaskFunctionNode {
    fn from(function: TaskFunction) -> Self {
        Self { record: LiveRecord::new("TaskFunctionGQLType", &function.record), fields: function.into() }
    }
}

impl From<Historical<TaskFunction>> for TaskFunctionHistoryNode {
    fn from(version: Historical<TaskFunction>) -> Self {
        let Historical { row, history } = version;
        Self {
            record: RecordVersion::new("TaskFunctionHistoryGQLType", &row.record, history),
            fields: row.into(),
        }
    }
}

#[ComplexObject]
impl FunctionFields {
    /// The user in whose name its runs act.
    async fn service_account(&self, ctx: &Context<'_>) -> Result<Option<Registered<UserNode>>> {
        Ok(user_if_any(ctx, self.function.service_account).await?.map(Registered))
    }
}
