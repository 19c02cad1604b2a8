//! Leases of deliveries whose process dies, or only seems to.

use std::sync::{Arc, Mutex};

use chrono::{NaiveDateTime, TimeDelta};
use serde_json::json;
use tasks_management::{Clock as _, CreateTask, ResolveTask, Settings, Signal, Signals, SystemClock};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::example::HookServer;
use crate::support::program::wait_until;
use crate::support::{Backend, TestApp, apply, on_both};

/// The row of the one delivery to the handler `slow`.
const SLOW: &str = "FROM task_management_outbox WHERE handler = 'slow'";

type Called = Arc<Mutex<Vec<(Uuid, NaiveDateTime)>>>;

fn quick(settings: &mut Settings) {
    settings.outbox.lease_s = 3;
    settings.outbox.poll_ms = 20;
}

/// Starts a module with a handler of the same name as one of the other process. It notes when it was called, and then waits
/// at a gate.
async fn start(backend: Backend, called: &Called, gate: &Arc<Semaphore>) -> TestApp {
    let (called, gate) = (Arc::clone(called), Arc::clone(gate));
    let bus = Signals::builder().after("slow", [Signal::TaskResolve], move |event| {
        called.lock().expect("nobody panicked").push((event.id, SystemClock.now()));
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await?.forget();
            Ok(())
        }
    });
    TestApp::start_with(backend, quick, |builder| builder.signals(bus)).await
}

/// Somebody votes; the other process calls its handler.
async fn vote(app: &TestApp) {
    let admin = app.module.requester("admin").await.expect("an administrator");
    let input = CreateTask { source: Some("PaymentService".to_owned()), ..CreateTask::default() };
    let task = app.module.tasks().create(&admin, input).await.expect("a task");
    let exec = app.module.requester("exec1").await.expect("an executor");
    let business_status = json!({ exec.id().to_string(): "APPROVED" }).into();
    let vote = ResolveTask { id: task.id, business_status, ..ResolveTask::default() };
    app.module.tasks().resolve_task(&exec, vote).await.expect("a vote");
    let calls = "SELECT count(*) FROM kill_call WHERE handler = 'slow'";
    wait_until("the other process has it in hand", || app.count(calls) == 1);
}

fn lease_until(app: &TestApp) -> NaiveDateTime {
    let text = app.text(&format!("SELECT CAST(lease_until AS text) AS value {SLOW}"));
    NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").expect("a moment")
}

#[apply(on_both)]
async fn a_delivery_of_a_killed_process_is_taken_over_when_its_lease_ends_and_no_sooner(backend: Backend) {
    let (called, gate) = (Called::default(), Arc::new(Semaphore::new(1)));
    let app = start(backend, &called, &gate).await;
    let server = HookServer::start(app.database_url(), 600_000, 3);
    vote(&app).await;
    server.kill();
    let until = lease_until(&app);
    assert!(until > SystemClock.now(), "the lease has ended before anybody could be too early");
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    let delivered = format!("SELECT count(*) {SLOW} AND status = 'DELIVERED' AND attempts = 2");
    wait_until("it is taken over", || app.count(&delivered) == 1);
    let (event, moment) = called.lock().expect("nobody panicked")[0];
    assert!(moment >= until, "{moment} is before the end of the lease, {until}");
    assert!(moment < until + TimeDelta::seconds(10), "{moment} is long after the end of the lease, {until}");
    assert_eq!(called.lock().expect("nobody panicked").len(), 1);
    let same = format!("SELECT count(*) FROM kill_call WHERE handler = 'slow' AND event_id = '{event}'");
    assert_eq!(app.count(&same), 1, "handlers can tell that it is the same event");
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn a_process_that_comes_back_late_marks_nothing_that_another_has_taken_over(backend: Backend) {
    let (called, gate) = (Called::default(), Arc::new(Semaphore::new(0)));
    let app = start(backend, &called, &gate).await;
    let server = HookServer::start(app.database_url(), 2_500, 3);
    vote(&app).await;
    server.signal("STOP");
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    wait_until("it is taken over", || called.lock().expect("nobody panicked").len() == 1);
    let owner = format!("SELECT CAST(leased_by AS text) AS value {SLOW} AND status = 'PENDING'");
    let taken_by = app.text(&owner);
    // The late worker tries to note that its work is finished, or learns before that it has lost it, whichever comes first.
    server.signal("CONT");
    server.finish();
    assert_eq!(app.text(&owner), taken_by);
    assert_eq!(app.count(&format!("SELECT count(*) {SLOW} AND last_error IS NULL")), 1);
    gate.add_permits(1);
    let delivered = format!("SELECT count(*) {SLOW} AND status = 'DELIVERED' AND attempts = 2");
    wait_until("it is delivered", || app.count(&delivered) == 1);
    stop.cancel();
    workers.await.expect("the workers end");
}
