//! Having functions run, and giving up runs that wait.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::Duration;

use async_graphql::{Context, InputObject, Object, TypeName};
use uuid::Uuid;

use crate::domain::function_run::LONGEST_WAIT;
use crate::domain::json::{Json, json};
use crate::domain::query::{Condition, ListQuery, Value};
use crate::error::Result;
use crate::graphql::function_run::types::FunctionRunNode;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::declaration::asked;
use crate::graphql::protocol::payload::{MutationMeta, Payload, PayloadName, journaled, payloads, run};
use crate::graphql::protocol::scalars::{BigInt, JsonString, Moment, UuidOrGlobalId};
use crate::model::function_run::FunctionRun;
use crate::service::context::ListScope;
use crate::service::function_run::{self, CreateFunctionRun};
use crate::service::mutation::Receipt;
use crate::service::unit_of_work::UnitOfWork;

payloads! {
    CreateFunctionRunPayload => "CreateFunctionRunMutationPayload",
    ExecuteTaskFunctionPayload => "ExecuteTaskFunctionMutationPayload",
    ReplayFunctionRunPayload => "ReplayFunctionRunMutationPayload",
    CancelFunctionRunPayload => "CancelFunctionRunMutationPayload",
}

/// The run to be created.
#[derive(InputObject, Debug, Clone)]
pub struct CreateFunctionRunMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// The name of the function.
    function_name: String,
    /// The input, at most 250 KiB.
    data: Option<JsonString>,
    /// When it may be begun; at once unless said.
    start_timestamp: Option<Moment>,
    /// How urgent it is, from -(2^53-1) to 2^53-1; as the function says unless said.
    priority: Option<BigInt>,
    /// Words by which the run is found, at most 50.
    tags: Option<Vec<String>>,
    /// For programs that a run has called: `causeDepth` as it was told to them, so that functions that cause each other come to an
    /// end.
    cause_depth: Option<i32>,
}

/// The run to be executed.
#[derive(InputObject, Debug, Clone)]
pub struct ExecuteTaskFunctionMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// The name of the function.
    function_name: String,
    /// The input, at most 250 KiB.
    data: Option<JsonString>,
    /// How urgent it is; as the function says unless said.
    priority: Option<BigInt>,
    /// Words by which the run is found, at most 50.
    tags: Option<Vec<String>>,
    /// For programs that a run has called: `causeDepth` as it was told to them.
    cause_depth: Option<i32>,
}

/// The run to be executed again.
#[derive(InputObject, Debug, Clone)]
pub struct ReplayFunctionRunMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// A run that is FAILED.
    id: UuidOrGlobalId,
}

/// The runs to be given up.
#[derive(InputObject, Debug, Clone)]
pub struct CancelFunctionRunMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Vec<UuidOrGlobalId>,
}

impl CreateFunctionRunMutationInput {
    fn read(&self) -> Result<CreateFunctionRun> {
        Ok(CreateFunctionRun {
            function_name: self.function_name.clone(),
            data: asked::<Option<Json>>(&self.data, "data")?.unwrap_or_default(),
            start_timestamp: self.start_timestamp.map(|moment| moment.0),
            priority: asked(&self.priority, "priority")?,
            tags: self.tags.clone().unwrap_or_default(),
            cause_depth: self.cause_depth,
        })
    }
}

impl ExecuteTaskFunctionMutationInput {
    fn read(&self) -> Result<CreateFunctionRun> {
        Ok(CreateFunctionRun {
            function_name: self.function_name.clone(),
            data: asked::<Option<Json>>(&self.data, "data")?.unwrap_or_default(),
            start_timestamp: None,
            priority: asked(&self.priority, "priority")?,
            tags: self.tags.clone().unwrap_or_default(),
            cause_depth: self.cause_depth,
        })
    }
}

/// The answer of a mutation that has a function run.
pub struct RunPayload<M> {
    receipt: Receipt,
    run: Option<FunctionRunNode>,
    name: PhantomData<M>,
}

impl<M: PayloadName> TypeName for RunPayload<M> {
    fn type_name() -> Cow<'static, str> {
        M::NAME.into()
    }
}

#[Object(name_type)]
impl<M: PayloadName> RunPayload<M> {
    /// The key of the mutation's entry in the journal.
    async fn internal_id(&self) -> Option<String> {
        Some(self.receipt.internal_id.to_string())
    }

    /// The client's own id of the mutation.
    async fn client_mutation_id(&self) -> Option<&str> {
        self.receipt.client_mutation_id.as_deref()
    }

