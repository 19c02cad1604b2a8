//! Says things in the log at intervals: what strangers or failing receivers can cause often must not fill the log.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many things are remembered before those of long ago are forgotten.
const MANY: usize = 1_000;

/// What the log has said, by a key for each thing.
pub struct Reports<K> {
    pause: Duration,
    said: Mutex<HashMap<K, Said>>,
}

/// When the log last said it, and how often there was reason to since.
type Said = (Instant, u64);

impl<K: Eq + Hash> Reports<K> {
    /// Says each thing once in such a pause.
    #[must_use]
    pub fn every(pause: Duration) -> Self {
        Self { pause, said: Mutex::default() }
    }

    /// How often there was reason to say this since it was last said, if it is to be said now.
    pub fn times(&self, key: K) -> Option<u64> {
        self.times_by(key, Instant::now())
    }

    fn times_by(&self, key: K, now: Instant) -> Option<u64> {
        let is_old = |(last, _): &Said| now.duration_since(*last) >= self.pause;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let times = match said.get_mut(&key) {
            Some(known) if !is_old(known) => {
                known.1 += 1;
                return None;
            }
            Some((_, times)) => *times + 1,
            None => 1,
        };
        if said.len() >= MANY {
            said.retain(|_, known| !is_old(known));
        }
        said.insert(key, (now, 0));
        Some(times)
    }
}

/// What does not happen, and the setting because of which it does not.
pub type Reached = (&'static str, &'static str);

impl Default for Reports<Reached> {
    fn default() -> Self {
        Self::every(Duration::from_secs(10))
    }
}

impl Reports<Reached> {
    /// Says that the bound of a setting is reached, and what does not happen therefore; where, and the system's error, if
    /// these are known.
    pub fn reached(
        &self,
        setting: &'static str,
        what: &'static str,
        address: Option<&dyn Display>,
        error: Option<&dyn Display>,
    ) {
        let Some(times) = self.times((what, setting)) else { return };
        let (address, error) = (address.map(ToString::to_string), error.map(ToString::to_string));
        tracing::warn!(bound = setting, times, address, error, "{what}: {setting} is reached");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_is_said_once_and_then_at_intervals_with_its_count() {
        const PAUSE: Duration = Duration::from_secs(60);
        let (reports, now) = (Reports::every(PAUSE), Instant::now());
        let times = |key: usize, after: Duration| reports.times_by(key, now + after);
        assert_eq!(times(1, Duration::ZERO), Some(1));
        for _ in 0..1_000 {
            assert_eq!(times(1, PAUSE / 2), None);
        }
        assert_eq!(times(2, PAUSE / 2), Some(1), "another thing is said by itself");
        assert_eq!(times(1, PAUSE), Some(1_001));
        assert_eq!(times(1, PAUSE), None);
        for key in 3..3 + MANY {
            times(key, PAUSE);
        }
        times(0, 2 * PAUSE);
        assert_eq!(reports.said.lock().expect("whole").len(), 1, "what was long ago is forgotten");
    }
}
