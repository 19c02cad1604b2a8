//! Loading people, groups, functions, what has them run, templates of mails, tasks and their history from a JSON file: all or nothing.
//! Existing rows stay as they are.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::context::ServiceContext;
use super::identity::refuse_hosts;
use super::user::{check_language, check_mail_frequency, names};
use crate::auth::password::legacy_hash;
use crate::auth::requester::Requester;
use crate::clock::new_id;
use crate::db;
use crate::db::connection::DbConnection;
use crate::db::entity::Stored;
use crate::db::history::{Entry, record, resume_counting};
use crate::db::sql::ROWS_AT_ONCE;
use crate::domain::configuration::Layer;
use crate::domain::decision::HeldReason;
use crate::domain::history::HistoryType;
use crate::domain::json::Json;
use crate::domain::permission::check_rights;
use crate::domain::settings::ModuleSettings;
use crate::domain::task::TaskStatus;
use crate::domain::task_executor::DEFAULT_WEIGHT;
use crate::domain::text::{check_handle, check_object, likeness};
use crate::domain::user::SYSTEM_USER;
use crate::domain::verdict::Verdict;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::configuration::ModuleConfiguration;
use crate::model::content_type::ContentType;
use crate::model::entity::Versioned;
use crate::model::record::Record;
use crate::model::role::Role;
use crate::model::task::Task;
use crate::model::task_group::TaskGroup;
use crate::model::user::User;
use crate::model::vote::Vote;
use crate::service::approval_state::ApprovalRows;
use crate::service::function_sources::Syntax;
use crate::service::timer;
use crate::service::unit_of_work::UnitOfWork;

mod file;
mod functions;
mod groups;
mod mails;

pub use file::{File, left_out};
use file::{LoadedRow, LoadedUser};

/// The result of loading: how many rows of each kind were added, and how many existed already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded {
    /// Kind of row -> (added, already there).
    pub rows: BTreeMap<&'static str, (usize, usize)>,
}

impl Loaded {
    fn count(&mut self, kind: &'static str, added: bool) {
        let (new, old) = self.rows.entry(kind).or_default();
        *if added { new } else { old } += 1;
    }
}

impl std::fmt::Display for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let added: Vec<String> = self
            .rows
            .iter()
            .filter(|(_, (added, _))| *added > 0)
            .map(|(kind, (added, _))| format!("{added} {kind}"))
            .collect();
        let present: usize = self.rows.values().map(|(_, present)| present).sum();
        let added = if added.is_empty() { "nothing".to_owned() } else { added.join(", ") };
        write!(f, "loaded {added}; {present} rows were there already")
    }
}

/// Loads a file in one transaction. Rows whose key exists already stay as they are.
///
/// # Errors
/// INTERNAL, with a sentence that says what is wrong in the file.
pub async fn load(services: &Arc<ServiceContext>, file: File) -> Result<Loaded> {
    if !file.users.is_empty() || !file.roles.is_empty() {
        refuse_hosts(services)?;
    }
    let hashes = hash_passwords(services, &file.users).await?;
    let syntaxes = functions::look_at(services, &file.task_functions).await?;
    let services = Arc::clone(services);
    let file = Arc::new(file);
    services
        .db
        .clone()
        .write(move |connection| {
            let mut loaded = Loaded::default();
            load_people(&services, connection, &file, &hashes, &mut loaded)?;
            services.settings.check(connection, services.clock.now())?;
            let refilled = load_by_services(&services, connection, &file, &syntaxes, &mut loaded)?;
            let new = load_tasks(&services, connection, &file, &mut loaded)?;
            plan_timers(&services, connection, &new)?;
            let ready = keep_holds(&services, connection, &new)?;
            for group_id in refilled.union(&ready) {
                let now = services.clock.now();
                db::outbox::ask_re_evaluation(connection, *group_id, "load", (SYSTEM_USER, 0), now)?;
            }
            Ok(loaded)
        })
        .await
}

/// Hashes the passwords of the file, before the transaction begins, because that takes long.
async fn hash_passwords(
    services: &Arc<ServiceContext>,
    users: &[LoadedUser],
) -> Result<BTreeMap<Uuid, String>> {
    let mut hashes = BTreeMap::new();
    for user in users {
        let hash = match (&user.password, &user.legacy_password_hash, &user.private_key) {
            (Some(plain), None, None) => {
                let (services, plain) = (Arc::clone(services), plain.clone());
                services.clone().hashing(move || services.passwords.hash(&plain)).await?
            }
            (None, Some(digest), Some(private_key)) => legacy_hash(private_key, digest),
            // For programs: nobody logs in as this user.
            (None, None, None) => String::new(),
            _ => {
                return Err(Error::internal(format!(
                    "user {}: either password, or legacyPasswordHash with privateKey, or none of them",
                    user.username
                )));
            }
        };
        hashes.insert(user.id, hash);
    }
    Ok(hashes)
}

