//! Runs: each is executed once at most, as often and as soon as its function allows, and what came of it is kept.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::{
    Builder, CreateFunctionRun, FixedClock, FunctionError, Json, RunStatus, Settings, Signal, Signals,
    TaskManagement,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::functions::greeting;
use crate::sessions::beginning;
use crate::support::scenario::{each, user_id};
use crate::support::{Backend, TestApp, apply, on_both, until};

/// What functions were called with, in order.
type Called = Arc<Mutex<Vec<Value>>>;

fn quick(settings: &mut Settings) {
    settings.outbox.poll_ms = 20;
}

/// A host with the function `note`, which notes its input; `{"fail": name}` makes it fail with an error of this name.
fn noting(called: &Called) -> impl FnOnce(Builder) -> Builder + use<> {
    let called = Arc::clone(called);
    move |builder| {
        builder.function("note", move |call| {
            called.lock().expect("nobody panicked").push(call.data.to_value());
            async move {
                call.log(format!("attempt {}", call.attempt));
                match call.data["fail"].as_str() {
                    Some(name) => Err(FunctionError::new(name, "as it was asked to")),
                    None => Ok(call.data.clone()),
                }
            }
        })
    }
}

/// A module with the function `note` on a clock of the test's own.
async fn scene(backend: Backend, more: Value) -> (TestApp, FixedClock, Called) {
    let (clock, called) = (FixedClock::new(beginning()), Called::default());
    let own = clock.clone();
    let app = TestApp::start_with(backend, |_| {}, |builder| noting(&called)(builder.clock(own))).await;
    make(&app, "note", more).await;
    (app, clock, called)
}

/// Makes a function of this name.
async fn make(app: &TestApp, name: &str, more: Value) {
    let mut input = json!({ "name": name, "kind": "HANDLER" });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.done("admin", "createTaskFunction", input).await;
}

async fn run(app: &TestApp, function: &str, data: Value) {
    let input = json!({ "functionName": function, "data": data.to_string() });
    app.done("admin", "createFunctionRun", input).await;
}

/// Does everything that is due.
async fn act(app: &TestApp) {
    while app.module.deliver_due().await.expect("acts") > 0 {}
}

async fn runs(app: &TestApp, selection: &str) -> Vec<Value> {
    app.user("admin").await.rows("functionRun", "", selection).await
}

fn taken(called: &Called) -> Vec<Value> {
    std::mem::take(&mut *called.lock().expect("nobody panicked"))
}

#[apply(on_both)]
async fn a_run_is_executed_and_its_result_and_log_are_kept(backend: Backend) {
    let app = TestApp::start_with(backend, |_| {}, greeting).await;
    make(&app, "greet", json!({ "defaultPriority": 7 })).await;
    let input = json!({ "functionName": "greet", "data": "{\"name\": \"Ada\"}", "tags": ["hello", "it's"], "clientMutationId": "one" });
    let create = "mutation($in: CreateFunctionRunMutationInput!) { createFunctionRun(input: $in) { run { uuid status } } }";
    let mut admin = app.user("admin").await;
    let first = admin.graphql_with(create, json!({ "in": input })).await;
    let again = admin.graphql_with(create, json!({ "in": input })).await;
    let run = first.data("createFunctionRun")["run"].clone();
    assert_eq!(run["status"], "NEW");
    assert_eq!(run, again.data("createFunctionRun")["run"], "a repeat is the same run");
    assert_eq!(app.module.deliver_due().await.expect("executes"), 1);
    let fields = "functionName status trigger data result error { name } tags priority causeDepth retryForRunIds retriedByRunId \
        createdByUser { username } logs { message }";
    for filter in
        ["(clientMutationId: \"one\")", "(tag: \"it's\")", "(functionName: \"greet\", status: COMPLETE)"]
    {
        let found = admin.rows("functionRun", filter, fields).await;
        let expected = json!({
            "functionName": "greet", "status": "COMPLETE", "trigger": "DIRECT", "data": "{\"name\":\"Ada\"}",
            "result": "{\"greeting\":\"Hello, Ada!\"}", "error": null, "tags": ["hello", "it's"], "priority": 7,
            "causeDepth": 0, "retryForRunIds": [], "retriedByRunId": null, "createdByUser": { "username": "admin" },
            "logs": [{ "message": "attempt 1" }],
        });
        assert_eq!(found, [expected], "{filter}");
    }
    assert!(admin.rows("functionRun", "(tag: \"it\")", "uuid").await.is_empty());
    // Others see their own.
    assert!(app.user("triage").await.rows("functionRun", "", "uuid").await.is_empty());
}

