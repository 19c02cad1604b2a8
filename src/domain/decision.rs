//! The decision: from a pool of executors, its policy and the votes to an outcome. Pure, so that an auditor can
//! replay the ledger and get the same answer.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::vote::Verdict;

/// How many approvals it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Every member of the pool has approved.
    All,
    /// Somebody entitled has approved.
    Any,
    /// At least so many people have approved.
    AtLeast(usize),
}

/// What the votes amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Approvals are missing.
    Open,
    /// Enough people have approved.
    Passed,
    /// Somebody has refused.
    Failed,
    /// The pool is empty: nobody decides until it is filled.
    Held,
}

/// Decides by `policy` from the live members of `pool` and the `votes` on the whole task, one `(user, verdict)`
/// each.
///
/// Every recorded vote was entitled when it was cast, so approvals of people who are not in the pool (any more, or
/// never, as privileged people) count under `Any` and `AtLeast`; `All` asks every present member. Verdicts on
/// single records decide nothing here. The order of votes does not matter and a repeated vote changes nothing.
#[must_use]
pub fn evaluate<'a>(
    policy: Policy,
    pool: &BTreeSet<Uuid>,
    votes: impl IntoIterator<Item = &'a (Uuid, Verdict)>,
) -> Outcome {
    if pool.is_empty() {
        return Outcome::Held;
    }
    let mut approved = BTreeSet::new();
    for (user, verdict) in votes {
        match verdict {
            Verdict::Failed => return Outcome::Failed,
            Verdict::Approved => {
                approved.insert(*user);
            }
            Verdict::Accept | Verdict::Reject => {}
        }
    }
    let passed = match policy {
        Policy::All => pool.is_subset(&approved),
        Policy::Any => !approved.is_empty(),
        Policy::AtLeast(threshold) => approved.len() >= threshold,
    };
    if passed { Outcome::Passed } else { Outcome::Open }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user() -> impl Strategy<Value = Uuid> {
        (0_u128..8).prop_map(Uuid::from_u128)
    }

    fn votes() -> impl Strategy<Value = Vec<(Uuid, Verdict)>> {
        let verdict = prop_oneof![
            8 => Just(Verdict::Approved),
            1 => Just(Verdict::Failed),
            1 => Just(Verdict::Accept),
            1 => Just(Verdict::Reject),
        ];
        prop::collection::vec((user(), verdict), 0..12)
    }

    fn policy() -> impl Strategy<Value = Policy> {
        prop_oneof![Just(Policy::All), Just(Policy::Any), (1_usize..6).prop_map(Policy::AtLeast)]
    }

    fn pool() -> impl Strategy<Value = BTreeSet<Uuid>> {
        prop::collection::btree_set(user(), 0..6)
    }

    proptest! {
        #[test]
        fn the_order_of_votes_does_not_matter(policy in policy(), pool in pool(), votes in votes(), seed in any::<u64>()) {
            let mut shuffled = votes.clone();
            let mut state = seed;
            for i in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let bound = u64::try_from(i + 1).expect("small");
                shuffled.swap(i, usize::try_from((state >> 33) % bound).expect("small"));
            }
            prop_assert_eq!(evaluate(policy, &pool, &votes), evaluate(policy, &pool, &shuffled));
        }

        #[test]
        fn a_repeated_vote_changes_nothing(policy in policy(), pool in pool(), votes in votes()) {
            let mut twice = votes.clone();
            twice.extend(votes.clone());
            prop_assert_eq!(evaluate(policy, &pool, &votes), evaluate(policy, &pool, &twice));
        }

        #[test]
        fn more_approvals_never_un_pass(policy in policy(), pool in pool(), votes in votes(), more in user()) {
            let before = evaluate(policy, &pool, &votes);
            let mut extended = votes;
            extended.push((more, Verdict::Approved));
            if before == Outcome::Passed {
                prop_assert_eq!(evaluate(policy, &pool, &extended), Outcome::Passed);
            }
        }

        #[test]
        fn a_shrinking_pool_can_only_help(policy in policy(), pool in pool(), votes in votes(), gone in user()) {
            let mut smaller = pool.clone();
            smaller.remove(&gone);
            prop_assume!(!smaller.is_empty());
            if evaluate(policy, &pool, &votes) == Outcome::Passed {
                prop_assert_eq!(evaluate(policy, &smaller, &votes), Outcome::Passed);
            }
        }

        #[test]
        fn an_empty_pool_never_decides(policy in policy(), votes in votes()) {
            prop_assert_eq!(evaluate(policy, &BTreeSet::new(), &votes), Outcome::Held);
        }

        #[test]
        fn failed_is_final_whatever_comes_later(policy in policy(), pool in pool(), mut votes in votes(), voter in user()) {
            prop_assume!(!pool.is_empty());
            votes.insert(0, (voter, Verdict::Failed));
            prop_assert_eq!(evaluate(policy, &pool, &votes), Outcome::Failed);
        }
    }

    #[test]
    fn all_asks_every_present_member_and_a_stranger_does_not_replace_one() {
        let [a, b, boss] = [1, 2, 3].map(Uuid::from_u128);
        let pool = BTreeSet::from([a, b]);
        let boss_only = [(boss, Verdict::Approved), (a, Verdict::Approved)];
        assert_eq!(evaluate(Policy::All, &pool, &boss_only), Outcome::Open);
        let both = [(b, Verdict::Approved), (a, Verdict::Approved)];
        assert_eq!(evaluate(Policy::All, &pool, &both), Outcome::Passed);
    }

    #[test]
    fn n_counts_people_not_votes() {
        let [a, b] = [1, 2].map(Uuid::from_u128);
        let pool = BTreeSet::from([a, b]);
        let same_twice = [(a, Verdict::Approved), (a, Verdict::Approved)];
        assert_eq!(evaluate(Policy::AtLeast(2), &pool, &same_twice), Outcome::Open);
    }
}
