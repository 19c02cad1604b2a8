//! Dispatchers: what is done when something happens. A dispatcher is a subscriber of events as webhook endpoints are: each event that
//! it wants is a delivery of the outbox, and [`act`] makes it. Who wrote it last answers for what it does, and must be allowed to
//! see all tasks, as it is told of every task.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::unit_of_work::UnitOfWork;
use super::{function_run, visibility};
use crate::auth::requester::Requester;
use crate::db;
use crate::db::Lock;
use crate::domain::function_run::MOST_TAGS;
use crate::domain::json::Json;
use crate::domain::mail::MailRecipient;
use crate::domain::outbox::Subscriber;
use crate::domain::query::ListQuery;
use crate::domain::signal::Signal;
use crate::domain::task_dispatcher::{
    DispatchAction, DispatchActionKind, DispatchCondition, MOST_ACTIONS, MOST_ADDRESSES, MOST_CONDITIONS,
    check_address,
};
use crate::domain::task_function::{LONGEST_DESCRIPTION, PRIORITIES, check_range};
use crate::domain::text::{check_code, check_text};
use crate::domain::webhook_endpoint::check_events;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::history::Historical;
use crate::model::record::Record;
use crate::model::slice::Slice;
use crate::model::task_dispatcher::TaskDispatcher;
use crate::service::task_template;

mod acting;
pub mod answering;

pub use acting::{Act, Acted, concerns};

/// A dispatcher to be made.
#[derive(Debug, Clone, Default)]
pub struct CreateTaskDispatcher {
    /// Its name.
    pub name: String,
    /// The name of the signal of which it is told.
    pub signal: String,
    /// Everything else.
    pub change: TaskDispatcherChange,
}

/// The fields of a dispatcher that may change. Absent fields stay as they are, or have their usual values.
#[derive(Debug, Clone, Default)]
pub struct TaskDispatcherChange {
    /// What it is for.
    pub description: Option<String>,
    /// What must hold of an event, all of it.
    pub when: Option<Vec<DispatchCondition>>,
    /// What is done then.
    pub actions: Option<Vec<DispatchAction>>,
    /// Words by which it and its runs are found.
    pub tags: Option<Vec<String>>,
    /// Whether it is told of events.
    pub is_enabled: Option<bool>,
}

/// Makes a dispatcher. It is told of what happens from now on.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND for a function or a template, VALIDATION, LIMIT, or what the database says.
pub fn create(unit: &mut UnitOfWork<'_>, input: &CreateTaskDispatcher) -> Result<TaskDispatcher> {
    let record = unit.new_record();
    add(unit, record, input)
}

/// The same with this record.
pub(super) fn add(
    unit: &mut UnitOfWork<'_>,
    record: Record,
    input: &CreateTaskDispatcher,
) -> Result<TaskDispatcher> {
    unit.requester.need(&unit.settings.gql_task_dispatcher_create_perms)?;
    need_all_tasks(unit)?;
    let max = unit.services.function_settings.max_dispatchers;
    if db::task_dispatcher::count(unit.connection)? >= max {
        return Err(Error::new(ErrorCode::Limit, Message::new("too-many-dispatchers").with("max", max)));
    }
    check_code("name", &input.name)?;
    if db::task_dispatcher::by_name(unit.connection, &input.name)?.is_some() {
        return Err(name_taken());
    }
    check_events("signal", std::slice::from_ref(&input.signal))?;
    let mut dispatcher = TaskDispatcher {
        record,
        name: input.name.clone(),
        description: String::new(),
        signal: input.signal.clone(),
        conditions: Json::Array(Vec::new()),
        actions: Json::Array(Vec::new()),
        tags: Json::Array(Vec::new()),
        is_enabled: true,
    };
    fill(unit, &mut dispatcher, &input.change)?;
    check_actions(unit, &dispatcher)?;
    unit.insert(&dispatcher).map_err(taken)?;
    db::outbox::announce(unit.connection)?;
    Ok(dispatcher)
}

