//! The executor: a user who decides in a group.

use uuid::Uuid;

use super::entity::entity;
use crate::domain::task_executor::DEFAULT_WEIGHT;

entity! {
    /// An executor as it is stored. A deleted one is a user who was removed from the group.
    pub struct TaskExecutor ("task_executor") in task_management_taskexecutor (id),
    versions in task_management_historicaltaskexecutor {
        /// The group.
        task_group_id: Uuid => Uuid,
        /// The user who decides.
        user_id: Uuid => Uuid,
        /// How much an approval counts under the policy WEIGHT.
        #[serde(default = "default_weight")]
        weight: i32 => Integer,
    }
}

const fn default_weight() -> i32 {
    DEFAULT_WEIGHT
}
