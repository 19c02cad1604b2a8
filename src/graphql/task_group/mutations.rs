//! Changing task groups.

use async_graphql::{Context, Enum, InputObject, Object};

use super::super::payload::{MutationMeta, Payload, journaled, payloads};
use super::super::scalars::UuidOrGlobalId;
use crate::error::Result;
use crate::service::task_group::{self, TaskGroupInput};

payloads! {
    CreateTaskGroupPayload => "CreateTaskGroupMutationPayload",
    UpdateTaskGroupPayload => "UpdateTaskGroupMutationPayload",
    DeleteTaskGroupPayload => "DeleteTaskGroupMutationPayload",
}

/// How many executors must approve.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::task_group::CompletionPolicy")]
pub enum TaskGroupCompletionPolicyEnum {
    /// Every live executor.
    All,
    /// One.
    Any,
    /// As many as the threshold says.
    N,
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
        let new = TaskGroupInput {
            code: input.code,
            completion_policy: input.completion_policy.into(),
            threshold: input.threshold,
            user_ids: keys(input.user_ids),
            task_sources: input.task_sources.map(|sources| sources.into_iter().flatten().collect()),
        };
        journaled(ctx, "createTaskGroup", &input.meta, move |unit| task_group::create(unit, &new).map(drop))
            .await
    }

    /// Changes a group and who sits in it.
    async fn update_task_group(
        &self,
        ctx: &Context<'_>,
        input: UpdateTaskGroupMutationInput,
    ) -> Result<Option<Payload<UpdateTaskGroupPayload>>> {
        let id = input.id.0;
        let changes = TaskGroupInput {
            code: input.code,
            completion_policy: input.completion_policy.into(),
            threshold: input.threshold,
            user_ids: keys(input.user_ids),
            task_sources: input.task_sources.map(|sources| sources.into_iter().flatten().collect()),
        };
        journaled(ctx, "updateTaskGroup", &input.meta, move |unit| {
            task_group::update(unit, id, &changes).map(drop)
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

fn keys(ids: Option<Vec<Option<UuidOrGlobalId>>>) -> Option<Vec<uuid::Uuid>> {
    ids.map(|ids| ids.into_iter().flatten().map(|id| id.0).collect())
}