/// Changes a dispatcher. Its name and its signal stay. Who changes it answers for all that it does from then on. If it is enabled
/// again, the deliveries that wait for it go on.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT, LIMIT, or what the database says.
pub fn update(
    unit: &mut UnitOfWork<'_>,
    id: Uuid,
    change: &TaskDispatcherChange,
    expected_version: Option<i32>,
) -> Result<TaskDispatcher> {
    unit.requester.need(&unit.settings.gql_task_dispatcher_update_perms)?;
    need_all_tasks(unit)?;
    let mut dispatcher = locked(unit, "id", id)?;
    if let Some(expected) = expected_version.filter(|expected| *expected != dispatcher.version) {
        let message = Message::new("dispatcher-changed")
            .with("expected", i64::from(expected))
            .with("version", i64::from(dispatcher.version));
        return Err(Error::new(ErrorCode::Conflict, message).of_field("expectedVersion"));
    }
    let old = dispatcher.clone();
    fill(unit, &mut dispatcher, change)?;
    unit.touch(&dispatcher);
    if dispatcher != old {
        // What is stopped does nothing, and has to be stopped also when what it needs is gone.
        if dispatcher.is_enabled || dispatcher.actions != old.actions {
            check_actions(unit, &dispatcher)?;
        }
        unit.update(&mut dispatcher)?;
        db::outbox::announce(unit.connection)?;
    }
    Ok(dispatcher)
}

/// Deletes dispatchers: all of them, or none. Deliveries that wait for them are given up.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, LIMIT, or what the database says.
pub fn delete(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<()> {
    unit.requester.need(&unit.settings.gql_task_dispatcher_delete_perms)?;
    unit.check_list("ids", ids.len())?;
    let mut ids = ids.to_vec();
    // All requests lock in this order, so that no two wait for each other.
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let mut dispatcher = locked(unit, "ids", id)?;
        unit.delete(&mut dispatcher)?;
        db::outbox::discard_all_of(unit.connection, &Subscriber::Dispatcher(id))?;
    }
    db::outbox::announce(unit.connection)
}

/// Lists the dispatchers that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<TaskDispatcher>> {
    services.list(requester, query, place, visibility::task_dispatchers, db::list::<TaskDispatcher>).await
}

/// Lists the versions of dispatchers.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list_history(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<Historical<TaskDispatcher>>> {
    query.leave_out_deleted_versions();
    let list = db::list_history::<TaskDispatcher>;
    services.list(requester, query, ListScope::Root, visibility::task_dispatchers, list).await
}

fn need_all_tasks(unit: &UnitOfWork<'_>) -> Result<()> {
    if visibility::sees_all_tasks(unit.requester, &unit.settings) {
        Ok(())
    } else {
        Err(Error::forbidden(Message::new("dispatcher-needs-all-tasks")))
    }
}

fn locked(unit: &mut UnitOfWork<'_>, field: &str, id: Uuid) -> Result<TaskDispatcher> {
    let dispatcher = db::lock::<TaskDispatcher>(unit.connection, id, Lock::Exclusive)?;
    let dispatcher = dispatcher.filter(|dispatcher| !dispatcher.is_deleted);
    dispatcher.ok_or_else(|| Error::not_found(field, Message::new("no-task-dispatcher")))
}

/// Takes the fields that are given, once they are checked.
fn fill(unit: &UnitOfWork<'_>, dispatcher: &mut TaskDispatcher, change: &TaskDispatcherChange) -> Result<()> {
    if let Some(description) = &change.description {
        check_text("description", description, LONGEST_DESCRIPTION)?;
        dispatcher.description.clone_from(description);
    }
    if let Some(conditions) = &change.when {
        check_most("when", conditions.len(), MOST_CONDITIONS)?;
        conditions.iter().try_for_each(DispatchCondition::check)?;
        dispatcher.conditions = Json::of(conditions);
    }
    if let Some(actions) = &change.actions {
        check_most("actions", actions.len(), MOST_ACTIONS)?;
        dispatcher.actions = Json::of(actions);
    }
    if let Some(tags) = &change.tags {
        check_most("tags", tags.len(), MOST_TAGS.min(unit.services.limits.list_length))?;
        tags.iter().try_for_each(|tag| check_code("tags", tag))?;
        dispatcher.tags = Json::of(tags);
    }
    if let Some(is_enabled) = change.is_enabled {
        dispatcher.is_enabled = is_enabled;
    }
    Ok(())
}

