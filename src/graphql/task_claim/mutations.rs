//! Saying who works on tasks.

use async_graphql::{Context, InputObject, Object};

use crate::domain::bulk::BulkMode;
use crate::domain::query::{Condition, Lookup, Value};
use crate::domain::text::{MAX_TEXT, check_text};
use crate::error::{Error, Result};
use crate::graphql::protocol::bulk::{BulkPayload, TaskBulkMode, journaled_bulk};
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::protocol::scalars::UuidOrGlobalId;
use crate::graphql::task::mutations::SeenInput;
use crate::service::task::Seen;
use crate::service::task_claim::{self, AssignTask, ClaimTask};

payloads! {
    ClaimTaskPayload => "ClaimTaskMutationPayload",
    ClaimTasksPayload => "ClaimTasksMutationPayload",
    ClaimNextTaskPayload => "ClaimNextTaskMutationPayload",
    ReleaseTaskPayload => "ReleaseTaskMutationPayload",
    AssignTaskPayload => "AssignTaskMutationPayload",
    AssignTasksPayload => "AssignTasksMutationPayload",
}

/// A task to be claimed or released.
#[derive(InputObject, Debug, Clone)]
pub struct ClaimTaskItemInput {
    id: UuidOrGlobalId,
    /// The step, if several are asked at the same time; absent: all of them.
    step_id: Option<UuidOrGlobalId>,
    #[graphql(flatten)]
    seen: SeenInput,
}

impl From<&ClaimTaskItemInput> for ClaimTask {
    fn from(input: &ClaimTaskItemInput) -> Self {
        Self { id: input.id.0, step_id: input.step_id.as_ref().map(|id| id.0), seen: Seen::from(&input.seen) }
    }
}

/// A task to be given to somebody.
#[derive(InputObject, Debug, Clone)]
pub struct AssignTaskItemInput {
    id: UuidOrGlobalId,
    /// Who is to work on it: an executor who may decide on it and has not voted.
    user_id: UuidOrGlobalId,
    /// The step, if several are asked at the same time; absent: all in which the person may decide.
    step_id: Option<UuidOrGlobalId>,
    #[graphql(flatten)]
    seen: SeenInput,
}

impl From<&AssignTaskItemInput> for AssignTask {
    fn from(input: &AssignTaskItemInput) -> Self {
        Self {
            id: input.id.0,
            user_id: input.user_id.0,
            step_id: input.step_id.as_ref().map(|id| id.0),
            seen: Seen::from(&input.seen),
        }
    }
}

/// The task to be claimed.
#[derive(InputObject, Debug, Clone)]
pub struct ClaimTaskMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    #[graphql(flatten)]
    claim: ClaimTaskItemInput,
}

/// The tasks to be claimed.
#[derive(InputObject, Debug, Clone)]
pub struct ClaimTasksMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    items: Vec<ClaimTaskItemInput>,
    /// Absent: all of them are claimed, or none.
    mode: Option<TaskBulkMode>,
}

/// Among which tasks to claim the next one. Absent: among all that await the caller.
#[derive(InputObject, Debug, Clone)]
pub struct ClaimNextTaskMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    source: Option<String>,
    business_event: Option<String>,
    task_group_id: Option<UuidOrGlobalId>,
    flow_id: Option<UuidOrGlobalId>,
    /// At least this urgent.
    #[graphql(name = "priority_Gte")]
    priority_gte: Option<i32>,
}

impl ClaimNextTaskMutationInput {
    fn conditions(&self) -> Result<Vec<Condition>> {
        let text = |name, field, text: Option<&str>| {
            let Some(text) = text else { return Ok(None) };
            check_text(name, text, MAX_TEXT)?;
            Ok::<_, Error>(Some(Condition::equals(field, Value::Text(text.to_owned()))))
        };
        let key =
            |field, id: Option<&UuidOrGlobalId>| id.map(|id| Condition::equals(field, Value::Uuid(id.0)));
        let urgent = self.priority_gte.map(|priority| Condition::Field {
            field: "priority",
            lookup: Lookup::Gte,
            value: Value::Int(priority.into()),
        });
        let conditions = [
            text("source", "source", self.source.as_deref())?,
            text("businessEvent", "business_event", self.business_event.as_deref())?,
            key("task_group_id", self.task_group_id.as_ref()),
            key("flow_id", self.flow_id.as_ref()),
            urgent,
        ];
        Ok(conditions.into_iter().flatten().collect())
    }
}

