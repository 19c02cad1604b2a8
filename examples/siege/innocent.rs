//! Innocent people, who log in and look at their tasks while others attack, and an operator's probe.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use serde_json::Value;

use crate::http::{Client, document, login, place};
use crate::tally::Times;

/// What innocent people felt of the attacks.
#[derive(Default, Clone)]
pub struct Felt {
    /// Logins.
    pub logins: Times,
    /// Lists of tasks.
    pub lists: Times,
    /// Whether the server is ready.
    pub probes: Times,
}

/// Innocent people who go on until told to stop.
pub struct Innocents {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Felt, String>>,
}

/// The pause between two requests of the same kind.
const PAUSE: Duration = Duration::from_millis(150);

/// Who looks at lists.
const READER: &str = "ruth";

/// A short form of the front end's list.
const LIST: &str =
    "{ task(first: 20, orderBy: \"-dateCreated\") { totalCount edges { node { uuid status source } } } }";

impl Innocents {
    /// A person with this name begins, from an address and a device of their own. Innocent people have threads of their own,
    /// so that only the server can keep them waiting.
    pub fn begin(server: SocketAddr, username: &'static str) -> Result<Self, String> {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let mut known = Client::new(server, place(9));
        runtime.block_on(known.log_in(username, &format!("{username}12345")))?;
        // Somebody else, because who logs in very often ends the oldest of the own sessions.
        let mut reader = Client::new(server, place(9));
        reader.token = Some(runtime.block_on(reader.log_in(READER, &format!("{READER}12345")))?);
        let thread = std::thread::spawn(move || {
            let work = async {
                let logins = repeat(&until, async || {
                    known.hang_up();
                    let answer = known.post(login(username, &format!("{username}12345"))).await?;
                    has(&answer.json()["data"]["tokenAuth"]["token"], &answer.bytes)
                });
                let lists = repeat(&until, async || {
                    reader.hang_up();
                    let answer = reader.post(document(LIST, &Value::Null)).await?;
                    has(&answer.json()["data"]["task"]["totalCount"], &answer.bytes)
                });
                let probes = repeat(&until, async || {
                    let mut probe = Client::new(server, place(8));
                    let answer = probe.send("GET", "/readyz", Bytes::new()).await?;
                    if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
                });
                let (logins, lists, probes) = tokio::join!(logins, lists, probes);
                Felt { logins, lists, probes }
            };
            Ok(runtime.block_on(work))
        });
        Ok(Self { stop, thread })
    }

    /// Lets them finish what they have begun; returns what they felt.
    pub fn end(self) -> Result<Felt, String> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().map_err(|_| "an innocent panicked".to_owned())?
    }
}

async fn repeat(stop: &AtomicBool, mut work: impl AsyncFnMut() -> Result<(), String>) -> Times {
    let mut times = Times::default();
    while !stop.load(Ordering::SeqCst) {
        let begun = Instant::now();
        let outcome = work().await;
        times.note(begun.elapsed(), outcome);
        tokio::time::sleep(PAUSE).await;
    }
    times
}

fn has(wanted: &Value, whole: &[u8]) -> Result<(), String> {
    if wanted.is_null() { Err(String::from_utf8_lossy(whole).into_owned()) } else { Ok(()) }
}
