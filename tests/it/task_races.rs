//! Eight people do everything at once with two hundred open tasks, on two processes, while time passes, claims lapse, and people
//! join and leave the groups that decide. What was done is written on a tape in the transactions that do it, and replayed by the
//! rules.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
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

mod replay;

use replay::{Rules, replay};

const TASKS: usize = 200;
const PEOPLE: [&str; 8] = ["exec1", "exec2", "exec3", "exec4", "exec5", "admin", "triage", "maker"];
const PRIVILEGED: [&str; 2] = ["admin", "triage"];
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
        Signal::TaskCreate,
        Signal::TaskUpdate,
        Signal::TaskClaim,
        Signal::TaskRelease,
        Signal::TaskResolve,
        Signal::TaskWithdrawDecision,
        Signal::TaskComplete,
        Signal::TaskDelete,
        Signal::TaskExecutorCreate,
        Signal::TaskExecutorDelete,
    ];
    builder.signals(signals.into_iter().fold(Signals::builder(), |bus, signal| bus.within(signal, write)))
}

fn write(connection: &mut DbConnection, event: &Event) -> Result<()> {
    let row = if event.data["new"].is_null() { &event.data["old"] } else { &event.data["new"] };
    let entry = match event.signal {
        Signal::TaskExecutorCreate | Signal::TaskExecutorDelete => {
            json!({ "signal": event.signal.as_str(), "group": row["taskGroupId"], "executor": row["userId"] })
        }
        _ => json!({
            "signal": event.signal.as_str(), "task": event.entity_id, "user": event.user_id,
            "date": event.date.format("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
            "group": row["taskGroupId"], "data": row["data"],
            "claim": event.data["claim"], "vote": event.data["vote"], "result": event.data["result"],
        }),
    };
    diesel::sql_query(format!("INSERT INTO tape (entry) VALUES ('{entry}')")).execute(connection)?;
    Ok(())
}

/// A group of the race: its key, its code and its policy.
type Group = (String, &'static str, &'static str);

/// Something that anybody may try with a task or a group.
fn attempt(
    random: &mut StdRng,
    who: &str,
    task: &str,
    few: &[String],
    groups: &[Group; 2],
) -> (&'static str, Value) {
    let vote =
        |value: &str| json!({ "id": task, "businessStatus": json!({ user_id(who): value }).to_string() });
    let other = *EXECUTORS.choose(random).expect("somebody");
    let (group, code, policy) = groups.choose(random).expect("a group");
    // Two of eight may change pools.
    let dice =
        if PRIVILEGED.contains(&who) && random.gen_ratio(1, 5) { 95 } else { random.gen_range(0..100) };
    match dice {
        0..=21 => ("claimTask", json!({ "id": task })),
        22..=31 => ("releaseTask", json!({ "id": task })),
        32..=41 => ("assignTask", json!({ "id": task, "userId": user_id(other) })),
        42..=51 => ("claimNextTask", json!({})),
        52..=61 => ("resolveTask", vote("APPROVED")),
        62..=63 => ("resolveTask", vote("FAILED")),
        64..=69 => ("withdrawTaskDecision", json!({ "id": task })),
        70..=73 => {
            ("updateTask", json!({ "id": task, "data": json!({ "n": random.gen_range(0..9) }).to_string() }))
        }
        74..=75 => ("updateTask", json!({ "id": task, "priority": random.gen_range(0..100) })),
        76..=77 => ("updateTask", json!({ "id": task, "detachGroup": true })),
        78..=83 => ("updateTask", json!({ "id": task, "taskGroupId": group, "status": "ACCEPTED" })),
        84 => ("deleteTask", json!({ "ids": [task] })),
        85..=88 => ("createTaskComment", json!({ "taskId": task, "text": "well" })),
        89..=91 => ("reEvaluateTask", json!({ "id": task })),
        92..=95 => {
            let many = random.gen_range(0..=EXECUTORS.len());
            let people: Vec<&str> = EXECUTORS.choose_multiple(random, many).copied().collect();
            let input = json!({ "id": group, "code": code, "completionPolicy": policy, "userIds": user_ids(&people) });
            ("updateTaskGroup", input)
        }
        _ => {
            let items: Vec<Value> = few.iter().map(|task| json!({ "id": task })).collect();
            ("claimTasks", json!({ "items": items, "mode": "EACH" }))
        }
    }
}

/// The tasks of the race.
type Tasks = Arc<Mutex<Vec<String>>>;

/// Acts until the end; nothing may go wrong on the server.
async fn act(
    mut client: Client,
    who: &'static str,
    seed: u64,
    tasks: Tasks,
    groups: [Group; 2],
    until: Instant,
) -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    let mut done = 0;
    while Instant::now() < until {
        let few: Vec<String> = {
            let tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
            tasks.choose_multiple(&mut random, 5).cloned().collect()
        };
        let (mutation, input) = attempt(&mut random, who, &few[0], &few, &groups);
        let outcome = client.tried(mutation, input.clone()).await;
        assert!(!outcome.starts_with("INTERNAL"), "{who} {mutation} {input}: {outcome}");
        done += usize::from(outcome == "ok");
    }
    done
}

