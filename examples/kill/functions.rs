//! A run about functions: runs are executed by handlers, receivers and processes while servers are killed. None may be lost, and none executed twice but as another
//! attempt where the function says that this does no harm; some are ended while they are under way, and stay so; each moment of a schedule has one run, and so has each task that is
//! decided in a group that names a function, and each event of which a dispatcher is told.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use diesel::RunQueryDsl as _;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use tasks_management::{DbConnection, HandlerError};

use crate::client::{Client, Seen};
use crate::fleet::Fleet;
use crate::load::VOTERS;
use crate::options::Shared;
use crate::receiver;
use crate::run::{drain, set_up};
use crate::store::{Row, Store, connect};

/// The function whose runs are executed once at most, and the one whose runs may be executed again.
pub const FUNCTIONS: [&str; 2] = ["once", "again"];
/// The functions with a receiver, likewise.
const RECEIVED: [&str; 2] = ["post-once", "post-again"];
/// The functions in JavaScript, likewise.
const SCRIPTS: [&str; 2] = ["script-once", "script-again"];
/// What they do: they compute long enough to be killed at work.
const SOURCE: &str =
    "export default () => { const end = Date.now() + 150; while (Date.now() < end); return 'done' }";
/// How many of their runs are created between two kills.
const SCRIPT_RUNS: usize = 3;
/// How many runs are created of each handler, and of each function with a receiver, between two kills.
const RUNS: usize = 15;
/// How many runs that are under way somebody ends between two kills.
const ENDED: usize = 2;
/// How many tasks are decided between two kills.
const TASKS: usize = 4;
/// The source of these tasks, whose group names the function `once`.
const TASK_SOURCE: &str = "Carried out";

