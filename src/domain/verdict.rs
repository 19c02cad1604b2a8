//! The verdict: what a vote says.

use super::text_enum::text_enum;

text_enum! {
    /// What a vote says.
    pub enum Verdict {
        /// The whole task may go ahead.
        Approved = "APPROVED",
        /// The whole task is refused, at once and for good.
        Failed = "FAILED",
        /// One record of the task is accepted.
        Accept = "ACCEPT",
        /// One record of the task is rejected.
        Reject = "REJECT",
    }
}
