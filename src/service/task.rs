//! Creating, changing, deleting, carrying out and reading tasks. Deciding on them is in `resolution`.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::core::Core;
use super::resolution;
use super::unit::Unit;
use super::visibility;
use crate::auth::requester::Requester;
use crate::clock::new_id;
use crate::db;
use crate::db::task_group::Lock;
use crate::domain::content_type::ContentType;
use crate::domain::history::Historical;
use crate::domain::query::{self, Condition, ListQuery, Slice};
use crate::domain::signal::Signal;
use crate::domain::task::{Task, TaskStatus};
use crate::domain::text::{MAX_TEXT, check_json, check_text};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;

/// A task to be created.
#[derive(Debug, Clone, Default)]
pub struct CreateTask {
    /// The service that asks for it; a group bound to it gets the task at once.
    pub source: Option<String>,
    /// The kind of thing it is about, `app_label.model`.
    pub entity_type: Option<String>,
    /// The key of that thing.
    pub entity_id: Option<String>,
    /// Its display text, where no provider is registered for its kind.
    pub entity_string: Option<String>,
    /// Which executor action handler carries it out; the default event when absent.
    pub executor_action_event: Option<String>,
    /// What is to be done once decided.
    pub business_event: Option<String>,
    /// What is known of the decision already; it holds nobody's vote.
    pub business_status: Option<Value>,
    /// The proposal itself.
    pub data: Option<Value>,
    /// Free JSON.
    pub json_ext: Option<Value>,
    /// The serializer through which `businessData` shows `data`.
    pub business_data_serializer: Option<String>,
    /// The group that decides, whatever the source is bound to; for privileged people only.
    pub task_group_id: Option<Uuid>,
}

/// What is to be changed of a task; what is absent stays.
#[derive(Debug, Clone)]
pub struct UpdateTask {
    /// The task.
    pub id: Uuid,
    /// Its new status.
    pub status: Option<TaskStatus>,
    /// Its new group.
    pub task_group_id: Option<Uuid>,
}

/// Creates a task. A source that is bound to a group assigns it at once.
///
/// # Errors
/// FORBIDDEN, VALIDATION, or what a handler or the database says.
pub fn create(unit: &mut Unit<'_>, input: &CreateTask) -> Result<Task> {
    unit.requester.need(&unit.settings.gql_task_create_perms)?;
    check_create(unit, input)?;
    let business_status = input.business_status.clone().unwrap_or_else(|| json!({}));
    check_business_status(&business_status)?;

    let entity_type = match (&input.entity_type, &input.entity_id) {
        (Some(name), Some(entity_id)) => Some(entity(unit, name, entity_id)?),
        (None, None) => None,
        _ => return Err(Error::validation("entityId", Message::new("entity-needs-both"))),
    };
    let (entity_type_id, display) = match entity_type {
        Some((content_type, display)) => (Some(content_type.id), display),
        None => (None, None),
    };
    let task_group_id = match input.task_group_id {
        Some(_) if !unit.requester.is_privileged(&unit.settings) => {
            return Err(Error::forbidden(Message::new("only-privileged-assign")));
        }
        Some(id) => Some(live_group(unit, id)?),
        None => match &input.source {
            Some(source) => group_of_source(unit, source)?,
            None => None,
        },
    };
    let status = if task_group_id.is_some() {
        TaskStatus::Accepted
    } else {
        TaskStatus::Received
    };
    let task = Task {
        id: new_id(),
        is_deleted: false,
        json_ext: input.json_ext.clone(),
        version: 1,
        date_created: unit.now,
        date_updated: unit.now,
        user_created: unit.requester.id(),
        user_updated: unit.requester.id(),
        source: input.source.clone(),
        entity_type_id,
        entity_id: input.entity_id.clone(),
        entity_string: display.or_else(|| input.entity_string.clone()),
        status,
        executor_action_event: Some(
            input
                .executor_action_event
                .clone()
                .unwrap_or_else(|| unit.settings.default_executor_event.clone()),
        ),
        business_status,
        business_event: input.business_event.clone(),
        task_group_id,
        data: input.data.clone().unwrap_or_else(|| json!({})),
        business_data_serializer: input.business_data_serializer.clone(),
    };
    unit.before(Signal::TaskCreate, task.id, || json!({ "task": task }))?;
    unit.insert(&task).map_err(taken_entity)?;
    unit.changed(Signal::TaskCreate, task.id, || json!({ "task": task }))?;
    Ok(task)
}

