//! Eight people do everything at once with two hundred tasks, on two processes, while time passes and claims lapse. What was done
//! is written on a tape in the transactions that do it, and replayed by the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{NaiveDateTime, TimeDelta};
use diesel::RunQueryDsl as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tasks_management::{Builder, DbConnection, Event, FixedClock, Result, Settings, Signal, Signals};

use crate::flow_races::{insert_tape, lines};
use crate::sessions::beginning;
use crate::support::scenario::{user_id, user_ids};
use crate::support::{Client, TestApp, apply, on_both};

const TASKS: usize = 200;
const PEOPLE: [&str; 8] = ["exec1", "exec2", "exec3", "exec4", "exec5", "admin", "triage", "maker"];
const EXECUTORS: [&str; 5] = ["exec1", "exec2", "exec3", "exec4", "exec5"];
const CLAIM_SECONDS: i64 = 60;
const MOST_CLAIMS: usize = 20;

/// How long everybody acts: `TASKS_RACE_SECONDS`, or a moment.
fn duration() -> Duration {
    let seconds = std::env::var("TASKS_RACE_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(3))
}

fn taped(builder: Builder) -> Builder {
    let signals = [
        Signal::TaskClaim,
        Signal::TaskRelease,
        Signal::TaskResolve,
        Signal::TaskComplete,
        Signal::TaskDelete,
    ];
    builder.signals(signals.into_iter().fold(Signals::builder(), |bus, signal| bus.within(signal, write)))
}

fn write(connection: &mut DbConnection, event: &Event) -> Result<()> {
    let entry = json!({
        "signal": event.signal.as_str(), "task": event.entity_id, "user": event.user_id, "claim": event.data["claim"],
        "date": event.date.format("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
    });
    diesel::sql_query(format!("INSERT INTO tape (entry) VALUES ('{entry}')")).execute(connection)?;
    Ok(())
}

/// Something that anybody may try with a task.
fn attempt(random: &mut StdRng, who: &str, tasks: &[String], group: &str) -> (&'static str, Value) {
    let task = tasks.choose(random).expect("a task");
    let vote =
        |value: &str| json!({ "id": task, "businessStatus": json!({ user_id(who): value }).to_string() });
    let other = *EXECUTORS.choose(random).expect("somebody");
    match random.gen_range(0..100) {
        0..=24 => ("claimTask", json!({ "id": task })),
        25..=34 => ("releaseTask", json!({ "id": task })),
        35..=44 => ("assignTask", json!({ "id": task, "userId": user_id(other) })),
        45..=54 => ("claimNextTask", json!({})),
        55..=64 => ("resolveTask", vote("APPROVED")),
        65..=66 => ("resolveTask", vote("FAILED")),
        67..=71 => ("withdrawTaskDecision", json!({ "id": task })),
        72..=76 => {
            ("updateTask", json!({ "id": task, "data": json!({ "n": random.gen_range(0..9) }).to_string() }))
        }
        77..=79 => ("updateTask", json!({ "id": task, "priority": random.gen_range(0..100) })),
        80..=81 => ("updateTask", json!({ "id": task, "detachGroup": true })),
        82..=86 => ("updateTask", json!({ "id": task, "taskGroupId": group, "status": "ACCEPTED" })),
        87 => ("deleteTask", json!({ "ids": [task] })),
        88..=92 => ("createTaskComment", json!({ "taskId": task, "text": "well" })),
        93..=95 => ("reEvaluateTask", json!({ "id": task })),
        _ => {
            let items: Vec<Value> =
                tasks.choose_multiple(random, 5).map(|task| json!({ "id": task })).collect();
            ("claimTasks", json!({ "items": items, "mode": "EACH" }))
        }
    }
}

/// Acts until the end; nothing may go wrong on the server.
async fn act(
    mut client: Client,
    who: &'static str,
    seed: u64,
    tasks: Arc<Vec<String>>,
    group: String,
    until: Instant,
) -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    let mut done = 0;
    while Instant::now() < until {
        let (mutation, input) = attempt(&mut random, who, &tasks, &group);
        let outcome = client.tried(mutation, input.clone()).await;
        assert!(!outcome.starts_with("INTERNAL"), "{who} {mutation} {input}: {outcome}");
        done += usize::from(outcome == "ok");
    }
    done
}

/// What is known of a task while the tape is replayed.
#[derive(Default)]
struct Replayed {
    holder: Option<(String, NaiveDateTime)>,
    rests: BTreeMap<String, NaiveDateTime>,
    is_over: bool,
}

fn moment(text: &Value) -> NaiveDateTime {
    text.as_str().expect("a moment").parse().expect("a moment")
}

/// Replays the tape; returns how often each signal was told.
fn replay(tape: &[String]) -> BTreeMap<String, usize> {
    let mut tasks: BTreeMap<String, Replayed> = BTreeMap::new();
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let privileged: BTreeSet<&str> = ["admin", "triage"].map(user_id).into();
    for line in tape {
        let entry: Value = serde_json::from_str(line).expect("JSON");
        let (signal, user, claim) = (
            entry["signal"].as_str().expect("a name"),
            entry["user"].as_str().expect("a key"),
            &entry["claim"],
        );
        *told.entry(signal.to_owned()).or_default() += 1;
        let task = tasks.entry(entry["task"].to_string()).or_default();
        let now = moment(&entry["date"]);
        let holder = claim["userId"].as_str().unwrap_or_default().to_owned();
        assert!(!task.is_over, "after the end: {line}");
        match signal {
            "task_service.claim" => {
                assert!(task.holder.is_none(), "claimed twice: {line}");
                assert!(EXECUTORS.map(user_id).contains(&holder.as_str()), "{line}");
                assert!(moment(&claim["dateUntil"]) <= now + TimeDelta::seconds(CLAIM_SECONDS), "{line}");
                if claim["assignedBy"].is_null() {
                    let rests = task.rests.get(&holder).copied().unwrap_or_default();
                    let may_others =
                        task.rests.iter().filter(|(_, until)| **until > now).count() < EXECUTORS.len();
                    // A vote that counts keeps others from claiming, which the tape does not follow.
                    let is_sure = task.rests.len() <= 1;
                    assert!(rests <= now || !may_others || !is_sure, "too early again: {line}");
                }
                task.holder = Some((holder, moment(&claim["dateUntil"])));
            }
            "task_service.release" => {
                let (who, until) = task.holder.take().expect("somebody had it");
                assert_eq!(who, holder, "{line}");
                if claim["endedAs"] == "LAPSED" {
                    assert!(until <= now, "too early: {line}");
                    task.rests.insert(holder, until + TimeDelta::seconds(CLAIM_SECONDS));
                }
            }
            "task_service.resolve_task" => {
                if let Some((holder, until)) = &task.holder {
                    let is_free = holder == user || *until <= now || privileged.contains(user);
                    assert!(is_free, "a vote beside the holder's: {line}");
                }
            }
            "task_service.complete_task" | "task_service.delete" => {
                assert!(task.holder.is_none(), "the end leaves a claim: {line}");
                task.is_over = true;
            }
            _ => {}
        }
    }
    told
}

#[apply(on_both)]
async fn whatever_people_do_at_once_follows_the_rules(backend: Backend) {
    let clock = FixedClock::new(beginning());
    let own = clock.clone();
    let settings = |settings: &mut Settings| {
        settings.limits.claims_per_person = MOST_CLAIMS;
        // Time flies here.
        (settings.auth.access_token_s, settings.auth.session_s) = (1_000_000, 1_000_000);
    };
    let app = TestApp::start_with(backend, settings, |builder| taped(builder.clock(own))).await;
    let own = clock.clone();
    let other = app.another_process_with(settings, |builder| taped(builder.clock(own)));
    insert_tape(&app);
    app.load(json!({
        "roles": [{ "id": 50, "name": "Dispatcher", "rights": [191_001, 191_003, 191_004, 191_005, 191_006, 191_008] }],
        "users": [{ "id": user_id("maker"), "username": "maker", "password": "maker123", "interactiveUserId": 50, "roles": ["Dispatcher"] }],
    }))
    .await;
    let input = json!({ "code": "RACE", "completionPolicy": "ANY", "claimMode": "EXCLUSIVE", "claimSeconds": CLAIM_SECONDS, "userIds": user_ids(&EXECUTORS) });
    app.done("admin", "createTaskGroup", input).await;
    let rows = app.user("admin").await.rows("taskGroup", "(code: \"RACE\")", "uuid").await;
    let group = rows[0]["uuid"].as_str().expect("a key").to_owned();
    let mut tasks = Vec::with_capacity(TASKS);
    for _ in 0..TASKS {
        tasks.push(app.task_in(&group).await);
    }
    let decided = "SELECT count(*) FROM task_management_task WHERE status IN ('COMPLETED', 'FAILED')";
    let before = app.count(decided);
    let (tasks, until) = (Arc::new(tasks), Instant::now() + duration());
    let mut race = tokio::task::JoinSet::new();
    for (number, who) in PEOPLE.into_iter().enumerate() {
        let client = if number.is_multiple_of(2) { &app } else { &other }.user(who).await;
        race.spawn(act(client, who, number as u64, Arc::clone(&tasks), group.clone(), until));
    }
    let passed = Arc::new(AtomicUsize::new(0));
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
        clock.advance(TimeDelta::seconds(7));
        passed.fetch_add(1, Ordering::Relaxed);
        let process = if passed.load(Ordering::Relaxed).is_multiple_of(2) { &app } else { &other };
        process.module.deliver_due().await.expect("timers act");
    }
    let mut done = 0;
    while let Some(acted) = race.join_next().await {
        done += acted.expect("nothing goes wrong");
    }
    clock.advance(TimeDelta::seconds(2 * CLAIM_SECONDS));
    while app.module.deliver_due().await.expect("timers act") > 0 {}
    let told = replay(&lines(&app, "SELECT id, entry AS line FROM tape"));
    assert!(done > 20, "{done} mutations");
    for signal in ["task_service.claim", "task_service.release", "task_service.resolve_task"] {
        assert!(told.get(signal).is_some_and(|times| *times > 2), "{signal}: {told:?}");
    }
    assert_eq!(
        app.count("SELECT count(*) FROM task_management_taskclaim WHERE date_ended IS NULL"),
        0,
        "all have ended"
    );
    assert_eq!(app.count("SELECT count(*) FROM task_management_timer WHERE kind = 'LAPSE'"), 0);
    let completed = told.get("task_service.complete_task").copied().unwrap_or_default();
    assert_eq!(usize::try_from(app.count(decided) - before).ok(), Some(completed), "each is decided once");
}
