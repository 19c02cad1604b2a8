//! Why an open task can't go on.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use crate::domain::decision::HeldReason;

entity! {
    /// A hold as it is stored. It is valid for one version of its task, so a later write of the task without a hold ends it.
    #[derive(Copy, Eq)]
    pub struct TaskHold ("task_hold") in task_management_taskhold (task_id) {
        /// The task.
        task_id: Uuid => Uuid,
        /// The version of the task for which the hold is valid.
        task_version: i32 => Integer,
        /// The reason.
        reason: HeldReason => Text,
        /// When the hold was noted last, naive UTC.
        date_held: NaiveDateTime => Timestamp,
    }
}
