//! Which programs a migrated database goes with.

use super::entity::entity;

entity! {
    /// What a migration has noted.
    pub struct SchemaLevel ("schema_level") in task_management_schemalevel (version) {
        /// Primary key: the migration.
        version: String => Text,
        /// The newest migration that programs must know to work with what this one left.
        oldest: String => Text,
    }
}
