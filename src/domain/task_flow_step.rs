//! The step of an approval flow: a group that is asked, and how many of it must agree.

use chrono::NaiveDateTime;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::completion_policy::{CompletionPolicy, PolicyRule};
use super::decision::FourEyes;
use super::settings::ModuleSettings;
use super::task_group::TaskGroup;

/// A step as it is stored. It belongs to one version of a flow and does not change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskFlowStep {
    /// Primary key, UUIDv7.
    pub id: Uuid,
    /// Whether it was retired with its flow.
    pub is_deleted: bool,
    /// Free JSON of hosts.
    pub json_ext: Option<Value>,
    /// Counts the writes, from 1.
    pub version: i32,
    /// When it was created, naive UTC.
    pub date_created: NaiveDateTime,
    /// When the row was last written, naive UTC.
    pub date_updated: NaiveDateTime,
    /// Who created it.
    pub user_created: Uuid,
    /// Who wrote the row last.
    pub user_updated: Uuid,
    /// The version of the flow.
    pub task_flow_id: Uuid,
    /// When it comes, from 1. Steps of one order are asked at the same time, and all of them must pass.
    pub order: i32,
    /// The group that is asked.
    pub task_group_id: Uuid,
    /// How approvals are counted; absent: as the group does.
    pub completion_policy: Option<CompletionPolicy>,
    /// How many; absent: as many as the group asks for, if it counts in the same way.
    pub threshold: Option<i32>,
    /// Whether the maker of a task may not decide it; absent: as the group says.
    pub forbid_maker: Option<bool>,
    /// Whether who decided another step may not decide this one; absent: as the group says.
    pub distinct_deciders: Option<bool>,
}

impl TaskFlowStep {
    /// The policy and threshold that are in force.
    #[must_use]
    pub fn rule(&self, group: &TaskGroup) -> PolicyRule {
        effective_rule(self.completion_policy, self.threshold, group)
    }
}

/// The policy and threshold in force of a step that says this, or nothing, of its own.
#[must_use]
pub fn effective_rule(
    completion_policy: Option<CompletionPolicy>,
    threshold: Option<i32>,
    group: &TaskGroup,
) -> PolicyRule {
    let policy = completion_policy.unwrap_or(group.completion_policy);
    let groups = (policy == group.completion_policy).then_some(group.threshold).flatten();
    // A threshold of a step whose group has changed its mind since says nothing under ALL and ANY.
    let threshold = match policy {
        CompletionPolicy::All | CompletionPolicy::Any => None,
        CompletionPolicy::N | CompletionPolicy::Percent | CompletionPolicy::Weight => threshold.or(groups),
    };
    PolicyRule { policy, threshold }
}

/// Which of the four-eyes rules are in force: the step's, else the group's, else those of the settings.
#[must_use]
pub fn four_eyes(step: Option<&TaskFlowStep>, group: &TaskGroup, settings: &ModuleSettings) -> FourEyes {
    let default = settings.four_eyes();
    FourEyes {
        forbid_maker: step
            .and_then(|step| step.forbid_maker)
            .or(group.forbid_maker)
            .unwrap_or(default.forbid_maker),
        distinct_deciders: step
            .and_then(|step| step.distinct_deciders)
            .or(group.distinct_deciders)
            .unwrap_or(default.distinct_deciders),
    }
}
