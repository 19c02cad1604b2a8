//! The approval flow: steps that a task goes through, one order after the other.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use crate::domain::json::Json;
use crate::domain::task_source::{self, SourceFunction};

entity! {
    /// A version of a flow as it is stored. Tasks under way keep the version with which they began. If it is deleted, the
    /// flow was retired with all its versions. A version that replaces another continues the count of that one's `version`.
    /// The bound task sources are in `json_ext` under `task_sources`.
    pub struct TaskFlow ("task_flow") in task_management_taskflow (id), versions in task_management_historicaltaskflow {
        /// Its name for systems, unique among live heads, case-sensitive.
        code: String => Text,
        /// Its name for people.
        name: Option<String> => Nullable<Text>,
        /// The key of the flow's first version, in all its versions.
        lineage_id: Uuid => Uuid,
        /// The version that superseded this one; none in the head.
        replacement_uuid: Option<Uuid> => Nullable<Uuid>,
        /// Since when new tasks get this version, naive UTC.
        date_valid_from: NaiveDateTime => Timestamp,
        /// Until when new tasks got this version, naive UTC; none in the head.
        date_valid_to: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// The name of the function that runs when a task that it decides is COMPLETED or FAILED.
        #[serde(default)]
        on_completed: Option<String> => Nullable<Text>,
        /// The functions that run instead for tasks of single sources, as a list of [`SourceFunction`]s.
        #[serde(default)]
        source_functions: Option<Json> => Nullable<Jsonb>,
    }
}

impl TaskFlow {
    /// Whether new tasks can get this version.
    #[must_use]
    pub const fn is_head(&self) -> bool {
        !self.record.is_deleted && self.replacement_uuid.is_none()
    }

    /// The task sources whose new tasks go to this flow.
    #[must_use]
    pub fn task_sources(&self) -> Vec<String> {
        task_source::read(self.json_ext.as_ref())
    }

    /// The functions that run for tasks of single sources.
    #[must_use]
    pub fn source_functions(&self) -> Vec<SourceFunction> {
        self.source_functions.as_ref().and_then(|functions| functions.read().ok()).unwrap_or_default()
    }

    /// Writes the task sources to where [`Self::task_sources`] reads them, and keeps the rest of `json_ext`.
    pub fn set_task_sources(&mut self, sources: &[String]) {
        task_source::write(&mut self.json_ext, sources);
    }
}
