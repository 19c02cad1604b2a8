//! A run about timers: tasks become overdue, more urgent, and fail, while people claim them and servers are killed. Each reason
//! must have acted once, and each claim have ended once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use tasks_management::{Clock as _, HandlerError, Signal, SystemClock};

use crate::client::{Client, Seen};
use crate::fleet::Fleet;
use crate::hooks::AFTER;
use crate::options::Shared;
use crate::run::{drain, set_up};
use crate::store::Store;

/// How many tasks are made between two kills.
const TASKS: usize = 10;
/// What becomes of each task: the signals that tell of it, and how often each does.
const EXPECTED: [(Signal, i64); 3] =
    [(Signal::TaskComplete, 1), (Signal::TaskEscalate, 3), (Signal::TaskOverdue, 1)];

/// Does the run. The error says what did not match.
pub fn run(options: &Shared) -> Result<(), String> {
    let seed = options.seed();
    let mut random = StdRng::seed_from_u64(seed);
    let store = Store::create("timers", &options.database).map_err(|error| error.to_string())?;
    let processes = options.processes(&store);
    println!("timers, {processes} process(es), --kills {} --seed {seed}", options.kills);
    let begun = Instant::now();
    let voters = set_up(&store.url)?;
    let answers = Arc::new(Seen::default());
    let mut fleet = Fleet::start(&store.url, processes.max(1))?;
    let mut admin = Client::new(Arc::clone(&fleet.addresses), Arc::clone(&answers), 0);
    admin.log_in("admin", "admin12345")?;
    let group = json!({
        "clientMutationId": "group", "code": "TIMED", "completionPolicy": "ALL", "userIds": voters, "taskSources": ["Timed"],
        "claimMode": "MARK",
        "escalations": [
            { "at": "AFTER_DUE", "offsetSeconds": 0, "action": "NOTIFY" },
            { "at": "AFTER_DUE", "offsetSeconds": 0, "action": "RAISE_PRIORITY", "priority": 80 },
            { "at": "AFTER_DUE", "offsetSeconds": 1, "action": "FAIL" },
        ],
    });
    admin.mutate("createTaskGroup", &group)??;
    let mut voter = Client::new(Arc::clone(&fleet.addresses), Arc::clone(&answers), 0);
    voter.log_in("ada", "ada12345")?;
    let mut tasks = 0_usize;
    while fleet.kills < options.kills {
        for _ in 0..TASKS {
            tasks += 1;
            create(&mut admin, tasks, random.gen_range(200..3_000))?;
            if tasks.is_multiple_of(3) {
                // There may be none left, or too many in hand.
                let _ = voter
                    .mutate("claimNextTask", &json!({ "clientMutationId": format!("claim-{tasks}") }))?;
            }
        }
        std::thread::sleep(Duration::from_millis(random.gen_range(0..1_500)));
        let all: Vec<usize> = (0..fleet.len()).collect();
        let one = random.gen_range(0..fleet.len());
        let victims = if random.gen_bool(0.2) { &all[..] } else { &all[one..=one] };
        fleet.check_alive()?;
        fleet.kill(victims)?;
    }
    wait_for_timers(&store)?;
    drain(&store)?;
    let kills = fleet.kills;
    fleet.check_alive()?;
    fleet.stop()?;
    let violations = audit(&store, tasks).map_err(|error| error.to_string())?;
    let count = |what: &str, number: &dyn std::fmt::Display| println!("{what:<42} {number:>8}");
    count("kills", &kills);
    count("requests sent again: no answer", &answers.broken_off.load(Ordering::SeqCst));
    count("tasks acknowledged", &tasks);
    count("seconds", &begun.elapsed().as_secs());
    count("violations", &violations.len());
    if violations.is_empty() {
        return store.remove().map_err(|error| error.to_string());
    }
    for violation in violations.iter().take(20) {
        println!("- {violation}");
    }
    Err(format!("what is left in {} does not fit", store.url))
}

