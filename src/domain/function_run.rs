//! The life of a run, what starts it, how it ends, and how large its parts may be.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::text_enum::text_enum;

text_enum! {
    /// The status of a run, in the order of its life. All but the first two are final.
    pub enum RunStatus {
        /// It waits until it is begun.
        New = "NEW",
        /// A process executes it.
        InProgress = "IN_PROGRESS",
        /// It ended well.
        Complete = "COMPLETE",
        /// It failed, and is not tried again.
        Failed = "FAILED",
        /// It failed, and another run tries again.
        Retried = "RETRIED",
        /// Somebody gave it up before it was begun.
        Canceled = "CANCELED",
    }
}

impl RunStatus {
    /// Whether the run has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::New | Self::InProgress)
    }
}

text_enum! {
    /// What started a run.
    pub enum RunTrigger {
        /// Somebody asked for it.
        Direct = "DIRECT",
        /// It was time.
        Schedule = "SCHEDULE",
        /// A task was decided.
        Task = "TASK",
        /// Something happened of which a dispatcher is told.
        Event = "EVENT",
    }
}

text_enum! {
    /// Where a run failed.
    pub enum RunErrorType {
        /// Before the function: it could not be begun.
        Invocation = "INVOCATION",
        /// In the function, or because it took too long.
        Runtime = "RUNTIME",
        /// After it: what it answered can't be kept.
        Response = "RESPONSE",
    }
}

/// How many bytes the data of a run, and its result, may have.
pub const RUN_BYTES: usize = 250 * 1024;
/// How many lines the log of a run has at most.
pub const MOST_LINES: usize = 1_000;
/// How many bytes they are together, at most.
pub const LOG_BYTES: usize = 100 * 1024;
/// How many tags a run may have.
pub const MOST_TAGS: usize = 50;
/// How many runs may stand behind a run, one causing the next.
pub const DEEPEST: i32 = 8;
/// How many seconds who executes a function waits for the result.
pub const LONGEST_WAIT: u64 = 30;

/// The error of a run whose process is gone.
pub const ZOMBIE: &str = "zombieTaskCleaned";
/// The error of a run behind which there are too many others.
pub const TOO_DEEP: &str = "tooDeep";
/// The error of a run that took too long.
pub const TIMED_OUT: &str = "timeLimitExceeded";
/// The error of a run that can't be begun.
pub const NOT_BEGUN: &str = "notBegun";
/// The error of a run whose result can't be kept.
pub const BAD_RESULT: &str = "invalidResult";
/// The error of a run that broke off.
pub const BROKEN_OFF: &str = "brokenOff";

const LONGEST_NAME: usize = 100;
const LONGEST_MESSAGE: usize = 2_000;

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunError {
    /// Its name, by which retry policies know it.
    pub name: String,
    /// What people read.
    pub message: String,
    /// Where it failed.
    pub kind: RunErrorType,
}

impl RunError {
    /// The error in the form in which it can be kept.
    #[must_use]
    pub fn new(kind: RunErrorType, name: &str, message: &str) -> Self {
        let name = match kept(name, LONGEST_NAME) {
            name if name.is_empty() => "Error".to_owned(),
            name => name,
        };
        Self { name, message: kept(message, LONGEST_MESSAGE), kind }
    }

    /// The error as it is stored; none without a name.
    #[must_use]
    pub fn stored(name: Option<&str>, message: Option<&str>, kind: Option<RunErrorType>) -> Option<Self> {
        Some(Self {
            name: name?.to_owned(),
            message: message.unwrap_or_default().to_owned(),
            kind: kind.unwrap_or(RunErrorType::Runtime),
        })
    }
}

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// What the function said.
    pub message: String,
    /// When, naive UTC.
    pub timestamp: NaiveDateTime,
}

/// The log of a run. It keeps the beginning of a longer one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunLog {
    lines: Vec<LogLine>,
    bytes: usize,
    is_full: bool,
}

impl RunLog {
    /// Adds a line, if there is room.
    pub fn say(&mut self, message: &str, timestamp: NaiveDateTime) {
        if self.is_full {
            return;
        }
        let room = LOG_BYTES - self.bytes;
        if self.lines.len() + 1 >= MOST_LINES || message.len() > room {
            self.is_full = true;
            let message = "the log is full: nothing more of it is kept".to_owned();
            self.lines.push(LogLine { message, timestamp });
            return;
        }
        let message = kept(message, room);
        self.bytes += message.len();
        self.lines.push(LogLine { message, timestamp });
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[LogLine] {
        &self.lines
    }
}

/// The beginning of a text in a form that the database can keep.
fn kept(text: &str, most: usize) -> String {
    text.chars().map(|c| if c == '\0' { '\u{fffd}' } else { c }).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize, message: &str) -> RunLog {
        let mut log = RunLog::default();
        (0..count).for_each(|_| log.say(message, NaiveDateTime::default()));
        log
    }

    #[test]
    fn a_log_keeps_the_beginning_and_says_so() {
        assert_eq!(lines(3, "a").lines().len(), 3);
        let long = lines(5_000, "a");
        assert_eq!(long.lines().len(), MOST_LINES);
        assert!(long.lines().last().is_some_and(|line| line.message.contains("full")));
        let large = lines(3, &"x".repeat(60 * 1024));
        assert_eq!(large.lines().len(), 2);
        assert_eq!(lines(1, "a\0b").lines()[0].message, "a\u{fffd}b");
    }

    #[test]
    fn an_error_can_be_kept_whatever_a_function_says() {
        let error = RunError::new(RunErrorType::Runtime, "", &"m\0".repeat(3_000));
        assert_eq!(error.name, "Error");
        assert_eq!(error.message.chars().count(), LONGEST_MESSAGE);
        assert!(!error.message.contains('\0'));
    }
}