#[apply(on_both)]
async fn the_more_urgent_run_is_begun_first_then_the_one_that_starts_earlier(backend: Backend) {
    let (app, clock, called) = scene(backend, json!({ "maxConcurrency": 1 })).await;
    for (name, priority, start) in [
        ("late", 5, "08:00:09"),
        ("low", -1, "08:00:00"),
        ("usual", 0, "08:00:02"),
        ("sooner", 0, "08:00:01"),
        ("high", 5, "08:00:03"),
    ] {
        let input = json!({ "functionName": "note", "data": json!(name).to_string(), "priority": priority,
            "startTimestamp": format!("2026-01-31T{start}") });
        app.done("admin", "createFunctionRun", input).await;
    }
    clock.advance(TimeDelta::seconds(5));
    act(&app).await;
    assert_eq!(taken(&called), ["high", "sooner", "usual", "low"]);
    clock.advance(TimeDelta::seconds(5));
    act(&app).await;
    assert_eq!(taken(&called), ["late"], "not before it may");
}

#[apply(on_both)]
async fn a_run_that_fails_is_tried_again_and_told_of_when_it_is_given_up(backend: Backend) {
    let (clock, called, told) = (FixedClock::new(beginning()), Called::default(), Called::default());
    let (own, list) = (clock.clone(), Arc::clone(&told));
    let bus = Signals::builder().within(Signal::FunctionFailed, move |_, event| {
        let run = event.function_run()?;
        list.lock().expect("nobody panicked").push(json!([run.error_name, run.retried_runs().len()]));
        Ok(())
    });
    let build = |builder: Builder| noting(&called)(builder.clock(own).signals(bus));
    let app = TestApp::start_with(backend, |_| {}, build).await;
    let policy = json!({ "enabled": true, "errorsToRetry": ["busy"], "pausesSeconds": [2, 5] });
    make(&app, "note", json!({ "retryPolicy": policy })).await;
    run(&app, "note", json!({ "fail": "busy" })).await;
    run(&app, "note", json!({ "fail": "broken" })).await;
    act(&app).await;
    assert_eq!(taken(&called).len(), 2);
    assert_eq!(taken(&told), [json!(["broken", 0])], "this one is not tried again");
    for pause in [1, 1, 4, 1] {
        clock.advance(TimeDelta::seconds(pause));
        act(&app).await;
    }
    assert_eq!(taken(&called).len(), 2, "after two and after five seconds");
    assert_eq!(taken(&told), [json!(["busy", 2])], "once, for the last attempt");
    let fields = "uuid status error { name message type } retryForRunIds retriedByRunId logs { message }";
    let mut admin = app.user("admin").await;
    let chain =
        admin.rows("functionRun", "(errorName: \"busy\", orderBy: \"creationTimestamp\")", fields).await;
    assert_eq!(each(&chain, "status"), ["RETRIED", "RETRIED", "FAILED"]);
    assert_eq!(
        each(&chain, "retriedByRunId"),
        [chain[1]["uuid"].clone(), chain[2]["uuid"].clone(), Value::Null]
    );
    assert_eq!(chain[2]["retryForRunIds"], json!([chain[0]["uuid"], chain[1]["uuid"]]));
    assert_eq!(
        chain[2]["error"],
        json!({ "name": "busy", "message": "as it was asked to", "type": "RUNTIME" })
    );
    assert_eq!(chain[2]["logs"][0]["message"], "attempt 3");
    // A handler that refuses does not keep a run from failing.
    let refusing =
        Signals::builder().within(Signal::FunctionFailed, |_, _| Err(diesel::result::Error::NotFound.into()));
    let other = Called::default();
    let app = app.another_process_with(|_| {}, |builder| noting(&other)(builder.signals(refusing)));
    run(&app, "note", json!({ "fail": "once more" })).await;
    act(&app).await;
    assert_eq!(app.count("SELECT count(*) FROM task_management_functionrun WHERE error_name = 'once more' AND status = 'FAILED'"), 1);
}

