//! The completion policy: how many approvals a pool of executors needs.

use super::decision::Policy;
use super::text_enum::text_enum;
use crate::error::{Error, Result};
use crate::message::Message;

text_enum! {
    /// How approvals are counted. Clients of openIMIS know the first three; they see the others as `N`.
    pub enum CompletionPolicy {
        /// Every live executor must approve.
        All = "ALL",
        /// One person must approve.
        Any = "ANY",
        /// As many people must approve as the threshold says; one if there is none.
        N = "N",
        /// As many percent of the pool must approve as the threshold says, rounded up to whole people.
        Percent = "PERCENT",
        /// The weights of those who approve must add up to the threshold.
        Weight = "WEIGHT",
    }
}

impl CompletionPolicy {
    /// The one of openIMIS' three policies as which clients see this one.
    #[must_use]
    pub const fn as_known_to_clients(self) -> Self {
        match self {
            Self::All | Self::Any => self,
            Self::N | Self::Percent | Self::Weight => Self::N,
        }
    }
}

/// A policy with its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyRule {
    /// How approvals are counted.
    pub policy: CompletionPolicy,
    /// How many people, how many percent or how much weight must approve; none for policies that need none.
    pub threshold: Option<i32>,
}

impl PolicyRule {
    /// The largest threshold of a policy that counts people or weights.
    pub const MAX_THRESHOLD: i32 = 1_000_000_000;

    /// Refuses a threshold that is missing, out of range, or given to a policy that has none.
    ///
    /// # Errors
    /// VALIDATION, naming `field`.
    pub fn check(self, field: &str) -> Result<()> {
        use CompletionPolicy::{All, Any, N, Percent, Weight};
        let max = match self.policy {
            Percent => 100,
            All | Any | N | Weight => Self::MAX_THRESHOLD,
        };
        match (self.policy, self.threshold) {
            (All | Any, Some(_)) => Err(Error::validation(field, Message::new("threshold-needs-n"))),
            (Percent | Weight, None) => {
                let message = Message::new("threshold-needed").with("policy", self.policy.as_str());
                Err(Error::validation(field, message))
            }
            (_, Some(threshold)) if !(1..=max).contains(&threshold) => {
                let message = Message::new("threshold-out-of-range").with("max", i64::from(max));
                Err(Error::validation(field, message))
            }
            _ => Ok(()),
        }
    }

    /// Whether one approval decides, whoever of those who may decide gives it.
    #[must_use]
    pub fn any_one_decides(self) -> bool {
        matches!(self.policy(), Policy::Any | Policy::AtLeast(1))
    }

    /// The policy in the form that the decision takes. A missing threshold is 1.
    #[must_use]
    pub fn policy(self) -> Policy {
        let threshold = self.threshold.and_then(|number| u64::try_from(number).ok()).unwrap_or(1).max(1);
        match self.policy {
            CompletionPolicy::All => Policy::All,
            CompletionPolicy::Any => Policy::Any,
            CompletionPolicy::N => Policy::AtLeast(threshold),
            CompletionPolicy::Percent => Policy::Percent(threshold),
            CompletionPolicy::Weight => Policy::Weight(threshold),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_stands_with_policies_that_count_and_within_their_range() {
        let check = |policy, threshold| PolicyRule { policy, threshold }.check("threshold").is_ok();
        for (policy, good, bad) in [
            (CompletionPolicy::All, vec![None], vec![Some(1), Some(0)]),
            (CompletionPolicy::Any, vec![None], vec![Some(1)]),
            (CompletionPolicy::N, vec![None, Some(1), Some(7)], vec![Some(0), Some(-1), Some(i32::MAX)]),
            (CompletionPolicy::Percent, vec![Some(1), Some(100)], vec![None, Some(0), Some(101)]),
            (CompletionPolicy::Weight, vec![Some(1), Some(1000)], vec![None, Some(0), Some(i32::MAX)]),
        ] {
            assert!(good.into_iter().all(|threshold| check(policy, threshold)), "{policy:?}");
            assert!(bad.into_iter().all(|threshold| !check(policy, threshold)), "{policy:?}");
        }
    }
}
