//! Where the feature `javascript` is missing, no program is a runner of functions in JavaScript.

use std::io;
use std::path::PathBuf;

/// The program by which functions in JavaScript are executed: none, as the feature `javascript` is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionRunner(());

/// Returns, because without the feature `javascript` no process is a runner.
#[must_use]
pub const fn function_runner() -> FunctionRunner {
    FunctionRunner(())
}

impl FunctionRunner {
    /// No program executes functions.
    #[must_use]
    pub fn at(_: impl Into<PathBuf>) -> Self {
        Self(())
    }

    /// Nobody can look at a source.
    #[expect(clippy::unused_async, reason = "with the feature, it waits")]
    pub async fn check(&self, _: &str) -> io::Result<Result<(), String>> {
        Err(io::Error::other("functions in JavaScript need the feature `javascript`"))
    }
}
