//! The status and the priority of tasks.

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
    if (0..=100).contains(&asked) {
        return Ok(asked);
    }
    let message =
        Message::new("out-of-range").with("field", "priority").with("min", 0_i64).with("max", 100_i64);
    Err(Error::validation("priority", message))
}
