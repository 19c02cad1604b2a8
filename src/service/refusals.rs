//! How many refusals of each person the journal keeps, lest who may do nothing fill the database.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{NaiveDateTime, TimeDelta};
use uuid::Uuid;

use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;

/// The refusals of the last hour, in this process.
pub struct Refusals {
    max: u32,
    /// When the hour of each person began, and how many there were since.
    counted: Mutex<HashMap<Uuid, (NaiveDateTime, u32)>>,
}

impl Refusals {
    /// At most so many of each person in an hour.
    #[must_use]
    pub fn new(max: u32) -> Self {
        Self { max, counted: Mutex::default() }
    }

    /// Counts one.
    ///
    /// # Errors
    /// LIMIT where there were too many: this one is answered, and not kept.
    pub fn count(&self, person: Uuid, now: NaiveDateTime) -> Result<()> {
        let is_over = |since: NaiveDateTime| now - since >= TimeDelta::hours(1) || now < since;
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.get(&person).is_none_or(|(since, _)| is_over(*since)) {
            counted.retain(|_, (since, _)| !is_over(*since));
            counted.insert(person, (now, 0));
        }
        match counted.get_mut(&person) {
            Some((_, count)) if *count >= self.max => {
                let message = Message::new("too-many-refusals").with("max", i64::from(self.max));
                Err(Error::new(ErrorCode::Limit, message))
            }
            Some((_, count)) => {
                *count += 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}
