//! Creating tasks.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::assign::{Deciders, assignable, live_group, of_source};
use super::dates;
use crate::db;
use crate::domain::event_data::EventData;
use crate::domain::json::{Json, json};
use crate::domain::signal::Signal;
use crate::domain::task::{TaskStatus, check_priority, usual_priority};
use crate::domain::text::{MAX_TEXT, check_code, check_json, check_object, check_text};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::content_type::ContentType;
use crate::model::record::Record;
use crate::model::task::Task;
use crate::service::approval_state::ApprovalState;
use crate::service::checked_task;
use crate::service::entity;
use crate::service::resolution;
use crate::service::task_group::access::shared;
use crate::service::task_hold;
use crate::service::timer;
use crate::service::unit_of_work::UnitOfWork;

/// The task to be created.
#[derive(Debug, Clone, Default)]
pub struct CreateTask {
    /// The service that asks for the task. A flow or group bound to this source gets the task at once.
    pub source: Option<String>,
    /// The kind of entity that the task is about, `app_label.model`.
    pub entity_type: Option<String>,
    /// The key of the entity.
    pub entity_id: Option<String>,
    /// The entity's display text, if the host does not know its kind.
    pub entity_string: Option<String>,
    /// The executor action handler that carries the task out; absent: that of the default event.
    pub executor_action_event: Option<String>,
    /// The operation to be done once the task is decided.
    pub business_event: Option<String>,
    /// A JSON object without votes.
    pub business_status: Option<Json>,
    /// The proposal itself.
    pub data: Option<Json>,
    /// Free JSON.
    pub json_ext: Option<Json>,
    /// The serializer through which `businessData` shows `data`.
    pub business_data_serializer: Option<String>,
    /// The group that decides, whatever the source is bound to; for privileged people only.
    pub task_group_id: Option<Uuid>,
    /// The flow through which the task goes, whatever the source is bound to; for privileged people only.
    pub flow_id: Option<Uuid>,
    /// How urgent the task is, from 0 to 100; absent: 50.
    pub priority: Option<i32>,
    /// When the task is due, naive UTC; for triage and for people who may assign tasks only.
    pub due_date: Option<NaiveDateTime>,
    /// When to look at the task again, naive UTC; for triage and for people who may assign tasks only.
    pub follow_up_date: Option<NaiveDateTime>,
}

impl CreateTask {
    /// Removes empty texts, which forms send for fields that were not filled in.
    fn without_empty_texts(mut self) -> Self {
        for text in [
            &mut self.source,
            &mut self.entity_type,
            &mut self.entity_id,
            &mut self.entity_string,
            &mut self.executor_action_event,
            &mut self.business_event,
            &mut self.business_data_serializer,
        ] {
            text.take_if(|text| text.trim().is_empty());
        }
        self
    }
}

/// Creates a task. A source that is bound to a flow or group assigns it at once.
///
/// # Errors
/// FORBIDDEN, VALIDATION, or what a handler or the database says.
pub fn create(unit: &mut UnitOfWork<'_>, input: &CreateTask) -> Result<Task> {
    let mut created = create_many(unit, std::slice::from_ref(input))?;
    created.pop().ok_or_else(|| Error::internal("one task was to be created"))
}

/// Creates tasks: all of them, or none. The host is asked about all entities of a kind at once.
///
/// # Errors
/// FORBIDDEN, VALIDATION, or an error of a handler or the host.
pub fn create_many(unit: &mut UnitOfWork<'_>, inputs: &[CreateTask]) -> Result<Vec<Task>> {
    unit.requester.need(&unit.settings.gql_task_create_perms)?;
    let inputs: Vec<CreateTask> = inputs.iter().cloned().map(CreateTask::without_empty_texts).collect();
    for input in &inputs {
        check_create(unit, input)?;
    }
    let named =
        inputs.iter().filter_map(|input| input.entity_type.as_deref().zip(input.entity_id.as_deref()));
    let displays = entity::of_new_tasks(unit, named)?;
    inputs.iter().map(|input| create_one(unit, input, &displays)).collect()
}

