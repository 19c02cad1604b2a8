//! The database goes away under load, and comes back.

use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use tasks_management::DbConnection;

use crate::client::Seen;
use crate::fleet::Fleet;
use crate::load::{HANDS, Load, VOTERS};
use crate::store::Store;

/// How much memory a server may take beyond what it took before.
const GROWTH_KIB: u64 = 128 * 1024;
/// The longest time that an answer may take: a request waits for its turn, and then for a connection.
const LONGEST: Duration = Duration::from_secs(10);
/// Names the program that stops and starts the PostgreSQL server, by `stop` and `start`.
const CONTROL: &str = "TASKS_TEST_POSTGRES_CONTROL";

/// The result of an outage.
pub struct Outage {
    /// How many requests were told that the database is unavailable.
    pub refused: u64,
    /// The longest time until an answer.
    pub longest: Duration,
    /// How long after the return of the database the next vote was acknowledged.
    pub recovery: Duration,
    /// The memory of the largest server before, in KiB.
    pub before_kib: u64,
    /// The most memory that it took meanwhile, in KiB.
    pub most_kib: u64,
}

/// Lets the load go on while the database is away.
pub fn endure(
    take_away: impl FnOnce() -> Result<Held, String>,
    fleet: &mut Fleet,
    load: &Load,
    seen: &Seen,
    lasts: Duration,
) -> Result<Outage, String> {
    load.wait_for_more()?;
    let refused = seen.unavailable.load(Ordering::SeqCst);
    seen.longest_ms.store(0, Ordering::SeqCst);
    let before_kib = fleet.resident_kib();
    let mut most_kib = before_kib;
    let held = take_away()?;
    let (since, count) = (Instant::now(), load.count());
    while since.elapsed() < lasts {
        fleet.check_alive()?;
        most_kib = most_kib.max(fleet.resident_kib());
        std::thread::sleep(Duration::from_millis(100));
    }
    // Votes under way may have been acknowledged just before.
    if load.count() > count + u64::try_from(VOTERS.len() * HANDS).unwrap_or(0) {
        return Err("votes are acknowledged while the database is away".to_owned());
    }
    give_back(held)?;
    let recovery = load.wait_for_more()?;
    // Until all clients have been answered again.
    std::thread::sleep(Duration::from_secs(3));
    fleet.check_alive()?;
    most_kib = most_kib.max(fleet.resident_kib());
    let outage = Outage {
        refused: seen.unavailable.load(Ordering::SeqCst) - refused,
        longest: Duration::from_millis(seen.longest_ms.load(Ordering::SeqCst)),
        recovery,
        before_kib,
        most_kib,
    };
    if outage.refused == 0 {
        return Err("nobody was told that the database was away".to_owned());
    }
    if outage.longest > LONGEST {
        return Err(format!("an answer took {:?}, at most {LONGEST:?} are allowed", outage.longest));
    }
    if most_kib > before_kib + GROWTH_KIB {
        return Err(format!("a server grew from {before_kib} KiB to {most_kib} KiB"));
    }
    Ok(outage)
}

/// What keeps the database away.
pub enum Held {
    /// The PostgreSQL server is stopped; this program starts it again.
    Server(String),
    /// A connection to a server that takes no connections to the database, or a connection that keeps the file locked; and
    /// the statement that ends this.
    Connection(DbConnection, String),
}

/// Takes the database away: the server is stopped, the database closed, or the file locked.
pub fn take_away(store: &Store, stop_server: bool) -> Result<Held, String> {
    if !stop_server {
        let held = store.close().map_err(|error| error.to_string())?;
        return Ok(Held::Connection(held.0, held.1));
    }
    let program = std::env::var(CONTROL).map_err(|_| {
        format!("{CONTROL} names no program that stops and starts the PostgreSQL server; scripts/with-postgres sets it")
    })?;
    control(&program, "stop")?;
    Ok(Held::Server(program))
}

fn give_back(held: Held) -> Result<(), String> {
    match held {
        Held::Server(program) => control(&program, "start"),
        Held::Connection(mut connection, end) => {
            connection.batch_execute(&end).map_err(|error| error.to_string())
        }
    }
}

fn control(program: &str, action: &str) -> Result<(), String> {
    let status = Command::new(program).arg(action).status();
    let status = status.map_err(|error| format!("{program} {action}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} {action}: {status}")) }
}
