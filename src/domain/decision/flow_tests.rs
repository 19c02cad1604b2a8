//! Properties of whole flows: steps beside each other and after each other, pools that grow and shrink.

use proptest::prelude::*;

use super::tests::{approval, mode, policy, pool, user};
use super::*;

/// Something that happens to a task in a flow.
#[derive(Debug, Clone)]
enum Happening {
    Vote(Uuid, Verdict),
    Seat(usize, Uuid),
    Unseat(usize, Uuid),
}

fn happening() -> impl Strategy<Value = Happening> {
    let verdict = prop_oneof![20 => Just(Verdict::Approved), 1 => Just(Verdict::Failed)];
    prop_oneof![
        6 => (user(), verdict).prop_map(|(user, verdict)| Happening::Vote(user, verdict)),
        1 => (0_usize..6, user()).prop_map(|(pool, user)| Happening::Seat(pool, user)),
        1 => (0_usize..6, user()).prop_map(|(pool, user)| Happening::Unseat(pool, user)),
    ]
}

/// The steps of a flow: sets of pools, asked one set after the other.
fn flow() -> impl Strategy<Value = Vec<Vec<Deciders>>> {
    prop::collection::vec(prop::collection::vec(pool(), 1..3), 1..4)
}

/// A task in a flow, as the services keep it.
#[derive(Debug)]
struct Way {
    flow: Vec<Vec<Deciders>>,
    at: usize,
    passed: Vec<bool>,
    votes: Vec<Vec<CountedVote>>,
    end: Option<Progression>,
}

impl Way {
    fn new(flow: Vec<Vec<Deciders>>) -> Self {
        let (passed, votes) = (vec![false; flow[0].len()], vec![Vec::new(); flow[0].len()]);
        Self { flow, at: 0, passed, votes, end: None }
    }

    fn asked(&self) -> Vec<usize> {
        (0..self.passed.len()).filter(|index| !self.passed[*index]).collect()
    }

    /// Weighs the active pools, as `progression::apply` does; returns what happens to the task.
    fn weigh(&mut self) -> Progression {
        let asked = self.asked();
        let outcomes: Vec<Outcome> = asked
            .iter()
            .map(|index| evaluate(&self.flow[self.at][*index], Mode::Whole, &self.votes[*index]).outcome)
            .collect();
        let course = decide(&outcomes, self.at + 1 < self.flow.len());
        match course {
            Progression::Waits => {}
            Progression::Failed | Progression::Completed => self.end = Some(course),
            Progression::Stays => {
                for (index, outcome) in asked.iter().zip(&outcomes) {
                    self.passed[*index] |= *outcome == Outcome::Passed;
                }
            }
            Progression::MovesOn => {
                self.at += 1;
                self.passed = vec![false; self.flow[self.at].len()];
                self.votes = vec![Vec::new(); self.flow[self.at].len()];
            }
        }
        course
    }

    fn happen(&mut self, happening: &Happening) -> Option<Progression> {
        let pools = self.passed.len();
        match happening {
            Happening::Seat(index, user) => {
                self.flow[self.at][index % pools].members.entry(*user).or_insert(1);
                None
            }
            Happening::Unseat(index, user) => {
                self.flow[self.at][index % pools].members.remove(user);
                None
            }
            Happening::Vote(user, verdict) => {
                for index in self.asked() {
                    if let Some(weight) = self.flow[self.at][index].members.get(user) {
                        let vote = CountedVote { user: *user, verdict: *verdict, weight: *weight };
                        self.votes[index].push(vote);
                    }
                }
                Some(self.weigh())
            }
        }
    }
}

