//! The operations that need rights, as settings call them. A new setting of rights belongs here, so that superusers get its
//! rights and people are told what it opens.

use super::settings::ModuleSettings;
use crate::message::Message;

/// Operations that need the same rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The key of the setting that says which rights are needed.
    pub setting: &'static str,
    /// The rights, all of which are needed.
    pub rights: Vec<i32>,
    /// What they open, to be shown to people.
    pub opens: Message,
}

/// The operations of these settings.
macro_rules! operations {
    ($settings:ident: $($setting:ident => $opens:expr,)+) => {
        vec![$(Operation { setting: stringify!($setting), rights: $settings.$setting.clone(), opens: $opens }),+]
    };
}

/// All operations that need rights.
#[must_use]
pub fn operations(settings: &ModuleSettings) -> Vec<Operation> {
    operations! { settings:
        gql_task_group_search_perms => Message::new("opens-task-group-search"),
        gql_task_group_create_perms => Message::new("opens-task-group-create"),
        gql_task_group_update_perms => Message::new("opens-task-group-update"),
        gql_task_group_delete_perms => Message::new("opens-task-group-delete"),
        gql_task_search_perms => Message::new("opens-task-search"),
        gql_task_create_perms => Message::new("opens-task-create"),
        gql_task_update_perms => Message::new("opens-task-update"),
        gql_task_delete_perms => Message::new("opens-task-delete"),
        gql_task_search_all_perms => Message::new("opens-task-search-all"),
        gql_task_assign_perms => Message::new("opens-task-assign"),
        gql_task_comment_perms => Message::new("opens-task-comment"),
        gql_task_flow_search_perms => Message::new("opens-task-flow-search"),
        gql_task_flow_create_perms => Message::new("opens-task-flow-create"),
        gql_task_flow_update_perms => Message::new("opens-task-flow-update"),
        gql_task_flow_delete_perms => Message::new("opens-task-flow-delete"),
        gql_task_event_search_perms => Message::new("opens-task-event-search"),
        gql_task_event_update_perms => Message::new("opens-task-event-update"),
        gql_webhook_search_perms => Message::new("opens-webhook-search"),
        gql_webhook_update_perms => Message::new("opens-webhook-update"),
        gql_task_template_search_perms => Message::new("opens-task-template-search"),
        gql_task_template_create_perms => Message::new("opens-task-template-create"),
        gql_task_template_update_perms => Message::new("opens-task-template-update"),
        gql_task_template_delete_perms => Message::new("opens-task-template-delete"),
        gql_task_mail_search_perms => Message::new("opens-task-mail-search"),
        gql_task_function_search_perms => Message::new("opens-task-function-search"),
        gql_task_function_create_perms => Message::new("opens-task-function-create"),
        gql_task_function_update_perms => Message::new("opens-task-function-update"),
        gql_task_function_delete_perms => Message::new("opens-task-function-delete"),
        gql_function_run_search_perms => Message::new("opens-function-run-search"),
        gql_function_run_create_perms => Message::new("opens-function-run-create"),
        gql_function_run_cancel_perms => Message::new("opens-function-run-cancel"),
        gql_function_run_execute_perms => Message::new("opens-function-run-execute"),
        gql_function_schedule_perms => Message::new("opens-function-schedule"),
        gql_function_log_search_perms => Message::new("opens-function-log-search"),
        gql_task_dispatcher_search_perms => Message::new("opens-task-dispatcher-search"),
        gql_task_dispatcher_create_perms => Message::new("opens-task-dispatcher-create"),
        gql_task_dispatcher_update_perms => Message::new("opens-task-dispatcher-update"),
        gql_task_dispatcher_delete_perms => Message::new("opens-task-dispatcher-delete"),
        gql_user_search_perms => Message::new("opens-user-search"),
        gql_user_create_perms => Message::new("opens-user-create"),
        gql_user_update_perms => Message::new("opens-user-update"),
        gql_user_delete_perms => Message::new("opens-user-delete"),
        gql_role_search_perms => Message::new("opens-role-search"),
        gql_role_create_perms => Message::new("opens-role-create"),
        gql_role_update_perms => Message::new("opens-role-update"),
        gql_role_delete_perms => Message::new("opens-role-delete"),
        gql_security_log_search_perms => Message::new("opens-security-log-search"),
        gql_role_duplicate_perms => Message::new("opens-role-duplicate"),
    }
}

/// All rights that any operation needs.
pub fn all_rights(settings: &ModuleSettings) -> impl Iterator<Item = i32> {
    operations(settings).into_iter().flat_map(|operation| operation.rights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_of_rights_is_an_operation() {
        let settings = serde_json::to_value(ModuleSettings::default()).expect("JSON");
        let keys = settings.as_object().expect("an object").keys();
        let known: Vec<&str> =
            operations(&ModuleSettings::default()).iter().map(|operation| operation.setting).collect();
        for key in keys.filter(|key| key.ends_with("_perms")) {
            assert!(known.contains(&key.as_str()), "{key}");
        }
    }
}
