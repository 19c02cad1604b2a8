//! What is written to see whether the database can be.

use super::entity::entity;

entity! {
    /// The one row that is.
    pub struct HealthCheck ("health_check") in task_management_health (id) {
        /// Primary key, always 1.
        id: i32 => Integer,
        /// How many times it was written.
        checks: i64 => BigInt,
    }
}
