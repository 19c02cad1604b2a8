//! Who sees which rows. Only this file decides that, for root fields, nested fields, `node`, history and hosts.

use crate::auth::requester::Requester;
use crate::domain::query::{Condition, Sight, Value};
use crate::domain::settings::ModuleSettings;
use crate::error::{Error, Result};
use crate::message::Message;

/// The rows of a kind that a requester sees.
#[derive(Debug, Clone, PartialEq)]
pub enum Visible {
    /// All of them.
    All,
    /// Those that meet the condition.
    Where(Condition),
    /// None, and asking for them is an error.
    Nothing,
}

impl Visible {
    /// The condition to add to a list that is asked for at the root.
    ///
    /// # Errors
    /// FORBIDDEN if nothing is visible.
    pub fn at_root(self) -> Result<Option<Condition>> {
        match self {
            Self::All => Ok(None),
            Self::Where(condition) => Ok(Some(condition)),
            Self::Nothing => Err(Error::forbidden(Message::new("no-right"))),
        }
    }

    /// The condition to add to a list inside another row, which is empty if nothing is visible.
    #[must_use]
    pub fn nested(self) -> Option<Condition> {
        match self {
            Self::All => None,
            Self::Where(condition) => Some(condition),
            Self::Nothing => Some(Condition::nothing()),
        }
    }
}

/// Tasks: all for privileged people and for people with the right to see all; for others, the tasks that they are asked
/// about as executors of the task's group or of another pool, and for people with the right to create tasks those that they
/// have made.
#[must_use]
pub fn tasks(requester: &Requester, settings: &ModuleSettings) -> Visible {
    by_sight(requester, settings, Condition::SeenTask)
}

/// Whether a live task is among [`tasks`], of which is known whether the person is asked about it as an executor, and has made it.
#[must_use]
pub fn sees_task(requester: &Requester, settings: &ModuleSettings, is_asked: bool, is_made: bool) -> bool {
    match tasks(requester, settings) {
        Visible::All => true,
        Visible::Where(Condition::SeenTask(sight)) => {
            (sight.executes && is_asked) || (sight.makes && is_made)
        }
        Visible::Where(_) | Visible::Nothing => false,
    }
}

/// What goes with tasks: all for those who see all tasks; for others, what this condition says of the tasks that they see.
fn by_sight(
    requester: &Requester,
    settings: &ModuleSettings,
    condition: impl Fn(Sight) -> Condition,
) -> Visible {
    let sight = sight(requester, settings);
    if sees_all_tasks(requester, settings) {
        Visible::All
    } else if sight.executes || sight.makes {
        Visible::Where(condition(sight))
    } else {
        Visible::Nothing
    }
}

fn sight(requester: &Requester, settings: &ModuleSettings) -> Sight {
    Sight {
        user_id: requester.id(),
        executes: requester.rights.have(&settings.gql_task_search_perms),
        makes: settings.makers_see_their_tasks && requester.rights.have(&settings.gql_task_create_perms),
    }
}

/// Versions of tasks: those of the tasks that one sees, and for people who see all tasks also those of deleted tasks.
#[must_use]
pub fn task_history(requester: &Requester, settings: &ModuleSettings) -> Visible {
    by_sight(requester, settings, Condition::VersionOfSeenTask)
}

/// Votes: those on the tasks that one sees.
#[must_use]
pub fn task_decisions(requester: &Requester, settings: &ModuleSettings) -> Visible {
    by_sight(requester, settings, Condition::OfSeenTask)
}

/// Comments, and their versions: those on the tasks that one sees.
#[must_use]
pub fn task_comments(requester: &Requester, settings: &ModuleSettings) -> Visible {
    by_sight(requester, settings, Condition::OfSeenTask)
}

/// Flows. The flow of a task that one sees is shown with it.
#[must_use]
pub fn task_flows(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_task_flow_search_perms)
}

/// Deliveries, which hold the data of rows.
#[must_use]
pub fn task_events(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_task_event_search_perms)
}

/// Webhook endpoints and attempts at them.
#[must_use]
pub fn webhooks(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_webhook_search_perms)
}

/// Mails, which say who is asked about which task.
#[must_use]
pub fn task_mails(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_task_mail_search_perms)
}

/// Templates of mails, and their versions.
#[must_use]
pub fn task_templates(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_task_template_search_perms)
}

/// Whether one may have webhook endpoints, which are told of every task.
#[must_use]
pub fn may_have_webhooks(requester: &Requester, settings: &ModuleSettings) -> bool {
    requester.rights.have(&settings.gql_webhook_update_perms) && sees_all_tasks(requester, settings)
}

/// Dispatchers, and their versions.
#[must_use]
pub fn task_dispatchers(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_task_dispatcher_search_perms)
}

/// Whether one may answer for dispatchers, which are told of every task.
#[must_use]
pub fn may_have_dispatchers(requester: &Requester, settings: &ModuleSettings) -> bool {
    let may_write = requester.rights.have(&settings.gql_task_dispatcher_create_perms)
        || requester.rights.have(&settings.gql_task_dispatcher_update_perms);
    may_write && sees_all_tasks(requester, settings)
}

/// Whether one may answer for schedules.
#[must_use]
pub fn may_have_schedules(requester: &Requester, settings: &ModuleSettings) -> bool {
    requester.rights.have(&settings.gql_function_schedule_perms)
}

/// Task groups: all for people with the right to search them; for others with the right to search tasks, the groups in which
/// they are executors.
#[must_use]
pub fn task_groups(requester: &Requester, settings: &ModuleSettings) -> Visible {
    if requester.rights.have(&settings.gql_task_group_search_perms) {
        Visible::All
    } else if requester.rights.have(&settings.gql_task_search_perms) {
        Visible::Where(Condition::ExecutorOfGroup { group_field: "id", user_id: requester.id() })
    } else {
        Visible::Nothing
    }
}

