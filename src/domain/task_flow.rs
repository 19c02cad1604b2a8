//! The approval flow: steps that a task goes through, one order after the other.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::task_source;

/// A version of a flow as it is stored. Tasks under way keep the version with which they began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskFlow {
    /// Primary key, UUIDv7.
    pub id: Uuid,
    /// Whether the flow was retired, with all its versions.
    pub is_deleted: bool,
    /// Free JSON; the bound task sources are in it under `task_sources`.
    pub json_ext: Option<Value>,
    /// Counts the writes; a version that replaces another counts on from it.
    pub version: i32,
    /// When this version was created, naive UTC.
    pub date_created: NaiveDateTime,
    /// When it was last written, naive UTC.
    pub date_updated: NaiveDateTime,
    /// Who created it.
    pub user_created: Uuid,
    /// Who wrote it last.
    pub user_updated: Uuid,
    /// Its name for systems, unique among live heads, case-sensitive.
    pub code: String,
    /// Its name for people.
    pub name: Option<String>,
    /// The first version of the flow, which all its versions name; its own key in that version.
    pub lineage_id: Uuid,
    /// The version that superseded this one; none in the head.
    pub replacement_uuid: Option<Uuid>,
    /// Since when new tasks get this version, naive UTC.
    pub date_valid_from: NaiveDateTime,
    /// Until when they did, naive UTC; none in the head.
    pub date_valid_to: Option<NaiveDateTime>,
}

impl TaskFlow {
    /// Whether new tasks can get this version.
    #[must_use]
    pub const fn is_head(&self) -> bool {
        !self.is_deleted && self.replacement_uuid.is_none()
    }

    /// The task sources whose new tasks come to this flow.
    #[must_use]
    pub fn task_sources(&self) -> Vec<String> {
        task_source::read(self.json_ext.as_ref())
    }

    /// Writes the task sources where [`Self::task_sources`] reads them, keeping the rest of `json_ext`.
    pub fn set_task_sources(&mut self, sources: &[String]) {
        task_source::write(&mut self.json_ext, sources);
    }
}
