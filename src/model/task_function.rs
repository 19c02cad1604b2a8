//! The function: logic that is executed with inputs, by something that happens, by somebody, or when it is time.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entity::entity;
use super::sql_types::AsJson;
use crate::domain::json::Json;
use crate::domain::task_function::{FunctionKind, PermissionMode, RetryPolicy};
use crate::domain::webhook_endpoint::{WebhookSecret, rotate_secrets, valid_secrets};

entity! {
    /// A function as it is stored. What is secret about it is a `FunctionSecret`.
    pub struct TaskFunction ("task_function") in task_management_taskfunction (id),
    versions in task_management_historicaltaskfunction {
        /// Its name, unique among live functions. It never changes.
        name: String => Text,
        /// What it is for.
        description: String => Text,
        /// What carries it out.
        kind: FunctionKind => Text,
        /// Where its receiver stands; none for kinds that have none.
        url: Option<String> => Nullable<Text>,
        /// How many seconds a run may take.
        time_limit: i32 => Integer,
        /// Who may have it run.
        permission_mode: PermissionMode => Text,
        /// The priority of runs for which none is said.
        default_priority: i64 => BigInt,
        /// Whether a run may be executed again that a process began which is gone.
        is_idempotent: bool => Bool,
        /// Whether runs are taken and begun.
        is_enabled: bool => Bool,
        /// How many of its runs each process executes at once.
        max_concurrency: i32 => Integer,
        /// How many of its runs are begun in a minute, by all processes together.
        runs_per_minute: i32 => Integer,
        /// When a run that failed is tried again: a [`RetryPolicy`].
        retry_policy: Json => Jsonb,
        /// The user in whose name its runs act.
        service_account: Option<Uuid> => Nullable<Uuid>,
        /// The names of its environment variables and since when each has its value, a list of `VariableName`s.
        environment: Json => Jsonb,
        /// Since when its messages are signed with the present secret, naive UTC.
        date_secret: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// The module in JavaScript whose default export is called; none for other kinds.
        source: Option<String> => Nullable<Text>,
        /// How many megabytes of memory a run may take; none for other kinds.
        memory_limit: Option<i32> => Nullable<Integer>,
    }
}

entity! {
    /// What is secret about a function, in sealed form.
    pub struct FunctionSecret ("function_secret") in task_management_functionsecret (id) {
        /// The function's key.
        id: Uuid => Uuid,
        /// The secrets that sign messages to its receiver, the present one first.
        secrets: AsJson<Vec<WebhookSecret>> => Jsonb,
        /// The values of its environment variables, an object of texts.
        variables: Json => Jsonb,
    }
}

entity! {
    /// How many runs of a function were begun in the minute in which one was begun last.
    #[derive(Copy, Eq)]
    pub struct FunctionMeter ("function_meter") in task_management_functionmeter (id) {
        /// The function's key.
        id: Uuid => Uuid,
        /// The beginning of that minute, naive UTC.
        minute: NaiveDateTime => Timestamp,
        /// How many were begun in it.
        begun: i64 => BigInt,
    }
}

/// An environment variable without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VariableName {
    /// Its name.
    pub name: String,
    /// Since when it has its present value, naive UTC.
    pub date_set: NaiveDateTime,
}

impl FunctionSecret {
    /// The secrets that sign at this moment, the present one first.
    pub fn valid_secrets(&self, now: NaiveDateTime) -> impl Iterator<Item = &str> {
        valid_secrets(&self.secrets, now)
    }

    /// Signs with `secret` from now on, and with the previous secret until `keep_old_until`.
    pub fn rotate(&mut self, secret: String, keep_old_until: NaiveDateTime) {
        rotate_secrets(&mut self.secrets, secret, keep_old_until);
    }
}

impl TaskFunction {
    /// When a run that failed is tried again.
    #[must_use]
    pub fn retry_policy(&self) -> RetryPolicy {
        self.retry_policy.read().unwrap_or_default()
    }

    /// Its environment variables without their values, by name.
    #[must_use]
    pub fn variables(&self) -> Vec<VariableName> {
        self.environment.read().unwrap_or_default()
    }
}
