//! The group of executors that decides on tasks, and how many of them it takes.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::completion_policy::{CompletionPolicy, PolicyRule};
use super::task_source;

/// A group as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskGroup {
    /// Primary key, UUIDv7.
    pub id: Uuid,
    /// Whether it was deleted; such a group decides nothing and is shown in history only.
    pub is_deleted: bool,
    /// Free JSON; the bound task sources are in it under `task_sources`.
    pub json_ext: Option<Value>,
    /// Counts the writes, from 1.
    pub version: i32,
    /// When it was created, naive UTC.
    pub date_created: NaiveDateTime,
    /// When it was last written, naive UTC.
    pub date_updated: NaiveDateTime,
    /// Who created it.
    pub user_created: Uuid,
    /// Who wrote it last.
    pub user_updated: Uuid,
    /// Its name for people, unique among live groups, case-sensitive.
    pub code: String,
    /// How many executors must approve.
    pub completion_policy: CompletionPolicy,
    /// How many people, percent or weight; none with policies that need none.
    pub threshold: Option<i32>,
    /// Whether the maker of a task may not decide it; absent: as the settings say.
    #[serde(default)]
    pub forbid_maker: Option<bool>,
    /// Whether who decided another step of a task may not decide this one; absent: as the settings say.
    #[serde(default)]
    pub distinct_deciders: Option<bool>,
}

impl TaskGroup {
    /// The policy with its threshold.
    #[must_use]
    pub const fn rule(&self) -> PolicyRule {
        PolicyRule { policy: self.completion_policy, threshold: self.threshold }
    }

    /// The task sources whose new tasks come to this group.
    #[must_use]
    pub fn task_sources(&self) -> Vec<String> {
        task_source::read(self.json_ext.as_ref())
    }

    /// Writes the task sources where [`Self::task_sources`] reads them, keeping the rest of `json_ext`.
    pub fn set_task_sources(&mut self, sources: &[String]) {
        task_source::write(&mut self.json_ext, sources);
    }
}