#[apply(on_both)]
async fn runs_that_wait_are_given_up_and_others_are_not(backend: Backend) {
    let (app, _, called) = scene(backend, json!({})).await;
    run(&app, "note", json!(1)).await;
    act(&app).await;
    let later = json!({ "functionName": "note", "startTimestamp": "2027-01-01T00:00:00" });
    app.done("admin", "createFunctionRun", later.clone()).await;
    app.done("admin", "createFunctionRun", later).await;
    let found = runs(&app, "uuid status").await;
    let refused = app
        .refused("admin", "cancelFunctionRun", json!({ "ids": [found[1]["uuid"], found[0]["uuid"]] }))
        .await;
    assert_eq!(refused, "CONFLICT ids");
    app.done("admin", "cancelFunctionRun", json!({ "ids": [found[1]["uuid"]] })).await;
    assert_eq!(each(&runs(&app, "status").await, "status"), ["COMPLETE", "CANCELED", "NEW"]);
    let unknown = json!({ "ids": [user_id("admin")] });
    assert_eq!(app.refused("admin", "cancelFunctionRun", unknown).await, "NOT_FOUND ids");
    // Deleting the function gives up the rest and keeps all of them.
    let function = app.user("admin").await.rows("taskFunction", "", "uuid").await.remove(0);
    app.done("admin", "deleteTaskFunction", json!({ "ids": [function["uuid"]] })).await;
    assert_eq!(each(&runs(&app, "status").await, "status"), ["COMPLETE", "CANCELED", "CANCELED"]);
    assert_eq!(taken(&called).len(), 1);
    assert_eq!(
        app.refused("admin", "createFunctionRun", json!({ "functionName": "note" })).await,
        "NOT_FOUND functionName"
    );
}

#[apply(on_both)]
async fn what_is_wrong_with_a_run_is_said(backend: Backend) {
    let app = TestApp::start_with(backend, |settings| settings.functions.waiting_runs = 2, greeting).await;
    make(&app, "greet", json!({})).await;
    for (more, refusal) in [
        (json!({ "data": json!("x".repeat(256_000)).to_string() }), "VALIDATION data"),
        (json!({ "priority": 9_007_199_254_740_992_i64 }), "VALIDATION priority"),
        (json!({ "tags": vec!["x"; 51] }), "LIMIT tags"),
        (json!({ "tags": [""] }), "VALIDATION tags"),
        (json!({ "causeDepth": -1 }), "VALIDATION causeDepth"),
        (json!({ "functionName": "other" }), "NOT_FOUND functionName"),
    ] {
        let mut input = json!({ "functionName": "greet" });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        assert_eq!(app.refused("admin", "createFunctionRun", input).await, refusal);
    }
    for _ in 0..2 {
        run(&app, "greet", json!({})).await;
    }
    let full = json!({ "functionName": "greet" });
    assert_eq!(app.refused("admin", "createFunctionRun", full.clone()).await, "LIMIT functionName");
    let id = app.user("admin").await.rows("taskFunction", "", "uuid").await[0]["uuid"].clone();
    app.done("admin", "updateTaskFunction", json!({ "id": id, "isEnabled": false })).await;
    assert_eq!(app.refused("admin", "createFunctionRun", full).await, "CONFLICT functionName");
    assert_eq!(app.module.deliver_due().await.expect("looks"), 0, "runs of a disabled function wait");
    app.done("admin", "updateTaskFunction", json!({ "id": id, "isEnabled": true })).await;
    assert_eq!(app.module.deliver_due().await.expect("executes"), 2);
}

