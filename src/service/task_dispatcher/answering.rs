//! Who answers for a dispatcher: who wrote it last, as long as that person may have dispatchers.

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::settings::ModuleSettings;
use crate::error::Result;
use crate::model::task_dispatcher::TaskDispatcher;
use crate::service::context::ServiceContext;
use crate::service::{identity, visibility};

/// The dispatcher, if it is still told of events and who answers for it may still have it.
pub fn in_force(
    services: &ServiceContext,
    connection: &mut DbConnection,
    settings: &ModuleSettings,
    id: Uuid,
) -> Result<Option<TaskDispatcher>> {
    let dispatcher = db::get::<TaskDispatcher>(connection, id)?.filter(TaskDispatcher::is_live);
    let Some(dispatcher) = dispatcher else { return Ok(None) };
    let owner = owner_in_force(services, connection, settings, &dispatcher)?;
    Ok(owner.map(|_| dispatcher))
}

/// Who answers for a dispatcher, with the rights of now; none if these do not suffice any more.
pub fn owner_in_force(
    services: &ServiceContext,
    connection: &mut DbConnection,
    settings: &ModuleSettings,
    dispatcher: &TaskDispatcher,
) -> Result<Option<Requester>> {
    let owner = identity::answering_by_id(services, connection, dispatcher.owner())?;
    Ok(owner.filter(|owner| visibility::may_have_dispatchers(owner, settings)))
}
