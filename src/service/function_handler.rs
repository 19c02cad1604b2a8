//! The functions that a host registers in Rust, and what each of their runs gets.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::clock::Clock;
use crate::domain::function_run::{LogLine, RunLog};
use crate::domain::json::Json;
use crate::domain::task_function::check_function_name;

/// A run, or a request, as the function that carries it out gets it.
///
/// What the function does by the module's services while it is awaited counts as caused by the run (see
/// [`FunctionCall::cause_depth`]).
#[derive(Clone)]
#[non_exhaustive]
pub struct FunctionCall {
    /// The key of the run, or of the request. Another attempt is another run.
    pub run_id: Uuid,
    /// The name of the function.
    pub function_name: String,
    /// The input.
    pub data: Json,
    /// The person who asked for it; none for a stranger's request.
    pub user_id: Option<Uuid>,
    /// The number of the attempt, from 1.
    pub attempt: usize,
    /// How many runs stand behind this one, one causing the next. What this one causes has one more; beyond eight, runs fail.
    pub cause_depth: i32,
    /// The function's environment variables.
    pub environment: BTreeMap<String, String>,
    /// The user in whose name the run acts, with rights as they are now; none for a function without an account.
    pub account: Option<Arc<Requester>>,
    pub(crate) said: Said,
}

impl FunctionCall {
    /// Adds a line to the run's log. It keeps the first thousand lines, and a hundred KiB at most.
    pub fn log(&self, message: impl AsRef<str>) {
        self.said.say(message.as_ref());
    }
}

/// Environment variables are secret.
impl std::fmt::Debug for FunctionCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FunctionCall")
            .field("run_id", &self.run_id)
            .field("function_name", &self.function_name)
            .finish_non_exhaustive()
    }
}

/// What a run says, while it is under way.
#[derive(Clone)]
pub struct Said {
    log: Arc<Mutex<RunLog>>,
    clock: Arc<dyn Clock>,
}

impl Said {
    /// Nothing yet.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        Self { log: Arc::default(), clock: Arc::clone(clock) }
    }

    /// One line more.
    pub fn say(&self, message: &str) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).say(message, self.clock.now());
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<LogLine> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).lines().to_vec()
    }
}

/// Why a function failed: a name, by which retry policies know it, and a text for people. Any error becomes one of the name
/// `Error`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// The name.
    pub name: String,
    /// What people read.
    pub message: String,
}

impl FunctionError {
    /// An error of this name.
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into() }
    }
}

impl<E: std::error::Error> From<E> for FunctionError {
    fn from(error: E) -> Self {
        Self::new("Error", error.to_string())
    }
}

/// What comes of a call.
pub type Called = Pin<Box<dyn Future<Output = Result<Json, FunctionError>> + Send>>;

type Handler = Arc<dyn Fn(FunctionCall) -> Called + Send + Sync>;

/// The functions that the host has registered.
#[derive(Default)]
pub struct FunctionHandlers {
    known: BTreeMap<String, Handler>,
    /// A sentence on the first one that can't have its name.
    contradiction: Option<String>,
}

impl FunctionHandlers {
    /// Registers a function.
    pub(crate) fn register<F>(
        &mut self,
        name: &str,
        handler: impl Fn(FunctionCall) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<Json, FunctionError>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |call| Box::pin(handler(call)));
        if check_function_name("name", name).is_err() {
            let sentence = format!(
                "A function has the name {name:?}: letters, digits and hyphens are allowed, 64 at most."
            );
            self.contradiction.get_or_insert(sentence);
        } else if self.known.insert(name.to_owned(), handler).is_some() {
            self.contradiction.get_or_insert(format!("Two functions have the name {name}."));
        }
    }

    /// A sentence on the first function that can't have its name; none if all is well.
    #[must_use]
    pub(crate) fn contradiction(&self) -> Option<String> {
        self.contradiction.clone()
    }

    /// Whether a function of this name is registered.
    #[must_use]
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// The names of the registered functions.
    #[must_use]
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.known.keys().map(String::as_str).collect()
    }

    /// A future that calls the function of this name; none if no such function is registered. The function is not called
    /// before the future is awaited.
    #[must_use]
    pub(crate) fn call(&self, call: FunctionCall) -> Option<Called> {
        let handler = Arc::clone(self.known.get(&call.function_name)?);
        Some(Box::pin(async move { handler(call).await }))
    }
}
