//! The task: somebody's proposal that waits for a decision.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::entity::entity;
use crate::domain::json::Json;
use crate::domain::task::{TaskStatus, usual_priority};

entity! {
    /// A task as it is stored. `additional_resolve_data` is kept in its `json_ext`.
    pub struct Task ("task") in task_management_task (id), versions in task_management_historicaltask {
        /// The service that asked for it; groups are bound to sources.
        source: Option<String> => Nullable<Text>,
        /// The kind of thing it is about.
        entity_type_id: Option<i32> => Nullable<Integer>,
        /// The key of the thing it is about, within its kind.
        entity_id: Option<String> => Nullable<Text>,
        /// The display text of that thing when the task was created.
        entity_string: Option<String> => Nullable<Text>,
        /// Where it stands.
        status: TaskStatus => Text,
        /// Which executor action handler carries it out.
        executor_action_event: Option<String> => Nullable<Text>,
        /// The readable merge of the votes, by user id.
        business_status: Json => Jsonb,
        /// What is to be done once decided, as `Service.operation`.
        business_event: Option<String> => Nullable<Text>,
        /// The group that decides.
        task_group_id: Option<Uuid> => Nullable<Uuid>,
        /// The proposal itself.
        data: Json => Jsonb,
        /// The serializer through which `businessData` shows `data`.
        business_data_serializer: Option<String> => Nullable<Text>,
        /// The version of the flow that it goes through.
        #[serde(default)]
        flow_id: Option<Uuid> => Nullable<Uuid>,
        /// The step of the flow at which it is, the first of them where several are active; where it ended, once decided.
        #[serde(default)]
        current_step_id: Option<Uuid> => Nullable<Uuid>,
        /// Who changed `data` last; none while it is as its maker proposed it.
        #[serde(default)]
        data_user: Option<Uuid> => Nullable<Uuid>,
        /// How urgent it is, from 0 to 100.
        #[serde(default = "usual_priority")]
        priority: i32 => Integer,
    }
}

impl Task {
    /// Who proposed what it says: its maker, and who changed that last.
    #[must_use]
    pub fn makers(&self) -> BTreeSet<Uuid> {
        std::iter::once(self.user_created).chain(self.data_user).collect()
    }

    /// Whether it can still be decided.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !self.record.is_deleted && self.status.is_open()
    }
}
