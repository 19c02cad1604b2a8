//! The decision: from pools of executors, their policies and the votes to an outcome and its reasons. Pure, so that an
//! auditor can replay the ledger and get the same answer.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::text_enum::text_enum;
use super::verdict::Verdict;

/// How many approvals it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Everybody in the pool who may decide has approved.
    All,
    /// Somebody entitled has approved.
    Any,
    /// At least so many people have approved.
    AtLeast(u64),
    /// At least so many percent of those in the pool who may decide, rounded up to whole people, have approved.
    Percent(u64),
    /// The weights of those who have approved add up to this.
    Weight(u64),
}

/// What approves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Verdicts on the whole task; those on single records decide nothing.
    Whole,
    /// Verdicts on single records: whoever gave one, whichever way, has reviewed the task, and reviews are what is counted.
    ByRecord,
}

/// Whom a person may not be, to decide: four eyes see more than two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FourEyes {
    /// The maker of the task may not decide it.
    pub forbid_maker: bool,
    /// Who decided another step of the task may not decide this one.
    pub distinct_deciders: bool,
}

/// Why a person may not decide, whatever executor or rights there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// The person is the maker of the task, or has changed what it proposes.
    Maker,
    /// The person decided another step of it.
    DecidedOtherStep,
}

impl FourEyes {
    /// Why `user` may not decide, if so. `makers`: who proposed what the task says; `decided_others`: who voted on other
    /// steps of it.
    #[must_use]
    pub fn bar(self, user: Uuid, makers: &BTreeSet<Uuid>, decided_others: &BTreeSet<Uuid>) -> Option<Barred> {
        if self.forbid_maker && makers.contains(&user) {
            Some(Barred::Maker)
        } else if self.distinct_deciders && decided_others.contains(&user) {
            Some(Barred::DecidedOtherStep)
        } else {
            None
        }
    }
}

/// Who is asked, and how many of them must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deciders {
    /// How many approvals it takes.
    pub policy: Policy,
    /// The live executors who may decide, with their weights.
    pub members: BTreeMap<Uuid, u64>,
    /// The live executors who may not, and why. They are not asked: nothing waits for them.
    pub barred: BTreeMap<Uuid, Barred>,
}

impl Deciders {
    /// The pool of these executors.
    #[must_use]
    pub fn new(
        policy: Policy,
        executors: impl IntoIterator<Item = (Uuid, u64)>,
        bar: impl Fn(Uuid) -> Option<Barred>,
    ) -> Self {
        let (mut members, mut barred) = (BTreeMap::new(), BTreeMap::new());
        for (user, weight) in executors {
            match bar(user) {
                Some(reason) => {
                    barred.insert(user, reason);
                }
                None => {
                    members.insert(user, weight);
                }
            }
        }
        Self { policy, members, barred }
    }
}

/// A vote that counts: recorded when its caster was entitled, not replaced, and on what the task says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedVote {
    /// Who cast it.
    pub user: Uuid,
    /// What it says.
    pub verdict: Verdict,
    /// The caster's weight when it was cast.
    pub weight: u64,
}

/// What the votes of a pool amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Approvals are missing.
    Open,
    /// Enough people have approved.
    Passed,
    /// Somebody has refused.
    Failed,
    /// There is nobody in the pool who may decide: nothing is decided until there is.
    Held,
}

text_enum! {
    /// Why a task can't go on by the votes of those who are asked.
    pub enum HeldReason {
        /// No live executor who is active is in the pool.
        EmptyPool = "EMPTY_POOL",
        /// Nobody in the pool may decide this task.
        NobodyMayDecide = "NOBODY_MAY_DECIDE",
        /// If all who are missing approved, it would still not be enough.
        TooFewExecutors = "TOO_FEW_EXECUTORS",
        /// The votes are enough since who is asked, or how many must agree, has changed: somebody has to weigh them.
        ReadyToDecide = "READY_TO_DECIDE",
        /// The same, and who brought it about may not decide this task: somebody else has to.
        ChangedByBarred = "CHANGED_BY_BARRED",
    }
}

