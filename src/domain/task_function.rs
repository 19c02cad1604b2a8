//! The kinds of functions, who may run them, when they are tried again, and their bounds.

use std::ops::RangeInclusive;

use chrono::{NaiveDateTime, Timelike as _};
use serde::{Deserialize, Serialize};

use super::text::check_text;
use super::text_enum::text_enum;
use crate::error::{Error, Result};
use crate::message::Message;

text_enum! {
    /// What carries a function out.
    pub enum FunctionKind {
        /// Rust that the host has registered under the function's name.
        Handler = "HANDLER",
        /// A receiver that is sent each run by a signed POST, and answers its result.
        Http = "HTTP",
        /// A module in JavaScript, executed by a process of its own for each run.
        Javascript = "JAVASCRIPT",
    }
}

text_enum! {
    /// Who may have a function run. The texts are those of Extra Horizon.
    pub enum PermissionMode {
        /// People with the right to create runs, or to execute functions.
        PermissionRequired = "permissionRequired",
        /// Everybody who is logged in.
        AllUsers = "allUsers",
        /// The same, and strangers by HTTP.
        Public = "public",
    }
}

impl PermissionMode {
    /// Whether a right is needed.
    #[must_use]
    pub const fn needs_right(self) -> bool {
        matches!(self, Self::PermissionRequired)
    }
}

/// How many seconds a run may take.
pub const TIME_LIMITS: RangeInclusive<i32> = 3..=300;
/// How many seconds it may take unless its function says otherwise.
pub const USUAL_TIME_LIMIT: i32 = 10;
/// How many megabytes of memory a run in JavaScript may take.
pub const MEMORY_LIMITS: RangeInclusive<i32> = 16..=1_024;
/// How many it may take unless its function says otherwise.
pub const USUAL_MEMORY_LIMIT: i32 = 128;
/// How many runs of a function are under way at once in one process.
pub const CONCURRENCIES: RangeInclusive<i32> = 1..=1_000;
/// How many there are unless the function says otherwise.
pub const USUAL_CONCURRENCY: i32 = 5;
/// How many runs of a function are begun in a minute, by all processes together.
pub const RATES: RangeInclusive<i32> = 1..=1_000_000;
/// How many there are unless the function says otherwise.
pub const USUAL_RATE: i32 = 1_000;
/// The priorities that clients can tell from each other: whole numbers that JavaScript holds exactly.
pub const PRIORITIES: RangeInclusive<i64> = -9_007_199_254_740_991..=9_007_199_254_740_991;
/// The longest description, in characters.
pub const LONGEST_DESCRIPTION: usize = 2_000;
/// How many environment variables a function has at most.
pub const MOST_VARIABLES: usize = 100;
/// How many bytes the names and values of a function's environment variables are together, at most.
pub const VARIABLES_BYTES: usize = 64 * 1024;

const LONGEST_NAME: usize = 64;
const LONGEST_VARIABLE: usize = 128;
const MOST_RETRIES: usize = 20;
const LONGEST_PAUSE: i64 = 7 * 24 * 3_600;
const MOST_ERRORS: usize = 100;

/// When a run that failed is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryPolicy {
    /// Whether it is.
    pub enabled: bool,
    /// The names of the errors after which it is; an empty list means all errors.
    pub errors_to_retry: Vec<String>,
    /// How many seconds it waits before each attempt. It is given up after the last one.
    pub pauses_seconds: Vec<i64>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { enabled: false, errors_to_retry: Vec::new(), pauses_seconds: vec![2, 5, 10] }
    }
}

impl RetryPolicy {
    /// After how many seconds a run that failed with this error is tried again, if it was so many times; none if it is not.
    #[must_use]
    pub fn pause(&self, error: &str, times: usize) -> Option<i64> {
        let is_retried =
            self.errors_to_retry.is_empty() || self.errors_to_retry.iter().any(|name| name == error);
        self.pauses_seconds.get(times).copied().filter(|_| self.enabled && is_retried)
    }

    /// Refuses a policy that is out of bounds.
    ///
    /// # Errors
    /// VALIDATION or LIMIT, naming the field.
    pub fn check(&self) -> Result<()> {
        for (field, length, max) in [
            ("retryPolicy.errorsToRetry", self.errors_to_retry.len(), MOST_ERRORS),
            ("retryPolicy.pausesSeconds", self.pauses_seconds.len(), MOST_RETRIES),
        ] {
            if length > max {
                let message = Message::new("list-too-long").with("field", field).with("max", max);
                return Err(Error::limit(field, message));
            }
        }
        for name in &self.errors_to_retry {
            check_text("retryPolicy.errorsToRetry", name, super::text::MAX_TEXT)?;
        }
        for pause in &self.pauses_seconds {
            check_range("retryPolicy.pausesSeconds", *pause, 0..=LONGEST_PAUSE)?;
        }
        Ok(())
    }
}

/// The beginning of the minute in which a moment is; `runsPerMinute` is counted from there.
#[must_use]
pub fn beginning_of_minute(moment: NaiveDateTime) -> NaiveDateTime {
    moment.with_second(0).and_then(|moment| moment.with_nanosecond(0)).unwrap_or(moment)
}

/// Refuses a number that is out of range.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_range<N: Into<i64>>(field: &str, number: N, range: RangeInclusive<N>) -> Result<()> {
    let (first, last) = range.into_inner();
    let (number, min, max) = (number.into(), first.into(), last.into());
    if (min..=max).contains(&number) {
        return Ok(());
    }
    let message =
        Message::new("out-of-range").with("field", field.to_owned()).with("min", min).with("max", max);
    Err(Error::validation(field, message))
}

/// Refuses a text that is no name of a function.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_function_name(field: &str, name: &str) -> Result<()> {
    let is_name = (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_name {
        return Ok(());
    }
    Err(Error::validation(field, Message::new("not-a-function-name").with("max", LONGEST_NAME)))
}

/// Refuses a text that is no name of an environment variable.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_variable_name(field: &str, name: &str) -> Result<()> {
    let is_name = (1..=LONGEST_VARIABLE).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.as_bytes()[0].is_ascii_digit();
    if is_name {
        return Ok(());
    }
    Err(Error::validation(field, Message::new("not-a-variable-name").with("max", LONGEST_VARIABLE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_of_letters_digits_and_hyphens() {
        for good in ["a", "pay-out", "7", &"x".repeat(64)] {
            assert!(check_function_name("name", good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a_b", "é", "a/b", "a\0", &"x".repeat(65)] {
            assert!(check_function_name("name", bad).is_err(), "{bad}");
        }
        for good in ["A", "_key", "KEY_2"] {
            assert!(check_variable_name("name", good).is_ok(), "{good}");
        }
        for bad in ["", "2A", "A-B", "A=B", "é", "A\0"] {
            assert!(check_variable_name("name", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_run_is_tried_again_as_often_as_there_are_pauses_after_errors_of_these_names_only() {
        let mut policy = RetryPolicy::default();
        assert_eq!(policy.pause("busy", 0), None, "it is off");
        policy.enabled = true;
        assert_eq!([0, 1, 2, 3].map(|times| policy.pause("busy", times)), [Some(2), Some(5), Some(10), None]);
        policy.errors_to_retry.push("busy".to_owned());
        assert_eq!((policy.pause("busy", 0), policy.pause("other", 0)), (Some(2), None));
        assert!(policy.check().is_ok());
        policy.pauses_seconds.push(-1);
        assert!(policy.check().is_err());
    }
}
