//! The vote: one person's verdict on a task, or on one record of it, in the ledger that decides.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::entity::entity;
use crate::domain::decision::CountedVote;
use crate::domain::verdict::Verdict;
use crate::domain::vote::DataHash;

entity! {
    /// A row of the ledger. Rows are only added; a vote that its caster replaced is marked deleted. `user_created` equals
    /// `user_id`, because nobody votes in another's name.
    pub struct Vote ("vote") in task_management_taskdecision (id), versions in task_management_historicaltaskdecision {
        /// The task voted on.
        task_id: Uuid => Uuid,
        /// The step of the flow at which the vote was cast; none for tasks in no flow.
        step_id: Option<Uuid> => Nullable<Uuid>,
        /// The user who cast the vote.
        user_id: Uuid => Uuid,
        /// The record voted on; none for a vote on the whole task.
        record_id: Option<String> => Nullable<Text>,
        /// The verdict.
        verdict: Verdict => Text,
        /// The caster's comment.
        comment: Option<String> => Nullable<Text>,
        /// The caster's weight when it was cast.
        weight: i32 => Integer,
        /// The hash of the task's `data` when it was cast, see [`DataHash`]; none in votes older than
        /// the hash.
        data_hash: Option<String> => Nullable<Text>,
        /// Whether the task's data has changed since, or the task went to another group. A stale vote no longer counts.
        is_stale: bool => Bool,
    }
}

impl Vote {
    /// The vote in the form that the decision counts.
    #[must_use]
    pub fn counted(&self) -> CountedVote {
        CountedVote {
            user: self.user_id,
            verdict: self.verdict,
            weight: u64::try_from(self.weight).unwrap_or_default(),
        }
    }

    /// Whether the vote counts for a task whose data has this hash.
    #[must_use]
    pub fn counts_for(&self, hash: &DataHash) -> bool {
        !self.is_deleted && !self.is_stale && self.data_hash.as_deref().is_none_or(|own| hash.is(own))
    }
}

/// The records that somebody rejected by a vote that counts.
#[must_use]
pub fn rejected_records<'a>(votes: impl IntoIterator<Item = &'a Vote>) -> BTreeSet<String> {
    votes
        .into_iter()
        .filter(|vote| vote.verdict == Verdict::Reject)
        .filter_map(|vote| vote.record_id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::decision::evaluate;
    use crate::domain::decision::tests::{mode, pool, user};
    use crate::domain::json::Json;
    use crate::model::record::Record;

    proptest! {
        #[test]
        fn stale_votes_and_votes_on_other_data_and_replaced_ones_say_nothing(
            pool in pool(),
            mode in mode(),
            votes in prop::collection::vec(vote(), 0..14),
        ) {
            let now = DataHash::of(&Json::Null);
            let counting = |votes: &[Vote]| -> Vec<CountedVote> {
                votes.iter().filter(|vote| vote.counts_for(&now)).map(Vote::counted).collect()
            };
            let fresh: Vec<Vote> = votes
                .iter()
                .filter(|vote| !vote.is_deleted && !vote.is_stale && vote.data_hash.as_deref() != Some("other"))
                .cloned()
                .collect();
            prop_assert_eq!(counting(&votes).len(), fresh.len());
            prop_assert_eq!(evaluate(&pool, mode, &counting(&votes)), evaluate(&pool, mode, &counting(&fresh)));
            let all_stale: Vec<Vote> = votes.into_iter().map(|vote| Vote { is_stale: true, ..vote }).collect();
            prop_assert_eq!(evaluate(&pool, mode, &counting(&all_stale)), evaluate(&pool, mode, &[]));
        }
    }

    fn vote() -> impl Strategy<Value = Vote> {
        let verdict = prop_oneof![Just(Verdict::Approved), Just(Verdict::Failed), Just(Verdict::Accept)];
        let now = DataHash::of(&Json::Null).as_str().to_owned();
        let hash = prop_oneof![2 => Just(Some(now)), 1 => Just(Some("other".to_owned())), 1 => Just(None)];
        let marks = (prop::bool::weighted(0.2), prop::bool::weighted(0.3));
        (user(), verdict, hash, marks).prop_map(|(user, verdict, hash, (is_deleted, is_stale))| Vote {
            record: Record { is_deleted, ..Record::new(user, NaiveDateTime::default()) },
            task_id: Uuid::nil(),
            step_id: None,
            user_id: user,
            record_id: None,
            verdict,
            comment: None,
            weight: 1,
            data_hash: hash,
            is_stale,
        })
    }
}
