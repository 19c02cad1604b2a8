//! What can be done with a task.

use super::text_enum::text_enum;

text_enum! {
    /// What can be done with a task by one mutation.
    pub enum TaskAction {
        /// Approving the whole task.
        Approve = "APPROVE",
        /// Refusing the whole task.
        Fail = "FAIL",
        /// Accepting and rejecting records of the task.
        DecideRecords = "DECIDE_RECORDS",
        /// Taking back one's own vote.
        Withdraw = "WITHDRAW",
        /// Changing the task.
        Update = "UPDATE",
        /// Deleting the task.
        Delete = "DELETE",
        /// Commenting on the task.
        Comment = "COMMENT",
        /// Weighing the votes again.
        ReEvaluate = "RE_EVALUATE",
    }
}
