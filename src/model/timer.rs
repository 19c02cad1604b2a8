//! The timer: something to be done at a moment.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use crate::domain::json::Json;
use crate::domain::timer::TimerKind;

/// Where a schedule's timer keeps the moment that it is for; it may be due later than that.
pub const MOMENT: &str = "moment";

entity! {
    /// A timer as it is stored.
    pub struct Timer ("timer") in task_management_timer (id) {
        /// Primary key, counted by the database.
        id: i64 => BigInt,
        /// What it is for.
        kind: TimerKind => Text,
        /// The row that it is about.
        entity_id: Uuid => Uuid,
        /// Its name among the timers of its kind for that row, made of the reason for it.
        key: String => Text,
        /// When it is due, naive UTC; none once it has acted. Then it stays, so that the same reason makes no other.
        due: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// Further facts.
        payload: Json => Jsonb,
        /// The worker that has it in hand.
        leased_by: Option<Uuid> => Nullable<Uuid>,
        /// Until when that worker has it in hand, naive UTC.
        lease_until: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// How often it was taken in hand since it acted last.
        attempts: i32 => Integer,
    }
}

impl Timer {
    /// The moment that a schedule's timer is for, naive UTC.
    #[must_use]
    pub fn moment(&self) -> Option<NaiveDateTime> {
        self.payload.get(MOMENT)?.read().ok()
    }
}
