//! Executing a function in JavaScript: a process of its own does so, and asks the interface by this one.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;

use async_graphql::{Request, Variables};
use serde_json::value::{RawValue, to_raw_value};

use crate::domain::function_run::reason::{
    BAD_RESULT, BROKEN_OFF, KILLED, NO_ACCOUNT, NO_SANDBOX, NOT_BEGUN, NOT_SERIALIZABLE, OUT_OF_MEMORY,
    TOO_LARGE, TOO_MANY,
};
use crate::domain::function_run::{MOST_LINES, RUN_BYTES, RunError, RunErrorType};
use crate::domain::json::Json;
use crate::function_runner::message::{Fault, Job, Order, Reply, Told};
use crate::function_runner::outside::Runner;
use crate::graphql::Schema;
use crate::graphql::protocol::context::RequestId;
use crate::graphql::protocol::document::aside;
use crate::model::task_function::TaskFunction;
use crate::service::ServiceContext;
use crate::service::function_handler::Said;
use crate::service::function_run::preparation::{Errand, account};
use crate::signal::cause;

/// An errand that a process of its own carries out.
pub struct Execution {
    pub services: Arc<ServiceContext>,
    pub schema: Schema,
    pub function: TaskFunction,
    pub errand: Errand,
    pub said: Said,
}

impl Execution {
    /// Has it executed. The process is killed when this is dropped.
    ///
    /// # Errors
    /// Why there is no result.
    pub async fn execute(self, environment: BTreeMap<String, String>) -> Result<Json, RunError> {
        let not_begun = |message: &str| RunError::new(RunErrorType::Invocation, NOT_BEGUN, message);
        let (Some(runner), Some(source)) = (self.services.sources.runner(), self.function.source.clone())
        else {
            return Err(not_begun("no program executes functions in JavaScript here"));
        };
        let failed = |error: io::Error| {
            tracing::error!(run = %self.errand.id, %error, "a process for a function can't be started");
            not_begun("the process that executes it can't be started; the cause is in the log")
        };
        let told = self.errand.told(&self.function).to_string();
        let task = RawValue::from_string(told).map_err(|error| failed(error.into()))?;
        let mut runner = Runner::start(runner, self.memory_limit(), self.time_limit()).map_err(failed)?;
        let job = Job { source, task, environment, result_bytes: self.errand.result_bytes };
        // Whether it has heard the order shows in what it tells.
        let _ = runner.order(&Order::Run(Box::new(job))).await;
        self.listen(runner).await
    }

    /// Listens to the process until it has ended.
    async fn listen(&self, mut runner: Runner) -> Result<Json, RunError> {
        let (mut lines, mut questions) = (0, 0);
        loop {
            match runner.told().await {
                // More than a runner tells: it is not itself any more.
                Ok(Told::Line(_)) if lines > MOST_LINES + 1 => {
                    return Err(self.ended(runner, io::ErrorKind::InvalidData).await);
                }
                Ok(Told::Line(line)) => {
                    lines += 1;
                    self.said.say(&line);
                }
                Ok(Told::Question { number, query, variables }) => {
                    questions += 1;
                    let answer = self.answer(questions, query, variables).await;
                    let _ = runner.reply(&Reply { number, answer }).await;
                }
                Ok(Told::Null { before }) => {
                    let is_full = runner.has_taken(self.memory_limit() / 2, before).await;
                    let no_memory = is_full.then(|| Fault::new(OUT_OF_MEMORY, ""));
                    let answer = no_memory.map_or_else(|| Ok(RawValue::NULL.to_owned()), Err);
                    let _ = runner.reply(&Reply { number: Reply::OF_NULL, answer }).await;
                }
                Ok(Told::Result(json)) => {
                    // The answer to a request may be long.
                    let read = aside(json.get().len() > RUN_BYTES, move || Json::parse(json.get())).await;
                    return read.ok().and_then(Result::ok).ok_or_else(|| {
                        let message = "the result is no JSON that can be kept";
                        RunError::new(RunErrorType::Response, BAD_RESULT, message)
                    });
                }
                Ok(Told::Failed(fault)) => return Err(error(&fault)),
                Err(error) => return Err(self.ended(runner, error.kind()).await),
            }
        }
    }

