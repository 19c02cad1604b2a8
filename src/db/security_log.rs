//! The security log in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::connection::DbConnection;
use super::query::Listed;
use crate::error::Result;
use crate::model::security_log::{SecurityEntry, core_securitylog};

impl Listed for SecurityEntry {
    const LEFT_OUT: &[&str] = &["detail"];
    const TOUCHED_BY: Option<&str> = None;
}

/// Forgets entries from before `moment`.
pub fn prune(connection: &mut DbConnection, moment: NaiveDateTime) -> Result<usize> {
    Ok(diesel::delete(core_securitylog::table.filter(core_securitylog::date.lt(moment)))
        .execute(connection)?)
}
