//! The approval of a task: who is asked about it at present, and which votes count. It is put together from rows in one
//! way, whether a vote is cast or progress is shown, and for tasks in no flow as for those in one.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::unit_of_work::UnitOfWork;
use crate::db;
use crate::db::Lock;
use crate::db::connection::DbConnection;
use crate::domain::completion_policy::PolicyRule;
use crate::domain::decision::{
    Barred, CountedVote, Deciders, FourEyes, Mode, Progression, Standing, decide, evaluate,
};
use crate::domain::settings::ModuleSettings;
use crate::domain::vote::data_hash;
use crate::error::Result;
use crate::model::task::Task;
use crate::model::task_executor::TaskExecutor;
use crate::model::task_flow_step::{TaskFlowStep, four_eyes};
use crate::model::task_group::TaskGroup;
use crate::model::task_pool::TaskPool;
use crate::model::vote::Vote;

/// The rows that decide on some tasks, read together: as many queries for a hundred tasks as for one.
#[derive(Debug, Default)]
pub struct ApprovalRows {
    groups: HashMap<Uuid, TaskGroup>,
    executors: HashMap<Uuid, Vec<TaskExecutor>>,
    steps: HashMap<Uuid, Vec<TaskFlowStep>>,
    reached: HashMap<Uuid, Vec<TaskPool>>,
    votes: HashMap<Uuid, Vec<Vote>>,
}

/// One pool that is asked about a task, and how it stands.
#[derive(Debug, Clone)]
pub struct PoolStatus {
    /// The step of the flow; none for a task in no flow.
    pub step: Option<TaskFlowStep>,
    /// Who is asked.
    pub group: TaskGroup,
    /// How many of them must agree, as it is in force.
    pub rule: PolicyRule,
    /// The rules about who may not be among them.
    pub four_eyes: FourEyes,
    /// Who among them may decide.
    pub deciders: Deciders,
    /// The votes that count here.
    pub votes: Vec<Vote>,
    /// What they amount to.
    pub standing: Standing,
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
    /// The pools of its flow that it has reached.
    pub reached: Vec<TaskPool>,
    /// All votes on it that their casters have not replaced, stale ones too.
    pub votes: Vec<Vote>,
    /// The hash of its data, which votes that count name.
    pub data_hash: String,
    /// Whether it is decided as a whole or record by record.
    pub mode: Mode,
}

impl ApprovalRows {
    /// Reads what decides on these tasks.
    ///
    /// # Errors
    /// What the database says.
    pub fn load(connection: &mut DbConnection, tasks: &[&Task]) -> Result<Self> {
        let mut rows = Self::default();
        let task_ids: Vec<Uuid> = tasks.iter().map(|task| task.id).collect();
        for vote in db::vote::of_tasks(connection, &task_ids)? {
            rows.votes.entry(vote.task_id).or_default().push(vote);
        }
        let mut group_ids: BTreeSet<Uuid> = tasks.iter().filter_map(|task| task.task_group_id).collect();
        let flow_ids: BTreeSet<Uuid> = tasks.iter().filter_map(|task| task.flow_id).collect();
        if !flow_ids.is_empty() {
            for step in db::task_flow_step::of_flows(connection, &Vec::from_iter(flow_ids))? {
                rows.steps.entry(step.task_flow_id).or_default().push(step);
            }
            for pool in db::task_pool::of_tasks(connection, &task_ids)? {
                group_ids.insert(pool.task_group_id);
                rows.reached.entry(pool.task_id).or_default().push(pool);
            }
        }
        let group_ids = Vec::from_iter(group_ids);
        if !group_ids.is_empty() {
            rows.groups = db::get_many::<TaskGroup>(connection, &group_ids)?
                .into_iter()
                .map(|row| (row.id, row))
                .collect();
            for executor in db::task_executor::live_in_groups(connection, &group_ids)? {
                rows.executors.entry(executor.task_group_id).or_default().push(executor);
            }
        }
        Ok(rows)
    }

    /// The approval of one of the tasks.
    #[must_use]
    pub fn approval(&self, task: &Task, settings: &ModuleSettings) -> ApprovalState {
        let steps = task.flow_id.and_then(|id| self.steps.get(&id)).cloned().unwrap_or_default();
        let reached = self.reached.get(&task.id).cloned().unwrap_or_default();
        let votes = self.votes.get(&task.id).cloned().unwrap_or_default();
        let mut approval = ApprovalState {
            pools: Vec::new(),
            steps,
            reached,
            votes,
            data_hash: data_hash(&task.data),
            mode: mode(task, settings),
        };
        approval.pools = match task.flow_id {
            None => task
                .task_group_id
                .into_iter()
                .filter_map(|id| self.pool_status(task, None, id, &approval, settings))
                .collect(),
            Some(_) => approval
                .active_steps(task)
                .into_iter()
                .filter_map(|step| {
                    let group_id = step.task_group_id;
                    self.pool_status(task, Some(step), group_id, &approval, settings)
                })
                .collect(),
        };
        approval
    }