    /// Why a process has ended without a result.
    async fn ended(&self, runner: Runner, why: io::ErrorKind) -> RunError {
        let status = runner.end().await;
        tracing::warn!(run = %self.errand.id, function = %self.function.name, ?status, "the process of a function has ended early");
        if why == io::ErrorKind::InvalidData {
            let message = "its process told what it must not, and was ended";
            return RunError::new(RunErrorType::Runtime, BROKEN_OFF, message);
        }
        match status.ok().and_then(|status: ExitStatus| status.signal()) {
            Some(signal) => {
                let limit = self.memory_limit();
                let message = format!(
                    "its process was ended by signal {signal}; perhaps it needed more memory than {limit} MB (memoryLimit)"
                );
                RunError::new(RunErrorType::Runtime, KILLED, &message)
            }
            None => {
                RunError::new(RunErrorType::Runtime, BROKEN_OFF, "its process has ended without a result")
            }
        }
    }

    /// Asks the interface as the function's account, with rights as they are now. What is done thereby counts as caused by the run.
    async fn answer(
        &self,
        count: u32,
        query: String,
        variables: Option<Box<RawValue>>,
    ) -> Result<Box<RawValue>, Fault> {
        let settings = &self.services.function_settings;
        if count > settings.graphql_calls {
            let message =
                format!("a run asks {} times at most (functions.graphql_calls)", settings.graphql_calls);
            return Err(Fault::new(TOO_MANY, message));
        }
        let too_large = |what: &str| {
            let most = settings.graphql_bytes;
            Fault::new(TOO_LARGE, format!("{what} has {most} bytes at most (functions.graphql_bytes)"))
        };
        let length = variables.as_ref().map_or(0, |variables| variables.get().len());
        if query.len() + length > settings.graphql_bytes {
            return Err(too_large("a question with its variables"));
        }
        let internal = |error: &dyn std::fmt::Display| {
            tracing::warn!(run = %self.errand.id, %error, "a function can't ask now");
            Fault::new(BROKEN_OFF, "the interface can't be asked now; the cause is in the log")
        };
        let Some(id) = self.function.service_account else {
            return Err(Fault::new(
                NO_ACCOUNT,
                "a function without a serviceAccount can't ask the interface",
            ));
        };
        let requester = account(&self.services, id).await.map_err(|error| internal(&error))?;
        let Some(requester) = requester else {
            return Err(Fault::new(NO_ACCOUNT, "the user in whose name the function acts is not active"));
        };
        let variables = variables.map(|variables| serde_json::from_str(variables.get())).transpose();
        let variables = variables.map_err(|error| internal(&error))?.unwrap_or_default();
        let request = Request::new(query)
            .variables(Variables::from_json(variables))
            .data(requester)
            .data(RequestId(self.errand.id.to_string()));
        let schema = self.schema.clone();
        let depth = self.errand.next_depth();
        // In a task of its own: what a mutation has begun is finished, whatever becomes of the run.
        let asked = tokio::spawn(cause::behind(depth, async move { schema.execute(request).await }));
        let response = asked.await.map_err(|error| internal(&error))?;
        let answer = to_raw_value(&response).map_err(|error| internal(&error))?;
        if answer.get().len() > settings.graphql_bytes { Err(too_large("an answer")) } else { Ok(answer) }
    }

    fn memory_limit(&self) -> u64 {
        let usual = crate::domain::task_function::USUAL_MEMORY_LIMIT;
        u64::from(self.function.memory_limit.unwrap_or(usual).unsigned_abs())
    }

    fn time_limit(&self) -> u64 {
        self.errand.patience().as_secs()
    }
}

fn error(fault: &Fault) -> RunError {
    let kind = match fault.name.as_str() {
        NO_SANDBOX => RunErrorType::Invocation,
        NOT_SERIALIZABLE | BAD_RESULT => RunErrorType::Response,
        _ => RunErrorType::Runtime,
    };
    RunError::new(kind, &fault.name, &fault.message)
}
