//! The step of an approval flow: a group that is asked, and how many of it must agree.

use uuid::Uuid;

use super::entity::entity;
use super::task_group::TaskGroup;
use crate::domain::completion_policy::{CompletionPolicy, PolicyRule};
use crate::domain::decision::FourEyes;
use crate::domain::settings::ModuleSettings;

entity! {
    /// A step as it is stored. It belongs to one version of a flow, is retired with it, and does not change.
    pub struct TaskFlowStep ("task_flow_step") in task_management_taskflowstep (id),
    versions in task_management_historicaltaskflowstep {
        /// The version of the flow.
        task_flow_id: Uuid => Uuid,
        /// When it comes, from 1. Steps of one order are asked at the same time, and all of them must pass.
        #[serde(rename = "order")]
        step_order: i32 => Integer,
        /// The group that is asked.
        task_group_id: Uuid => Uuid,
        /// How approvals are counted; absent: as the group does.
        completion_policy: Option<CompletionPolicy> => Nullable<Text>,
        /// How many; absent: as many as the group asks for, if it counts in the same way.
        threshold: Option<i32> => Nullable<Integer>,
        /// Whether the maker of a task may not decide it; absent: as the group says.
        forbid_maker: Option<bool> => Nullable<Bool>,
        /// Whether who decided another step may not decide this one; absent: as the group says.
        distinct_deciders: Option<bool> => Nullable<Bool>,
    }
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
