//! The step of an approval flow: a group that is asked, and how many of its executors must agree.

use uuid::Uuid;

use super::entity::entity;
use super::task_group::{TaskGroup, read_rules};
use crate::domain::completion_policy::{CompletionPolicy, PolicyRule};
use crate::domain::decision::FourEyes;
use crate::domain::escalation::EscalationRule;
use crate::domain::json::Json;
use crate::domain::settings::ModuleSettings;

entity! {
    /// A step as it is stored. It belongs to one version of a flow, is retired with it, and does not change.
    pub struct TaskFlowStep ("task_flow_step") in task_management_taskflowstep (id),
    versions in task_management_historicaltaskflowstep {
        /// The version of the flow.
        task_flow_id: Uuid => Uuid,
        /// The step's position, from 1. Steps with one order are asked at the same time, and all of them must pass.
        #[serde(rename = "order")]
        step_order: i32 => Integer,
        /// The group that is asked.
        task_group_id: Uuid => Uuid,
        /// How approvals are counted; absent: as in the group.
        completion_policy: Option<CompletionPolicy> => Nullable<Text>,
        /// How many must approve; absent: as many as the group needs, if it counts in the same way.
        threshold: Option<i32> => Nullable<Integer>,
        /// Whether the maker of a task is barred from deciding this step; absent: as in the group.
        forbid_maker: Option<bool> => Nullable<Bool>,
        /// Whether people who decided another step are barred from deciding this one; absent: as in the group.
        distinct_deciders: Option<bool> => Nullable<Bool>,
        /// Within how many seconds the step is to pass; absent: as in the group.
        #[serde(default)]
        lead_time_seconds: Option<i32> => Nullable<Integer>,
        /// What happens to tasks that wait too long, as a list of [`EscalationRule`]s; absent: as in the group.
        #[serde(default)]
        escalations: Option<Json> => Nullable<Jsonb>,
    }
}

impl TaskFlowStep {
    /// What happens to tasks that wait too long at the step; none if that is as in the group.
    #[must_use]
    pub fn escalation_rules(&self) -> Option<Vec<EscalationRule>> {
        self.escalations.as_ref().map(|stored| read_rules(Some(stored)))
    }

    /// The policy and threshold that are in force.
    #[must_use]
    pub fn rule(&self, group: &TaskGroup) -> PolicyRule {
        effective_rule(self.completion_policy, self.threshold, group)
    }
}

/// The policy and threshold in force for a step with this policy and threshold of its own, either of which may be absent.
#[must_use]
pub fn effective_rule(
    completion_policy: Option<CompletionPolicy>,
    threshold: Option<i32>,
    group: &TaskGroup,
) -> PolicyRule {
    let policy = completion_policy.unwrap_or(group.completion_policy);
    let groups = (policy == group.completion_policy).then_some(group.threshold).flatten();
    // The group may have changed its policy since. Under ALL and ANY the step's threshold means nothing.
    let threshold = match policy {
        CompletionPolicy::All | CompletionPolicy::Any => None,
        CompletionPolicy::N | CompletionPolicy::Percent | CompletionPolicy::Weight => threshold.or(groups),
    };
    PolicyRule { policy, threshold }
}

/// The lead time in force: the step's, else the group's.
#[must_use]
pub fn lead_time(step: Option<&TaskFlowStep>, group: &TaskGroup) -> Option<i32> {
    step.and_then(|step| step.lead_time_seconds).or(group.lead_time_seconds)
}

/// The escalation rules in force: the step's, else the group's.
#[must_use]
pub fn escalations(step: Option<&TaskFlowStep>, group: &TaskGroup) -> Vec<EscalationRule> {
    step.and_then(TaskFlowStep::escalation_rules).unwrap_or_else(|| group.escalation_rules())
}

/// The rules of four eyes in force: the step's, else the group's, else those of the settings.
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
