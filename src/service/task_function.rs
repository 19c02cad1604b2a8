//! Functions: making, changing, deleting and listing them, and what is secret about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use serde::Deserialize;
use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::function_sources::{Syntax, needs_source, no_runner};
use super::unit_of_work::UnitOfWork;
use super::{function_schedule, visibility};
use crate::auth::requester::Requester;
use crate::auth::sealing::new_webhook_secret;
use crate::db;
use crate::db::Lock;
use crate::domain::json::{Json, Object};
use crate::domain::query::ListQuery;
use crate::domain::task_function::{
    CONCURRENCIES, FunctionKind, LONGEST_DESCRIPTION, MEMORY_LIMITS, MOST_VARIABLES, PRIORITIES,
    PermissionMode, RATES, RetryPolicy, TIME_LIMITS, USUAL_CONCURRENCY, USUAL_MEMORY_LIMIT, USUAL_RATE,
    USUAL_TIME_LIMIT, VARIABLES_BYTES, check_function_name, check_range, check_variable_name,
};
use crate::domain::text::{check_json, check_object, check_text};
use crate::domain::webhook_endpoint::check_keeping;
use crate::domain::webhook_url::check_url;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::history::Historical;
use crate::model::record::Record;
use crate::model::slice::Slice;
use crate::model::sql_types::AsJson;
use crate::model::task_function::{FunctionSecret, TaskFunction, VariableName};

mod account;
pub mod secrets;
pub mod source;

use account::check_account;

/// A function to be made.
#[derive(Debug, Clone)]
pub struct CreateTaskFunction {
    /// Its name, which never changes.
    pub name: String,
    /// What carries it out.
    pub kind: FunctionKind,
    /// Everything else.
    pub change: TaskFunctionChange,
}

/// The fields of a function that may change. Absent fields stay as they are, or have their usual values.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct TaskFunctionChange {
    /// What it is for.
    pub description: Option<String>,
    /// Where its receiver stands, for functions that have one.
    pub url: Option<String>,
    /// The module in JavaScript whose default export is called, for functions of that kind.
    pub source: Option<String>,
    /// How many megabytes of memory a run may take, for functions in JavaScript.
    pub memory_limit: Option<i32>,
    /// How many seconds a run may take.
    pub time_limit: Option<i32>,
    /// Who may have it run.
    pub permission_mode: Option<PermissionMode>,
    /// The priority of runs for which none is said.
    pub default_priority: Option<i64>,
    /// Whether a run may be executed again that a process began which is gone.
    pub is_idempotent: Option<bool>,
    /// Whether runs are taken and begun.
    pub is_enabled: Option<bool>,
    /// How many of its runs each process executes at once.
    pub max_concurrency: Option<i32>,
    /// How many of its runs are begun in a minute, by all processes together.
    pub runs_per_minute: Option<i32>,
    /// When a run that failed is tried again.
    pub retry_policy: Option<RetryPolicy>,
    /// The user in whose name its runs act, or that there is none.
    pub service_account: Option<Option<Uuid>>,
    /// Environment variables that get a value, or lose theirs. Others stay.
    pub environment_variables: Option<Vec<EnvironmentVariable>>,
    /// Free JSON of hosts.
    pub json_ext: Option<Option<Json>>,
}

/// An environment variable with its value; without one, it is taken away.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
}

/// Values stay out of logs.
impl std::fmt::Debug for EnvironmentVariable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnvironmentVariable").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Makes a function; returns it, and the secret with which messages to its receiver are signed, if it has one. The secret is never
/// shown again. `syntax` is what a runner says of its source, if it has one.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND for an account, VALIDATION, LIMIT, or what the database says.
pub fn create(
    unit: &mut UnitOfWork<'_>,
    input: &CreateTaskFunction,
    syntax: &Syntax,
) -> Result<(TaskFunction, Option<String>)> {
    let record = unit.new_record();
    add(unit, record, input, None, syntax)
}

