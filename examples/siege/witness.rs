//! A witness goes on deciding while others attack, and checks afterwards that every acknowledged decision is in the
//! database.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Client, document, place};
use crate::store::Store;
use crate::town::{SOURCE, VERA};

/// Decisions that go on until told to stop.
pub struct Witness {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Decided>,
}

/// The results of the decisions.
#[derive(Default)]
pub struct Decided {
    /// Tasks on which a vote was acknowledged.
    pub acknowledged: Vec<String>,
    /// How many tries were refused or not answered.
    pub refused: u64,
    /// The first refusal, in words.
    pub first_refusal: Option<String>,
}

impl Witness {
    /// Begins; `run` tells the decisions of one attack from those of another.
    pub fn begin(server: SocketAddr, run: usize) -> Result<Self, String> {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let mut vera = runtime.block_on(Client::logged_in(server, place(7), "vera"))?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let (mut decided, mut number) = (Decided::default(), 0);
                while !until.load(Ordering::SeqCst) {
                    number += 1;
                    match decide(&mut vera, &format!("{run}-{number}")).await {
                        Ok(task) => decided.acknowledged.push(task),
                        Err(reason) => {
                            decided.refused += 1;
                            decided.first_refusal.get_or_insert(reason);
                        }
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                decided
            })
        });
        Ok(Self { stop, thread })
    }

    /// Finishes what it has begun; returns what was acknowledged.
    pub fn end(self) -> Result<Decided, String> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().map_err(|_| "the witness panicked".to_owned())
    }
}

impl Decided {
    /// How many acknowledged decisions are not in the database.
    pub fn lost(&self, store: &Store) -> Result<usize, String> {
        let votes = "SELECT CAST(task_id AS text) AS a, verdict AS b, '' AS c, CAST(1 AS bigint) AS n \
                     FROM task_management_taskdecision WHERE NOT is_deleted AND verdict = 'APPROVED'";
        let tasks = format!(
            "SELECT CAST(id AS text) AS a, status AS b, '' AS c, CAST(1 AS bigint) AS n FROM task_management_task \
             WHERE source = '{SOURCE}' AND status = 'COMPLETED'"
        );
        let found = |sql: &str| -> Result<BTreeSet<String>, String> {
            let rows = store.rows(sql).map_err(|error| error.to_string())?;
            Ok(rows.into_iter().map(|row| row.a).collect())
        };
        let (votes, tasks) = (found(votes)?, found(&tasks)?);
        Ok(self.acknowledged.iter().filter(|task| !votes.contains(*task) || !tasks.contains(*task)).count())
    }
}

/// Makes a task and approves it; returns its key once the journal says that it is done.
async fn decide(vera: &mut Client, name: &str) -> Result<String, String> {
    let made = format!("made-{name}");
    let input = json!({ "clientMutationId": made, "source": SOURCE, "data": "{\"a\": 1}" });
    mutate(vera, "createTask", "CreateTaskMutationInput", &input).await?;
    let query = format!("{{ task(clientMutationId: \"{made}\") {{ edges {{ node {{ uuid }} }} }} }}");
    let (_, body) = vera.graphql(&query, &Value::Null).await?;
    let task = body["data"]["task"]["edges"][0]["node"]["uuid"].as_str();
    let task = task.ok_or_else(|| format!("an acknowledged task is not there: {body}"))?.to_owned();
    let status = json!({ VERA: "APPROVED" }).to_string();
    let input = json!({ "clientMutationId": format!("voted-{name}"), "id": task, "businessStatus": status });
    mutate(vera, "resolveTask", "ResolveTaskMutationInput", &input).await?;
    Ok(task)
}

/// Runs a mutation. The error is that of the answer or of the journal.
pub async fn mutate(client: &mut Client, name: &str, of: &str, input: &Value) -> Result<(), String> {
    let query = format!("mutation($in: {of}!) {{ {name}(input: $in) {{ internalId }} }}");
    let answer = client.post(document(&query, &json!({ "in": input }))).await?;
    let body = answer.json();
    let id = body["data"][name]["internalId"].as_str();
    let id = id.ok_or_else(|| format!("{name}: {} {body}", answer.status))?;
    let query = format!("{{ mutationLogs(id: \"{id}\") {{ edges {{ node {{ status error }} }} }} }}");
    let (_, body) = client.graphql(&query, &Value::Null).await?;
    let entry = &body["data"]["mutationLogs"]["edges"][0]["node"];
    if entry["status"] == 2 { Ok(()) } else { Err(format!("{name}: {entry} {}", body["errors"])) }
}
