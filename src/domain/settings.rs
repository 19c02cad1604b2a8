//! Settings that administrators may change while the server runs.

use serde::{Deserialize, Serialize};

use super::decision::FourEyes;

/// What administrators set for this module: the rights that each operation needs, and how tasks are decided. Where a setting
/// lists several rights, the caller needs all of them.
///
/// The names and the defaults are openIMIS'.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct ModuleSettings {
    /// Listing task groups and executors.
    pub gql_task_group_search_perms: Vec<i32>,
    /// Creating task groups.
    pub gql_task_group_create_perms: Vec<i32>,
    /// Changing task groups.
    pub gql_task_group_update_perms: Vec<i32>,
    /// Deleting task groups.
    pub gql_task_group_delete_perms: Vec<i32>,
    /// Seeing one's tasks.
    pub gql_task_search_perms: Vec<i32>,
    /// Creating tasks.
    pub gql_task_create_perms: Vec<i32>,
    /// Changing tasks.
    pub gql_task_update_perms: Vec<i32>,
    /// Deleting tasks.
    pub gql_task_delete_perms: Vec<i32>,
    /// Seeing all tasks.
    pub gql_task_search_all_perms: Vec<i32>,
    /// Saying when tasks are due, as people do who assign them.
    pub gql_task_assign_perms: Vec<i32>,
    /// Commenting on the tasks that one sees.
    pub gql_task_comment_perms: Vec<i32>,
    /// Listing approval flows.
    pub gql_task_flow_search_perms: Vec<i32>,
    /// Creating approval flows.
    pub gql_task_flow_create_perms: Vec<i32>,
    /// Changing approval flows.
    pub gql_task_flow_update_perms: Vec<i32>,
    /// Deleting approval flows.
    pub gql_task_flow_delete_perms: Vec<i32>,
    /// Looking at deliveries to After-handlers.
    pub gql_task_event_search_perms: Vec<i32>,
    /// Making deliveries again, and giving them up.
    pub gql_task_event_update_perms: Vec<i32>,
    /// Looking at webhook endpoints and at what was sent to them.
    pub gql_webhook_search_perms: Vec<i32>,
    /// Creating, changing and deleting webhook endpoints.
    pub gql_webhook_update_perms: Vec<i32>,
    /// Looking at templates of mails, and rendering them.
    pub gql_task_template_search_perms: Vec<i32>,
    /// Creating templates of mails.
    pub gql_task_template_create_perms: Vec<i32>,
    /// Changing templates of mails.
    pub gql_task_template_update_perms: Vec<i32>,
    /// Deleting templates of mails.
    pub gql_task_template_delete_perms: Vec<i32>,
    /// Looking at mails and what has become of them.
    pub gql_task_mail_search_perms: Vec<i32>,
    /// Listing functions.
    pub gql_task_function_search_perms: Vec<i32>,
    /// Creating functions.
    pub gql_task_function_create_perms: Vec<i32>,
    /// Changing functions.
    pub gql_task_function_update_perms: Vec<i32>,
    /// Deleting functions.
    pub gql_task_function_delete_perms: Vec<i32>,
    /// Seeing all runs of functions.
    pub gql_function_run_search_perms: Vec<i32>,
    /// Having functions run.
    pub gql_function_run_create_perms: Vec<i32>,
    /// Giving up runs that wait.
    pub gql_function_run_cancel_perms: Vec<i32>,
    /// Executing functions and waiting for their results.
    pub gql_function_run_execute_perms: Vec<i32>,
    /// Looking at schedules of functions, making, changing and deleting them.
    pub gql_function_schedule_perms: Vec<i32>,
    /// Reading what runs have said, and looking at requests to functions.
    pub gql_function_log_search_perms: Vec<i32>,
    /// Listing dispatchers.
    pub gql_task_dispatcher_search_perms: Vec<i32>,
    /// Creating dispatchers.
    pub gql_task_dispatcher_create_perms: Vec<i32>,
    /// Changing dispatchers.
    pub gql_task_dispatcher_update_perms: Vec<i32>,
    /// Deleting dispatchers.
    pub gql_task_dispatcher_delete_perms: Vec<i32>,
    /// Listing users.
    pub gql_user_search_perms: Vec<i32>,
    /// Creating users.
    pub gql_user_create_perms: Vec<i32>,
    /// Changing users, their roles and passwords.
    pub gql_user_update_perms: Vec<i32>,
    /// Deleting users.
    pub gql_user_delete_perms: Vec<i32>,
    /// Listing roles.
    pub gql_role_search_perms: Vec<i32>,
    /// Creating roles.
    pub gql_role_create_perms: Vec<i32>,
    /// Changing roles.
    pub gql_role_update_perms: Vec<i32>,
    /// Deleting roles.
    pub gql_role_delete_perms: Vec<i32>,
    /// Reading the security log.
    pub gql_security_log_search_perms: Vec<i32>,
    /// Making roles as others are.
    pub gql_role_duplicate_perms: Vec<i32>,
    /// The executor action event of tasks that the completion policy decides.
    pub default_executor_event: String,
    /// The value of `businessStatus` that approves.
    pub task_user_approved: String,
    /// The value of `businessStatus` that refuses.
    pub task_user_failed: String,
    /// The sources whose tasks flows decide record by record.
    pub flow_batch_sources: Vec<String>,
    /// The sources whose tasks may not join a flow.
    pub flow_ineligible_sources: Vec<String>,
    /// Whether a person who may create tasks sees those that the person has made, as their executors do.
    pub makers_see_their_tasks: bool,
    /// Whether makers are barred from deciding their own tasks, where neither step nor group has a rule of its own.
    pub forbid_maker: bool,
    /// Whether a person who decided one step of a task is barred from deciding another, where neither step nor group has a
    /// rule of its own.
    pub distinct_deciders: bool,
    /// Whether a person who rejects a task or a record must give a reason.
    pub require_rejection_comment: bool,
    /// What happens to an open task whose votes have become enough because its pool or policy changed.
    pub reevaluate: Reevaluate,
}