/// Puts new tasks into the place of those that are decided or deleted, so that the race does not run out of them.
async fn renew(app: &TestApp, tasks: &Tasks, groups: &[Group; 2]) {
    let over = "SELECT CAST(id AS text) AS id, CAST(id AS text) AS line FROM task_management_task \
                WHERE is_deleted OR status IN ('COMPLETED', 'FAILED')";
    let over: BTreeSet<String> = lines(app, over).into_iter().collect();
    let open = tasks.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for (place, _) in open.iter().enumerate().filter(|(_, task)| over.contains(*task)) {
        let task = app.task_in(&groups[place % groups.len()].0).await;
        tasks.lock().unwrap_or_else(PoisonError::into_inner)[place] = task;
    }
}

/// A group of all executors with claims; returns its key.
async fn group(app: &TestApp, code: &'static str, policy: &'static str, mode: &str) -> Group {
    let input = json!({ "code": code, "completionPolicy": policy, "claimMode": mode, "claimSeconds": CLAIM_SECONDS, "userIds": user_ids(&EXECUTORS) });
    app.done("admin", "createTaskGroup", input).await;
    let rows = app.user("admin").await.rows("taskGroup", &format!("(code: \"{code}\")"), "uuid").await;
    (rows[0]["uuid"].as_str().expect("a key").to_owned(), code, policy)
}

#[apply(on_both)]
async fn whatever_people_do_at_once_follows_the_rules(backend: Backend) {
    let clock = FixedClock::new(beginning());
    let own = clock.clone();
    let settings = |settings: &mut Settings| {
        settings.limits.claims_per_person = MOST_CLAIMS;
        // In a minute each is refused more often than in an hour of work.
        settings.journal.refused_per_hour = 1_000_000;
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
    let groups = [group(&app, "RACE", "ANY", "EXCLUSIVE").await, group(&app, "PAIR", "ALL", "MARK").await];
    let mut tasks = Vec::with_capacity(TASKS);
    for number in 0..TASKS {
        tasks.push(app.task_in(&groups[number % groups.len()].0).await);
    }
    let decided = "SELECT count(*) FROM task_management_task WHERE status IN ('COMPLETED', 'FAILED')";
    let before = app.count(decided);
    let (tasks, until) = (Arc::new(Mutex::new(tasks)), Instant::now() + duration());
    let mut race = tokio::task::JoinSet::new();
    for (number, who) in PEOPLE.into_iter().enumerate() {
        let client = if number.is_multiple_of(2) { &app } else { &other }.user(who).await;
        race.spawn(act(client, who, number as u64, Arc::clone(&tasks), groups.clone(), until));
    }
    let mut passed = 0_usize;
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
        clock.advance(TimeDelta::seconds(7));
        passed += 1;
        let process = if passed.is_multiple_of(2) { &app } else { &other };
        process.module.deliver_due().await.expect("timers act");
        renew(&app, &tasks, &groups).await;
    }
    let mut done = 0;
    while let Some(acted) = race.join_next().await {
        done += acted.expect("nothing goes wrong");
    }
    clock.advance(TimeDelta::seconds(2 * CLAIM_SECONDS));
    while app.module.deliver_due().await.expect("timers act") > 0 {}
    let rules = Rules {
        privileged: PRIVILEGED.map(user_id).into(),
        assigners: ["admin", "triage", "maker"].map(user_id).into(),
        exclusive: groups[0].0.clone(),
        claim_seconds: CLAIM_SECONDS,
        most_claims: MOST_CLAIMS,
    };
    let replayed = replay(&lines(&app, "SELECT id, entry AS line FROM tape"), &rules);
    assert!(done > 20, "{done} mutations");
    let told = |signal: &str| replayed.told.get(signal).copied().unwrap_or_default();
    for signal in ["task_service.claim", "task_service.release", "task_service.resolve_task"] {
        assert!(told(signal) > 2, "{signal}: {:?}", replayed.told);
    }
    // Beside those with which the groups began.
    let joined = told("task_executor_service.create") - groups.len() * EXECUTORS.len();
    assert!(joined + told("task_executor_service.delete") > 2, "{:?}", replayed.told);
    let live = "SELECT count(*) FROM task_management_taskclaim WHERE date_ended IS NULL";
    assert_eq!(app.count(live), 0, "all have ended");
    assert_eq!(app.count("SELECT count(*) FROM task_management_timer WHERE kind = 'LAPSE'"), 0);
    let completed = i64::try_from(told("task_service.complete_task")).expect("a number");
    assert_eq!(app.count(decided) - before, completed, "each is decided once");
    // What the tape leads to is what is there.
    for (group, code, _) in &groups {
        let pool = replayed.pools.get(group).cloned().unwrap_or_default();
        let executors = app.executors_in(group).await;
        assert_eq!(pool, executors.iter().map(|name| user_id(name).to_owned()).collect(), "{code}");
    }
    let counting = "SELECT CAST(id AS text) AS id, CAST(task_id AS text) || ' ' || CAST(user_id AS text) AS line \
                    FROM task_management_taskdecision WHERE NOT is_deleted AND NOT is_stale";
    let counting = lines(&app, counting).into_iter();
    let counting: BTreeSet<String> =
        counting.filter(|line| line.split(' ').next().is_some_and(|task| replayed.knows(task))).collect();
    assert_eq!(counting, replayed.votes());
}
