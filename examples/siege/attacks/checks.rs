//! Checks that need no crowd: who may have webhooks, a database that goes away, modes of files, and many processes that
//! start at once.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use serde_json::json;

use super::journal::NOWHERE;
use crate::http::{Client, place};
use crate::server::{Program, Server};
use crate::store::Store;
use crate::town::Size;
use crate::witness::mutate;

/// How long an operator's probe may take.
const PROBE: Duration = Duration::from_millis(2_500);
/// The time within which the server must notice that its database is gone. It tests writing at most every ten seconds.
const NOTICED: Duration = Duration::from_secs(15);
/// How many programs migrate, and then serve, at once.
const AT_ONCE: usize = 20;

/// Runs all checks; returns a line for each, and a sentence for each that does not hold.
pub fn run(program: &Program, store: &Store, size: Size) -> Result<(Vec<String>, Vec<String>), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let (mut lines, mut violations) = (Vec::new(), Vec::new());
    let mut note = |name: &str, outcome: Result<String, String>| match outcome {
        Ok(line) => lines.push(format!("{name}: {line}")),
        Err(reason) => violations.push(format!("{name}: {reason}")),
    };
    let server = program.serve()?;
    note("10 webhooks of one who sees no tasks", runtime.block_on(webhooks(&server)));
    // The server tests writing only at intervals, so this check takes too long for a test suite.
    if size.timed {
        note("12 a database that goes away", runtime.block_on(away(&server, store)));
    }
    drop(server);
    if store.is_file() {
        let folder = std::env::temp_dir().join(format!("tasks_siege_files_{}", std::process::id()));
        let fresh = program.on(&format!("sqlite://{}", folder.join("deep").join("tasks.db").display()));
        note("13 many programs that start at once on one new file", at_once(&fresh));
        note("14 who may read the files", modes(&folder.join("deep")));
        std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    }
    Ok((lines, violations))
}

/// A person who may create webhook endpoints but sees no tasks can create none.
async fn webhooks(server: &Server) -> Result<String, String> {
    let mut hugo = Client::logged_in(server.address, place(66), "hugo").await?;
    let input = json!({ "name": "everything", "url": NOWHERE });
    let made = mutate(&mut hugo, "createWebhookEndpoint", "CreateWebhookEndpointMutationInput", &input).await;
    match made {
        Ok(()) => Err("an endpoint was made".to_owned()),
        Err(reason) if reason.contains("FORBIDDEN") => Ok("FORBIDDEN".to_owned()),
        Err(reason) => Err(reason),
    }
}

/// The file is moved away, or the database takes no connections: the server says so in time, and acknowledges nothing.
async fn away(server: &Server, store: &Store) -> Result<String, String> {
    let mut admin = Client::logged_in(server.address, place(9), "admin").await?;
    let mut probe = Client::new(server.address, place(8));
    let moved = Moved::away(store)?;
    let held = if moved.is_none() { Some(store.close().map_err(|error| error.to_string())?) } else { None };
    let begun = Instant::now();
    let noticed = loop {
        let asked = Instant::now();
        let answer = probe.send("GET", "/readyz", Bytes::new()).await?;
        if asked.elapsed() > PROBE {
            return Err(format!("/readyz took {} ms", asked.elapsed().as_millis()));
        }
        if answer.status == 503 {
            break begun.elapsed();
        }
        if begun.elapsed() > NOTICED {
            return Err(format!("/readyz still says {}", answer.status));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let made =
        mutate(&mut admin, "createTask", "CreateTaskMutationInput", &json!({ "source": "Nowhere" })).await;
    if made.is_ok() {
        return Err("a task was acknowledged without a database".to_owned());
    }
    if let Some((mut connection, end)) = held {
        use diesel::connection::SimpleConnection as _;
        connection.batch_execute(&end).map_err(|error| error.to_string())?;
    }
    drop(moved);
    Ok(format!("told after {} ms, nothing acknowledged", noticed.as_millis()))
}

/// A file that is moved away until this is dropped.
struct Moved {
    here: PathBuf,
    there: PathBuf,
}

impl Moved {
    fn away(store: &Store) -> Result<Option<Self>, String> {
        let Some(file) = store.url.strip_prefix("sqlite://") else { return Ok(None) };
        let moved = Self { here: file.into(), there: format!("{file}.away").into() };
        std::fs::rename(&moved.here, &moved.there).map_err(|error| error.to_string())?;
        Ok(Some(moved))
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        let _ = std::fs::rename(&self.there, &self.here);
    }
}

fn at_once(program: &Program) -> Result<String, String> {
    all(AT_ONCE, || program.run(&["migrate"])).map_err(|reason| format!("migrate: {reason}"))?;
    all(AT_ONCE / 2, || program.serve()).map_err(|reason| format!("serve: {reason}"))?;
    Ok(format!("{AT_ONCE} migrated, {} served", AT_ONCE / 2))
}

/// Runs `work` this many times at once. The error says how often it failed, and why the first time. Results are kept until
/// all are done.
fn all<T: Send>(count: usize, work: impl Fn() -> Result<T, String> + Sync) -> Result<(), String> {
    let outcomes: Vec<Result<T, String>> = std::thread::scope(|scope| {
        let begun: Vec<_> = (0..count).map(|_| scope.spawn(&work)).collect();
        let end = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| Err("a thread panicked".to_owned()))
        };
        begun.into_iter().map(end).collect()
    });
    let failed: Vec<&String> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    match failed.first() {
        Some(first) => Err(format!("{} of {count} failed, the first: {first}", failed.len())),
        None => Ok(()),
    }
}

/// Checks that only the owner can read the files that the program has made.
fn modes(folder: &Path) -> Result<String, String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| -> Result<u32, String> {
        let found = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(found.permissions().mode() & 0o777)
    };
    let mut open = Vec::new();
    let of_folder = mode(folder)?;
    if of_folder != 0o700 {
        open.push(format!("{} is {of_folder:o}", folder.display()));
    }
    for entry in std::fs::read_dir(folder).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        let of_file = mode(&path)?;
        if of_file != 0o600 {
            open.push(format!("{} is {of_file:o}", path.display()));
        }
    }
    if open.is_empty() { Ok("the owner alone".to_owned()) } else { Err(open.join(", ")) }
}
