//! Changing tasks and deciding on them.

use async_graphql::{Context, Enum, InputObject, Object};

use crate::domain::task::TaskStatus;
use crate::error::{Error, Result};
use crate::graphql::protocol::declaration::{Asked, asks_for};
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::protocol::scalars::{JsonString, UuidOrGlobalId};
use crate::graphql::task::progress::TaskHeldReason;
use crate::message::Message;
use crate::service::resolution::{self, ReEvaluate, ResolveTask};
use crate::service::task::{self, CreateTask, UpdateTask};

payloads! {
    CreateTaskPayload => "CreateTaskMutationPayload",
    UpdateTaskPayload => "UpdateTaskMutationPayload",
    DeleteTaskPayload => "DeleteTaskMutationPayload",
    ResolveTaskPayload => "ResolveTaskMutationPayload",
    ExecuteTaskPayload => "ExecuteTaskMutationPayload",
    ReEvaluateTasksPayload => "ReEvaluateTasksMutationPayload",
    ReEvaluateTaskPayload => "ReEvaluateTaskMutationPayload",
}

/// What `updateTask` can make of a task.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskStatusEnum {
    /// Approved; for privileged people.
    Completed,
    /// Rejected; for privileged people.
    Failed,
    /// A group decides on it.
    Accepted,
}

impl Asked<Option<TaskStatus>> for Option<TaskStatusEnum> {
    fn asked(&self, _: &str) -> Result<Option<TaskStatus>> {
        Ok(self.map(|status| match status {
            TaskStatusEnum::Completed => TaskStatus::Completed,
            TaskStatusEnum::Failed => TaskStatus::Failed,
            TaskStatusEnum::Accepted => TaskStatus::Accepted,
        }))
    }
}

asks_for! {
    /// A task to be created.
    pub struct CreateTaskMutationInput as input => CreateTask {
        /// The service that asks for it; a group bound to it gets the task at once.
        source: Option<String>,
        /// The kind of thing it is about, `app_label.model`.
        entity_type: Option<String>,
        /// The key of that thing; one open task is allowed for each.
        entity_id: Option<String>,
        /// Its display text, where the server has no provider for its kind.
        entity_string: Option<String>,
        /// Which executor action handler carries it out; `default` when absent.
        executor_action_event: Option<String>,
        /// What is to be done once decided, as `Service.operation`.
        business_event: Option<String>,
        /// An object; it holds nobody's vote.
        business_status: Option<JsonString>,
        /// The proposal itself.
        data: Option<JsonString>,
        /// An object.
        json_ext: Option<JsonString>,
        /// The serializer through which `businessData` shows `data`.
        business_data_serializer: Option<String>,
        /// The group that decides; for privileged people.
        task_group_id: Option<UuidOrGlobalId>,
        /// The flow through which it goes; for privileged people.
        flow_id: Option<UuidOrGlobalId>,
        /// How urgent it is, from 0 to 100; 50 when absent.
        priority: Option<i32>,
    }
}

asks_for! {
    /// What is to be changed of a task; what is absent stays.
    pub struct UpdateTaskMutationInput as input => UpdateTask {
        id: UuidOrGlobalId,
        status: Option<TaskStatusEnum>,
        /// The group that is to decide; for privileged people. It is ignored beside `flowId`.
        task_group_id: Option<UuidOrGlobalId>,
        /// The flow through which it is to go; for privileged people, and only while no vote on it counts.
        flow_id: Option<UuidOrGlobalId>,
        /// Takes it out of its flow; for privileged people, and only while no vote on it counts. A group may be named with it.
        detach_flow: Option<bool> = input.detach_flow.unwrap_or(false),
        /// What is proposed now; for the maker and for privileged people. Votes on what was proposed before count no more.
        data: Option<JsonString>,
        /// Why; kept in the history. Needed to make it FAILED, where the settings want a reason.
        comment: Option<String>,
        /// How urgent it is, from 0 to 100; for privileged people.
        priority: Option<i32>,
    }
}

/// Tasks to be deleted.
#[derive(InputObject, Debug, Clone)]
pub struct DeleteTaskMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Option<Vec<Option<UuidOrGlobalId>>>,
}

