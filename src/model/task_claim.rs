//! The claim: somebody works on a pool of a task, until a moment.

use chrono::{NaiveDateTime, TimeDelta};
use uuid::Uuid;

use super::entity::entity;
use crate::domain::claim::ClaimEnd;

entity! {
    /// A claim as it is stored. It is no version of its task; a row that has ended stays, and tells who worked on the task.
    #[derive(Eq)]
    pub struct TaskClaim ("task_claim") in task_management_taskclaim (id) {
        /// Primary key.
        id: Uuid => Uuid,
        /// The task.
        task_id: Uuid => Uuid,
        /// The step of its flow; none for a task in no flow.
        step_id: Option<Uuid> => Nullable<Uuid>,
        /// Who works on it.
        user_id: Uuid => Uuid,
        /// Who has assigned it; none if the holder has taken it.
        assigned_by: Option<Uuid> => Nullable<Uuid>,
        /// Since when, naive UTC.
        date_claimed: NaiveDateTime => Timestamp,
        /// Until when, naive UTC; once somebody who gave it back has taken it up again, until when it lasted.
        date_until: NaiveDateTime => Timestamp,
        /// When it ended, naive UTC; none while it lasts.
        date_ended: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// How it ended.
        ended_as: Option<ClaimEnd> => Nullable<Text>,
        /// Who has ended it.
        ended_by: Option<Uuid> => Nullable<Uuid>,
    }
}

impl TaskClaim {
    /// Whether it has not ended, and its time is not up.
    #[must_use]
    pub fn lasts(&self, now: NaiveDateTime) -> bool {
        self.date_ended.is_none() && self.date_until > now
    }

    /// Whether its holder gave it back, or took back the vote that ended it, before its time was up, and may go on with it.
    #[must_use]
    pub fn can_go_on(&self, now: NaiveDateTime) -> bool {
        matches!(self.ended_as, Some(ClaimEnd::Released | ClaimEnd::Voted)) && self.date_until > now
    }

    /// Until when its holder leaves the task to others, because there was no vote, or none that counts: for as long as he had it. Until
    /// its time is up, who gave it back may go on with it instead.
    #[must_use]
    pub fn rests_until(&self, now: NaiveDateTime, seconds: i32) -> Option<NaiveDateTime> {
        let whole = TimeDelta::seconds(seconds.into());
        let is_own = match self.ended_as {
            None | Some(ClaimEnd::Lapsed | ClaimEnd::Voted) => true,
            Some(ClaimEnd::Released) => self.ended_by == Some(self.user_id),
            Some(ClaimEnd::Lost | ClaimEnd::Closed) => false,
        };
        // Of a claim with which its holder went on, the later row tells.
        let went_on = self.ended_as != Some(ClaimEnd::Lapsed) && self.date_ended == Some(self.date_until);
        if !is_own || went_on || self.date_until > now {
            return None;
        }
        let ended = self.date_ended.map_or(self.date_until, |ended| ended.min(self.date_until));
        let until = ended + (whole - (self.date_until - ended)).max(TimeDelta::zero());
        (now < until).then_some(until)
    }
}
