//! Webhook endpoints in the database.

use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::{Lock, select_locked, violates_unique};
use super::query::Listed;
use super::sql::Sql;
use crate::error::{Error, Result};
use crate::model::webhook_endpoint::{WebhookEndpoint, task_management_webhookendpoint as webhook_endpoint};

impl Listed for WebhookEndpoint {
    const LEFT_OUT: &[&str] =
        &["is_deleted", "user_created", "user_updated", "events", "disabled_reason", "secrets"];
}

/// Whether an error is the refusal of a second live endpoint with one name.
#[must_use]
pub fn is_name_taken(error: &Error) -> bool {
    violates_unique(error, "task_management_webhookendpoint_name_live")
}

/// The endpoints that are not deleted, by key, locked until the transaction ends.
pub fn lock_all(connection: &mut DbConnection) -> Result<Vec<WebhookEndpoint>> {
    select_locked(connection, Sql::new("NOT is_deleted ORDER BY id"), Lock::Write)
}

/// The key of the endpoint of this name that is not deleted.
pub fn by_name(connection: &mut DbConnection, name: &str) -> Result<Option<Uuid>> {
    Ok(webhook_endpoint::table
        .filter(webhook_endpoint::name.eq(name))
        .filter(diesel::dsl::not(webhook_endpoint::is_deleted))
        .select(webhook_endpoint::id)
        .first(connection)
        .optional()?)
}

/// How many endpoints people have made that are not deleted.
///
/// # Errors
/// What the database says.
pub fn count_made(connection: &mut DbConnection) -> Result<i64> {
    Ok(webhook_endpoint::table
        .filter(diesel::dsl::not(webhook_endpoint::is_deleted))
        .filter(diesel::dsl::not(webhook_endpoint::is_configured))
        .count()
        .get_result(connection)?)
}