    /// The run; null if the mutation was refused. A repeat is answered with it too.
    async fn run(&self) -> Option<&FunctionRunNode> {
        self.run.as_ref()
    }
}

/// Under what the journal keeps the key of the run, for repeats.
const KEPT: &str = "functionRun";

fn kept(unit: &mut UnitOfWork<'_>, id: Uuid) {
    unit.keep(json!({ KEPT: id }));
}

fn run_of(kept: Option<&Json>) -> Option<Uuid> {
    kept?.get(KEPT)?.as_str()?.parse().ok()
}

/// Having functions run.
#[derive(Default)]
pub struct FunctionRunMutations;

#[Object]
impl FunctionRunMutations {
    /// Has a function run, now or later. Its result is in `functionRun` then.
    async fn create_function_run(
        &self,
        ctx: &Context<'_>,
        input: CreateFunctionRunMutationInput,
    ) -> Result<Option<RunPayload<CreateFunctionRunPayload>>> {
        let meta = input.meta.clone();
        create(ctx, "createFunctionRun", &meta, move |unit| function_run::create(unit, &input.read()?)).await
    }

    /// Has the function of a run that failed, or was canceled, run again with the same input. That run is RETRIED then, and the two name each
    /// other.
    async fn replay_function_run(
        &self,
        ctx: &Context<'_>,
        input: ReplayFunctionRunMutationInput,
    ) -> Result<Option<RunPayload<ReplayFunctionRunPayload>>> {
        let id = input.id.0;
        create(ctx, "replayFunctionRun", &input.meta, move |unit| function_run::replay(unit, id)).await
    }

    /// Has a function run, and waits for its result, 30 seconds at most. Then the run goes on, and its result is in `functionRun`.
    async fn execute_task_function(
        &self,
        ctx: &Context<'_>,
        input: ExecuteTaskFunctionMutationInput,
    ) -> Result<Option<RunPayload<ExecuteTaskFunctionPayload>>> {
        let meta = input.meta.clone();
        let ran = run(ctx, "executeTaskFunction", &meta, move |unit| {
            let run = function_run::execute(unit, &input.read()?)?;
            kept(unit, run.id);
            Ok(())
        })
        .await?;
        let node = match run_of(ran.kept.as_ref()).filter(|_| ran.refusal.is_none()) {
            Some(id) => {
                let services = &request(ctx)?.services;
                function_run::finished(services, id, Duration::from_secs(LONGEST_WAIT)).await?
            }
            None => None,
        };
        Ok(Some(RunPayload { receipt: ran.receipt, run: node.map(Into::into), name: PhantomData }))
    }

    /// Gives up runs that wait, and ends those that are under way, which fail as `canceled`: all of them, or none. What they have done is done.
    async fn cancel_function_run(
        &self,
        ctx: &Context<'_>,
        input: CancelFunctionRunMutationInput,
    ) -> Result<Option<Payload<CancelFunctionRunPayload>>> {
        let ids: Vec<_> = input.ids.iter().map(|id| id.0).collect();
        journaled(ctx, "cancelFunctionRun", &input.meta, move |unit| function_run::cancel(unit, &ids)).await
    }
}

/// Answers a mutation that creates a run.
async fn create<M>(
    ctx: &Context<'_>,
    name: &'static str,
    meta: &MutationMeta,
    work: impl Fn(&mut UnitOfWork<'_>) -> Result<FunctionRun> + Send + Sync + 'static,
) -> Result<Option<RunPayload<M>>> {
    let ran = run(ctx, name, meta, move |unit| {
        let run = work(unit)?;
        kept(unit, run.id);
        Ok(run)
    })
    .await?;
    let node = match (ran.given, run_of(ran.kept.as_ref())) {
        (Some(run), _) => Some(run.into()),
        (None, Some(id)) if ran.refusal.is_none() => own(ctx, id).await?,
        _ => None,
    };
    Ok(Some(RunPayload { receipt: ran.receipt, run: node, name: PhantomData }))
}

/// The run that the requester has created before.
async fn own(ctx: &Context<'_>, id: Uuid) -> Result<Option<FunctionRunNode>> {
    let context = request(ctx)?;
    let conditions = vec![Condition::equals("id", Value::Uuid(id))];
    let query = ListQuery { conditions, ..ListQuery::default() };
    let found = function_run::list(&context.services, context.requester()?, query, ListScope::Nested).await?;
    Ok(found.rows.into_iter().next().map(|(run, _)| run.into()))
}
