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
}

impl Default for FunctionSettings {
    fn default() -> Self {
        Self {
            runs_at_once: 64,
            max_functions: 1_000,
            max_dispatchers: 100,
            waiting_runs: 100_000,
            keep_days: 90,
            runner: String::new(),
            javascript_at_once: 8,
            source_bytes: 128 * 1024,
            graphql_calls: 100,
            graphql_bytes: 1024 * 1024,
        }
    }
}
