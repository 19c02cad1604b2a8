//! The services as hosts call them: the same functions, rights, history and signals as through GraphQL.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::context::ServiceContext;
use super::login;
use super::resolution::{self, ReEvaluate, ResolveTask, WithdrawTaskDecision};
use super::task::{self, CreateTask, SeenTask, UpdateTask};
use super::task_executor;
use super::task_flow::{self, CreateTaskFlow, ReplaceTaskFlow, UpdateTaskFlow};
use super::task_group::{self, TaskGroupInput};
use super::unit_of_work::UnitOfWork;
use super::webhook_endpoint::{self, WebhookEndpointChange};
use crate::auth::requester::Requester;
use crate::domain::bulk::{BulkMode, Outcome};
use crate::domain::json::Json;
use crate::domain::task::TaskStatus;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::task::Task;
use crate::model::task_executor::TaskExecutor;
use crate::model::task_flow::TaskFlow;
use crate::model::task_group::TaskGroup;

/// Declares a service.
macro_rules! service {
    ($(#[$meta:meta])* $Name:ident) => {
        $(#[$meta])*
        #[derive(Clone)]
        pub struct $Name {
            pub(crate) services: Arc<ServiceContext>,
        }

        impl $Name {
            pub(crate) const fn new(services: Arc<ServiceContext>) -> Self {
                Self { services }
            }
        }
    };
}

mod function_run;
mod function_schedule;
mod task_claim;
mod task_comment;
mod task_dispatcher;
mod task_function;

pub use function_run::FunctionRunService;
pub use function_schedule::FunctionScheduleService;
pub use task_claim::TaskClaimService;
pub use task_comment::TaskCommentService;
pub use task_dispatcher::TaskDispatcherService;
pub use task_function::TaskFunctionService;

impl ServiceContext {
    /// Does `work` as `requester` in one transaction, for a host. A fault of the server is logged.
    async fn act<T, F>(self: &Arc<Self>, requester: &Arc<Requester>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut UnitOfWork<'_>) -> Result<T> + Send + 'static,
    {
        let requester = self.present(requester).await?;
        self.write(&requester, work).await.inspect_err(Error::log)
    }

    /// A requester whom a host has kept, with rights as they are now.
    ///
    /// # Errors
    /// UNAUTHENTICATED for a person who may not act any more, or an error of the host.
    pub(crate) async fn present(self: &Arc<Self>, requester: &Arc<Requester>) -> Result<Arc<Requester>> {
        let present = login::present(self, requester, Duration::ZERO).await.inspect_err(Error::log)?;
        present.ok_or_else(|| Error::new(ErrorCode::Unauthenticated, Message::new("no-session")))
    }

    /// Acts, and once more if another transaction has taken the code meanwhile.
    async fn act_again_if_taken<T, F>(self: &Arc<Self>, requester: &Arc<Requester>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut UnitOfWork<'_>) -> Result<T> + Send + Clone + 'static,
    {
        match self.act(requester, work.clone()).await {
            Err(error) if error.field() == Some("code") => self.act(requester, work).await,
            done => done,
        }
    }
}

service! {
    /// The service of tasks. Each method is one transaction.
    TaskService
}

impl TaskService {
    /// Creates a task.
    ///
    /// # Errors
    /// FORBIDDEN, VALIDATION, CONFLICT for an entity with an open task, or a handler's refusal.
    pub async fn create(&self, requester: &Arc<Requester>, input: CreateTask) -> Result<Task> {
        self.services.act(requester, move |unit| task::create(unit, &input)).await
    }

    /// Creates tasks in one transaction: all of them, or none. The host is asked for all their entities at once.
    ///
    /// # Errors
    /// FORBIDDEN, VALIDATION, CONFLICT for an entity with an open task, or a handler's refusal.
    pub async fn create_many(
        &self,
        requester: &Arc<Requester>,
        inputs: Vec<CreateTask>,
    ) -> Result<Vec<Task>> {
        self.services.act(requester, move |unit| task::create_many(unit, &inputs)).await
    }

    /// Creates a task from input that is made in its transaction.
    pub(super) async fn create_with(
        &self,
        requester: &Arc<Requester>,
        input: impl Fn(&mut UnitOfWork<'_>) -> Result<CreateTask> + Send + 'static,
    ) -> Result<Task> {
        self.services
            .act(requester, move |unit| {
                let input = input(unit)?;
                task::create(unit, &input)
            })
            .await
    }

    /// Assigns, accepts or closes a task.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for a decided task, or a handler's refusal.
    pub async fn update(&self, requester: &Arc<Requester>, input: UpdateTask) -> Result<Task> {
        self.services.act(requester, move |unit| task::update(unit, &input)).await
    }

    /// Deletes tasks that are not decided yet: all of them, or none.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, CONFLICT for a decided task, or a handler's refusal.
    pub async fn delete(
        &self,
        requester: &Arc<Requester>,
        tasks: Vec<impl Into<SeenTask> + Send>,
    ) -> Result<()> {
        let tasks: Vec<SeenTask> = tasks.into_iter().map(Into::into).collect();
        self.services.act(requester, move |unit| task::delete(unit, &tasks, BulkMode::All).map(drop)).await
    }

    /// Deletes tasks that are not decided yet, each for itself; says what came of each.
    ///
    /// # Errors
    /// FORBIDDEN or LIMIT; the first refusal, if none was deleted.
    pub async fn delete_each(
        &self,
        requester: &Arc<Requester>,
        tasks: Vec<impl Into<SeenTask> + Send>,
    ) -> Result<Vec<Outcome>> {
        let tasks: Vec<SeenTask> = tasks.into_iter().map(Into::into).collect();
        self.services.act(requester, move |unit| task::delete(unit, &tasks, BulkMode::Each)).await
    }

    /// Carries a task out by the executor action handler of its event.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, CONFLICT for a decided task, VALIDATION without a handler, or a handler's refusal.
    pub async fn execute_task(
        &self,
        requester: &Arc<Requester>,
        task: impl Into<SeenTask> + Send,
    ) -> Result<Task> {
        let task = task.into();
        self.services.act(requester, move |unit| task::execute(unit, &task)).await
    }

    /// Casts the requester's vote, which may decide the task.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for a decided task, or a handler's refusal.
    pub async fn resolve_task(&self, requester: &Arc<Requester>, input: ResolveTask) -> Result<Task> {
        self.services.act(requester, move |unit| resolution::resolve(unit, &input)).await
    }

    /// Casts the requester's votes on several tasks; says what came of each.
    ///
    /// # Errors
    /// LIMIT; the first refusal, if no vote was cast.
    pub async fn resolve_tasks(
        &self,
        requester: &Arc<Requester>,
        items: Vec<ResolveTask>,
        mode: BulkMode,
    ) -> Result<Vec<Outcome>> {
        self.services.act(requester, move |unit| resolution::resolve_many(unit, &items, mode)).await
    }

    /// Takes back the requester's vote while its pool is open.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, CONFLICT for a decided task or a passed step, or a handler's refusal.
    pub async fn withdraw_decision(
        &self,
        requester: &Arc<Requester>,
        input: WithdrawTaskDecision,
    ) -> Result<Task> {
        self.services.act(requester, move |unit| resolution::withdraw(unit, &input)).await
    }

    /// Casts the requester's vote for or against the whole task, which may decide the task.
    ///
    /// # Errors
    /// As for [`Self::resolve_task`].
    pub async fn vote(
        &self,
        requester: &Arc<Requester>,
        id: Uuid,
        is_for: bool,
        comment: Option<String>,
    ) -> Result<Task> {
        self.services
            .act(requester, move |unit| {
                let word =
                    if is_for { &unit.settings.task_user_approved } else { &unit.settings.task_user_failed };
                let business_status =
                    Json::from_iter([(unit.requester.id().to_string(), Json::from(word.as_str()))]);
                let comment = comment.clone();
                resolution::resolve(
                    unit,
                    &ResolveTask { id, business_status, comment, ..ResolveTask::default() },
                )
            })
            .await
    }

    /// Weighs the votes on a task again, without a new one; for privileged people.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, CONFLICT for a decided task, or a handler's refusal.
    pub async fn re_evaluate_task(
        &self,
        requester: &Arc<Requester>,
        task: impl Into<SeenTask> + Send,
    ) -> Result<Task> {
        let task = task.into();
        self.services.act(requester, move |unit| resolution::re_evaluate(unit, &task)).await
    }

    /// Weighs the votes on several tasks again, of all of them or of none; for privileged people. Returns how many there
    /// were.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, CONFLICT for a decided task, LIMIT, or a handler's refusal.
    pub async fn re_evaluate_tasks(&self, requester: &Arc<Requester>, which: ReEvaluate) -> Result<usize> {
        let weigh = move |unit: &mut UnitOfWork<'_>| {
            resolution::re_evaluate_many(unit, &which, BulkMode::All).map(|outcomes| outcomes.len())
        };
        self.services.act(requester, weigh).await
    }

    /// Closes a task without votes, as COMPLETED or FAILED, with a comment for the history; for privileged people.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION for another status, CONFLICT for a decided task, or a handler's refusal.
    pub async fn complete_task(
        &self,
        requester: &Arc<Requester>,
        id: Uuid,
        status: TaskStatus,
        comment: Option<String>,
    ) -> Result<Task> {
        let status = Some(status);
        self.update(requester, UpdateTask { id, status, comment, ..UpdateTask::default() }).await
    }
}

service! {
    /// The service of task groups. Each method is one transaction.
    TaskGroupService
}

impl TaskGroupService {
    /// Creates a group with its executors and sources.
    ///
    /// # Errors
    /// FORBIDDEN, VALIDATION, or a handler's refusal.
    pub async fn create(&self, requester: &Arc<Requester>, input: TaskGroupInput) -> Result<TaskGroup> {
        self.services.act(requester, move |unit| task_group::create(unit, &input)).await
    }

    /// The group of this code, which is created if there is none; a group that exists stays as it is. For the start of a host,
    /// whose processes may all do so at once.
    ///
    /// # Errors
    /// FORBIDDEN, VALIDATION, or a handler's refusal.
    pub async fn ensure_group(&self, requester: &Arc<Requester>, input: TaskGroupInput) -> Result<TaskGroup> {
        self.services.act_again_if_taken(requester, move |unit| task_group::ensure(unit, &input)).await
    }

    /// Changes a group. Only differences are written.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, or a handler's refusal.
    pub async fn update(
        &self,
        requester: &Arc<Requester>,
        id: Uuid,
        input: TaskGroupInput,
    ) -> Result<TaskGroup> {
        self.services.act(requester, move |unit| task_group::update(unit, id, &input)).await
    }

    /// Deletes groups with their executors: all of them, or none.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, CONFLICT for a group with open tasks, or a handler's refusal.
    pub async fn delete(&self, requester: &Arc<Requester>, ids: Vec<Uuid>) -> Result<()> {
        self.services.act(requester, move |unit| task_group::delete(unit, &ids)).await
    }
}

service! {
    /// The service of task executors. Each method is one transaction.
    TaskExecutorService
}

impl TaskExecutorService {
    /// Makes a user an executor of a group.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for a user who is an executor already, or a handler's refusal.
    pub async fn create(
        &self,
        requester: &Arc<Requester>,
        task_group_id: Uuid,
        user_id: Uuid,
    ) -> Result<TaskExecutor> {
        self.services.act(requester, move |unit| task_executor::create(unit, task_group_id, user_id)).await
    }

    /// Replaces the user of an executor.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for a user who is an executor already, or a handler's refusal.
    pub async fn update(&self, requester: &Arc<Requester>, id: Uuid, user_id: Uuid) -> Result<TaskExecutor> {
        self.services.act(requester, move |unit| task_executor::update(unit, id, user_id)).await
    }

    /// Changes the weight of an executor under the policy WEIGHT. Votes that were cast keep their weight.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, or a handler's refusal.
    pub async fn set_weight(
        &self,
        requester: &Arc<Requester>,
        id: Uuid,
        weight: i32,
    ) -> Result<TaskExecutor> {
        self.services.act(requester, move |unit| task_executor::set_weight(unit, id, weight)).await
    }

    /// Removes executors: all of them, or none.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, or a handler's refusal.
    pub async fn delete(&self, requester: &Arc<Requester>, ids: Vec<Uuid>) -> Result<()> {
        self.services.act(requester, move |unit| task_executor::delete(unit, &ids)).await
    }
}

service! {
    /// The service of approval flows. Each method is one transaction.
    TaskFlowService
}

impl TaskFlowService {
    /// Creates a flow.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND for a group, VALIDATION, or a handler's refusal.
    pub async fn create(&self, requester: &Arc<Requester>, input: CreateTaskFlow) -> Result<TaskFlow> {
        self.services.act(requester, move |unit| task_flow::create(unit, &input)).await
    }

    /// The head of the flow of this code, which is created if there is none; a flow that exists stays as it is. For the start of
    /// a host, whose processes may all do so at once.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND for a group, VALIDATION, or a handler's refusal.
    pub async fn ensure_flow(&self, requester: &Arc<Requester>, input: CreateTaskFlow) -> Result<TaskFlow> {
        self.services.act_again_if_taken(requester, move |unit| task_flow::ensure(unit, &input)).await
    }

    /// Changes the name and the sources of a flow's head.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for a superseded version, or a handler's refusal.
    pub async fn update(&self, requester: &Arc<Requester>, input: UpdateTaskFlow) -> Result<TaskFlow> {
        self.services.act(requester, move |unit| task_flow::update(unit, &input)).await
    }

    /// Supersedes the head of a flow; tasks under way keep their version.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for a superseded version, or a handler's refusal.
    pub async fn replace(&self, requester: &Arc<Requester>, input: ReplaceTaskFlow) -> Result<TaskFlow> {
        self.services.act(requester, move |unit| task_flow::replace(unit, &input)).await
    }

    /// Retires flows with all their versions: all of them, or none.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, CONFLICT for a flow with tasks in it, or a handler's refusal.
    pub async fn delete(&self, requester: &Arc<Requester>, ids: Vec<Uuid>) -> Result<()> {
        self.services.act(requester, move |unit| task_flow::delete(unit, &ids)).await
    }
}

service! {
    /// The service of webhook endpoints. Each method is one transaction.
    WebhookEndpointService
}

impl WebhookEndpointService {
    /// Creates an endpoint that is told of the signals with these names. An empty list means all signals of tasks. Returns
    /// the endpoint's key and its secret, which is never shown again.
    ///
    /// # Errors
    /// FORBIDDEN, VALIDATION, or LIMIT.
    pub async fn create(
        &self,
        requester: &Arc<Requester>,
        name: String,
        url: String,
        events: Vec<String>,
    ) -> Result<(Uuid, String)> {
        self.services.act(requester, move |unit| webhook_endpoint::create(unit, &name, &url, &events)).await
    }

    /// Changes an endpoint. If it is enabled again, the deliveries that wait for it go on.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for an endpoint of the configuration, or LIMIT.
    pub async fn update(
        &self,
        requester: &Arc<Requester>,
        id: Uuid,
        change: WebhookEndpointChange,
    ) -> Result<()> {
        self.services.act(requester, move |unit| webhook_endpoint::update(unit, id, &change)).await
    }

    /// Deletes endpoints: all of them, or none. Deliveries that wait for them are given up.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, CONFLICT for an endpoint of the configuration, or LIMIT.
    pub async fn delete(&self, requester: &Arc<Requester>, ids: Vec<Uuid>) -> Result<()> {
        self.services.act(requester, move |unit| webhook_endpoint::delete(unit, &ids)).await
    }

    /// Gives an endpoint a new secret; returns it, and never shows it again. The old secret signs beside it for `keep_old_s`
    /// seconds.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, or CONFLICT for an endpoint of the configuration.
    pub async fn rotate_secret(
        &self,
        requester: &Arc<Requester>,
        id: Uuid,
        keep_old_s: i64,
    ) -> Result<String> {
        self.services.act(requester, move |unit| webhook_endpoint::rotate_secret(unit, id, keep_old_s)).await
    }
}
