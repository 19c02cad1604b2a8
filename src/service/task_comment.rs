//! The discussion of a task. Who sees the task sees its comments; who may comment changes and deletes the own ones only.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::unit_of_work::UnitOfWork;
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::db::Lock;
use crate::domain::event_data::EventData;
use crate::domain::json::Json;
use crate::domain::query::ListQuery;
use crate::domain::signal::Signal;
use crate::domain::task_action::TaskAction;
use crate::domain::text::{check_text, is_blank};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::history::Historical;
use crate::model::slice::Slice;
use crate::model::task::Task;
use crate::model::task_comment::TaskComment;
use crate::service::task::access::{no_task, seen_by, sees};
use crate::service::task::action::Actor;

/// How many people one comment mentions: whether each sees the task is looked up.
const MAX_MENTIONS: usize = 50;

/// A comment to be made.
#[derive(Debug, Clone, Default)]
pub struct CreateTaskComment {
    /// The task.
    pub task_id: Uuid,
    /// What is said.
    pub text: String,
    /// The people who are to be told. All of them must see the task.
    pub mentions: Vec<Uuid>,
}

/// The changes of a comment. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct UpdateTaskComment {
    /// The comment.
    pub id: Uuid,
    /// What is said.
    pub text: Option<String>,
    /// The people who are to be told. Those who were not mentioned before must see the task.
    pub mentions: Option<Vec<Uuid>>,
    /// The version of the comment that was seen.
    pub expected_version: Option<i32>,
}

/// Comments on a task, whether it is decided or not.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, LIMIT, or what a handler or the database says.
pub fn create(unit: &mut UnitOfWork<'_>, input: &CreateTaskComment) -> Result<TaskComment> {
    Actor::of(unit).need(TaskAction::Comment)?;
    let task = seen(unit, input.task_id, || no_task().of_field("taskId"))?;
    let text = read_text(unit, &input.text)?;
    check_room(unit, &task)?;
    let mentions = read_mentions(unit, &task, &input.mentions, &BTreeSet::new())?;
    let comment = TaskComment { record: unit.new_record(), task_id: task.id, text, mentions };
    unit.touch(&task);
    unit.before(Signal::TaskCommentCreate, comment.id, || EventData::new(None, Some(&comment)))?;
    unit.insert(&comment)?;
    unit.changed(Signal::TaskCommentCreate, comment.id, || EventData::new(None, Some(&comment)))?;
    Ok(comment)
}

/// Changes one's own comment.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, LIMIT, CONFLICT, or what a handler or the database says.
pub fn update(unit: &mut UnitOfWork<'_>, input: &UpdateTaskComment) -> Result<TaskComment> {
    Actor::of(unit).need(TaskAction::Comment)?;
    let task = tasks_of(unit, &[input.id])?.pop().ok_or_else(no_comment)?;
    let mut comment = own(unit, input.id)?;
    if let Some(expected) = input.expected_version.filter(|expected| *expected != comment.version) {
        let message = Message::new("comment-changed")
            .with("expected", i64::from(expected))
            .with("version", i64::from(comment.version));
        return Err(Error::new(ErrorCode::Conflict, message).of_field("expectedVersion"));
    }
    unit.touch(&comment);
    let old = comment.clone();
    if let Some(text) = &input.text {
        comment.text = read_text(unit, text)?;
    }
    if let Some(mentions) = &input.mentions {
        comment.mentions = read_mentions(unit, &task, mentions, &old.mentioned())?;
    }
    if comment != old {
        unit.before(Signal::TaskCommentUpdate, comment.id, || EventData::new(Some(&old), Some(&comment)))?;
        unit.update(&mut comment)?;
        unit.changed(Signal::TaskCommentUpdate, comment.id, || EventData::new(Some(&old), Some(&comment)))?;
    }
    Ok(comment)
}

/// Deletes one's own comments: all of them, or none. History keeps them.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, LIMIT, or what a handler or the database says.
pub fn delete(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<()> {
    Actor::of(unit).need(TaskAction::Comment)?;
    unit.check_list("ids", ids.len())?;
    let ids: Vec<Uuid> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    tasks_of(unit, &ids)?;
    for id in ids {
        let mut comment = own(unit, id)?;
        let old = comment.clone();
        unit.before(Signal::TaskCommentDelete, id, || EventData::new(Some(&old), None))?;
        unit.delete(&mut comment)?;
        unit.changed(Signal::TaskCommentDelete, id, || EventData::new(Some(&old), Some(&comment)))?;
    }
    Ok(())
}

/// Lists the comments on the tasks that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<TaskComment>> {
    services.list(requester, query, place, visibility::task_comments, db::list::<TaskComment>).await
}

