//! Changing flows.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};

use crate::domain::completion_policy::{CompletionPolicy, PolicyRule};
use crate::error::Result;
use crate::graphql::completion_policy::{TaskGroupCompletionPolicyEnum, TaskPolicyInput, beside};
use crate::graphql::escalation::{TaskEscalationInput, rules};
use crate::graphql::protocol::declaration::asked;
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::protocol::scalars::UuidOrGlobalId;
use crate::graphql::task_source::{TaskSourceFunctionInput, functions};
use crate::service::task_flow::{self, CreateTaskFlow, ReplaceTaskFlow, UpdateTaskFlow};

payloads! {
    CreateTaskFlowPayload => "CreateTaskFlowMutationPayload",
    UpdateTaskFlowPayload => "UpdateTaskFlowMutationPayload",
    ReplaceTaskFlowPayload => "ReplaceTaskFlowMutationPayload",
    DeleteTaskFlowPayload => "DeleteTaskFlowMutationPayload",
}

/// A step of a flow.
#[derive(InputObject, Debug, Clone)]
pub struct TaskFlowStepInput {
    /// The group that is asked. A group can be in only one step of a flow.
    task_group_id: UuidOrGlobalId,
    /// The step's position, from 1; steps with one order are asked at the same time. Absent: after the step before it.
    order: Option<i32>,
    /// How approvals are counted; absent: as in the group.
    completion_policy: Option<TaskGroupCompletionPolicyEnum>,
    /// How many must approve; absent: as many as the group needs. At most the number of the group's executors.
    threshold: Option<i32>,
    /// The same, for policies that the two fields above can't express.
    policy: Option<TaskPolicyInput>,
    /// Whether the maker of a task is barred from deciding this step; absent: as in the group.
    forbid_maker: Option<bool>,
    /// Whether people who decided another step are barred from deciding this one; absent: as in the group.
    distinct_deciders: Option<bool>,
    /// Within how many seconds the step is to pass, if nobody has said when the task is due, from 1 to 315360000; absent: as in
    /// the group.
    lead_time_seconds: Option<i32>,
    /// What happens to tasks that wait too long at the step, at most ten rules; absent: as in the group.
    escalations: Option<Vec<TaskEscalationInput>>,
}

/// The flow to be created.
#[derive(InputObject, Debug, Clone)]
pub struct CreateTaskFlowMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// Required. Unique among live flows; not blank, without white space at its ends.
    code: Option<String>,
    /// The flow's name for people.
    name: Option<String>,
    /// The sources whose new tasks go to the flow.
    task_sources: Option<Vec<Option<String>>>,
    /// The name of the function that runs when a task in the flow is COMPLETED or FAILED. Who gives one must be allowed to have it
    /// run.
    on_completed: Option<String>,
    /// The functions that run instead for tasks of single sources, each of which must be bound to the flow.
    source_functions: Option<Vec<TaskSourceFunctionInput>>,
    /// The steps, at least one.
    steps: Vec<Option<TaskFlowStepInput>>,
}

/// The fields of a flow as they are to be. Absent fields stay as they are.
#[derive(InputObject, Debug, Clone)]
pub struct TaskFlowWish {
    /// The version that new tasks get.
    id: UuidOrGlobalId,
    /// Unique among live flows; not blank, without white space at its ends. `updateTaskFlow` accepts only the present code.
    code: Option<String>,
    /// The flow's name for people; an empty text clears it.
    name: Option<String>,
    /// The sources whose new tasks go to the flow, and no others.
    task_sources: Option<Vec<Option<String>>>,
    /// The name of the function that runs when a task in the flow is COMPLETED or FAILED; null: there is none. Tasks under way in an
    /// older version keep that one's.
    on_completed: MaybeUndefined<String>,
    /// The functions that run instead for tasks of single sources, each of which must be bound to the flow.
    source_functions: Option<Vec<TaskSourceFunctionInput>>,
    /// The steps, at least one. `updateTaskFlow` accepts only the present steps.
    steps: Option<Vec<Option<TaskFlowStepInput>>>,
}

/// The changes of a flow. Another code or other steps are refused: `replaceTaskFlow` makes a new version with them.
#[derive(InputObject, Debug, Clone)]
pub struct UpdateTaskFlowMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    #[graphql(flatten)]
    flow: TaskFlowWish,
}

/// The new version of a flow.
#[derive(InputObject, Debug, Clone)]
pub struct ReplaceTaskFlowMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    #[graphql(flatten)]
    flow: TaskFlowWish,
}