proptest! {
    #[test]
    fn a_flow_skips_no_step_and_what_has_passed_stays_so(flow in flow(), happenings in prop::collection::vec(happening(), 0..80)) {
        let mut way = Way::new(flow);
        for happening in &happenings {
            let (at, passed) = (way.at, way.passed.clone());
            let Some(course) = way.happen(happening) else { continue };
            match course {
                Progression::Waits => prop_assert_eq!((way.at, &way.passed), (at, &passed)),
                Progression::Stays => {
                    prop_assert_eq!(way.at, at);
                    prop_assert!(passed.iter().zip(&way.passed).all(|(old, new)| *new || !*old));
                    prop_assert!(way.passed.contains(&false) && way.passed != passed);
                }
                Progression::MovesOn => {
                    prop_assert_eq!(way.at, at + 1);
                    prop_assert!(way.votes.iter().all(Vec::is_empty), "nobody has voted there yet");
                }
                Progression::Completed => prop_assert_eq!(at + 1, way.flow.len()),
                Progression::Failed => {
                    let refused = way.votes.iter().flatten().any(|vote| vote.verdict == Verdict::Failed);
                    prop_assert!(refused);
                }
            }
            if way.end.is_some() {
                break;
            }
        }
    }

    #[test]
    fn a_flow_whose_people_all_approve_ends_unless_a_pool_is_held(flow in flow()) {
        let mut way = Way::new(flow);
        for _ in 0..way.flow.len() {
            let at = way.at;
            for person in 0..8 {
                if way.end.is_none() && way.at == at {
                    way.happen(&Happening::Vote(Uuid::from_u128(person), Verdict::Approved));
                }
            }
            if way.end.is_none() && way.at == at {
                let held = way.asked().into_iter().any(|index| {
                    evaluate(&way.flow[at][index], Mode::Whole, &way.votes[index]).held.is_some()
                });
                prop_assert!(held, "{way:?}");
                return Ok(());
            }
        }
        prop_assert_eq!(way.end, Some(Progression::Completed));
    }

    #[test]
    fn a_growing_pool_asks_for_more_where_it_asks_everybody_or_a_share_and_never_for_less(
        pool in pool(),
        mode in mode(),
        people in prop::collection::vec(user(), 0..8),
        new in user(),
    ) {
        let votes: Vec<CountedVote> = people.iter().map(|user| approval(*user, mode)).collect();
        let before = evaluate(&pool, mode, &votes);
        let mut larger = pool.clone();
        larger.barred.remove(&new);
        larger.members.entry(new).or_insert(1);
        let after = evaluate(&larger, mode, &votes);
        prop_assert!(after.needed >= before.needed);
        prop_assert_ne!(after.outcome, Outcome::Held);
        match pool.policy {
            Policy::All | Policy::Percent(_) => {}
            Policy::Any | Policy::AtLeast(_) | Policy::Weight(_) => {
                if before.outcome == Outcome::Passed {
                    prop_assert_eq!(after.outcome, Outcome::Passed);
                }
            }
        }
        if people.contains(&new) && before.outcome == Outcome::Passed && pool.policy == Policy::All {
            prop_assert_eq!(after.outcome, Outcome::Passed, "who comes has approved already");
        }
    }

    #[test]
    fn what_a_policy_needs_can_be_had_from_a_pool_of_a_share_or_of_everybody(pool in pool(), mode in mode()) {
        prop_assume!(!pool.members.is_empty());
        let everybody: Vec<CountedVote> = pool.members.keys().map(|user| approval(*user, mode)).collect();
        let standing = evaluate(&pool, mode, &everybody);
        prop_assert!(standing.needed >= 1, "nothing passes by itself");
        match pool.policy {
            Policy::All | Policy::Any | Policy::Percent(_) => prop_assert_eq!(standing.outcome, Outcome::Passed),
            Policy::AtLeast(_) | Policy::Weight(_) => {}
        }
    }

    #[test]
    fn without_votes_nothing_passes(pool in pool(), mode in mode()) {
        prop_assert!(matches!(evaluate(&pool, mode, &[]).outcome, Outcome::Open | Outcome::Held));
    }

    #[test]
    fn per_cent_of_a_pool_are_the_least_number_of_people_that_is_such_a_share(percent in 1_u64..=100, size in 1_u128..40) {
        let pool = Deciders::new(Policy::Percent(percent), (0..size).map(|user| (Uuid::from_u128(user), 1)), |_| None);
        let needed = evaluate(&pool, Mode::Whole, &[]).needed;
        let size = u64::try_from(size).expect("small");
        prop_assert!(needed * 100 >= percent * size && (needed - 1) * 100 < percent * size);
    }

    #[test]
    fn what_is_needed_depends_on_the_pool_alone(pool in pool(), mode in mode(), policy in policy(), people in prop::collection::vec(user(), 0..8)) {
        let pool = Deciders { policy, ..pool };
        let votes: Vec<CountedVote> = people.iter().map(|user| approval(*user, mode)).collect();
        prop_assert_eq!(evaluate(&pool, mode, &votes).needed, evaluate(&pool, mode, &[]).needed);
    }
}
