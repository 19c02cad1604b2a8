//! Loading groups with their executors, and what they name.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::file::{File, LoadedRow};
use super::{Loaded, in_row, insert_with_history};
use crate::db;
use crate::domain::escalation::{EscalationRule, check_rules};
use crate::domain::json::Json;
use crate::domain::task_source::SourceFunction;
use crate::error::{Error, Result};
use crate::model::task_executor::TaskExecutor;
use crate::model::task_group::TaskGroup;
use crate::model::task_source::SourceTarget;
use crate::service::function_run::check_on_completed;
use crate::service::task_source::functions;
use crate::service::unit_of_work::UnitOfWork;

/// Loads groups; returns those that existed and have other executors now.
pub(super) fn load(unit: &mut UnitOfWork<'_>, file: &File, loaded: &mut Loaded) -> Result<BTreeSet<Uuid>> {
    // Before any group is added, as people are locked first.
    for LoadedRow(group) in &file.task_groups {
        check_functions(unit, group).map_err(in_row("task group", &group.code))?;
    }
    let (mut new, mut refilled) = (BTreeSet::new(), BTreeSet::new());
    for LoadedRow(group) in &file.task_groups {
        let known = db::get::<TaskGroup>(unit.connection, group.id)?.is_some();
        if !known {
            new.insert(group.id);
            let code = &group.code;
            let group = with_checked_rules(group).map_err(in_row("escalations of", code))?;
            let group = with_checked_functions(group).map_err(in_row("task group", code))?;
            insert_with_history::<TaskGroup>(unit.connection, &group, group.date_updated)
                .map_err(in_row("task group", &group.code))?;
            if !group.is_deleted {
                let target = SourceTarget::Group(group.id);
                let (sources, functions) = (group.task_sources(), group.source_functions());
                db::task_source::bind(unit.connection, target, &sources, &functions)
                    .map_err(in_row("task sources of", &group.code))?;
            }
        }
        loaded.count("task groups", !known);
    }
    let live = file.task_groups.iter().filter(|LoadedRow(group)| !group.is_deleted);
    let rules = live.flat_map(|LoadedRow(group)| group.escalation_rules());
    let named: BTreeSet<Uuid> = rules.filter_map(|rule| rule.task_group_id).collect();
    for id in named {
        if db::get::<TaskGroup>(unit.connection, id)?.is_none_or(|group| group.is_deleted) {
            return Err(Error::internal(format!(
                "an escalation rule names the task group {id}, which is not there"
            )));
        }
    }
    for LoadedRow(row) in &file.task_executors {
        let known = db::get::<TaskExecutor>(unit.connection, row.id)?.is_some();
        if !known {
            insert_with_history::<TaskExecutor>(unit.connection, row, row.date_updated)
                .map_err(in_row("task executor", row.id))?;
            if !new.contains(&row.task_group_id) {
                refilled.insert(row.task_group_id);
            }
        }
        loaded.count("task executors", !known);
    }
    Ok(refilled)
}

/// A group of a file with its escalation rules as they are stored.
fn with_checked_rules(group: &TaskGroup) -> Result<TaskGroup> {
    let mut group = group.clone();
    if let Some(given) = &group.escalations {
        let rules: Vec<EscalationRule> = given.read().map_err(Error::internal)?;
        check_rules("escalations", &rules)?;
        group.escalations = (!rules.is_empty()).then(|| Json::of(&rules));
    }
    Ok(group)
}

/// A group of a file with its functions for single sources as they are stored.
fn with_checked_functions(mut group: TaskGroup) -> Result<TaskGroup> {
    let (of_sources, sources) = (read_functions(&group)?, group.task_sources());
    group.source_functions = functions(Some(&of_sources), Vec::new(), &sources)?;
    Ok(group)
}

fn read_functions(group: &TaskGroup) -> Result<Vec<SourceFunction>> {
    let Some(given) = &group.source_functions else { return Ok(Vec::new()) };
    given.read().map_err(|error| Error::internal(format!("sourceFunctions: {error}")))
}

/// Refuses a new group that names functions that are not there. Groups that are there already stay as they are.
fn check_functions(unit: &mut UnitOfWork<'_>, group: &TaskGroup) -> Result<()> {
    let of_sources = read_functions(group)?;
    let names_none = group.on_completed.is_none() && of_sources.is_empty();
    if names_none || group.is_deleted || db::get::<TaskGroup>(unit.connection, group.id)?.is_some() {
        return Ok(());
    }
    check_on_completed(unit, group.on_completed.as_deref(), Some(&of_sources))
}
