//! Who sees which rows: the one place where it is decided, for root fields, nested fields, `node`, history and hosts.

use crate::auth::requester::Requester;
use crate::domain::query::{Condition, Value};
use crate::domain::settings::ModuleSettings;
use crate::domain::text::snake_case;
use crate::error::{Error, Result};
use crate::message::Message;

/// Which rows of a kind somebody sees.
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
    /// FORBIDDEN where nothing is visible.
    pub fn at_root(self) -> Result<Option<Condition>> {
        match self {
            Self::All => Ok(None),
            Self::Where(condition) => Ok(Some(condition)),
            Self::Nothing => Err(Error::forbidden(Message::new("no-right"))),
        }
    }

    /// The condition to add to a list inside another row, which is empty where nothing is visible.
    #[must_use]
    pub fn nested(self) -> Option<Condition> {
        match self {
            Self::All => None,
            Self::Where(condition) => Some(condition),
            Self::Nothing => Some(Condition::nothing()),
        }
    }
}

/// Tasks: all for the privileged and for holders of the right to see all; else those that one sits over, in their group or in another pool that is asked.
#[must_use]
pub fn tasks(requester: &Requester, settings: &ModuleSettings) -> Visible {
    if sees_all_tasks(requester, settings) {
        return Visible::All;
    }
    if !requester.rights.have(&settings.gql_task_search_perms) {
        return Visible::Nothing;
    }
    Visible::Where(Condition::All(vec![
        Condition::ExecutorOfTask { user_id: requester.id() },
        Condition::Not(Box::new(Condition::equals("status", Value::Text("RECEIVED".to_owned())))),
    ]))
}

/// Versions of tasks: of the tasks that one sees; of deleted tasks too for those who see all.
#[must_use]
pub fn task_history(requester: &Requester, settings: &ModuleSettings) -> Visible {
    match tasks(requester, settings) {
        Visible::Where(_) => Visible::Where(Condition::VersionOfSeenTask { user_id: requester.id() }),
        other => other,
    }
}

/// Votes: those on the tasks that one sees.
#[must_use]
pub fn task_decisions(requester: &Requester, settings: &ModuleSettings) -> Visible {
    match tasks(requester, settings) {
        Visible::Where(_) => Visible::Where(Condition::OfSeenTask { user_id: requester.id() }),
        other => other,
    }
}

/// Flows. The flow of a task that one sees is shown with it.
#[must_use]
pub fn task_flows(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_task_flow_search_perms)
}

/// Deliveries to After-handlers, which hold what rows hold.
#[must_use]
pub fn task_events(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_task_event_search_perms)
}

/// Webhook endpoints, and what was sent to them.
#[must_use]
pub fn webhooks(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_webhook_search_perms)
}

/// Whether one may have webhook endpoints, which are told of every task.
#[must_use]
pub fn may_have_webhooks(requester: &Requester, settings: &ModuleSettings) -> bool {
    requester.rights.have(&settings.gql_webhook_update_perms) && sees_all_tasks(requester, settings)
}

/// Task groups: all with the right to search them; else, with the right to search tasks, those that one sits in.
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

/// Task executors inside something else: all with the right, else one's own executors.
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
        Visible::Where(Condition::BesideExecutor { user_id: requester.id() })
    }
}

/// By what lists of executors can be asked for that `iUser` shows of who sits there, and nothing else does. Names are shown
/// to everybody.
const PERSONAL: &[&str] = &[
    "user__i_user__id",
    "user__i_user__email",
    "user__i_user__phone",
    "user__i_user__is_associated",
    "user__i_user__language_id",
];

/// Refuses to sort executors by what is personal about who sits there, for those who do not see it: the order would tell.
///
/// # Errors
/// FORBIDDEN, naming `orderBy`.
pub fn check_order(requester: &Requester, settings: &ModuleSettings, order_by: &[String]) -> Result<()> {
    let is_personal = |key: &String| PERSONAL.contains(&snake_case(key.trim_start_matches('-')).as_str());
    if users(requester, settings) == Visible::All || !order_by.iter().any(is_personal) {
        return Ok(());
    }
    Err(Error::forbidden(Message::new("no-right")).of_field("orderBy"))
}

/// What to add to a list of executors that is asked for by what is personal about who sits there. To those who do not see
/// it, it is null, and nothing equals null: else one could find it out by asking for one value after the other.
#[must_use]
pub fn executors_by_personal_data(
    requester: &Requester,
    settings: &ModuleSettings,
    conditions: &[Condition],
) -> Option<Condition> {
    let is_personal = |condition: &Condition| condition.names_any(PERSONAL);
    let sees_all = users(requester, settings) == Visible::All;
    (!sees_all && conditions.iter().any(is_personal))
        .then(|| Condition::equals("user_id", Value::Uuid(requester.id())))
}

/// Users: all with the right.
#[must_use]
pub fn users(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_user_search_perms)
}

/// Whether one sees what is personal about this user: everybody sees names, as votes and executors show them.
#[must_use]
pub fn sees_personal_data(requester: &Requester, settings: &ModuleSettings, user_id: uuid::Uuid) -> bool {
    requester.id() == user_id || users(requester, settings) == Visible::All
}

/// Roles: all with the right.
#[must_use]
pub fn roles(requester: &Requester, settings: &ModuleSettings) -> Visible {
    all_with(requester, &settings.gql_role_search_perms)
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

/// What a mutation touched, for its caller; what anybody's touched, for superusers.
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
