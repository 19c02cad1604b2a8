//! How many tasks there are of a kind. Triggers of the database write these rows; the migration says how.

use uuid::Uuid;

use super::entity::entity;

entity! {
    /// A number of tasks that are alike. The numbers of several rows may have to be added.
    pub struct TaskCount ("task_count") in task_management_taskcount (id) {
        /// Counted key.
        id: i64 => BigInt,
        /// Whether the tasks are deleted.
        is_deleted: bool => Bool,
        /// Their status.
        status: String => Text,
        /// Their group.
        task_group_id: Option<Uuid> => Nullable<Uuid>,
        /// Their source.
        source: Option<String> => Nullable<Text>,
        /// How many there are, less those that are no more.
        tally: i64 => BigInt,
        /// Whether the row takes the place of others.
        is_folded: bool => Bool,
    }
}
