//! The call of a function: by the handler of the host, by a message to its receiver, or by a process that executes its source.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::javascript::Execution;
use super::{FunctionCalls, Place};
use crate::domain::function_run::reason::{BROKEN_OFF, NOT_BEGUN, TIMED_OUT};
use crate::domain::function_run::{RunError, RunErrorType};
use crate::domain::json::Json;
use crate::domain::task_function::FunctionKind;
use crate::model::task_function::TaskFunction;
use crate::service::function_handler::{FunctionCall, Said};
use crate::service::function_run::preparation::{Errand, Preparation, prepare};
use crate::signal::cause;

type Outcome = Result<Json, RunError>;

/// The call of a function.
pub struct Call<'a> {
    /// By what it is called.
    pub calls: &'a FunctionCalls,
    /// The function.
    pub function: &'a TaskFunction,
    /// What it is called for.
    pub errand: Errand,
    /// What it says.
    pub said: &'a Said,
}

impl Call<'_> {
    /// Makes it, within its time.
    ///
    /// # Errors
    /// Why there is no result.
    pub async fn make(self, place: Arc<Place>) -> Outcome {
        let given_up = CancellationToken::new();
        let preparation = prepare(&self.calls.services, self.function).await?;
        let (id, limit, patience) = (self.errand.id, self.errand.time_limit, self.errand.patience());
        let function = &self.function.name;
        let work = self.begin(preparation, place, given_up.clone())?;
        // If this call is dropped, the token tells the work on it to stop.
        let _guard = given_up.drop_guard();
        match tokio::time::timeout(patience, work).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                tracing::error!(%id, function, %error, "a function broke off");
                let message = "the function broke off; the cause is in the log";
                Err(RunError::new(RunErrorType::Runtime, BROKEN_OFF, message))
            }
            Err(_) => {
                let message = format!("it took longer than {limit} s (timeLimit)");
                Err(RunError::new(RunErrorType::Runtime, TIMED_OUT, &message))
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
        let given_up = async move {
            given_up.cancelled().await;
            Err(RunError::new(RunErrorType::Runtime, TIMED_OUT, "it was given up"))
        };
        let services = &self.calls.services;
        match self.function.kind {
            FunctionKind::Handler => {
                let call = FunctionCall {
                    run_id: self.errand.id,
                    function_name: self.function.name.clone(),
                    data: self.errand.data.clone(),
                    user_id: self.errand.user_id,
                    attempt: self.errand.attempt,
                    cause_depth: self.errand.cause_depth,
                    environment,
                    account,
                    said: self.said.clone(),
                };
                let work = services.functions.call(call).ok_or_else(|| {
                    RunError::new(RunErrorType::Invocation, NOT_BEGUN, "no such function is registered")
                })?;
                let work = cause::behind(self.errand.next_depth(), work);
                let runtime = tokio::runtime::Handle::current();
                Ok(tokio::task::spawn_blocking(move || {
                    let _place = place;
                    runtime.block_on(async {
                        tokio::select! {
                            outcome = work => {
                                outcome.map_err(|error| RunError::new(RunErrorType::Runtime, &error.name, &error.message))
                            }
                            outcome = given_up => outcome,
                        }
                    })
                }))
            }
            FunctionKind::Javascript => {
                let execution = Execution {
                    services: Arc::clone(services),
                    schema: self.calls.schema.clone(),
                    function: self.function.clone(),
                    errand: self.errand.clone(),
                    said: self.said.clone(),
                };
                Ok(tokio::spawn(async move {
                    let _place = place;
                    tokio::select! {
                        outcome = execution.execute(environment) => outcome,
                        outcome = given_up => outcome,
                    }
                }))
            }
            FunctionKind::Http => {
                let (services, webhooks) = (Arc::clone(services), Arc::clone(&self.calls.webhooks));
                let (function, errand) = (self.function.clone(), self.errand.clone());
                Ok(tokio::spawn(async move {
                    let _place = place;
                    tokio::select! {
                        outcome = webhooks.execute(&services, &function, &errand, environment) => outcome,
                        outcome = given_up => outcome,
                    }
                }))
            }
        }
    }
}
