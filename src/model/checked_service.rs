//! A service that some process puts under maker-checker.

use super::entity::entity;

entity! {
    /// A service. Processes that do not know it do not complete its tasks by re-evaluation.
    #[derive(Eq)]
    pub struct CheckedService ("checked_service") in task_management_checkedservice (name) {
        /// The service's name.
        name: String => Text,
    }
}
