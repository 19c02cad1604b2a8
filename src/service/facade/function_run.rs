//! The service of runs of functions, as hosts call it.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::domain::function_run::LONGEST_WAIT;
use crate::error::{Error, Result};
use crate::model::function_run::FunctionRun;
use crate::service::context::ServiceContext;
use crate::service::function_run::{self, CreateFunctionRun};
use crate::service::unit_of_work::UnitOfWork;

service! {
    /// The service of runs of functions.
    FunctionRunService
}

impl FunctionRunService {
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
        let work = move |unit: &mut UnitOfWork<'_>| {
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

    /// Has a run that failed executed again, as another attempt.
    ///
    /// # Errors
    /// NOT_FOUND, FORBIDDEN, LIMIT, or CONFLICT for a run that has not failed or a function that is disabled.
    pub async fn replay(&self, requester: &Arc<Requester>, id: Uuid) -> Result<FunctionRun> {
        self.services.act(requester, move |unit| function_run::replay(unit, id)).await
    }

    /// Gives up runs that wait, and ends those that are under way, which fail as `canceled`: all of them, or none. What they have done is done.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, CONFLICT for a run that was begun, or LIMIT.
    pub async fn cancel(&self, requester: &Arc<Requester>, ids: Vec<Uuid>) -> Result<()> {
        self.services.act(requester, move |unit| function_run::cancel(unit, &ids)).await
    }
}