/// The same for a function of this record, whose receiver has this secret already, unless it gets a new one.
pub(super) fn add(
    unit: &mut UnitOfWork<'_>,
    record: Record,
    input: &CreateTaskFunction,
    known_secret: Option<&str>,
    syntax: &Syntax,
) -> Result<(TaskFunction, Option<String>)> {
    unit.requester.need(&unit.settings.gql_task_function_create_perms)?;
    let max = unit.services.function_settings.max_functions;
    if db::task_function::count(unit.connection)? >= max {
        return Err(Error::new(ErrorCode::Limit, Message::new("too-many-functions").with("max", max)));
    }
    check_function_name("name", &input.name)?;
    if db::task_function::by_name(unit.connection, &input.name)?.is_some() {
        return Err(name_taken());
    }
    check_sight(unit, "name", &input.name)?;
    check_kind(unit, input)?;
    let id = record.id;
    let mut function = TaskFunction {
        record,
        name: input.name.clone(),
        description: String::new(),
        kind: input.kind,
        url: None,
        time_limit: USUAL_TIME_LIMIT,
        permission_mode: PermissionMode::PermissionRequired,
        default_priority: 0,
        is_idempotent: false,
        is_enabled: true,
        max_concurrency: USUAL_CONCURRENCY,
        runs_per_minute: USUAL_RATE,
        retry_policy: Json::of(&RetryPolicy::default()),
        service_account: None,
        environment: Json::Array(Vec::new()),
        date_secret: None,
        source: None,
        memory_limit: (input.kind == FunctionKind::Javascript).then_some(USUAL_MEMORY_LIMIT),
    };
    let mut secret =
        FunctionSecret { id, secrets: AsJson(Vec::new()), variables: Json::Object(Object::new()) };
    fill(unit, &mut function, &mut secret, &input.change, syntax)?;
    let signing = match (function.kind, known_secret) {
        (FunctionKind::Http, Some(known)) => Some(known.to_owned()),
        (FunctionKind::Http, None) => Some(new_webhook_secret()?),
        (FunctionKind::Handler | FunctionKind::Javascript, None) => None,
        (FunctionKind::Handler | FunctionKind::Javascript, Some(_)) => {
            return Err(Error::validation("secret", Message::new("no-receiver")));
        }
    };
    if let Some(signing) = &signing {
        secret.rotate(unit.services.sealing.seal(signing, &secrets::signing_place(id))?, unit.now);
        function.date_secret = Some(unit.now);
    }
    unit.insert(&function).map_err(taken)?;
    db::task_function::insert_parts(unit.connection, &secret, unit.now)?;
    Ok((function, signing))
}

/// Changes a function. Its name and what carries it out stay. Runs under way go on as they were begun. `syntax` is what a runner says
/// of the new source, if there is one.
///
/// # Errors
/// FORBIDDEN, also for the function of an account with rights that the requester lacks, NOT_FOUND, VALIDATION, LIMIT, CONFLICT,
/// or what the database says.
pub fn update(
    unit: &mut UnitOfWork<'_>,
    id: Uuid,
    change: &TaskFunctionChange,
    syntax: &Syntax,
    expected_version: Option<i32>,
) -> Result<TaskFunction> {
    unit.requester.need(&unit.settings.gql_task_function_update_perms)?;
    let mut function = locked(unit, "id", id)?;
    if let Some(expected) = expected_version.filter(|expected| *expected != function.version) {
        let message = Message::new("function-changed")
            .with("expected", i64::from(expected))
            .with("version", i64::from(function.version));
        return Err(Error::new(ErrorCode::Conflict, message).of_field("expectedVersion"));
    }
    check_account(unit, "id", function.service_account)?;
    if change.url.is_some() || change.source.is_some() {
        check_sight(unit, "id", &function.name)?;
    }
    let old = function.clone();
    let old_secret = db::task_function::secret(unit.connection, id)?;
    let mut secret = old_secret.clone();
    fill(unit, &mut function, &mut secret, change, syntax)?;
    unit.touch(&function);
    if secret != old_secret {
        db::update(unit.connection, &secret)?;
    }
    if function != old {
        unit.update(&mut function)?;
        // Runs that waited may be begun now.
        db::outbox::announce(unit.connection)?;
    }
    Ok(function)
}

/// Deletes functions: all of them, or none. Their runs that wait are given up; runs and what they said are kept.
///
/// # Errors
/// FORBIDDEN, also for the function of an account with rights that the requester lacks, NOT_FOUND, LIMIT, or what the database says.
pub fn delete(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<()> {
    unit.requester.need(&unit.settings.gql_task_function_delete_perms)?;
    unit.check_list("ids", ids.len())?;
    let mut ids = ids.to_vec();
    // All requests lock in this order, so that no two wait for each other.
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        // Nobody adds runs meanwhile.
        let function = db::lock::<TaskFunction>(unit.connection, id, Lock::Exclusive)?;
        let mut function = live("ids", function)?;
        check_account(unit, "ids", function.service_account)?;
        unit.delete(&mut function)?;
        function_schedule::end_of_function(unit, id)?;
        db::function_run::cancel_waiting(unit.connection, id, unit.now)?;
        // What is gone acts for nobody.
        let variables = Json::Object(Object::new());
        db::update(unit.connection, &FunctionSecret { id, secrets: AsJson(Vec::new()), variables })?;
    }
    Ok(())
}

