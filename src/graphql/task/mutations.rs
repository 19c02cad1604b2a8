//! Changing tasks and deciding on them.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object};

use crate::domain::task::TaskStatus;
use crate::error::{Error, Result};
use crate::graphql::protocol::declaration::{Asked, asks_for};
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::protocol::scalars::{JsonString, Moment, UuidOrGlobalId};
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

/// The statuses to which `updateTask` can set a task.
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
    /// The task to be created.
    pub struct CreateTaskMutationInput as input => CreateTask {
        /// The service that asks for the task. A group or flow bound to this source gets the task at once.
        source: Option<String>,
        /// The kind of entity that the task is about, `app_label.model`.
        entity_type: Option<String>,
        /// The key of the entity. Only one open task is allowed for each entity.
        entity_id: Option<String>,
        /// The entity's display text, if the host does not know its kind.
        entity_string: Option<String>,
        /// The executor action handler that carries the task out; absent: `default`.
        executor_action_event: Option<String>,
        /// The operation to be done once the task is decided, as `Service.operation`.
        business_event: Option<String>,
        /// A JSON object without votes.
        business_status: Option<JsonString>,
        /// The proposal itself.
        data: Option<JsonString>,
        /// A JSON object.
        json_ext: Option<JsonString>,
        /// The serializer through which `businessData` shows `data`.
        business_data_serializer: Option<String>,
        /// The group that decides; for privileged people.
        task_group_id: Option<UuidOrGlobalId>,
        /// The flow through which the task goes; for privileged people.
        flow_id: Option<UuidOrGlobalId>,
        /// How urgent the task is, from 0 to 100; absent: 50.
        priority: Option<i32>,
        /// When the task is due; for triage and for people who may assign tasks. Absent: within the lead time of its group or
        /// steps.
        due_date: Option<Moment>,
        /// When to look at the task again; for triage and for people who may assign tasks.
        follow_up_date: Option<Moment>,
    }
}

asks_for! {
    /// The changes of a task. Absent fields stay as they are.
    pub struct UpdateTaskMutationInput as input => UpdateTask {
        id: UuidOrGlobalId,
        status: Option<TaskStatusEnum>,
        /// The group that is to decide; for privileged people. Ignored if `flowId` is given.
        task_group_id: Option<UuidOrGlobalId>,
        /// The flow through which the task is to go; for privileged people, and only while no vote on the task counts.
        flow_id: Option<UuidOrGlobalId>,
        /// Whether to take the task out of its flow; for privileged people, and only while no vote on the task counts. A
        /// group may be given too.
        detach_flow: Option<bool> = input.detach_flow.unwrap_or(false),
        /// The new proposal; for the maker and for privileged people. Votes on the earlier proposal no longer count.
        data: Option<JsonString>,
        /// The reason, which history keeps. Required to make the task FAILED, if the settings want a reason.
        comment: Option<String>,
        /// How urgent the task is, from 0 to 100; for privileged people.
        priority: Option<i32>,
        /// When the task is due; for triage and for people who may assign tasks. Null takes the date away.
        due_date: MaybeUndefined<Moment>,
        /// When to look at the task again; for triage and for people who may assign tasks. Null takes the date away.
        follow_up_date: MaybeUndefined<Moment>,
    }
}

/// The tasks to be deleted.
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
        /// A JSON object whose only key is the caller's user id; the value is the vote.
        business_status: JsonString,
        /// Further data, kept in `jsonExt.additional_resolve_data` under the caller's user id.
        additional_data: Option<JsonString>,
        /// The reason, kept with the vote.
        comment: Option<String>,
        /// The step for which the vote is, if several are asked at the same time; absent: all in which the caller is an
        /// executor.
        step_id: Option<UuidOrGlobalId>,
    }
}

/// The task to be carried out.
#[derive(InputObject, Debug, Clone)]
pub struct ExecuteTaskMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    id: UuidOrGlobalId,
}

/// The task whose votes are to be weighed again.
#[derive(InputObject, Debug, Clone)]
pub struct ReEvaluateTaskMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    id: UuidOrGlobalId,
}

/// The tasks whose votes are to be weighed again: those with these ids, or those that are held for this reason.
#[derive(InputObject, Debug, Clone)]
pub struct ReEvaluateTasksMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Option<Vec<UuidOrGlobalId>>,
    /// The tasks that `task(heldReason:)` lists, at most as many as a list of an input may have. Those that the caller may
    /// not decide are left out.
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

    /// Deletes these tasks, which must not be decided yet: all of them, or none.
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

    /// Weighs the votes on a task again, without a new vote, because the pool may have changed since. For privileged people.
    async fn re_evaluate_task(
        &self,
        ctx: &Context<'_>,
        input: ReEvaluateTaskMutationInput,
    ) -> Result<Option<Payload<ReEvaluateTaskPayload>>> {
        let id = input.id.0;
        journaled(ctx, "reEvaluateTask", &input.meta, move |unit| resolution::re_evaluate(unit, id).map(drop))
            .await
    }

    /// Weighs the votes on several tasks again: of all of them, or of none. For privileged people.
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
