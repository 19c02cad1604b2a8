//! Escalation rules: what happens when a task waits too long.

use std::fmt;

use chrono::{Datelike as _, NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::query::YEARS;
use super::task::{LONGEST_LEAD_TIME, check_range};
use super::text_enum::text_enum;
use crate::error::{Error, Result};
use crate::message::Message;

/// How many rules a group or a step may have.
const MOST_RULES: usize = 10;

text_enum! {
    /// The moment from which an escalation rule counts.
    pub enum EscalationAt {
        /// So long before the task is due.
        BeforeDue = "BEFORE_DUE",
        /// So long after the task was due.
        AfterDue = "AFTER_DUE",
        /// So long after the group or step was asked.
        AfterOpen = "AFTER_OPEN",
    }
}

text_enum! {
    /// What an escalation rule does.
    pub enum EscalationAction {
        /// Handlers and webhooks are told.
        Notify = "NOTIFY",
        /// The task becomes at least so urgent.
        RaisePriority = "RAISE_PRIORITY",
        /// The task fails.
        Fail = "FAIL",
    }
}

/// A rule of a group or a step: what happens when a task waits so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EscalationRule {
    /// The moment from which it counts.
    pub at: EscalationAt,
    /// How many seconds before or after that moment, from 0 to 315,360,000.
    pub offset_seconds: i32,
    /// What it does.
    pub action: EscalationAction,
    /// For NOTIFY, the group that handlers and webhooks are to tell.
    pub task_group_id: Option<Uuid>,
    /// For RAISE_PRIORITY, how urgent the task becomes at least.
    pub priority: Option<i32>,
}

impl EscalationRule {
    /// Checks the rule as it was given. `field` gives the names of its fields to clients.
    ///
    /// # Errors
    /// VALIDATION, naming the field.
    pub fn check(&self, field: &dyn Fn(&str) -> String) -> Result<()> {
        check_range(&field("offsetSeconds"), self.offset_seconds, 0..=LONGEST_LEAD_TIME)?;
        match (self.action, self.priority) {
            (EscalationAction::RaisePriority, Some(priority)) => {
                check_range(&field("priority"), priority, 0..=100)?;
            }
            (EscalationAction::RaisePriority, None) => {
                return Err(Error::validation(field("priority"), Message::new("rule-needs-priority")));
            }
            (_, Some(_)) => {
                return Err(Error::validation(field("priority"), Message::new("rule-without-priority")));
            }
            (_, None) => {}
        }
        if self.task_group_id.is_some() && self.action != EscalationAction::Notify {
            return Err(Error::validation(field("taskGroupId"), Message::new("rule-without-group")));
        }
        Ok(())
    }

    /// The moment from which the rule counts for a task that is due then, and was opened then.
    #[must_use]
    pub const fn base(&self, due: Option<NaiveDateTime>, opened: NaiveDateTime) -> Option<NaiveDateTime> {
        match self.at {
            EscalationAt::BeforeDue | EscalationAt::AfterDue => due,
            EscalationAt::AfterOpen => Some(opened),
        }
    }

    /// The moment at which the rule is to act, if it counts from `base`; none if no database keeps such a moment.
    #[must_use]
    pub fn moment(&self, base: NaiveDateTime) -> Option<NaiveDateTime> {
        let offset = TimeDelta::seconds(self.offset_seconds.into());
        let moment = match self.at {
            EscalationAt::BeforeDue => base.checked_sub_signed(offset),
            EscalationAt::AfterDue | EscalationAt::AfterOpen => base.checked_add_signed(offset),
        };
        moment.filter(|moment| YEARS.contains(&moment.year()))
    }
}

/// Refuses too many rules, and rules that contradict themselves. `field` is the name of their list to clients.
///
/// # Errors
/// LIMIT, or VALIDATION, naming the field.
pub fn check_rules(field: &str, rules: &[EscalationRule]) -> Result<()> {
    if rules.len() > MOST_RULES {
        let message = Message::new("list-too-long").with("field", field.to_owned()).with("max", MOST_RULES);
        return Err(Error::limit(field, message));
    }
    let mut rules = rules.iter().enumerate();
    rules.try_for_each(|(index, rule)| rule.check(&|name| format!("{field}[{index}].{name}")))
}

impl fmt::Display for EscalationRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} s", self.action, self.at, self.offset_seconds)?;
        match (self.priority, self.task_group_id) {
            (Some(priority), _) => write!(f, " {priority}"),
            (_, Some(group)) => write!(f, " {group}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(at: EscalationAt, offset_seconds: i32) -> EscalationRule {
        EscalationRule {
            at,
            offset_seconds,
            action: EscalationAction::Notify,
            task_group_id: None,
            priority: None,
        }
    }

    #[test]
    fn a_rule_acts_so_long_before_or_after_its_base_and_never_where_no_moment_is() {
        let moment = |text: &str| text.parse::<NaiveDateTime>().expect("a moment");
        let (due, opened) = (moment("2026-03-01T12:00:00"), moment("2026-02-01T12:00:00"));
        for (at, expected) in [
            (EscalationAt::BeforeDue, "2026-03-01T11:00:00"),
            (EscalationAt::AfterDue, "2026-03-01T13:00:00"),
            (EscalationAt::AfterOpen, "2026-02-01T13:00:00"),
        ] {
            let rule = rule(at, 3_600);
            let base = rule.base(Some(due), opened).expect("a base");
            assert_eq!(rule.moment(base), Some(moment(expected)), "{at}");
        }
        assert_eq!(rule(EscalationAt::AfterDue, 0).base(None, opened), None);
        assert_eq!(
            rule(EscalationAt::AfterDue, LONGEST_LEAD_TIME).moment(moment("9995-01-01T00:00:00")),
            None
        );
        assert_eq!(
            rule(EscalationAt::BeforeDue, LONGEST_LEAD_TIME).moment(moment("0005-01-01T00:00:00")),
            None
        );
    }
}
