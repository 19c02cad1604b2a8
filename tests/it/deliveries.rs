//! Deliveries to After-handlers across processes: leases, waking, stopping, and what operators do about them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::{Builder, CreateTask, FixedClock, Settings, Signal, Signals, SignalsBuilder};
use tokio_util::sync::CancellationToken;

use crate::support::program::run;
use crate::support::{Backend, TestApp, apply, on_both, until};

fn quick(settings: &mut Settings) {
    settings.outbox.lease_s = 1;
    settings.outbox.poll_ms = 20;
    settings.outbox.attempts = 1;
    settings.http.shutdown_grace_s = 1;
}

fn counted(bus: SignalsBuilder, calls: &Arc<AtomicUsize>, takes: Duration) -> SignalsBuilder {
    let calls = Arc::clone(calls);
    bus.after("counted", [Signal::TaskCreate], move |_| {
        calls.fetch_add(1, Ordering::SeqCst);
        async move {
            tokio::time::sleep(takes).await;
            Ok(())
        }
    })
}

async fn create(app: &TestApp) {
    let admin = app.module.requester("admin").await.expect("an administrator");
    app.module.tasks().create(&admin, CreateTask::default()).await.expect("a task");
}

fn with_status(app: &TestApp, status: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM task_management_outbox WHERE status = '{status}'"))
}

#[apply(on_both)]
async fn a_slow_handler_keeps_its_delivery_while_its_worker_lives(backend: Backend) {
    let calls = Arc::default();
    let takes = Duration::from_millis(2_500);
    let bus = || counted(Signals::builder(), &calls, takes);
    let app = TestApp::start_with(backend, quick, |builder| builder.signals(bus())).await;
    let other = app.another_process_with(quick, |builder| builder.signals(bus()));
    let stop = CancellationToken::new();
    let workers = [tokio::spawn(app.module.workers(&stop)), tokio::spawn(other.module.workers(&stop))];
    create(&app).await;
    until("it is delivered", || with_status(&app, "DELIVERED") == 1).await;
    assert_eq!(calls.load(Ordering::SeqCst), 1, "the lease of a second was renewed");
    stop.cancel();
    for worker in workers {
        worker.await.expect("the workers end");
    }
}

#[apply(on_both)]
async fn retries_of_a_handler_follow_the_schedule_of_the_settings_then_it_is_dead(backend: Backend) {
    let clock = FixedClock::new("2026-03-01T08:00:00".parse().expect("a moment"));
    let calls = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&calls);
    let bus = Signals::builder().after("fails", [Signal::TaskCreate], move |_| {
        counting.fetch_add(1, Ordering::SeqCst);
        async { Err("on purpose".into()) }
    });
    let app = TestApp::start_with(
        backend,
        |settings| {
            settings.outbox.attempts = 5;
            settings.outbox.first_pause_ms = 10_000;
            settings.outbox.longest_pause_s = 30;
        },
        |builder| builder.clock(clock.clone()).signals(bus),
    )
    .await;
    create(&app).await;
    let called = async || {
        app.module.deliver_due().await.expect("deliveries");
        calls.load(Ordering::SeqCst)
    };
    assert_eq!(called().await, 1, "at once");
    // Pauses double up to the longest, each with at most a quarter more.
    for (tried, pause_s) in [(1, 10), (2, 20), (3, 30), (4, 30)] {
        clock.advance(TimeDelta::milliseconds(pause_s * 1_000 - 1));
        assert_eq!(called().await, tried, "not before {pause_s} s have passed");
        clock.advance(TimeDelta::milliseconds(pause_s * 250 + 1));
        assert_eq!(called().await, tried + 1, "after {pause_s} s");
    }
    assert_eq!((with_status(&app, "PENDING"), with_status(&app, "DEAD")), (0, 1));
    clock.advance(TimeDelta::days(1));
    assert_eq!(called().await, 5, "and never again");
}

