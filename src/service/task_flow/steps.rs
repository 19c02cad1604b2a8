//! The steps in the input for a flow.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use crate::db;
use crate::domain::completion_policy::{CompletionPolicy, PolicyRule};
use crate::domain::escalation::EscalationRule;
use crate::domain::task::check_lead_time;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::task_executor::TaskExecutor;
use crate::model::task_flow::TaskFlow;
use crate::model::task_flow_step::{TaskFlowStep, effective_rule};
use crate::model::task_group::TaskGroup;
use crate::service::escalation;
use crate::service::task_group::access::shared;
use crate::service::unit_of_work::UnitOfWork;

/// The highest order of a step. It leaves room for steps after it.
const MAX_ORDER: i32 = 1_000_000;

/// A step in the input for a flow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFlowStepInput {
    /// The group that is asked.
    pub task_group_id: Uuid,
    /// The step's position, from 1; steps with one order are asked at the same time. Absent: after the step before it.
    pub order: Option<i32>,
    /// How approvals are counted; absent: as in the group.
    pub completion_policy: Option<CompletionPolicy>,
    /// How many must approve; absent: as many as the group needs.
    pub threshold: Option<i32>,
    /// The policy with its threshold, for policies that the two fields above can't express. If it is given, those fields are
    /// ignored.
    pub policy: Option<PolicyRule>,
    /// Whether the maker of a task is barred from deciding this step; absent: as in the group.
    pub forbid_maker: Option<bool>,
    /// Whether people who decided another step are barred from deciding this one; absent: as in the group.
    pub distinct_deciders: Option<bool>,
    /// Within how many seconds the step is to pass, from 1 to 315,360,000; absent: as in the group.
    pub lead_time_seconds: Option<i32>,
    /// What happens to tasks that wait too long at the step, at most ten rules; absent: as in the group.
    pub escalations: Option<Vec<EscalationRule>>,
}

impl From<&TaskFlowStep> for TaskFlowStepInput {
    /// The input that asks for a step as it is.
    fn from(step: &TaskFlowStep) -> Self {
        Self {
            task_group_id: step.task_group_id,
            order: Some(step.step_order),
            completion_policy: step.completion_policy,
            threshold: step.threshold,
            policy: step.completion_policy.map(|policy| PolicyRule { policy, threshold: step.threshold }),
            forbid_maker: step.forbid_maker,
            distinct_deciders: step.distinct_deciders,
            lead_time_seconds: step.lead_time_seconds,
            escalations: step.escalation_rules(),
        }
    }
}

impl TaskFlowStepInput {
    /// The policy and threshold that the step is to have of its own, given the present steps of the flow.
    fn own_rule(&self, present: &[TaskFlowStep]) -> (Option<CompletionPolicy>, Option<i32>) {
        if let Some(rule) = self.policy {
            return (Some(rule.policy), rule.threshold);
        }
        // As with groups, clients of the original see every policy that counts as N, and send it back as they read it.
        let read_as_n = present.iter().find(|step| {
            step.task_group_id == self.task_group_id
                && step.completion_policy.map(CompletionPolicy::as_known_to_clients)
                    == Some(CompletionPolicy::N)
        });
        match read_as_n {
            Some(step)
                if self.completion_policy == Some(CompletionPolicy::N)
                    && (self.threshold.is_none() || self.threshold == step.threshold) =>
            {
                (step.completion_policy, step.threshold)
            }
            _ => (self.completion_policy, self.threshold),
        }
    }
}

