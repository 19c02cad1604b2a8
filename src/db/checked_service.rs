//! The services that some process puts under maker-checker.

use super::connection::DbConnection;
use super::entity::{get, insert_missing};
use crate::error::Result;
use crate::model::checked_service::CheckedService;

/// Notes that a process carries out approved operations of this service.
pub fn register(connection: &mut DbConnection, name: &str) -> Result<()> {
    if !is_registered(connection, name)? {
        insert_missing(connection, &[CheckedService { name: name.to_owned() }])?;
    }
    Ok(())
}

/// Whether some process carries out approved operations of this service.
pub fn is_registered(connection: &mut DbConnection, name: &str) -> Result<bool> {
    Ok(get::<CheckedService>(connection, name)?.is_some())
}
