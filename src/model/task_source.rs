//! The task source: the group or flow to which new tasks of a service go.

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
        /// The name of the function that runs when a task of the source is COMPLETED or FAILED.
        on_completed: Option<String> => Nullable<Text>,
    }
}

/// The group or flow to which a source is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceTarget {
    /// A group.
    Group(Uuid),
    /// A flow, by its head.
    Flow(Uuid),
}

impl TaskSource {
    /// The binding of this source to this target.
    #[must_use]
    pub fn new(source: &str, target: SourceTarget, on_completed: Option<&str>) -> Self {
        let (task_group_id, task_flow_id) = match target {
            SourceTarget::Group(id) => (Some(id), None),
            SourceTarget::Flow(id) => (None, Some(id)),
        };
        let (source, on_completed) = (source.to_owned(), on_completed.map(str::to_owned));
        Self { source, task_group_id, task_flow_id, on_completed }
    }

    /// The group or flow to which it is bound. A constraint of the database guarantees that it is exactly one.
    #[must_use]
    pub const fn target(&self) -> Option<SourceTarget> {
        match (self.task_group_id, self.task_flow_id) {
            (Some(group), None) => Some(SourceTarget::Group(group)),
            (None, Some(flow)) => Some(SourceTarget::Flow(flow)),
            _ => None,
        }
    }
}
