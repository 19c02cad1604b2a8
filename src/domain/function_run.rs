//! The life of a run, what starts it, how it ends, and how large its parts may be.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use reason::{TOO_DEEP, UNNAMED};

use super::text::{is_blank, is_unseen};
use super::text_enum::text_enum;

pub mod reason;

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

/// The last line of a log of which there is more.
const IS_FULL: &str = "the log is full: nothing more of it is kept";
/// The last line of a log in the midst of a line.
const LINE_IS_CUT: &str = "the log is full: the line before this one is cut, and nothing more of it is kept";

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
        // It stands within lines: in lists, logs and metrics.
        let seen: String =
            kept(name, LONGEST_NAME).chars().map(|c| if is_unseen(c) { ' ' } else { c }).collect();
        let name = if is_blank(&seen) { UNNAMED } else { seen.trim() };
        Self { name: name.to_owned(), message: kept(message, LONGEST_MESSAGE), kind }
    }

    /// That of what would have so many runs behind it, more than are allowed.
    #[must_use]
    pub fn too_deep(depth: i32) -> Self {
        let message = format!("{depth} runs stand behind it, one causing the next; {DEEPEST} are allowed");
        Self::new(RunErrorType::Invocation, TOO_DEEP, &message)
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
        let room = LOG_BYTES.saturating_sub(self.bytes);
        let has_line = self.lines.len() + 1 < MOST_LINES;
        let (kept, is_whole) = if has_line { beginning(message, room) } else { (String::new(), false) };
        let is_cut = !is_whole && !kept.is_empty();
        if is_whole || is_cut {
            self.bytes += kept.len();
            self.lines.push(LogLine { message: kept, timestamp });
        }
        if !is_whole {
            self.is_full = true;
            let message = if is_cut { LINE_IS_CUT } else { IS_FULL };
            self.lines.push(LogLine { message: message.to_owned(), timestamp });
        }
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[LogLine] {
        &self.lines
    }
}

/// The beginning of a text in a form that the database can keep.
fn kept(text: &str, most: usize) -> String {
    text.chars().map(storable).take(most).collect()
}

/// As much of a text as so many bytes have room for, in a form that the database can keep, and whether that is all of it.
fn beginning(text: &str, bytes: usize) -> (String, bool) {
    let mut kept = String::new();
    for c in text.chars().map(storable) {
        if kept.len() + c.len_utf8() > bytes {
            return (kept, false);
        }
        kept.push(c);
    }
    (kept, true)
}

/// A character that the database can keep.
const fn storable(c: char) -> char {
    if c == '\0' { '\u{fffd}' } else { c }
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
        let lengths: Vec<usize> = large.lines().iter().map(|line| line.message.len()).collect();
        assert_eq!(lengths, [60 * 1024, 40 * 1024, LINE_IS_CUT.len()]);
        assert_eq!(large.lines()[2].message, LINE_IS_CUT);
        let full = lines(3, &"x".repeat(LOG_BYTES));
        assert_eq!(full.lines().len(), 2);
        assert_eq!(full.lines()[1].message, IS_FULL, "the line before is whole");
        assert_eq!(lines(1, "a\0b").lines()[0].message, "a\u{fffd}b");
    }

    #[test]
    fn a_line_is_cut_between_letters_and_by_what_is_kept_of_it() {
        let long = lines(1, &"é\u{1f600}".repeat(LOG_BYTES));
        assert_eq!(long.lines().len(), 2);
        let kept = &long.lines()[0].message;
        assert!(kept.starts_with("é\u{1f600}é") && (LOG_BYTES - 3..=LOG_BYTES).contains(&kept.len()));
        // What takes the place of a NUL character is three times as long.
        let large = lines(3, &"\0".repeat(LOG_BYTES - 1));
        let bytes: usize = large.lines().iter().map(|line| line.message.len()).sum();
        assert!(bytes <= LOG_BYTES + LINE_IS_CUT.len(), "{bytes}");
    }

    #[test]
    fn an_error_can_be_kept_whatever_a_function_says() {
        let error = RunError::new(RunErrorType::Runtime, "", &"m\0".repeat(3_000));
        assert_eq!(error.name, "Error");
        assert_eq!(error.message.chars().count(), LONGEST_MESSAGE);
        assert!(!error.message.contains('\0'));
        for (name, kept) in [
            ("no\nAccount", "no Account"),
            ("\u{1b}[31mred\r\n", "[31mred"),
            ("a\u{2028}b\u{202e}c\u{feff}d", "a b c d"),
            (" \u{200b}\t", "Error"),
            ("\0", "\u{fffd}"),
            ("pasDeCompte-é \u{1f600}", "pasDeCompte-é \u{1f600}"),
        ] {
            assert_eq!(RunError::new(RunErrorType::Runtime, name, "").name, kept, "{name:?}");
        }
    }
}
