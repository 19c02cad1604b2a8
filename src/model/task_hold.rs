//! Why an open task can't go on.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use crate::domain::decision::HeldReason;

entity! {
    /// A hold as it is stored. It holds for one version of its task, so that who writes the task without it takes it back.
    #[derive(Copy, Eq)]
    pub struct TaskHold ("task_hold") in task_management_taskhold (task_id) {
        /// The task.
        task_id: Uuid => Uuid,
        /// The version of the task for which it holds.
        task_version: i32 => Integer,
        /// The reason.
        reason: HeldReason => Text,
        /// When it was noted last, naive UTC.
        date_held: NaiveDateTime => Timestamp,
    }
}
