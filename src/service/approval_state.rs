//! The approval state of a task: who is asked about it at present, and which votes count. It is made from rows in one way,
//! whether a vote is cast or progress is shown, and whether the task is in a flow or not.
//!
//! A transaction that decides reads the state once, by [`ApprovalState::locked`], and hands it on. It tells the state of
//! changes meanwhile (a vote is entered, votes become stale, steps pass), and the state is weighed again from what was read.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDateTime;
use uuid::Uuid;

use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::claim::ClaimMode;
use crate::domain::completion_policy::PolicyRule;
use crate::domain::decision::{
    Barred, CountedVote, Deciders, FourEyes, HeldReason, Mode, Outcome, Progression, Standing, decide,
    evaluate,
};
use crate::domain::settings::ModuleSettings;
use crate::domain::verdict::Verdict;
use crate::domain::vote::DataHash;
use crate::error::Result;
use crate::model::task::Task;
use crate::model::task_claim::TaskClaim;
use crate::model::task_flow_step::{TaskFlowStep, four_eyes, lead_time};
use crate::model::task_group::TaskGroup;
use crate::model::task_pool::TaskPool;
use crate::model::vote::{Vote, rejected_records};
use crate::service::task_group::access::shared;
use crate::service::unit_of_work::UnitOfWork;

mod rows;

pub use rows::ApprovalRows;
use rows::{Claims, Groups};

/// A pool that is asked about a task, with its votes and its standing.
#[derive(Debug, Clone)]
pub struct PoolStatus {
    /// The step of the flow; none for a task in no flow.
    pub step: Option<TaskFlowStep>,
    /// The group that is asked.
    pub group: TaskGroup,
    /// The policy and threshold in force: how many of its executors must agree.
    pub rule: PolicyRule,
    /// The rules of four eyes in force.
    pub four_eyes: FourEyes,
    /// The executors who may decide, and those who are barred.
    pub deciders: Deciders,
    /// The votes that count in this pool.
    pub votes: Vec<Vote>,
    /// The standing of the pool by these votes.
    pub standing: Standing,
    /// What claims mean in this pool.
    pub claim_mode: ClaimMode,
    /// The claims on this pool, those too that ended lately.
    pub claims: Vec<TaskClaim>,
    now: NaiveDateTime,
    makers: BTreeSet<Uuid>,
    decided_others: BTreeSet<Uuid>,
}

/// Who is asked about a task at present, and the votes on it.
#[derive(Debug)]
pub struct ApprovalState {
    /// The pools that are asked; the first is the one that `taskGroup` shows. For a task that is decided, the last ones.
    pub pools: Vec<PoolStatus>,
    /// All steps of its flow.
    pub steps: Vec<TaskFlowStep>,
    /// The pools of its flow that the task has reached.
    pub reached: Vec<TaskPool>,
    /// All votes on the task that their casters have not replaced, stale ones too.
    pub votes: Vec<Vote>,
    /// The hash of the task's data. Votes that count hold the same hash.
    pub data_hash: DataHash,
    /// Whether the task is decided as a whole or record by record.
    pub mode: Mode,
    groups: Arc<Groups>,
    claims: Arc<Claims>,
    now: NaiveDateTime,
}

impl PoolStatus {
    /// The claim that counts: its time is not up, and its holder may decide here and has not voted.
    #[must_use]
    pub fn claim(&self) -> Option<&TaskClaim> {
        let counts = |claim: &&TaskClaim| claim.lasts(self.now) && self.awaits(claim.user_id);
        self.claims.iter().find(counts).filter(|_| self.claim_mode != ClaimMode::None)
    }

    /// Whether the user may decide here, and has not voted.
    #[must_use]
    pub fn awaits(&self, user: Uuid) -> bool {
        self.deciders.members.contains_key(&user) && !self.votes.iter().any(|vote| vote.user_id == user)
    }

