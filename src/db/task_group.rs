//! Task groups in the database.

use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::query::{Field, Listed};
use crate::error::Result;
use crate::model::entity::Kind;
use crate::model::task_group::{TaskGroup, task_management_taskgroup as task_group};

impl Listed for TaskGroup {
    const LEFT_OUT: &[&str] =
        &["json_ext", "threshold_kind", "forbid_maker", "distinct_deciders", "source_functions"];
    const FIELDS: &[Field] = &[
        Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username"),
        Field::related("user_updated__username", Kind::Text, "user_updated", "core_user", "username"),
    ];
}

/// The live group of this code.
pub fn live_by_code(connection: &mut DbConnection, code: &str) -> Result<Option<Uuid>> {
    Ok(task_group::table
        .filter(task_group::code.eq(code))
        .filter(diesel::dsl::not(task_group::is_deleted))
        .select(task_group::id)
        .first(connection)
        .optional()?)
}
