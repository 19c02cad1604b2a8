//! A fuzzer that knows the schema: requests that are right, nearly right, extreme or broken. None is answered with a fault of the
//! server, all answers are well formed, nothing panics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use hyper::body::Bytes;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::http::{Client, place};
use crate::server::{Program, Target};
use crate::store::Store;

mod bytes;
mod cursors;
mod document;
mod extremes;
mod request;
mod schema;
mod shape;
mod values;
mod verdict;

use cursors::Cursors;
use request::{Request, Source};
use schema::Schema;
use values::Known;
use verdict::{Fate, judge};

/// What is there before: people, groups, tasks and their history.
const FIXTURE: &str = include_str!("../../../tests/contract/fixture.json");
/// Who sends, beside strangers.
const SENDERS: [&str; 4] = ["admin", "triage", "exec1", "norights"];
/// The name of a function.
pub const FUNCTION: &str = "fuzzed";
/// How many requests are under way at once.
const HANDS: usize = 4;
/// How long an answer may take: as long as the server gives a request (`http.request_timeout_s`). The slow queries of one
/// person wait for each other, and in the suite for other tests too.
const LONGEST: Duration = Duration::from_secs(60);
/// After how many faults no more are looked for.
const ENOUGH: usize = 10;

/// What is asked of a run.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    target: Target,
    /// How many requests.
    #[arg(long, default_value_t = 100_000)]
    requests: u64,
    /// Makes the requests of another run.
    #[arg(long)]
    seed: Option<u64>,
    /// Makes this request alone, by its number.
    #[arg(long)]
    only: Option<u64>,
}

/// What all hands have counts.
#[derive(Default)]
struct Seen {
    next: AtomicU64,
    answered: AtomicU64,
    partly: AtomicU64,
    refused: AtomicU64,
    longest_ms: AtomicU64,
    faults: Mutex<Vec<String>>,
}

/// Does it; an error says that there were faults.
pub fn run(options: &Options) -> Result<(), String> {
    let seed = options.seed.unwrap_or_else(rand::random);
    let store = Store::create("siege", &options.target.database).map_err(|error| error.to_string())?;
    let program = Program::new(&options.target, &store.url, true)?.silent();
    let kind = if store.is_file() { "SQLite" } else { "PostgreSQL" };
    println!("{kind}, --requests {} --seed {seed}", options.requests);
    let fixture: Value = serde_json::from_str(FIXTURE).map_err(|error| error.to_string())?;
    program.load(&fixture)?;
    let schema = Schema::read(&program.run(&["schema"])?)?;
    let mut server = program.serve()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let counts = Arc::new(Seen::default());
    runtime.block_on(async {
        let mut tokens = vec![None];
        for name in SENDERS {
            let token = Client::new(server.address, place(1)).log_in(name, &format!("{name}123")).await?;
            tokens.push(Some(token));
        }
        let mut admin = Client::new(server.address, place(1));
        admin.token.clone_from(&tokens[1]);
        make_function(&mut admin).await?;
        let cursors = Cursors::take(&mut admin, &schema).await?;
        let source = Arc::new(Source { schema, known: known(&fixture), cursors, senders: tokens.len() });
        let range = options.only.map_or(0..options.requests, |only| only..only + 1);
        counts.next.store(range.start, Ordering::SeqCst);
        let mut hands = tokio::task::JoinSet::new();
        for _ in 0..HANDS {
            let (counts, source, tokens) = (Arc::clone(&counts), Arc::clone(&source), tokens.clone());
            hands.spawn(send(counts, source, Client::new(server.address, place(1)), tokens, seed, range.end));
        }
        while hands.join_next().await.is_some() {}
        Ok::<(), String>(())
    })?;
    let alive = server.is_running();
    let log = server.kill();
    let mut faults = counts.faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if !alive {
        faults.push("the server has ended".to_owned());
    }
    faults.extend(log.panics.iter().take(ENOUGH).cloned());
    faults.extend(log.errors.iter().take(ENOUGH).map(|line| format!("an error in the log: {line}")));
    let journal = "SELECT mutation AS a, CAST(error AS text) AS b, CAST(json_content AS text) AS c, CAST(status AS bigint) AS n \
                   FROM core_mutationlog WHERE CAST(error AS text) LIKE '%INTERNAL%'";
    for row in store.rows(journal).map_err(|error| error.to_string())?.iter().take(ENOUGH) {
        let input: String = row.c.chars().take(2_000).collect();
        faults.push(format!("the journal: {} {}: {input}", row.a, row.b));
    }
    let line = |what: &str, number: u64| println!("{what:<24} {number:>8}");
    line("answered", counts.answered.load(Ordering::SeqCst));
    line("answered with errors", counts.partly.load(Ordering::SeqCst));
    line("refused", counts.refused.load(Ordering::SeqCst));
    line("longest answer, ms", counts.longest_ms.load(Ordering::SeqCst));
    line("panics", log.panics.len() as u64);
    line("faults", faults.len() as u64);
    for fault in &faults {
        println!("- {fault}");
    }
    store.remove().map_err(|error| error.to_string())?;
    if faults.is_empty() {
        Ok(())
    } else {
        Err(format!("{} faults; --seed {seed} repeats them", faults.len()))
    }
}

