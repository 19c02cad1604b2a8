//! The ledger of votes: entering votes, replacing them, and ending their counting.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::cast::Cast;
use crate::db::vote::Withdrawn;
use crate::domain::json::{Json, Object};
use crate::domain::settings::ModuleSettings;
use crate::domain::task_executor::DEFAULT_WEIGHT;
use crate::domain::verdict::Verdict;
use crate::error::Result;
use crate::model::task::Task;
use crate::model::vote::Vote;
use crate::service::approval_state::{ApprovalState, PoolStatus};
use crate::service::unit_of_work::UnitOfWork;

/// Adds the verdicts to the ledger, at each of the pools; returns whether that changed it. A verdict that replaces another
/// leaves that one marked as deleted; one that repeats another adds nothing.
pub fn enter(
    unit: &mut UnitOfWork<'_>,
    task: &Task,
    approval: &mut ApprovalState,
    pools: &[usize],
    cast: &Cast,
) -> Result<bool> {
    if cast.verdicts.is_empty() {
        return Ok(false);
    }
    let user = unit.requester.id();
    let (mut new, mut replaced) = (Vec::new(), Vec::new());
    for pool in pools.iter().filter_map(|place| approval.pools.get(*place)) {
        let own: HashMap<Option<&str>, &Vote> = pool
            .votes
            .iter()
            .filter(|vote| vote.user_id == user)
            .map(|vote| (vote.record_id.as_deref(), vote))
            .collect();
        // A person votes on the whole task or on its records. A change from one to the other takes the person's earlier
        // votes back, as `businessStatus` shows.
        let of_records = cast.verdicts.iter().any(|(record_id, _)| record_id.is_some());
        replaced
            .extend(own.values().filter(|vote| vote.record_id.is_some() != of_records).map(|vote| vote.id));
        let weight = pool.deciders.members.get(&user).and_then(|weight| i32::try_from(*weight).ok());
        for (record_id, verdict) in &cast.verdicts {
            if let Some(before) = own.get(&record_id.as_deref()) {
                if repeats(before, *verdict, cast.comment.as_deref()) {
                    continue;
                }
                replaced.push(before.id);
            }
            new.push(Vote {
                record: unit.new_record(),
                task_id: task.id,
                step_id: pool.step_id(),
                user_id: user,
                record_id: record_id.clone(),
                verdict: *verdict,
                comment: cast.comment.clone(),
                weight: weight.unwrap_or(DEFAULT_WEIGHT),
                data_hash: Some(approval.data_hash.as_str().to_owned()),
                is_stale: false,
            });
        }
    }
    for vote in &new {
        unit.count("tasks_votes_total", "verdict", vote.verdict.as_str());
    }
    // In the order of their age, because `own` has no order.
    replaced.sort_unstable();
    unit.withdraw_votes(&replaced, Withdrawn::ByCaster)?;
    unit.insert_votes(&new)?;
    let is_new = !new.is_empty();
    approval.enter(&replaced, new);
    Ok(is_new)
}

/// What `businessStatus` shows of a person who voted on records in these pools: each record in the list of its last verdict
/// in the ledger. `asked` are the lists that were sent, which are shown even if they are empty.
pub fn lists(approval: &ApprovalState, pools: &[usize], user: Uuid, asked: &Json) -> Json {
    let steps: BTreeSet<Option<Uuid>> =
        pools.iter().filter_map(|place| approval.pools.get(*place)).map(PoolStatus::step_id).collect();
    let mut verdicts: HashMap<&str, Verdict> = HashMap::new();
    let mut order: Vec<&str> = Vec::new();
    let own = approval.counting_votes().filter(|vote| vote.user_id == user && steps.contains(&vote.step_id));
    for vote in own {
        if let Some(record) = &vote.record_id
            && verdicts.insert(record, vote.verdict).is_none()
        {
            order.push(record);
        }
    }
    let mut lists = Object::new();
    for verdict in [Verdict::Accept, Verdict::Reject] {
        let list: Vec<&str> =
            order.iter().filter(|record| verdicts.get(*record) == Some(&verdict)).copied().collect();
        if !list.is_empty() || asked.get(verdict.as_str()).is_some() {
            lists.insert(verdict.as_str().to_owned(), Json::of(&list));
        }
    }
    Json::Object(lists)
}

/// Has `businessStatus` show what is left of a person's votes in the pools that are asked, after some were taken back.
pub fn show_remaining(task: &mut Task, approval: &ApprovalState, user: Uuid, settings: &ModuleSettings) {
    forget(task, user);
    let votes = approval.pools.iter().flat_map(|pool| &pool.votes);
    let Some(last) = votes.filter(|vote| vote.user_id == user).max_by_key(|vote| vote.id) else { return };
    let shown = match last.verdict {
        Verdict::Approved => settings.task_user_approved.as_str().into(),
        Verdict::Failed => settings.task_user_failed.as_str().into(),
        Verdict::Accept | Verdict::Reject => {
            let pools: Vec<usize> = (0..approval.pools.len()).collect();
            lists(approval, &pools, user, &Json::Null)
        }
    };
    if let Some(gathered) = task.business_status.as_object_mut() {
        gathered.insert(user.to_string(), shown);
    }
}

/// Whether a vote only repeats the one before. A comment that is left out does not take the earlier comment back.
fn repeats(before: &Vote, verdict: Verdict, comment: Option<&str>) -> bool {
    before.verdict == verdict && (comment.is_none() || before.comment.as_deref() == comment)
}

/// Marks all votes on the task that count as stale, because the data on which they were cast has changed. Removes them from
/// `businessStatus`, so that their casters can vote again. Returns how many there were.
pub fn make_stale(unit: &mut UnitOfWork<'_>, task: &mut Task, approval: &mut ApprovalState) -> Result<usize> {
    mark_stale(unit, task, approval, |_| true)
}

/// Does the same with only those votes that were cast on other data than the task has, because somebody changed the data
/// past this module.
pub fn mark_unbound(
    unit: &mut UnitOfWork<'_>,
    task: &mut Task,
    approval: &mut ApprovalState,
) -> Result<usize> {
    let hash = approval.data_hash.clone();
    mark_stale(unit, task, approval, |vote| !vote.counts_for(&hash))
}

fn mark_stale(
    unit: &mut UnitOfWork<'_>,
    task: &mut Task,
    approval: &mut ApprovalState,
    is_meant: impl Fn(&Vote) -> bool,
) -> Result<usize> {
    let meant: Vec<&Vote> = approval.votes.iter().filter(|vote| !vote.is_stale && is_meant(vote)).collect();
    for user in meant.iter().map(|vote| vote.user_id).collect::<BTreeSet<_>>() {
        forget(task, user);
    }
    let ids: Vec<Uuid> = meant.iter().map(|vote| vote.id).collect();
    unit.withdraw_votes(&ids, Withdrawn::Stale)?;
    approval.mark_stale(&ids);
    Ok(ids.len())
}

/// Removes a person's vote from `businessStatus`. The ledger and history keep it.
pub fn forget(task: &mut Task, user: Uuid) {
    if let Some(gathered) = task.business_status.as_object_mut() {
        gathered.remove(&user.to_string());
    }
}
