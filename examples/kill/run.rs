//! A run: servers, load, kills, an outage, and the reckoning.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tasks_management::{Builder, Settings};

use crate::audit::audit;
use crate::books::Books;
use crate::client::Seen;
use crate::fleet::Fleet;
use crate::load::{Load, prepare};
use crate::options::Shared;
use crate::outage::{Outage, endure, take_away};
use crate::server::say;
use crate::store::Store;

/// The options of a run.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    shared: Shared,
    /// How many seconds the database is away after the kills. PostgreSQL takes no connections to it then; on SQLite its file
    /// is locked.
    #[arg(long, default_value_t = 0)]
    outage_s: u64,
    /// Stops the whole PostgreSQL server for the outage, as a crash would, by the program that TASKS_TEST_POSTGRES_CONTROL
    /// names.
    #[arg(long)]
    stop_server: bool,
}

/// Does the run. The error says what did not match.
pub fn run(options: &Options) -> Result<(), String> {
    let seed = options.shared.seed();
    let store = Store::create("kill", &options.shared.database).map_err(|error| error.to_string())?;
    let kind = if store.is_file() { "SQLite" } else { "PostgreSQL" };
    let processes = options.shared.processes(&store);
    println!(
        "{kind}, {processes} process(es), --kills {} --outage-s {} --seed {seed}",
        options.shared.kills, options.outage_s
    );
    let begun = Instant::now();
    let voters = set_up(&store.url)?;
    let answers = Arc::new(Seen::default());
    let mut fleet = Fleet::start(&store.url, processes.max(1))?;
    let load = Load::start(&fleet.addresses, &answers, &voters)?;
    kill(&mut fleet, &load, options.shared.kills, &mut StdRng::seed_from_u64(seed))?;
    let outage = if options.outage_s > 0 {
        let lasts = Duration::from_secs(options.outage_s);
        let held = || take_away(&store, options.stop_server);
        Some(endure(held, &mut fleet, &load, &answers, lasts)?)
    } else {
        None
    };
    let told = load.stop()?;
    drain(&store)?;
    let (kills, resident_kib) = (fleet.kills, fleet.resident_kib());
    fleet.check_alive()?;
    fleet.stop()?;
    let audit = audit(&store, &told).map_err(|error| error.to_string())?;

    let count = |what: &str, number: &dyn std::fmt::Display| println!("{what:<42} {number:>8}");
    count("kills", &kills);
    count("requests sent again: no answer", &answers.broken_off.load(Ordering::SeqCst));
    count("requests sent again: 503", &answers.unavailable.load(Ordering::SeqCst));
    count("mutations failed in the journal, begun anew", &told.failed.load(Ordering::SeqCst));
    for (what, number) in &audit.counts {
        count(what, number);
    }
    if let Some(outage) = outage {
        report(&outage, count);
    }
    count("memory of the largest server at the end, KiB", &resident_kib);
    count("seconds", &begun.elapsed().as_secs());
    count("violations", &audit.violations.len());
    if audit.violations.is_empty() {
        return store.remove().map_err(|error| error.to_string());
    }
    for violation in audit.violations.iter().take(20) {
        println!("- {violation}");
    }
    Err(format!("what is left in {} does not fit", store.url))
}

fn report(outage: &Outage, count: impl Fn(&str, &dyn std::fmt::Display)) {
    count("during the outage: requests told so (503)", &outage.refused);
    count("the longest answer, ms", &outage.longest.as_millis());
    count("next vote acknowledged after its end, ms", &outage.recovery.as_millis());
    count("memory of the largest server before, KiB", &outage.before_kib);
    count("the most during and after it, KiB", &outage.most_kib);
}

/// Makes tables, people and their group; returns the keys of the voters.
pub fn set_up(url: &str) -> Result<Vec<uuid::Uuid>, String> {
    let mut settings = Settings::default();
    url.clone_into(&mut settings.database.url);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime can't start: {error}"))?;
    let module = Builder::new(settings).build().map_err(say)?;
    let voters = runtime.block_on(async {
        module.migrate().await.map_err(say)?;
        prepare(&module).await
    })?;
    Books::new(url).open().map_err(|error| error.to_string())?;
    Ok(voters)
}

/// Kills servers at random moments: one, or now and then all at once. Each has acknowledged something before it dies.
fn kill(fleet: &mut Fleet, load: &Load, kills: usize, random: &mut StdRng) -> Result<(), String> {
    while fleet.kills < kills {
        load.wait_for_more()?;
        std::thread::sleep(Duration::from_millis(random.gen_range(0..1_000)));
        let all: Vec<usize> = (0..fleet.len()).collect();
        let one = random.gen_range(0..fleet.len());
        let victims = if random.gen_bool(0.2) { &all[..] } else { &all[one..=one] };
        fleet.check_alive()?;
        fleet.kill(victims)?;
    }
    Ok(())
}

/// Waits until nothing is left to be delivered.
pub fn drain(store: &Store) -> Result<(), String> {
    let since = Instant::now();
    loop {
        let pending = "SELECT count(*) FROM task_management_outbox WHERE status = 'PENDING'";
        let pending = store.number(pending).map_err(|error| error.to_string())?;
        if pending == 0 {
            return Ok(());
        }
        if since.elapsed() > Duration::from_secs(120) {
            return Err(format!("{pending} deliveries are not made; what is there is left in {}", store.url));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
