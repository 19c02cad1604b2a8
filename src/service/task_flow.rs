//! Creating, changing, replacing, retiring and reading approval flows.

use std::sync::Arc;

use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::function_run;
use super::task_group::{code_taken, taken};
use super::task_source::{check_sources, functions, same_sources};
use super::unit_of_work::UnitOfWork;
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::db::Lock;
use crate::domain::event_data::EventData;
use crate::domain::query::ListQuery;
use crate::domain::signal::Signal;
use crate::domain::task_source::SourceFunction;
use crate::domain::text::{MAX_TEXT, check_code, check_text};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::history::Historical;
use crate::model::record::Record;
use crate::model::slice::Slice;
use crate::model::task_flow::TaskFlow;
use crate::model::task_flow_step::TaskFlowStep;
use crate::model::task_source::SourceTarget;

mod steps;

pub use steps::TaskFlowStepInput;

/// The flow to be created.
#[derive(Debug, Clone, Default)]
pub struct CreateTaskFlow {
    /// Its name for systems, unique among live heads.
    pub code: String,
    /// Its name for people.
    pub name: Option<String>,
    /// The sources whose new tasks go to the flow.
    pub task_sources: Vec<String>,
    /// The name of the function that runs when a task in the flow is COMPLETED or FAILED. Who gives one must be allowed to have it
    /// run.
    pub on_completed: Option<String>,
    /// The functions that run instead for tasks of single sources, which must be bound to the flow.
    pub source_functions: Vec<SourceFunction>,
    /// Its steps, at least one.
    pub steps: Vec<TaskFlowStepInput>,
}

/// The changes of a flow's head. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct UpdateTaskFlow {
    /// The head.
    pub id: Uuid,
    /// Its code, which can't be changed: any but the present code is refused.
    pub code: Option<String>,
    /// Its name for people; an empty text clears it.
    pub name: Option<String>,
    /// The sources to be bound to it, and no others.
    pub task_sources: Option<Vec<String>>,
    /// The name of the function that runs when a task in the flow is COMPLETED or FAILED; `Some(None)`: there is none.
    pub on_completed: Option<Option<String>>,
    /// The functions that run instead for tasks of single sources, and no others.
    pub source_functions: Option<Vec<SourceFunction>>,
    /// Its steps, which can't be changed: any but the present steps are refused.
    pub steps: Option<Vec<TaskFlowStepInput>>,
}

/// The version that supersedes a flow's head. Absent fields are as in the head.
#[derive(Debug, Clone, Default)]
pub struct ReplaceTaskFlow {
    /// The head.
    pub id: Uuid,
    /// Its name for systems, unique among live heads.
    pub code: Option<String>,
    /// Its name for people; an empty text clears it.
    pub name: Option<String>,
    /// The sources to be bound to it, and no others.
    pub task_sources: Option<Vec<String>>,
    /// The name of the function that runs when a task in the flow is COMPLETED or FAILED; `Some(None)`: there is none.
    pub on_completed: Option<Option<String>>,
    /// The functions that run instead for tasks of single sources, and no others.
    pub source_functions: Option<Vec<SourceFunction>>,
    /// Its steps, at least one.
    pub steps: Option<Vec<TaskFlowStepInput>>,
}

/// Creates a flow.
///
/// # Errors
/// FORBIDDEN, VALIDATION, NOT_FOUND for a group, LIMIT, or an error of a handler.
pub fn create(unit: &mut UnitOfWork<'_>, input: &CreateTaskFlow) -> Result<TaskFlow> {
    unit.requester.need(&unit.settings.gql_task_flow_create_perms)?;
    function_run::check_on_completed(unit, input.on_completed.as_deref(), Some(&input.source_functions))?;
    let code = check_free_code(unit, &input.code)?;
    let sources = eligible_sources(unit, &input.task_sources, None)?;
    let record = unit.new_record();
    let mut flow = TaskFlow {
        lineage_id: record.id,
        record,
        code,
        name: input.name.as_deref().map(checked_name).transpose()?.flatten(),
        replacement_uuid: None,
        date_valid_from: unit.now,
        date_valid_to: None,
        on_completed: input.on_completed.clone(),
        source_functions: functions(Some(&input.source_functions), Vec::new(), &sources)?,
    };
    flow.set_task_sources(&sources);
    let steps = steps::plan(unit, &flow, &input.steps, &[])?;
    unit.before(Signal::TaskFlowCreate, flow.id, || EventData::new(None, Some(&flow)).with("steps", &steps))?;
    unit.insert(&flow).map_err(taken)?;
    for step in &steps {
        unit.insert(step)?;
    }
    let (target, functions) = (SourceTarget::Flow(flow.id), flow.source_functions());
    db::task_source::bind(unit.connection, target, &sources, &functions).map_err(taken)?;
    unit.changed(Signal::TaskFlowCreate, flow.id, || {
        EventData::new(None, Some(&flow)).with("steps", &steps)
    })?;
    Ok(flow)
}

