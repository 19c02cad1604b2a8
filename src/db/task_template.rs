//! Templates of mails in the database.

use diesel::prelude::*;

use super::connection::DbConnection;
use super::entity::{Lock, select, select_locked, violates_unique};
use super::query::Listed;
use super::sql::Sql;
use crate::error::{Error, Result};
use crate::model::task_template::{TaskTemplate, task_management_tasktemplate as task_template};

impl Listed for TaskTemplate {
    const LEFT_OUT: &[&str] = &["json_ext", "subject", "text", "html"];
}

/// The live templates of this name, one for each language.
pub fn of_name(connection: &mut DbConnection, name: &str) -> Result<Vec<TaskTemplate>> {
    select(connection, Sql::new("NOT is_deleted AND name = ").bind(name))
}

/// The same, locked until the transaction ends.
pub fn lock_of_name(connection: &mut DbConnection, name: &str, lock: Lock) -> Result<Vec<TaskTemplate>> {
    // All requests lock in this order, so that no two wait for each other.
    select_locked(connection, Sql::new("NOT is_deleted AND name = ").bind(name).sql(" ORDER BY id"), lock)
}

/// How many live templates there are.
pub fn count(connection: &mut DbConnection) -> Result<i64> {
    let live = task_template::table.filter(diesel::dsl::not(task_template::is_deleted));
    Ok(live.count().get_result(connection)?)
}

/// Whether an error is the refusal of a second live template with one name and language.
#[must_use]
pub fn is_name_taken(error: &Error) -> bool {
    violates_unique(error, "task_management_tasktemplate_name_live")
}
