//! Schedules of functions in GraphQL.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject};

use crate::domain::query::Lookup;
use crate::error::Result;
use crate::graphql::protocol::arguments::{
    Arguments, RANGE, Table, boolean, client_mutation_id, join, moment, of_record, order_by, paging, text,
    uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::declaration::{asked, shows};
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::scalars::{BigInt, JsonString, Moment, UuidOrGlobalId};
use crate::graphql::record::{LiveRecord, RecordVersion};
use crate::model::function_schedule::FunctionSchedule;
use crate::model::history::Historical;
use crate::service::context::ListScope;
use crate::service::function_schedule::{self, CreateFunctionSchedule, FunctionScheduleChange};

/// What becomes of moments that have passed while no process served the timers.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::function_schedule::CatchUp")]
pub enum FunctionScheduleCatchUp {
    /// They are left out.
    Skip,
    /// One run stands for all of them.
    Once,
}

/// A schedule: at which moments a function runs by itself.
#[derive(SimpleObject)]
#[graphql(name = "FunctionScheduleGQLType", complex)]
pub struct FunctionScheduleNode {
    #[graphql(flatten)]
    pub record: LiveRecord,
    #[graphql(flatten)]
    fields: ScheduleFields,
}

/// A schedule as it was after a write.
#[derive(SimpleObject)]
#[graphql(name = "FunctionScheduleHistoryGQLType")]
pub struct FunctionScheduleHistoryNode {
    #[graphql(flatten)]
    pub record: RecordVersion,
    #[graphql(flatten)]
    fields: ScheduleFields,
}

shows! {
    /// The fields that schedules and their versions have.
    struct ScheduleFields keeps schedule: FunctionSchedule {
        function_id: String,
        function_name: String,
        /// The input of its runs.
        data: JsonString,
        /// The priority of its runs; as the function says, if it is null.
        priority: Option<BigInt>,
        /// From when on there are moments.
        start_timestamp: Option<Moment> = schedule.date_start.map(Moment),
        /// The seconds between two moments; null if they go by a line of cron.
        interval_seconds: Option<i32>,
        /// The five fields of a line of cron: minute, hour, day, month, day of the week.
        cron: Option<String>,
        /// The time zone by whose clocks the line goes.
        time_zone: Option<String>,
        catch_up: FunctionScheduleCatchUp = schedule.catch_up.into(),
        /// Whether it has its function run.
        is_enabled: bool,
    }
}

impl From<FunctionSchedule> for FunctionScheduleNode {
    fn from(schedule: FunctionSchedule) -> Self {
        Self { record: LiveRecord::new("FunctionScheduleGQLType", &schedule.record), fields: schedule.into() }
    }
}

impl From<Historical<FunctionSchedule>> for FunctionScheduleHistoryNode {
    fn from(version: Historical<FunctionSchedule>) -> Self {
        let Historical { row, history } = version;
        Self {
            record: RecordVersion::new("FunctionScheduleHistoryGQLType", &row.record, history),
            fields: row.into(),
        }
    }
}

#[ComplexObject]
impl FunctionScheduleNode {
    /// The moment of its next run; null if it has none any more, or is disabled.
    async fn next_timestamp(&self, ctx: &Context<'_>) -> Result<Option<Moment>> {
        let id = self.fields.schedule.id;
        Ok(request(ctx)?.next_moments.load_one(id).await.map_err(shared)?.map(Moment))
    }
}

/// `Query.functionSchedule`
pub static FUNCTION_SCHEDULE: Table =
    LazyLock::new(|| join([order_by(), client_mutation_id(), paging(), fields()]));

/// `Query.functionScheduleHistory`
pub static FUNCTION_SCHEDULE_HISTORY: Table =
    LazyLock::new(|| join([order_by(), client_mutation_id(), paging(), fields()]));

fn fields() -> Arguments {
    join([
        uuid("id", "ID", "id", "FunctionScheduleGQLType"),
        uuid("functionId", "ID", "function_id", "TaskFunctionGQLType"),
        text("functionName", "String", "function_name", &[Lookup::Exact]),
        boolean("isEnabled", "is_enabled"),
        moment("startTimestamp", "date_start", RANGE),
        of_record(),
    ])
}

/// Looking at schedules.
#[derive(Default)]
pub struct FunctionScheduleQueries;

#[Object]
impl FunctionScheduleQueries {
    /// The schedules of functions.
    async fn function_schedule(&self, ctx: &Context<'_>) -> Result<Option<Connection<FunctionScheduleNode>>> {
        let list =
            |services, requester, query| function_schedule::list(services, requester, query, ListScope::Root);
        listed(ctx, &FUNCTION_SCHEDULE, None, list).await.map(Some)
    }

    /// All versions of the schedules of functions, newest first. `id` is the schedule's.
    async fn function_schedule_history(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Connection<FunctionScheduleHistoryNode>>> {
        let list = |services, requester, query| function_schedule::list_history(services, requester, query);
        listed(ctx, &FUNCTION_SCHEDULE_HISTORY, None, list).await.map(Some)
    }
}

payloads! {
    CreateFunctionSchedulePayload => "CreateFunctionScheduleMutationPayload",
    UpdateFunctionSchedulePayload => "UpdateFunctionScheduleMutationPayload",
    DeleteFunctionSchedulePayload => "DeleteFunctionScheduleMutationPayload",
}

/// The fields of a schedule that may change.
#[derive(InputObject, Debug, Clone)]
pub struct FunctionScheduleFields {
    /// The input of its runs, at most 250 KiB.
    data: Option<JsonString>,
    /// The priority of its runs; null: as the function says.
    priority: MaybeUndefined<BigInt>,
    /// From when on there are moments; null: at once.
    start_timestamp: MaybeUndefined<Moment>,
    /// The seconds between two moments, from 60 to a year, counted from the start; in place of a line of cron. Null only beside one.
    interval_seconds: MaybeUndefined<i32>,
    /// The five fields of a line of cron: minute, hour, day, month, day of the week; in place of an interval. Null only beside one.
    cron: MaybeUndefined<String>,
    /// The time zone by whose clocks the line goes, such as `Europe/Berlin`; null: UTC, as if nothing was said.
    time_zone: MaybeUndefined<String>,
    /// What becomes of moments that have passed while no process served the timers; they are left out, unless said.
    catch_up: Option<FunctionScheduleCatchUp>,
    /// Whether it has its function run.
    is_enabled: Option<bool>,
}

impl FunctionScheduleFields {
    fn read(&self) -> Result<FunctionScheduleChange> {
        Ok(FunctionScheduleChange {
            data: asked(&self.data, "data")?,
            priority: asked(&self.priority, "priority")?,
            start_timestamp: asked(&self.start_timestamp, "start_timestamp")?,
            interval_seconds: asked(&self.interval_seconds, "interval_seconds")?,
            cron: asked(&self.cron, "cron")?,
            time_zone: asked(&self.time_zone, "time_zone")?,
            catch_up: self.catch_up.map(Into::into),
            is_enabled: self.is_enabled,
        })
    }
}

/// The schedule to be made: by an interval or by a line of cron.
#[derive(InputObject, Debug, Clone)]
pub struct CreateFunctionScheduleMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// The name of the function.
    function_name: String,
    #[graphql(flatten)]
    fields: FunctionScheduleFields,
}

/// The fields of a schedule as they are to be. Absent fields stay as they are.
#[derive(InputObject, Debug, Clone)]
pub struct UpdateFunctionScheduleMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    id: UuidOrGlobalId,
    /// `version` of the schedule as it was seen. If it has changed since, the mutation is refused as a CONFLICT.
    expected_version: Option<i32>,
    #[graphql(flatten)]
    fields: FunctionScheduleFields,
}