/// Lists the versions of the comments on the tasks that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list_history(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<Historical<TaskComment>>> {
    query.leave_out_deleted_versions();
    let list = db::list_history::<TaskComment>;
    services.list(requester, query, ListScope::Root, visibility::task_comments, list).await
}

/// The comments on these tasks, all of which the requester may see.
pub async fn of_visible_tasks(
    services: &Arc<ServiceContext>,
    task_ids: Vec<Uuid>,
) -> Result<Vec<TaskComment>> {
    services.read(move |_, connection| db::task_comment::of_tasks(connection, &task_ids)).await
}

/// Locks the tasks of these comments, which must be live and visible. Tasks are locked before what belongs to them.
fn tasks_of(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<Vec<Task>> {
    let comments = db::get_many::<TaskComment>(unit.connection, ids)?;
    if comments.len() < ids.len() {
        return Err(no_comment());
    }
    let task_ids: BTreeSet<Uuid> = comments.iter().map(|comment| comment.task_id).collect();
    let mut tasks = Vec::with_capacity(task_ids.len());
    for id in task_ids {
        tasks.push(seen(unit, id, no_comment)?);
    }
    Ok(tasks)
}

/// The live task with this key, locked, if the requester sees it.
fn seen(unit: &mut UnitOfWork<'_>, id: Uuid, missing: fn() -> Error) -> Result<Task> {
    let task = db::lock::<Task>(unit.connection, id, Lock::Exclusive)?.filter(|task| !task.is_deleted);
    let task = task.ok_or_else(missing)?;
    if sees(unit, &task)? { Ok(task) } else { Err(missing()) }
}

/// The requester's own live comment with this key, locked.
fn own(unit: &mut UnitOfWork<'_>, id: Uuid) -> Result<TaskComment> {
    let comment = db::lock::<TaskComment>(unit.connection, id, Lock::Exclusive)?
        .filter(|comment| !comment.is_deleted)
        .ok_or_else(no_comment)?;
    if comment.user_created != unit.requester.id() {
        return Err(Error::forbidden(Message::new("only-own-comments")));
    }
    Ok(comment)
}

fn no_comment() -> Error {
    Error::not_found("id", Message::new("no-task-comment"))
}

/// The text without outer white space.
fn read_text(unit: &UnitOfWork<'_>, text: &str) -> Result<String> {
    let text = text.trim();
    check_text("text", text, unit.services.limits.comment_length)?;
    if is_blank(text) {
        return Err(Error::validation("text", Message::new("blank").with("field", "text")));
    }
    Ok(text.to_owned())
}

fn check_room(unit: &mut UnitOfWork<'_>, task: &Task) -> Result<()> {
    let max = unit.services.limits.comments_per_task;
    if usize::try_from(db::task_comment::count_on(unit.connection, task.id)?).unwrap_or(usize::MAX) >= max {
        return Err(Error::limit("taskId", Message::new("too-many-comments").with("max", max)));
    }
    Ok(())
}

/// The people who are mentioned, as the comment keeps them. Those who are not among `before` must be active and see the task.
fn read_mentions(
    unit: &mut UnitOfWork<'_>,
    task: &Task,
    ids: &[Uuid],
    before: &BTreeSet<Uuid>,
) -> Result<Json> {
    let ids: BTreeSet<Uuid> = ids.iter().copied().collect();
    if ids.len() > MAX_MENTIONS {
        let message = Message::new("list-too-long").with("field", "mentions").with("max", MAX_MENTIONS);
        return Err(Error::limit("mentions", message));
    }
    let new: Vec<Uuid> = ids.difference(before).copied().collect();
    if !new.is_empty() {
        let services = unit.services;
        let users = services.users.by_ids(unit.connection, &new)?;
        let mut rights = services.users.rights(unit.connection, &new)?;
        let mut blind: BTreeSet<Uuid> = new.into_iter().collect();
        for user in users.into_iter().filter(|user| user.is_active) {
            let rights = rights.remove(&user.id).unwrap_or_default();
            let person = Requester::new(user, rights, None);
            if seen_by(unit, &person, task)? {
                blind.remove(&person.id());
            }
        }
        if let Some(id) = blind.first() {
            // It says the same of people who do not exist.
            return Err(Error::validation(
                "mentions",
                Message::new("mention-blind").with("id", id.to_string()),
            ));
        }
    }
    Ok(Json::of(&ids))
}
