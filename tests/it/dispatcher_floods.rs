//! Somebody whose dispatchers have more done than there is time for: others get on meanwhile, and all of it is done in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::{Builder, Json, Settings};
use tokio_util::sync::CancellationToken;

use crate::support::scenario::user_id;
use crate::support::{Backend, Client, TestApp, apply, on_both, until};

/// How much somebody has done.
#[derive(Clone, Copy)]
struct Flood {
    dispatchers: usize,
    functions: usize,
}

/// How long others have waited at most, for each thing that they do: `shared` is a run of a function that the flood has run too.
#[derive(Debug, Default)]
struct Waits {
    login: Duration,
    vote: Duration,
    execution: Duration,
    shared: Duration,
    dispatcher: Duration,
    rounds: u32,
}

fn runs(app: &TestApp, condition: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM task_management_functionrun WHERE {condition}"))
}

/// The module with functions, two people who may have dispatchers, and those of `flooder`, each of which has all functions run.
async fn scene(backend: Backend, flood: Flood, called: &Arc<AtomicUsize>) -> TestApp {
    let own = Arc::clone(called);
    let build = move |builder: Builder| {
        let builder = builder.function("calm", |_| async { Ok(Json::Null) });
        (0..flood.functions).fold(builder, |builder, number| {
            let called = Arc::clone(&own);
            builder.function(&format!("f{number}"), move |_| {
                called.fetch_add(1, Ordering::SeqCst);
                async { Ok(Json::Null) }
            })
        })
    };
    let app =
        TestApp::start_with(backend, |settings: &mut Settings| settings.outbox.poll_ms = 20, build).await;
    let names = (0..flood.functions).map(|number| format!("f{number}")).chain(["calm".to_owned()]);
    for name in names {
        let function = json!({ "name": name, "kind": "HANDLER", "permissionMode": "allUsers", "runsPerMinute": 100_000 });
        app.done("admin", "createTaskFunction", function).await;
    }
    let person = |number: u8, name: &str| {
        json!({
            "id": format!("00000000-0000-7000-b000-0000000000{number}"), "username": name,
            "password": format!("{name}123"), "roles": ["Dispatching"],
        })
    };
    app.load(json!({
        "roles": [{ "id": 60, "name": "Dispatching", "rights": [191_001, 191_002, 191_005, 196_001, 196_002, 196_003] }],
        "users": [person(60, "flooder"), person(61, "other")],
    }))
    .await;
    let actions: Vec<Value> = (0..flood.functions)
        .map(|number| json!({ "kind": "FUNCTION", "functionName": format!("f{number}") }))
        .collect();
    for number in 0..flood.dispatchers {
        app.done(
            "flooder",
            "createTaskDispatcher",
            about("flood", &format!("flood {number}"), &json!(actions)),
        )
        .await;
    }
    let calm = json!([{ "kind": "FUNCTION", "functionName": "calm" }]);
    app.done("other", "createTaskDispatcher", about("calm", "calm", &calm)).await;
    app
}

fn about(source: &str, name: &str, actions: &Value) -> Value {
    let when = json!([{ "path": "/data/task/source", "op": "EQ", "value": format!("\"{source}\"") }]);
    json!({ "name": name, "signal": "task_service.create", "when": when, "actions": actions })
}

/// What others do while there is a flood, until it is over; and how long they wait.
async fn others(app: &TestApp, group: &str, is_over: &CancellationToken) -> Waits {
    let (mut voter, mut asker, mut other) =
        (app.user("exec1").await, app.user("exec2").await, app.user("other").await);
    let mut waits = Waits::default();
    let execute = "mutation { executeTaskFunction(input: { functionName: \"calm\" }) { run { status } } }";
    while !is_over.is_cancelled() {
        let task = app.task_in(group).await;
        let begun = Instant::now();
        app.user("exec3").await;
        waits.login = waits.login.max(begun.elapsed());
        let begun = Instant::now();
        let status = json!({ user_id("exec1"): "APPROVED" }).to_string();
        let vote = json!({ "id": task, "businessStatus": status });
        assert_eq!(voter.outcome("resolveTask", vote).await, "ok");
        waits.vote = waits.vote.max(begun.elapsed());
        let begun = Instant::now();
        let answer = asker.graphql(execute).await;
        assert_eq!(answer.data("executeTaskFunction")["run"]["status"], "COMPLETE", "{}", answer.text);
        waits.execution = waits.execution.max(begun.elapsed());
        let begun = Instant::now();
        let answer = asker.graphql(&execute.replace("calm", "f0")).await;
        assert_eq!(answer.data("executeTaskFunction")["run"]["status"], "COMPLETE", "{}", answer.text);
        waits.shared = waits.shared.max(begun.elapsed());
        let begun = Instant::now();
        let before = runs(app, "triggered_by = 'EVENT' AND function_name = 'calm'");
        create(&mut other, "calm").await;
        until("the dispatcher of somebody else has acted", || {
            runs(app, "triggered_by = 'EVENT' AND function_name = 'calm' AND status = 'COMPLETE'") > before
        })
        .await;
        waits.dispatcher = waits.dispatcher.max(begun.elapsed());
        waits.rounds += 1;
    }
    waits
}

async fn create(client: &mut Client, source: &str) {
    assert_eq!(client.outcome("createTask", json!({ "source": source })).await, "ok");
}

impl Waits {
    fn longest(&self) -> Duration {
        [self.login, self.vote, self.execution, self.shared, self.dispatcher]
            .into_iter()
            .max()
            .unwrap_or_default()
    }
}