asks_for! {
    /// A vote.
    pub struct ResolveTaskMutationInput as input => ResolveTask {
        id: UuidOrGlobalId,
        /// An object whose only key is the caller's user id; the value is the vote.
        business_status: JsonString,
        /// Kept in `jsonExt.additional_resolve_data` under the caller's user id.
        additional_data: Option<JsonString>,
        /// Why; kept with the vote.
        comment: Option<String>,
        /// The step that is meant, where several are asked at the same time; absent: all at which the caller sits.
        step_id: Option<UuidOrGlobalId>,
    }
}

/// A task to be carried out.
#[derive(InputObject, Debug, Clone)]
pub struct ExecuteTaskMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    id: UuidOrGlobalId,
}

/// A task whose votes are to be weighed again.
#[derive(InputObject, Debug, Clone)]
pub struct ReEvaluateTaskMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    id: UuidOrGlobalId,
}

/// Tasks whose votes are to be weighed again: these, or those that are held for a reason.
#[derive(InputObject, Debug, Clone)]
pub struct ReEvaluateTasksMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Option<Vec<UuidOrGlobalId>>,
    /// As `task(heldReason:)` lists them, as many as an input's list may have; but for those that the caller may not decide.
    held_reason: Option<TaskHeldReason>,
}

/// Changing tasks and deciding on them.
#[derive(Default)]
pub struct TaskMutations;

#[Object]
impl TaskMutations {
    /// Creates a task.
    async fn create_task(
        &self,
        ctx: &Context<'_>,
        input: CreateTaskMutationInput,
    ) -> Result<Option<Payload<CreateTaskPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "createTask", &meta, move |unit| task::create(unit, &input.read()?).map(drop)).await
    }

    /// Assigns a task to a group or flow, accepts it, changes what it proposes, or closes it.
    async fn update_task(
        &self,
        ctx: &Context<'_>,
        input: UpdateTaskMutationInput,
    ) -> Result<Option<Payload<UpdateTaskPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "updateTask", &meta, move |unit| task::update(unit, &input.read()?).map(drop)).await
    }

    /// Deletes tasks that are not decided yet: all of them, or none.
    async fn delete_task(
        &self,
        ctx: &Context<'_>,
        input: DeleteTaskMutationInput,
    ) -> Result<Option<Payload<DeleteTaskPayload>>> {
        let ids: Vec<_> = input.ids.into_iter().flatten().flatten().map(|id| id.0).collect();
        journaled(ctx, "deleteTask", &input.meta, move |unit| task::delete(unit, &ids)).await
    }

    /// Casts the caller's vote on a task.
    async fn resolve_task(
        &self,
        ctx: &Context<'_>,
        input: ResolveTaskMutationInput,
    ) -> Result<Option<Payload<ResolveTaskPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "resolveTask", &meta, move |unit| resolution::resolve(unit, &input.read()?).map(drop))
            .await
    }

    /// Weighs the votes on a task again, without a new one: a pool may have been filled since. For privileged people.
    async fn re_evaluate_task(
        &self,
        ctx: &Context<'_>,
        input: ReEvaluateTaskMutationInput,
    ) -> Result<Option<Payload<ReEvaluateTaskPayload>>> {
        let id = input.id.0;
        journaled(ctx, "reEvaluateTask", &input.meta, move |unit| resolution::re_evaluate(unit, id).map(drop))
            .await
    }

    /// Weighs the votes on several tasks again: on all of them, or on none. For privileged people.
    async fn re_evaluate_tasks(
        &self,
        ctx: &Context<'_>,
        input: ReEvaluateTasksMutationInput,
    ) -> Result<Option<Payload<ReEvaluateTasksPayload>>> {
        let which = match (input.ids, input.held_reason) {
            (Some(ids), None) => ReEvaluate::Ids(ids.into_iter().map(|id| id.0).collect()),
            (None, Some(reason)) => ReEvaluate::HeldFor(reason.into()),
            _ => return Err(Error::validation("ids", Message::new("re-evaluate-which"))),
        };
        journaled(ctx, "reEvaluateTasks", &input.meta, move |unit| {
            resolution::re_evaluate_many(unit, &which).map(drop)
        })
        .await
    }

    /// Carries a task out by the handler that the host registered for its `executorActionEvent`.
    async fn execute_task(
        &self,
        ctx: &Context<'_>,
        input: ExecuteTaskMutationInput,
    ) -> Result<Option<Payload<ExecuteTaskPayload>>> {
        let id = input.id.0;
        journaled(ctx, "executeTask", &input.meta, move |unit| task::execute(unit, id).map(drop)).await
    }
}