    /// Until when the user leaves the task to others, because a claim of the user's has lapsed; nobody does so whom it alone
    /// awaits.
    #[must_use]
    pub fn rests_until(&self, user: Uuid) -> Option<NaiveDateTime> {
        let rests = |user: Uuid| {
            let own = self.claims.iter().filter(|claim| claim.user_id == user);
            own.filter_map(|claim| claim.rests_until(self.now, self.group.claim_seconds())).max()
        };
        let mut others = self.deciders.members.keys().filter(|other| **other != user);
        let may_others = others.any(|other| self.awaits(*other) && rests(*other).is_none());
        rests(user).filter(|_| may_others)
    }

    /// The key of the step; none for a task in no flow.
    #[must_use]
    pub fn step_id(&self) -> Option<Uuid> {
        self.step.as_ref().map(|step| step.id)
    }

    /// Within how many seconds the pool is to decide, if it says so.
    #[must_use]
    pub fn lead_time(&self) -> Option<i32> {
        lead_time(self.step.as_ref(), &self.group)
    }

    /// Whether the user is a live executor of this pool, barred or not.
    #[must_use]
    pub fn has_executor(&self, user: Uuid) -> bool {
        self.deciders.members.contains_key(&user) || self.deciders.barred.contains_key(&user)
    }

    /// Why the user may not decide in this pool, even as an executor or as a privileged person.
    #[must_use]
    pub fn bar(&self, user: Uuid) -> Option<Barred> {
        self.four_eyes.bar(user, &self.makers, &self.decided_others)
    }
}

impl ApprovalState {
    /// The approval state of a locked task. Its groups and their executors can't change until the transaction ends.
    pub fn locked(unit: &mut UnitOfWork<'_>, task: &Task) -> Result<Self> {
        Ok(Self::locked_rows(unit, &[task])?.approval(task, &unit.settings))
    }

    /// The rows for the approval states of locked tasks. Their groups are locked too.
    pub fn locked_rows(unit: &mut UnitOfWork<'_>, tasks: &[&Task]) -> Result<ApprovalRows> {
        let mut rows = Self::locked_pools(unit, tasks, Groups::default())?;
        rows.read_claims(unit.connection, tasks)?;
        rows.read_holders(unit.connection)?;
        rows.read_votes(unit.connection, tasks, db::vote::of_tasks)?;
        Ok(rows)
    }

    /// The approval state of a task that this transaction has created, on which nobody can have voted. `groups` are those that
    /// are locked already.
    pub fn begun(unit: &mut UnitOfWork<'_>, task: &Task, groups: Vec<TaskGroup>) -> Result<Self> {
        let mut known = Groups::default();
        known.rows.extend(groups.into_iter().map(|group| (group.id, group)));
        Ok(Self::locked_pools(unit, &[task], known)?.approval(task, &unit.settings))
    }

    /// The rows of the tasks but their votes. Their groups are locked; `groups` are those that are locked already.
    fn locked_pools(unit: &mut UnitOfWork<'_>, tasks: &[&Task], mut groups: Groups) -> Result<ApprovalRows> {
        let mut rows = ApprovalRows::at(unit.now);
        rows.read_flows(unit.connection, tasks)?;
        let mut ids: BTreeSet<Uuid> = tasks.iter().filter_map(|task| task.task_group_id).collect();
        let reached = rows.reached.values().flatten();
        ids.extend(reached.filter(|pool| pool.date_passed.is_none()).map(|pool| pool.task_group_id));
        ids.retain(|id| !groups.rows.contains_key(id));
        groups.rows.extend(shared(unit, &ids)?.into_iter().map(|group| (group.id, group)));
        rows.read_pools(unit.connection, tasks, groups)?;
        Ok(rows)
    }

    /// The approval state of a task of which the caller holds the locks.
    pub fn read(unit: &mut UnitOfWork<'_>, task: &Task) -> Result<Self> {
        Ok(ApprovalRows::load(unit.connection, &[task], unit.now)?.approval(task, &unit.settings))
    }