/// Gives a function a new secret with which messages to its receiver are signed; returns it, and never shows it again. The old
/// secret goes on signing beside it for `keep_old_s` seconds.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, also for a function without a receiver, or what the database says.
pub fn rotate_secret(unit: &mut UnitOfWork<'_>, id: Uuid, keep_old_s: i64) -> Result<String> {
    unit.requester.need(&unit.settings.gql_task_function_update_perms)?;
    check_keeping(keep_old_s)?;
    let mut function = locked(unit, "id", id)?;
    if function.kind != FunctionKind::Http {
        return Err(Error::validation("id", Message::new("no-receiver")));
    }
    let signing = new_webhook_secret()?;
    let mut secret = db::task_function::secret(unit.connection, id)?;
    let sealed = unit.services.sealing.seal(&signing, &secrets::signing_place(id))?;
    secret.rotate(sealed, unit.now + TimeDelta::seconds(keep_old_s));
    db::update(unit.connection, &secret)?;
    function.date_secret = Some(unit.now);
    unit.update(&mut function)?;
    Ok(signing)
}

/// Lists the functions that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<TaskFunction>> {
    services.list(requester, query, place, visibility::task_functions, db::list::<TaskFunction>).await
}

/// Lists the versions of functions.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list_history(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<Historical<TaskFunction>>> {
    query.leave_out_deleted_versions();
    let list = db::list_history::<TaskFunction>;
    services.list(requester, query, ListScope::Root, visibility::task_functions, list).await
}

/// The live function with this key, locked.
fn locked(unit: &mut UnitOfWork<'_>, field: &str, id: Uuid) -> Result<TaskFunction> {
    live(field, db::lock::<TaskFunction>(unit.connection, id, Lock::Write)?)
}

fn live(field: &str, function: Option<TaskFunction>) -> Result<TaskFunction> {
    let function = function.filter(|function| !function.is_deleted);
    function.ok_or_else(|| Error::not_found(field, Message::new("no-task-function")))
}

/// What carries a function out must be there.
fn check_kind(unit: &UnitOfWork<'_>, input: &CreateTaskFunction) -> Result<()> {
    let handlers = &unit.services.functions;
    match input.kind {
        FunctionKind::Handler if handlers.knows(&input.name) => Ok(()),
        FunctionKind::Handler => {
            let names: Vec<&str> = handlers.names().into_iter().collect();
            let message = Message::new("no-function-handler").with("name", input.name.as_str());
            Err(Error::validation("name", message.with_list("allowed", &names)))
        }
        FunctionKind::Http if input.change.url.is_none() => {
            Err(Error::validation("url", Message::new("function-needs-url")))
        }
        FunctionKind::Javascript if unit.services.sources.runner().is_none() => Err(no_runner()),
        FunctionKind::Javascript if input.change.source.is_none() => Err(needs_source()),
        FunctionKind::Http | FunctionKind::Javascript => Ok(()),
    }
}

/// Takes the fields that are given, once they are checked.
fn fill(
    unit: &mut UnitOfWork<'_>,
    function: &mut TaskFunction,
    secret: &mut FunctionSecret,
    change: &TaskFunctionChange,
    syntax: &Syntax,
) -> Result<()> {
    if let Some(description) = &change.description {
        check_text("description", description, LONGEST_DESCRIPTION)?;
        function.description.clone_from(description);
    }
    if let Some(url) = &change.url {
        if function.kind != FunctionKind::Http {
            return Err(Error::validation("url", Message::new("no-receiver")));
        }
        check_text("url", url, usize::MAX)?;
        check_url("url", url, unit.services.webhooks.reach())?;
        function.url = Some(url.clone());
    }
    fill_javascript(unit, function, change, syntax)?;
    if let Some(limit) = change.time_limit {
        check_range("timeLimit", limit, TIME_LIMITS)?;
        function.time_limit = limit;
    }
    if let Some(mode) = change.permission_mode {
        let becomes_public = mode == PermissionMode::Public && function.permission_mode != mode;
        if becomes_public && !unit.services.function_settings.public_api {
            return Err(Error::validation("permissionMode", Message::new("no-public-functions")));
        }
        function.permission_mode = mode;
    }
    if let Some(priority) = change.default_priority {
        check_range("defaultPriority", priority, PRIORITIES)?;
        function.default_priority = priority;
    }
    if let Some(is_idempotent) = change.is_idempotent {
        function.is_idempotent = is_idempotent;
    }
    if let Some(is_enabled) = change.is_enabled {
        function.is_enabled = is_enabled;
    }
    if let Some(most) = change.max_concurrency {
        check_range("maxConcurrency", most, CONCURRENCIES)?;
        function.max_concurrency = most;
    }
    if let Some(rate) = change.runs_per_minute {
        check_range("runsPerMinute", rate, RATES)?;
        function.runs_per_minute = rate;
    }
    if let Some(policy) = &change.retry_policy {
        policy.check()?;
        function.retry_policy = Json::of(policy);
    }
    if let Some(json_ext) = &change.json_ext {
        if let Some(json) = json_ext.as_ref().filter(|json| !json.is_null()) {
            check_json("jsonExt", json, unit.services.limits.json_bytes)?;
            check_object("jsonExt", json)?;
        }
        function.json_ext.clone_from(json_ext);
    }
    if let Some(account) = change.service_account {
        if account.is_some() && function.kind == FunctionKind::Http {
            return Err(Error::validation("serviceAccount", Message::new("account-of-receiver")));
        }
        check_account(unit, "serviceAccount", account)?;
        function.service_account = account;
    }
    match &change.environment_variables {
        Some(variables) => set_variables(unit, function, secret, variables),
        None => Ok(()),
    }
}

