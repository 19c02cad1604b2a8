//! Bounds by which no function and no person takes all: the places of a process go round, and the queue has room for everybody.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::{Builder, FixedClock, Json, Settings};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::functions::greeting;
use crate::sessions::beginning;
use crate::support::scenario::each;
use crate::support::{TestApp, apply, on_both, until};

async fn make(app: &TestApp, name: &str, more: Value) {
    let mut input = json!({ "name": name, "kind": "HANDLER" });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.done("admin", "createTaskFunction", input).await;
}

async fn ask(app: &TestApp, name: &str, more: Value) {
    let mut input = json!({ "functionName": name });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.done("admin", "createFunctionRun", input).await;
}

fn of(app: &TestApp, name: &str, status: &str) -> i64 {
    app.count(&format!(
        "SELECT count(*) FROM task_management_functionrun WHERE function_name = '{name}' AND status = '{status}'"
    ))
}

#[apply(on_both)]
async fn a_function_that_could_take_all_places_of_a_process_leaves_some_for_others(backend: Backend) {
    let gate = Arc::new(Semaphore::new(0));
    let own = Arc::clone(&gate);
    let settings = |settings: &mut Settings| {
        settings.outbox.poll_ms = 20;
        settings.functions.runs_at_once = 8;
    };
    let build = move |builder: Builder| {
        ["greedy", "slow"].into_iter().fold(greeting(builder), |builder, name| {
            let gate = Arc::clone(&own);
            builder.function(name, move |_| {
                let gate = Arc::clone(&gate);
                async move {
                    gate.acquire().await?.forget();
                    Ok(Json::Null)
                }
            })
        })
    };
    let app = TestApp::start_with(backend, settings, build).await;
    for name in ["greedy", "slow"] {
        make(&app, name, json!({ "maxConcurrency": 1_000, "timeLimit": 300, "defaultPriority": 9 })).await;
    }
    make(&app, "greet", json!({})).await;
    for _ in 0..20 {
        ask(&app, "greedy", json!({})).await;
    }
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    until("a function has all places but those for others", || of(&app, "greedy", "IN_PROGRESS") == 6).await;
    // Others have their turn, each once at a time where there is no other place: by runs and by requests.
    for done in 1..=3 {
        ask(&app, "greet", json!({})).await;
        until("another function is executed", || of(&app, "greet", "COMPLETE") == done).await;
    }
    for _ in 0..3 {
        ask(&app, "slow", json!({})).await;
    }
    until("another one has begun", || of(&app, "slow", "IN_PROGRESS") == 1).await;
    ask(&app, "greet", json!({})).await;
    until("the last place is for those without any", || of(&app, "greet", "COMPLETE") == 4).await;
    let answer = app.user("admin").await.send("GET", "/api/functions/greedy/", "").await;
    assert_eq!(answer.codes(), ["LIMIT"], "{}", answer.text);
    let answer = app.user("admin").await.send("GET", "/api/functions/greet/", "").await;
    assert_eq!(answer.status.as_u16(), 502, "it is called, and answers what is none: {}", answer.text);
    assert_eq!((of(&app, "greedy", "IN_PROGRESS"), of(&app, "slow", "IN_PROGRESS")), (6, 1));
    gate.add_permits(100);
    until("all come to their end", || {
        of(&app, "greedy", "COMPLETE") == 20 && of(&app, "slow", "COMPLETE") == 3
    })
    .await;
    stop.cancel();
    workers.await.expect("the workers end");
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
        ask(&app, name, json!({ "data": data.to_string(), "priority": priority })).await;
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
