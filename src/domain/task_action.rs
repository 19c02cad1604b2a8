//! What can be done with a task.

use super::text_enum::text_enum;

text_enum! {
    /// What can be done with a task by one mutation.
    pub enum TaskAction {
        /// Claiming the task for oneself.
        Claim = "CLAIM",
        /// Ending a claim on the task.
        Release = "RELEASE",
        /// Giving the task to somebody.
        Assign = "ASSIGN",
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