/// The head of the live flow of the input's code; it is created if there is none.
///
/// # Errors
/// As for [`create`].
pub fn ensure(unit: &mut UnitOfWork<'_>, input: &CreateTaskFlow) -> Result<TaskFlow> {
    unit.requester.need(&unit.settings.gql_task_flow_create_perms)?;
    let known = match db::task_flow::live_by_code(unit.connection, &input.code)? {
        Some(id) => db::get::<TaskFlow>(unit.connection, id)?,
        None => None,
    };
    known.map_or_else(|| create(unit, input), Ok)
}

/// Changes the name, the sources and the function of a flow's head.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT for a superseded version, VALIDATION for another code or changed steps, LIMIT, or an error
/// of a handler.
pub fn update(unit: &mut UnitOfWork<'_>, input: &UpdateTaskFlow) -> Result<TaskFlow> {
    unit.requester.need(&unit.settings.gql_task_flow_update_perms)?;
    let on_completed = input.on_completed.as_ref().and_then(Option::as_deref);
    function_run::check_on_completed(unit, on_completed, input.source_functions.as_deref())?;
    let mut flow = locked_head(unit, input.id)?;
    unit.touch(&flow);
    if input.code.as_ref().is_some_and(|code| *code != flow.code) {
        let message = Message::new("code-by-replace").with("code", flow.code.as_str());
        return Err(Error::validation("code", message));
    }
    if let Some(steps) = &input.steps {
        let present = db::task_flow_step::of_flows(unit.connection, &[flow.id])?;
        if !steps::say_the_same(steps, &present) {
            return Err(Error::validation("steps", Message::new("steps-by-replace")));
        }
    }
    let old = flow.clone();
    if let Some(name) = &input.name {
        flow.name = checked_name(name)?;
    }
    if let Some(name) = &input.on_completed {
        flow.on_completed.clone_from(name);
    }
    if let Some(asked) = &input.task_sources {
        let sources = eligible_sources(unit, asked, Some(flow.id))?;
        if !same_sources(&flow.task_sources(), &sources) {
            flow.set_task_sources(&sources);
        }
    }
    let (present, sources) = (flow.source_functions(), flow.task_sources());
    flow.source_functions = functions(input.source_functions.as_deref(), present, &sources)?;
    if flow != old {
        unit.before(Signal::TaskFlowUpdate, flow.id, || EventData::new(Some(&old), Some(&flow)))?;
        unit.update(&mut flow)?;
        let (target, functions) = (SourceTarget::Flow(flow.id), flow.source_functions());
        db::task_source::bind(unit.connection, target, &sources, &functions).map_err(taken)?;
        unit.changed(Signal::TaskFlowUpdate, flow.id, || EventData::new(Some(&old), Some(&flow)))?;
    }
    Ok(flow)
}

