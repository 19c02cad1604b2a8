//! The executor: a user's executor in a group.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// An executor as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskExecutor {
    /// Primary key, UUIDv7.
    pub id: Uuid,
    /// Whether the user was removed from the group.
    pub is_deleted: bool,
    /// Free JSON of hosts.
    pub json_ext: Option<Value>,
    /// Counts the writes, from 1.
    pub version: i32,
    /// When the user was seated, naive UTC.
    pub date_created: NaiveDateTime,
    /// When the row was last written, naive UTC.
    pub date_updated: NaiveDateTime,
    /// Who seated the user.
    pub user_created: Uuid,
    /// Who wrote the row last.
    pub user_updated: Uuid,
    /// The group.
    pub task_group_id: Uuid,
    /// The user who decides.
    pub user_id: Uuid,
    /// What an approval counts under the policy WEIGHT.
    #[serde(default = "default_weight")]
    pub weight: i32,
}

/// The weight of an executor about which nothing was said.
pub const DEFAULT_WEIGHT: i32 = 1;
/// The largest weight of a executor.
pub const MAX_WEIGHT: i32 = 1_000_000;

const fn default_weight() -> i32 {
    DEFAULT_WEIGHT
}
