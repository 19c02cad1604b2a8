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
    /// How many runs of one function may wait.
    pub waiting_runs: i64,
    /// How many days a run is kept after its end.
    pub keep_days: i64,
}

impl Default for FunctionSettings {
    fn default() -> Self {
        Self { runs_at_once: 64, max_functions: 1_000, waiting_runs: 100_000, keep_days: 90 }
    }
}
