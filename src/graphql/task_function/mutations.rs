//! Making, changing and deleting functions.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};

use crate::domain::task_function::RetryPolicy;
use crate::error::Result;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::declaration::asked;
use crate::graphql::protocol::payload::{
    MutationMeta, Payload, SecretPayload, journaled, journaled_secret, payloads,
};
use crate::graphql::protocol::scalars::{BigInt, JsonString, UuidOrGlobalId};
use crate::graphql::task_function::types::{TaskFunctionKind, TaskFunctionPermissionMode};
use crate::service::function_sources::Syntax;
use crate::service::task_function::source::look_at;
use crate::service::task_function::{self, CreateTaskFunction, EnvironmentVariable, TaskFunctionChange};

payloads! {
    CreateTaskFunctionPayload => "CreateTaskFunctionMutationPayload",
    UpdateTaskFunctionPayload => "UpdateTaskFunctionMutationPayload",
    DeleteTaskFunctionPayload => "DeleteTaskFunctionMutationPayload",
    RotateTaskFunctionSecretPayload => "RotateTaskFunctionSecretMutationPayload",
}

/// The fields of a function that may change.
#[derive(InputObject, Debug, Clone)]
pub struct TaskFunctionFields {
    /// What it is for.
    description: Option<String>,
    /// For HTTP, where its receiver stands: https at a public address, unless settings allow more.
    url: Option<String>,
    /// For JAVASCRIPT, the source of a module whose default export is called:
    /// `export default async (task, context) => result`.
    source: Option<String>,
    /// For JAVASCRIPT, how many megabytes of memory a run may take, from 16 to 1024; 128 unless said.
    memory_limit: Option<i32>,
    /// How many seconds a run may take, from 3 to 300; 10 unless said.
    time_limit: Option<i32>,
    /// Who may have it run; people with the right, unless said.
    permission_mode: Option<TaskFunctionPermissionMode>,
    /// The priority of runs for which none is said; 0 unless said.
    default_priority: Option<BigInt>,
    /// Whether a run may be executed again that a process began which is gone.
    is_idempotent: Option<bool>,
    /// Whether runs are taken and begun. Runs of a disabled function wait.
    is_enabled: Option<bool>,
    /// How many of its runs each process executes at once, from 1 to 1000; 5 unless said.
    max_concurrency: Option<i32>,
    /// How many of its runs are begun in a minute, by all processes together, from 1 to 1000000; 1000 unless said. More wait.
    runs_per_minute: Option<i32>,
    /// When a run that failed is tried again. It is not, unless said.
    retry_policy: Option<TaskFunctionRetryPolicyInput>,
    /// For HANDLER and JAVASCRIPT, the user in whose name its runs act. Nobody gives it one with rights that he lacks; null takes it away.
    service_account: MaybeUndefined<UuidOrGlobalId>,
    /// Environment variables that get a value; others stay. Nobody is shown values, and the journal keeps none.
    environment_variables: Option<Vec<TaskFunctionVariableInput>>,
    /// Free JSON of hosts.
    json_ext: MaybeUndefined<JsonString>,
}

/// When a run that failed is to be tried again.
#[derive(InputObject, Debug, Clone)]
pub struct TaskFunctionRetryPolicyInput {
    /// Whether it is.
    enabled: bool,
    /// The names of the errors after which it is; an empty or absent list means all errors.
    errors_to_retry: Option<Vec<String>>,
    /// How many seconds it waits before each attempt; 2, 5 and 10 unless said. It is given up after the last one.
    pauses_seconds: Option<Vec<i64>>,
}

/// An environment variable of a function.
#[derive(InputObject, Clone)]
pub struct TaskFunctionVariableInput {
    name: String,
    /// Its value; null takes the variable away.
    value: Option<String>,
}

/// Values stay out of logs.
impl std::fmt::Debug for TaskFunctionVariableInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskFunctionVariableInput").field("name", &self.name).finish_non_exhaustive()
    }
}

impl TaskFunctionFields {
    fn read(&self) -> Result<TaskFunctionChange> {
        let variables = self.environment_variables.as_ref().map(|variables| {
            let read = |variable: &TaskFunctionVariableInput| EnvironmentVariable {
                name: variable.name.clone(),
                value: variable.value.clone(),
            };
            variables.iter().map(read).collect()
        });
        let policy = self.retry_policy.as_ref().map(|policy| RetryPolicy {
            enabled: policy.enabled,
            errors_to_retry: policy.errors_to_retry.clone().unwrap_or_default(),
            pauses_seconds: policy
                .pauses_seconds
                .clone()
                .unwrap_or_else(|| RetryPolicy::default().pauses_seconds),
        });
        Ok(TaskFunctionChange {
            description: self.description.clone(),
            url: self.url.clone(),
            source: self.source.clone(),
            memory_limit: self.memory_limit,
            time_limit: self.time_limit,
            permission_mode: self.permission_mode.map(Into::into),
            default_priority: asked(&self.default_priority, "default_priority")?,
            is_idempotent: self.is_idempotent,
            is_enabled: self.is_enabled,
            max_concurrency: self.max_concurrency,
            runs_per_minute: self.runs_per_minute,
            retry_policy: policy,
            service_account: asked(&self.service_account, "service_account")?,
            environment_variables: variables,
            json_ext: asked(&self.json_ext, "json_ext")?,
        })
    }

