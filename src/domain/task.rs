//! The task: somebody's proposal that waits for a decision.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Where a task stands. `COMPLETED` and `FAILED` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TaskStatus {
    /// Created; no group decides on it yet, and executors do not see it.
    Received,
    /// A group decides on it.
    Accepted,
    /// Approved: what was proposed is to be carried out.
    Completed,
    /// Rejected.
    Failed,
}

impl TaskStatus {
    /// All values, in the order of a task's life.
    pub const ALL: [Self; 4] = [Self::Received, Self::Accepted, Self::Completed, Self::Failed];

    /// The text kept in the database and shown to clients.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "RECEIVED",
            Self::Accepted => "ACCEPTED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }

    /// The status of this text, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether the task is decided, so that nothing may change it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// A task as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Primary key, UUIDv7.
    pub id: Uuid,
    /// Whether it was deleted; such a task is shown in history only.
    pub is_deleted: bool,
    /// Free JSON of hosts; `additional_resolve_data` is kept in it.
    pub json_ext: Option<Value>,
    /// Counts the writes, from 1.
    pub version: i32,
    /// When it was created, naive UTC.
    pub date_created: NaiveDateTime,
    /// When it was last written, naive UTC.
    pub date_updated: NaiveDateTime,
    /// Its maker.
    pub user_created: Uuid,
    /// Who wrote it last.
    pub user_updated: Uuid,
    /// The service that asked for it; groups are bound to sources.
    pub source: Option<String>,
    /// The kind of thing it is about.
    pub entity_type_id: Option<i32>,
    /// The key of the thing it is about, within its kind.
    pub entity_id: Option<String>,
    /// The display text of that thing when the task was created.
    pub entity_string: Option<String>,
    /// Where it stands.
    pub status: TaskStatus,
    /// Which executor action handler carries it out.
    pub executor_action_event: Option<String>,
    /// The readable merge of the votes, by user id.
    pub business_status: Value,
    /// What is to be done once decided, as `Service.operation`.
    pub business_event: Option<String>,
    /// The group that decides.
    pub task_group_id: Option<Uuid>,
    /// The proposal itself.
    pub data: Value,
    /// The serializer through which `businessData` shows `data`.
    pub business_data_serializer: Option<String>,
    /// The version of the flow that it goes through.
    #[serde(default)]
    pub flow_id: Option<Uuid>,
    /// The step of the flow at which it is, the first of them where several are active; where it ended, once decided.
    #[serde(default)]
    pub current_step_id: Option<Uuid>,
    /// Who changed `data` last; none while it is as its maker proposed it.
    #[serde(default)]
    pub data_user: Option<Uuid>,
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
        !self.is_deleted && !self.status.is_final()
    }
}