fn load_people(
    services: &ServiceContext,
    connection: &mut DbConnection,
    file: &File,
    hashes: &BTreeMap<Uuid, String>,
    loaded: &mut Loaded,
) -> Result<()> {
    let now = services.clock.now();
    let mut roles = Alike::default();
    let mut users = Alike::default();
    let mut addresses = Alike::default();
    if !file.roles.is_empty() || !file.users.is_empty() {
        db::user::lock_people(connection)?;
        roles = Alike::of(db::role::names(connection)?);
        let (names, emails) = db::user::names(connection)?.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        users = Alike::of(names);
        addresses = Alike::of(emails.into_iter().flatten());
    }
    for role in &file.roles {
        let known = db::role::by_name(connection, &role.name)?.is_some();
        if !known {
            let row = Role {
                id: match role.id {
                    Some(id) => id,
                    None => db::role::next_id(connection)?,
                },
                uuid: new_id(),
                name: role.name.clone(),
                alt_language: None,
                is_system: role.is_system,
                is_blocked: role.is_blocked,
                date_created: now,
            };
            check_handle("name", &role.name).map_err(in_row("role", &role.name))?;
            roles.add("name", &role.name, "role-name-taken").map_err(in_row("role", &role.name))?;
            let rights = role.rights.iter().copied().collect();
            check_rights("rights", &rights).map_err(in_row("role", &role.name))?;
            db::role::insert(connection, &row, &rights, first_entry(now))
                .map_err(in_row("role", &role.name))?;
        }
        loaded.count("roles", !known);
    }
    for user in &file.users {
        let known = db::get::<User>(connection, user.id)?.is_some();
        if !known {
            let interactive_user_id = match user.interactive_user_id {
                Some(id) => id,
                None => db::user::next_interactive_user_id(connection)?,
            };
            let row = user_row(user, interactive_user_id, now);
            let hash =
                hashes.get(&user.id).ok_or_else(|| Error::internal("a hash for each user was made"))?;
            names::check(&row, None).map_err(in_row("user", &user.username))?;
            check_language(connection, "language", &row.language).map_err(in_row("user", &user.username))?;
            check_mail_frequency(&row, ["mailHour", "mailTimeZone"])
                .map_err(in_row("user", &user.username))?;
            users.add("username", &row.username, "username-taken").map_err(in_row("user", &user.username))?;
            if let Some(email) = row.email.as_deref().filter(|email| !email.is_empty()) {
                addresses.add("email", email, "email-taken").map_err(in_row("user", &user.username))?;
            }
            db::user::insert(connection, &row, hash, first_entry(now))
                .map_err(in_row("user", &user.username))?;
            for name in &user.roles {
                let role = db::role::by_name(connection, name)?.ok_or_else(|| {
                    Error::internal(format!("user {}: there is no role {name:?}", user.username))
                })?;
                db::role::grant(connection, user.id, role.id, first_entry(now))?;
            }
        }
        loaded.count("users", !known);
    }
    load_kinds(connection, file, loaded)
}

fn user_row(user: &LoadedUser, interactive_user_id: i32, now: NaiveDateTime) -> User {
    let record = Record { id: user.id, ..Record::new(SYSTEM_USER, now) };
    let usual = User::new(record, interactive_user_id);
    let usual_zone = || usual.mail_time_zone.clone();
    User {
        username: user.username.clone(),
        last_name: user.last_name.clone(),
        other_names: user.other_names.clone(),
        email: user.email.clone(),
        phone: user.phone.clone(),
        language: user.language.clone(),
        is_active: user.is_active,
        mail_frequency: user.mail_frequency.unwrap_or(usual.mail_frequency),
        mail_hour: user.mail_hour.unwrap_or(usual.mail_hour),
        mail_time_zone: user.mail_time_zone.clone().unwrap_or_else(usual_zone),
        ..usual
    }
}

