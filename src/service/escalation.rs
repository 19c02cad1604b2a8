//! Checking the escalation rules of groups and steps.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::task_group::access::shared;
use super::unit_of_work::UnitOfWork;
use crate::domain::escalation::{EscalationRule, check_rules};
use crate::domain::json::Json;
use crate::error::{Error, Result};
use crate::message::Message;

/// Checks the rules that are asked for; returns them as they are stored. `field` is the name of their list to clients.
///
/// # Errors
/// LIMIT, VALIDATION, or NOT_FOUND for a group.
pub fn check(unit: &mut UnitOfWork<'_>, field: &str, rules: &[EscalationRule]) -> Result<Json> {
    check_rules(field, rules)?;
    let ids: BTreeSet<Uuid> = rules.iter().filter_map(|rule| rule.task_group_id).collect();
    let groups = shared(unit, &ids)?;
    let is_live = |id: Uuid| groups.iter().any(|group| group.id == id && !group.is_deleted);
    match rules.iter().position(|rule| rule.task_group_id.is_some_and(|id| !is_live(id))) {
        Some(index) => {
            Err(Error::not_found(format!("{field}[{index}].taskGroupId"), Message::new("no-task-group")))
        }
        None => Ok(Json::of(rules)),
    }
}
