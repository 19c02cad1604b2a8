//! What a function needs before it is called, and what it is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::db;
use crate::domain::function_run::reason::NOT_BEGUN;
use crate::domain::function_run::{RUN_BYTES, RunError, RunErrorType, RunTrigger};
use crate::domain::json::{Json, json};
use crate::domain::task_function::PermissionMode;
use crate::domain::user::SYSTEM_USER;
use crate::error::{Error, Result as Outcome};
use crate::message::Message;
use crate::model::function_run::FunctionRun;
use crate::model::task_function::TaskFunction;
use crate::model::user::User;
use crate::service::context::ServiceContext;
use crate::service::identity;
use crate::service::task_function::secrets;

/// What a function is called for: a run, or a request.
#[derive(Debug, Clone)]
pub struct Errand {
    /// The key of the run, or of the request.
    pub id: Uuid,
    /// The input.
    pub data: Json,
    /// Words by which the run is found.
    pub tags: Vec<String>,
    /// The number of the attempt, from 1.
    pub attempt: usize,
    /// How many runs stand behind it, one causing the next.
    pub cause_depth: i32,
    /// The person who asked for it; none for a stranger.
    pub user_id: Option<Uuid>,
    /// How many seconds it may take.
    pub time_limit: i32,
    /// How many bytes the result may have.
    pub result_bytes: usize,
}

impl Errand {
    /// That of a run of this function.
    #[must_use]
    pub fn of_run(run: &FunctionRun, function: &TaskFunction) -> Self {
        Self {
            id: run.id,
            data: run.data.clone(),
            tags: run.tag_list(),
            attempt: run.retried_runs().len() + 1,
            cause_depth: run.cause_depth,
            user_id: Some(run.user_created),
            time_limit: function.time_limit,
            result_bytes: RUN_BYTES,
        }
    }

    /// How many runs stand behind what it causes. A person may replay a run with any number of them behind it.
    #[must_use]
    pub const fn next_depth(&self) -> i32 {
        self.cause_depth.saturating_add(1)
    }

    /// How long it may take.
    #[must_use]
    pub fn patience(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.time_limit).unwrap_or(1))
    }

    /// What functions outside of this process are told of it.
    #[must_use]
    pub fn told(&self, function: &TaskFunction) -> Json {
        json!({
            "id": self.id,
            "functionName": function.name,
            "data": self.data,
            "tags": self.tags,
            "attempt": self.attempt,
            "causeDepth": self.next_depth(),
            "userId": self.user_id,
        })
    }
}

/// What a call needs.
#[derive(Default)]
pub struct Preparation {
    /// The function's environment variables.
    pub environment: BTreeMap<String, String>,
    /// The user in whose name it acts.
    pub account: Option<Arc<Requester>>,
}

/// Reads what a call of this function needs.
///
/// # Errors
/// Why it can't be begun.
pub async fn prepare(
    services: &Arc<ServiceContext>,
    function: &TaskFunction,
) -> Result<Preparation, RunError> {
    let refused = |message: &str| RunError::new(RunErrorType::Invocation, NOT_BEGUN, message);
    if function.service_account.is_none() && function.variables().is_empty() {
        return Ok(Preparation::default());
    }
    let (id, account) = (function.id, function.service_account);
    let read = services.read(move |services, connection| {
        let environment = secrets::environment(services, connection, id)?;
        let acting = match account {
            Some(account) => identity::acting_by_id(services, connection, account)?,
            None => None,
        };
        Ok((environment, acting.map(Arc::new)))
    });
    match read.await {
        Ok((_, None)) if account.is_some() => {
            Err(refused("the user in whose name the function acts is not active"))
        }
        Ok((environment, account)) => Ok(Preparation { environment, account }),
        Err(error) => {
            error.log();
            Err(refused("what the function needs can't be read now; the cause is in the log"))
        }
    }
}

/// Looks whether whoever had a run made may still have it executed: an account may be blocked while its runs wait. What carries out
/// a decision goes on.
///
/// # Errors
/// Why it is not executed.
pub async fn check_asker(
    services: &Arc<ServiceContext>,
    run: &FunctionRun,
    function: &TaskFunction,
) -> Result<(), RunError> {
    if run.triggered_by == RunTrigger::Task || run.user_created == SYSTEM_USER {
        return Ok(());
    }
    let refused = |message: &str| Err(RunError::new(RunErrorType::Invocation, NOT_BEGUN, message));
    match is_entitled(services, run.user_created, function.permission_mode).await {
        Ok((true, _)) => Ok(()),
        Ok((false, asker)) => {
            let message = Message::new("run-asker-lacks").with("asker", asker);
            let message = message.with("function", function.name.as_str());
            refused(&Error::forbidden(message).to_string())
        }
        Err(error) => {
            error.log();
            refused("who asked for it can't be looked up now; the cause is in the log")
        }
    }
}

/// Whether somebody may have a function of this mode run now, and that person's name.
async fn is_entitled(
    services: &Arc<ServiceContext>,
    id: Uuid,
    mode: PermissionMode,
) -> Outcome<(bool, String)> {
    services.users.ahead(&[id]).await?;
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            let Some(asker) = identity::acting_by_id(services, connection, id)? else {
                let person = db::get::<User>(connection, id)?;
                return Ok((false, person.map_or_else(|| id.to_string(), |person| person.username)));
            };
            let by = [&settings.gql_function_run_create_perms, &settings.gql_function_run_execute_perms];
            let may = !mode.needs_right() || by.iter().any(|rights| asker.rights.have(rights));
            Ok((may, asker.user.username))
        })
        .await
}

/// The user in whose name a run acts, with rights as they are now; none for one who may not act any more.
///
/// # Errors
/// What the database says.
pub async fn account(services: &Arc<ServiceContext>, id: Uuid) -> Outcome<Option<Arc<Requester>>> {
    let acting = services.read(move |services, connection| identity::acting_by_id(services, connection, id));
    // As a token, it makes no tokens, changes no passwords, and decides only with the right to change tasks.
    let mut acting = acting.await?;
    if let Some(acting) = &mut acting {
        acting.is_program = true;
    }
    Ok(acting.map(Arc::new))
}
