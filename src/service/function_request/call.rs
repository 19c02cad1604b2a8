//! Calling a function for a request: at once, by the process that was asked, and once at most.
//!
//! The row of a request is added, and counted among what the function may begin in this minute, before the function is called. So a
//! call of which nobody knows how it ended shows too.

use std::pin::Pin;
use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};
use tokio::time::Instant;
use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::clock::new_id;
use crate::db;
use crate::domain::function_request::{Answer, LONGEST_METHOD, LONGEST_PATH, RESULT_BYTES};
use crate::domain::function_run::reason::TIMED_OUT;
use crate::domain::function_run::{DEEPEST, RunError};
use crate::domain::json::Json;
use crate::domain::task_function::{PermissionMode, beginning_of_minute, check_function_name};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::function_request::FunctionRequest;
use crate::model::task_function::TaskFunction;
use crate::service::context::ServiceContext;
use crate::service::function_run::preparation::Errand;

/// What calls functions in this process.
pub trait CallsFunctions: Send + Sync {
    /// Takes a place for a call of this function by this person, or by a stranger; none if there is none.
    fn admit(self: Arc<Self>, function: &Arc<TaskFunction>, caller: Option<Uuid>) -> Option<Admitted>;
}

/// A call that has its place.
pub type Admitted = Box<dyn FnOnce(Errand) -> Outcome + Send>;

type Outcome = Pin<Box<dyn Future<Output = Result<Json, RunError>> + Send>>;

/// A request for a function.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path behind the function's name, as it was sent.
    pub path: String,
    /// What the function is told.
    pub input: Json,
    /// Who calls; none for a stranger.
    pub caller: Option<Uuid>,
    /// How many runs stand behind it, one causing the next, as the caller says.
    pub cause_depth: i32,
}

/// What comes of a call.
#[derive(Debug)]
pub enum Called {
    /// The function has answered.
    Answered(Answer),
    /// It has not, or what can't be sent; the caller is told no more.
    Failed,
    /// It took too long.
    Late,
    /// It is called no more for so many seconds.
    Busy(i64),
}

/// The function of this name, if the requester may call it. To others, functions that are not there, are disabled or are not for them
/// are all the same.
///
/// # Errors
/// UNAUTHENTICATED for a stranger, else NOT_FOUND; or what the database says.
pub async fn callable(
    services: &Arc<ServiceContext>,
    requester: Option<&Arc<Requester>>,
    name: &str,
) -> Result<TaskFunction> {
    let found = match check_function_name("functionName", name) {
        Ok(()) => {
            let (name, requester) = (name.to_owned(), requester.cloned());
            services
                .read(move |services, connection| {
                    let function = db::task_function::by_name(connection, &name)?;
                    let settings = services.settings.current(connection, services.clock.now())?;
                    Ok(function.filter(|function| {
                        let mode = function.permission_mode;
                        let may_call = match &requester {
                            Some(requester) => {
                                !mode.needs_right()
                                    || requester.rights.have(&settings.gql_function_run_execute_perms)
                            }
                            None => mode == PermissionMode::Public && services.function_settings.public_api,
                        };
                        function.is_enabled && may_call
                    }))
                })
                .await?
        }
        Err(_) => None,
    };
    found.ok_or_else(|| match requester {
        None => Error::new(ErrorCode::Unauthenticated, Message::new("no-session")),
        Some(_) => Error::new(ErrorCode::NotFound, Message::new("no-callable-function")),
    })
}

