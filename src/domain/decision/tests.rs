//! Properties of the decision, over random pools, policies and votes.

use proptest::prelude::*;

use super::*;

pub fn user() -> impl Strategy<Value = Uuid> {
    (0_u128..8).prop_map(Uuid::from_u128)
}

fn vote() -> impl Strategy<Value = CountedVote> {
    let verdict = prop_oneof![
        8 => Just(Verdict::Approved),
        1 => Just(Verdict::Failed),
        2 => Just(Verdict::Accept),
        2 => Just(Verdict::Reject),
    ];
    (user(), verdict, 1_u64..5).prop_map(|(user, verdict, weight)| CountedVote { user, verdict, weight })
}

fn votes() -> impl Strategy<Value = Vec<CountedVote>> {
    prop::collection::vec(vote(), 0..12)
}

pub fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Whole), Just(Mode::ByRecord)]
}

pub fn policy() -> impl Strategy<Value = Policy> {
    prop_oneof![
        Just(Policy::All),
        Just(Policy::Any),
        (1_u64..6).prop_map(Policy::AtLeast),
        (1_u64..=100).prop_map(Policy::Percent),
        (1_u64..15).prop_map(Policy::Weight),
    ]
}

pub fn pool() -> impl Strategy<Value = Deciders> {
    let executors = prop::collection::btree_map(user(), 1_u64..5, 0..6);
    (policy(), executors, prop::collection::btree_set(user(), 0..3)).prop_map(
        |(policy, executors, barred)| {
            Deciders::new(policy, executors, |user| {
                barred.contains(&user).then_some(Barred::DecidedOtherStep)
            })
        },
    )
}

pub fn approval(user: Uuid, mode: Mode) -> CountedVote {
    let verdict = if mode == Mode::Whole { Verdict::Approved } else { Verdict::Accept };
    CountedVote { user, verdict, weight: 1 }
}

proptest! {
    #[test]
    fn the_order_of_votes_does_not_matter(
        pool in pool(),
        mode in mode(),
        (votes, shuffled) in votes().prop_flat_map(|votes| (Just(votes.clone()), Just(votes).prop_shuffle())),
    ) {
        prop_assert_eq!(evaluate(&pool, mode, &votes), evaluate(&pool, mode, &shuffled));
    }

    #[test]
    fn a_repeated_vote_changes_nothing(pool in pool(), mode in mode(), votes in votes()) {
        let twice = [votes.clone(), votes.clone()].concat();
        prop_assert_eq!(evaluate(&pool, mode, &votes), evaluate(&pool, mode, &twice));
    }

    #[test]
    fn more_approvals_never_un_pass(pool in pool(), mode in mode(), mut votes in votes(), more in user()) {
        prop_assume!(evaluate(&pool, mode, &votes).outcome == Outcome::Passed);
        votes.push(approval(more, mode));
        prop_assert_eq!(evaluate(&pool, mode, &votes).outcome, Outcome::Passed);
    }

    #[test]
    fn a_shrinking_pool_can_only_help(pool in pool(), mode in mode(), votes in votes(), gone in user()) {
        let before = evaluate(&pool, mode, &votes);
        let mut smaller = pool;
        smaller.members.remove(&gone);
        prop_assume!(!smaller.members.is_empty());
        if before.outcome == Outcome::Passed {
            prop_assert_eq!(evaluate(&smaller, mode, &votes).outcome, Outcome::Passed);
        }
    }

    #[test]
    fn a_new_seat_never_takes_an_approval_away(pool in pool(), mode in mode(), votes in votes(), new in user()) {
        let before = evaluate(&pool, mode, &votes);
        let mut larger = pool;
        larger.barred.remove(&new);
        larger.members.insert(new, 1);
        prop_assert!(evaluate(&larger, mode, &votes).has >= before.has);
    }

    #[test]
    fn a_pool_without_anybody_who_may_decide_never_decides(pool in pool(), mode in mode(), votes in votes()) {
        let empty = Deciders { members: BTreeMap::new(), ..pool };
        let standing = evaluate(&empty, mode, &votes);
        prop_assert_eq!(standing.outcome, Outcome::Held);
        prop_assert!(standing.held.is_some());
    }

    #[test]
    fn failed_is_final_whatever_else_is_said(pool in pool(), mut votes in votes(), voter in user(), at in 0_usize..12) {
        prop_assume!(!pool.members.is_empty());
        let failed = CountedVote { user: voter, verdict: Verdict::Failed, weight: 1 };
        votes.insert(at.min(votes.len()), failed);
        prop_assert_eq!(evaluate(&pool, Mode::Whole, &votes).outcome, Outcome::Failed);
    }

    #[test]
    fn verdicts_on_records_never_fail_a_task(pool in pool(), votes in votes()) {
        prop_assert_ne!(evaluate(&pool, Mode::ByRecord, &votes).outcome, Outcome::Failed);
    }

    #[test]
    fn it_passes_exactly_when_what_is_needed_is_there(pool in pool(), mode in mode(), votes in votes()) {
        let standing = evaluate(&pool, mode, &votes);
        if matches!(standing.outcome, Outcome::Open | Outcome::Passed) {
            prop_assert_eq!(standing.outcome == Outcome::Passed, standing.has >= standing.needed);
        }
        prop_assert!(standing.missing.iter().all(|user| pool.members.contains_key(user)));
    }

    #[test]
    fn who_is_missing_can_bring_what_is_missing_or_the_reason_is_told(
        pool in pool(),
        mode in mode(),
        votes in votes(),
    ) {
        let standing = evaluate(&pool, mode, &votes);
        prop_assume!(standing.outcome == Outcome::Open);
        let mut all = votes;
        all.extend(standing.missing.iter().map(|user| CountedVote {
            weight: pool.members.get(user).copied().unwrap_or(1),
            ..approval(*user, mode)
        }));
        let then = evaluate(&pool, mode, &all).outcome;
        prop_assert_eq!(then == Outcome::Passed, standing.held.is_none());
    }

    #[test]
    fn a_task_ends_only_when_every_pool_has_passed_or_one_has_failed(
        outcomes in prop::collection::vec(
            prop_oneof![Just(Outcome::Open), Just(Outcome::Passed), Just(Outcome::Failed), Just(Outcome::Held)],
            1..4,
        ),
        more_steps in any::<bool>(),
    ) {
        let all_passed = outcomes.iter().all(|outcome| *outcome == Outcome::Passed);
        match decide(&outcomes, more_steps) {
            Progression::Failed => prop_assert!(outcomes.contains(&Outcome::Failed)),
            Progression::Completed => prop_assert!(all_passed && !more_steps),
            Progression::MovesOn => prop_assert!(all_passed && more_steps),
            Progression::Stays => prop_assert!(!all_passed && outcomes.contains(&Outcome::Passed)),
            Progression::Waits => prop_assert!(!outcomes.contains(&Outcome::Passed) && !outcomes.contains(&Outcome::Failed)),
        }
    }

    #[test]
    fn four_eyes_bar_nobody_unless_asked(
        user in user(),
        makers in prop::collection::btree_set(user(), 1..3),
        others in prop::collection::btree_set(user(), 0..4),
    ) {
        let (off, on) = (FourEyes::default(), FourEyes { forbid_maker: true, distinct_deciders: true });
        prop_assert_eq!(off.bar(user, &makers, &others), None);
        prop_assert_eq!(on.bar(user, &makers, &others).is_some(), makers.contains(&user) || others.contains(&user));
    }
}

