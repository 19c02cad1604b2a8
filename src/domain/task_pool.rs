//! The pool: a step of a flow at which a particular task is, or was, being decided.

use chrono::NaiveDateTime;
use uuid::Uuid;

/// A pool as it is stored. Tasks in no flow have none: their group is all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskPool {
    /// The task.
    pub task_id: Uuid,
    /// The step of its flow.
    pub step_id: Uuid,
    /// The step's group.
    pub task_group_id: Uuid,
    /// When the step was reached, naive UTC.
    pub date_opened: NaiveDateTime,
    /// When it passed, naive UTC; none while it is active.
    pub date_passed: Option<NaiveDateTime>,
}
