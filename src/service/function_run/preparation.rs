//! What a run needs before its function is called.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::auth::requester::Requester;
use crate::domain::function_run::{NOT_BEGUN, RunError, RunErrorType};
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
