//! Rows that a request knows already, because they were read with the lists that point to them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::model::slice::Related;
use crate::model::task_flow::TaskFlow;
use crate::model::task_flow_step::TaskFlowStep;
use crate::model::task_group::TaskGroup;
use crate::model::user::User;

/// The rows that a request knows.
#[derive(Default)]
pub struct Known(Mutex<Rows>);

/// Rows of all kinds, by key.
#[derive(Default)]
pub struct Rows {
    groups: HashMap<Uuid, TaskGroup>,
    users: HashMap<Uuid, User>,
    flows: HashMap<Uuid, TaskFlow>,
    steps: HashMap<Uuid, TaskFlowStep>,
}

/// A row of which some are known.
pub trait Knowable: Clone {
    /// Those that are known.
    fn among(rows: &Rows) -> &HashMap<Uuid, Self>;
}

impl Known {
    /// Keeps what was read with a list.
    pub fn keep(&self, related: Related) {
        let mut known = self.rows();
        known.groups.extend(related.groups.into_iter().map(|row| (row.id, row)));
        known.users.extend(related.users.into_iter().map(|row| (row.id, row)));
        known.flows.extend(related.flows.into_iter().map(|row| (row.id, row)));
        known.steps.extend(related.steps.into_iter().map(|row| (row.id, row)));
    }

    /// The row with this key, if it is known.
    pub fn row<T: Knowable>(&self, id: Uuid) -> Option<T> {
        T::among(&self.rows()).get(&id).cloned()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Knowable for TaskGroup {
    fn among(rows: &Rows) -> &HashMap<Uuid, Self> {
        &rows.groups
    }
}

impl Knowable for User {
    fn among(rows: &Rows) -> &HashMap<Uuid, Self> {
        &rows.users
    }
}

impl Knowable for TaskFlow {
    fn among(rows: &Rows) -> &HashMap<Uuid, Self> {
        &rows.flows
    }
}

impl Knowable for TaskFlowStep {
    fn among(rows: &Rows) -> &HashMap<Uuid, Self> {
        &rows.steps
    }
}