/// Loads kinds of entities, and configurations of modules.
fn load_kinds(connection: &mut DbConnection, file: &File, loaded: &mut Loaded) -> Result<()> {
    for kind in &file.content_types {
        let known = db::get::<ContentType>(connection, kind.id)?.is_some();
        if !known {
            let row =
                ContentType { id: kind.id, app_label: kind.app_label.clone(), model: kind.model.clone() };
            db::content_type::insert(connection, &row)?;
        }
        loaded.count("content types", !known);
    }
    for configuration in &file.module_configurations {
        let layer = Layer::parse(&configuration.layer)
            .ok_or_else(|| Error::internal(format!("module {}: layer is FE or BE", configuration.module)))?;
        let objects = configuration.controls.iter().map(|control| ("controls", control));
        for (field, value) in objects.chain([("config", &configuration.config)]) {
            check_object(field, value).map_err(in_row("module", &configuration.module))?;
        }
        let known = db::configuration::exists(connection, &configuration.module, layer)?;
        if !known {
            let row = ModuleConfiguration {
                id: new_id(),
                module: configuration.module.clone(),
                layer,
                version: configuration.version.clone(),
                config: configuration.config.to_string(),
                is_exposed: configuration.is_exposed,
                is_disabled_until: None,
                controls: Json::Array(configuration.controls.clone()),
            };
            db::insert(connection, &row)?;
        }
        loaded.count("module configurations", !known);
    }
    Ok(())
}

/// What the names of all users, or of all roles, read like. A file may hold many, so they are compared here.
#[derive(Default)]
struct Alike(HashSet<String>);

impl Alike {
    fn of(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| likeness(&name)).collect())
    }

    /// Adds a name that stands in this field, or refuses it by this message if there is one that reads the same.
    fn add(&mut self, field: &'static str, name: &str, taken: &'static str) -> Result<()> {
        if self.0.insert(likeness(name)) {
            Ok(())
        } else {
            Err(Error::validation(field, Message::new(taken)))
        }
    }
}

/// Loads what services check, in the name of the system user; returns the groups that existed and have other executors now.
fn load_by_services(
    services: &ServiceContext,
    connection: &mut DbConnection,
    file: &File,
    syntaxes: &BTreeMap<Uuid, Syntax>,
    loaded: &mut Loaded,
) -> Result<BTreeSet<Uuid>> {
    let system = Requester::system(connection)?;
    let mut unit = UnitOfWork::new(services, &system, connection, 0)?;
    functions::load(&mut unit, file, syntaxes, loaded)?;
    mails::load(&mut unit, file, loaded)?;
    functions::load_dispatchers(&mut unit, file, loaded)?;
    groups::load(&mut unit, file, loaded)
}