/// Supersedes the head of a flow by a new version. Tasks under way keep their version.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT for a superseded version, VALIDATION, LIMIT, or an error of a handler.
pub fn replace(unit: &mut UnitOfWork<'_>, input: &ReplaceTaskFlow) -> Result<TaskFlow> {
    unit.requester.need(&unit.settings.gql_task_flow_update_perms)?;
    let on_completed = input.on_completed.as_ref().and_then(Option::as_deref);
    function_run::check_on_completed(unit, on_completed, input.source_functions.as_deref())?;
    let mut old = locked_head(unit, input.id)?;
    let sources = match &input.task_sources {
        Some(asked) => eligible_sources(unit, asked, Some(old.id))?,
        None => old.task_sources(),
    };
    let mut new = TaskFlow {
        record: Record { version: old.version + 1, json_ext: old.json_ext.clone(), ..unit.new_record() },
        code: match &input.code {
            Some(code) if *code != old.code => check_free_code(unit, code)?,
            _ => old.code.clone(),
        },
        name: match &input.name {
            Some(name) => checked_name(name)?,
            None => old.name.clone(),
        },
        date_valid_from: unit.now,
        on_completed: input.on_completed.clone().unwrap_or_else(|| old.on_completed.clone()),
        source_functions: functions(input.source_functions.as_deref(), old.source_functions(), &sources)?,
        ..old.clone()
    };
    new.set_task_sources(&sources);
    let present = db::task_flow_step::of_flows(unit.connection, &[old.id])?;
    let asked = match &input.steps {
        Some(asked) => asked.clone(),
        None => present.iter().map(TaskFlowStepInput::from).collect(),
    };
    let steps = steps::plan(unit, &new, &asked, &present)?;
    unit.before(Signal::TaskFlowReplace, old.id, || {
        EventData::new(Some(&old), Some(&new)).with("steps", &steps)
    })?;
    db::task_source::bind(unit.connection, SourceTarget::Flow(old.id), &[], &[])?;
    old.replacement_uuid = Some(new.id);
    old.date_valid_to = Some(unit.now);
    // The old head is written first, because there is never more than one head; its pointer is checked when the transaction
    // ends.
    unit.update(&mut old)?;
    unit.insert(&new).map_err(taken)?;
    for step in &steps {
        unit.insert(step)?;
    }
    let (target, functions) = (SourceTarget::Flow(new.id), new.source_functions());
    db::task_source::bind(unit.connection, target, &sources, &functions).map_err(taken)?;
    unit.changed(Signal::TaskFlowReplace, old.id, || {
        EventData::new(Some(&old), Some(&new)).with("steps", &steps)
    })?;
    Ok(new)
}

/// Retires these flows with all their versions: all of them, or none. Refused while a task is in any version of one.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT, LIMIT, or an error of a handler.
pub fn delete(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<()> {
    unit.requester.need(&unit.settings.gql_task_flow_delete_perms)?;
    unit.check_list("ids", ids.len())?;
    let mut lineages = Vec::new();
    for id in ids {
        lineages.push(live(unit, *id)?.lineage_id);
    }
    // All requests lock in this order, so that no two wait for each other.
    lineages.sort_unstable();
    lineages.dedup();
    for lineage in lineages {
        retire(unit, lineage)?;
    }
    Ok(())
}

/// Lists the flows that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION or LIMIT.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<TaskFlow>> {
    services.list(requester, query, place, visibility::task_flows, db::list::<TaskFlow>).await
}

