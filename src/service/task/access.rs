//! Who may touch a task, and when. Everything that changes or decides a task checks this first.

use uuid::Uuid;

use crate::db;
use crate::domain::decision::Barred;
use crate::domain::query::{self, Condition};
use crate::domain::task::TaskStatus;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::task::Task;
use crate::service::approval_state::ApprovalState;
use crate::service::unit_of_work::UnitOfWork;
use crate::service::visibility;

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
    let mut conditions = vec![Condition::equals("id", query::Value::Uuid(task.id))];
    conditions.extend(visibility::tasks(unit.requester, &unit.settings).nested());
    db::task::is_among(unit.connection, &conditions)
}

/// Refuses a requester who is neither an executor of a pool that is asked nor privileged.
pub fn check_entitled(unit: &mut UnitOfWork<'_>, task: &Task, approval: &ApprovalState) -> Result<()> {
    let user = unit.requester.id();
    if approval.pools.iter().any(|pool| pool.has_executor(user))
        || unit.requester.is_privileged(&unit.settings)
    {
        return Ok(());
    }
    if sees(unit, task)? { Err(not_an_executor()) } else { Err(no_task()) }
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
