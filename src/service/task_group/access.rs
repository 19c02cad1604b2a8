//! The locks under which a group and its executors change, and under which they stay as they are.

use std::collections::BTreeSet;

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

/// The groups with these keys, deleted or not. Nobody else can change them until the transaction ends.
pub fn shared(unit: &mut UnitOfWork<'_>, ids: &BTreeSet<Uuid>) -> Result<Vec<TaskGroup>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // All requests lock in this order, so that no two wait for each other.
    let ids: Vec<Uuid> = ids.iter().copied().collect();
    db::lock_many::<TaskGroup>(unit.connection, &ids, Lock::Share)
}
