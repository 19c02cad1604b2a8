//! Which group or flow new tasks of a source come to, in the database.

use diesel::prelude::*;

use super::connection::DbConnection;
use super::entity::{get, insert_many};
use crate::error::{Error, Result};
use crate::model::task_source::{SourceTarget, TaskSource, task_management_tasksource as task_source};

/// What a task source is bound to.
pub fn claimed_by(connection: &mut DbConnection, source: &str) -> Result<Option<SourceTarget>> {
    let Some(found) = get::<TaskSource>(connection, source)? else {
        return Ok(None);
    };
    let target = found.target();
    target
        .map(Some)
        .ok_or_else(|| Error::internal(format!("task source {source:?} is not bound to one thing")))
}

/// Binds exactly `sources` to the target, releasing others that it had.
///
/// # Errors
/// What the database says, also when another has a claim on one of them.
pub fn bind(connection: &mut DbConnection, target: SourceTarget, sources: &[String]) -> Result<()> {
    match target {
        SourceTarget::Group(id) => {
            diesel::delete(task_source::table.filter(task_source::task_group_id.eq(id)))
                .execute(connection)?
        }
        SourceTarget::Flow(id) => {
            diesel::delete(task_source::table.filter(task_source::task_flow_id.eq(id))).execute(connection)?
        }
    };
    let rows: Vec<TaskSource> = sources.iter().map(|source| TaskSource::new(source, target)).collect();
    insert_many(connection, &rows)
}
