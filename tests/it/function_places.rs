//! Bounds by which no function and no person takes all: the places of a process go round, and the queue has room for everybody.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::{Builder, CompletionPolicy, CreateTask, FixedClock, Json, Settings};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::functions::greeting;
use crate::sessions::beginning;
use crate::support::scenario::{each, key, user_id};
use crate::support::{TestApp, apply, on_both, until};

async fn make(app: &TestApp, name: &str, more: Value) {
    let mut input = json!({ "name": name, "kind": "HANDLER" });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.done("admin", "createTaskFunction", input).await;
}

async fn ask(app: &TestApp, username: &str, name: &str, more: Value) {
    let mut input = json!({ "functionName": name });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.done(username, "createFunctionRun", input).await;
}

/// A module with functions of these names that end when the gate lets them, and with one that greets.
fn gated(names: &'static [&'static str], gate: &Arc<Semaphore>) -> impl FnOnce(Builder) -> Builder + use<> {
    let gate = Arc::clone(gate);
    move |builder| {
        names.iter().fold(greeting(builder), |builder, name| {
            let gate = Arc::clone(&gate);
            builder.function(name, move |_| {
                let gate = Arc::clone(&gate);
                async move {
                    gate.acquire().await?.forget();
                    Ok(Json::Null)
                }
            })
        })
    }
}

fn eight_places(settings: &mut Settings) {
    settings.outbox.poll_ms = 20;
    settings.functions.runs_at_once = 8;
}

fn of(app: &TestApp, name: &str, status: &str) -> i64 {
    app.count(&format!(
        "SELECT count(*) FROM task_management_functionrun WHERE function_name = '{name}' AND status = '{status}'"
    ))
}

