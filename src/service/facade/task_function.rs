//! The services of functions and their runs, as hosts call them.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::domain::function_run::LONGEST_WAIT;
use crate::error::{Error, Result};
use crate::model::function_run::FunctionRun;
use crate::model::function_schedule::FunctionSchedule;
use crate::model::task_function::TaskFunction;
use crate::service::context::ServiceContext;
use crate::service::function_run::{self, CreateFunctionRun};
use crate::service::function_schedule::{self, CreateFunctionSchedule, FunctionScheduleChange};
use crate::service::task_function::{self, CreateTaskFunction, TaskFunctionChange};

/// The service of functions. Each method is one transaction.
#[derive(Clone)]
pub struct TaskFunctionService {
    pub(crate) services: Arc<ServiceContext>,
}

impl TaskFunctionService {
    pub(crate) const fn new(services: Arc<ServiceContext>) -> Self {
        Self { services }
    }

    /// Makes a function; returns it, and the secret with which messages to its receiver are signed, if it has one.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND for an account, VALIDATION, or LIMIT.
    pub async fn create(
        &self,
        requester: &Arc<Requester>,
        input: CreateTaskFunction,
    ) -> Result<(TaskFunction, Option<String>)> {
        self.services.act(requester, move |unit| task_function::create(unit, &input)).await
    }

    /// Changes a function.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, or LIMIT.
    pub async fn update(
        &self,
        requester: &Arc<Requester>,
        id: Uuid,
        change: TaskFunctionChange,
    ) -> Result<TaskFunction> {
        self.services.act(requester, move |unit| task_function::update(unit, id, &change, None)).await
    }

    /// Deletes functions: all of them, or none. Their runs that wait are given up.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, or LIMIT.
    pub async fn delete(&self, requester: &Arc<Requester>, ids: Vec<Uuid>) -> Result<()> {
        self.services.act(requester, move |unit| task_function::delete(unit, &ids)).await
    }

    /// Gives a function a new secret; returns it, and never shows it again. The old secret signs beside it for `keep_old_s`
    /// seconds.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, or VALIDATION.
    pub async fn rotate_secret(
        &self,
        requester: &Arc<Requester>,
        id: Uuid,
        keep_old_s: i64,
    ) -> Result<String> {
        self.services.act(requester, move |unit| task_function::rotate_secret(unit, id, keep_old_s)).await
    }
}

/// The service of runs of functions.
#[derive(Clone)]
pub struct FunctionRunService {
    pub(crate) services: Arc<ServiceContext>,
}

impl FunctionRunService {
    pub(crate) const fn new(services: Arc<ServiceContext>) -> Self {
        Self { services }
    }

    /// Has a function run, now or later.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, LIMIT, or CONFLICT for a function that is disabled.
    pub async fn create(&self, requester: &Arc<Requester>, input: CreateFunctionRun) -> Result<FunctionRun> {
        self.services.act(requester, move |unit| function_run::create(unit, &input)).await
    }

    /// Has a function run several times: all of them, or none.
    ///
    /// # Errors
    /// As for [`Self::create`].
    pub async fn create_many(
        &self,
        requester: &Arc<Requester>,
        inputs: Vec<CreateFunctionRun>,
    ) -> Result<Vec<FunctionRun>> {
        let work = move |unit: &mut crate::service::unit_of_work::UnitOfWork<'_>| {
            inputs.iter().map(|input| function_run::create(unit, input)).collect()
        };
        self.services.act(requester, work).await
    }

    /// Has a function run, and waits for its end, 30 seconds at most; then the run goes on.
    ///
    /// # Errors
    /// As for [`Self::create`].
    pub async fn execute(&self, requester: &Arc<Requester>, input: CreateFunctionRun) -> Result<FunctionRun> {
        let run = self.services.act(requester, move |unit| function_run::execute(unit, &input)).await?;
        self.finished(run.id, Duration::from_secs(LONGEST_WAIT)).await
    }

    /// The run, as it is when it has ended, or when `patience` is over.
    ///
    /// # Errors
    /// INTERNAL if the run is not there.
    pub async fn finished(&self, id: Uuid, patience: Duration) -> Result<FunctionRun> {
        let run = function_run::finished(&self.services, id, patience).await.inspect_err(Error::log)?;
        run.ok_or_else(|| Error::internal(format!("there is no run {id}"))).inspect_err(Error::log)
    }

    /// Gives up runs that wait: all of them, or none.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, CONFLICT for a run that was begun, or LIMIT.
    pub async fn cancel(&self, requester: &Arc<Requester>, ids: Vec<Uuid>) -> Result<()> {
        self.services.act(requester, move |unit| function_run::cancel(unit, &ids)).await
    }
}

/// The service of schedules of functions. Each method is one transaction.
#[derive(Clone)]
pub struct FunctionScheduleService {
    pub(crate) services: Arc<ServiceContext>,
}

impl FunctionScheduleService {
    pub(crate) const fn new(services: Arc<ServiceContext>) -> Self {
        Self { services }
    }

    /// Has a function run by itself.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND for a function, or VALIDATION.
    pub async fn create(
        &self,
        requester: &Arc<Requester>,
        input: CreateFunctionSchedule,
    ) -> Result<FunctionSchedule> {
        self.services.act(requester, move |unit| function_schedule::create(unit, &input)).await
    }

    /// Changes a schedule.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, or VALIDATION.
    pub async fn update(
        &self,
        requester: &Arc<Requester>,
        id: Uuid,
        change: FunctionScheduleChange,
    ) -> Result<FunctionSchedule> {
        self.services.act(requester, move |unit| function_schedule::update(unit, id, &change, None)).await
    }

    /// Deletes schedules: all of them, or none.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, or LIMIT.
    pub async fn delete(&self, requester: &Arc<Requester>, ids: Vec<Uuid>) -> Result<()> {
        self.services.act(requester, move |unit| function_schedule::delete(unit, &ids)).await
    }
}
