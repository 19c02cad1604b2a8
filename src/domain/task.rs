//! The status, the priority and the lead time of tasks.

use std::ops::RangeInclusive;

use super::text_enum::text_enum;
use crate::error::{Error, Result};
use crate::message::Message;

text_enum! {
    /// The status of a task, in the order of its life. `COMPLETED` and `FAILED` are final.
    pub enum TaskStatus {
        /// Created; no group decides on it yet, and executors do not see it.
        Received = "RECEIVED",
        /// A group decides on it.
        Accepted = "ACCEPTED",
        /// Approved: what was proposed is to be carried out.
        Completed = "COMPLETED",
        /// Rejected.
        Failed = "FAILED",
    }
}

impl TaskStatus {
    /// The statuses of tasks that can still be decided.
    pub const OPEN: [Self; 2] = [Self::Received, Self::Accepted];

    /// Whether the task can still be decided.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Received | Self::Accepted)
    }

    /// Whether the task is decided, so that nothing may change it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !self.is_open()
    }
}

/// The priority of a task for which none is given.
#[must_use]
pub const fn usual_priority() -> i32 {
    50
}

/// The priority that is asked for, if it is in range.
///
/// # Errors
/// VALIDATION, naming the field and the range.
pub fn check_priority(asked: i32) -> Result<i32> {
    check_range("priority", asked, 0..=100)
}

/// The longest lead time, in seconds: ten years.
pub const LONGEST_LEAD_TIME: i32 = 315_360_000;

/// The lead time that is asked for, if it is in range.
///
/// # Errors
/// VALIDATION, naming the field and the range.
pub fn check_lead_time(field: &str, asked: Option<i32>) -> Result<Option<i32>> {
    asked.map(|seconds| check_range(field, seconds, 1..=LONGEST_LEAD_TIME)).transpose()
}

/// The number that is asked for, if it is in range.
///
/// # Errors
/// VALIDATION, naming the field and the range.
pub fn check_range(field: &str, asked: i32, range: RangeInclusive<i32>) -> Result<i32> {
    if range.contains(&asked) {
        return Ok(asked);
    }
    let message = Message::new("out-of-range")
        .with("field", field)
        .with("min", i64::from(*range.start()))
        .with("max", i64::from(*range.end()));
    Err(Error::validation(field, message))
}
