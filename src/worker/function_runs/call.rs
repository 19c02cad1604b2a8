//! Calling a function: by the handler of the host, by a message to its receiver, or by a process that executes its source.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::javascript::Execution;
use super::{Place, Worker};
use crate::domain::function_run::{BROKEN_OFF, NOT_BEGUN, RunError, RunErrorType, TIMED_OUT};
use crate::domain::json::Json;
use crate::domain::task_function::FunctionKind;
use crate::model::function_run::FunctionRun;
use crate::model::task_function::TaskFunction;
use crate::service::function_handler::{FunctionCall, Said};
use crate::service::function_run::preparation::{Preparation, prepare};
use crate::signal::cause;

type Outcome = Result<Json, RunError>;

/// The call of a function.
pub(super) struct Call<'a> {
    pub worker: &'a Worker,
    pub run: &'a FunctionRun,
    pub function: &'a TaskFunction,
    pub said: &'a Said,
}

impl Call<'_> {
    /// Makes it, within the time limit of the function. The lease of the run is kept meanwhile.
    pub async fn make(&self, place: Arc<Place>) -> Outcome {
        let given_up = CancellationToken::new();
        let preparation = prepare(&self.worker.services, self.function).await?;
        let mut work = self.begin(preparation, place, given_up.clone())?;
        // If this call is dropped, the token tells the work on it to stop.
        let _guard = given_up.drop_guard();
        let lease = Duration::from_secs(self.worker.settings.lease_s.unsigned_abs().max(1));
        let mut renewal = tokio::time::interval_at(tokio::time::Instant::now() + lease / 3, lease / 3);
        let limit = self.function.time_limit;
        let patience = tokio::time::sleep(Duration::from_secs(u64::try_from(limit).unwrap_or(1)));
        tokio::pin!(patience);
        loop {
            tokio::select! {
                outcome = &mut work => {
                    return outcome.unwrap_or_else(|error| {
                        tracing::error!(run = %self.run.id, function = %self.function.name, %error, "a function broke off");
                        Err(RunError::new(RunErrorType::Runtime, BROKEN_OFF, "the function broke off; the cause is in the log"))
                    });
                }
                _ = renewal.tick() => {
                    // What it answers is not kept then.
                    self.worker.renew(self.run.id).await;
                }
                () = &mut patience => {
                    let message = format!("it took longer than {limit} s (timeLimit)");
                    return Err(RunError::new(RunErrorType::Runtime, TIMED_OUT, &message));
                }
            }
        }
    }

    /// Begins to call. A handler gets a thread of its own, so that it blocks nobody else; the place is free again when the thread is.
    fn begin(
        &self,
        preparation: Preparation,
        place: Arc<Place>,
        given_up: CancellationToken,
    ) -> Result<JoinHandle<Outcome>, RunError> {
        let Preparation { environment, account } = preparation;
        match self.function.kind {
            FunctionKind::Handler => {
                let call = FunctionCall {
                    run_id: self.run.id,
                    function_name: self.run.function_name.clone(),
                    data: self.run.data.clone(),
                    user_id: self.run.user_created,
                    attempt: self.run.retried_runs().len() + 1,
                    cause_depth: self.run.cause_depth,
                    environment,
                    account,
                    said: self.said.clone(),
                };
                let work = self.worker.services.functions.call(call).ok_or_else(|| {
                    RunError::new(RunErrorType::Invocation, NOT_BEGUN, "no such function is registered")
                })?;
                let work = cause::behind(self.run.cause_depth + 1, work);
                let runtime = tokio::runtime::Handle::current();
                Ok(tokio::task::spawn_blocking(move || {
                    let _place = place;
                    runtime.block_on(async {
                        tokio::select! {
                            outcome = work => {
                                outcome.map_err(|error| RunError::new(RunErrorType::Runtime, &error.name, &error.message))
                            }
                            () = given_up.cancelled() => {
                                Err(RunError::new(RunErrorType::Runtime, TIMED_OUT, "it was given up"))
                            }
                        }
                    })
                }))
            }
            FunctionKind::Javascript => {
                let execution = Execution {
                    services: Arc::clone(&self.worker.services),
                    schema: self.worker.schema.clone(),
                    function: self.function.clone(),
                    run: self.run.clone(),
                    said: self.said.clone(),
                };
                Ok(tokio::spawn(async move {
                    let _place = place;
                    tokio::select! {
                        outcome = execution.execute(environment) => outcome,
                        () = given_up.cancelled() => {
                            Err(RunError::new(RunErrorType::Runtime, TIMED_OUT, "it was given up"))
                        }
                    }
                }))
            }
            FunctionKind::Http => {
                let (services, webhooks) =
                    (Arc::clone(&self.worker.services), Arc::clone(&self.worker.webhooks));
                let (function, run) = (self.function.clone(), self.run.clone());
                Ok(tokio::spawn(async move {
                    let _place = place;
                    tokio::select! {
                        outcome = webhooks.execute(&services, &function, &run, environment) => outcome,
                        () = given_up.cancelled() => {
                            Err(RunError::new(RunErrorType::Runtime, TIMED_OUT, "it was given up"))
                        }
                    }
                }))
            }
        }
    }
}
