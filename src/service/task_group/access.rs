//! The lock under which a group and its executors change.

use uuid::Uuid;

use crate::db;
use crate::db::Lock;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::task_group::TaskGroup;
use crate::service::unit_of_work::UnitOfWork;

/// The live group with this key. Nobody else can change it or decide by it until the transaction ends.
pub fn locked(unit: &mut UnitOfWork<'_>, id: Uuid) -> Result<TaskGroup> {
    db::lock::<TaskGroup>(unit.connection, id, Lock::Exclusive)?
        .filter(|group| !group.is_deleted)
        .ok_or_else(|| Error::not_found("id", Message::new("no-task-group")))
}