fn check_most(field: &str, length: usize, max: usize) -> Result<()> {
    if length <= max {
        return Ok(());
    }
    let message = Message::new("list-too-long").with("field", field.to_owned()).with("max", max);
    Err(Error::limit(field, message))
}

/// Refuses actions that can't be done about such events, or that the requester may not have done.
fn check_actions(unit: &mut UnitOfWork<'_>, dispatcher: &TaskDispatcher) -> Result<()> {
    const FIELD: &str = "actions";
    let actions = dispatcher.actions()?;
    if actions.is_empty() {
        return Err(Error::validation(FIELD, Message::new("dispatcher-without-action")));
    }
    let mut functions = BTreeSet::new();
    for action in &actions {
        match action.kind {
            DispatchActionKind::Mail => check_mail(unit, &dispatcher.signal, action)?,
            DispatchActionKind::Function => {
                let is_mails = action.template.is_some()
                    || !action.recipients.is_empty()
                    || !action.addresses.is_empty();
                let Some(name) = action.function_name.as_ref().filter(|_| !is_mails) else {
                    return Err(Error::validation(FIELD, Message::new("bad-function-action")));
                };
                // An event has one run of each function.
                if !functions.insert(name) {
                    let message = Message::new("function-named-twice").with("name", name.as_str());
                    return Err(Error::validation(FIELD, message));
                }
                if let Some(priority) = action.priority {
                    check_range("priority", priority, PRIORITIES)?;
                }
                function_run::entrusted(unit, FIELD, name)?;
            }
        }
    }
    Ok(())
}

fn check_mail(unit: &mut UnitOfWork<'_>, signal: &str, action: &DispatchAction) -> Result<()> {
    const FIELD: &str = "actions";
    let readers =
        [MailRecipient::Maker, MailRecipient::Pool, MailRecipient::Missing, MailRecipient::Claimant];
    let is_function = action.function_name.is_some() || action.priority.is_some();
    let is_to_somebody = !action.recipients.is_empty() || !action.addresses.is_empty();
    let Some(template) = action.template.as_ref().filter(|_| is_to_somebody && !is_function) else {
        return Err(Error::validation(FIELD, Message::new("bad-mail-action")));
    };
    if Signal::parse(signal).is_none_or(|signal| signal.row_name() != "task") {
        return Err(Error::validation(FIELD, Message::new("mail-without-task").with("signal", signal)));
    }
    check_most(FIELD, action.recipients.len(), readers.len())?;
    if action.recipients.iter().any(|recipient| !readers.contains(recipient)) {
        let allowed: Vec<&str> = readers.iter().map(|reader| reader.as_str()).collect();
        let message = Message::new("bad-mail-recipient").with_list("allowed", &allowed);
        return Err(Error::validation(FIELD, message));
    }
    check_most(FIELD, action.addresses.len(), MOST_ADDRESSES)?;
    action.addresses.iter().try_for_each(|address| check_address(FIELD, address))?;
    task_template::check_is_there(unit, FIELD, template)
}

/// The error to report when another transaction has taken the name meanwhile, which a constraint of the database shows.
fn taken(error: Error) -> Error {
    if db::task_dispatcher::is_name_taken(&error) { name_taken() } else { error }
}

fn name_taken() -> Error {
    Error::validation("name", Message::new("dispatcher-name-taken"))
}