/// Makes a task that is due so many milliseconds from now, or if that passes before a server takes it, later.
fn create(admin: &mut Client, number: usize, due_ms: i64) -> Result<(), String> {
    for round in 1..=20 {
        let due = SystemClock.now() + TimeDelta::milliseconds(due_ms * round);
        let due = due.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
        let input = json!({ "clientMutationId": format!("task-{number}-{round}"), "source": "Timed", "dueDate": due });
        match admin.mutate("createTask", &input)? {
            Ok(()) => return Ok(()),
            Err(reason) if reason.contains("dueDate") || reason.contains("INTERNAL") => {}
            Err(reason) => return Err(format!("{input}: the journal says: {reason}")),
        }
    }
    Err(format!("task {number} is taken by no server"))
}

/// Waits until no timer is due any more.
fn wait_for_timers(store: &Store) -> Result<(), String> {
    let since = Instant::now();
    loop {
        let waiting = store.number("SELECT count(*) FROM task_management_timer WHERE due IS NOT NULL");
        let waiting = waiting.map_err(|error| error.to_string())?;
        if waiting == 0 {
            return Ok(());
        }
        if since.elapsed() > Duration::from_secs(200) {
            return Err(format!("{waiting} timers have not acted; what is there is left in {}", store.url));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn audit(store: &Store, acknowledged: usize) -> Result<Vec<String>, HandlerError> {
    let mut violations = Vec::new();
    let tasks = store.rows(
        "SELECT CAST(t.id AS text) AS a, t.status AS b, CAST(t.priority AS text) AS c, \
         (SELECT count(DISTINCT h.version) FROM task_management_historicaltask AS h WHERE h.id = t.id) AS n \
         FROM task_management_task AS t",
    )?;
    if tasks.len() != acknowledged {
        violations.push(format!("{acknowledged} tasks were acknowledged, {} are there", tasks.len()));
    }
    let told = store.rows(
        "SELECT CAST(entity_id AS text) AS a, signal AS b, handler AS c, count(*) AS n FROM task_management_outbox \
         GROUP BY entity_id, signal, handler",
    )?;
    let told: BTreeMap<_, i64> = told.into_iter().map(|row| ((row.a, row.b, row.c), row.n)).collect();
    for task in tasks {
        if (task.b.as_str(), task.c.as_str(), task.n) != ("FAILED", "80", 3) {
            violations.push(format!(
                "task {} is {} with priority {} in {} versions",
                task.a, task.b, task.c, task.n
            ));
        }
        for ((signal, times), handler) in EXPECTED.iter().flat_map(|one| AFTER.map(|handler| (one, handler)))
        {
            let found =
                told.get(&(task.a.clone(), signal.to_string(), handler.to_owned())).copied().unwrap_or(0);
            if found != *times {
                violations.push(format!("task {}: {handler} was told {found} times of {signal}", task.a));
            }
        }
    }
    let claims = store.number("SELECT count(*) FROM task_management_taskclaim")?;
    let ended =
        store.number("SELECT count(*) FROM task_management_taskclaim WHERE date_ended IS NOT NULL")?;
    if claims != ended || claims == 0 {
        violations.push(format!("{ended} of {claims} claims have ended"));
    }
    for handler in AFTER {
        for signal in [Signal::TaskClaim, Signal::TaskRelease] {
            let of_signal = |((_, name, to), _): &(&(String, String, String), &i64)| {
                *name == signal.to_string() && to == handler
            };
            let times: i64 = told.iter().filter(of_signal).map(|(_, times)| times).sum();
            if times != claims {
                violations
                    .push(format!("{handler} was told {times} times of {signal}, {claims} claims were made"));
            }
        }
    }
    let left = store.number("SELECT count(*) FROM task_management_timer")?;
    if left > 0 {
        violations.push(format!("{left} timers are left of tasks that are decided"));
    }
    Ok(violations)
}
