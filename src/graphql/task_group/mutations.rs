//! Changing task groups.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};

use crate::error::Result;
use crate::graphql::completion_policy::{TaskGroupCompletionPolicyEnum, TaskPolicyInput, beside};
use crate::graphql::escalation::{TaskEscalationInput, rules};
use crate::graphql::protocol::declaration::asked;
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::protocol::scalars::UuidOrGlobalId;
use crate::graphql::task_claim::types::TaskClaimMode;
use crate::graphql::task_source::{TaskSourceFunctionInput, functions};
use crate::service::task_group::{self, TaskGroupInput};

payloads! {
    CreateTaskGroupPayload => "CreateTaskGroupMutationPayload",
    UpdateTaskGroupPayload => "UpdateTaskGroupMutationPayload",
    DeleteTaskGroupPayload => "DeleteTaskGroupMutationPayload",
}

/// How much the approval of an executor counts under the policy WEIGHT.
#[derive(InputObject, Debug, Clone)]
pub struct TaskExecutorWeightInput {
    /// The executor's user.
    user_id: UuidOrGlobalId,
    /// How much an approval counts, from 1 to 1 000 000.
    weight: i32,
}

/// The fields of a group as they are to be.
#[derive(InputObject, Debug, Clone)]
pub struct TaskGroupWish {
    /// Unique among live groups; not blank, without white space at its ends.
    code: String,
    completion_policy: TaskGroupCompletionPolicyEnum,
    /// How many must approve under the policy N; refused with other policies, unchanged if absent.
    threshold: Option<i32>,
    /// How many must approve, for policies that the two fields above can't express; `completionPolicy` is N for all of these
    /// that count.
    policy: Option<TaskPolicyInput>,
    /// Whether the maker of a task is barred from deciding it; null: as in the settings.
    forbid_maker: MaybeUndefined<bool>,
    /// Whether people who decided another step of a task are barred from deciding this group's step; null: as in the
    /// settings.
    distinct_deciders: MaybeUndefined<bool>,
    /// Within how many seconds the group is to decide on a task for which nobody has said when it is due, from 1 to 315360000.
    /// Unchanged if absent; null: it has no lead time.
    lead_time_seconds: MaybeUndefined<i32>,
    /// What happens to tasks that wait too long, at most ten rules; unchanged if absent.
    escalations: Option<Vec<TaskEscalationInput>>,
    /// What claims mean in the group; unchanged if absent. `EXCLUSIVE` is for the policies ANY and N with the threshold 1; a change
    /// of the policy makes it `MARK`.
    claim_mode: Option<TaskClaimMode>,
    /// How many seconds a claim lasts, from 60 to 86400; unchanged if absent, 3600 in a new group.
    claim_seconds: Option<i32>,
    /// The name of the function that runs when a task that the group decides is COMPLETED or FAILED, unless the task's flow names
    /// one. Unchanged if absent; null: there is none. Who gives one must be allowed to have it run.
    on_completed: MaybeUndefined<String>,
    /// The functions that run instead for tasks of single sources, each of which must be bound to the group; unchanged if absent.
    source_functions: Option<Vec<TaskSourceFunctionInput>>,
    /// How much the approvals of these executors count under the policy WEIGHT. Others count as much as before, or 1 if they
    /// are new.
    weights: Option<Vec<TaskExecutorWeightInput>>,
    /// The users who are the group's executors; unchanged if absent.
    user_ids: Option<Vec<Option<UuidOrGlobalId>>>,
    /// The sources whose new tasks go to the group; unchanged if absent.
    task_sources: Option<Vec<Option<String>>>,
}

impl TaskGroupWish {
    fn read(self) -> Result<TaskGroupInput> {
        Ok(TaskGroupInput {
            policy: beside(self.completion_policy.into(), self.policy)?,
            forbid_maker: asked(&self.forbid_maker, "forbid_maker")?,
            distinct_deciders: asked(&self.distinct_deciders, "distinct_deciders")?,
            lead_time_seconds: asked(&self.lead_time_seconds, "lead_time_seconds")?,
            escalations: rules(self.escalations),
            claim_mode: self.claim_mode.map(Into::into),
            claim_seconds: self.claim_seconds,
            on_completed: asked(&self.on_completed, "on_completed")?,
            source_functions: functions(self.source_functions),
            weights: weights(self.weights),
            code: self.code,
            completion_policy: self.completion_policy.into(),
            threshold: self.threshold,
            user_ids: keys(self.user_ids),
            task_sources: self.task_sources.map(|sources| sources.into_iter().flatten().collect()),
        })
    }
}

/// The group to be created.
#[derive(InputObject, Debug, Clone)]
pub struct CreateTaskGroupMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    #[graphql(flatten)]
    group: TaskGroupWish,
}

/// The fields of a group as they are to be.
#[derive(InputObject, Debug, Clone)]
pub struct UpdateTaskGroupMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    #[graphql(flatten)]
    group: TaskGroupWish,
    id: UuidOrGlobalId,
}

/// The groups to be deleted.
#[derive(InputObject, Debug, Clone)]
pub struct DeleteTaskGroupMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Option<Vec<Option<UuidOrGlobalId>>>,
}

/// Changing task groups.
#[derive(Default)]
pub struct TaskGroupMutations;

#[Object]
impl TaskGroupMutations {
    /// Creates a group with its executors.
    async fn create_task_group(
        &self,
        ctx: &Context<'_>,
        input: CreateTaskGroupMutationInput,
    ) -> Result<Option<Payload<CreateTaskGroupPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "createTaskGroup", &meta, move |unit| {
            task_group::create(unit, &input.group.clone().read()?).map(drop)
        })
        .await
    }

    /// Changes a group and its executors.
    async fn update_task_group(
        &self,
        ctx: &Context<'_>,
        input: UpdateTaskGroupMutationInput,
    ) -> Result<Option<Payload<UpdateTaskGroupPayload>>> {
        let meta = input.meta.clone();
        let id = input.id.0;
        journaled(ctx, "updateTaskGroup", &meta, move |unit| {
            task_group::update(unit, id, &input.group.clone().read()?).map(drop)
        })
        .await
    }

    /// Deletes these groups with their executors: all of them, or none.
    async fn delete_task_group(
        &self,
        ctx: &Context<'_>,
        input: DeleteTaskGroupMutationInput,
    ) -> Result<Option<Payload<DeleteTaskGroupPayload>>> {
        let ids = keys(input.ids).unwrap_or_default();
        journaled(ctx, "deleteTaskGroup", &input.meta, move |unit| task_group::delete(unit, &ids)).await
    }
}

fn weights(weights: Option<Vec<TaskExecutorWeightInput>>) -> Vec<(uuid::Uuid, i32)> {
    weights.into_iter().flatten().map(|executor| (executor.user_id.0, executor.weight)).collect()
}

fn keys(ids: Option<Vec<Option<UuidOrGlobalId>>>) -> Option<Vec<uuid::Uuid>> {
    ids.map(|ids| ids.into_iter().flatten().map(|id| id.0).collect())
}
