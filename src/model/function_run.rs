//! The run: an execution of a function with its input, and what came of it.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use crate::domain::function_run::{LogLine, RunError, RunErrorType, RunStatus, RunTrigger};
use crate::domain::json::Json;

entity! {
    /// A run as it is stored.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct FunctionRun ("function_run") in task_management_functionrun (id) {
        /// Primary key, UUIDv7.
        id: Uuid => Uuid,
        /// The function.
        function_id: Uuid => Uuid,
        /// The name of the function.
        function_name: String => Text,
        /// Its status.
        status: RunStatus => Text,
        /// Since when it has this status, naive UTC.
        date_status: NaiveDateTime => Timestamp,
        /// What started it.
        triggered_by: RunTrigger => Text,
        /// The input.
        data: Json => Jsonb,
        /// The result, once it is complete.
        result: Option<Json> => Nullable<Jsonb>,
        /// The name of the error with which it failed.
        error_name: Option<String> => Nullable<Text>,
        /// What the error says to people.
        error_message: Option<String> => Nullable<Text>,
        /// Where it failed.
        error_type: Option<RunErrorType> => Nullable<Text>,
        /// Words of clients by which they find it, a list of texts.
        tags: Json => Jsonb,
        /// When it may be begun, naive UTC.
        date_start: NaiveDateTime => Timestamp,
        /// How urgent it is: of one function, runs of a higher priority are begun first.
        priority: i64 => BigInt,
        /// The person who asked for it.
        user_created: Uuid => Uuid,
        /// When it was created, naive UTC.
        date_created: NaiveDateTime => Timestamp,
        /// When it was written last, naive UTC.
        date_updated: NaiveDateTime => Timestamp,
        /// When it was begun, naive UTC.
        date_begun: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// The keys of the runs for which it is another attempt, the first one first, as a list of texts.
        retry_for: Json => Jsonb,
        /// The key of the run that tries again.
        retried_by: Option<Uuid> => Nullable<Uuid>,
        /// How many runs stand behind it, one causing the next.
        cause_depth: i32 => Integer,
        /// The worker that executes it.
        leased_by: Option<Uuid> => Nullable<Uuid>,
        /// Until when that worker has it in hand, naive UTC.
        lease_until: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// How often it was taken in hand.
        attempts: i32 => Integer,
        /// The schedule that started it.
        schedule_id: Option<Uuid> => Nullable<Uuid>,
        /// The moment of the schedule, naive UTC; none for another attempt.
        date_scheduled: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// The task whose decision it carries out.
        #[serde(default)]
        task_id: Option<Uuid> => Nullable<Uuid>,
        /// The dispatcher that started it.
        #[serde(default)]
        dispatcher_id: Option<Uuid> => Nullable<Uuid>,
        /// The stable id of the event of which that was told; none for another attempt.
        #[serde(default)]
        event_id: Option<Uuid> => Nullable<Uuid>,
    }
}

entity! {
    /// What a run has said.
    pub struct FunctionLog ("function_log") in task_management_functionlog (id) {
        /// The run's key.
        id: Uuid => Uuid,
        /// The lines, a list of [`LogLine`]s.
        lines: Json => Jsonb,
    }
}

impl FunctionRun {
    /// The error with which it failed.
    #[must_use]
    pub fn error(&self) -> Option<RunError> {
        RunError::stored(self.error_name.as_deref(), self.error_message.as_deref(), self.error_type)
    }

    /// Keeps the error with which it fails.
    pub fn set_error(&mut self, error: RunError) {
        self.error_name = Some(error.name);
        self.error_message = Some(error.message);
        self.error_type = Some(error.kind);
    }

    /// The runs for which it is another attempt, the first one first.
    #[must_use]
    pub fn retried_runs(&self) -> Vec<Uuid> {
        self.retry_for.read().unwrap_or_default()
    }

    /// The run that tries again after this one.
    #[must_use]
    pub fn again(&self, id: Uuid, now: NaiveDateTime, start: NaiveDateTime) -> Self {
        let mut before = self.retried_runs();
        before.push(self.id);
        Self {
            id,
            status: RunStatus::New,
            date_status: now,
            result: None,
            error_name: None,
            error_message: None,
            error_type: None,
            date_start: start,
            date_created: now,
            date_updated: now,
            date_begun: None,
            retry_for: Json::of(&before),
            retried_by: None,
            leased_by: None,
            lease_until: None,
            attempts: 0,
            // A moment, and an event, has one run, of which this is another attempt.
            date_scheduled: None,
            event_id: None,
            ..self.clone()
        }
    }

    /// The words by which clients find it.
    #[must_use]
    pub fn tag_list(&self) -> Vec<String> {
        self.tags.read().unwrap_or_default()
    }
}

impl FunctionLog {
    /// The lines.
    #[must_use]
    pub fn log_lines(&self) -> Vec<LogLine> {
        self.lines.read().unwrap_or_default()
    }
}