/// The same for what functions in JavaScript alone have.
fn fill_javascript(
    unit: &UnitOfWork<'_>,
    function: &mut TaskFunction,
    change: &TaskFunctionChange,
    syntax: &Syntax,
) -> Result<()> {
    let given = [("source", change.source.is_some()), ("memoryLimit", change.memory_limit.is_some())];
    if let Some((field, _)) = given.into_iter().find(|(_, is_given)| *is_given)
        && function.kind != FunctionKind::Javascript
    {
        return Err(Error::validation(field, Message::new("not-in-javascript").with("field", field)));
    }
    if let Some(source) = &change.source {
        unit.services.sources.check(source, syntax)?;
        function.source = Some(source.clone());
    }
    if let Some(limit) = change.memory_limit {
        check_range("memoryLimit", limit, MEMORY_LIMITS)?;
        function.memory_limit = Some(limit);
    }
    Ok(())
}

/// Refuses to say where a function leads that is told of tasks by groups, flows, dispatchers or runs, unless the requester sees all tasks.
fn check_sight(unit: &mut UnitOfWork<'_>, field: &str, name: &str) -> Result<()> {
    if visibility::sees_all_tasks(unit.requester, &unit.settings)
        || !(db::task_function::is_told_of_tasks(unit.connection, name)?
            || db::task_dispatcher::name_function(unit.connection, name)?)
    {
        return Ok(());
    }
    Err(Error::forbidden(Message::new("function-is-told-of-tasks").with("name", name)).of_field(field))
}

fn set_variables(
    unit: &mut UnitOfWork<'_>,
    function: &mut TaskFunction,
    secret: &mut FunctionSecret,
    changes: &[EnvironmentVariable],
) -> Result<()> {
    const FIELD: &str = "environmentVariables";
    unit.check_list(FIELD, changes.len())?;
    let mut names: BTreeMap<String, VariableName> =
        function.variables().into_iter().map(|variable| (variable.name.clone(), variable)).collect();
    let mut kept = secret.variables.as_object().cloned().unwrap_or_default();
    for EnvironmentVariable { name, value } in changes {
        check_variable_name(FIELD, name)?;
        let Some(value) = value else {
            names.remove(name);
            kept.remove(name);
            continue;
        };
        check_text(FIELD, value, VARIABLES_BYTES)?;
        let sealed = unit.services.sealing.seal(value, &secrets::place(function.id, name))?;
        kept.insert(name.clone(), Json::String(sealed));
        names.insert(name.clone(), VariableName { name: name.clone(), date_set: unit.now });
    }
    let bytes: usize = kept.iter().map(|(name, value)| name.len() + value.to_string().len()).sum();
    if names.len() > MOST_VARIABLES || bytes > 2 * VARIABLES_BYTES {
        let message =
            Message::new("too-many-variables").with("max", MOST_VARIABLES).with("bytes", VARIABLES_BYTES);
        return Err(Error::limit(FIELD, message));
    }
    secret.variables = Json::Object(kept);
    function.environment = Json::of(&names.into_values().collect::<Vec<_>>());
    Ok(())
}

/// The error to report when another transaction has taken the name meanwhile, which a constraint of the database shows.
fn taken(error: Error) -> Error {
    if db::task_function::is_name_taken(&error) { name_taken() } else { error }
}

fn name_taken() -> Error {
    Error::validation("name", Message::new("function-name-taken"))
}
