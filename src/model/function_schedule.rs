//! The schedule: at which moments a function runs by itself.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use crate::domain::function_schedule::{CatchUp, Rhythm};
use crate::domain::json::Json;
use crate::error::{Error, Result};

entity! {
    /// A schedule as it is stored. The moment of the next run is that of its timer.
    pub struct FunctionSchedule ("function_schedule") in task_management_functionschedule (id),
    versions in task_management_historicalfunctionschedule {
        /// The function.
        function_id: Uuid => Uuid,
        /// The name of the function.
        function_name: String => Text,
        /// The input of its runs.
        data: Json => Jsonb,
        /// The priority of its runs; absent: as the function says.
        priority: Option<i64> => Nullable<BigInt>,
        /// From when on there are moments, naive UTC; absent: since it was made.
        date_start: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// The seconds between two moments; none if they go by a line of cron.
        interval_seconds: Option<i32> => Nullable<Integer>,
        /// The line of cron.
        cron: Option<String> => Nullable<Text>,
        /// The time zone of the line.
        time_zone: Option<String> => Nullable<Text>,
        /// What becomes of moments that have passed while no process served the timers.
        catch_up: CatchUp => Text,
        /// Whether it has its function run.
        is_enabled: bool => Bool,
    }
}

impl FunctionSchedule {
    /// Who answers for what it does: who wrote it last.
    #[must_use]
    pub const fn owner(&self) -> Uuid {
        self.record.user_updated
    }

    /// Its rhythm.
    ///
    /// # Errors
    /// VALIDATION, naming the field.
    pub fn rhythm(&self) -> Result<Rhythm> {
        match (self.interval_seconds, &self.cron, &self.time_zone) {
            (Some(seconds), None, None) => Ok(Rhythm::Interval {
                first: self.date_start.unwrap_or(self.date_created),
                seconds: seconds.into(),
            }),
            (None, Some(line), Some(zone)) => Rhythm::of_cron(line, zone),
            _ => Err(Error::internal(format!("the schedule {} has no rhythm", self.id))),
        }
    }

    /// Its first moment after this one, but not before it starts.
    ///
    /// # Errors
    /// VALIDATION, naming the field.
    pub fn next(&self, moment: NaiveDateTime) -> Result<Option<NaiveDateTime>> {
        // A moment that is the start itself is one too.
        let start = self.date_start.map(|start| start - chrono::TimeDelta::microseconds(1));
        Ok(self.rhythm()?.after(start.map_or(moment, |start| start.max(moment))))
    }
}
