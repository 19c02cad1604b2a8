//! Why an open task can't go on. It is stored so that lists can be filtered by it, and everything that writes a task or
//! weighs its votes keeps it true.

use crate::db;
use crate::domain::decision::HeldReason;
use crate::domain::task::TaskStatus;
use crate::error::Result;
use crate::model::task::Task;
use crate::service::approval_state::ApprovalState;
use crate::service::unit_of_work::UnitOfWork;

/// Stores the reason that the approval state gives, or removes it. The task must have been written.
pub fn keep(unit: &mut UnitOfWork<'_>, task: &Task, approval: &ApprovalState) -> Result<()> {
    keep_reason(unit, task, approval.held())
}

/// Stores the reason that the approval state gives for a new task, for which none is stored yet.
pub fn begin(unit: &mut UnitOfWork<'_>, task: &Task, approval: &ApprovalState) -> Result<()> {
    match approval.held() {
        Some(_) => keep(unit, task, approval),
        None => Ok(()),
    }
}

/// Stores that the task waits for somebody else, because the person whose change made the votes enough may not decide it.
pub fn keep_barred(unit: &mut UnitOfWork<'_>, task: &Task) -> Result<()> {
    keep_reason(unit, task, Some(HeldReason::ChangedByBarred))
}

fn keep_reason(unit: &mut UnitOfWork<'_>, task: &Task, reason: Option<HeldReason>) -> Result<()> {
    match reason.filter(|_| task.status == TaskStatus::Accepted) {
        Some(reason) => db::task_hold::keep(unit.connection, task, reason, unit.now),
        None => db::task_hold::release(unit.connection, task.id),
    }
}