    /// Notes that `withdrawn` votes were withdrawn, and `cast` votes were cast.
    pub fn enter(&mut self, withdrawn: &[Uuid], cast: Vec<Vote>) {
        self.votes.retain(|vote| !withdrawn.contains(&vote.id));
        self.votes.extend(cast);
    }

    /// Notes that these votes have become stale.
    pub fn mark_stale(&mut self, ids: &[Uuid]) {
        for vote in self.votes.iter_mut().filter(|vote| ids.contains(&vote.id)) {
            vote.is_stale = true;
        }
    }

    /// Notes that the task has passed the steps whose pools have passed.
    pub fn pass(&mut self, now: NaiveDateTime) {
        for status in self.pools.iter().filter(|pool| pool.standing.outcome == Outcome::Passed) {
            let step_id = status.step_id();
            let own = self.reached.iter_mut().find(|pool| Some(pool.step_id) == step_id);
            if let Some(pool) = own {
                pool.date_passed = Some(now);
            }
        }
    }

    /// Notes that the task has reached these pools, and reads who is asked there.
    pub fn reach(&mut self, connection: &mut DbConnection, pools: Vec<TaskPool>) -> Result<()> {
        let ids: BTreeSet<Uuid> = pools.iter().map(|pool| pool.task_group_id).collect();
        let unknown: Vec<Uuid> = ids.into_iter().filter(|id| !self.groups.rows.contains_key(id)).collect();
        Arc::make_mut(&mut self.groups).read(connection, &unknown)?;
        self.reached.extend(pools);
        Ok(())
    }

    /// Computes again which pools are asked, and their standings, after a change was noted.
    pub fn weigh(&mut self, task: &Task, settings: &ModuleSettings) {
        let asked: Vec<(Option<TaskFlowStep>, Uuid)> = if task.flow_id.is_none() {
            task.task_group_id.into_iter().map(|id| (None, id)).collect()
        } else {
            let steps = self.active_steps(task).into_iter();
            steps.map(|step| (step.task_group_id, step)).map(|(id, step)| (Some(step), id)).collect()
        };
        let pools = asked.into_iter().filter_map(|(step, id)| self.pool_status(task, step, id, settings));
        self.pools = pools.collect();
    }

    fn pool_status(
        &self,
        task: &Task,
        step: Option<TaskFlowStep>,
        group_id: Uuid,
        settings: &ModuleSettings,
    ) -> Option<PoolStatus> {
        let group = self.groups.rows.get(&group_id)?.clone();
        let step_id = step.as_ref().map(|step| step.id);
        let (votes, others): (Vec<Vote>, Vec<Vote>) =
            self.counting_votes().cloned().partition(|vote| vote.step_id == step_id);
        let rule = step.as_ref().map_or_else(|| group.rule(), |step| step.rule(&group));
        let four_eyes = four_eyes(step.as_ref(), &group, settings);
        let decided_others: BTreeSet<Uuid> = others.iter().map(|vote| vote.user_id).collect();
        let makers = task.makers();
        let executors = self.groups.executors.get(&group_id).into_iter().flatten();
        let deciders = Deciders::new(
            rule.policy(),
            executors
                .filter(|_| !group.is_deleted)
                .map(|executor| (executor.user_id, u64::try_from(executor.weight).unwrap_or_default())),
            |user| four_eyes.bar(user, &makers, &decided_others),
        );
        let counted: Vec<CountedVote> = votes.iter().map(Vote::counted).collect();
        let standing = evaluate(&deciders, self.mode, &counted);
        Some(PoolStatus {
            claim_mode: group.claims_by(rule),
            claims: self.claims.on(task.id, step_id),
            now: self.now,
            step,
            group,
            rule,
            four_eyes,
            deciders,
            votes,
            standing,
            makers,
            decided_others,
        })
    }

    /// Whether one of the groups that are or were asked has, or had, claims.
    #[must_use]
    pub fn may_have_claims(&self) -> bool {
        self.groups.have_claims()
    }

