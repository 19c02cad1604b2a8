//! Requests that functions have answered, in the database.

use chrono::NaiveDateTime;

use super::connection::DbConnection;
use super::query::{Field, Listed};
use super::sql::Sql;
use crate::error::Result;
use crate::model::entity::Kind;
use crate::model::function_request::FunctionRequest;

impl Listed for FunctionRequest {
    const LEFT_OUT: &[&str] = &["error_message"];
    const ORDER_ALIASES: &[(&str, &str)] =
        &[("uuid", "id"), ("creation_timestamp", "date_created"), ("duration", "duration_ms")];
    const FIELDS: &[Field] =
        &[Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username")];
    const TOUCHED_BY: Option<&str> = None;
}

/// Forgets some requests that were made before `moment`; returns how many.
pub fn prune(connection: &mut DbConnection, moment: NaiveDateTime, most: i64) -> Result<usize> {
    Ok(Sql::new(
        "DELETE FROM task_management_functionrequest WHERE id IN (SELECT id FROM task_management_functionrequest \
         WHERE date_created < ",
    )
    .bind(moment)
    .sql(" LIMIT ")
    .bind(most)
    .sql(")")
    .execute(connection)?)
}
