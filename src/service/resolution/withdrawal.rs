//! Taking back one's own vote while its pool is open.

use uuid::Uuid;

use super::{cast, ledger, write};
use crate::db::vote::Withdrawn;
use crate::domain::event_data::EventData;
use crate::domain::signal::Signal;
use crate::error::Result;
use crate::model::task::Task;
use crate::service::approval_state::ApprovalState;
use crate::service::task::access::{Seen, check_entitled, check_seen, locked};
use crate::service::task::action::Actor;
use crate::service::task_hold;
use crate::service::unit_of_work::UnitOfWork;

/// A vote to be taken back.
#[derive(Debug, Clone, Default)]
pub struct WithdrawTaskDecision {
    /// The task.
    pub id: Uuid,
    /// The step for which the vote was; absent: all that are asked.
    pub step_id: Option<Uuid>,
    /// The reason, which history keeps.
    pub comment: Option<String>,
    /// What was seen of the task.
    pub seen: Seen,
}

/// Takes back the requester's votes in the pools that are asked at present, those on records too. Afterwards the task waits
/// for the requester as if nothing had been said. That decides nothing, even if the votes of others are enough by now.
///
/// # Errors
/// NOT_FOUND, FORBIDDEN, CONFLICT for a decided task, a step that has passed, or without a vote that counts, VALIDATION, or
/// what a handler or the database says.
pub fn withdraw(unit: &mut UnitOfWork<'_>, input: &WithdrawTaskDecision) -> Result<Task> {
    let mut task = locked(unit, input.id)?;
    let mut approval = ApprovalState::locked(unit, &task)?;
    check_entitled(unit, &task, &approval)?;
    let ids = Actor::of(unit).withdraw(&task, &approval, input.step_id)?;
    check_seen(&task, &input.seen)?;
    let comment = cast::read_comment(unit, input.comment.as_deref())?;
    let old = task.clone();
    let told = |new: &Task| EventData::new(Some(&old), Some(new)).with("comment", &comment);
    unit.before(Signal::TaskWithdrawDecision, task.id, || told(&task))?;

    unit.withdraw_votes(&ids, Withdrawn::ByCaster)?;
    approval.enter(&ids, Vec::new());
    approval.weigh(&task, &unit.settings);
    ledger::show_remaining(&mut task, &approval, unit.requester.id(), &unit.settings);
    unit.touch(&task);
    if task != old {
        let reason =
            std::iter::once("vote withdrawn").chain(comment.as_deref()).collect::<Vec<_>>().join("; ");
        write(unit, &mut task, 0, Some(&reason))?;
    }
    task_hold::keep(unit, &task, &approval)?;
    unit.changed(Signal::TaskWithdrawDecision, task.id, || told(&task))?;
    Ok(task)
}
