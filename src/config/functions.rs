//! Settings of functions and their runs.

use serde::{Deserialize, Serialize};

/// Functions and their runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FunctionSettings {
    /// How many runs one process executes at once, of all functions together.
    pub runs_at_once: usize,
    /// How many functions there may be.
    pub max_functions: i64,
    /// How many dispatchers there may be.
    pub max_dispatchers: i64,
    /// How many runs of one function may wait.
    pub waiting_runs: i64,
    /// How many runs for which one person has asked may wait, of all functions together.
    pub waiting_runs_per_user: i64,
    /// How many days a run is kept after its end.
    pub keep_days: i64,
    /// The program by which functions in JavaScript are executed: a path; empty for the one that the host gives, which for the
    /// server is itself; `none` for nobody.
    pub runner: String,
    /// How many runs in JavaScript one process executes at once: each is a process that takes memory and a processor.
    pub javascript_at_once: usize,
    /// How many bytes the source of a function may have.
    pub source_bytes: usize,
    /// How often one run may ask the interface (`context.graphql`).
    pub graphql_calls: u32,
    /// How many bytes such a question, and an answer to it, may have.
    pub graphql_bytes: usize,
    /// Whether functions answer HTTP under `functions/`.
    pub api: bool,
    /// How many bytes the body of such a request may have.
    pub api_bytes: usize,
    /// How many seconds a function may take to answer; fewer where its own limit says so.
    pub api_timeout_s: i32,
    /// Whether functions that are public answer strangers.
    pub public_api: bool,
    /// How many bytes the body of a stranger's request may have.
    pub public_bytes: usize,
    /// How many requests of strangers from one address each process answers in a minute.
    pub public_per_minute: u32,
}

impl Default for FunctionSettings {
    fn default() -> Self {
        Self {
            runs_at_once: 64,
            max_functions: 1_000,
            max_dispatchers: 100,
            waiting_runs: 100_000,
            waiting_runs_per_user: 20_000,
            keep_days: 90,
            runner: String::new(),
            javascript_at_once: 8,
            source_bytes: 128 * 1024,
            graphql_calls: 100,
            graphql_bytes: 1024 * 1024,
            api: true,
            api_bytes: 6 * 1024 * 1024,
            api_timeout_s: 30,
            public_api: false,
            public_bytes: 64 * 1024,
            public_per_minute: 60,
        }
    }
}

/// The longest body, in bytes, that a message to a process which executes JavaScript has room for, whatever it holds.
const LONGEST_BODY: usize = 6 * 1024 * 1024;
/// The longest time, in seconds, that a client waits.
const LONGEST_ANSWER: i32 = 30;

impl FunctionSettings {
    /// Checks that the values are in range.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        let wrong = |what: String| Err(format!("configuration: functions.{what} is allowed"));
        if !(1..=LONGEST_BODY).contains(&self.api_bytes) {
            return wrong(format!("api_bytes is {}, 1 to {LONGEST_BODY}", self.api_bytes));
        }
        if !(1..=self.api_bytes).contains(&self.public_bytes) {
            return wrong(format!("public_bytes is {}, 1 to functions.api_bytes", self.public_bytes));
        }
        if !(1..=LONGEST_ANSWER).contains(&self.api_timeout_s) {
            return wrong(format!("api_timeout_s is {}, 1 to {LONGEST_ANSWER}", self.api_timeout_s));
        }
        if self.public_per_minute == 0 {
            return wrong("public_per_minute is 0, at least 1".to_owned());
        }
        Ok(())
    }
}
