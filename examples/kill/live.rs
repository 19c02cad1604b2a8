//! A run about who listens: servers are killed while clients follow the log of changes. None may miss one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tasks_management::HandlerError;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Message, WebSocket};

use crate::client::{Addresses, Client, Seen};
use crate::fleet::Fleet;
use crate::load::Load;
use crate::options::Shared;
use crate::run::set_up;
use crate::store::Store;

/// The options of a run.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    shared: Shared,
    /// How many changes there are to be at least.
    #[arg(long, default_value_t = 10_000)]
    changes: i64,
    /// How many clients listen.
    #[arg(long, default_value_t = 4)]
    listeners: usize,
}

/// The key of a version: the task and the number.
type Version = (String, i64);

/// What a client was told.
#[derive(Default)]
struct Heard {
    first: i64,
    last: i64,
    versions: BTreeSet<Version>,
    repeats: u64,
    reconnects: u64,
    out_of_order: u64,
    wrong: Vec<String>,
}

/// Does the run. The error says what did not match.
pub fn run(options: &Options) -> Result<(), String> {
    let seed = options.shared.seed();
    let mut random = StdRng::seed_from_u64(seed);
    let store = Store::create("live", &options.shared.database).map_err(|error| error.to_string())?;
    let processes = options.shared.processes(&store);
    println!(
        "live, {processes} process(es), --kills {} --changes {} --seed {seed}",
        options.shared.kills, options.changes
    );
    let begun = Instant::now();
    let voters = set_up(&store.url)?;
    let answers = Arc::new(Seen::default());
    let mut fleet = Fleet::start(&store.url, processes.max(1))?;
    let stop = Arc::new(AtomicBool::new(false));
    let (mut listeners, mut heard) = (Vec::new(), Vec::new());
    for number in 0..options.listeners {
        let one = Arc::new(Mutex::new(Heard { first: -1, ..Heard::default() }));
        let mut client = Client::new(Arc::clone(&fleet.addresses), Arc::clone(&answers), number % processes);
        client.log_in("admin", "admin12345")?;
        let token = client.token().unwrap_or_default().to_owned();
        let listener = Listener { addresses: Arc::clone(&fleet.addresses), at: number % processes, token };
        let (stop, into) = (Arc::clone(&stop), Arc::clone(&one));
        listeners.push(std::thread::spawn(move || listener.follow(&into, &stop)));
        heard.push(one);
    }
    wait_until("everybody listens", || heard.iter().all(|one| lock(one).first >= 0))?;
    let load = Load::start(&fleet.addresses, &answers, &voters)?;
    let changes = || {
        store.number("SELECT count(*) FROM task_management_historicaltask").map_err(|error| error.to_string())
    };
    while fleet.kills < options.shared.kills || changes()? < options.changes {
        load.wait_for_more()?;
        std::thread::sleep(Duration::from_millis(random.gen_range(0..1_500)));
        if fleet.kills < options.shared.kills {
            let victim = random.gen_range(0..fleet.len());
            fleet.check_alive()?;
            fleet.kill(&[victim])?;
        }
    }
    load.stop()?;
    let end = store
        .number("SELECT coalesce(max(history_id), 0) FROM task_management_historicaltask")
        .map_err(|error| error.to_string())?;
    let all_told =
        wait_until("everybody is told the last change", || heard.iter().all(|one| lock(one).last >= end));
    stop.store(true, Ordering::SeqCst);
    for listener in listeners {
        drop(listener.join());
    }
    let kills = fleet.kills;
    fleet.check_alive()?;
    fleet.stop()?;
    let mut violations = audit(&store, &heard).map_err(|error| error.to_string())?;
    violations.extend(all_told.err());
    let count = |what: &str, number: &dyn std::fmt::Display| println!("{what:<42} {number:>8}");
    let sum = |of: fn(&Heard) -> u64| heard.iter().map(|one| of(&lock(one))).sum::<u64>();
    count("kills", &kills);
    count("changes", &changes()?);
    count("connections that broke off", &sum(|one| one.reconnects));
    count("changes told again", &sum(|one| one.repeats));
    count("seconds", &begun.elapsed().as_secs());
    count("violations", &violations.len());
    if violations.is_empty() {
        return store.remove().map_err(|error| error.to_string());
    }
    for violation in violations.iter().take(20) {
        println!("- {violation}");
    }
    Err(format!("what was told does not fit what is in {}", store.url))
}

