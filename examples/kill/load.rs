//! The load: makers who propose, voters who all vote on everything, until told to stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_management::{CompletionPolicy, LoadFile, TaskGroupInput, TaskManagement};
use uuid::Uuid;

use crate::client::{Addresses, Client, Seen};
use crate::server::say;

/// The voters, all of whom must approve.
pub const VOTERS: [&str; 3] = ["ada", "ben", "chi"];
/// How many requests of one voter are under way at once.
pub const HANDS: usize = 3;
/// How many people make tasks.
const MAKERS: usize = 3;
/// How many tasks may wait for a voter.
const WAITING: usize = 8;
/// The source of all tasks.
const SOURCE: &str = "Kill";

/// A vote that was acknowledged.
#[derive(Clone)]
pub struct Acknowledged {
    /// The task.
    pub task: String,
    /// The voter.
    pub user: String,
    /// The client's own id of the mutation.
    pub mutation: String,
}

/// What the clients were told.
#[derive(Default)]
pub struct Told {
    /// The tasks that were acknowledged.
    pub tasks: Mutex<Vec<String>>,
    /// The votes that were acknowledged.
    pub votes: Mutex<Vec<Acknowledged>>,
    /// How many votes were acknowledged until now.
    pub count: AtomicU64,
    /// How many mutations failed by the journal; clients sent them again under another id.
    pub failed: AtomicU64,
    /// What went wrong.
    pub wrong: Mutex<Vec<String>>,
}

/// Clients at work.
pub struct Load {
    told: Arc<Told>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Adds the people and their group.
pub async fn prepare(module: &TaskManagement) -> Result<Vec<Uuid>, String> {
    let users: Vec<Value> = VOTERS
        .iter()
        .chain(&["admin"])
        .enumerate()
        .map(|(number, name)| {
            json!({
                "id": format!("11111111-1111-4111-8111-00000000000{number}"), "username": name, "lastName": name,
                "email": format!("{name}@example.org"),
                "password": format!("{name}12345"), "roles": [if *name == "admin" { "Admin" } else { "Executor" }],
            })
        })
        .collect();
    let file = json!({
        "roles": [
            { "id": 1, "name": "Admin", "isSystem": 64, "rights": [] },
            { "id": 2, "name": "Executor", "rights": [191_001, 191_003] },
        ],
        "users": users,
    });
    let file: LoadFile = serde_json::from_value(file).map_err(|error| error.to_string())?;
    module.load(file).await.map_err(say)?;
    let mut voters = Vec::new();
    for name in VOTERS {
        voters.push(module.requester(name).await.map_err(say)?.id());
    }
    let admin = module.requester("admin").await.map_err(say)?;
    let group = TaskGroupInput {
        user_ids: Some(voters.clone()),
        task_sources: Some(vec![SOURCE.to_owned()]),
        ..TaskGroupInput::new("KILL", CompletionPolicy::All)
    };
    module.task_groups().create(&admin, group).await.map_err(say)?;
    Ok(voters)
}

impl Load {
    /// Logs everybody in and begins.
    pub fn start(addresses: &Addresses, seen: &Arc<Seen>, voters: &[Uuid]) -> Result<Self, String> {
        let told = Arc::new(Told::default());
        let stop = Arc::new(AtomicBool::new(false));
        let client = |name: &str, at: usize| {
            let at = at % addresses.len();
            let mut client = Client::new(Arc::clone(addresses), Arc::clone(seen), at);
            client.log_in(name, &format!("{name}12345")).map(|()| client)
        };
        let (mut threads, mut channels) = (Vec::new(), Vec::new());
        for (name, id) in VOTERS.iter().zip(voters) {
            let (sender, receiver) = sync_channel(WAITING);
            channels.push(sender);
            let receiver = Arc::new(Mutex::new(receiver));
            for hand in 0..HANDS {
                let (client, told) = (client(name, hand)?, Arc::clone(&told));
                let (receiver, user) = (Arc::clone(&receiver), id.to_string());
                threads.push(std::thread::spawn(move || {
                    let outcome = vote(client, &user, &receiver, &told);
                    told.note(outcome);
                }));
            }
        }
        for number in 0..MAKERS {
            let (maker, told, until) = (client("admin", number)?, Arc::clone(&told), Arc::clone(&stop));
            let channels = channels.clone();
            threads.push(std::thread::spawn(move || {
                let outcome = propose(maker, number, &channels, &told, &until);
                told.note(outcome);
            }));
        }
        Ok(Self { told, stop, threads })
    }