/// Changes a task: assigns it to a group, accepts it, or closes it through the one door.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT, or what a handler or the database says.
pub fn update(unit: &mut Unit<'_>, input: &UpdateTask) -> Result<Task> {
    unit.requester.need(&unit.settings.gql_task_update_perms)?;
    let mut task = locked(unit, input.id)?;
    if !sees(unit, &task)? {
        return Err(no_task());
    }
    refuse_final(&task)?;
    unit.touch(&task);
    let privileged = unit.requester.is_privileged(&unit.settings);
    let group_changes = input.task_group_id.filter(|id| task.task_group_id != Some(*id));
    if group_changes.is_some() && !privileged {
        return Err(Error::forbidden(Message::new("only-privileged-assign")));
    }
    let closes = input.status.filter(|status| status.is_final());
    if closes.is_some() && !privileged {
        return Err(Error::forbidden(Message::new("only-privileged-close")));
    }

    let old = task.clone();
    if let Some(group_id) = group_changes {
        task.task_group_id = Some(live_group(unit, group_id)?);
    }
    match input.status {
        Some(TaskStatus::Accepted) => {
            let Some(group_id) = task.task_group_id else {
                return Err(Error::validation("status", Message::new("accepted-needs-group")));
            };
            live_group(unit, group_id)?;
            task.status = TaskStatus::Accepted;
        }
        Some(TaskStatus::Received) => {
            return Err(Error::validation(
                "status",
                Message::new("received-is-the-beginning"),
            ));
        }
        Some(TaskStatus::Completed | TaskStatus::Failed) | None => {}
    }
    if task != old {
        unit.before(
            Signal::TaskUpdate,
            task.id,
            || json!({ "task": old, "new": task }),
        )?;
        unit.update(&mut task)?;
        unit.changed(
            Signal::TaskUpdate,
            task.id,
            || json!({ "task": task, "old": old }),
        )?;
    }
    if let Some(status) = closes {
        resolution::complete(unit, &mut task, status)?;
    }
    Ok(task)
}

/// Deletes tasks that are not decided yet: all of them, or none.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT, or what a handler or the database says.
pub fn delete(unit: &mut Unit<'_>, ids: &[Uuid]) -> Result<()> {
    unit.requester.need(&unit.settings.gql_task_delete_perms)?;
    check_list(unit, "ids", ids.len())?;
    let mut ids = ids.to_vec();
    // In one order for everybody, lest two requests wait for each other.
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let mut task = locked(unit, id)?;
        if !sees(unit, &task)? {
            return Err(no_task());
        }
        refuse_final(&task)?;
        unit.before(Signal::TaskDelete, task.id, || json!({ "task": task }))?;
        unit.delete(&mut task)?;
        unit.changed(Signal::TaskDelete, task.id, || json!({ "task": task }))?;
    }
    Ok(())
}

/// Carries a task out by the executor action handler that the host registered for its event.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT, VALIDATION without a handler, or what a handler or the database says.
pub fn execute(unit: &mut Unit<'_>, id: Uuid) -> Result<Task> {
    let task = locked(unit, id)?;
    resolution::check_entitled(unit, &task)?;
    refuse_final(&task)?;
    resolution::refuse_unaccepted(&task)?;
    let event = task.executor_action_event.clone().unwrap_or_default();
    let Some(action) = unit.core.host.executor_action(&event).cloned() else {
        return Err(Error::validation(
            "id",
            Message::new("no-executor-action").with("event", event),
        ));
    };
    unit.before(Signal::TaskExecute, task.id, || json!({ "task": task }))?;
    action(unit.connection, unit.requester, &task)?;
    unit.touch(&task);
    unit.changed(Signal::TaskExecute, task.id, || json!({ "task": task }))?;
    Ok(task)
}

/// Lists the tasks that the requester sees. `nested`: inside another row, where nothing visible is no error.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(
    core: &Arc<Core>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
    nested: bool,
) -> Result<Slice<Task>> {
    let requester = Arc::clone(requester);
    core.read(move |core, connection| {
        let settings = core.settings.current(connection, core.clock.now())?;
        let visible = visibility::tasks(&requester, &settings);
        query.conditions.extend(if nested {
            visible.nested()
        } else {
            visible.at_root()?
        });
        db::task::list(connection, &query, core.page_limit())
    })
    .await
}

/// Lists the versions of the tasks that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list_history(
    core: &Arc<Core>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<Historical<Task>>> {
    query.leave_out_deleted_versions();
    let requester = Arc::clone(requester);
    core.read(move |core, connection| {
        let settings = core.settings.current(connection, core.clock.now())?;
        query
            .conditions
            .extend(visibility::task_history(&requester, &settings).at_root()?);
        db::task::list_history(connection, &query, core.page_limit())
    })
    .await
}

/// The task with this key, locked, unless it is deleted or there is none.
pub(super) fn locked(unit: &mut Unit<'_>, id: Uuid) -> Result<Task> {
    db::task::lock(unit.connection, id)?
        .filter(|task| !task.is_deleted)
        .ok_or_else(no_task)
}

pub(super) fn no_task() -> Error {
    Error::not_found("id", Message::new("no-task"))
}

