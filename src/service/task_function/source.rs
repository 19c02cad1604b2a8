//! A runner looks at the source of a function in JavaScript before it is kept. That takes a process of its own, so it happens before the
//! transaction, and what came of it goes into the transaction.

use std::sync::Arc;

use crate::auth::requester::Requester;
use crate::error::Result;
use crate::service::context::ServiceContext;
use crate::service::function_sources::Syntax;

/// Has a runner look at the source that somebody wants to keep, if he may keep one at all.
///
/// # Errors
/// UNAVAILABLE if the runner can't be asked, or what the database says.
pub async fn look_at(
    services: &Arc<ServiceContext>,
    requester: &Requester,
    source: Option<&str>,
) -> Result<Syntax> {
    let Some(source) = source else { return Ok(Syntax::Unknown) };
    let settings =
        services.read(|services, connection| services.settings.current(connection, services.clock.now()));
    let settings = settings.await?;
    let needed = [&settings.gql_task_function_create_perms, &settings.gql_task_function_update_perms];
    if needed.iter().all(|needed| requester.need(needed).is_err()) {
        // The transaction refuses it.
        return Ok(Syntax::Unknown);
    }
    services.sources.look_at(source).await
}