/// Makes the function of which requests speak. It is disabled, so that no run goes anywhere.
async fn make_function(admin: &mut Client) -> Result<(), String> {
    let query = "mutation($input: CreateTaskFunctionMutationInput!) { createTaskFunction(input: $input) { internalId } }";
    let input =
        json!({ "name": FUNCTION, "kind": "HTTP", "url": "https://function.invalid/", "isEnabled": false });
    let (_, answer) = admin.graphql(query, &json!({ "input": input })).await?;
    match answer["data"]["createTaskFunction"]["internalId"].as_str() {
        Some(_) => Ok(()),
        None => Err(format!("no function is made: {answer}")),
    }
}

/// One hand: sends one request after the other, until all are sent or enough faults are found.
async fn send(
    counts: Arc<Seen>,
    source: Arc<Source>,
    mut client: Client,
    tokens: Vec<Option<String>>,
    seed: u64,
    end: u64,
) {
    loop {
        let number = counts.next.fetch_add(1, Ordering::SeqCst);
        if number >= end || counts.faults.lock().unwrap_or_else(PoisonError::into_inner).len() >= ENOUGH {
            return;
        }
        let Request { sender, accept, body } = source.request(&mut nth(seed, number));
        client.token.clone_from(&tokens[sender]);
        client.headers = vec![("Accept", accept.to_owned())];
        let begun = Instant::now();
        let answer = client.post(Bytes::from(body.clone())).await;
        let took = begun.elapsed();
        let fate = answer.and_then(|answer| {
            judge(&answer).map_err(|reason| {
                let text = String::from_utf8_lossy(&answer.bytes).chars().take(1_000).collect::<String>();
                format!("{reason}: {text}")
            })
        });
        let fate = fate.and_then(|fate| {
            if took > LONGEST { Err(format!("answered after {} ms", took.as_millis())) } else { Ok(fate) }
        });
        counts.longest_ms.fetch_max(u64::try_from(took.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
        match fate {
            Ok(Fate::Answered) => drop(counts.answered.fetch_add(1, Ordering::SeqCst)),
            Ok(Fate::Partly) => drop(counts.partly.fetch_add(1, Ordering::SeqCst)),
            Ok(Fate::Refused) => drop(counts.refused.fetch_add(1, Ordering::SeqCst)),
            Err(reason) => {
                let who = sender.checked_sub(1).map_or("a stranger", |sender| SENDERS[sender]);
                let body = String::from_utf8_lossy(&body).chars().take(4_000).collect::<String>();
                let fault = format!("request {number} of {who}, accepting {accept}: {reason}\n  {body}");
                counts.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
            }
        }
    }
}

/// The random numbers of the request of this number: it can be made again without those before it.
fn nth(seed: u64, number: u64) -> StdRng {
    StdRng::seed_from_u64(
        StdRng::seed_from_u64(seed).r#gen::<u64>() ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
    )
}

/// The keys of all rows.
fn known(fixture: &Value) -> Known {
    let of = |kind: &str| -> Vec<String> {
        let rows = fixture[kind].as_array().into_iter().flatten();
        rows.filter_map(|row| row["id"].as_str().map(ToOwned::to_owned)).collect()
    };
    let people = of("users");
    let keys = ["taskGroups", "taskExecutors", "tasks"].into_iter().flat_map(of).chain(people.clone());
    Known { keys: keys.collect(), people }
}
