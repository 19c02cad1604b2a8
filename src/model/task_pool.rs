//! The pool: a step of a flow at which a particular task is, or was, being decided.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;

entity! {
    /// A pool as it is stored. Tasks in no flow have none; their group is the only pool.
    #[derive(Copy, Eq)]
    pub struct TaskPool ("task_pool") in task_management_taskpool (task_id, step_id) {
        /// The task.
        task_id: Uuid => Uuid,
        /// The step of its flow.
        step_id: Uuid => Uuid,
        /// The step's group.
        task_group_id: Uuid => Uuid,
        /// When the step was reached, naive UTC.
        date_opened: NaiveDateTime => Timestamp,
        /// When the step passed, naive UTC; none while it is active.
        date_passed: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// When the task was created, naive UTC, so that lists find tasks at steps in that order. The database keeps it true.
        task_date_created: NaiveDateTime => Timestamp,
        /// Whether the task is assigned to the step's group as well. The database keeps it true.
        is_given: bool => Bool,
    }
}