/// Checks the steps and makes rows of them, in their order. Their groups can't change until the transaction ends. `present`
/// are the present steps of the flow.
///
/// # Errors
/// VALIDATION, NOT_FOUND for a group, or LIMIT.
pub fn plan(
    unit: &mut UnitOfWork<'_>,
    flow: &TaskFlow,
    asked: &[TaskFlowStepInput],
    present: &[TaskFlowStep],
) -> Result<Vec<TaskFlowStep>> {
    unit.check_list("steps", asked.len())?;
    if asked.is_empty() {
        return Err(Error::validation("steps", Message::new("steps-needed")));
    }
    let groups = locked_groups(unit, asked)?;
    let group_ids: Vec<Uuid> = groups.keys().copied().collect();
    let executors = db::task_executor::asked_in_groups(unit.connection, &group_ids)?;
    let mut seen = BTreeSet::new();
    let mut steps = Vec::new();
    let mut last = 0_i32;
    for (index, step) in asked.iter().enumerate() {
        let field = |name: &str| format!("steps[{index}].{name}");
        let group = groups.get(&step.task_group_id).ok_or_else(|| no_group(&field("taskGroupId")))?;
        if !seen.insert(group.id) {
            let message = Message::new("step-repeats-group").with("code", group.code.as_str());
            return Err(Error::validation(field("taskGroupId"), message));
        }
        let order = order(step, last);
        if !(last.max(1)..=MAX_ORDER).contains(&order) {
            let message = Message::new("step-order")
                .with("least", i64::from(last.max(1)))
                .with("max", i64::from(MAX_ORDER));
            return Err(Error::validation(field("order"), message));
        }
        last = order;
        let (completion_policy, threshold) = step.own_rule(present);
        let rules = step.escalations.as_deref();
        let escalations =
            rules.map(|rules| escalation::check(unit, &field("escalations"), rules)).transpose()?;
        check_rule(completion_policy, threshold, group, &executors, &field)?;
        steps.push(TaskFlowStep {
            record: unit.new_record(),
            task_flow_id: flow.id,
            step_order: order,
            task_group_id: group.id,
            completion_policy,
            threshold,
            forbid_maker: step.forbid_maker,
            distinct_deciders: step.distinct_deciders,
            lead_time_seconds: check_lead_time(&field("leadTimeSeconds"), step.lead_time_seconds)?,
            escalations,
        });
    }
    Ok(steps)
}

/// Whether the input asks for the present steps.
pub fn say_the_same(asked: &[TaskFlowStepInput], present: &[TaskFlowStep]) -> bool {
    let mut last = 0_i32;
    let asked = asked.iter().map(|step| {
        last = order(step, last);
        let rules =
            (step.forbid_maker, step.distinct_deciders, step.lead_time_seconds, step.escalations.clone());
        (last, step.task_group_id, step.own_rule(present), rules)
    });
    let there = present.iter().map(|step| {
        let rules =
            (step.forbid_maker, step.distinct_deciders, step.lead_time_seconds, step.escalation_rules());
        (step.step_order, step.task_group_id, (step.completion_policy, step.threshold), rules)
    });
    asked.eq(there)
}

/// The order of a step: its own, else the one after `last`.
fn order(step: &TaskFlowStepInput, last: i32) -> i32 {
    step.order.unwrap_or_else(|| last.saturating_add(1))
}

/// Checks that the step's group has executors, and that they can reach the threshold.
fn check_rule(
    completion_policy: Option<CompletionPolicy>,
    threshold: Option<i32>,
    group: &TaskGroup,
    executors: &[TaskExecutor],
    field: &dyn Fn(&str) -> String,
) -> Result<()> {
    let rule = effective_rule(completion_policy, threshold, group);
    // The step's own threshold is checked as it was given: a threshold that its policy does not use is a mistake.
    PolicyRule { threshold: threshold.or(rule.threshold), ..rule }.check(&field("threshold"))?;
    let pool: Vec<i64> = executors
        .iter()
        .filter(|executor| executor.task_group_id == group.id)
        .map(|executor| i64::from(executor.weight))
        .collect();
    if pool.is_empty() {
        let message = Message::new("step-without-executors").with("code", group.code.as_str());
        return Err(Error::validation(field("taskGroupId"), message));
    }
    let reachable = match rule.policy {
        CompletionPolicy::N => i64::try_from(pool.len()).map_err(Error::internal)?,
        CompletionPolicy::Weight => pool.iter().sum(),
        CompletionPolicy::All | CompletionPolicy::Any | CompletionPolicy::Percent => return Ok(()),
    };
    if rule.threshold.is_some_and(|threshold| i64::from(threshold) > reachable) {
        let message =
            Message::new("threshold-above-pool").with("code", group.code.as_str()).with("max", reachable);
        return Err(Error::validation(field("threshold"), message));
    }
    Ok(())
}

/// The live groups of the steps. Nobody can change, empty or delete them until the transaction ends.
fn locked_groups(unit: &mut UnitOfWork<'_>, asked: &[TaskFlowStepInput]) -> Result<HashMap<Uuid, TaskGroup>> {
    let ids: BTreeSet<Uuid> = asked.iter().map(|step| step.task_group_id).collect();
    let live = shared(unit, &ids)?.into_iter().filter(|group| !group.is_deleted);
    Ok(live.map(|group| (group.id, group)).collect())
}

fn no_group(field: &str) -> Error {
    Error::not_found(field, Message::new("no-task-group"))
}
