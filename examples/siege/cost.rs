//! The cost of single requests: the processor time and the memory that the server takes for each.

use hyper::body::Bytes;
use serde_json::json;
use tokio::task::JoinSet;

use crate::attacks::documents;
use crate::http::{Client, document, place};
use crate::server::{Program, Server};
use crate::town::Size;

/// Bounds for a request of a stranger that is no login: milliseconds of processor and KiB of memory.
const STRANGER: (f64, u64) = (5.0, 5 * 1024);
/// Bounds for a request of anybody.
const ANYBODY: (f64, u64) = (5_000.0, 100 * 1024);

/// So many strangers ask at once.
const STRANGERS: u8 = 16;

/// What a request costs.
struct Cost {
    status: u16,
    processor_ms: f64,
    memory_kib: u64,
}

/// Measures requests, each on a server that has nothing else to do. Prints a line for each, and returns a sentence for each
/// that costs too much.
pub fn run(program: &Program, size: Size) -> Result<Vec<String>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let mut violations = Vec::new();
    println!("\n{:<58} {:>8} {:>14} {:>10}", "one request", "status", "processor ms", "KiB");
    let mut note = |who: &str, what: &str, cost: &Cost, (processor_ms, memory_kib): (f64, u64)| {
        let what = format!("{who}: {what}");
        println!("{what:<58} {:>8} {:>14.1} {:>10}", cost.status, cost.processor_ms, cost.memory_kib);
        if cost.memory_kib > memory_kib || (size.timed && cost.processor_ms > processor_ms) {
            violations.push(format!(
                "{what} takes {:.1} ms of processor and {} KiB; {processor_ms} ms and {memory_kib} KiB are allowed",
                cost.processor_ms, cost.memory_kib
            ));
        }
        if cost.status >= 500 || cost.status == 0 {
            violations.push(format!("{what} is answered with {}", cost.status));
        }
    };
    let mut first_kib = 0;
    for (what, body) in documents::by_strangers() {
        let server = program.serve()?;
        let (first, cost) = runtime.block_on(measure_strangers(&server, &body, size.repeats))?;
        note("stranger", what, &cost, STRANGER);
        first_kib = first_kib.max(first.memory_kib);
    }
    println!("The first of them on a server took at most {first_kib} KiB, for what a process makes once.");
    for (who, what, body) in by_people(size) {
        // A server of its own: memory that an earlier request has left with the allocator would hide what this one takes.
        let server = program.serve()?;
        let mut client = runtime.block_on(Client::logged_in(server.address, place(66), who))?;
        if what == COMPRESSED {
            client.headers.push(("Accept-Encoding", "gzip".to_owned()));
        }
        let user = document("{ user { username } }", &json!(null));
        runtime.block_on(client.post(user))?;
        let cost = runtime.block_on(measure(&server, &mut client, &body, 1));
        note(who, what, &cost, ANYBODY);
    }
    Ok(violations)
}

const COMPRESSED: &str = "a large answer, compressed";

fn by_people(size: Size) -> Vec<(&'static str, &'static str, Bytes)> {
    let tokens = format!("{{ task(entityIds: [{}]) {{ totalCount }} }}", "\"x\" ".repeat(19_980));
    let data = json!({ "text": "x".repeat(500_000) }).to_string();
    let create = "mutation($in: CreateTaskMutationInput!) { createTask(input: $in) { internalId } }";
    let create = document(
        create,
        &json!({ "in": { "data": data, "clientMutationDetails": ["x".repeat(1_400_000)] } }),
    );
    // As large as the largest answer that is allowed.
    let lists = 15_500_000 / (100 * size.data_bytes);
    vec![
        ("eve", "lists inside lists", documents::lists_in_lists()),
        ("eve", "a hundred lists with their data", documents::lists_with_data(100)),
        ("eve", "a large answer", documents::lists_with_data(lists)),
        ("eve", COMPRESSED, documents::lists_with_data(lists)),
        ("nils", "sixty journals", documents::journals()),
        ("trudy", "300 searches", documents::searches()),
        ("trudy", "everybody with their roles", documents::roles_of_all()),
        ("eve", "2 MB of fields", documents::many_fields(1_000_000)),
        ("eve", "as many tokens as are read", document(&tokens, &json!(null))),
        ("vera", "a task of 1.9 MB", create),
    ]
}

/// What the first of a stranger's requests costs, which pays for what a process makes once: threads and their heaps. And what
/// each further one does: its processor time, and its share of the memory that many at once take.
async fn measure_strangers(server: &Server, body: &Bytes, times: u32) -> Result<(Cost, Cost), String> {
    let small = document("{ languages { code } }", &json!(null));
    let mut strangers = Vec::new();
    for number in 0..STRANGERS {
        let mut stranger = Client::new(server.address, place(66 + number));
        stranger.post(small.clone()).await?;
        strangers.push(stranger);
    }
    let first = measure(server, &mut strangers[0], body, 1).await;
    let often = measure(server, &mut strangers[0], body, times).await;
    server.forget_peak();
    let before = server.resident_kib();
    let mut asking = JoinSet::new();
    for mut stranger in strangers {
        let body = body.clone();
        // A body that is refused before it is read may end in a closed connection.
        asking.spawn(async move { stranger.post(body).await.is_ok() });
    }
    asking.join_all().await;
    let together = server.peak_kib().saturating_sub(before);
    Ok((first, Cost { memory_kib: together.div_ceil(u64::from(STRANGERS)), ..often }))
}

async fn measure(server: &Server, client: &mut Client, body: &Bytes, times: u32) -> Cost {
    server.forget_peak();
    let (memory, processor) = (server.resident_kib(), server.processor_s());
    let mut status = 0;
    for _ in 0..times {
        // A body that is refused before it is read may end in a closed connection.
        match client.post(body.clone()).await {
            Ok(answer) => status = answer.status,
            Err(_) => client.hang_up(),
        }
    }
    let processor_ms = (server.processor_s() - processor) * 1_000.0 / f64::from(times);
    Cost { status, processor_ms, memory_kib: server.peak_kib().saturating_sub(memory) }
}