    fn pool_status(
        &self,
        task: &Task,
        step: Option<TaskFlowStep>,
        group_id: Uuid,
        approval: &ApprovalState,
        settings: &ModuleSettings,
    ) -> Option<PoolStatus> {
        let group = self.groups.get(&group_id)?.clone();
        let step_id = step.as_ref().map(|step| step.id);
        let (votes, others): (Vec<Vote>, Vec<Vote>) = approval
            .votes
            .iter()
            .filter(|vote| vote.counts_for(&approval.data_hash))
            .cloned()
            .partition(|vote| vote.step_id == step_id);
        let rule = step.as_ref().map_or_else(|| group.rule(), |step| step.rule(&group));
        let four_eyes = four_eyes(step.as_ref(), &group, settings);
        let decided_others: BTreeSet<Uuid> = others.iter().map(|vote| vote.user_id).collect();
        let makers = task.makers();
        let executors = self.executors.get(&group_id).into_iter().flatten().filter(|_| !group.is_deleted);
        let deciders = Deciders::new(
            rule.policy(),
            executors.map(|executor| (executor.user_id, u64::try_from(executor.weight).unwrap_or_default())),
            |user| four_eyes.bar(user, &makers, &decided_others),
        );
        let counted: Vec<CountedVote> = votes.iter().map(Vote::counted).collect();
        let standing = evaluate(&deciders, approval.mode, &counted);
        Some(PoolStatus { step, group, rule, four_eyes, deciders, votes, standing, makers, decided_others })
    }
}

impl PoolStatus {
    /// The key of the step; none for a task in no flow.
    #[must_use]
    pub fn step_id(&self) -> Option<Uuid> {
        self.step.as_ref().map(|step| step.id)
    }

    /// Whether the user has a live executor here, barred or not.
    #[must_use]
    pub fn has_executor(&self, user: Uuid) -> bool {
        self.deciders.members.contains_key(&user) || self.deciders.barred.contains_key(&user)
    }

    /// Why the user may not decide here, whether seated or privileged.
    #[must_use]
    pub fn bar(&self, user: Uuid) -> Option<Barred> {
        self.four_eyes.bar(user, &self.makers, &self.decided_others)
    }
}

impl ApprovalState {
    /// The approval of a locked task. Its groups and their executors stay as they are until the transaction ends.
    ///
    /// # Errors
    /// What the database says.
    pub fn locked(unit: &mut UnitOfWork<'_>, task: &Task) -> Result<Self> {
        let mut groups: BTreeSet<Uuid> = task.task_group_id.into_iter().collect();
        if task.flow_id.is_some() {
            let pools = db::task_pool::of_tasks(unit.connection, &[task.id])?;
            groups.extend(
                pools.iter().filter(|pool| pool.date_passed.is_none()).map(|pool| pool.task_group_id),
            );
        }
        // In one order for everybody, lest two requests wait for each other.
        for group in groups {
            db::lock::<TaskGroup>(unit.connection, group, Lock::Share)?;
        }
        Self::read(unit, task)
    }

    /// The approval of a task of which the caller holds the locks.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(unit: &mut UnitOfWork<'_>, task: &Task) -> Result<Self> {
        Ok(ApprovalRows::load(unit.connection, &[task])?.approval(task, &unit.settings))
    }

    /// Whether somebody's vote on it is in the ledger and is not stale.
    #[must_use]
    pub fn has_votes(&self) -> bool {
        self.votes.iter().any(|vote| !vote.is_stale)
    }

    /// Whether steps have passed by votes on other data than the task has now: somebody changed it past this module, so what
    /// was approved there is not what is proposed.
    #[must_use]
    pub fn passed_on_other_data(&self) -> bool {
        let is_asked = |vote: &Vote| self.pools.iter().any(|pool| pool.step_id() == vote.step_id);
        self.votes.iter().any(|vote| !vote.is_stale && !vote.counts_for(&self.data_hash) && !is_asked(vote))
    }

    /// What becomes of the task by the votes that count.
    #[must_use]
    pub fn progression(&self) -> Progression {
        let outcomes: Vec<_> = self.pools.iter().map(|pool| pool.standing.outcome).collect();
        decide(&outcomes, self.next_steps().next().is_some())
    }

    /// The steps that come when all that are asked have passed.
    pub fn next_steps(&self) -> impl Iterator<Item = &TaskFlowStep> {
        let present =
            self.pools.iter().filter_map(|pool| pool.step.as_ref()).map(|step| step.step_order).max();
        let next = self.steps.iter().map(|step| step.step_order).filter(|order| Some(*order) > present).min();
        self.steps.iter().filter(move |step| Some(step.step_order) == next)
    }

    /// The steps that are asked; the last one that was asked, where the task is decided.
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

/// Tasks of some sources are decided record by record, if they go through a flow.
fn mode(task: &Task, settings: &ModuleSettings) -> Mode {
    let by_record = task.flow_id.is_some()
        && task.source.as_ref().is_some_and(|source| settings.flow_batch_sources.contains(source));
    if by_record { Mode::ByRecord } else { Mode::Whole }
}