    /// How many votes were acknowledged until now.
    pub fn count(&self) -> u64 {
        self.told.count.load(Ordering::SeqCst)
    }

    /// Waits until one more vote is acknowledged; returns how long that took.
    pub fn wait_for_more(&self) -> Result<Duration, String> {
        let (since, before) = (Instant::now(), self.count());
        while self.count() == before {
            if since.elapsed() > Duration::from_secs(60) || self.threads.iter().any(JoinHandle::is_finished) {
                let wrong = self.told.wrong.lock().unwrap_or_else(PoisonError::into_inner).join("; ");
                return Err(format!("no vote is acknowledged any more: {wrong}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(since.elapsed())
    }

    /// Begins nothing new, waits until everything that was begun is acknowledged, and returns what the clients were told.
    pub fn stop(self) -> Result<Arc<Told>, String> {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().map_err(|_| "a client panicked".to_owned())?;
        }
        Ok(self.told)
    }
}

impl Told {
    fn note(&self, outcome: Result<(), String>) {
        if let Err(reason) = outcome {
            self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(reason);
        }
    }
}

/// Creates one task after the other and gives each to all voters.
fn propose(
    mut client: Client,
    maker: usize,
    voters: &[SyncSender<String>],
    told: &Told,
    stop: &AtomicBool,
) -> Result<(), String> {
    let mut number = 0;
    while !stop.load(Ordering::SeqCst) {
        number += 1;
        let input = json!({ "source": SOURCE, "data": json!({ "number": number }).to_string() });
        let mutation = insist(&mut client, told, "createTask", &format!("create-{maker}-{number}"), &input)?;
        let query = format!("{{ task(clientMutationId: \"{mutation}\") {{ edges {{ node {{ uuid }} }} }} }}");
        let body = client.ask(&query, &json!({}))?;
        let found = body["data"]["task"]["edges"].as_array().map_or(0, Vec::len);
        let task = body["data"]["task"]["edges"][0]["node"]["uuid"].as_str();
        let task = task.filter(|_| found == 1);
        let task = task.ok_or_else(|| format!("one task was acknowledged, {found} are there: {body}"))?;
        told.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task.to_owned());
        for voter in voters {
            voter.send(task.to_owned()).map_err(|_| "a voter has gone".to_owned())?;
        }
    }
    Ok(())
}

/// Approves one task after the other.
fn vote(mut client: Client, user: &str, tasks: &Mutex<Receiver<String>>, told: &Told) -> Result<(), String> {
    loop {
        let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = next else { return Ok(()) };
        let input = json!({ "id": task, "businessStatus": json!({ user: "APPROVED" }).to_string() });
        let id = format!("vote-{user}-{task}");
        let mutation = insist(&mut client, told, "resolveTask", &id, &input)?;
        let vote = Acknowledged { task, user: user.to_owned(), mutation };
        told.votes.lock().unwrap_or_else(PoisonError::into_inner).push(vote);
        told.count.fetch_add(1, Ordering::SeqCst);
    }
}

/// Sends a mutation until the journal says that it was done; returns the client's id under which it was done.
fn insist(client: &mut Client, told: &Told, name: &str, id: &str, input: &Value) -> Result<String, String> {
    let mut last = String::new();
    for round in 1..=10 {
        let mutation = format!("{id}-{round}");
        let mut input = input.clone();
        input["clientMutationId"] = json!(mutation);
        match client.mutate(name, &input)? {
            Ok(()) => return Ok(mutation),
            // A mutation that failed by a fault of the server has left nothing, so it may be sent again as a new one.
            Err(reason) if reason.contains("INTERNAL") => last = reason,
            Err(reason) => return Err(format!("{name} {input}: the journal says: {reason}")),
        }
        told.failed.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("{name} {input}: the journal says: {last}"))
}
