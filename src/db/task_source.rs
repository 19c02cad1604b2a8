//! Which group or flow new tasks of a source come to.

use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::schema::task_management_tasksource as task_source;
use super::types::DbUuid;
use crate::error::{Error, Result};

/// What a source is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceTarget {
    /// A group.
    Group(Uuid),
    /// A flow, by its head.
    Flow(Uuid),
}

impl SourceTarget {
    /// The columns that say so: the group and the flow.
    const fn columns(self) -> (Option<DbUuid>, Option<DbUuid>) {
        match self {
            Self::Group(id) => (Some(DbUuid(id)), None),
            Self::Flow(id) => (None, Some(DbUuid(id))),
        }
    }
}

/// What a task source is bound to.
///
/// # Errors
/// What the database says.
pub fn claimed_by(connection: &mut DbConnection, source: &str) -> Result<Option<SourceTarget>> {
    let found = task_source::table
        .find(source)
        .select((task_source::task_group_id, task_source::task_flow_id))
        .first::<(Option<DbUuid>, Option<DbUuid>)>(connection)
        .optional()?;
    match found {
        None => Ok(None),
        Some((Some(group), None)) => Ok(Some(SourceTarget::Group(group.0))),
        Some((None, Some(flow))) => Ok(Some(SourceTarget::Flow(flow.0))),
        Some(_) => Err(Error::internal(format!("task source {source:?} is not bound to one thing"))),
    }
}

/// Binds exactly `sources` to the target, releasing others that it had.
///
/// # Errors
/// What the database says, also when another has a claim on one of them.
pub fn bind(connection: &mut DbConnection, target: SourceTarget, sources: &[String]) -> Result<()> {
    match target {
        SourceTarget::Group(id) => {
            diesel::delete(task_source::table.filter(task_source::task_group_id.eq(DbUuid(id))))
                .execute(connection)?;
        }
        SourceTarget::Flow(id) => {
            diesel::delete(task_source::table.filter(task_source::task_flow_id.eq(DbUuid(id))))
                .execute(connection)?;
        }
    }
    let (group, flow) = target.columns();
    for source in sources {
        diesel::insert_into(task_source::table)
            .values((
                task_source::source.eq(source),
                task_source::task_group_id.eq(group),
                task_source::task_flow_id.eq(flow),
            ))
            .execute(connection)?;
    }
    Ok(())
}
