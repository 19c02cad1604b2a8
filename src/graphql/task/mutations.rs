//! Changing tasks and deciding on them.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object};

use crate::domain::bulk::BulkMode;
use crate::domain::task::TaskStatus;
use crate::error::{Error, Result};
use crate::graphql::protocol::bulk::{BulkPayload, TaskBulkMode, journaled_bulk};
use crate::graphql::protocol::declaration::{Asked, asked, asks_for};
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::protocol::scalars::{JsonString, Moment, UuidOrGlobalId};
use crate::graphql::task::progress::TaskHeldReason;
use crate::message::Message;
use crate::service::resolution::{self, ReEvaluate, ResolveTask, WithdrawTaskDecision};
use crate::service::task::{self, CreateTask, Seen, SeenTask, UpdateTask};

payloads! {
    CreateTaskPayload => "CreateTaskMutationPayload",
    UpdateTaskPayload => "UpdateTaskMutationPayload",
    DeleteTaskPayload => "DeleteTaskMutationPayload",
    ResolveTaskPayload => "ResolveTaskMutationPayload",
    ResolveTasksPayload => "ResolveTasksMutationPayload",
    WithdrawTaskDecisionPayload => "WithdrawTaskDecisionMutationPayload",
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

/// What the caller has seen of the task. If it has changed since, the mutation is refused as a CONFLICT.
#[derive(InputObject, Debug, Clone, Default)]
pub struct SeenInput {
    /// `dataHash` of the task as it was seen: it changes with `data`, and not with the votes of others.
    expected_data_hash: Option<String>,
    /// `version` of the task as it was seen. Every write changes it, also the votes of others.
    expected_version: Option<i32>,
}

impl SeenInput {
    fn of(&self, id: &UuidOrGlobalId) -> SeenTask {
        SeenTask { id: id.0, seen: self.into() }
    }
}

impl From<&SeenInput> for Seen {
    fn from(input: &SeenInput) -> Self {
        Self { data_hash: input.expected_data_hash.clone(), version: input.expected_version }
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
        /// Whether to take the task from its group and give it back to triage; for privileged people, and only while nobody
        /// has voted.
        detach_group: Option<bool> = input.detach_group.unwrap_or(false),
        /// The new proposal; for the maker and for privileged people. Votes on the earlier proposal no longer count.
        data: Option<JsonString>,
        /// The reason of the change, which history keeps: refused where nothing changes. Required to make the task FAILED, if the
        /// settings want a reason.
        comment: Option<String>,
        /// How urgent the task is, from 0 to 100; for privileged people.
        priority: Option<i32>,
        /// When the task is due; for triage and for people who may assign tasks. Null takes the date away.
        due_date: MaybeUndefined<Moment>,
        /// When to look at the task again; for triage and for people who may assign tasks. Null takes the date away.
        follow_up_date: MaybeUndefined<Moment>,
        #[graphql(flatten)]
        seen: SeenInput = Seen::from(&input.seen),
    }
}

/// The tasks to be deleted.
#[derive(InputObject, Debug, Clone)]
pub struct DeleteTaskMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Option<Vec<Option<UuidOrGlobalId>>>,
    /// Absent: all of them are deleted, or none.
    mode: Option<TaskBulkMode>,
    /// Can be given for one task.
    #[graphql(flatten)]
    seen: SeenInput,
}

/// A vote.
#[derive(InputObject, Debug, Clone)]
pub struct ResolveTaskMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    #[graphql(flatten)]
    vote: ResolveTaskItemInput,
}

asks_for! {
    /// A vote to be taken back.
    pub struct WithdrawTaskDecisionMutationInput as input => WithdrawTaskDecision {
        /// The task.
        id: UuidOrGlobalId,
        /// The step for which the vote was, if several are asked at the same time; absent: all of them.
        step_id: Option<UuidOrGlobalId>,
        /// The reason, which history keeps.
        comment: Option<String>,
        #[graphql(flatten)]
        seen: SeenInput = Seen::from(&input.seen),
    }
}

/// A vote among several.
#[derive(InputObject, Debug, Clone)]
pub struct ResolveTaskItemInput {
    id: UuidOrGlobalId,
    /// A JSON object whose only key is the caller's user id; the value is the vote.
    business_status: JsonString,
    /// Further data, kept in `jsonExt.additional_resolve_data` under the caller's user id.
    additional_data: Option<JsonString>,
    /// The reason, kept with the vote.
    comment: Option<String>,
    /// The step for which the vote is, if several are asked at the same time; absent: all in which the caller is an executor.
    step_id: Option<UuidOrGlobalId>,
    #[graphql(flatten)]
    seen: SeenInput,
}

impl ResolveTaskItemInput {
    fn read(&self) -> Result<ResolveTask> {
        Ok(ResolveTask {
            id: self.id.0,
            business_status: asked(&self.business_status, "business_status")?,
            additional_data: asked(&self.additional_data, "additional_data")?,
            comment: self.comment.clone(),
            step_id: self.step_id.as_ref().map(|id| id.0),
            seen: Seen::from(&self.seen),
        })
    }
}

