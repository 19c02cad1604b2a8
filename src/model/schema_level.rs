//! The programs that can work with a migrated database.

use super::entity::entity;

entity! {
    /// The note of a migration.
    pub struct SchemaLevel ("schema_level") in task_management_schemalevel (version) {
        /// Primary key: the migration.
        version: String => Text,
        /// The newest migration that programs must know to work with the schema that this one left.
        oldest: String => Text,
    }
}