/// Has a function answer a request.
///
/// # Errors
/// What the database says: then the function is not called.
pub async fn call(
    services: &Arc<ServiceContext>,
    calls: Arc<dyn CallsFunctions>,
    function: TaskFunction,
    request: Request,
) -> Result<Called> {
    /// How many seconds a caller waits who finds no place.
    const SOON: i64 = 1;
    let function = Arc::new(function);
    let Some(admitted) = calls.admit(&function, request.caller) else { return Ok(Called::Busy(SOON)) };
    let time_limit = function.time_limit.min(services.function_settings.api_timeout_s);
    let row = begun(&function, &request, services.clock.now());
    let errand = Errand {
        id: row.id,
        data: request.input,
        tags: Vec::new(),
        attempt: 1,
        cause_depth: request.cause_depth,
        user_id: request.caller,
        time_limit,
        result_bytes: RESULT_BYTES,
    };
    if let Some(seconds) = begin(services, &function, row.clone()).await? {
        return Ok(Called::Busy(seconds));
    }
    let started = Instant::now();
    let outcome = match errand.cause_depth {
        depth if depth > DEEPEST => Err(RunError::too_deep(depth)),
        _ => admitted(errand).await,
    };
    let answer = outcome.and_then(|result| Answer::read(&result));
    let called = match answer {
        Ok(answer) => Ok(Called::Answered(answer)),
        Err(error) if error.name == TIMED_OUT => Err((Called::Late, error)),
        Err(error) => Err((Called::Failed, error)),
    };
    let duration = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    end(services, row, &called, duration).await;
    Ok(called.unwrap_or_else(|(called, _)| called))
}

/// The row of a request that begins.
fn begun(function: &TaskFunction, request: &Request, now: NaiveDateTime) -> FunctionRequest {
    FunctionRequest {
        id: new_id(),
        function_id: function.id,
        function_name: function.name.clone(),
        method: request.method.chars().take(LONGEST_METHOD).collect(),
        path: request.path.chars().take(LONGEST_PATH).collect(),
        user_created: request.caller,
        date_created: now,
        status_code: None,
        duration_ms: None,
        error_name: None,
        error_message: None,
        error_type: None,
    }
}

/// Adds the row of a request, if the function may be called once more in this minute; if not, returns how many seconds are left of it.
async fn begin(
    services: &Arc<ServiceContext>,
    function: &Arc<TaskFunction>,
    row: FunctionRequest,
) -> Result<Option<i64>> {
    let function = Arc::clone(function);
    services
        .db
        .write(move |connection| {
            let minute = beginning_of_minute(row.date_created);
            let (meter, room) = db::task_function::room_in_minute(connection, &function, minute)?;
            if room == 0 {
                let rest = minute + TimeDelta::minutes(1) - row.date_created;
                return Ok(Some(rest.num_seconds().clamp(1, 60)));
            }
            db::insert(connection, &row)?;
            db::task_function::note_begun(connection, meter, 1)?;
            Ok(None)
        })
        .await
}

/// Writes how a request ended. If that can't be written, the caller is answered all the same: the function has been called.
async fn end(
    services: &Arc<ServiceContext>,
    row: FunctionRequest,
    called: &std::result::Result<Called, (Called, RunError)>,
    duration: i64,
) {
    let (ended, error) = match called {
        Ok(called) => (called, None),
        Err((called, error)) => (called, Some(error.clone())),
    };
    let (id, name) = (row.id, row.function_name.clone());
    if let Some(error) = &error {
        // It stands in the row. Strangers must not fill the log.
        tracing::debug!(%id, function = name, error = error.name, "a function did not answer a request");
    }
    let status = ended.status();
    metrics::counter!("tasks_function_requests_total", "status" => status.to_string()).increment(1);
    let row = FunctionRequest {
        status_code: Some(i32::from(status)),
        duration_ms: Some(duration),
        error_name: error.as_ref().map(|error| error.name.clone()),
        error_message: error.as_ref().map(|error| error.message.clone()),
        error_type: error.map(|error| error.kind),
        ..row
    };
    if let Err(error) = services.db.write(move |connection| db::update(connection, &row)).await {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(%id, function = name, cause, "how a request ended can't be written");
    }
}

impl Called {
    /// The status with which a caller is answered.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Answered(answer) => answer.status,
            Self::Failed => 502,
            Self::Late => 504,
            Self::Busy(_) => 429,
        }
    }
}