/// What happens to an open task whose votes have become enough because its pool or policy changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Reevaluate {
    /// The task is shown as held, READY_TO_DECIDE, until somebody votes or weighs the votes again.
    #[default]
    Report,
    /// The task is decided in the name of the system user.
    Decide,
}

impl Default for ModuleSettings {
    fn default() -> Self {
        Self {
            gql_task_group_search_perms: vec![190_001],
            gql_task_group_create_perms: vec![190_002],
            gql_task_group_update_perms: vec![190_003],
            gql_task_group_delete_perms: vec![190_004],
            gql_task_search_perms: vec![191_001],
            gql_task_create_perms: vec![191_002],
            gql_task_update_perms: vec![191_003],
            gql_task_delete_perms: vec![191_004],
            gql_task_search_all_perms: vec![191_005],
            gql_task_assign_perms: vec![191_006],
            gql_task_comment_perms: vec![191_008],
            gql_task_flow_search_perms: vec![192_001],
            gql_task_flow_create_perms: vec![192_002],
            gql_task_flow_update_perms: vec![192_003],
            gql_task_flow_delete_perms: vec![192_004],
            gql_task_event_search_perms: vec![193_001],
            gql_task_event_update_perms: vec![193_002],
            gql_webhook_search_perms: vec![194_001],
            gql_webhook_update_perms: vec![194_002],
            gql_task_template_search_perms: vec![197_001],
            gql_task_template_create_perms: vec![197_002],
            gql_task_template_update_perms: vec![197_003],
            gql_task_template_delete_perms: vec![197_004],
            gql_task_mail_search_perms: vec![197_005],
            gql_task_function_search_perms: vec![195_001],
            gql_task_function_create_perms: vec![195_002],
            gql_task_function_update_perms: vec![195_003],
            gql_task_function_delete_perms: vec![195_004],
            gql_function_run_search_perms: vec![195_005],
            gql_function_run_create_perms: vec![195_006],
            gql_function_run_cancel_perms: vec![195_007],
            gql_function_run_execute_perms: vec![195_008],
            gql_function_schedule_perms: vec![195_009],
            gql_function_log_search_perms: vec![195_010],
            gql_task_dispatcher_search_perms: vec![196_001],
            gql_task_dispatcher_create_perms: vec![196_002],
            gql_task_dispatcher_update_perms: vec![196_003],
            gql_task_dispatcher_delete_perms: vec![196_004],
            gql_user_search_perms: vec![121_701],
            gql_user_create_perms: vec![121_702],
            gql_user_update_perms: vec![121_703],
            gql_user_delete_perms: vec![121_704],
            gql_role_search_perms: vec![122_001],
            gql_role_create_perms: vec![122_002],
            gql_role_update_perms: vec![122_003],
            gql_role_delete_perms: vec![122_004],
            gql_role_duplicate_perms: vec![122_005],
            gql_security_log_search_perms: vec![198_001],
            default_executor_event: "default".to_owned(),
            task_user_approved: "APPROVED".to_owned(),
            task_user_failed: "FAILED".to_owned(),
            flow_batch_sources: vec!["import_valid_items".to_owned(), "import_group_valid_items".to_owned()],
            flow_ineligible_sources: vec!["claim_sampling".to_owned()],
            makers_see_their_tasks: true,
            forbid_maker: false,
            distinct_deciders: false,
            require_rejection_comment: false,
            reevaluate: Reevaluate::Report,
        }
    }
}

impl ModuleSettings {
    /// The rules of four eyes where neither step nor group has a rule of its own.
    #[must_use]
    pub const fn four_eyes(&self) -> FourEyes {
        FourEyes { forbid_maker: self.forbid_maker, distinct_deciders: self.distinct_deciders }
    }

    /// Whether completion policies decide tasks with this executor action event. Votes on other tasks are only kept and
    /// shown.
    #[must_use]
    pub fn decides_by_policy(&self, event: Option<&str>) -> bool {
        event == Some(self.default_executor_event.as_str())
    }
}
