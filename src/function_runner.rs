//! Functions in JavaScript are executed by processes of their own, one for each run, which have nothing but their order: no files, no
//! network, no environment, and bounds on memory and time (`inside/sandbox.rs`). They talk to the process that has started them by
//! their standard streams (`message.rs`).
//!
//! The program of such a process is the program of the server itself, or of the host: [`function_runner`] makes it a runner.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod inside;
pub mod message;
pub mod outside;

use message::{Order, Told};

use crate::domain::function_run::reason::NO_SANDBOX;

/// The argument by which a program becomes a runner.
const SUBCOMMAND: &str = "function-runner";
/// How many bytes a message has at most. Texts take up to six times their size in JSON.
const FRAME_BYTES: usize = 16 * 1024 * 1024;

/// How much memory and time a look at a source may take.
const CHECK_MEMORY_MB: u64 = 64;
const CHECK_S: u64 = 5;

/// The program by which functions in JavaScript are executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionRunner(PathBuf);

/// Makes this process a runner of functions in JavaScript, if it was started as one; then it never returns. Otherwise it returns the
/// runner for `Builder::function_runner`. Call it first thing in `main`, before there are other threads and open files.
///
/// ```no_run
/// let runner = tasks_management::function_runner();
/// let builder = tasks_management::Builder::new(tasks_management::Settings::default()).function_runner(runner);
/// # let _ = builder;
/// ```
#[must_use]
pub fn function_runner() -> FunctionRunner {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() == Some(OsStr::new(SUBCOMMAND)) {
        let mut bound = || arguments.next()?.into_string().ok();
        std::process::exit(inside::run([bound(), bound()]));
    }
    FunctionRunner(own_program())
}

impl FunctionRunner {
    /// The program at this path, which calls [`function_runner`] first thing in its `main`.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Has the program look at a source: whether it is a module, or why not. One that its reader can't cope with is none.
    ///
    /// # Errors
    /// The program can't be started, or can't shut itself in.
    pub(crate) async fn check(&self, source: &str) -> io::Result<Result<(), String>> {
        let mut runner = outside::Runner::start(self, CHECK_MEMORY_MB, CHECK_S)?;
        let order = Order::Check { source: source.to_owned() };
        let answer = async {
            runner.order(&order).await?;
            runner.told().await
        };
        match tokio::time::timeout(Duration::from_secs(CHECK_S), answer).await {
            Ok(Ok(Told::Result(_))) => Ok(Ok(())),
            Ok(Ok(Told::Failed(fault))) if fault.name == NO_SANDBOX => Err(io::Error::other(fault.message)),
            Ok(Ok(Told::Failed(fault))) => Ok(Err(format!("{}: {}", fault.name, fault.message))),
            _ => Ok(Err(format!("it can't be read in {CHECK_S} s with {CHECK_MEMORY_MB} MB"))),
        }
    }
}

/// How many kilobytes the status of a process names so, as Linux tells it under `/proc`.
fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.trim().trim_end_matches(" kB").parse().ok()
}

/// The program of this process, also where its file was replaced by a newer one since.
fn own_program() -> PathBuf {
    let own = Path::new("/proc/self/exe");
    if own.exists() { own.to_owned() } else { std::env::current_exe().unwrap_or_default() }
}