/// Where a pool stands, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What the votes amount to.
    pub outcome: Outcome,
    /// How much the policy needs: people, or their weights.
    pub needed: u64,
    /// How much of that is there.
    pub has: u64,
    /// Who in the pool may decide and has not approved.
    pub missing: BTreeSet<Uuid>,
    /// Why it can't go on by the votes of those who are asked, if so.
    pub held: Option<HeldReason>,
}

/// Decides by the pool and the votes cast in it.
///
/// Approvals of people who are not in the pool (any more, or never, as privileged people) count, except under `All`, which
/// asks everybody present. The order of votes does not matter and a repeated vote changes nothing.
#[must_use]
pub fn evaluate(pool: &Deciders, mode: Mode, votes: &[CountedVote]) -> Standing {
    let mut approved: BTreeMap<Uuid, u64> = BTreeMap::new();
    let mut refused = false;
    for vote in votes {
        match (mode, vote.verdict) {
            (Mode::Whole, Verdict::Failed) => refused = true,
            (Mode::Whole, Verdict::Approved) | (Mode::ByRecord, Verdict::Accept | Verdict::Reject) => {
                let weight = approved.entry(vote.user).or_default();
                *weight = vote.weight.max(*weight);
            }
            _ => {}
        }
    }
    let asked = count(pool.members.len());
    let missing: BTreeMap<Uuid, u64> = pool
        .members
        .iter()
        .filter(|(user, _)| !approved.contains_key(user))
        .map(|(user, weight)| (*user, *weight))
        .collect();
    let people = count(approved.len());
    let still_people = count(missing.len());
    let (needed, has, could_have) = match pool.policy {
        Policy::All => (asked, asked - still_people, asked),
        Policy::Any => (1, people, people + still_people),
        Policy::AtLeast(threshold) => (threshold, people, people + still_people),
        Policy::Percent(percent) => {
            ((asked * percent.min(100)).div_ceil(100).max(1), people, people + still_people)
        }
        Policy::Weight(threshold) => {
            let has: u64 = approved.values().sum();
            (threshold, has, missing.values().fold(has, |sum, weight| sum.saturating_add(*weight)))
        }
    };
    let outcome = if pool.members.is_empty() {
        Outcome::Held
    } else if refused {
        Outcome::Failed
    } else if has >= needed {
        Outcome::Passed
    } else {
        Outcome::Open
    };
    let held = match outcome {
        Outcome::Held if pool.barred.is_empty() => Some(HeldReason::EmptyPool),
        Outcome::Held => Some(HeldReason::NobodyMayDecide),
        Outcome::Open if could_have < needed => Some(HeldReason::TooFewExecutors),
        Outcome::Open | Outcome::Passed | Outcome::Failed => None,
    };
    Standing { outcome, needed, has, missing: missing.into_keys().collect(), held }
}

/// What becomes of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progression {
    /// It waits for more votes.
    Waits,
    /// Some of its pools have passed, others are still asked.
    Stays,
    /// All of its pools have passed, and others come after them.
    MovesOn,
    /// All of its pools have passed, and they were the last.
    Completed,
    /// Somebody has refused.
    Failed,
}

/// Decides on a task by the outcomes of all pools that are asked at present. A task in no flow has one pool, its group,
/// and nothing comes after it.
#[must_use]
pub fn decide(active: &[Outcome], more_steps: bool) -> Progression {
    let passed = active.iter().filter(|outcome| **outcome == Outcome::Passed).count();
    if active.contains(&Outcome::Failed) {
        Progression::Failed
    } else if passed == 0 {
        Progression::Waits
    } else if passed < active.len() {
        Progression::Stays
    } else if more_steps {
        Progression::MovesOn
    } else {
        Progression::Completed
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod flow_tests;
#[cfg(test)]
pub(crate) mod tests;
