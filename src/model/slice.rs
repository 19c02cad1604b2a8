//! A part of a list, and the rows that were read with it.

use super::task_flow::TaskFlow;
use super::task_flow_step::TaskFlowStep;
use super::task_group::TaskGroup;
use super::user::User;

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice<T> {
    /// The rows, each with its cursor.
    pub rows: Vec<(T, String)>,
    /// How many rows match altogether, if that was asked for.
    pub total_count: Option<i64>,
    /// Whether rows follow.
    pub has_next: bool,
    /// Whether rows come before, if neighbours were asked for.
    pub has_previous: bool,
    /// What was read with the rows.
    pub related: Related,
}

/// Rows to which the rows of a list point, each once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Related {
    /// Task groups.
    pub groups: Vec<TaskGroup>,
    /// People.
    pub users: Vec<User>,
    /// Flows.
    pub flows: Vec<TaskFlow>,
    /// Steps of flows.
    pub steps: Vec<TaskFlowStep>,
}

impl Related {
    /// Adds the rows that are not there yet.
    pub fn add(&mut self, others: Self) {
        add(&mut self.groups, others.groups, |one, other| one.id == other.id);
        add(&mut self.users, others.users, |one, other| one.id == other.id);
        add(&mut self.flows, others.flows, |one, other| one.id == other.id);
        add(&mut self.steps, others.steps, |one, other| one.id == other.id);
    }
}

fn add<T>(rows: &mut Vec<T>, others: Vec<T>, is_same: fn(&T, &T) -> bool) {
    for other in others {
        if !rows.iter().any(|row| is_same(row, &other)) {
            rows.push(other);
        }
    }
}
