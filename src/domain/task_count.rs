//! By what tasks are counted.

use super::text_enum::text_enum;

text_enum! {
    /// A key by which kinds of tasks are told from each other.
    pub enum TaskCountKey {
        /// The status.
        Status = "STATUS",
        /// The group.
        TaskGroup = "TASK_GROUP",
        /// The source.
        Source = "SOURCE",
        /// The priority.
        Priority = "PRIORITY",
        /// Whether the task is open although it was due before now.
        Overdue = "OVERDUE",
        /// Who works on it.
        Claimant = "CLAIMANT",
    }
}

/// A kind of tasks: the values by which it is told from others, as texts, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskTally {
    /// The values, in the order of the keys that were asked for.
    pub values: Vec<Option<String>>,
    /// How many tasks are of this kind.
    pub count: i64,
}
