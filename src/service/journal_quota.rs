//! How much of each person the journal keeps in an hour, so that nobody fills the database alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{NaiveDateTime, TimeDelta};
use uuid::Uuid;

use crate::config::JournalSettings;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;

/// What this process has kept of each person.
pub struct JournalQuota {
    settings: JournalSettings,
    kept: Mutex<HashMap<Uuid, Kept>>,
}

/// What was kept of a person since the hour began.
struct Kept {
    since: NaiveDateTime,
    refused: u32,
    bytes: u64,
}

impl JournalQuota {
    /// As the settings have it.
    #[must_use]
    pub fn new(settings: &JournalSettings) -> Self {
        Self { settings: settings.clone(), kept: Mutex::default() }
    }

    /// Counts a mutation that was refused.
    ///
    /// # Errors
    /// LIMIT where there were too many: the caller is told, and the journal does not keep it.
    pub fn refuse(&self, person: Uuid, now: NaiveDateTime) -> Result<()> {
        let max = self.settings.refused_per_hour;
        self.count(person, now, |kept| {
            kept.refused = kept.refused.saturating_add(1);
            (kept.refused > max).then(|| Message::new("too-many-refusals").with("max", i64::from(max)))
        })
    }

    /// Counts what is kept of a mutation that is done.
    ///
    /// # Errors
    /// LIMIT where it is too much: the mutation must not be done.
    pub fn keep(&self, person: Uuid, bytes: usize, now: NaiveDateTime) -> Result<()> {
        let max = self.settings.bytes_per_hour;
        self.count(person, now, |kept| {
            let bytes = kept.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
            if bytes > max {
                let max = i64::try_from(max).unwrap_or(i64::MAX);
                return Some(Message::new("journal-full").with("max", max));
            }
            kept.bytes = bytes;
            None
        })
    }

    fn count(
        &self,
        person: Uuid,
        now: NaiveDateTime,
        add: impl FnOnce(&mut Kept) -> Option<Message>,
    ) -> Result<()> {
        let is_over = |kept: &Kept| now - kept.since >= TimeDelta::hours(1) || now < kept.since;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.get(&person).is_none_or(is_over) {
            kept.retain(|_, kept| !is_over(kept));
        }
        match add(kept.entry(person).or_insert(Kept { since: now, refused: 0, bytes: 0 })) {
            Some(message) => Err(Error::new(ErrorCode::Limit, message)),
            None => Ok(()),
        }
    }
}
