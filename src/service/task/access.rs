//! Who may touch a task, and when. Everything that changes or decides a task checks this first.

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::db;
use crate::domain::decision::Barred;
use crate::domain::task::TaskStatus;
use crate::domain::vote::DataHash;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::task::Task;
use crate::service::approval_state::ApprovalState;
use crate::service::unit_of_work::UnitOfWork;
use crate::service::visibility;

/// What a client saw of a task before it asked for something; absent where it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// `dataHash` of the task: it changes with what is proposed, and not with the votes of others.
    pub data_hash: Option<String>,
    /// `version` of the task, which every write changes.
    pub version: Option<i32>,
}

/// A task, and what was seen of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenTask {
    /// The task.
    pub id: Uuid,
    /// What was seen of it.
    pub seen: Seen,
}

impl From<Uuid> for SeenTask {
    fn from(id: Uuid) -> Self {
        Self { id, seen: Seen::default() }
    }
}

/// The live task with this key, locked.
pub fn locked(unit: &mut UnitOfWork<'_>, id: Uuid) -> Result<Task> {
    db::lock::<Task>(unit.connection, id, db::Lock::Exclusive)?
        .filter(|task| !task.is_deleted)
        .ok_or_else(no_task)
}

pub fn no_task() -> Error {
    Error::not_found("id", Message::new("no-task"))
}

/// Whether the requester sees the task in lists.
pub fn sees(unit: &mut UnitOfWork<'_>, task: &Task) -> Result<bool> {
    let requester = unit.requester;
    seen_by(unit, requester, task)
}

/// Whether this person sees the task in lists.
pub fn seen_by(unit: &mut UnitOfWork<'_>, person: &Requester, task: &Task) -> Result<bool> {
    let conditions = Vec::from_iter(visibility::tasks(person, &unit.settings).nested());
    Ok(!db::task::among(unit.connection, &[task.id], &conditions)?.is_empty())
}

/// Refuses a requester who is neither an executor of a pool that is asked nor privileged.
pub fn check_entitled(unit: &mut UnitOfWork<'_>, task: &Task, approval: &ApprovalState) -> Result<()> {
    if approval.is_asked(unit.requester.id()) || unit.requester.is_privileged(&unit.settings) {
        return Ok(());
    }
    if sees(unit, task)? { Err(not_an_executor()) } else { Err(no_task()) }
}

/// Refuses to act on a locked task that is not as it was seen.
///
/// # Errors
/// CONFLICT, or VALIDATION for what is no hash.
pub fn check_seen(task: &Task, seen: &Seen) -> Result<()> {
    if let Some(expected) = seen.version.filter(|expected| *expected != task.version) {
        let message = Message::new("task-changed")
            .with("expected", i64::from(expected))
            .with("version", i64::from(task.version));
        return Err(Error::new(ErrorCode::Conflict, message).of_field("expectedVersion"));
    }
    if let Some(expected) = &seen.data_hash {
        if expected.len() != 64 || !expected.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::validation("expectedDataHash", Message::new("not-a-data-hash")));
        }
        if !DataHash::of(&task.data).is(&expected.to_ascii_lowercase()) {
            return Err(Error::new(ErrorCode::Conflict, Message::new("task-data-changed"))
                .of_field("expectedDataHash"));
        }
    }
    Ok(())
}

/// Refuses to touch a task that is decided.
pub fn refuse_final(task: &Task) -> Result<()> {
    if task.status.is_final() {
        let message = Message::new("task-final").with("status", task.status.as_str());
        return Err(Error::new(ErrorCode::Conflict, message));
    }
    Ok(())
}

/// Refuses to decide on a task about which no group has been asked.
pub fn refuse_unaccepted(task: &Task) -> Result<()> {
    if task.status == TaskStatus::Accepted {
        return Ok(());
    }
    let message = Message::new("task-not-accepted").with("status", task.status.as_str());
    Err(Error::new(ErrorCode::Conflict, message))
}

/// The refusal of a person whom the rules of four eyes bar from deciding, even as an executor or with the rights to.
pub fn barred(reason: Barred) -> Error {
    Error::forbidden(match reason {
        Barred::Maker => Message::new("maker-may-not-decide"),
        Barred::DecidedOtherStep => Message::new("decided-other-step"),
    })
}

pub fn not_an_executor() -> Error {
    Error::forbidden(Message::new("not-an-executor"))
}