    /// What a runner says of the source.
    async fn syntax(&self, ctx: &Context<'_>) -> Result<Syntax> {
        let context = request(ctx)?;
        look_at(&context.services, context.requester()?, self.source.as_deref()).await
    }
}

/// The function to be made.
#[derive(InputObject, Debug, Clone)]
pub struct CreateTaskFunctionMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// Letters, digits and hyphens, 64 at most; no other function has it, and it never changes.
    name: String,
    /// What carries it out.
    kind: TaskFunctionKind,
    #[graphql(flatten)]
    fields: TaskFunctionFields,
}

/// The fields of a function as they are to be. Absent fields stay as they are.
#[derive(InputObject, Debug, Clone)]
pub struct UpdateTaskFunctionMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    id: UuidOrGlobalId,
    /// `version` of the function as it was seen. If it has changed since, the mutation is refused as a CONFLICT.
    expected_version: Option<i32>,
    #[graphql(flatten)]
    fields: TaskFunctionFields,
}

/// The functions to be deleted.
#[derive(InputObject, Debug, Clone)]
pub struct DeleteTaskFunctionMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Vec<UuidOrGlobalId>,
}

/// The function that gets a new secret.
#[derive(InputObject, Debug, Clone)]
pub struct RotateTaskFunctionSecretMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    id: UuidOrGlobalId,
    /// The seconds in which the old secret goes on signing beside the new one.
    #[graphql(default = 86_400)]
    keep_old_for_s: i64,
}

/// Making, changing and deleting functions.
#[derive(Default)]
pub struct TaskFunctionMutations;

#[Object]
impl TaskFunctionMutations {
    /// Makes a function. For HTTP, only this answer shows the secret with which messages to its receiver are signed.
    async fn create_task_function(
        &self,
        ctx: &Context<'_>,
        input: CreateTaskFunctionMutationInput,
    ) -> Result<Option<SecretPayload<CreateTaskFunctionPayload>>> {
        let (meta, syntax) = (input.meta.clone(), input.fields.syntax(ctx).await?);
        journaled_secret(ctx, "createTaskFunction", &meta, move |unit| {
            let (name, kind, change) = (input.name.clone(), input.kind.into(), input.fields.read()?);
            let function = CreateTaskFunction { name, kind, change };
            task_function::create(unit, &function, &syntax).map(|(_, secret)| secret)
        })
        .await
    }

    /// Changes a function. What carries it out stays, and so does its name.
    async fn update_task_function(
        &self,
        ctx: &Context<'_>,
        input: UpdateTaskFunctionMutationInput,
    ) -> Result<Option<Payload<UpdateTaskFunctionPayload>>> {
        let (meta, syntax) = (input.meta.clone(), input.fields.syntax(ctx).await?);
        journaled(ctx, "updateTaskFunction", &meta, move |unit| {
            let change = input.fields.read()?;
            task_function::update(unit, input.id.0, &change, &syntax, input.expected_version).map(drop)
        })
        .await
    }

    /// Deletes these functions: all of them, or none. Their runs that wait are given up; all runs are kept.
    async fn delete_task_function(
        &self,
        ctx: &Context<'_>,
        input: DeleteTaskFunctionMutationInput,
    ) -> Result<Option<Payload<DeleteTaskFunctionPayload>>> {
        let ids: Vec<_> = input.ids.iter().map(|id| id.0).collect();
        journaled(ctx, "deleteTaskFunction", &input.meta, move |unit| task_function::delete(unit, &ids)).await
    }

    /// Gives a function of the kind HTTP a new secret. Only this answer shows it. The old one goes on signing beside it for a while.
    async fn rotate_task_function_secret(
        &self,
        ctx: &Context<'_>,
        input: RotateTaskFunctionSecretMutationInput,
    ) -> Result<Option<SecretPayload<RotateTaskFunctionSecretPayload>>> {
        let (id, keep) = (input.id.0, input.keep_old_for_s);
        journaled_secret(ctx, "rotateTaskFunctionSecret", &input.meta, move |unit| {
            task_function::rotate_secret(unit, id, keep)
        })
        .await
    }
}