fn people<const N: usize>() -> [Uuid; N] {
    std::array::from_fn(|n| Uuid::from_u128(n as u128 + 1))
}

fn pool_of(policy: Policy, users: &[Uuid]) -> Deciders {
    Deciders::new(policy, users.iter().map(|user| (*user, 1)), |_| None)
}

fn approvals(users: &[Uuid]) -> Vec<CountedVote> {
    users.iter().map(|user| approval(*user, Mode::Whole)).collect()
}

#[test]
fn all_asks_every_present_member_and_a_stranger_does_not_replace_one() {
    let [a, b, boss] = people();
    let pool = pool_of(Policy::All, &[a, b]);
    assert_eq!(evaluate(&pool, Mode::Whole, &approvals(&[boss, a])).outcome, Outcome::Open);
    assert_eq!(evaluate(&pool, Mode::Whole, &approvals(&[b, a])).outcome, Outcome::Passed);
}

#[test]
fn n_counts_people_not_votes() {
    let [a, b] = people();
    let pool = pool_of(Policy::AtLeast(2), &[a, b]);
    assert_eq!(evaluate(&pool, Mode::Whole, &approvals(&[a, a])).outcome, Outcome::Open);
}

#[test]
fn percent_is_rounded_up_to_whole_people() {
    let [a, b, c] = people();
    for (percent, needed) in [(1, 1), (33, 1), (34, 2), (66, 2), (67, 3), (100, 3)] {
        let pool = pool_of(Policy::Percent(percent), &[a, b, c]);
        assert_eq!(evaluate(&pool, Mode::Whole, &[]).needed, needed, "{percent} %");
    }
}

#[test]
fn weights_add_up_and_count_as_they_were_when_the_vote_was_cast() {
    let [a, b] = people();
    let pool = Deciders::new(Policy::Weight(4), [(a, 3), (b, 1)], |_| None);
    let heavy = CountedVote { user: a, verdict: Verdict::Approved, weight: 3 };
    let light = CountedVote { user: b, verdict: Verdict::Approved, weight: 1 };
    assert_eq!(evaluate(&pool, Mode::Whole, &[heavy]).outcome, Outcome::Open);
    assert_eq!(evaluate(&pool, Mode::Whole, &[heavy, light]).outcome, Outcome::Passed);
    let without_b = Deciders::new(Policy::Weight(4), [(a, 3)], |_| None);
    assert_eq!(evaluate(&without_b, Mode::Whole, &[heavy, light]).outcome, Outcome::Passed);
    assert_eq!(evaluate(&without_b, Mode::Whole, &[heavy]).held, Some(HeldReason::TooFewExecutors));
}

#[test]
fn nothing_waits_for_who_may_not_decide() {
    let [a, maker] = people();
    let rules = FourEyes { forbid_maker: true, distinct_deciders: false };
    let pool = Deciders::new(Policy::All, [(a, 1), (maker, 1)], |user| {
        rules.bar(user, &BTreeSet::from([maker]), &BTreeSet::default())
    });
    assert_eq!(evaluate(&pool, Mode::Whole, &approvals(&[a])).outcome, Outcome::Passed);
}
