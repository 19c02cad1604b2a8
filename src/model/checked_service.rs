//! A service that some process puts under maker-checker.

use super::entity::entity;

entity! {
    /// Its name. Processes that do not know the service do not complete its tasks by themselves.
    #[derive(Eq)]
    pub struct CheckedService ("checked_service") in task_management_checkedservice (name) {
        /// The name.
        name: String => Text,
    }
}