/// Votes on several tasks.
#[derive(InputObject, Debug, Clone)]
pub struct ResolveTasksMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// A task may be named more than once, such as for two steps that are asked at the same time.
    items: Vec<ResolveTaskItemInput>,
    /// Absent: all votes are cast, or none.
    mode: Option<TaskBulkMode>,
}

/// The task to be carried out.
#[derive(InputObject, Debug, Clone)]
pub struct ExecuteTaskMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    id: UuidOrGlobalId,
    #[graphql(flatten)]
    seen: SeenInput,
}

/// The task whose votes are to be weighed again.
#[derive(InputObject, Debug, Clone)]
pub struct ReEvaluateTaskMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    id: UuidOrGlobalId,
    #[graphql(flatten)]
    seen: SeenInput,
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
    /// Absent: the votes on all of them are weighed, or on none.
    mode: Option<TaskBulkMode>,
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

    /// Deletes these tasks, which must not be decided yet.
    async fn delete_task(
        &self,
        ctx: &Context<'_>,
        input: DeleteTaskMutationInput,
    ) -> Result<Option<BulkPayload<DeleteTaskPayload>>> {
        let tasks: Vec<SeenTask> = input.ids.iter().flatten().flatten().map(|id| input.seen.of(id)).collect();
        let is_seen = Seen::from(&input.seen) != Seen::default();
        let are_several = tasks.windows(2).any(|pair| pair.first() != pair.last());
        let mode = input.mode.map(BulkMode::from).unwrap_or_default();
        journaled_bulk(ctx, "deleteTask", &input.meta, move |unit| {
            if is_seen && are_several {
                return Err(Error::validation("ids", Message::new("seen-of-one")));
            }
            task::delete(unit, &tasks, mode)
        })
        .await
    }

    /// Casts the caller's vote on a task.
    async fn resolve_task(
        &self,
        ctx: &Context<'_>,
        input: ResolveTaskMutationInput,
    ) -> Result<Option<Payload<ResolveTaskPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "resolveTask", &meta, move |unit| {
            resolution::resolve(unit, &input.vote.read()?).map(drop)
        })
        .await
    }

    /// Casts the caller's votes on several tasks.
    async fn resolve_tasks(
        &self,
        ctx: &Context<'_>,
        input: ResolveTasksMutationInput,
    ) -> Result<Option<BulkPayload<ResolveTasksPayload>>> {
        let meta = input.meta.clone();
        let mode = input.mode.map(BulkMode::from).unwrap_or_default();
        journaled_bulk(ctx, "resolveTasks", &meta, move |unit| {
            let items: Vec<ResolveTask> =
                input.items.iter().map(ResolveTaskItemInput::read).collect::<Result<_>>()?;
            resolution::resolve_many(unit, &items, mode)
        })
        .await
    }

    /// Takes back the caller's vote on a task while its pool is open. That decides nothing.
    async fn withdraw_task_decision(
        &self,
        ctx: &Context<'_>,
        input: WithdrawTaskDecisionMutationInput,
    ) -> Result<Option<Payload<WithdrawTaskDecisionPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "withdrawTaskDecision", &meta, move |unit| {
            resolution::withdraw(unit, &input.read()?).map(drop)
        })
        .await
    }

    /// Weighs the votes on a task again, without a new vote, because the pool may have changed since. For privileged people.
    async fn re_evaluate_task(
        &self,
        ctx: &Context<'_>,
        input: ReEvaluateTaskMutationInput,
    ) -> Result<Option<Payload<ReEvaluateTaskPayload>>> {
        let task = input.seen.of(&input.id);
        journaled(ctx, "reEvaluateTask", &input.meta, move |unit| {
            resolution::re_evaluate(unit, &task).map(drop)
        })
        .await
    }

    /// Weighs the votes on several tasks again. For privileged people.
    async fn re_evaluate_tasks(
        &self,
        ctx: &Context<'_>,
        input: ReEvaluateTasksMutationInput,
    ) -> Result<Option<BulkPayload<ReEvaluateTasksPayload>>> {
        let which = match (input.ids, input.held_reason) {
            (Some(ids), None) => ReEvaluate::Ids(ids.into_iter().map(|id| id.0).collect()),
            (None, Some(reason)) => ReEvaluate::HeldFor(reason.into()),
            _ => return Err(Error::validation("ids", Message::new("re-evaluate-which"))),
        };
        let mode = input.mode.map(BulkMode::from).unwrap_or_default();
        journaled_bulk(ctx, "reEvaluateTasks", &input.meta, move |unit| {
            resolution::re_evaluate_many(unit, &which, mode)
        })
        .await
    }

    /// Carries a task out by the handler that the host registered for its `executorActionEvent`.
    async fn execute_task(
        &self,
        ctx: &Context<'_>,
        input: ExecuteTaskMutationInput,
    ) -> Result<Option<Payload<ExecuteTaskPayload>>> {
        let task = input.seen.of(&input.id);
        journaled(ctx, "executeTask", &input.meta, move |unit| task::execute(unit, &task).map(drop)).await
    }
}