/// The task to be released.
#[derive(InputObject, Debug, Clone)]
pub struct ReleaseTaskMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    #[graphql(flatten)]
    claim: ClaimTaskItemInput,
}

/// The task to be given to somebody.
#[derive(InputObject, Debug, Clone)]
pub struct AssignTaskMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    #[graphql(flatten)]
    assign: AssignTaskItemInput,
}

/// The tasks to be given to people.
#[derive(InputObject, Debug, Clone)]
pub struct AssignTasksMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    items: Vec<AssignTaskItemInput>,
    /// Absent: all of them are assigned, or none.
    mode: Option<TaskBulkMode>,
}

/// Saying who works on tasks.
#[derive(Default)]
pub struct TaskClaimMutations;

#[Object]
impl TaskClaimMutations {
    /// Claims a task for the caller, who must be an executor that may decide on it. CONFLICT names the holder, if somebody has it.
    async fn claim_task(
        &self,
        ctx: &Context<'_>,
        input: ClaimTaskMutationInput,
    ) -> Result<Option<Payload<ClaimTaskPayload>>> {
        let asked = ClaimTask::from(&input.claim);
        journaled(ctx, "claimTask", &input.meta, move |unit| task_claim::claim(unit, &asked)).await
    }

    /// Claims several tasks for the caller.
    async fn claim_tasks(
        &self,
        ctx: &Context<'_>,
        input: ClaimTasksMutationInput,
    ) -> Result<Option<BulkPayload<ClaimTasksPayload>>> {
        let items: Vec<ClaimTask> = input.items.iter().map(ClaimTask::from).collect();
        let mode = input.mode.map(BulkMode::from).unwrap_or_default();
        journaled_bulk(ctx, "claimTasks", &input.meta, move |unit| task_claim::claim_many(unit, &items, mode))
            .await
    }

    /// Claims the first task that awaits the caller and nobody has claimed: the most urgent, of these the one that is due first, of
    /// these the oldest. `outcomes` names it, and is empty if there is none.
    async fn claim_next_task(
        &self,
        ctx: &Context<'_>,
        input: ClaimNextTaskMutationInput,
    ) -> Result<Option<BulkPayload<ClaimNextTaskPayload>>> {
        let meta = input.meta.clone();
        journaled_bulk(ctx, "claimNextTask", &meta, move |unit| {
            task_claim::claim_next(unit, &input.conditions()?)
        })
        .await
    }

    /// Gives up the caller's claim on a task; for people who assign tasks and have none, anybody's.
    async fn release_task(
        &self,
        ctx: &Context<'_>,
        input: ReleaseTaskMutationInput,
    ) -> Result<Option<Payload<ReleaseTaskPayload>>> {
        let asked = ClaimTask::from(&input.claim);
        journaled(ctx, "releaseTask", &input.meta, move |unit| task_claim::release(unit, &asked)).await
    }

    /// Gives a task to somebody who may decide on it, whoever has claimed it; for triage and for people who may assign tasks.
    async fn assign_task(
        &self,
        ctx: &Context<'_>,
        input: AssignTaskMutationInput,
    ) -> Result<Option<Payload<AssignTaskPayload>>> {
        let asked = AssignTask::from(&input.assign);
        journaled(ctx, "assignTask", &input.meta, move |unit| task_claim::assign(unit, &asked)).await
    }

    /// Gives several tasks to people.
    async fn assign_tasks(
        &self,
        ctx: &Context<'_>,
        input: AssignTasksMutationInput,
    ) -> Result<Option<BulkPayload<AssignTasksPayload>>> {
        let items: Vec<AssignTask> = input.items.iter().map(AssignTask::from).collect();
        let mode = input.mode.map(BulkMode::from).unwrap_or_default();
        journaled_bulk(ctx, "assignTasks", &input.meta, move |unit| {
            task_claim::assign_many(unit, &items, mode)
        })
        .await
    }
}
