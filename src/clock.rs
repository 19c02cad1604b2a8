//! The one source of time and of identifiers.
//!
//! Nothing else reads the wall clock or makes random ids; clippy's `disallowed-methods` enforces that. So a test that fixes
//! the clock fixes every date that the module writes.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{NaiveDateTime, TimeDelta, Timelike};
use uuid::Uuid;

/// Tells the time. Implementations give UTC.
pub trait Clock: Send + Sync + 'static {
    /// The present moment, naive UTC, in whole microseconds, as both databases keep it.
    fn now(&self) -> NaiveDateTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn now(&self) -> NaiveDateTime {
        truncate_to_micros(chrono::Utc::now().naive_utc())
    }
}

/// A clock that stands still until it is told to move: for tests and for replaying.
#[derive(Debug, Clone)]
pub struct FixedClock(Arc<Mutex<NaiveDateTime>>);

impl FixedClock {
    /// A clock that shows `moment` (naive UTC).
    #[must_use]
    pub fn new(moment: NaiveDateTime) -> Self {
        Self(Arc::new(Mutex::new(truncate_to_micros(moment))))
    }

    /// Moves the clock by `delta`, backwards when negative.
    pub fn advance(&self, delta: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += delta;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> NaiveDateTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new key for a row: UUIDv7, so that ids sort by the order of creation.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// A new id that can't be guessed, for sessions and requests. It does not tell when it was made.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn new_random_id() -> Uuid {
    Uuid::new_v4()
}

/// A random number, to keep pauses from all ending at once.
#[must_use]
pub fn jitter() -> u8 {
    new_random_id().as_bytes()[0]
}

fn truncate_to_micros(moment: NaiveDateTime) -> NaiveDateTime {
    let nanosecond = moment.nanosecond() / 1_000 * 1_000;
    moment.with_nanosecond(nanosecond).unwrap_or(moment)
}
