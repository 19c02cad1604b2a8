//! Reading the rows from which approval states are made.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::ApprovalState;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::decision::Mode;
use crate::domain::settings::ModuleSettings;
use crate::domain::vote::DataHash;
use crate::error::Result;
use crate::model::task::Task;
use crate::model::task_claim::TaskClaim;
use crate::model::task_executor::TaskExecutor;
use crate::model::task_flow_step::TaskFlowStep;
use crate::model::task_group::TaskGroup;
use crate::model::task_pool::TaskPool;
use crate::model::user::User;
use crate::model::vote::Vote;

/// The rows from which the approval states of some tasks are made. Reading them takes as many queries for a hundred tasks as
/// for one.
#[derive(Debug, Default)]
pub struct ApprovalRows {
    groups: Arc<Groups>,
    steps: HashMap<Uuid, Vec<TaskFlowStep>>,
    /// The pools that each task has reached.
    pub(super) reached: HashMap<Uuid, Vec<TaskPool>>,
    votes: HashMap<Uuid, Vec<Vote>>,
    claims: Arc<Claims>,
    now: NaiveDateTime,
}

/// The claims on some tasks.
#[derive(Debug, Default)]
pub struct Claims {
    of_tasks: HashMap<Uuid, Vec<TaskClaim>>,
    /// What their holders are called, if that was read.
    pub holders: HashMap<Uuid, String>,
}

impl Claims {
    /// The claims on a pool of a task.
    pub fn on(&self, task_id: Uuid, step_id: Option<Uuid>) -> Vec<TaskClaim> {
        let of_task = self.of_tasks.get(&task_id).into_iter().flatten();
        of_task.filter(|claim| claim.step_id == step_id).cloned().collect()
    }
}

/// How the votes on tasks are read.
type ReadVotes = fn(&mut DbConnection, &[Uuid]) -> Result<Vec<Vote>>;

/// Groups that are or were asked, and the executors who are asked in each.
#[derive(Debug, Default, Clone)]
pub struct Groups {
    /// The groups by key.
    pub rows: HashMap<Uuid, TaskGroup>,
    /// The executors who are asked, by the key of the group.
    pub executors: HashMap<Uuid, Vec<TaskExecutor>>,
}

impl Groups {
    /// Whether one of them has, or had, claims.
    pub fn have_claims(&self) -> bool {
        self.rows.values().any(|group| group.claim_mode.is_some())
    }

    /// Reads those of these groups that are not read yet, and the executors who are asked in them.
    pub fn read(&mut self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<()> {
        let unknown: Vec<Uuid> = ids.iter().copied().filter(|id| !self.rows.contains_key(id)).collect();
        if !unknown.is_empty() {
            let rows = db::get_many::<TaskGroup>(connection, &unknown)?;
            self.rows.extend(rows.into_iter().map(|row| (row.id, row)));
        }
        if !ids.is_empty() {
            for executor in db::task_executor::asked_in_groups(connection, ids)? {
                self.executors.entry(executor.task_group_id).or_default().push(executor);
            }
        }
        Ok(())
    }
}

impl ApprovalRows {
    /// Reads the rows for these tasks.
    pub fn load(connection: &mut DbConnection, tasks: &[&Task], now: NaiveDateTime) -> Result<Self> {
        Self::load_with(connection, tasks, now, db::vote::of_tasks)
    }

    /// Reads the rows for these tasks with, of each person's votes on records, one only. That is enough to say what somebody may
    /// do, and where each pool stands.
    pub fn load_people(connection: &mut DbConnection, tasks: &[&Task], now: NaiveDateTime) -> Result<Self> {
        Self::load_with(connection, tasks, now, db::vote::of_people_on_tasks)
    }

    /// No rows, at this moment.
    pub(super) fn at(now: NaiveDateTime) -> Self {
        Self { now, ..Self::default() }
    }

    fn load_with(
        connection: &mut DbConnection,
        tasks: &[&Task],
        now: NaiveDateTime,
        votes: ReadVotes,
    ) -> Result<Self> {
        let mut rows = Self::at(now);
        if !tasks.is_empty() {
            rows.read_flows(connection, tasks)?;
            rows.read_pools(connection, tasks, Groups::default())?;
            rows.read_votes(connection, tasks, votes)?;
            rows.read_claims(connection, tasks)?;
        }
        Ok(rows)
    }

