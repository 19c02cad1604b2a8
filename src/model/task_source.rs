//! The task source: which group or flow new tasks of a service come to.

use uuid::Uuid;

use super::entity::entity;

entity! {
    /// The binding of a source as it is stored, to a group or to a flow.
    #[derive(Eq)]
    pub struct TaskSource ("task_source") in task_management_tasksource (source) {
        /// The source.
        source: String => Text,
        /// The group, unless it is bound to a flow.
        task_group_id: Option<Uuid> => Nullable<Uuid>,
        /// The head of the flow, unless it is bound to a group.
        task_flow_id: Option<Uuid> => Nullable<Uuid>,
    }
}

/// What a source is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceTarget {
    /// A group.
    Group(Uuid),
    /// A flow, by its head.
    Flow(Uuid),
}

impl TaskSource {
    /// That this source is bound to this target.
    #[must_use]
    pub fn new(source: &str, target: SourceTarget) -> Self {
        let (task_group_id, task_flow_id) = match target {
            SourceTarget::Group(id) => (Some(id), None),
            SourceTarget::Flow(id) => (None, Some(id)),
        };
        Self { source: source.to_owned(), task_group_id, task_flow_id }
    }

    /// What it is bound to; the database vouches that it is one thing.
    #[must_use]
    pub const fn target(&self) -> Option<SourceTarget> {
        match (self.task_group_id, self.task_flow_id) {
            (Some(group), None) => Some(SourceTarget::Group(group)),
            (None, Some(flow)) => Some(SourceTarget::Flow(flow)),
            _ => None,
        }
    }
}