#[apply(on_both)]
async fn delivered_events_are_kept_for_the_days_of_the_setting_and_others_stay(backend: Backend) {
    let clock = FixedClock::new("2026-03-01T08:00:00".parse().expect("a moment"));
    let calls = Arc::default();
    let bus =
        counted(Signals::builder(), &calls, Duration::ZERO)
            .after("fails", [Signal::TaskCreate], |_| async { Err("on purpose".into()) });
    let app = TestApp::start_with(
        backend,
        |settings| {
            quick(settings);
            settings.outbox.keep_days = 7;
        },
        |builder| builder.clock(clock.clone()).signals(bus),
    )
    .await;
    for _ in 0..2 {
        create(&app).await;
        app.module.deliver_due().await.expect("deliveries");
        clock.advance(TimeDelta::days(4));
    }
    assert_eq!((with_status(&app, "DELIVERED"), with_status(&app, "DEAD")), (2, 2));
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    until("the older one is forgotten", || with_status(&app, "DELIVERED") == 1).await;
    stop.cancel();
    workers.await.expect("the workers end");
    let kept = app.user("admin").await.rows("taskEvents", "(status: DELIVERED)", "dateCreated").await;
    assert_eq!(kept[0]["dateCreated"], "2026-03-05T08:00:00");
    assert_eq!(with_status(&app, "DEAD"), 2, "what was not delivered stays");
}

#[apply(on_both)]
async fn a_handler_that_takes_minutes_holds_up_neither_its_other_deliveries_nor_other_handlers(
    backend: Backend,
) {
    let (first, others) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let bus = {
        let first = Arc::clone(&first);
        counted(Signals::builder(), &others, Duration::ZERO).after("stuck", [Signal::TaskCreate], move |_| {
            let is_first = first.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if is_first {
                    // This blocks the thread, which a handler must not do.
                    std::thread::sleep(Duration::from_secs(4));
                }
                Ok(())
            }
        })
    };
    let app = TestApp::start_with(backend, quick, |builder| builder.signals(bus)).await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    for _ in 0..5 {
        create(&app).await;
    }
    until("all others are delivered", || with_status(&app, "DELIVERED") == 9).await;
    assert_eq!((others.load(Ordering::SeqCst), first.load(Ordering::SeqCst)), (5, 5));
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn a_handler_that_takes_too_long_has_failed(backend: Backend) {
    let calls = Arc::default();
    let bus = counted(Signals::builder(), &calls, Duration::from_secs(600));
    let settings = |settings: &mut Settings| {
        quick(settings);
        settings.outbox.handler_timeout_s = 1;
    };
    let app = TestApp::start_with(backend, settings, |builder| builder.signals(bus)).await;
    create(&app).await;
    assert_eq!(app.module.deliver_due().await.expect("delivers"), 1);
    let dead = "SELECT count(*) FROM task_management_outbox WHERE status = 'DEAD' AND last_error LIKE '%longer than 1 s%'";
    assert_eq!(app.count(dead), 1);
}

/// An administrator has all dead deliveries made again.
async fn replay_dead(app: &TestApp) {
    let mut admin = app.user("admin").await;
    let dead = admin.rows("taskEvents", "(status: DEAD)", "id").await;
    let ids: Vec<&Value> = dead.iter().map(|event| &event["id"]).collect();
    assert_eq!(admin.outcome("replayTaskEvents", json!({ "ids": ids })).await, "ok");
}

/// A handler blocks while this value lives. The value ends with the test, so that a failing test does not wait for its
/// threads.
struct Blocked(Arc<AtomicBool>);

