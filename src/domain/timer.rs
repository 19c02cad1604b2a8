//! The kinds of timers.

use super::text_enum::text_enum;

/// How many seconds workers wait at most before they look for due timers again.
pub const LOOK_SECONDS: i64 = 60;

text_enum! {
    /// What a timer is for.
    pub enum TimerKind {
        /// A task becomes overdue.
        Overdue = "OVERDUE",
        /// An escalation rule acts that does not decide.
        Escalate = "ESCALATE",
        /// An escalation rule fails a task.
        Timeout = "TIMEOUT",
        /// The time of a claim is up.
        Lapse = "LAPSE",
        /// A schedule has its function run.
        Schedule = "SCHEDULE",
        /// A person gets a digest of mails.
        Digest = "DIGEST",
        /// The timers of a task, or of all open tasks of a group, are planned again.
        Plan = "PLAN",
    }
}

impl TimerKind {
    /// The timers that are planned by the dates of a task and the rules of those who are asked.
    pub const PLANNED: [Self; 3] = [Self::Overdue, Self::Escalate, Self::Timeout];
}
