//! Task sources in the database: the group or flow to which new tasks of a source go.

use diesel::prelude::*;

use super::connection::DbConnection;
use super::entity::{get, insert_many};
use crate::domain::task_source::SourceFunction;
use crate::error::{Error, Result};
use crate::model::task_source::{SourceTarget, TaskSource, task_management_tasksource as task_source};

/// The group or flow to which a source is bound.
pub fn bound_to(connection: &mut DbConnection, source: &str) -> Result<Option<SourceTarget>> {
    let Some(found) = get::<TaskSource>(connection, source)? else {
        return Ok(None);
    };
    let target = found.target();
    target
        .map(Some)
        .ok_or_else(|| Error::internal(format!("task source {source:?} is not bound to one thing")))
}

/// Binds exactly `sources` to the target, with the functions that run for single ones, and releases other sources that were bound
/// to it.
///
/// # Errors
/// The database's violation of uniqueness, if another target has one of the sources.
pub fn bind(
    connection: &mut DbConnection,
    target: SourceTarget,
    sources: &[String],
    functions: &[SourceFunction],
) -> Result<()> {
    match target {
        SourceTarget::Group(id) => {
            diesel::delete(task_source::table.filter(task_source::task_group_id.eq(id)))
                .execute(connection)?
        }
        SourceTarget::Flow(id) => {
            diesel::delete(task_source::table.filter(task_source::task_flow_id.eq(id))).execute(connection)?
        }
    };
    let named = |source: &String| functions.iter().find(|function| function.source == *source);
    let name = |source: &String| named(source).map(|function| function.on_completed.as_str());
    let rows: Vec<TaskSource> =
        sources.iter().map(|source| TaskSource::new(source, target, name(source))).collect();
    insert_many(connection, &rows)
}