impl Drop for Blocked {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[apply(on_both)]
async fn a_handler_that_blocks_for_ever_takes_no_more_than_its_places_and_no_event_is_lost(backend: Backend) {
    let (calls, others) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let blocked = Blocked(Arc::new(AtomicBool::new(true)));
    let bus = {
        let (calls, blocks) = (Arc::clone(&calls), Arc::clone(&blocked.0));
        counted(Signals::builder(), &others, Duration::ZERO).after("stuck", [Signal::TaskCreate], move |_| {
            calls.fetch_add(1, Ordering::SeqCst);
            while blocks.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(10));
            }
            async { Ok(()) }
        })
    };
    let settings = |settings: &mut Settings| {
        quick(settings);
        settings.outbox.handler_timeout_s = 1;
    };
    let app = TestApp::start_with(backend, settings, |builder| builder.signals(bus)).await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    for _ in 0..25 {
        create(&app).await;
    }
    until("what took too long is dead", || with_status(&app, "DEAD") == 20).await;
    // The handler's threads can't be taken back, so it gets no more of them. Everything else goes on.
    create(&app).await;
    until("others are delivered", || with_status(&app, "DELIVERED") == 26).await;
    assert_eq!((calls.load(Ordering::SeqCst), with_status(&app, "PENDING")), (20, 6));
    assert_eq!(app.module.deliver_due().await.expect("hosts that deliver themselves wait too"), 0);
    drop(blocked);
    until("the rest is delivered without a restart", || with_status(&app, "DELIVERED") == 32).await;
    replay_dead(&app).await;
    until("all of it is delivered", || with_status(&app, "DELIVERED") == 52).await;
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn a_handler_that_awaits_for_ever_is_given_up_at_each_attempt_and_no_event_is_lost(backend: Backend) {
    let (calls, others) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let waits = Arc::new(AtomicBool::new(true));
    let bus = {
        let (calls, waits) = (Arc::clone(&calls), Arc::clone(&waits));
        counted(Signals::builder(), &others, Duration::ZERO).after("stuck", [Signal::TaskCreate], move |_| {
            calls.fetch_add(1, Ordering::SeqCst);
            let waits = Arc::clone(&waits);
            async move {
                if waits.load(Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                Ok(())
            }
        })
    };
    let settings = |settings: &mut Settings| {
        quick(settings);
        settings.outbox.handler_timeout_s = 1;
        settings.outbox.attempts = 2;
        settings.outbox.first_pause_ms = 1;
    };
    let app = TestApp::start_with(backend, settings, |builder| builder.signals(bus)).await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    for _ in 0..25 {
        create(&app).await;
    }
    // More deliveries than permits: a permit is free again when its call is given up.
    until("all of it is dead, and others are delivered", || {
        with_status(&app, "DEAD") == 25 && with_status(&app, "DELIVERED") == 25
    })
    .await;
    assert_eq!((calls.load(Ordering::SeqCst), others.load(Ordering::SeqCst)), (50, 25));
    waits.store(false, Ordering::SeqCst);
    replay_dead(&app).await;
    until("all of it is delivered", || with_status(&app, "DELIVERED") == 50).await;
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn what_is_in_hand_when_the_grace_ends_is_handed_back(backend: Backend) {
    let calls = Arc::default();
    let bus = counted(Signals::builder(), &calls, Duration::from_secs(600));
    let app = TestApp::start_with(backend, quick, |builder| builder.signals(bus)).await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    create(&app).await;
    until("it is in hand", || calls.load(Ordering::SeqCst) == 1).await;
    stop.cancel();
    workers.await.expect("the workers end");
    let free = "SELECT count(*) FROM task_management_outbox WHERE status = 'PENDING' AND leased_by IS NULL";
    assert_eq!(app.count(free), 1);
}

#[apply(on_both)]
async fn workers_are_woken_by_what_is_left_for_them_also_by_another_process(backend: Backend) {
    let seldom = |settings: &mut Settings| settings.outbox.poll_ms = 600_000;
    let calls = Arc::default();
    let bus = || counted(Signals::builder(), &calls, Duration::ZERO);
    let app = TestApp::start_with(backend, seldom, |builder| builder.signals(bus())).await;
    // SQLite is one process.
    let other = match backend {
        Backend::Postgres => Some(app.another_process_with(seldom, |builder| builder.signals(bus()))),
        Backend::Sqlite => None,
    };
    let stop = CancellationToken::new();
    let workers = tokio::spawn(other.as_ref().unwrap_or(&app).module.workers(&stop));
    // The first may come while the connection is not yet listened to.
    until("a delivery is made", || {
        let delivered = with_status(&app, "DELIVERED");
        if delivered == 0 {
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(create(&app)));
        }
        delivered > 0
    })
    .await;
    let before = with_status(&app, "DELIVERED");
    create(&app).await;
    until("the next one is made", || with_status(&app, "DELIVERED") > before).await;
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn operators_see_dead_events_make_them_again_and_give_them_up(backend: Backend) {
    let bus = |fails: bool| {
        Signals::builder().after("books", [Signal::TaskCreate], move |_| async move {
            if fails { Err("the books are closed".into()) } else { Ok(()) }
        })
    };
    let app = TestApp::start_with(backend, quick, |builder: Builder| builder.signals(bus(true))).await;
    create(&app).await;
    create(&app).await;
    assert_eq!(app.module.deliver_due().await.expect("delivers"), 2);
    let mut admin = app.user("admin").await;
    let fields =
        "id eventId handler signal status attempts lastError entityId user { username } dateDelivered data";
    let dead = admin.rows("taskEvents", "(status: DEAD, handler: \"books\")", fields).await;
    assert_eq!(dead.len(), 2);
    assert_eq!(dead[0]["lastError"], json!("the books are closed"));
    assert_eq!(dead[0]["signal"], json!("task_service.create"));
    let ids: Vec<&Value> = dead.iter().map(|event| &event["id"]).collect();

    let mut triage = app.user("triage").await;
    assert_eq!(triage.outcome("replayTaskEvents", json!({ "ids": ids })).await, "FORBIDDEN");
    assert_eq!(triage.outcome("discardTaskEvents", json!({ "ids": ids })).await, "FORBIDDEN");
    assert_eq!(admin.outcome("replayTaskEvents", json!({ "ids": [ids[0], "987654"] })).await, "NOT_FOUND");
    assert_eq!(with_status(&app, "DEAD"), 2, "all or none");
    assert_eq!(admin.outcome("discardTaskEvents", json!({ "ids": [ids[1]] })).await, "ok");
    assert_eq!(admin.outcome("replayTaskEvents", json!({ "ids": [ids[0]] })).await, "ok");
    let mended = app.another_process_with(quick, |builder| builder.signals(bus(false)));
    assert_eq!(mended.module.deliver_due().await.expect("delivers"), 1);
    assert_eq!((with_status(&app, "DELIVERED"), with_status(&app, "DISCARDED")), (1, 1));
    let told = admin.rows("taskEvents", "(handler: \"books\", orderBy: \"id\")", "lastError").await;
    let forgotten_once_it_went_well =
        [json!({ "lastError": null }), json!({ "lastError": "the books are closed" })];
    assert_eq!(told, forgotten_once_it_went_well);
    let refused = admin.outcome("discardTaskEvents", json!({ "ids": [ids[0]] })).await;
    assert_eq!(refused, "CONFLICT", "what was delivered can't be given up");
    let again = admin.rows("taskEvents", "(status: DELIVERED)", "eventId attempts").await;
    assert_eq!((&again[0]["eventId"], &again[0]["attempts"]), (&dead[0]["eventId"], &json!(1)));
}

#[apply(on_both)]
async fn the_command_line_shows_events_makes_them_again_and_gives_them_up(backend: Backend) {
    let bus = Signals::builder()
        .after("books", [Signal::TaskCreate], |_| async { Err("the books are closed".into()) });
    let app = TestApp::start_with(backend, quick, |builder: Builder| builder.signals(bus)).await;
    create(&app).await;
    create(&app).await;
    assert_eq!(app.module.deliver_due().await.expect("delivers"), 2);
    let events = |args: &[&str]| {
        let output = run(app.database_url(), &[&["events"], args].concat());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (output.status.success(), text(output.stdout), text(output.stderr))
    };
    let (_, listed, _) = events(&["list", "--status", "dead", "--handler", "books"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.contains("the books are closed")), "{listed}");
    let keys: Vec<&str> = lines.iter().map(|line| line.split('\t').next().expect("a key")).collect();
    assert!(events(&["replay", keys[0]]).0);
    assert!(events(&["discard", keys[1]]).0);
    assert_eq!((with_status(&app, "PENDING"), with_status(&app, "DISCARDED")), (1, 1));
    let (worked, _, reason) = events(&["replay", "987654"]);
    assert!(!worked && reason.contains("987654"), "{reason}");
    let (worked, _, reason) = events(&["list", "--status", "lost"]);
    assert!(!worked && reason.contains("PENDING, DELIVERED, DEAD, DISCARDED"), "{reason}");
    assert_eq!(events(&["list", "--handler", "nobody"]).1.trim(), "no events");
}