/// Lists the history of flows.
///
/// # Errors
/// FORBIDDEN, VALIDATION or LIMIT.
pub async fn list_history(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<Historical<TaskFlow>>> {
    query.leave_out_deleted_versions();
    services
        .list(requester, query, ListScope::Root, visibility::task_flows, db::list_history::<TaskFlow>)
        .await
}

/// The flows with these keys, to show the flows of visible rows.
pub async fn of_visible_rows(services: &Arc<ServiceContext>, ids: Vec<Uuid>) -> Result<Vec<TaskFlow>> {
    services.read(move |_, connection| db::get_many::<TaskFlow>(connection, &ids)).await
}

/// The steps of visible flows, in their order.
pub async fn steps_of_visible_flows(
    services: &Arc<ServiceContext>,
    flow_ids: Vec<Uuid>,
) -> Result<Vec<TaskFlowStep>> {
    services.read(move |_, connection| db::task_flow_step::of_flows(connection, &flow_ids)).await
}

/// The steps with these keys, to show the steps of visible rows.
pub async fn steps_of_visible_rows(
    services: &Arc<ServiceContext>,
    ids: Vec<Uuid>,
) -> Result<Vec<TaskFlowStep>> {
    services.read(move |_, connection| db::get_many::<TaskFlowStep>(connection, &ids)).await
}

/// How many open tasks are in each of these versions. Versions without any are left out.
pub async fn in_flight(services: &Arc<ServiceContext>, flow_ids: Vec<Uuid>) -> Result<Vec<(Uuid, i64)>> {
    services.read(move |_, connection| db::task::count_open_in_flows(connection, &flow_ids)).await
}

fn retire(unit: &mut UnitOfWork<'_>, lineage: Uuid) -> Result<()> {
    let (mut versions, head) = loop {
        let versions = db::task_flow::of_lineage(unit.connection, lineage)?;
        if versions.is_empty() {
            // Another request has retired it meanwhile.
            return Err(no_flow());
        }
        if let Some(head) = versions.iter().find(|flow| flow.is_head()).cloned() {
            break (versions, head);
        }
        // The head was superseded while this transaction waited for the locks, so the new head is retired too.
    };
    let ids: Vec<Uuid> = versions.iter().map(|flow| flow.id).collect();
    let open: i64 =
        db::task::count_open_in_flows(unit.connection, &ids)?.into_iter().map(|(_, count)| count).sum();
    if open > 0 {
        let message = Message::new("flow-in-use").with("code", head.code.as_str()).with("count", open);
        return Err(Error::new(ErrorCode::Conflict, message));
    }
    unit.before(Signal::TaskFlowDelete, head.id, || EventData::new(Some(&head), None))?;
    db::task_source::bind(unit.connection, SourceTarget::Flow(head.id), &[], &[])?;
    for mut step in db::task_flow_step::of_flows(unit.connection, &ids)? {
        unit.delete(&mut step)?;
    }
    for flow in &mut versions {
        if flow.date_valid_to.is_none() {
            flow.date_valid_to = Some(unit.now);
        }
        unit.delete(flow)?;
    }
    let deleted = versions.iter().find(|flow| flow.id == head.id);
    unit.changed(Signal::TaskFlowDelete, head.id, || EventData::new(Some(&head), deleted))
}

/// The live version with this key.
fn live(unit: &mut UnitOfWork<'_>, id: Uuid) -> Result<TaskFlow> {
    db::get::<TaskFlow>(unit.connection, id)?.filter(|flow| !flow.is_deleted).ok_or_else(no_flow)
}

/// The head with this key. Nobody else can change it or assign tasks to it until the transaction ends.
fn locked_head(unit: &mut UnitOfWork<'_>, id: Uuid) -> Result<TaskFlow> {
    let flow = db::lock::<TaskFlow>(unit.connection, id, Lock::Exclusive)?
        .filter(|flow| !flow.is_deleted)
        .ok_or_else(no_flow)?;
    if flow.is_head() {
        Ok(flow)
    } else {
        Err(Error::new(ErrorCode::Conflict, Message::new("flow-superseded")).of_field("id"))
    }
}

fn no_flow() -> Error {
    Error::not_found("id", Message::new("no-task-flow"))
}

/// Checks that no live head has this code.
fn check_free_code(unit: &mut UnitOfWork<'_>, code: &str) -> Result<String> {
    check_code("code", code)?;
    match db::task_flow::live_by_code(unit.connection, code)? {
        Some(_) => Err(code_taken()),
        None => Ok(code.to_owned()),
    }
}

/// The name without outer white space; none if it is empty.
fn checked_name(name: &str) -> Result<Option<String>> {
    let name = name.trim();
    check_text("name", name, MAX_TEXT)?;
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

/// Checks the sources that are to be bound to a flow; returns them without repeats.
fn eligible_sources(unit: &mut UnitOfWork<'_>, asked: &[String], own: Option<Uuid>) -> Result<Vec<String>> {
    let sources = check_sources(unit, asked, own.map(SourceTarget::Flow))?;
    match sources.iter().find(|source| unit.settings.flow_ineligible_sources.contains(source)) {
        None => Ok(sources),
        Some(source) => {
            let message = Message::new("source-ineligible").with("source", source.as_str());
            Err(Error::validation("taskSources", message))
        }
    }
}