/// Does the run. The error says what did not match.
pub fn run(options: &Shared) -> Result<(), String> {
    let seed = options.seed();
    let mut random = StdRng::seed_from_u64(seed);
    let store = Store::create("functions", &options.database).map_err(|error| error.to_string())?;
    let processes = options.processes(&store);
    println!("functions, {processes} process(es), --kills {} --seed {seed}", options.kills);
    let begun = Instant::now();
    set_up(&store.url)?;
    let answers = Arc::new(Seen::default());
    let (messages, port) = receiver::serve()?;
    let settings = [
        ("TASKS__WEBHOOKS__ALLOW_HTTP", "true".to_owned()),
        ("TASKS__WEBHOOKS__ALLOW_PRIVATE_ADDRESSES", "true".to_owned()),
    ];
    let mut fleet = Fleet::start_with(&store.url, processes.max(1), &settings)?;
    let mut admin = Client::new(Arc::clone(&fleet.addresses), Arc::clone(&answers), 0);
    admin.log_in("admin", "admin12345")?;
    make_functions(&mut admin, port)?;
    let schedule =
        json!({ "clientMutationId": "schedule", "functionName": "again", "intervalSeconds": 86_400 });
    admin.mutate("createFunctionSchedule", &schedule)??;
    let admin_id = format!("11111111-1111-4111-8111-00000000000{}", VOTERS.len());
    let group = json!({
        "clientMutationId": "group", "code": "CARRIES OUT", "completionPolicy": "ANY", "userIds": [admin_id],
        "taskSources": [TASK_SOURCE], "onCompleted": "once",
    });
    admin.mutate("createTaskGroup", &group)??;
    let dispatcher = json!({
        "clientMutationId": "dispatcher", "name": "decided", "signal": "task_service.complete_task",
        "when": [{ "path": "/data/task/source", "op": "EQ", "value": json!(TASK_SOURCE).to_string() }],
        "actions": [{ "kind": "FUNCTION", "functionName": "once" }],
    });
    admin.mutate("createTaskDispatcher", &dispatcher)??;
    let (mut runs, mut moments, mut decided, mut canceled) = (0_usize, 0_i64, 0_usize, Vec::new());
    while fleet.kills < options.kills {
        for _ in 0..RUNS {
            for name in FUNCTIONS.iter().chain(&RECEIVED) {
                runs += 1;
                let input = json!({ "clientMutationId": format!("run-{runs}"), "functionName": name });
                admin.mutate("createFunctionRun", &input)??;
            }
        }
        for _ in 0..SCRIPT_RUNS {
            for name in SCRIPTS {
                runs += 1;
                let input = json!({ "clientMutationId": format!("run-{runs}"), "functionName": name });
                admin.mutate("createFunctionRun", &input)??;
            }
        }
        for _ in 0..TASKS {
            decided += 1;
            decide(&mut admin, decided, &admin_id)?;
        }
        cancel(&mut admin, &mut canceled)?;
        // Its minute is over each time.
        moments += pass_a_minute(&store).map_err(|error| error.to_string())?;
        std::thread::sleep(Duration::from_millis(random.gen_range(0..600)));
        let all: Vec<usize> = (0..fleet.len()).collect();
        let one = random.gen_range(0..fleet.len());
        let victims = if random.gen_bool(0.2) { &all[..] } else { &all[one..=one] };
        fleet.check_alive()?;
        fleet.kill(victims)?;
        wait_for_orphans()?;
    }
    drain(&store)?;
    wait_for_runs(&store)?;
    let kills = fleet.kills;
    fleet.check_alive()?;
    fleet.stop()?;
    let messages = messages.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (mut violations, executed) =
        audit(&store, &messages, runs, moments).map_err(|error| error.to_string())?;
    violations.extend(audit_canceled(&store, &canceled).map_err(|error| error.to_string())?);
    violations.extend(audit_tasks(&store, decided).map_err(|error| error.to_string())?);
    let count = |what: &str, number: &dyn std::fmt::Display| println!("{what:<42} {number:>8}");
    count("kills", &kills);
    count("requests sent again: no answer", &answers.broken_off.load(Ordering::SeqCst));
    count("runs acknowledged", &runs);
    count("moments of the schedule", &moments);
    count("tasks decided", &decided);
    count("runs ended while under way", &canceled.len());
    count("runs executed", &executed);
    count("runs that a receiver was sent", &messages.len());
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

/// Makes the functions, of each kind one whose runs may be executed again.
fn make_functions(admin: &mut Client, port: u16) -> Result<(), String> {
    for name in FUNCTIONS {
        let function = json!({
            "clientMutationId": name, "name": name, "kind": "HANDLER", "isIdempotent": name == "again", "maxConcurrency": 4,
        });
        admin.mutate("createTaskFunction", &function)??;
    }
    for name in RECEIVED {
        let function = json!({
            "clientMutationId": name, "name": name, "kind": "HTTP", "url": format!("http://127.0.0.1:{port}/"),
            "isIdempotent": name == "post-again", "maxConcurrency": 4,
        });
        admin.mutate("createTaskFunction", &function)??;
    }
    for name in SCRIPTS {
        let function = json!({
            "clientMutationId": name, "name": name, "kind": "JAVASCRIPT", "source": SOURCE, "isIdempotent": name == "script-again",
        });
        admin.mutate("createTaskFunction", &function)??;
    }
    Ok(())
}

/// Makes a task and decides it.
fn decide(admin: &mut Client, number: usize, decider: &str) -> Result<(), String> {
    let made = format!("task-{number}");
    let input = json!({ "clientMutationId": made, "source": TASK_SOURCE, "data": "{}" });
    admin.mutate("createTask", &input)??;
    let query = format!("{{ task(clientMutationId: \"{made}\") {{ edges {{ node {{ uuid }} }} }} }}");
    let body = admin.ask(&query, &json!({}))?;
    let task = &body["data"]["task"]["edges"][0]["node"]["uuid"];
    let vote = json!({ decider: "APPROVED" }).to_string();
    let input = json!({ "clientMutationId": format!("vote-{number}"), "id": task, "businessStatus": vote });
    admin.mutate("resolveTask", &input)??;
    Ok(())
}

/// Ends some runs that are under way; notes those of which the journal says so.
fn cancel(admin: &mut Client, canceled: &mut Vec<String>) -> Result<(), String> {
    let query = format!(
        "{{ functionRun(status: IN_PROGRESS, trigger: DIRECT, first: {ENDED}) {{ edges {{ node {{ uuid }} }} }} }}"
    );
    let body = admin.ask(&query, &json!({}))?;
    for edge in body["data"]["functionRun"]["edges"].as_array().into_iter().flatten() {
        let Some(id) = edge["node"]["uuid"].as_str() else { return Err(format!("no runs: {body}")) };
        let input = json!({ "clientMutationId": format!("cancel-{id}"), "ids": [id] });
        // Many have ended by then.
        if admin.mutate("cancelFunctionRun", &input)?.is_ok() {
            canceled.push(id.to_owned());
        }
    }
    Ok(())
}

/// Which of the runs that somebody has ended did not stay so, or were executed again.
fn audit_canceled(store: &Store, canceled: &[String]) -> Result<Vec<String>, HandlerError> {
    let found = store.rows(
        "SELECT CAST(id AS text) AS a, status AS b, COALESCE(error_name, '') AS c, \
         (SELECT count(*) FROM task_management_functionrun AS next WHERE CAST(next.retry_for AS text) LIKE \
         '%' || CAST(run.id AS text) || '%') AS n FROM task_management_functionrun AS run WHERE error_name = 'canceled'",
    )?;
    let ended = |id: &&String| found.iter().any(|run| run.a == **id && run.b == "FAILED" && run.n == 0);
    let lost = canceled.iter().filter(|id| !ended(id));
    let mut violations: Vec<String> =
        lost.map(|id| format!("the run {id} was ended, and did not stay so")).collect();
    // A server that was killed may have ended some without an answer, which was asked for again then.
    if found.len() != canceled.len() {
        violations.push(format!("{} runs were ended, {} are", canceled.len(), found.len()));
    }
    Ok(violations)
}

/// Has the schedule's next moment come at once; returns how many moments that makes.
fn pass_a_minute(store: &Store) -> Result<i64, HandlerError> {
    let is_file = store.is_file();
    let earlier = if is_file {
        "due = strftime('%Y-%m-%d %H:%M:%f', 'now'), payload = json_set(payload, '$.moment', strftime('%Y-%m-%dT%H:%M:%f', 'now'))"
    } else {
        "due = now() AT TIME ZONE 'UTC', payload = jsonb_set(payload, '{moment}', to_jsonb(to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')))"
    };
    let soon = soon(is_file);
    let sql = format!(
        "UPDATE task_management_timer SET {earlier} WHERE kind = 'SCHEDULE' AND lease_until IS NULL AND due > {soon}"
    );
    let query = diesel::sql_query(sql);
    let moved = match connect(&store.url)? {
        DbConnection::Pg(mut pg) => query.execute(&mut *pg)?,
        DbConnection::Sqlite(mut sqlite) => query.execute(&mut *sqlite)?,
    };
    Ok(i64::try_from(moved)?)
}

/// Half a minute from now, in SQL.
const fn soon(is_file: bool) -> &'static str {
    if is_file {
        "strftime('%Y-%m-%d %H:%M:%f', 'now', '+30 seconds')"
    } else {
        "now() AT TIME ZONE 'UTC' + interval '30 seconds'"
    }
}

