//! Changing task groups.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object};

use crate::domain::completion_policy::CompletionPolicy;
use crate::error::Result;
use crate::graphql::completion_policy::{TaskPolicyInput, beside};
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::protocol::scalars::UuidOrGlobalId;
use crate::service::task_group::{self, TaskGroupInput};

payloads! {
    CreateTaskGroupPayload => "CreateTaskGroupMutationPayload",
    UpdateTaskGroupPayload => "UpdateTaskGroupMutationPayload",
    DeleteTaskGroupPayload => "DeleteTaskGroupMutationPayload",
}

/// How many executors must approve.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskGroupCompletionPolicyEnum {
    /// Every live executor.
    All,
    /// One.
    Any,
    /// As many as the threshold says.
    N,
}

impl From<TaskGroupCompletionPolicyEnum> for CompletionPolicy {
    fn from(policy: TaskGroupCompletionPolicyEnum) -> Self {
        match policy {
            TaskGroupCompletionPolicyEnum::All => Self::All,
            TaskGroupCompletionPolicyEnum::Any => Self::Any,
            TaskGroupCompletionPolicyEnum::N => Self::N,
        }
    }
}

/// What the approval of an executor counts under the policy WEIGHT.
#[derive(InputObject, Debug, Clone)]
pub struct TaskExecutorWeightInput {
    /// Who sits in the group.
    user_id: UuidOrGlobalId,
    /// 1 to 1 000 000.
    weight: i32,
}

/// A group to be created.
#[derive(InputObject, Debug, Clone)]
pub struct CreateTaskGroupMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// Unique among live groups; not blank, no white space at its ends.
    code: String,
    completion_policy: TaskGroupCompletionPolicyEnum,
    /// How many must approve under policy N; refused with other policies.
    threshold: Option<i32>,
    /// How many must approve, where more is to be said than the two fields above can; `completionPolicy` is N then for
    /// all that counts.
    policy: Option<TaskPolicyInput>,
    /// Whether the maker of a task may not decide it; null: as the settings say.
    forbid_maker: MaybeUndefined<bool>,
    /// Whether who decided another step of a task may not decide this one; null: as the settings say.
    distinct_deciders: MaybeUndefined<bool>,
    /// What the approvals of these executors count under the policy WEIGHT; others count 1, or what they did before.
    weights: Option<Vec<TaskExecutorWeightInput>>,
    /// Who sits in it.
    user_ids: Option<Vec<Option<UuidOrGlobalId>>>,
    /// The sources whose new tasks come to it.
    task_sources: Option<Vec<Option<String>>>,
}

/// What a group is to be.
#[derive(InputObject, Debug, Clone)]
pub struct UpdateTaskGroupMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// Unique among live groups; not blank, no white space at its ends.
    code: String,
    completion_policy: TaskGroupCompletionPolicyEnum,
    /// How many must approve under policy N; refused with other policies, unchanged when absent.
    threshold: Option<i32>,
    /// How many must approve, where more is to be said than the two fields above can; `completionPolicy` is N then for
    /// all that counts.
    policy: Option<TaskPolicyInput>,
    /// Whether the maker of a task may not decide it; null: as the settings say.
    forbid_maker: MaybeUndefined<bool>,
    /// Whether who decided another step of a task may not decide this one; null: as the settings say.
    distinct_deciders: MaybeUndefined<bool>,
    /// What the approvals of these executors count under the policy WEIGHT; others count 1, or what they did before.
    weights: Option<Vec<TaskExecutorWeightInput>>,
    /// Who sits in it; unchanged when absent.
    user_ids: Option<Vec<Option<UuidOrGlobalId>>>,
    /// The sources whose new tasks come to it; unchanged when absent.
    task_sources: Option<Vec<Option<String>>>,
    id: UuidOrGlobalId,
}

/// Groups to be deleted.
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
            let input = input.clone();
            let new = TaskGroupInput {
                policy: beside(input.completion_policy.into(), input.policy)?,
                forbid_maker: stated(input.forbid_maker),
                distinct_deciders: stated(input.distinct_deciders),
                weights: weights(input.weights),
                code: input.code,
                completion_policy: input.completion_policy.into(),
                threshold: input.threshold,
                user_ids: keys(input.user_ids),
                task_sources: input.task_sources.map(|sources| sources.into_iter().flatten().collect()),
            };
            task_group::create(unit, &new).map(drop)
        })
        .await
    }

    /// Changes a group and who sits in it.
    async fn update_task_group(
        &self,
        ctx: &Context<'_>,
        input: UpdateTaskGroupMutationInput,
    ) -> Result<Option<Payload<UpdateTaskGroupPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "updateTaskGroup", &meta, move |unit| {
            let input = input.clone();
            let changes = TaskGroupInput {
                policy: beside(input.completion_policy.into(), input.policy)?,
                forbid_maker: stated(input.forbid_maker),
                distinct_deciders: stated(input.distinct_deciders),
                weights: weights(input.weights),
                code: input.code,
                completion_policy: input.completion_policy.into(),
                threshold: input.threshold,
                user_ids: keys(input.user_ids),
                task_sources: input.task_sources.map(|sources| sources.into_iter().flatten().collect()),
            };
            task_group::update(unit, input.id.0, &changes).map(drop)
        })
        .await
    }

    /// Deletes groups with their executors: all of them, or none.
    async fn delete_task_group(
        &self,
        ctx: &Context<'_>,
        input: DeleteTaskGroupMutationInput,
    ) -> Result<Option<Payload<DeleteTaskGroupPayload>>> {
        let ids = keys(input.ids).unwrap_or_default();
        journaled(ctx, "deleteTaskGroup", &input.meta, move |unit| task_group::delete(unit, &ids)).await
    }
}

#[expect(clippy::option_option, reason = "absent, null and a truth value are three things")]
fn stated(value: MaybeUndefined<bool>) -> Option<Option<bool>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

fn weights(weights: Option<Vec<TaskExecutorWeightInput>>) -> Vec<(uuid::Uuid, i32)> {
    weights.into_iter().flatten().map(|executor| (executor.user_id.0, executor.weight)).collect()
}

fn keys(ids: Option<Vec<Option<UuidOrGlobalId>>>) -> Option<Vec<uuid::Uuid>> {
    ids.map(|ids| ids.into_iter().flatten().map(|id| id.0).collect())
}
