//! Attempts at webhook endpoints, in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::query::Listed;
use crate::error::Result;
use crate::model::webhook_attempt::{WebhookAttempt, task_management_webhookattempt as webhook_attempt};

impl Listed for WebhookAttempt {
    const LEFT_OUT: &[&str] = &["error", "response"];
    const ORDER_ALIASES: &[(&str, &str)] = &[];
    const TOUCHED_BY: Option<&str> = None;
}

/// When the last attempt at this endpoint was made.
pub fn last_date(connection: &mut DbConnection, endpoint_id: Uuid) -> Result<Option<NaiveDateTime>> {
    let own = webhook_attempt::table.filter(webhook_attempt::endpoint_id.eq(endpoint_id));
    let last = own.order(webhook_attempt::id.desc()).select(webhook_attempt::date);
    Ok(last.first(connection).optional()?)
}

/// Forgets attempts that were made before `moment`.
pub fn prune(connection: &mut DbConnection, moment: NaiveDateTime) -> Result<usize> {
    Ok(diesel::delete(webhook_attempt::table.filter(webhook_attempt::date.lt(moment))).execute(connection)?)
}
