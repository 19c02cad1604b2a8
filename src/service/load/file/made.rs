//! Rows of a file that are made as mutations make them: with the same fields, the same usual values and the same checks.

use chrono::NaiveDateTime;
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::function_schedule::CatchUp;
use crate::domain::json::Json;
use crate::domain::task_dispatcher::{DispatchAction, DispatchCondition};
use crate::domain::task_function::{FunctionKind, PermissionMode, RetryPolicy};
use crate::model::entity::Entity as _;
use crate::model::function_schedule::FunctionSchedule;
use crate::model::task_dispatcher::TaskDispatcher;
use crate::model::task_function::TaskFunction;
use crate::model::task_template::TaskTemplate;
use crate::model::user::User;
use crate::service::function_schedule::{CreateFunctionSchedule, FunctionScheduleChange};
use crate::service::task_dispatcher::{CreateTaskDispatcher, TaskDispatcherChange};
use crate::service::task_function::{CreateTaskFunction, EnvironmentVariable, TaskFunctionChange};
use crate::service::task_template::CreateTaskTemplate;

/// A function.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadedFunction {
    pub id: Uuid,
    pub name: String,
    kind: FunctionKind,
    description: Option<String>,
    url: Option<String>,
    pub source: Option<String>,
    memory_limit: Option<i32>,
    time_limit: Option<i32>,
    permission_mode: Option<PermissionMode>,
    default_priority: Option<i64>,
    is_idempotent: Option<bool>,
    is_enabled: Option<bool>,
    max_concurrency: Option<i32>,
    runs_per_minute: Option<i32>,
    retry_policy: Option<LoadedRetryPolicy>,
    service_account: Option<Uuid>,
    environment_variables: Option<Vec<EnvironmentVariable>>,
    json_ext: Option<Json>,
    /// The secret that its receiver knows already; without one, it gets a new one.
    pub secret: Option<String>,
}

/// The secret and the values of variables stay out of logs.
impl std::fmt::Debug for LoadedFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedFunction").field("name", &self.name).finish_non_exhaustive()
    }
}

/// When a run that failed is tried again.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LoadedRetryPolicy {
    enabled: bool,
    errors_to_retry: Option<Vec<String>>,
    pauses_seconds: Option<Vec<i64>>,
}

impl LoadedRetryPolicy {
    fn read(&self) -> RetryPolicy {
        let usual = RetryPolicy::default();
        RetryPolicy {
            enabled: self.enabled,
            errors_to_retry: self.errors_to_retry.clone().unwrap_or(usual.errors_to_retry),
            pauses_seconds: self.pauses_seconds.clone().unwrap_or(usual.pauses_seconds),
        }
    }
}

impl LoadedFunction {
    /// What a mutation would be asked for.
    pub fn input(&self) -> CreateTaskFunction {
        let change = TaskFunctionChange {
            description: self.description.clone(),
            url: self.url.clone(),
            source: self.source.clone(),
            memory_limit: self.memory_limit,
            time_limit: self.time_limit,
            permission_mode: self.permission_mode,
            default_priority: self.default_priority,
            is_idempotent: self.is_idempotent,
            is_enabled: self.is_enabled,
            max_concurrency: self.max_concurrency,
            runs_per_minute: self.runs_per_minute,
            retry_policy: self.retry_policy.as_ref().map(LoadedRetryPolicy::read),
            service_account: self.service_account.map(Some),
            environment_variables: self.environment_variables.clone(),
            json_ext: self.json_ext.clone().map(Some),
        };
        CreateTaskFunction { name: self.name.clone(), kind: self.kind, change }
    }
}

/// A schedule of a function.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadedSchedule {
    pub id: Uuid,
    function_name: String,
    data: Option<Json>,
    priority: Option<i64>,
    start_timestamp: Option<NaiveDateTime>,
    interval_seconds: Option<i32>,
    cron: Option<String>,
    time_zone: Option<String>,
    catch_up: Option<CatchUp>,
    is_enabled: Option<bool>,
}

impl LoadedSchedule {
    /// What a mutation would be asked for.
    pub fn input(&self) -> CreateFunctionSchedule {
        let change = FunctionScheduleChange {
            data: self.data.clone(),
            priority: self.priority.map(Some),
            start_timestamp: self.start_timestamp.map(Some),
            interval_seconds: self.interval_seconds.map(Some),
            cron: self.cron.clone().map(Some),
            time_zone: self.time_zone.clone().map(Some),
            catch_up: self.catch_up,
            is_enabled: self.is_enabled,
        };
        CreateFunctionSchedule { function_name: self.function_name.clone(), change }
    }
}

/// A template of mails.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadedTemplate {
    pub id: Uuid,
    pub name: String,
    language: String,
    subject: String,
    text: String,
    html: Option<String>,
}

impl LoadedTemplate {
    /// What a mutation would be asked for.
    pub fn input(&self) -> CreateTaskTemplate {
        CreateTaskTemplate {
            name: self.name.clone(),
            language: self.language.clone(),
            subject: self.subject.clone(),
            text: self.text.clone(),
            html: self.html.clone(),
        }
    }
}

/// A dispatcher.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadedDispatcher {
    pub id: Uuid,
    pub name: String,
    signal: String,
    description: Option<String>,
    when: Option<Vec<DispatchCondition>>,
    actions: Vec<DispatchAction>,
    tags: Option<Vec<String>>,
    is_enabled: Option<bool>,
}

impl LoadedDispatcher {
    /// What a mutation would be asked for.
    pub fn input(&self) -> CreateTaskDispatcher {
        let change = TaskDispatcherChange {
            description: self.description.clone(),
            when: self.when.clone(),
            actions: Some(self.actions.clone()),
            tags: self.tags.clone(),
            is_enabled: self.is_enabled,
        };
        CreateTaskDispatcher { name: self.name.clone(), signal: self.signal.clone(), change }
    }
}

type LeftOut = (&'static str, &'static str);

/// Columns that no file has for what is made, and why.
const MADE_NOW: [LeftOut; 6] = [
    ("is_deleted", "what is made is there"),
    ("version", "what is made has its first version"),
    ("date_created", "it is made now"),
    ("date_updated", "it is made now"),
    ("user_created", "the system user makes it"),
    ("user_updated", "the system user makes it, and answers for it"),
];

const NOT_SET: LeftOut = ("json_ext", "nothing else sets it either");

/// Columns that files do not have, as the table, the column and the reason.
pub fn left_out() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    const TABLES: [(&str, &[LeftOut]); 5] = [
        (User::TABLE, &[("last_login", "nobody has logged in here"), NOT_SET]),
        (TaskFunction::TABLE, &[("date_secret", "the secret is set now")]),
        (FunctionSchedule::TABLE, &[("function_id", "follows from functionName"), NOT_SET]),
        (TaskTemplate::TABLE, &[NOT_SET]),
        (TaskDispatcher::TABLE, &[NOT_SET]),
    ];
    TABLES.into_iter().flat_map(|(table, own)| {
        MADE_NOW.iter().chain(own).map(move |(column, reason)| (table, *column, *reason))
    })
}
