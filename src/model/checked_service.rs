//! A service that some process puts under maker-checker.

use super::entity::entity;

entity! {
    /// A service. Processes that do not know it leave its operations to those that do.
    #[derive(Eq)]
    pub struct CheckedService ("checked_service") in task_management_checkedservice (name) {
        /// The service's name.
        name: String => Text,
        /// Whether its operations are carried out in the transaction of the decision only.
        within_only: bool => Bool,
    }
}
