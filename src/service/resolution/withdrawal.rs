//! Taking back one's own vote while its pool is open.

use uuid::Uuid;

use super::{cast, ledger, not_asked, write};
use crate::db::vote::Withdrawn;
use crate::domain::event_data::EventData;
use crate::domain::signal::Signal;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::task::Task;
use crate::service::approval_state::{ApprovalState, PoolStatus};
use crate::service::task::access::{
    Seen, check_entitled, check_seen, locked, refuse_final, refuse_unaccepted,
};
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
    refuse_final(&task)?;
    refuse_unaccepted(&task)?;
    check_seen(&task, &input.seen)?;
    let comment = cast::read_comment(unit, input.comment.as_deref())?;
    let ids = own_votes(&approval, unit.requester.id(), input.step_id)?;
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

/// The person's votes that count in the pools that are asked, or in that of one step.
fn own_votes(approval: &ApprovalState, user: Uuid, step_id: Option<Uuid>) -> Result<Vec<Uuid>> {
    let is_meant = |pool: &&PoolStatus| step_id.is_none() || pool.step_id() == step_id;
    let meant: Vec<&PoolStatus> = approval.pools.iter().filter(is_meant).collect();
    if let (true, Some(step_id)) = (meant.is_empty(), step_id) {
        return Err(not_asked(approval, step_id));
    }
    let votes = meant.iter().flat_map(|pool| &pool.votes);
    let mut ids: Vec<Uuid> = votes.filter(|vote| vote.user_id == user).map(|vote| vote.id).collect();
    ids.sort_unstable();
    if ids.is_empty() {
        let passed = step_id.is_none() && approval.counting_votes().any(|vote| vote.user_id == user);
        let message = if passed { Message::new("step-passed") } else { Message::new("no-vote-to-withdraw") };
        return Err(Error::new(ErrorCode::Conflict, message));
    }
    Ok(ids)
}