/// Waits until no process is left that executes a function for a server that was killed.
fn wait_for_orphans() -> Result<(), String> {
    let since = Instant::now();
    while let Some(id) = orphan().map_err(|error| error.to_string())? {
        if since.elapsed() > Duration::from_secs(10) {
            return Err(format!("the process {id} executes a function, and its server is gone"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// A process that executes a function, and whose parent is none of ours; none where the system does not tell.
fn orphan() -> std::io::Result<Option<u32>> {
    let own = std::env::current_exe()?;
    let is_own = |id: u32| std::fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|exe| exe == own);
    let Ok(folders) = std::fs::read_dir("/proc") else { return Ok(None) };
    for id in folders.filter_map(|folder| folder.ok()?.file_name().to_str()?.parse::<u32>().ok()) {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let is_runner = line.split(|byte| *byte == 0).nth(1) == Some(b"function-runner") && is_own(id);
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        if is_runner && parent.is_some_and(|parent| !is_own(parent)) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Waits until no run waits or is under way.
fn wait_for_runs(store: &Store) -> Result<(), String> {
    let since = Instant::now();
    let open = format!(
        "(SELECT count(*) FROM task_management_functionrun WHERE status IN ('NEW', 'IN_PROGRESS')) \
         + (SELECT count(*) FROM task_management_timer WHERE kind = 'SCHEDULE' AND due < {})",
        soon(store.is_file())
    );
    loop {
        let open = store.number(&open).map_err(|error| error.to_string())?;
        if open == 0 {
            return Ok(());
        }
        if since.elapsed() > Duration::from_secs(200) {
            return Err(format!("{open} runs have not ended; what is there is left in {}", store.url));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What does not fit, and how often a function was called.
fn audit(
    store: &Store,
    messages: &BTreeMap<String, i64>,
    acknowledged: usize,
    moments: i64,
) -> Result<(Vec<String>, i64), HandlerError> {
    let mut violations = Vec::new();
    let calls = store
        .rows("SELECT run_id AS a, name AS b, '' AS c, count(*) AS n FROM kill_run GROUP BY run_id, name")?;
    let mut calls: BTreeMap<String, i64> = calls.into_iter().map(|row| (row.a, row.n)).collect();
    calls.extend(messages.iter().map(|(id, times)| (id.clone(), *times)));
    let runs = store.rows(
        "SELECT CAST(id AS text) AS a, status AS b, function_name || ' ' || COALESCE(error_name, '') || ' ' || triggered_by AS c, \
         CAST(CASE WHEN CAST(retry_for AS text) = '[]' THEN 0 ELSE 1 END AS bigint) AS n FROM task_management_functionrun",
    )?;
    let first = runs.iter().filter(|run| run.n == 0 && run.c.ends_with("DIRECT")).count();
    if first != acknowledged {
        violations.push(format!("{acknowledged} runs were acknowledged, {first} are there"));
    }
    for Row { a: id, b: status, c: what, .. } in &runs {
        let times = calls.get(id).copied().unwrap_or(0);
        let fits = match (status.as_str(), what.as_str()) {
            // These leave no trace but their end.
            ("COMPLETE", script) if script.starts_with("script-") => times == 0,
            ("FAILED", "script-once zombieTaskCleaned DIRECT") => times == 0,
            ("RETRIED", script) if script.starts_with("script-again zombieTaskCleaned ") => times == 0,
            ("FAILED", ended) if ended.ends_with(" canceled DIRECT") => times <= 1,
            ("COMPLETE", _) => times == 1,
            ("FAILED", other) => times <= 1 && is_gone(other, "once"),
            ("RETRIED", other) => times <= 1 && is_gone(other, "again"),
            _ => false,
        };
        if !fits {
            violations.push(format!("the run {id} ({what}) is {status} and was executed {times} times"));
        }
    }
    let scheduled =
        store.number("SELECT count(*) FROM task_management_functionrun WHERE date_scheduled IS NOT NULL")?;
    let distinct = store.number("SELECT count(DISTINCT date_scheduled) FROM task_management_functionrun WHERE date_scheduled IS NOT NULL")?;
    if scheduled != distinct || scheduled != moments {
        violations.push(format!("{moments} moments came, {distinct} had runs, {scheduled} in all"));
    }
    Ok((violations, calls.values().sum()))
}

/// Whether the process of such a run is gone, which a handler or a receiver carried out.
fn is_gone(what: &str, function: &str) -> bool {
    let own = what.strip_prefix("post-").unwrap_or(what);
    own.strip_prefix(function).is_some_and(|rest| rest.starts_with(" zombieTaskCleaned "))
}

/// Which of the tasks that were decided do not have one run each, and one more by the dispatcher that is told of them.
fn audit_tasks(store: &Store, acknowledged: usize) -> Result<Vec<String>, HandlerError> {
    let decided = store.number("SELECT count(*) FROM task_management_task WHERE status = 'COMPLETED'")?;
    let carried_out = store.number(
        "SELECT count(*) FROM task_management_task AS task WHERE status = 'COMPLETED' AND 1 = \
         (SELECT count(*) FROM task_management_functionrun AS run WHERE run.task_id = task.id AND run.triggered_by = 'TASK')",
    )?;
    let runs =
        store.number("SELECT count(*) FROM task_management_functionrun WHERE triggered_by = 'TASK'")?;
    let mut violations = Vec::new();
    if !(i64::try_from(acknowledged)? == decided && decided == carried_out && decided == runs) {
        violations.push(format!(
            "{acknowledged} decisions were acknowledged, {decided} are there, {carried_out} have one run, of {runs}"
        ));
    }
    let told =
        store.number("SELECT count(*) FROM task_management_outbox WHERE handler LIKE 'dispatcher:%'")?;
    let runs =
        store.number("SELECT count(*) FROM task_management_functionrun WHERE triggered_by = 'EVENT'")?;
    let events = store.number(
        "SELECT count(DISTINCT event_id) FROM task_management_functionrun WHERE triggered_by = 'EVENT'",
    )?;
    if [told, runs, events] != [decided; 3] {
        violations.push(format!("{decided} tasks are decided: {told} events told, {runs} runs for {events}"));
    }
    Ok(violations)
}