/// The schedules to be deleted.
#[derive(InputObject, Debug, Clone)]
pub struct DeleteFunctionScheduleMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Vec<UuidOrGlobalId>,
}

/// Making, changing and deleting schedules.
#[derive(Default)]
pub struct FunctionScheduleMutations;

#[Object]
impl FunctionScheduleMutations {
    /// Has a function run by itself.
    async fn create_function_schedule(
        &self,
        ctx: &Context<'_>,
        input: CreateFunctionScheduleMutationInput,
    ) -> Result<Option<Payload<CreateFunctionSchedulePayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "createFunctionSchedule", &meta, move |unit| {
            let (function_name, change) = (input.function_name.clone(), input.fields.read()?);
            function_schedule::create(unit, &CreateFunctionSchedule { function_name, change }).map(drop)
        })
        .await
    }

    /// Changes a schedule. Its next moment is found anew.
    async fn update_function_schedule(
        &self,
        ctx: &Context<'_>,
        input: UpdateFunctionScheduleMutationInput,
    ) -> Result<Option<Payload<UpdateFunctionSchedulePayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "updateFunctionSchedule", &meta, move |unit| {
            let change = input.fields.read()?;
            function_schedule::update(unit, input.id.0, &change, input.expected_version).map(drop)
        })
        .await
    }

    /// Deletes these schedules: all of them, or none. Their runs are kept.
    async fn delete_function_schedule(
        &self,
        ctx: &Context<'_>,
        input: DeleteFunctionScheduleMutationInput,
    ) -> Result<Option<Payload<DeleteFunctionSchedulePayload>>> {
        let ids: Vec<_> = input.ids.iter().map(|id| id.0).collect();
        journaled(ctx, "deleteFunctionSchedule", &input.meta, move |unit| {
            function_schedule::delete(unit, &ids)
        })
        .await
    }
}