    /// What the holder of a claim is called.
    #[must_use]
    pub fn holder(&self, user: Uuid) -> String {
        self.claims.holders.get(&user).cloned().unwrap_or_else(|| user.to_string())
    }

    /// Whether the user is an executor of a pool that is asked, barred or not.
    #[must_use]
    pub fn is_asked(&self, user: Uuid) -> bool {
        self.pools.iter().any(|pool| pool.has_executor(user))
    }

    /// The votes that count, at any step.
    pub fn counting_votes(&self) -> impl Iterator<Item = &Vote> {
        self.votes.iter().filter(|vote| vote.counts_for(&self.data_hash))
    }

    /// The records that somebody rejected at any step by a vote that counts.
    #[must_use]
    pub fn rejected_record_ids(&self) -> Vec<String> {
        rejected_records(self.counting_votes()).into_iter().collect()
    }

    /// Whether the ledger has a vote on the task that is not stale.
    #[must_use]
    pub fn has_votes(&self) -> bool {
        self.votes.iter().any(|vote| !vote.is_stale)
    }

    /// Whether steps have passed by votes on other data than the task has now. Then somebody changed the data past this
    /// module, and the approvals were of another proposal.
    #[must_use]
    pub fn passed_on_other_data(&self) -> bool {
        let is_asked = |vote: &Vote| self.pools.iter().any(|pool| pool.step_id() == vote.step_id);
        self.votes.iter().any(|vote| !vote.is_stale && !vote.counts_for(&self.data_hash) && !is_asked(vote))
    }

    /// What happens to the task by the votes that count.
    #[must_use]
    pub fn progression(&self) -> Progression {
        let outcomes: Vec<_> = self.pools.iter().map(|pool| pool.standing.outcome).collect();
        decide(&outcomes, self.next_steps().next().is_some())
    }

    /// Why the task can't go on even if everybody who is asked votes, or why it waits although its votes are enough.
    #[must_use]
    pub fn held(&self) -> Option<HeldReason> {
        match self.progression() {
            Progression::Waits => self.pools.iter().find_map(|pool| pool.standing.held),
            _ => Some(HeldReason::ReadyToDecide),
        }
    }

    /// Whether somebody has refused the whole task in a pool that is asked, and has given a reason.
    #[must_use]
    pub fn says_why_refused(&self) -> bool {
        let votes = self.pools.iter().flat_map(|pool| &pool.votes);
        votes.into_iter().any(|vote| vote.verdict == Verdict::Failed && vote.comment.is_some())
    }

    /// Why the user may not weigh the votes again, since whoever makes them take effect decides.
    #[must_use]
    pub fn bar(&self, user: Uuid) -> Option<Barred> {
        let decides = |pool: &&PoolStatus| matches!(pool.standing.outcome, Outcome::Passed | Outcome::Failed);
        self.pools.iter().filter(decides).find_map(|pool| pool.bar(user))
    }

    /// The steps that follow when all steps that are asked have passed.
    pub fn next_steps(&self) -> impl Iterator<Item = &TaskFlowStep> {
        let present =
            self.pools.iter().filter_map(|pool| pool.step.as_ref()).map(|step| step.step_order).max();
        let next = self.steps.iter().map(|step| step.step_order).filter(|order| Some(*order) > present).min();
        self.steps.iter().filter(move |step| Some(step.step_order) == next)
    }

    /// The steps that are asked; for a decided task, the last one that was asked.
    fn active_steps(&self, task: &Task) -> Vec<TaskFlowStep> {
        let is_active = |step: &&TaskFlowStep| {
            self.reached.iter().any(|pool| pool.step_id == step.id && pool.date_passed.is_none())
        };
        let active: Vec<TaskFlowStep> = self.steps.iter().filter(is_active).cloned().collect();
        if active.is_empty() {
            return self.steps.iter().filter(|step| Some(step.id) == task.current_step_id).cloned().collect();
        }
        active
    }
}