#[apply(on_both)]
async fn others_get_on_while_the_dispatchers_of_one_person_are_told_of_a_flood_and_all_of_it_is_done_once(
    backend: Backend,
) {
    const TASKS: usize = 10;

    let called = Arc::new(AtomicUsize::new(0));
    let flood = Flood { dispatchers: 8, functions: 5 };
    let (deliveries, all) = (TASKS * flood.dispatchers, TASKS * flood.dispatchers * flood.functions);
    let app = scene(backend, flood, &called).await;
    let group = app.group("OTHERS", Any, &["exec1"]).await;
    let (stop, is_over) = (CancellationToken::new(), CancellationToken::new());
    let workers = tokio::spawn(app.module.workers(&stop));
    let mut flooder = app.user("flooder").await;
    for _ in 0..TASKS {
        create(&mut flooder, "flood").await;
    }
    let counted = |what: &str, condition: &str| {
        app.count(&format!(
            "SELECT count({what}) FROM task_management_outbox WHERE handler IN (SELECT 'dispatcher:' || CAST(id AS text) \
             FROM task_management_taskdispatcher WHERE name <> 'calm') \
             AND entity_id IN (SELECT id FROM task_management_task WHERE source = 'flood') AND {condition}"
        ))
    };
    let made = || usize::try_from(counted("*", "status = 'DELIVERED'")).expect("few");
    let (waits, most) = tokio::join!(others(&app, &group, &is_over), async {
        let (begun, mut most) = (Instant::now(), 0);
        while made() < deliveries && begun.elapsed() < Duration::from_secs(100) {
            most = most.max(counted("DISTINCT handler", "status = 'PENDING' AND leased_by IS NOT NULL"));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        is_over.cancel();
        most
    });
    assert_eq!(most, 1, "of so many dispatchers, one acts at a time");
    // All of it takes many times as long.
    assert!(waits.rounds > 1 && waits.longest() < Duration::from_secs(4), "{waits:?}");
    until("each run is executed", || {
        runs(&app, "triggered_by = 'EVENT' AND function_name <> 'calm' AND status <> 'COMPLETE'") == 0
    })
    .await;
    assert_eq!((made(), counted("*", "attempts <> 1")), (deliveries, 0), "waiting is no attempt");
    // The others call one of these functions, too, once a round.
    assert_eq!(called.load(Ordering::SeqCst), all + usize::try_from(waits.rounds).expect("few"));
    let added = runs(&app, "triggered_by = 'EVENT' AND function_name <> 'calm'");
    assert_eq!(usize::try_from(added).expect("few"), all);
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn what_waits_for_a_turn_is_in_no_hand_when_a_process_ends_and_is_made_once(backend: Backend) {
    let called = Arc::new(AtomicUsize::new(0));
    let app = scene(backend, Flood { dispatchers: 3, functions: 1 }, &called).await;
    let mut flooder = app.user("flooder").await;
    for _ in 0..30 {
        create(&mut flooder, "flood").await;
    }
    // By a process that serves by itself, and by hosts that schedule deliveries.
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    until("some are made", || runs(&app, "triggered_by = 'EVENT'") > 0).await;
    stop.cancel();
    workers.await.expect("the workers end");
    let held =
        "SELECT count(*) FROM task_management_outbox WHERE leased_by IS NOT NULL AND status = 'PENDING'";
    assert_eq!(app.count(held), 0, "who ends has nothing in hand any more");
    while app.module.deliver_due().await.expect("delivers") > 0 {}
    let counted = |condition: &str| {
        app.count(&format!("SELECT count(*) FROM task_management_outbox WHERE {condition}"))
    };
    assert_eq!(counted("handler LIKE 'dispatcher:%' AND (status <> 'DELIVERED' OR attempts <> 1)"), 0);
    assert_eq!(called.load(Ordering::SeqCst), 90);
}

#[apply(on_both)]
async fn who_is_disabled_does_nothing_more_once_that_is_answered_and_goes_on_when_enabled(backend: Backend) {
    const TASKS: usize = 60;

    let called = Arc::new(AtomicUsize::new(0));
    let flood = Flood { dispatchers: 1, functions: 10 };
    let app = scene(backend, flood, &called).await;
    let mut flooder = app.user("flooder").await;
    for _ in 0..TASKS {
        create(&mut flooder, "flood").await;
    }
    let dispatcher = flooder.rows("taskDispatcher", "(name: \"flood 0\")", "uuid").await.remove(0);
    let enable = |is_enabled: bool| json!({ "id": dispatcher["uuid"], "isEnabled": is_enabled });
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    let made = || usize::try_from(runs(&app, "triggered_by = 'EVENT'")).expect("few");
    until("some are made", || made() > 0).await;
    assert_eq!(flooder.outcome("updateTaskDispatcher", enable(false)).await, "ok");
    let then = made();
    assert!(then < TASKS * flood.functions, "all were made before");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(made(), then);
    let counted = |condition: &str| {
        app.count(&format!(
            "SELECT count(*) FROM task_management_outbox WHERE handler LIKE 'dispatcher:%' \
             AND handler IN (SELECT 'dispatcher:' || CAST(id AS text) FROM task_management_taskdispatcher WHERE name <> 'calm') \
             AND {condition}"
        ))
    };
    until("what waits is in no hand", || counted("leased_by IS NOT NULL") == 0).await;
    assert_eq!(flooder.outcome("updateTaskDispatcher", enable(true)).await, "ok");
    until("all are made", || made() == TASKS * flood.functions).await;
    until("all have ended", || counted("status <> 'DELIVERED'") == 0).await;
    assert_eq!(counted("attempts <> 1"), 0, "waiting is no attempt");
    stop.cancel();
    workers.await.expect("the workers end");
}
