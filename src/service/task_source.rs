//! Task sources: checking those that are to be bound to a group or flow.

use std::collections::BTreeSet;

use super::unit_of_work::UnitOfWork;
use crate::db;
use crate::domain::json::Json;
use crate::domain::task_source::SourceFunction;
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

/// The functions for single sources as they are to be stored: those that are asked for, or else those that are there, as far as their
/// sources are bound. None if there are none, so that groups and flows that never had any do not change.
pub(super) fn functions(
    asked: Option<&[SourceFunction]>,
    present: Vec<SourceFunction>,
    sources: &[String],
) -> Result<Option<Json>> {
    let is_bound = |function: &SourceFunction| sources.contains(&function.source);
    let Some(asked) = asked else {
        let kept: Vec<SourceFunction> = present.into_iter().filter(is_bound).collect();
        return Ok((!kept.is_empty()).then(|| Json::of(&kept)));
    };
    let mut seen = BTreeSet::new();
    for function in asked {
        if !is_bound(function) || !seen.insert(&function.source) {
            let message = Message::new("source-functions").with("source", function.source.as_str());
            return Err(Error::validation("sourceFunctions", message));
        }
    }
    Ok((!asked.is_empty()).then(|| Json::of(asked)))
}

/// Whether two lists hold the same sources.
pub(super) fn same_sources(one: &[String], other: &[String]) -> bool {
    let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    set(one) == set(other)
}