/// Makes a row of a file as a mutation of the system user would, unless its key is there already. `kinds` are the words for one and
/// for many.
fn make<T: Stored>(
    unit: &mut UnitOfWork<'_>,
    loaded: &mut Loaded,
    [kind, kinds]: [&'static str; 2],
    (id, name): (Uuid, &dyn std::fmt::Display),
    how: impl FnOnce(&mut UnitOfWork<'_>, Record) -> Result<()>,
) -> Result<()> {
    let known = db::get::<T>(unit.connection, id)?.is_some();
    if !known {
        let record = Record { id, ..unit.new_record() };
        how(unit, record).map_err(in_row(kind, name))?;
    }
    loaded.count(kinds, !known);
    Ok(())
}

/// Loads tasks; returns the new ones.
fn load_tasks(
    services: &ServiceContext,
    connection: &mut DbConnection,
    file: &File,
    loaded: &mut Loaded,
) -> Result<Vec<Uuid>> {
    let settings = services.settings.current(connection, services.clock.now())?;
    let mut new = Vec::new();
    for LoadedRow(row) in &file.tasks {
        let known = db::get::<Task>(connection, row.id)?.is_some();
        if !known {
            db::insert(connection, row).map_err(in_row("task", row.id))?;
            if file.task_history.iter().all(|version| version.0.row.id != row.id) {
                record::<Task>(connection, &[row.id], first_entry(row.date_updated))?;
            }
            if row.is_open() && settings.decides_by_policy(row.executor_action_event.as_deref()) {
                enter_votes(services, connection, row)?;
            }
            new.push(row.id);
        }
        loaded.count("tasks", !known);
    }
    for LoadedRow(version) in &file.task_history {
        let added = new.contains(&version.row.id);
        if added {
            db::history::insert_version(connection, version)
                .map_err(in_row("task version with the historyId", version.history_id))?;
        }
        loaded.count("task versions", added);
    }
    resume_counting::<Task>(connection)?;
    Ok(new)
}

/// Has the timers of the new tasks planned that are due at some time, or whose group has escalation rules.
fn plan_timers(services: &ServiceContext, connection: &mut DbConnection, new: &[Uuid]) -> Result<()> {
    let now = services.clock.now();
    for ids in new.chunks(ROWS_AT_ONCE) {
        let tasks = db::get_many::<Task>(connection, ids)?;
        let ids: BTreeSet<Uuid> = tasks.iter().filter_map(|task| task.task_group_id).collect();
        let groups = db::get_many::<TaskGroup>(connection, &Vec::from_iter(ids))?;
        let has_rules =
            |id: Option<Uuid>| groups.iter().any(|group| Some(group.id) == id && group.escalations.is_some());
        let is_timed = |task: &&Task| task.due_date.is_some() || has_rules(task.task_group_id);
        for task in tasks.iter().filter(|task| task.is_open()).filter(is_timed) {
            timer::plan_later(connection, task.id, now)?;
        }
    }
    Ok(())
}

/// Stores why the new tasks can't go on; returns the groups of those that could be decided.
fn keep_holds(
    services: &ServiceContext,
    connection: &mut DbConnection,
    new: &[Uuid],
) -> Result<BTreeSet<Uuid>> {
    let now = services.clock.now();
    let settings = services.settings.current(connection, now)?;
    let mut ready = BTreeSet::new();
    for ids in new.chunks(ROWS_AT_ONCE) {
        let tasks = db::get_many::<Task>(connection, ids)?;
        let open: Vec<&Task> =
            tasks.iter().filter(|task| !task.is_deleted && task.status == TaskStatus::Accepted).collect();
        let rows = ApprovalRows::load(connection, &open, now)?;
        for task in open {
            let Some(reason) = rows.approval(task, &settings).held() else { continue };
            db::task_hold::keep(connection, task, reason, now)?;
            if reason == HeldReason::ReadyToDecide {
                ready.extend(task.task_group_id);
            }
        }
    }
    Ok(ready)
}

/// Enters the votes in the `businessStatus` of an open task into the ledger. They were cast before the task was loaded, and
/// go on counting.
fn enter_votes(services: &ServiceContext, connection: &mut DbConnection, task: &Task) -> Result<()> {
    let settings = services.settings.current(connection, services.clock.now())?;
    let executors = db::task_executor::live_in_groups(connection, task.task_group_id.as_slice())?;
    for (key, value) in task.business_status.as_object().into_iter().flatten() {
        let Ok(user_id) = key.parse::<Uuid>() else { continue };
        let verdicts = verdicts(&settings, value);
        if verdicts.is_empty() || db::get::<User>(connection, user_id)?.is_none() {
            continue;
        }
        let weight = executors
            .iter()
            .find(|executor| executor.user_id == user_id)
            .map_or(DEFAULT_WEIGHT, |executor| executor.weight);
        for (record_id, verdict) in verdicts {
            let vote = Vote {
                record: Record::new(user_id, task.date_updated),
                task_id: task.id,
                step_id: None,
                user_id,
                record_id,
                verdict,
                comment: None,
                weight,
                // It is unknown on which data the vote was cast.
                data_hash: None,
                is_stale: false,
            };
            insert_with_history::<Vote>(connection, &vote, task.date_updated)?;
        }
    }
    Ok(())
}

/// The verdicts in a person's entry in `businessStatus`: on the whole task, or on records. A record that is listed more than
/// once counts as it is listed last.
fn verdicts(settings: &ModuleSettings, value: &Json) -> Vec<(Option<String>, Verdict)> {
    if let Some(text) = value.as_str() {
        let verdict = if text == settings.task_user_approved {
            Verdict::Approved
        } else if text == settings.task_user_failed {
            Verdict::Failed
        } else {
            return Vec::new();
        };
        return vec![(None, verdict)];
    }
    let mut records: BTreeMap<String, Verdict> = BTreeMap::new();
    for verdict in [Verdict::Accept, Verdict::Reject] {
        let listed = value.get(verdict.as_str()).and_then(Json::as_array).into_iter().flatten();
        records.extend(listed.filter_map(Json::as_str).map(|record| (record.to_owned(), verdict)));
    }
    records.into_iter().map(|(record_id, verdict)| (Some(record_id), verdict)).collect()
}

/// Adds to an error which row of the file was refused, and which of its fields.
fn in_row(kind: &'static str, name: impl std::fmt::Display) -> impl FnOnce(Error) -> Error {
    move |error| {
        // The file is not at fault.
        if error.code() == ErrorCode::Unavailable {
            return error;
        }
        let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        let field = error.field().map_or_else(String::new, |field| format!("{field}: "));
        Error::internal(format!("{kind} {name}: {field}{cause}"))
    }
}

fn insert_with_history<T: Versioned>(
    connection: &mut DbConnection,
    row: &T,
    date: NaiveDateTime,
) -> Result<()> {
    db::insert(connection, row)?;
    record::<T>(connection, &[row.id], first_entry(date))
}

const fn first_entry(date: NaiveDateTime) -> Entry<'static> {
    Entry { history_type: HistoryType::Created, date, user: None, reason: None }
}
