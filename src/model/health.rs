//! The row that is written to check that the database can be written.

use super::entity::entity;

entity! {
    /// The only row of its table.
    pub struct HealthCheck ("health_check") in task_management_health (id) {
        /// Primary key, always 1.
        id: i32 => Integer,
        /// How many times it was written.
        checks: i64 => BigInt,
    }
}
