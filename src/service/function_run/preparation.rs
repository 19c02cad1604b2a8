//! What a run needs before its function is called.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::domain::function_run::{NOT_BEGUN, RunError, RunErrorType};
use crate::domain::json::{Json, json};
use crate::error::Result as Outcome;
use crate::model::function_run::FunctionRun;
use crate::model::task_function::TaskFunction;
use crate::service::context::ServiceContext;
use crate::service::identity;
use crate::service::task_function::secrets;

/// What a run needs.
#[derive(Default)]
pub struct Preparation {
    /// The function's environment variables.
    pub environment: BTreeMap<String, String>,
    /// The user in whose name it acts.
    pub account: Option<Arc<Requester>>,
}

/// Reads what a run of this function needs.
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

/// A run, as functions outside of this process are told of it.
#[must_use]
pub fn told(run: &FunctionRun) -> Json {
    json!({
        "id": run.id,
        "functionName": run.function_name,
        "data": run.data,
        "tags": run.tags,
        "attempt": run.retried_runs().len() + 1,
        "causeDepth": run.cause_depth + 1,
        "userId": run.user_created,
    })
}