#[apply(on_both)]
async fn who_executes_a_function_gets_its_result_and_so_does_a_repeat(backend: Backend) {
    let app = TestApp::start_with(backend, quick, greeting).await;
    make(&app, "greet", json!({})).await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    let execute = "mutation($in: ExecuteTaskFunctionMutationInput!) { executeTaskFunction(input: $in) { run { uuid status result } } }";
    let input =
        json!({ "in": { "functionName": "greet", "data": "{\"name\": \"Ben\"}", "clientMutationId": "e" } });
    let mut admin = app.user("admin").await;
    let first = admin.graphql_with(execute, input.clone()).await.data("executeTaskFunction").clone();
    assert_eq!(first["run"]["status"], "COMPLETE");
    assert_eq!(first["run"]["result"], "{\"greeting\":\"Hello, Ben!\"}");
    assert_eq!(admin.graphql_with(execute, input).await.data("executeTaskFunction"), &first);
    assert_eq!(app.count("SELECT count(*) FROM task_management_functionrun"), 1);
    // By the library, too; and where all users may, one needs no right, and sees one's own runs.
    let id = admin.rows("taskFunction", "", "uuid").await[0]["uuid"].clone();
    assert_eq!(
        app.refused("norights", "executeTaskFunction", json!({ "functionName": "greet" })).await,
        "FORBIDDEN"
    );
    app.done("admin", "updateTaskFunction", json!({ "id": id, "permissionMode": "allUsers" })).await;
    let nobody = app.module.requester("norights").await.expect("somebody");
    let input = CreateFunctionRun { function_name: "greet".to_owned(), ..CreateFunctionRun::default() };
    let run = app.module.function_runs().execute(&nobody, input).await.expect("a run");
    assert_eq!(run.status, RunStatus::Complete);
    let own = app.user("norights").await.rows("functionRun", "", "uuid logs { message }").await;
    assert_eq!(own, [json!({ "uuid": run.id, "logs": [] })], "what it said is not for everybody");
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn functions_that_are_late_break_off_or_answer_too_much_fail_and_harm_nobody(backend: Backend) {
    let app = TestApp::start_with(backend, quick, |builder| {
        greeting(builder)
            .function("sleep", |_| async {
                std::thread::sleep(Duration::from_secs(8));
                Ok(Json::Null)
            })
            .function("panic", |call| async move {
                call.log("before");
                assert!(call.data.is_object(), "as it was asked to");
                Ok(Json::Null)
            })
            .function("large", |call| async move {
                (0..3_000).for_each(|_| call.log("x".repeat(200)));
                Ok(Json::from(json!("x".repeat(300_000))))
            })
    })
    .await;
    for name in ["greet", "panic", "large"] {
        make(&app, name, json!({})).await;
    }
    make(&app, "sleep", json!({ "timeLimit": 3, "maxConcurrency": 1 })).await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    for name in ["sleep", "sleep", "panic", "large", "greet"] {
        run(&app, name, Value::Null).await;
    }
    let ended = "SELECT count(*) FROM task_management_functionrun WHERE status IN ('COMPLETE', 'FAILED')";
    until("all but the second sleeper have ended", || app.count(ended) == 4).await;
    let sleeping =
        "SELECT count(*) FROM task_management_functionrun WHERE function_name = 'sleep' AND status = 'NEW'";
    assert_eq!(app.count(sleeping), 1, "the thread of the first one is not free before it returns");
    let found = runs(&app, "functionName status error { name type } logs { message }").await;
    let error = |name: &str| {
        let run = found.iter().find(|run| run["functionName"] == name).expect("a run");
        (run["error"]["name"].clone(), run["error"]["type"].clone())
    };
    assert_eq!(error("sleep"), (json!("timeLimitExceeded"), json!("RUNTIME")));
    assert_eq!(error("panic"), (json!("brokenOff"), json!("RUNTIME")));
    assert_eq!(error("large"), (json!("invalidResult"), json!("RESPONSE")));
    assert_eq!(error("greet"), (Value::Null, Value::Null));
    let log = |name: &str| {
        let run = found.iter().find(|run| run["functionName"] == name).expect("a run");
        run["logs"].as_array().expect("lines").clone()
    };
    assert_eq!(log("panic"), [json!({ "message": "before" })], "what it said is kept");
    let large: usize = log("large").iter().map(|line| line["message"].as_str().map_or(0, str::len)).sum();
    assert!(log("large").len() <= 1_000 && (90_000..103_000).contains(&large), "{large}");
    stop.cancel();
    workers.await.expect("the workers end");
}

/// The run of a process that is gone since: it was begun, and nobody renews its lease.
fn forsake(app: &TestApp) {
    let worker = "'00000000-0000-4000-8000-0000000000aa'";
    app.run(&format!(
        "UPDATE task_management_functionrun SET status = 'IN_PROGRESS', leased_by = {worker}, \
         lease_until = '2026-01-31 08:00:30', attempts = 1 WHERE status = 'NEW'"
    ));
}

#[apply(on_both)]
async fn the_run_of_a_process_that_is_gone_fails_or_is_executed_again_where_that_does_no_harm(
    backend: Backend,
) {
    let (app, clock, called) = scene(backend, json!({})).await;
    run(&app, "note", json!(1)).await;
    forsake(&app);
    act(&app).await;
    assert_eq!(each(&runs(&app, "status").await, "status"), ["IN_PROGRESS"], "the lease has not ended");
    clock.advance(TimeDelta::seconds(31));
    act(&app).await;
    let ended = runs(&app, "status error { name type }").await;
    let error = json!({ "name": "zombieTaskCleaned", "type": "INVOCATION" });
    assert_eq!(ended, [json!({ "status": "FAILED", "error": error })]);
    assert!(taken(&called).is_empty());
    let id = app.user("admin").await.rows("taskFunction", "", "uuid").await[0]["uuid"].clone();
    app.done("admin", "updateTaskFunction", json!({ "id": id, "isIdempotent": true })).await;
    run(&app, "note", json!(2)).await;
    forsake(&app);
    act(&app).await;
    assert_eq!(each(&runs(&app, "status").await, "status"), ["FAILED", "RETRIED", "COMPLETE"]);
    assert_eq!(taken(&called), [json!(2)]);
    // One that ends its process each time is given up.
    run(&app, "note", json!(3)).await;
    for _ in 0..9 {
        forsake(&app);
        app.another_process().module.deliver_due().await.expect("cleans");
    }
    act(&app).await;
    let died = "SELECT count(*) FROM task_management_functionrun WHERE error_name = 'zombieTaskCleaned' AND status = 'FAILED'";
    assert_eq!(app.count(died), 2);
    assert!(taken(&called).is_empty());
}

#[apply(on_both)]
async fn two_processes_share_the_runs_each_executes_so_many_at_once_and_none_is_executed_twice(
    backend: Backend,
) {
    let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (called, gate) = (Called::default(), Arc::new(Semaphore::new(0)));
    let build = || {
        let (busy, most) = (Arc::clone(&busy), Arc::clone(&most));
        let (called, gate) = (Arc::clone(&called), Arc::clone(&gate));
        move |builder: Builder| {
            builder.function("work", move |call| {
                let now = busy.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                called.lock().expect("nobody panicked").push(call.data.to_value());
                let (busy, gate) = (Arc::clone(&busy), Arc::clone(&gate));
                async move {
                    gate.acquire().await?.forget();
                    busy.fetch_sub(1, Ordering::SeqCst);
                    Ok(Json::Null)
                }
            })
        }
    };
    let app = TestApp::start_with(backend, quick, build()).await;
    make(&app, "work", json!({ "maxConcurrency": 2 })).await;
    let other = app.another_process_with(quick, build());
    let admin = app.module.requester("admin").await.expect("an administrator");
    let input = |number: i64| CreateFunctionRun {
        function_name: "work".to_owned(),
        data: json!(number).into(),
        ..CreateFunctionRun::default()
    };
    app.module.function_runs().create_many(&admin, (0..40).map(input).collect()).await.expect("runs");
    let stop = CancellationToken::new();
    let workers = [tokio::spawn(app.module.workers(&stop)), tokio::spawn(other.module.workers(&stop))];
    until("both have as many in hand as they may", || busy.load(Ordering::SeqCst) == 4).await;
    gate.add_permits(40);
    let complete = "SELECT count(*) FROM task_management_functionrun WHERE status = 'COMPLETE'";
    until("all are complete", || app.count(complete) == 40).await;
    assert_eq!(most.load(Ordering::SeqCst), 4, "two in each process");
    let called = taken(&called);
    let distinct: BTreeSet<i64> = called.iter().filter_map(Value::as_i64).collect();
    assert_eq!((called.len(), distinct.len()), (40, 40));
    assert_eq!(app.count("SELECT count(*) FROM task_management_functionrun WHERE attempts <> 1"), 0);
    stop.cancel();
    for worker in workers {
        worker.await.expect("the workers end");
    }
}

#[apply(on_both)]
async fn no_more_runs_of_a_function_are_begun_in_a_minute_than_it_allows(backend: Backend) {
    let (app, clock, called) = scene(backend, json!({ "runsPerMinute": 3 })).await;
    for number in 0..8 {
        run(&app, "note", json!(number)).await;
    }
    act(&app).await;
    assert_eq!(taken(&called).len(), 3);
    clock.advance(TimeDelta::seconds(59));
    act(&app).await;
    assert_eq!(taken(&called).len(), 0, "the others wait");
    for more in [3, 2, 0] {
        clock.advance(TimeDelta::seconds(60));
        act(&app).await;
        assert_eq!(taken(&called).len(), more);
    }
}

#[apply(on_both)]
async fn a_function_that_causes_itself_comes_to_an_end(backend: Backend) {
    let module: Arc<OnceLock<TaskManagement>> = Arc::default();
    let own = Arc::clone(&module);
    let failed = Called::default();
    let list = Arc::clone(&failed);
    // By itself, and by way of an event.
    let bus =
        Signals::builder().after("failed", [Signal::FunctionFailed, Signal::TaskCreate], move |event| {
            list.lock().expect("nobody panicked").push(json!([event.signal.as_str(), event.cause_depth]));
            async { Ok(()) }
        });
    let build = |builder: Builder| {
        builder.signals(bus).function("again", move |call| {
            let module = own.get().expect("it is built").clone();
            async move {
                let admin = module.requester("admin").await?;
                if call.cause_depth == 2 {
                    module.tasks().create(&admin, tasks_management::CreateTask::default()).await?;
                }
                let input =
                    CreateFunctionRun { function_name: "again".to_owned(), ..CreateFunctionRun::default() };
                let next = module.function_runs().create(&admin, input).await?;
                Ok(Json::from(json!(next.cause_depth)))
            }
        })
    };
    let app = TestApp::start_with(backend, |_| {}, build).await;
    assert!(module.set(app.module.clone()).is_ok());
    make(&app, "again", json!({})).await;
    run(&app, "again", Value::Null).await;
    act(&app).await;
    let found = runs(&app, "status causeDepth error { name }").await;
    assert_eq!(each(&found, "causeDepth"), (0..=9).map(|depth| json!(depth)).collect::<Vec<_>>());
    assert_eq!(found[8]["status"], "COMPLETE");
    assert_eq!((&found[9]["status"], &found[9]["error"]["name"]), (&json!("FAILED"), &json!("tooDeep")));
    assert_eq!(
        taken(&failed),
        [json!(["task_service.create", 3])],
        "nobody is told of the one that is too deep"
    );
    let depth = "SELECT count(*) FROM task_management_outbox WHERE cause_depth = 3";
    assert_eq!(app.count(depth), 1);
    // A program that a run has called says so itself.
    let input = json!({ "functionName": "again", "causeDepth": 9 });
    app.done("admin", "createFunctionRun", input).await;
    act(&app).await;
    assert_eq!(app.count("SELECT count(*) FROM task_management_functionrun WHERE error_name = 'tooDeep'"), 2);
}

#[apply(on_both)]
async fn a_run_that_is_under_way_is_ended_and_its_function_stops(backend: Backend) {
    let own = |settings: &mut Settings| {
        settings.outbox.poll_ms = 20;
        settings.outbox.lease_s = 3;
    };
    let (begun, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (noted, ended) = (Arc::clone(&begun), Arc::clone(&dropped));
    let build = move |builder: Builder| {
        builder.function("endless", move |_| {
            let counts = Counts(Arc::clone(&ended));
            noted.fetch_add(1, Ordering::Relaxed);
            async move {
                let _counts = counts;
                std::future::pending::<()>().await;
                Ok(Json::Null)
            }
        })
    };
    let app = TestApp::start_with(backend, own, build).await;
    let input = json!({ "name": "endless", "kind": "HANDLER", "timeLimit": 300, "isIdempotent": true });
    app.done("admin", "createTaskFunction", input).await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    app.done("admin", "createFunctionRun", json!({ "functionName": "endless" })).await;
    until("it is under way", || begun.load(Ordering::Relaxed) == 1).await;
    let id = runs(&app, "uuid").await.remove(0)["uuid"].clone();
    app.done("admin", "cancelFunctionRun", json!({ "ids": [id] })).await;
    until("its function has stopped", || dropped.load(Ordering::Relaxed) == 1).await;
    let found = runs(&app, "status error { name type }").await;
    assert_eq!(
        found,
        [json!({ "status": "FAILED", "error": { "name": "canceled", "type": "RUNTIME" } })],
        "it is not tried again, although its function is idempotent"
    );
    let again = app.refused("admin", "cancelFunctionRun", json!({ "ids": [id] })).await;
    assert_eq!(again, "CONFLICT ids");
    app.done("admin", "replayFunctionRun", json!({ "id": id })).await;
    until("it can be replayed", || begun.load(Ordering::Relaxed) == 2).await;
    let next = runs(&app, "uuid status").await.remove(1);
    app.done("admin", "cancelFunctionRun", json!({ "ids": [next["uuid"]] })).await;
    stop.cancel();
    workers.await.expect("the workers end");
}

/// Counts when it is dropped.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
