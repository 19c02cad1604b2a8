//! The request: a call of a function by HTTP, and how it was answered.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use crate::domain::function_run::{RunError, RunErrorType};

entity! {
    /// A request as it is stored.
    #[derive(Eq)]
    pub struct FunctionRequest ("function_request") in task_management_functionrequest (id) {
        /// Primary key, UUIDv7.
        id: Uuid => Uuid,
        /// The function.
        function_id: Uuid => Uuid,
        /// The name of the function.
        function_name: String => Text,
        /// The method.
        method: String => Text,
        /// The path behind the function's name, as it was sent, without the query.
        path: String => Text,
        /// The person who has called; none for a stranger.
        user_created: Option<Uuid> => Nullable<Uuid>,
        /// When it was called, naive UTC.
        date_created: NaiveDateTime => Timestamp,
        /// The status of the answer; none as long as there is none.
        status_code: Option<i32> => Nullable<Integer>,
        /// How long the answer took, in milliseconds.
        duration_ms: Option<i64> => Nullable<BigInt>,
        /// The name of the error that kept the function from answering.
        error_name: Option<String> => Nullable<Text>,
        /// What the error says to people.
        error_message: Option<String> => Nullable<Text>,
        /// Where it failed.
        error_type: Option<RunErrorType> => Nullable<Text>,
    }
}

impl FunctionRequest {
    /// The error that kept the function from answering.
    #[must_use]
    pub fn error(&self) -> Option<RunError> {
        RunError::stored(self.error_name.as_deref(), self.error_message.as_deref(), self.error_type)
    }
}