#[apply(on_both)]
async fn a_function_that_could_take_all_places_of_a_process_leaves_some_for_others(backend: Backend) {
    let gate = Arc::new(Semaphore::new(0));
    let app = TestApp::start_with(backend, eight_places, gated(&["greedy"], &gate)).await;
    let greedy = json!({ "maxConcurrency": 1_000, "timeLimit": 300, "defaultPriority": 9, "permissionMode": "allUsers" });
    make(&app, "greedy", greedy).await;
    make(&app, "greet", json!({ "permissionMode": "allUsers" })).await;
    // However many people ask for it.
    for username in ["exec1", "exec2", "exec3", "exec4", "exec5"] {
        for _ in 0..4 {
            ask(&app, username, "greedy", json!({})).await;
        }
    }
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    until("a function has all places but those for others", || of(&app, "greedy", "IN_PROGRESS") == 6).await;
    // Others have their turn, each once at a time where there is no other place: by runs and by requests.
    for done in 1..=3 {
        ask(&app, "admin", "greet", json!({})).await;
        until("another function is executed", || of(&app, "greet", "COMPLETE") == done).await;
    }
    let answer = app.user("exec5").await.send("GET", "/api/functions/greedy/", "").await;
    assert_eq!(answer.codes(), ["LIMIT"], "{}", answer.text);
    let answer = app.user("exec5").await.send("GET", "/api/functions/greet/", "").await;
    assert_eq!(answer.status.as_u16(), 502, "it is called, and answers what is none: {}", answer.text);
    assert_eq!(of(&app, "greedy", "IN_PROGRESS"), 6);
    gate.add_permits(100);
    until("all come to their end", || of(&app, "greedy", "COMPLETE") == 20).await;
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn who_has_one_long_run_in_hand_does_not_wait_behind_all_urgent_runs_of_somebody_else(
    backend: Backend,
) {
    let (gate, long) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let build = {
        let (urgent, long) = (gated(&["urgent"], &gate), Arc::clone(&long));
        |builder| {
            urgent(builder).function("report", move |_| {
                let long = Arc::clone(&long);
                async move {
                    long.acquire().await?.forget();
                    Ok(Json::Null)
                }
            })
        }
    };
    let app = TestApp::start_with(backend, eight_places, build).await;
    let everybody = json!({ "maxConcurrency": 1_000, "timeLimit": 300, "permissionMode": "allUsers" });
    for name in ["urgent", "report", "greet"] {
        make(&app, name, everybody.clone()).await;
    }
    ask(&app, "exec2", "report", json!({})).await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    until("somebody has a long run in hand", || of(&app, "report", "IN_PROGRESS") == 1).await;
    for _ in 0..20 {
        ask(&app, "exec1", "urgent", json!({ "priority": 1_000 })).await;
    }
    until("somebody else has all other places", || of(&app, "urgent", "IN_PROGRESS") >= 3).await;
    for done in 1..=3 {
        ask(&app, "exec2", "greet", json!({ "priority": -1_000 })).await;
        gate.add_permits(1);
        until("the next place is that of who has less in hand", || of(&app, "greet", "COMPLETE") == done)
            .await;
        assert!(of(&app, "urgent", "COMPLETE") <= done, "and not one after all that is urgent");
    }
    gate.add_permits(100);
    long.add_permits(1);
    until("all come to their end", || of(&app, "urgent", "COMPLETE") == 20).await;
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn a_function_takes_no_places_that_it_has_no_runs_for(backend: Backend) {
    const MANY: &[&str] = &["m1", "m2", "m3", "m4", "m5"];
    let gate = Arc::new(Semaphore::new(0));
    let rarely = |settings: &mut Settings| {
        eight_places(settings);
        // Workers look once, when they begin.
        settings.outbox.poll_ms = 600_000;
    };
    let app = TestApp::start_with(backend, rarely, gated(MANY, &gate)).await;
    for name in MANY {
        make(&app, name, json!({ "maxConcurrency": 1_000, "timeLimit": 300 })).await;
        ask(&app, "admin", name, json!({})).await;
    }
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    let in_hand = || MANY.iter().map(|name| of(&app, name, "IN_PROGRESS")).sum::<i64>();
    until("each has its run begun, and not the first one alone", || in_hand() == 5).await;
    gate.add_permits(5);
    until("all come to their end", || MANY.iter().all(|name| of(&app, name, "COMPLETE") == 1)).await;
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn a_person_with_many_urgent_runs_of_many_functions_leaves_a_quarter_of_the_places_to_others(
    backend: Backend,
) {
    const SLOW: &[&str] = &["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"];
    let gate = Arc::new(Semaphore::new(0));
    let app = TestApp::start_with(backend, eight_places, gated(SLOW, &gate)).await;
    let mine = json!({ "maxConcurrency": 1_000, "timeLimit": 300, "permissionMode": "allUsers" });
    for name in SLOW {
        make(&app, name, mine.clone()).await;
        for _ in 0..3 {
            ask(&app, "exec1", name, json!({ "priority": 1_000 })).await;
        }
    }
    make(&app, "greet", json!({ "permissionMode": "allUsers" })).await;
    let in_hand = || SLOW.iter().map(|name| of(&app, name, "IN_PROGRESS")).sum::<i64>();
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    until("one person has all places but those for others", || in_hand() == 5).await;
    // Others get on, however little urgent that is: by runs, and by requests.
    for done in 1..=3 {
        ask(&app, "exec2", "greet", json!({ "priority": -1_000 })).await;
        until("the run of somebody else is executed", || of(&app, "greet", "COMPLETE") == done).await;
    }
    let answer = app.user("exec2").await.send("GET", "/api/functions/greet/", "").await;
    assert_eq!(answer.status.as_u16(), 502, "it is called, and answers what is none: {}", answer.text);
    let answer = app.user("exec1").await.send("GET", "/api/functions/greet/", "").await;
    assert_eq!((answer.status.as_u16(), answer.codes()), (429, vec!["LIMIT"]), "{}", answer.text);
    // What people have decided is carried out, all of it: its runs are the system user's.
    let group = app.group("PAYS", CompletionPolicy::Any, &["exec3"]).await;
    let names = json!({ "id": group, "code": "PAYS", "completionPolicy": "ANY", "onCompleted": "greet" });
    app.done("admin", "updateTaskGroup", names).await;
    for _ in 0..5 {
        let task = app.task(CreateTask { task_group_id: Some(key(&group)), ..CreateTask::default() }).await;
        assert_eq!(app.vote("exec3", &task, json!("APPROVED")).await, "ok");
    }
    until("what was decided is carried out", || of(&app, "greet", "COMPLETE") == 8).await;
    // Whoever has none in hand comes next, and has one at a time then.
    for (username, name) in [("exec2", "s8"), ("exec4", "s9")] {
        for _ in 0..2 {
            ask(&app, username, name, json!({ "priority": 2_000 })).await;
        }
    }
    until("each has one", || in_hand() == 7).await;
    assert_eq!((of(&app, "s8", "IN_PROGRESS"), of(&app, "s9", "IN_PROGRESS")), (1, 1));
    // Whatever people have in hand, what was decided is carried out.
    let answer = app.user("exec5").await.send("GET", "/api/functions/greet/", "").await;
    assert_eq!(answer.codes(), ["LIMIT"], "{}", answer.text);
    for done in 9..=10 {
        let task = app.task(CreateTask { task_group_id: Some(key(&group)), ..CreateTask::default() }).await;
        assert_eq!(app.vote("exec3", &task, json!("APPROVED")).await, "ok");
        until("it is carried out in the last place", || of(&app, "greet", "COMPLETE") == done).await;
    }
    gate.add_permits(100);
    until("all come to their end", || {
        SLOW.iter().map(|name| of(&app, name, "COMPLETE")).sum::<i64>() == 27 + 4
    })
    .await;
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn a_person_whose_next_function_has_had_its_minute_gets_on_with_another(backend: Backend) {
    let gate = Arc::new(Semaphore::new(0));
    let app = TestApp::start_with(backend, eight_places, gated(&["slow", "other"], &gate)).await;
    make(&app, "slow", json!({ "maxConcurrency": 1_000, "timeLimit": 300 })).await;
    for _ in 0..9 {
        ask(&app, "admin", "slow", json!({})).await;
    }
    make(&app, "greet", json!({ "permissionMode": "allUsers", "runsPerMinute": 1 })).await;
    make(&app, "other", json!({ "permissionMode": "allUsers" })).await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    until("one person has all places but those for others", || of(&app, "slow", "IN_PROGRESS") == 4).await;
    // Some are executed before, if a minute ends just now.
    for _ in 0..3 {
        ask(&app, "exec1", "greet", json!({ "priority": 9 })).await;
    }
    ask(&app, "exec1", "other", json!({})).await;
    until("the other one has begun", || of(&app, "other", "IN_PROGRESS") == 1).await;
    assert!(of(&app, "greet", "NEW") > 0, "the first one waits for the next minute");
    gate.add_permits(100);
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn people_take_turns_at_a_function_however_many_urgent_runs_of_it_one_of_them_has(backend: Backend) {
    for places in [1, 3] {
        let (gate, called) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (own, noted) = (Arc::clone(&gate), Arc::clone(&called));
        let build = |builder: Builder| {
            builder.function("shared", move |call| {
                let (gate, noted) = (Arc::clone(&own), Arc::clone(&noted));
                async move {
                    gate.acquire().await?.forget();
                    noted.lock().expect("nobody panicked").push(call.user_id);
                    Ok(Json::Null)
                }
            })
        };
        let app = TestApp::start_with(backend, |settings| settings.outbox.poll_ms = 20, build).await;
        let shared = json!({ "maxConcurrency": places, "timeLimit": 300, "permissionMode": "allUsers" });
        make(&app, "shared", shared).await;
        for _ in 0..30 {
            ask(&app, "exec1", "shared", json!({ "priority": 1_000 })).await;
        }
        let stop = CancellationToken::new();
        let workers = tokio::spawn(app.module.workers(&stop));
        until("one person has all its places", || of(&app, "shared", "IN_PROGRESS") == places).await;
        for username in ["exec2", "exec3", "exec2"] {
            ask(&app, username, "shared", json!({ "priority": -1_000 })).await;
        }
        for done in 1..=33 {
            gate.add_permits(1);
            until("it is executed", || of(&app, "shared", "COMPLETE") == done).await;
        }
        let called = std::mem::take(&mut *called.lock().expect("nobody panicked"));
        let of = |username: &str| {
            let own = |user: &Option<uuid::Uuid>| *user == Some(key(user_id(username)));
            called
                .iter()
                .enumerate()
                .filter(|(_, user)| own(user))
                .map(|(place, _)| place)
                .collect::<Vec<_>>()
        };
        // Those come first that had begun before. Then each has a turn: of two that are begun together, either is called first.
        let (begun, (second, third)) = (usize::try_from(places).expect("few"), (of("exec2"), of("exec3")));
        assert!(second[0] <= 3 * begun && third[0] <= 3 * begun, "{places}: {second:?} {third:?}");
        assert!(second[1] <= 4 + 3 * begun, "{places}: {second:?}");
        assert_eq!((second.len(), third.len(), of("exec1").len()), (2, 1, 30));
        stop.cancel();
        workers.await.expect("the workers end");
    }
}

#[apply(on_both)]
async fn functions_take_turns_by_priority_and_then_by_how_long_their_next_run_has_waited(backend: Backend) {
    let (clock, called) = (FixedClock::new(beginning()), Arc::new(Mutex::new(Vec::new())));
    let (own, noted) = (clock.clone(), Arc::clone(&called));
    let build = move |builder: Builder| {
        ["a", "b"].into_iter().fold(builder.clock(own), |builder, name| {
            let noted = Arc::clone(&noted);
            builder.function(name, move |call| {
                noted.lock().expect("nobody panicked").push(call.data.to_value());
                async { Ok(Json::Null) }
            })
        })
    };
    let settings = |settings: &mut Settings| settings.functions.runs_at_once = 1;
    let app = TestApp::start_with(backend, settings, build).await;
    make(&app, "a", json!({})).await;
    make(&app, "b", json!({})).await;
    for (name, data, priority) in
        [("b", 2, 0), ("a", 3, 0), ("b", 4, 0), ("a", 5, 0), ("a", 6, 0), ("b", 7, 0), ("a", 1, 1)]
    {
        ask(&app, "admin", name, json!({ "data": data.to_string(), "priority": priority })).await;
        clock.advance(TimeDelta::seconds(1));
    }
    while app.module.deliver_due().await.expect("executes") > 0 {}
    let called: Vec<i64> = called.lock().expect("nobody panicked").iter().filter_map(Value::as_i64).collect();
    assert_eq!(called, [1, 2, 3, 4, 5, 6, 7]);
}

#[apply(on_both)]
async fn one_person_does_not_fill_the_queue_for_all(backend: Backend) {
    let own = |settings: &mut Settings| {
        settings.functions.waiting_runs_per_user = 2;
        settings.functions.waiting_runs = 4;
    };
    let app = TestApp::start_with(backend, own, |builder| {
        greeting(builder)
            .function("other", |_| async { Err(tasks_management::FunctionError::new("no", "no")) })
    })
    .await;
    for name in ["greet", "other"] {
        make(&app, name, json!({ "permissionMode": "allUsers" })).await;
    }
    let input = |name: &str| json!({ "functionName": name });
    // Of all functions together.
    app.done("exec1", "createFunctionRun", input("greet")).await;
    app.done("exec1", "createFunctionRun", input("other")).await;
    for (mutation, name) in
        [("createFunctionRun", "greet"), ("createFunctionRun", "other"), ("executeTaskFunction", "greet")]
    {
        assert_eq!(app.refused("exec1", mutation, input(name)).await, "LIMIT functionName");
    }
    let said = app.user("exec1").await.graphql("{ mutationLogs { edges { node { error } } } }").await;
    assert!(said.text.contains("functions.waiting_runs_per_user"), "{}", said.text);
    // Others go on, and so does what nobody asks for.
    app.done("exec2", "createFunctionRun", input("greet")).await;
    let schedule = json!({ "functionName": "greet", "intervalSeconds": 60 });
    app.done("admin", "createFunctionSchedule", schedule).await;
    // Who gives a run up has room again.
    let mut exec = app.user("exec1").await;
    let runs = exec.rows("functionRun", "(functionName: \"greet\")", "uuid").await;
    app.done("admin", "cancelFunctionRun", json!({ "ids": each(&runs, "uuid") })).await;
    app.done("exec1", "createFunctionRun", input("greet")).await;
    assert_eq!(app.refused("exec1", "createFunctionRun", input("greet")).await, "LIMIT functionName");
    while app.module.deliver_due().await.expect("executes") > 0 {}
    // A run that is replayed waits as others do.
    let failed = exec.rows("functionRun", "(functionName: \"other\")", "uuid status").await.remove(0);
    assert_eq!(failed["status"], "FAILED");
    app.done("exec1", "createFunctionRun", input("greet")).await;
    app.done("exec1", "createFunctionRun", input("greet")).await;
    let replay = json!({ "id": failed["uuid"] });
    assert_eq!(app.refused("exec1", "replayFunctionRun", replay.clone()).await, "LIMIT functionName");
    app.done("admin", "replayFunctionRun", replay).await;
}
