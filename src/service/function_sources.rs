//! What this process executes functions in JavaScript by, and which sources may be kept.

use tokio::sync::Semaphore;

use crate::config::FunctionSettings;
use crate::domain::text::is_blank;
use crate::error::{Error, Result};
use crate::function_runner::FunctionRunner;
use crate::message::Message;

/// How many sources are looked at at once.
const LOOKS_AT_ONCE: usize = 2;
/// Where an operator wants no functions in JavaScript.
const NOBODY: &str = "none";

/// What looks at sources of functions, and executes them.
pub struct Sources {
    runner: Option<FunctionRunner>,
    looks: Semaphore,
    bytes: usize,
}

impl Sources {
    /// The runner that the settings name, or else the host's.
    #[must_use]
    pub fn new(settings: &FunctionSettings, hosts: Option<FunctionRunner>) -> Self {
        let runner = match settings.runner.as_str() {
            "" => hosts,
            NOBODY => None,
            path => Some(FunctionRunner::at(path)),
        };
        let runner = runner.filter(|_| cfg!(feature = "javascript"));
        Self { runner, looks: Semaphore::new(LOOKS_AT_ONCE), bytes: settings.source_bytes }
    }

    /// What executes functions in JavaScript; none where there are no such functions.
    #[must_use]
    pub const fn runner(&self) -> Option<&FunctionRunner> {
        self.runner.as_ref()
    }

    /// What a runner says of a source. Without a runner, and of one that is too large anyway, nobody says anything.
    ///
    /// # Errors
    /// UNAVAILABLE if the runner can't be asked.
    pub(super) async fn look_at(&self, source: &str) -> Result<Syntax> {
        let Some(runner) = self.runner().filter(|_| source.len() <= self.bytes) else {
            return Ok(Syntax::Unknown);
        };
        let _place = self.looks.acquire().await.map_err(Error::internal)?;
        match runner.check(source).await {
            Ok(Ok(())) => Ok(Syntax::Fine),
            Ok(Err(reason)) => Ok(Syntax::Wrong(reason)),
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    /// Refuses a source that can't be kept, as a runner says.
    ///
    /// # Errors
    /// VALIDATION.
    pub(super) fn check(&self, source: &str, syntax: &Syntax) -> Result<()> {
        const FIELD: &str = "source";
        if source.contains('\0') {
            return Err(Error::validation(FIELD, Message::new("nul-character").with("field", FIELD)));
        }
        if is_blank(source) {
            return Err(needs_source());
        }
        if source.len() > self.bytes {
            let message = Message::new("source-too-large").with("max", self.bytes);
            return Err(Error::validation(FIELD, message));
        }
        match syntax {
            Syntax::Fine => Ok(()),
            Syntax::Wrong(reason) => {
                let message = Message::new("source-is-no-module").with("reason", reason.as_str());
                Err(Error::validation(FIELD, message))
            }
            Syntax::Unknown => Err(no_runner()),
        }
    }
}

/// What a runner says of a source.
#[derive(Debug, Clone)]
pub enum Syntax {
    /// It is a module.
    Fine,
    /// It is none, and why.
    Wrong(String),
    /// Nobody has looked at it.
    Unknown,
}

/// The refusal of a function in JavaScript without a source.
pub(super) fn needs_source() -> Error {
    Error::validation("source", Message::new("function-needs-source"))
}

/// The refusal where there are no functions in JavaScript.
pub(super) fn no_runner() -> Error {
    Error::validation("kind", Message::new("no-function-runner"))
}
