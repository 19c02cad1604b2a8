//! Runs the attacks one after the other, each on a server of its own that is killed afterwards, and reports the results.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

use crate::attacks::{self, ATTACKS, Field, checks};
use crate::cost;
use crate::innocent::{Felt, Innocents};
use crate::server::{Log, Program, Target};
use crate::store::Store;
use crate::tally::{Tally, Times};
use crate::town::{Size, file};
use crate::witness::{Decided, Witness};

/// How long 99 of 100 logins and lists of innocent people may take, in milliseconds.
const PATIENCE_MS: u128 = 1_000;
/// How much memory the server may take, in MiB.
const MEMORY_MIB: u64 = 400;
/// How many lines of warnings and errors there may be in any case.
const COMPLAINTS: u64 = 100;

/// The options of a run.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    target: Target,
    /// How many seconds each attack lasts.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Little of everything, and no bounds on times: for a test suite.
    #[arg(long)]
    short: bool,
    /// Only the attacks with these numbers; `cost` measures single requests, and `checks` runs the single checks.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// The result of an attack.
struct Row {
    number: &'static str,
    what: &'static str,
    felt: Felt,
    decided: Decided,
    lost: usize,
    peak_mib: u64,
    processor_s: f64,
    log: Log,
    tally: Arc<Tally>,
    alive: bool,
    outcome: attacks::Outcome,
}

/// Runs the attacks. The error says which bounds do not hold.
pub fn run(options: &Options) -> Result<(), String> {
    let size = if options.short { Size::short() } else { Size::long(options.seconds) };
    let store = Store::create("siege", &options.target.database).map_err(|error| error.to_string())?;
    let program = Program::new(&options.target, &store.url, options.short)?;
    println!("{}, {} s an attack", if store.is_file() { "SQLite" } else { "PostgreSQL" }, size.seconds);
    program.load(&file(&size))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let asked = |number: &str| options.only.is_empty() || options.only.iter().any(|only| only == number);
    let mut violations = Vec::new();
    heading();
    for (place, (number, _)) in ATTACKS.iter().enumerate().filter(|(_, (number, _))| asked(number)) {
        let row = attack(place, &program, &store, size, &runtime)?;
        row.print();
        row.check(size.timed, |sentence| violations.push(format!("{number} {}: {sentence}", row.what)));
    }
    if asked("cost") {
        // The attacks leave webhooks to be told, which would be measured too.
        violations.extend(cost::run(&program.clone().silent(), size)?);
    }
    if asked("checks") {
        let (lines, wrong) = checks::run(&program, &store, size)?;
        println!();
        for line in lines {
            println!("{line}");
        }
        violations.extend(wrong);
    }
    println!("\nviolations {}", violations.len());
    for violation in &violations {
        println!("- {violation}");
    }
    store.remove().map_err(|error| error.to_string())?;
    if violations.is_empty() { Ok(()) } else { Err(format!("{} bounds do not hold", violations.len())) }
}

fn attack(
    place: usize,
    program: &Program,
    store: &Store,
    size: Size,
    runtime: &tokio::runtime::Runtime,
) -> Result<Row, String> {
    let (number, what) = ATTACKS[place];
    let mut server = program.serve()?;
    // The person whose name is guessed at must feel nothing of the attack.
    let username = if number == "8" { "victoria" } else { "iris" };
    let innocents = Innocents::begin(server.address, username)?;
    let witness = Witness::begin(server.address, place)?;
    let tally = Arc::new(Tally::default());
    let outcome = runtime.block_on(async {
        let until = Instant::now() + Duration::from_secs(size.seconds);
        let field = Field { server: server.address, store, size, until, tally: Arc::clone(&tally) };
        attacks::run(place, &field).await
    })?;
    let (felt, decided) = (innocents.end()?, witness.end()?);
    let (peak_mib, processor_s) = (server.peak_kib() / 1024, server.processor_s());
    let alive = server.is_running();
    let log = server.kill();
    let lost = decided.lost(store)?;
    Ok(Row { number, what, felt, decided, lost, peak_mib, processor_s, log, tally, alive, outcome })
}

fn heading() {
    println!(
        "{:<50} {:>9} {:>9} {:>9} {:>8} {:>8} {:>5} {:>8} {:>7} {:>6} {:>7}  answers to the attackers",
        "attack",
        "login p99",
        "list p99",
        "ready p99",
        "refused",
        "decided",
        "lost",
        "peak MiB",
        "CPU s",
        "log",
        "panics"
    );
}

impl Row {
    fn print(&self) {
        let refused = self.all().iter().map(|times| times.refused).sum::<u64>() + self.decided.refused;
        println!(
            "{:<50} {:>9} {:>9} {:>9} {:>8} {:>8} {:>5} {:>8} {:>7.1} {:>6} {:>7}  {}{}{}",
            format!("{} {}", self.number, self.what),
            self.felt.logins.p99_ms(),
            self.felt.lists.p99_ms(),
            self.felt.probes.p99_ms(),
            refused,
            self.decided.acknowledged.len(),
            self.lost,
            self.peak_mib,
            self.processor_s,
            self.log.complaints,
            self.log.panics.len(),
            self.tally.words(),
            if self.outcome.note.is_empty() { "" } else { "; " },
            self.outcome.note,
        );
    }

    const fn all(&self) -> [&Times; 3] {
        [&self.felt.logins, &self.felt.lists, &self.felt.probes]
    }

    /// Reports the bounds that do not hold.
    fn check(&self, timed: bool, mut say: impl FnMut(String)) {
        for (name, times) in ["a login", "a list", "the probe"].into_iter().zip(self.all()) {
            if times.count() == 0 {
                say(format!("{name} was never tried"));
            }
            if timed && times.p99_ms() > PATIENCE_MS {
                say(format!("{name} takes {} ms", times.p99_ms()));
            }
            if let Some(reason) = &times.first_refusal {
                say(format!("{name} was refused {} times, first: {reason}", times.refused));
            }
        }
        if let Some(reason) = &self.decided.first_refusal {
            let refused = self.decided.refused;
            let logged = self.log.errors.first().map_or("no error", String::as_str);
            say(format!("a decision was refused {refused} times, first: {reason}; the log says: {logged}"));
        }
        if self.decided.acknowledged.is_empty() {
            say("nothing was decided meanwhile".to_owned());
        }
        if self.lost > 0 {
            say(format!("{} acknowledged decisions are lost", self.lost));
        }
        if self.peak_mib > MEMORY_MIB {
            say(format!("the server takes {} MiB", self.peak_mib));
        }
        if let Some(panic) = self.log.panics.first() {
            say(format!("{} panics, the first: {panic}", self.log.panics.len()));
        }
        if self.tally.of(500) > 0 {
            let first = self.log.errors.first().map_or("", String::as_str);
            say(format!("{} attackers were answered with 500; the log says: {first}", self.tally.of(500)));
        }
        if self.tally.total() == 0 {
            say("the attackers have done nothing".to_owned());
        }
        if self.log.complaints > self.tally.total() + COMPLAINTS {
            say(format!("{} warnings and errors are in the log", self.log.complaints));
        }
        if !self.alive {
            say("the server has ended".to_owned());
        }
        self.outcome.violations.iter().for_each(|violation| say(violation.clone()));
    }
}