/// Versions of task groups.
#[must_use]
pub fn task_group_history(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_task_group_search_perms)
}

/// Task executors.
#[must_use]
pub fn task_executors(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_task_group_search_perms)
}

/// Task executors inside another row: all for people with the right; for others, the rows in which they are the executor
/// themselves.
#[must_use]
pub fn nested_task_executors(requester: &Requester, settings: &ModuleSettings) -> Visible {
    match task_executors(requester, settings) {
        Visible::Nothing => Visible::Where(Condition::equals("user_id", Value::Uuid(requester.id()))),
        other => other,
    }
}

/// Executors of a group that something names which one sees: all for those who may search groups or see all tasks; else those
/// beside whom one sits, and those of pools that are asked at present about a task that one sees. Of other groups, one
/// learns what they are called.
#[must_use]
pub fn executors_of_named_groups(requester: &Requester, settings: &ModuleSettings) -> Visible {
    if task_executors(requester, settings) == Visible::All || sees_all_tasks(requester, settings) {
        Visible::All
    } else {
        Visible::Where(Condition::BesideExecutor(sight(requester, settings)))
    }
}

/// By what lists of executors can be asked for that `iUser` shows of who sits there, and nothing else does. Names are shown
/// to everybody. None of these can be sorted by.
const PERSONAL: &[&str] = &[
    "user__i_user__id",
    "user__i_user__email",
    "user__i_user__phone",
    "user__i_user__is_associated",
    "user__i_user__language_id",
];

/// The condition to add to a list of executors that is filtered by their personal data. To people who may not see that data
/// it is null, and nothing equals null. Otherwise they could find it out by asking for one value after the other.
#[must_use]
pub fn executors_by_personal_data(
    requester: &Requester,
    settings: &ModuleSettings,
    conditions: &[Condition],
) -> Option<Condition> {
    let is_personal = |condition: &Condition| condition.names_any(PERSONAL);
    (!sees_personal_data(requester, settings) && conditions.iter().any(is_personal))
        .then(|| Condition::equals("user_id", Value::Uuid(requester.id())))
}

/// Functions, and their versions.
#[must_use]
pub fn task_functions(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_task_function_search_perms)
}

/// Schedules of functions, and their versions.
#[must_use]
pub fn function_schedules(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_function_schedule_perms)
}

/// Runs of functions: one's own; all for people with the right.
#[must_use]
pub fn function_runs(requester: &Requester, settings: &ModuleSettings) -> Visible {
    if sees_all_runs(requester, settings) {
        Visible::All
    } else {
        Visible::Where(Condition::equals("user_created", Value::Uuid(requester.id())))
    }
}

/// Runs for tasks: how those ended that are for the tasks that one sees. The rest of a run is for those who see it among
/// [`function_runs`].
#[must_use]
pub fn runs_of_tasks(requester: &Requester, settings: &ModuleSettings) -> Visible {
    by_sight(requester, settings, Condition::OfSeenTask)
}

/// Requests that functions have answered: whoever may read logs.
#[must_use]
pub fn function_requests(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_function_log_search_perms)
}

/// Whether one sees the runs for which others have asked.
#[must_use]
pub fn sees_all_runs(requester: &Requester, settings: &ModuleSettings) -> bool {
    requester.rights.have(&settings.gql_function_run_search_perms)
}

/// Whether one may read what runs have said.
#[must_use]
pub fn reads_logs(requester: &Requester, settings: &ModuleSettings) -> bool {
    requester.rights.have(&settings.gql_function_log_search_perms)
}

/// Users: all for people with the right.
#[must_use]
pub fn users(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_user_search_perms)
}

/// Whether one may see other people's personal data. Everybody sees names, because votes and executors show them.
#[must_use]
pub fn sees_personal_data(requester: &Requester, settings: &ModuleSettings) -> bool {
    users(requester, settings) == Visible::All
}

/// Roles: all for people with the right.
#[must_use]
pub fn roles(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_role_search_perms)
}

/// Entries of the security log: all for people with the right.
#[must_use]
pub fn security_log(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_security_log_search_perms)
}

/// Tokens of programs: one's own; all for people with the right to list users.
#[must_use]
pub fn api_tokens(requester: &Requester, settings: &ModuleSettings) -> Visible {
    match users(requester, settings) {
        Visible::All => Visible::All,
        _ => Visible::Where(Condition::equals("user_id", Value::Uuid(requester.id()))),
    }
}

/// Entries of the journal: one's own; all for superusers.
#[must_use]
pub fn mutation_logs(requester: &Requester, _: &ModuleSettings) -> Visible {
    if requester.rights.is_superuser {
        Visible::All
    } else {
        Visible::Where(Condition::equals("user_id", Value::Uuid(requester.id())))
    }
}

/// The rows that a mutation touched: of one's own mutations; for superusers of anybody's.
#[must_use]
pub fn touched_by(requester: &Requester, client_mutation_id: String) -> Condition {
    let user_id = (!requester.rights.is_superuser).then(|| requester.id());
    Condition::TouchedBy { client_mutation_id, user_id }
}

/// Whether one sees all tasks.
#[must_use]
pub fn sees_all_tasks(requester: &Requester, settings: &ModuleSettings) -> bool {
    requester.is_privileged(settings) || requester.rights.have(&settings.gql_task_search_all_perms)
}

fn all_with(requester: &Requester, rights: &[i32]) -> Visible {
    if requester.rights.have(rights) { Visible::All } else { Visible::Nothing }
}