/// The flows to be retired, with all their versions.
#[derive(InputObject, Debug, Clone)]
pub struct DeleteTaskFlowMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Option<Vec<Option<UuidOrGlobalId>>>,
}

/// Changing flows.
#[derive(Default)]
pub struct TaskFlowMutations;

#[Object]
impl TaskFlowMutations {
    /// Creates an approval flow.
    async fn create_task_flow(
        &self,
        ctx: &Context<'_>,
        input: CreateTaskFlowMutationInput,
    ) -> Result<Option<Payload<CreateTaskFlowPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "createTaskFlow", &meta, move |unit| {
            let input = input.clone();
            let new = CreateTaskFlow {
                code: input.code.unwrap_or_default(),
                name: input.name,
                task_sources: texts(input.task_sources).unwrap_or_default(),
                on_completed: input.on_completed,
                source_functions: functions(input.source_functions).unwrap_or_default(),
                steps: steps(input.steps)?,
            };
            task_flow::create(unit, &new).map(drop)
        })
        .await
    }

    /// Changes the name and the sources of a flow.
    async fn update_task_flow(
        &self,
        ctx: &Context<'_>,
        input: UpdateTaskFlowMutationInput,
    ) -> Result<Option<Payload<UpdateTaskFlowPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "updateTaskFlow", &meta, move |unit| {
            let TaskFlowWish { id, code, name, task_sources, on_completed, source_functions, steps } =
                input.flow.clone();
            let on_completed = asked(&on_completed, "on_completed")?;
            let steps = steps.map(self::steps).transpose()?;
            let changes = UpdateTaskFlow {
                id: id.0,
                code,
                name,
                task_sources: texts(task_sources),
                on_completed,
                source_functions: functions(source_functions),
                steps,
            };
            task_flow::update(unit, &changes).map(drop)
        })
        .await
    }

    /// Supersedes a flow by a new version; tasks under way keep theirs.
    async fn replace_task_flow(
        &self,
        ctx: &Context<'_>,
        input: ReplaceTaskFlowMutationInput,
    ) -> Result<Option<Payload<ReplaceTaskFlowPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "replaceTaskFlow", &meta, move |unit| {
            let TaskFlowWish { id, code, name, task_sources, on_completed, source_functions, steps } =
                input.flow.clone();
            let on_completed = asked(&on_completed, "on_completed")?;
            let steps = steps.map(self::steps).transpose()?;
            let new = ReplaceTaskFlow {
                id: id.0,
                code,
                name,
                task_sources: texts(task_sources),
                on_completed,
                source_functions: functions(source_functions),
                steps,
            };
            task_flow::replace(unit, &new).map(drop)
        })
        .await
    }

    /// Retires these flows with all their versions: all of them, or none. Refused while a task is in one of them.
    async fn delete_task_flow(
        &self,
        ctx: &Context<'_>,
        input: DeleteTaskFlowMutationInput,
    ) -> Result<Option<Payload<DeleteTaskFlowPayload>>> {
        let ids: Vec<_> = input.ids.into_iter().flatten().flatten().map(|id| id.0).collect();
        journaled(ctx, "deleteTaskFlow", &input.meta, move |unit| task_flow::delete(unit, &ids)).await
    }
}

fn texts(list: Option<Vec<Option<String>>>) -> Option<Vec<String>> {
    list.map(|list| list.into_iter().flatten().collect())
}

fn steps(asked: Vec<Option<TaskFlowStepInput>>) -> Result<Vec<task_flow::TaskFlowStepInput>> {
    asked
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, step)| {
            let given = step.completion_policy.map(CompletionPolicy::from);
            let known = given
                .or_else(|| step.policy.map(|policy| PolicyRule::from(policy).policy.as_known_to_clients()));
            let policy = match known {
                Some(known) => beside(known, step.policy)
                    .map_err(|error| error.of_field(format!("steps[{index}].policy")))?,
                None => None,
            };
            Ok(task_flow::TaskFlowStepInput {
                task_group_id: step.task_group_id.0,
                order: step.order,
                completion_policy: given,
                threshold: step.threshold,
                policy,
                forbid_maker: step.forbid_maker,
                distinct_deciders: step.distinct_deciders,
                lead_time_seconds: step.lead_time_seconds,
                escalations: rules(step.escalations),
            })
        })
        .collect()
}
