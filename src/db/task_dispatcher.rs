//! Dispatchers in the database.

use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::violates_unique;
use super::query::{Field, Listed};
use crate::domain::json::Json;
use crate::domain::task_dispatcher::DispatchAction;
use crate::error::{Error, Result};
use crate::model::entity::Kind;
use crate::model::task_dispatcher::{TaskDispatcher, task_management_taskdispatcher as task_dispatcher};

impl Listed for TaskDispatcher {
    const LEFT_OUT: &[&str] = &["json_ext", "conditions", "actions", "tags"];
    const FIELDS: &[Field] =
        &[Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username")];
}

/// Whether an error is the refusal of a second live dispatcher with one name.
#[must_use]
pub fn is_name_taken(error: &Error) -> bool {
    violates_unique(error, "task_management_taskdispatcher_name_live")
}

/// The key of the live dispatcher of this name.
pub fn by_name(connection: &mut DbConnection, name: &str) -> Result<Option<Uuid>> {
    Ok(task_dispatcher::table
        .filter(task_dispatcher::name.eq(name))
        .filter(diesel::dsl::not(task_dispatcher::is_deleted))
        .select(task_dispatcher::id)
        .first(connection)
        .optional()?)
}

/// Whether a live dispatcher has a function of this name run.
pub fn name_function(connection: &mut DbConnection, name: &str) -> Result<bool> {
    let acting = count_acting(connection, |action| action.function_name.as_deref() == Some(name))?;
    Ok(acting > 0)
}

/// How many live dispatchers send mails by a template of this name.
pub fn count_naming_template(connection: &mut DbConnection, name: &str) -> Result<usize> {
    count_acting(connection, |action| action.template.as_deref() == Some(name))
}

/// How many live dispatchers do such a thing. There are few dispatchers.
fn count_acting(connection: &mut DbConnection, does: impl Fn(&DispatchAction) -> bool) -> Result<usize> {
    let live = task_dispatcher::table.filter(diesel::dsl::not(task_dispatcher::is_deleted));
    let mut count = 0;
    for actions in live.select(task_dispatcher::actions).load::<Json>(connection)? {
        let actions: Vec<DispatchAction> = actions.read().map_err(Error::internal)?;
        count += usize::from(actions.iter().any(&does));
    }
    Ok(count)
}

/// How many live dispatchers there are.
pub fn count(connection: &mut DbConnection) -> Result<i64> {
    let live = task_dispatcher::table.filter(diesel::dsl::not(task_dispatcher::is_deleted));
    Ok(live.count().get_result(connection)?)
}
