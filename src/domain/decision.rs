//! The decision: it turns pools of executors, their policies and the votes into an outcome with its reasons. It is pure, so
//! that an auditor can replay the ledger and get the same answer.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::text_enum::text_enum;
use super::verdict::Verdict;

/// How many approvals a pool needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Everybody in the pool who may decide has approved.
    All,
    /// Somebody entitled has approved.
    Any,
    /// At least this many people have approved.
    AtLeast(u64),
    /// At least this percentage of the people in the pool who may decide, rounded up to whole people, has approved.
    Percent(u64),
    /// The weights of those who have approved add up to this.
    Weight(u64),
}

/// Which verdicts approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Verdicts on the whole task decide; those on single records do not.
    Whole,
    /// Verdicts on single records decide: a person who gave any verdict has reviewed the task, and reviews are counted.
    ByRecord,
}

/// The rules of four eyes: who may not decide, so that more than one person looks at a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FourEyes {
    /// The maker of the task may not decide it.
    pub forbid_maker: bool,
    /// A person who decided another step of the task may not decide this one.
    pub distinct_deciders: bool,
}

/// Why a person may not decide, even as an executor or with the rights to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// The person is the maker of the task, or has changed what it proposes.
    Maker,
    /// The person decided another step of the task.
    DecidedOtherStep,
}

impl FourEyes {
    /// Why `user` may not decide; none if `user` may. `makers` are the people who proposed what the task says,
    /// `decided_others` those who voted on other steps of it.
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
    /// How many approvals a pool needs.
    pub policy: Policy,
    /// The live executors who may decide, with their weights.
    pub members: BTreeMap<Uuid, u64>,
    /// The live executors who may not decide, and why. The pool does not wait for them.
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

/// A vote that counts: its caster was entitled when it was cast, it was not replaced, and it is on what the task says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedVote {
    /// Who cast it.
    pub user: Uuid,
    /// Its verdict.
    pub verdict: Verdict,
    /// The caster's weight when it was cast.
    pub weight: u64,
}

/// The outcome of a pool's votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Approvals are missing.
    Open,
    /// Enough people have approved.
    Passed,
    /// Somebody has refused.
    Failed,
    /// Nobody in the pool may decide: nothing is decided until somebody may.
    Held,
}

text_enum! {
    /// Why a task can't go on, even if everybody who is asked votes.
    pub enum HeldReason {
        /// The pool has no live, active executor.
        EmptyPool = "EMPTY_POOL",
        /// Nobody in the pool may decide this task.
        NobodyMayDecide = "NOBODY_MAY_DECIDE",
        /// Even if everybody who is missing approved, it would not be enough.
        TooFewExecutors = "TOO_FEW_EXECUTORS",
        /// The votes have become enough by a change of who is asked, or of how many must agree: somebody has to weigh them.
        ReadyToDecide = "READY_TO_DECIDE",
        /// The votes have become enough, but the person who made the change may not decide this task: somebody else has to.
        ChangedByBarred = "CHANGED_BY_BARRED",
    }
}

/// Where a pool stands, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The outcome.
    pub outcome: Outcome,
    /// How much the policy needs: people, or their weights.
    pub needed: u64,
    /// How much of that the pool has.
    pub has: u64,
    /// The people in the pool who may decide and have not approved.
    pub missing: BTreeSet<Uuid>,
    /// Why the task can't go on, even if everybody who is asked votes; none if it can.
    pub held: Option<HeldReason>,
}

/// Decides about a pool by the votes cast in it.
///
/// Approvals of people who have left the pool, or were never in it (privileged people), count, except under `All`, which
/// asks everybody who is in it. The order of votes does not matter and a repeated vote changes nothing.
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

/// What happens to a task.
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
