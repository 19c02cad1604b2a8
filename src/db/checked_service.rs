//! The services that some process puts under maker-checker.

use super::connection::DbConnection;
use super::entity::{get, insert_missing, update};
use crate::error::Result;
use crate::model::checked_service::CheckedService;

/// Notes that a process carries out approved operations of this service, and how.
pub fn register(connection: &mut DbConnection, service: &CheckedService) -> Result<()> {
    match registered(connection, &service.name)? {
        Some(known) if known == *service => Ok(()),
        Some(_) => update(connection, service),
        None => insert_missing(connection, std::slice::from_ref(service)),
    }
}

/// The service of this name, if some process carries out its operations.
pub fn registered(connection: &mut DbConnection, name: &str) -> Result<Option<CheckedService>> {
    get::<CheckedService>(connection, name)
}