/// Compares what each client was told with the log.
fn audit(store: &Store, heard: &[Arc<Mutex<Heard>>]) -> Result<Vec<String>, HandlerError> {
    let log = store.rows(
        "SELECT CAST(id AS text) AS a, CAST(version AS text) AS b, '' AS c, history_id AS n \
         FROM task_management_historicaltask",
    )?;
    let log: BTreeMap<i64, Version> =
        log.into_iter().map(|row| (row.n, (row.a, row.b.parse().unwrap_or_default()))).collect();
    let mut violations = Vec::new();
    for (number, one) in heard.iter().enumerate() {
        let one = lock(one);
        let missed: Vec<_> =
            log.range(one.first + 1..).filter(|(_, version)| !one.versions.contains(*version)).collect();
        if let Some((cursor, version)) = missed.first() {
            violations.push(format!(
                "listener {number} missed {} changes, the first {version:?} at {cursor}",
                missed.len()
            ));
        }
        let known: BTreeSet<&Version> = log.values().collect();
        if let Some(unknown) = one.versions.iter().find(|version| !known.contains(version)) {
            violations.push(format!("listener {number} was told {unknown:?}, which is not in the log"));
        }
        if one.out_of_order > 0 {
            violations.push(format!("listener {number} was told {} changes out of order", one.out_of_order));
        }
        violations.extend(one.wrong.iter().map(|reason| format!("listener {number}: {reason}")));
    }
    Ok(violations)
}

struct Listener {
    addresses: Addresses,
    at: usize,
    token: String,
}

impl Listener {
    /// Follows the log, at the next server when one breaks off.
    fn follow(mut self, heard: &Mutex<Heard>, stop: &AtomicBool) {
        while !stop.load(Ordering::SeqCst) {
            let address = self.addresses[self.at].lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(address) = address
                && self.listen(&address, heard, stop).is_some()
            {
                lock(heard).reconnects += 1;
            }
            self.at = (self.at + 1) % self.addresses.len();
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Listens until the connection breaks off; none if it did not come about.
    fn listen(&self, address: &str, heard: &Mutex<Heard>, stop: &AtomicBool) -> Option<()> {
        let mut request = format!("ws://{address}/api/graphql/ws").into_client_request().ok()?;
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().ok()?);
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
        let (mut socket, _) = tungstenite::client(request, stream).ok()?;
        let init = json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {}", self.token) } });
        socket.send(Message::text(init.to_string())).ok()?;
        let query = "subscription($after: String) { taskChanged(after: $after) { cursor signal task { uuid version } } }";
        let after = Some(lock(heard)).filter(|heard| heard.first >= 0).map(|heard| heard.last.to_string());
        let payload = json!({ "query": query, "variables": { "after": after } });
        let mut is_acknowledged = false;
        while !stop.load(Ordering::SeqCst) {
            let message = match next(&mut socket) {
                Ok(Some(message)) => message,
                Ok(None) => continue,
                Err(_) => break,
            };
            match message["type"].as_str() {
                Some("connection_ack") => {
                    is_acknowledged = true;
                    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": payload });
                    socket.send(Message::text(subscribe.to_string())).ok()?;
                }
                Some("next") => lock(heard).note(&message["payload"], after.is_some()),
                _ => return Some(()),
            }
        }
        is_acknowledged.then_some(())
    }
}

/// The next message, if one has come. The error says that the connection broke off.
fn next(socket: &mut WebSocket<TcpStream>) -> Result<Option<Value>, String> {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    match socket.read() {
        Ok(Message::Text(text)) => serde_json::from_str(&text).map(Some).map_err(|error| error.to_string()),
        Ok(Message::Close(_)) => Err("it was closed".to_owned()),
        Ok(_) => Ok(None),
        Err(tungstenite::Error::Io(error)) if matches!(error.kind(), WouldBlock | TimedOut) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

impl Heard {
    fn note(&mut self, payload: &Value, resumes: bool) {
        let change = &payload["data"]["taskChanged"];
        let Some(cursor) = change["cursor"].as_str().and_then(|cursor| cursor.parse::<i64>().ok()) else {
            // Faults of a server that dies are no news.
            if !payload.to_string().contains("INTERNAL") {
                self.wrong.push(payload.to_string());
            }
            return;
        };
        if self.first < 0 {
            self.first = cursor;
        }
        self.out_of_order += u64::from(cursor < self.last && !resumes);
        self.last = self.last.max(cursor);
        let (task, version) = (&change["task"]["uuid"], &change["task"]["version"]);
        if let (Some(task), Some(version)) = (task.as_str(), version.as_i64()) {
            self.repeats += u64::from(!self.versions.insert((task.to_owned(), version)));
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) -> Result<(), String> {
    let since = Instant::now();
    while !is_so() {
        if since.elapsed() > Duration::from_secs(60) {
            return Err(format!("{what}: not within a minute"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
