//! Claims: somebody says to be working on a task.

use super::task::check_range;
use super::text_enum::text_enum;
use crate::error::Result;

text_enum! {
    /// What claims mean in a group.
    pub enum ClaimMode {
        /// There are none.
        None = "NONE",
        /// They show who works on a task, and bind nobody.
        Mark = "MARK",
        /// While one lasts, the vote of nobody else is taken, but of privileged people.
        Exclusive = "EXCLUSIVE",
    }
}

text_enum! {
    /// How a claim ended.
    pub enum ClaimEnd {
        /// It was given back, or taken away by somebody who assigns tasks.
        Released = "RELEASED",
        /// Its holder has voted.
        Voted = "VOTED",
        /// Its time was up.
        Lapsed = "LAPSED",
        /// Its holder may not decide any more: no executor, blocked, barred, or the task is with other people.
        Lost = "LOST",
        /// Its pool is not asked any more: the step has passed, or the task is decided, deleted or with nobody.
        Closed = "CLOSED",
    }
}

/// How many seconds a claim lasts where the group does not say.
pub const USUAL_SECONDS: i32 = 3_600;

/// The duration of claims that is asked for, if it is in range.
///
/// # Errors
/// VALIDATION, naming the field and the range.
pub fn check_seconds(asked: i32) -> Result<i32> {
    check_range("claimSeconds", asked, 60..=86_400)
}
