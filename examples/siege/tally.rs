//! Counts of answers, and times.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Counts of answers by status; may be shared.
#[derive(Default)]
pub struct Tally {
    counts: Mutex<BTreeMap<u16, u64>>,
}

/// The status that stands for no answer at all.
const BROKEN_OFF: u16 = 0;

impl Tally {
    /// Notes an answer, or that there was none.
    pub fn note(&self, status: Option<u16>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(status.unwrap_or(BROKEN_OFF)).or_default() += 1;
    }

    /// How many were noted.
    pub fn total(&self) -> u64 {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// How many had this status.
    pub fn of(&self, status: u16) -> u64 {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).get(&status).copied().unwrap_or(0)
    }

    /// Each status with its count.
    pub fn words(&self) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let word = |(status, count): (&u16, &u64)| match *status {
            BROKEN_OFF => format!("none: {count}"),
            status => format!("{status}: {count}"),
        };
        counts.iter().map(word).collect::<Vec<_>>().join(", ")
    }
}

/// How long something took, each time.
#[derive(Default, Clone)]
pub struct Times {
    taken: Vec<Duration>,
    /// How often it was refused or not answered, and the first of these answers.
    pub refused: u64,
    /// The first refusal, in words.
    pub first_refusal: Option<String>,
}

impl Times {
    /// Notes a time and its outcome.
    pub fn note(&mut self, took: Duration, outcome: Result<(), String>) {
        self.taken.push(took);
        if let Err(reason) = outcome {
            self.refused += 1;
            self.first_refusal.get_or_insert_with(|| reason.chars().take(300).collect());
        }
    }

    /// How often it succeeded.
    pub const fn count(&self) -> usize {
        self.taken.len()
    }

    /// The time within which 99 of 100 succeeded, in milliseconds.
    pub fn p99_ms(&self) -> u128 {
        let mut taken = self.taken.clone();
        taken.sort_unstable();
        // Rounded up: the slowest, if there are fewer than a hundred.
        let place = (taken.len() * 99).div_ceil(100);
        place.checked_sub(1).and_then(|place| taken.get(place)).map_or(0, Duration::as_millis)
    }
}
