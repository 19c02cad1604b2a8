//! Says in the log that bounds are reached: at intervals, because whoever reaches a bound could fill the log too.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often the log says that a bound is reached.
const PAUSE: Duration = Duration::from_secs(10);

/// What the log has said of bounds.
#[derive(Default)]
pub struct Reports {
    said: Mutex<HashMap<Sentence, Said>>,
}

/// What does not happen, and the setting because of which it does not.
type Sentence = (&'static str, &'static str);

/// When the log last said it, and how often there was reason to since.
type Said = (Instant, u64);

impl Reports {
    /// Says that the bound of a setting is reached, and what does not happen therefore; where, and the system's error, if
    /// these are known.
    pub fn reached(
        &self,
        setting: &'static str,
        what: &'static str,
        address: Option<&dyn Display>,
        error: Option<&dyn Display>,
    ) {
        let now = Instant::now();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let times = match said.get_mut(&(what, setting)) {
            Some((last, times)) if now.duration_since(*last) < PAUSE => {
                *times += 1;
                return;
            }
            Some((_, times)) => *times + 1,
            None => 1,
        };
        said.insert((what, setting), (now, 0));
        drop(said);
        let (address, error) = (address.map(ToString::to_string), error.map(ToString::to_string));
        tracing::warn!(bound = setting, times, address, error, "{what}: {setting} is reached");
    }
}
