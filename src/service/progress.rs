//! Progress answers why a task is waiting: what each pool that is asked needs and has, who voted what, and who is missing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::approval_state::{ApprovalRows, ApprovalState, PoolStatus};
use super::context::ServiceContext;
use crate::db;
use crate::domain::decision::{Barred, HeldReason, Outcome};
use crate::domain::task::TaskStatus;
use crate::domain::verdict::Verdict;
use crate::error::Result;
use crate::model::task::Task;
use crate::model::task_group::TaskGroup;
use crate::model::task_hold::TaskHold;
use crate::model::vote::Vote;

/// The progress of a task.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The pools that are asked at present; none before a task is accepted and after it is decided.
    pub pools: Vec<PoolProgress>,
    /// Why the task can't go on even if everybody who is asked votes, or why it waits although its votes are enough.
    pub held: Option<HeldReason>,
    /// How many steps its flow has; none for a task in no flow.
    pub step_count: Option<usize>,
    /// How many of the steps have passed.
    pub passed_count: Option<usize>,
    /// The records that somebody rejected by a vote that counts.
    pub rejected_record_ids: Vec<String>,
    /// All votes that their casters have not replaced, stale ones too, the oldest first.
    pub votes: Vec<Vote>,
}

/// The progress of a pool that is asked about a task.
#[derive(Debug, Clone)]
pub struct PoolProgress {
    /// The pool's executors, its policy and its votes.
    pub status: PoolStatus,
    /// The vote of each person who voted.
    pub said: Vec<Said>,
}

/// A person's vote, on the whole task or on its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The person.
    pub user_id: Uuid,
    /// The verdict on the whole task; none if the person voted on records.
    pub verdict: Option<Verdict>,
    /// How many records were accepted.
    pub accepted: usize,
    /// How many records were rejected.
    pub rejected: usize,
    /// The last comment.
    pub comment: Option<String>,
    /// When the person voted last, naive UTC.
    pub date: chrono::NaiveDateTime,
}

impl PoolProgress {
    /// The group that is asked.
    #[must_use]
    pub const fn group(&self) -> &TaskGroup {
        &self.status.group
    }

    /// The outcome of the votes.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.status.standing.outcome
    }

    /// Why the pool can't pass even if everybody who is asked votes; none if it can.
    #[must_use]
    pub const fn held(&self) -> Option<HeldReason> {
        self.status.standing.held
    }

    /// The executors who may not decide, and why.
    #[must_use]
    pub const fn barred(&self) -> &BTreeMap<Uuid, Barred> {
        &self.status.deciders.barred
    }
}

/// The progress of these tasks, all of which the requester may see. It takes as many queries for a hundred tasks as for one.
pub async fn of_visible_tasks(
    services: &Arc<ServiceContext>,
    task_ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Progress>> {
    services
        .read(move |services, connection| {
            let now = services.clock.now();
            let settings = services.settings.current(connection, now)?;
            let tasks = db::get_many::<Task>(connection, &task_ids)?;
            let rows = ApprovalRows::load(connection, &Vec::from_iter(&tasks), now)?;
            let mut all: HashMap<Uuid, Progress> =
                tasks.iter().map(|task| (task.id, progress(task, rows.approval(task, &settings)))).collect();
            let is_ready = |task: &&Task| {
                all.get(&task.id).is_some_and(|progress| progress.held == Some(HeldReason::ReadyToDecide))
            };
            let ready: Vec<&Task> = tasks.iter().filter(is_ready).collect();
            if !ready.is_empty() {
                let ids: Vec<Uuid> = ready.iter().map(|task| task.id).collect();
                let kept = db::task_hold::of_tasks(connection, &ids)?;
                for task in ready {
                    let holds =
                        |hold: &&TaskHold| hold.task_id == task.id && hold.task_version == task.version;
                    let reason = kept.iter().find(holds).map(|hold| hold.reason);
                    if let (Some(HeldReason::ChangedByBarred), Some(progress)) =
                        (reason, all.get_mut(&task.id))
                    {
                        progress.held = reason;
                    }
                }
            }
            Ok(all)
        })
        .await
}

fn progress(task: &Task, approval: ApprovalState) -> Progress {
    let in_flow = task.flow_id.is_some();
    let passed = approval.reached.iter().filter(|pool| pool.date_passed.is_some()).count();
    let rejected_record_ids = approval.rejected_record_ids();
    let is_asked = task.status == TaskStatus::Accepted;
    let held = approval.held().filter(|_| is_asked);
    let mut votes = approval.votes;
    for vote in &mut votes {
        // A change of the data that did not come through this module leaves no mark on the votes, but the hash reveals it.
        vote.is_stale = !vote.counts_for(&approval.data_hash);
    }
    let pools = approval.pools.into_iter().filter(|_| is_asked);
    Progress {
        pools: pools.map(|status| PoolProgress { said: said(&status.votes), status }).collect(),
        held,
        step_count: in_flow.then_some(approval.steps.len()),
        passed_count: in_flow.then_some(passed),
        rejected_record_ids,
        votes,
    }
}

fn said(votes: &[Vote]) -> Vec<Said> {
    let mut people: Vec<Said> = Vec::new();
    let mut indexes: HashMap<Uuid, usize> = HashMap::new();
    for vote in votes {
        let index = *indexes.entry(vote.user_id).or_insert_with(|| {
            people.push(Said {
                user_id: vote.user_id,
                verdict: None,
                accepted: 0,
                rejected: 0,
                comment: None,
                date: vote.date_created,
            });
            people.len() - 1
        });
        let Some(own) = people.get_mut(index) else { continue };
        match (&vote.record_id, vote.verdict) {
            (Some(_), Verdict::Accept) => own.accepted += 1,
            (Some(_), _) => own.rejected += 1,
            (None, verdict) => own.verdict = Some(verdict),
        }
        own.comment = vote.comment.clone().or_else(|| own.comment.take());
        own.date = own.date.max(vote.date_created);
    }
    people
}