    /// Reads the steps of the tasks' flows, and which of the steps they have reached.
    pub(super) fn read_flows(&mut self, connection: &mut DbConnection, tasks: &[&Task]) -> Result<()> {
        let in_flows: Vec<Uuid> =
            tasks.iter().filter(|task| task.flow_id.is_some()).map(|task| task.id).collect();
        if in_flows.is_empty() {
            return Ok(());
        }
        let flow_ids: BTreeSet<Uuid> = tasks.iter().filter_map(|task| task.flow_id).collect();
        for step in db::task_flow_step::of_flows(connection, &Vec::from_iter(flow_ids))? {
            self.steps.entry(step.task_flow_id).or_default().push(step);
        }
        for pool in db::task_pool::of_tasks(connection, &in_flows)? {
            self.reached.entry(pool.task_id).or_default().push(pool);
        }
        Ok(())
    }

    /// Reads the groups that are not read yet, and the executors who are asked in all groups.
    pub(super) fn read_pools(
        &mut self,
        connection: &mut DbConnection,
        tasks: &[&Task],
        known: Groups,
    ) -> Result<()> {
        let given = tasks.iter().filter_map(|task| task.task_group_id);
        let reached = self.reached.values().flatten().map(|pool| pool.task_group_id);
        let group_ids: BTreeSet<Uuid> = given.chain(reached).collect();
        let mut groups = known;
        groups.read(connection, &Vec::from_iter(group_ids))?;
        self.groups = Arc::new(groups);
        Ok(())
    }

    /// Reads the votes on the tasks.
    pub(super) fn read_votes(
        &mut self,
        connection: &mut DbConnection,
        tasks: &[&Task],
        read: ReadVotes,
    ) -> Result<()> {
        let task_ids: Vec<Uuid> = tasks.iter().map(|task| task.id).collect();
        for vote in read(connection, &task_ids)? {
            self.votes.entry(vote.task_id).or_default().push(vote);
        }
        Ok(())
    }

    /// Reads the claims on the tasks, if one of the groups has, or had, claims.
    pub(super) fn read_claims(&mut self, connection: &mut DbConnection, tasks: &[&Task]) -> Result<()> {
        if !self.groups.have_claims() {
            return Ok(());
        }
        let task_ids: Vec<Uuid> = tasks.iter().map(|task| task.id).collect();
        let mut claims = Claims::default();
        for claim in db::task_claim::of_tasks(connection, &task_ids, self.now)? {
            claims.of_tasks.entry(claim.task_id).or_default().push(claim);
        }
        self.claims = Arc::new(claims);
        Ok(())
    }

    /// Reads what the holders of the claims are called.
    pub(super) fn read_holders(&mut self, connection: &mut DbConnection) -> Result<()> {
        let lasting = self.claims.of_tasks.values().flatten().filter(|claim| claim.lasts(self.now));
        let ids: BTreeSet<Uuid> = lasting.map(|claim| claim.user_id).collect();
        if !ids.is_empty() {
            let users = db::get_many::<User>(connection, &Vec::from_iter(ids))?;
            let holders = users.into_iter().map(|user| (user.id, user.username)).collect();
            let of_tasks = self.claims.of_tasks.clone();
            self.claims = Arc::new(Claims { of_tasks, holders });
        }
        Ok(())
    }

    /// Whether one of the groups that are or were asked has, or had, claims.
    #[must_use]
    pub fn may_have_claims(&self) -> bool {
        self.groups.have_claims()
    }

    /// The approval state of one of the tasks.
    #[must_use]
    pub fn approval(&self, task: &Task, settings: &ModuleSettings) -> ApprovalState {
        let steps = task.flow_id.and_then(|id| self.steps.get(&id)).cloned().unwrap_or_default();
        let mut approval = ApprovalState {
            pools: Vec::new(),
            steps,
            reached: self.reached.get(&task.id).cloned().unwrap_or_default(),
            votes: self.votes.get(&task.id).cloned().unwrap_or_default(),
            data_hash: DataHash::of(&task.data),
            mode: mode(task, settings),
            groups: Arc::clone(&self.groups),
            claims: Arc::clone(&self.claims),
            now: self.now,
        };
        approval.weigh(task, settings);
        approval
    }
}

/// Whether a task is decided as a whole or record by record: tasks of some sources are, if they go through a flow.
fn mode(task: &Task, settings: &ModuleSettings) -> Mode {
    let by_record = task.flow_id.is_some()
        && task.source.as_ref().is_some_and(|source| settings.flow_batch_sources.contains(source));
    if by_record { Mode::ByRecord } else { Mode::Whole }
}