/// Refuses to touch what is decided.
pub(super) fn refuse_final(task: &Task) -> Result<()> {
    if task.status.is_final() {
        let message = Message::new("task-final").with("status", task.status.as_str());
        return Err(Error::new(ErrorCode::Conflict, message));
    }
    Ok(())
}

/// Whether the requester sees the task in lists.
pub(super) fn sees(unit: &mut Unit<'_>, task: &Task) -> Result<bool> {
    let mut conditions = vec![Condition::equals("id", query::Value::Uuid(task.id))];
    conditions.extend(visibility::tasks(unit.requester, &unit.settings).nested());
    db::task::is_among(unit.connection, &conditions)
}

/// The group with this key, which others may not change or delete until the transaction ends.
fn live_group(unit: &mut Unit<'_>, id: Uuid) -> Result<Uuid> {
    db::task_group::lock(unit.connection, id, Lock::Share)?
        .filter(|group| !group.is_deleted)
        .map(|group| group.id)
        .ok_or_else(|| Error::not_found("taskGroupId", Message::new("no-task-group")))
}

fn group_of_source(unit: &mut Unit<'_>, source: &str) -> Result<Option<Uuid>> {
    let Some(id) = db::task_group::claimed_by(unit.connection, source)? else {
        return Ok(None);
    };
    let group = db::task_group::lock(unit.connection, id, Lock::Share)?;
    // It may have been deleted, or lost the source, while the lock was waited for.
    let still_bound = db::task_group::claimed_by(unit.connection, source)? == Some(id);
    Ok(group
        .filter(|group| !group.is_deleted && still_bound)
        .map(|group| group.id))
}

/// The content type of this name and how the entity is called, if a provider says so.
fn entity(unit: &mut Unit<'_>, name: &str, entity_id: &str) -> Result<(ContentType, Option<String>)> {
    let lower = name.to_lowercase();
    let (app_label, model) = ContentType::parse(&lower)
        .ok_or_else(|| Error::validation("entityType", Message::new("bad-entity-type")))?;
    let display = match unit.core.host.display(&lower).cloned() {
        Some(provider) => Some(
            provider(unit.connection, entity_id)?
                .ok_or_else(|| Error::not_found("entityId", Message::new("no-entity")))?,
        ),
        None => None,
    };
    let content_type = db::content_type::get_or_insert(unit.connection, app_label, model)?;
    if db::task::open_about(unit.connection, content_type.id, entity_id)?.is_some() {
        return Err(Error::new(
            ErrorCode::Conflict,
            Message::new("entity-has-open-task"),
        ));
    }
    Ok((
        content_type,
        display.map(|text| text.chars().take(MAX_TEXT).collect()),
    ))
}

/// Another transaction may have been faster; the database's own constraint says so.
fn taken_entity(error: Error) -> Error {
    if db::row::violates_unique(&error, "task_management_task_one_open") {
        return Error::new(ErrorCode::Conflict, Message::new("entity-has-open-task"));
    }
    error
}

fn check_create(unit: &Unit<'_>, input: &CreateTask) -> Result<()> {
    let texts = [
        ("source", &input.source),
        ("entityType", &input.entity_type),
        ("entityId", &input.entity_id),
        ("entityString", &input.entity_string),
        ("executorActionEvent", &input.executor_action_event),
        ("businessEvent", &input.business_event),
        ("businessDataSerializer", &input.business_data_serializer),
    ];
    for (field, text) in texts {
        if let Some(text) = text {
            check_text(field, text, MAX_TEXT)?;
        }
    }
    let values = [
        ("businessStatus", &input.business_status),
        ("data", &input.data),
        ("jsonExt", &input.json_ext),
    ];
    for (field, value) in values {
        if let Some(value) = value {
            check_json(field, value, unit.core.limits.json_bytes)?;
        }
    }
    if input
        .json_ext
        .as_ref()
        .is_some_and(|ext| !ext.is_object() && !ext.is_null())
    {
        return Err(Error::validation(
            "jsonExt",
            Message::new("not-an-object").with("field", "jsonExt"),
        ));
    }
    Ok(())
}

/// Votes are cast by `resolveTask`, in one's own name, so a new task brings none.
fn check_business_status(status: &Value) -> Result<()> {
    let Some(map) = status.as_object() else {
        return Err(Error::validation(
            "businessStatus",
            Message::new("not-an-object").with("field", "businessStatus"),
        ));
    };
    if map.keys().any(|key| key.parse::<Uuid>().is_ok()) {
        return Err(Error::validation(
            "businessStatus",
            Message::new("votes-are-cast"),
        ));
    }
    Ok(())
}

/// Refuses a list that is too long.
pub(super) fn check_list(unit: &Unit<'_>, field: &str, length: usize) -> Result<()> {
    let max = unit.core.limits.list_length;
    if length > max {
        let message = Message::new("list-too-long")
            .with("field", field.to_owned())
            .with("max", max);
        return Err(Error::limit(field, message));
    }
    Ok(())
}
