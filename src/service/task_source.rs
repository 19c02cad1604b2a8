//! Task sources: checking those that are to be bound to a group or flow.

use std::collections::BTreeSet;

use super::unit_of_work::UnitOfWork;
use crate::db;
use crate::domain::text::{MAX_TEXT, check_code, check_text};
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::task_source::SourceTarget;

/// Checks the sources that are to be bound to a group or flow; returns them without repeats. `own` is the target to which
/// they may be bound already.
pub(super) fn check_sources(
    unit: &mut UnitOfWork<'_>,
    asked: &[String],
    own: Option<SourceTarget>,
) -> Result<Vec<String>> {
    unit.check_list("taskSources", asked.len())?;
    let mut sources: Vec<String> = Vec::new();
    for source in asked {
        check_text("taskSources", source, MAX_TEXT)?;
        if sources.contains(source) {
            continue;
        }
        match db::task_source::bound_to(unit.connection, source)? {
            // What is bound already stays, though it may be older than the rule for new ones.
            Some(target) if Some(target) == own => {}
            Some(_) => {
                let message = Message::new("source-taken").with("source", source.as_str());
                return Err(Error::validation("taskSources", message));
            }
            None => check_code("taskSources", source)?,
        }
        sources.push(source.clone());
    }
    Ok(sources)
}

/// Whether two lists hold the same sources.
pub(super) fn same_sources(one: &[String], other: &[String]) -> bool {
    let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    set(one) == set(other)
}
