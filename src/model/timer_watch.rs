//! The watch of the timers: when some process served them last.

use chrono::NaiveDateTime;

use super::entity::entity;

entity! {
    /// The only row of its table.
    #[derive(Copy, Eq)]
    pub struct TimerWatch ("timer_watch") in task_management_timerwatch (id) {
        /// Primary key, always 1.
        id: i32 => Integer,
        /// When a process looked for due timers last, naive UTC; none before the first time.
        date_seen: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}