fn create_one(unit: &mut UnitOfWork<'_>, input: &CreateTask, displays: &Displays) -> Result<Task> {
    let business_status = input.business_status.clone().unwrap_or_else(|| json!({}));
    check_business_status(&business_status)?;

    let entity_type = match (&input.entity_type, &input.entity_id) {
        (Some(name), Some(entity_id)) => Some(entity(unit, name, entity_id, displays)?),
        (None, None) => None,
        _ => return Err(Error::validation("entityId", Message::new("entity-needs-both"))),
    };
    let (entity_type_id, display) = match entity_type {
        Some((content_type, display)) => (Some(content_type.id), display),
        None => (None, None),
    };
    let mut task = Task {
        record: Record { json_ext: input.json_ext.clone(), ..unit.new_record() },
        source: input.source.clone(),
        entity_type_id,
        entity_id: input.entity_id.clone(),
        entity_string: display.or_else(|| input.entity_string.clone()),
        status: TaskStatus::Received,
        executor_action_event: Some(
            input
                .executor_action_event
                .clone()
                .unwrap_or_else(|| unit.settings.default_executor_event.clone()),
        ),
        business_status,
        business_event: input.business_event.clone(),
        task_group_id: None,
        data: input.data.clone().unwrap_or_else(|| json!({})),
        business_data_serializer: input.business_data_serializer.clone(),
        flow_id: None,
        current_step_id: None,
        data_user: None,
        priority: check_priority(input.priority.unwrap_or_else(usual_priority))?,
        checker: None,
        due_date: None,
        follow_up_date: None,
        date_opened: None,
        due_by_lead_time: false,
    };
    dates::set(unit, &mut task, input.due_date.map(Some), input.follow_up_date.map(Some))?;
    task.checker = checked_task::filed_with(unit.services, &task);
    let deciders = deciders(unit, input, &task)?;
    let group = deciders.group().cloned();
    let first_steps = deciders.give(&mut task);
    let groups = match group {
        Some(group) => vec![group],
        None => shared(unit, &first_steps.iter().map(|step| step.task_group_id).collect())?,
    };
    if task.status == TaskStatus::Accepted {
        task.open(dates::lead_times(&first_steps, &groups), unit.now);
    }
    unit.before(Signal::TaskCreate, task.id, || EventData::new(None, Some(&task)))?;
    unit.insert(&task).map_err(taken_entity)?;
    resolution::set_out(unit, &task, &first_steps)?;
    if task.status == TaskStatus::Accepted {
        let approval = ApprovalState::begun(unit, &task, groups)?;
        task_hold::begin(unit, &task, &approval)?;
        timer::begin(unit, &task, &approval.pools)?;
    } else {
        timer::begin(unit, &task, &[])?;
    }
    unit.changed(Signal::TaskCreate, task.id, || EventData::new(None, Some(&task)))?;
    Ok(task)
}

/// The deciders of a new task: those that a privileged person has named, or else those to which its source is bound.
fn deciders(unit: &mut UnitOfWork<'_>, input: &CreateTask, task: &Task) -> Result<Deciders> {
    let named = input.task_group_id.is_some() || input.flow_id.is_some();
    if named && !unit.requester.is_privileged(&unit.settings) {
        return Err(Error::forbidden(Message::new("only-privileged-assign")));
    }
    match (input.task_group_id, input.flow_id) {
        (Some(_), Some(_)) => Err(Error::validation("flowId", Message::new("assign-one"))),
        (Some(id), None) => Ok(Deciders::Group(Box::new(live_group(unit, id)?))),
        (None, Some(id)) => Ok(Deciders::Flow(assignable(unit, id, task)?)),
        (None, None) => match &input.source {
            Some(source) => {
                of_source(unit, source, task.executor_action_event.as_deref().unwrap_or_default())
            }
            None => Ok(Deciders::Nobody),
        },
    }
}

/// The names of entities, by the name of their content type and their key.
type Displays = HashMap<(String, String), String>;

/// The content type of the task's entity, and the entity's name, if the host knows it.
fn entity(
    unit: &mut UnitOfWork<'_>,
    name: &str,
    entity_id: &str,
    displays: &Displays,
) -> Result<(ContentType, Option<String>)> {
    let lower = name.to_lowercase();
    let (app_label, model) = ContentType::parse(&lower)
        .ok_or_else(|| Error::validation("entityType", Message::new("bad-entity-type")))?;
    let display = displays.get(&(lower.clone(), entity_id.to_owned())).cloned();
    if display.is_none() && unit.services.host.entity_type(&lower).is_some() {
        return Err(Error::not_found("entityId", Message::new("no-entity")));
    }
    let content_type = db::content_type::get_or_insert(unit.connection, app_label, model)?;
    if db::task::open_about(unit.connection, content_type.id, entity_id)?.is_some() {
        return Err(Error::new(ErrorCode::Conflict, Message::new("entity-has-open-task")));
    }
    Ok((content_type, display))
}

/// The error to report when another transaction has created a task about the entity meanwhile, which a constraint of the
/// database shows.
fn taken_entity(error: Error) -> Error {
    if db::entity::violates_unique(&error, "task_management_task_one_open") {
        return Error::new(ErrorCode::Conflict, Message::new("entity-has-open-task"));
    }
    error
}

fn check_create(unit: &UnitOfWork<'_>, input: &CreateTask) -> Result<()> {
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
    if let Some(source) = &input.source {
        check_code("source", source)?;
    }
    let values =
        [("businessStatus", &input.business_status), ("data", &input.data), ("jsonExt", &input.json_ext)];
    for (field, value) in values {
        if let Some(value) = value {
            check_json(field, value, unit.services.limits.json_bytes)?;
        }
    }
    if let Some(ext) = input.json_ext.as_ref().filter(|ext| !ext.is_null()) {
        check_object("jsonExt", ext)?;
    }
    Ok(())
}

/// Refuses votes in a new task: votes are cast by `resolveTask`, in one's own name.
fn check_business_status(status: &Json) -> Result<()> {
    if check_object("businessStatus", status)?.keys().any(|key| key.parse::<Uuid>().is_ok()) {
        return Err(Error::validation("businessStatus", Message::new("votes-are-cast")));
    }
    Ok(())
}
