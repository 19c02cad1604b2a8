//! Events on their way to receivers of webhooks: what receivers are sent, when the server tries again, and what happens to
//! receivers that behave badly.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::{Builder, Clock, CreateTask, FixedClock, Settings, SystemClock};
use tokio_util::sync::CancellationToken;

use crate::support::receiver::{Manner, Received, Receiver};
use crate::support::scenario::each;
use crate::support::{Backend, TestApp, apply, on_both, stable, until};

/// The receivers of tests stand on this machine.
pub fn nearby(settings: &mut Settings) {
    settings.webhooks.allow_http = true;
    settings.webhooks.allow_private_addresses = true;
    settings.webhooks.timeout_s = 1;
    settings.outbox.poll_ms = 20;
}

/// Does the same with a clock that stands still at the present moment, so that the specification's library accepts it.
pub async fn with_clock(backend: Backend) -> (TestApp, FixedClock) {
    let clock = FixedClock::new(SystemClock.now());
    let own = clock.clone();
    let app = TestApp::start_with(backend, nearby, |builder: Builder| builder.clock(own)).await;
    (app, clock)
}

/// Makes an endpoint; returns its key and its secret.
pub async fn endpoint(app: &TestApp, name: &str, url: &str, events: &[&str]) -> (String, String) {
    let mut admin = app.user("admin").await;
    let query = "mutation($input: CreateWebhookEndpointMutationInput!) { createWebhookEndpoint(input: $input) { secret } }";
    let input = json!({ "name": name, "url": url, "events": events });
    let answer = admin.graphql_with(query, json!({ "input": input })).await;
    let secret = answer.data("createWebhookEndpoint")["secret"].as_str();
    let secret = secret.unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
    let rows = admin.rows("webhookEndpoints", &format!("(name: {name:?})"), "uuid").await;
    (rows[0]["uuid"].as_str().expect("a key").to_owned(), secret)
}

async fn deliver(app: &TestApp) -> usize {
    app.module.deliver_due().await.expect("delivers")
}

/// The attempts to tell an endpoint, oldest first.
async fn attempts(app: &TestApp, endpoint: &str) -> Vec<Value> {
    let fields = "attempt signal eventId entityId date statusCode error response durationMs deliveryId";
    let arguments = format!("(endpointId: \"{endpoint}\", orderBy: \"id\")");
    app.user("admin").await.rows("webhookAttempts", &arguments, fields).await
}

async fn row(app: &TestApp, endpoint: &str) -> Value {
    let fields =
        "name url events isActive isConfigured disabledReason dateDisabled failingSince oldSecretValidUntil";
    let rows =
        app.user("admin").await.rows("webhookEndpoints", &format!("(id: \"{endpoint}\")"), fields).await;
    rows.into_iter().next().unwrap_or_default()
}

fn with_status(app: &TestApp, status: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM task_management_outbox WHERE status = '{status}'"))
}

/// When the one delivery is due.
async fn due(app: &TestApp) -> NaiveDateTime {
    let rows = app.user("admin").await.rows("taskEvents", "", "dateDue").await;
    let text = rows[0]["dateDue"].as_str().expect("a moment");
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").expect("a moment")
}

#[apply(on_both)]
async fn a_decision_reaches_the_receiver_signed_and_as_a_superuser_sees_it(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    let (id, secret) = endpoint(&app, "books", &receiver.url, &["task_service.complete_task"]).await;
    let group = app.group("DECIDERS", Any, &["exec1"]).await;
    let input = CreateTask {
        task_group_id: Some(group.parse().expect("a key")),
        source: Some("books".to_owned()),
        data: Some(json!({ "amount": 7 }).into()),
        ..CreateTask::default()
    };
    let task = app.task(input).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(deliver(&app).await, 1, "of all events only the one that it asked for");

    let [told] = receiver.received().try_into().expect("one request");
    assert!(told.header("user-agent").starts_with("tasks-management/"), "{told:?}");
    assert!(told.is_signed_with(&secret));
    assert!(!told.is_signed_with("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"));
    let body = told.json();
    let known = [("task", task.as_str()), ("group", &group)];
    let request = json!([told.line, told.header("content-type"), body]);
    insta::assert_snapshot!("request", stable(&request, &known));
    let fields = "id uuid isDeleted jsonExt dateCreated dateUpdated version source entityId entityString status priority \
                  executorActionEvent businessStatus businessEvent data businessDataSerializer businessData \
                  userCreated { id username otherNames lastName } userUpdated { id username otherNames lastName } \
                  taskGroup { id uuid code } flow { id uuid code name version } currentStep { id uuid order } dueDate followUpDate dateOpened";
    let shown = app.user("admin").await.rows("task", &format!("(id: \"{task}\")"), fields).await.remove(0);
    assert_eq!(body["data"]["task"], shown);

    let [made] = attempts(&app, &id).await.try_into().expect("one attempt");
    assert_eq!(
        (&made["attempt"], &made["statusCode"], &made["error"]),
        (&json!(1), &json!(204), &Value::Null)
    );
    assert_eq!((&made["eventId"], &made["entityId"]), (&json!(told.header("webhook-id")), &json!(task)));
    let event = app.user("admin").await.rows("taskEvents", "", "id eventId handler status").await.remove(0);
    assert_eq!(
        event,
        json!({ "id": made["deliveryId"], "eventId": made["eventId"], "handler": format!("webhook:{id}"), "status": "DELIVERED" })
    );
}

#[apply(on_both)]
async fn groups_executors_and_flows_are_shown_in_the_same_way(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    let events = ["task_group_service.create", "task_executor_service.create", "task_flow_service.create"];
    let (_, secret) = endpoint(&app, "rows", &receiver.url, &events).await;
    let group = app.group("SHOWN", Any, &["exec1"]).await;
    let flow = app.flow("WAY", &[&group]).await;
    assert_eq!(deliver(&app).await, 3);
    let told = receiver.received();
    assert!(told.iter().all(|told| told.is_signed_with(&secret)));
    let data = |event: &str| {
        let found = told.iter().map(Received::json).find(|body| body["type"] == event);
        found.unwrap_or_else(|| panic!("{event} was not told"))["data"].clone()
    };
    insta::assert_snapshot!("told", stable(&json!(events.map(data)), &[("group", &group), ("flow", &flow)]));
}

#[apply(on_both)]
async fn retries_follow_the_schedule_then_the_delivery_is_dead_and_a_replay_begins_anew(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let receiver = Receiver::start().await;
    receiver.answer(500);
    let (id, _) = endpoint(&app, "books", &receiver.url, &[]).await;
    app.task(CreateTask::default()).await;
    let mut pauses = Vec::new();
    for attempt in 1..=8 {
        assert_eq!(deliver(&app).await, 1, "attempt {attempt}");
        let pause = due(&app).await - clock.now();
        if attempt < 8 {
            clock.advance(pause - TimeDelta::milliseconds(1));
            assert_eq!(deliver(&app).await, 0, "not before it is due");
            clock.advance(TimeDelta::milliseconds(1));
            pauses.push(pause);
        }
    }
    for (pause, least) in pauses.iter().zip([5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]) {
        assert!(
            *pause >= TimeDelta::seconds(least) && *pause <= TimeDelta::milliseconds(least * 1_100),
            "{pauses:?}"
        );
    }
    assert_eq!((with_status(&app, "DEAD"), receiver.count()), (1, 8));
    clock.advance(TimeDelta::days(1));
    assert_eq!(deliver(&app).await, 0, "dead is dead");

    let told = receiver.received();
    assert!(
        told.iter().all(|other| other.header("webhook-id") == told[0].header("webhook-id")),
        "one event, one id"
    );
    assert!(told.iter().all(|other| other.body == told[0].body), "and one body");
    let moments: Vec<i64> =
        told.iter().map(|told| told.header("webhook-timestamp").parse().expect("seconds")).collect();
    assert!(
        moments.windows(2).all(|two| two[1] >= two[0] + 5),
        "each attempt says its own moment: {moments:?}"
    );
    let made = attempts(&app, &id).await;
    assert_eq!(each(&made, "attempt"), (1..=8).map(|n| json!(n)).collect::<Vec<_>>());
    assert!(made.iter().all(|made| made["statusCode"] == 500 && made["error"] == "HTTP 500"), "{made:?}");
    assert!(made.iter().all(|made| made["response"] == "this is 500"), "{made:?}");

    receiver.answer(200);
    let mut admin = app.user("admin").await;
    let dead = admin.rows("taskEvents", "(status: DEAD)", "id lastError").await;
    assert_eq!(dead[0]["lastError"], "HTTP 500");
    assert_eq!(admin.outcome("replayTaskEvents", json!({ "ids": [dead[0]["id"]] })).await, "ok");
    assert_eq!(deliver(&app).await, 1);
    assert_eq!((with_status(&app, "DELIVERED"), receiver.count()), (1, 9));
    assert_eq!(receiver.received()[8].header("webhook-id"), told[0].header("webhook-id"));
    assert_eq!(attempts(&app, &id).await[8]["attempt"], 1);
}

#[apply(on_both)]
async fn a_receiver_that_asks_for_a_longer_pause_gets_it(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let receiver = Receiver::start().await;
    receiver.be(Manner::Answers(503, "retry-after: 1000\r\n".to_owned()));
    endpoint(&app, "books", &receiver.url, &[]).await;
    app.task(CreateTask::default()).await;
    assert_eq!(deliver(&app).await, 1);
    assert_eq!(due(&app).await - clock.now(), TimeDelta::seconds(1_000));
    receiver.be(Manner::Answers(429, "retry-after: 99999999\r\n".to_owned()));
    clock.advance(TimeDelta::seconds(1_000));
    assert_eq!(deliver(&app).await, 1);
    assert_eq!(due(&app).await - clock.now(), TimeDelta::days(1), "but not for ever");
}

#[apply(on_both)]
async fn bad_receivers_cost_little_lose_nothing_and_recover_without_a_restart(backend: Backend) {
    let settings = |settings: &mut Settings| {
        nearby(settings);
        settings.webhooks.retry_pauses_s = vec![1; 50];
    };
    let app = TestApp::start_with(backend, settings, |builder| builder).await;
    let (bad, good) = (Receiver::start().await, Receiver::start().await);
    let (id, secret) = endpoint(&app, "bad", &bad.url, &[]).await;
    endpoint(&app, "good", &good.url, &[]).await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    let manners = [
        (Manner::Silent, "no answer within 1 s"),
        (Manner::Answers(500, String::new()), "HTTP 500"),
        (Manner::Resets, ""),
        (Manner::Endless(500), "HTTP 500"),
        (Manner::EndlessHead, ""),
    ];
    for (round, (manner, reason)) in manners.into_iter().enumerate() {
        bad.be(manner.clone());
        let (before, round) = (bad.count(), i64::try_from(round).expect("few"));
        app.task(CreateTask::default()).await;
        until("it was tried twice", || bad.count() >= before + 2).await;
        until("the others were told", || good.count() == usize::try_from(round).expect("few") + 1).await;
        let recorded = format!(
            "SELECT count(*) FROM task_management_webhookattempt WHERE error LIKE '%{reason}%' AND endpoint_id = '{id}' \
             AND delivery_id IN (SELECT id FROM task_management_outbox WHERE status = 'PENDING')"
        );
        until(&format!("{manner:?} is recorded"), || app.count(&recorded) >= 1).await;
        // What the network takes into its buffers, and no more.
        assert!(bad.written() < 100 * 1024 * 1024, "{manner:?}: {} bytes", bad.written());
        bad.answer(200);
        until("it has recovered", || with_status(&app, "DELIVERED") == 2 * (round + 1)).await;
    }
    // A receiver whose body does not end has accepted the event by its status.
    for manner in [Manner::Endless(200), Manner::Drips] {
        let before = with_status(&app, "DELIVERED");
        bad.be(manner);
        app.task(CreateTask::default()).await;
        until("it is delivered", || with_status(&app, "DELIVERED") == before + 2).await;
    }
    assert_eq!(with_status(&app, "PENDING") + with_status(&app, "DEAD"), 0);
    let created: std::collections::BTreeSet<String> =
        bad.received().iter().map(|told| told.header("webhook-id").to_owned()).collect();
    assert_eq!(created.len(), 7, "no event is lost");
    assert!(bad.received().iter().all(|told| told.is_signed_with(&secret)));
    let longest =
        app.count("SELECT CAST(max(length(response)) AS bigint) FROM task_management_webhookattempt");
    assert!((1..=1_024).contains(&longest), "{longest}");
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn claims_and_failures_of_many_deliveries_are_written_together(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    receiver.answer(500);
    endpoint(&app, "bad", &receiver.url, &["task_service.create"]).await;
    for _ in 0..20 {
        app.task(CreateTask::default()).await;
    }
    let attempted =
        || app.count("SELECT count(*) FROM task_management_webhookattempt WHERE status_code = 500");
    let waiting = || {
        app.count("SELECT count(*) FROM task_management_outbox WHERE status = 'PENDING' AND attempts = 1 AND leased_by IS NULL")
    };
    let counted = app.counted_process_with(nearby);
    counted.statements();
    counted.module.deliver_due().await.expect("delivers");
    assert_eq!((attempted(), waiting()), (20, 20), "each is recorded, and due again");
    let sent = counted.statements();
    let commits = sent.iter().filter(|text| *text == "COMMIT").count();
    // One for each claim and one for each result would be 40. Results are written together only if they wait for each other,
    // which those of a slow receiver seldom do.
    assert!((2..30).contains(&commits), "{commits} transactions for 20 attempts");
}

#[apply(on_both)]
async fn an_endpoint_that_fails_is_tried_with_one_event_at_a_time_until_one_succeeds(backend: Backend) {
    const PAUSE: Duration = Duration::from_millis(300);
    let settings = |settings: &mut Settings| {
        nearby(settings);
        settings.outbox.poll_ms = u64::try_from(PAUSE.as_millis()).expect("short");
    };
    let app = TestApp::start_with(backend, settings, |builder| builder).await;
    let receiver = Receiver::start().await;
    receiver.answer(500);
    endpoint(&app, "bad", &receiver.url, &["task_service.create"]).await;
    app.task(CreateTask::default()).await;
    deliver(&app).await;
    for _ in 0..25 {
        app.task(CreateTask::default()).await;
    }
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    until("it is tried again", || receiver.count() >= 2).await;
    let begun = std::time::Instant::now();
    until("it is tried thrice more", || receiver.count() >= 5).await;
    // The first of them may have come before we looked.
    assert!(begun.elapsed() >= PAUSE * 2, "{:?}", begun.elapsed());
    receiver.answer(200);
    until("the others are told", || with_status(&app, "DELIVERED") >= 20).await;
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn one_result_that_cant_be_written_loses_none_of_the_others(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    endpoint(&app, "good", &receiver.url, &["task_service.create"]).await;
    for _ in 0..10 {
        app.task(CreateTask::default()).await;
    }
    let first =
        app.number("SELECT min(id) AS value FROM task_management_outbox WHERE handler LIKE 'webhook:%'");
    let refused = format!("id = {first} AND status = 'DELIVERED'");
    app.run(&match backend {
        Backend::Postgres => {
            format!("ALTER TABLE task_management_outbox ADD CHECK (NOT ({refused})) NOT VALID")
        }
        Backend::Sqlite => format!(
            "CREATE TRIGGER refuse BEFORE UPDATE ON task_management_outbox WHEN new.{} \
             BEGIN SELECT RAISE(ABORT, 'refused'); END",
            refused.replace("status", "new.status")
        ),
    });
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    until("all are told", || receiver.count() == 10).await;
    until("all others are noted", || with_status(&app, "DELIVERED") == 9).await;
    assert_eq!(with_status(&app, "PENDING"), 1);
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn a_failing_event_holds_up_later_ones_of_its_task_only(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let receiver = Receiver::start().await;
    endpoint(&app, "books", &receiver.url, &[]).await;
    receiver.answer(500);
    let task = app.task(CreateTask::default()).await;
    assert_eq!(deliver(&app).await, 1);
    assert_eq!(app.user("admin").await.outcome("deleteTask", json!({ "ids": [task] })).await, "ok");
    receiver.answer(200);
    let other = app.task(CreateTask::default()).await;
    assert_eq!(deliver(&app).await, 1);
    assert_eq!(receiver.received()[1].json()["data"]["task"]["uuid"], json!(other));
    clock.advance(TimeDelta::seconds(6));
    assert_eq!(deliver(&app).await, 2);
    let told: Vec<Value> = receiver.received()[2..].iter().map(Received::json).collect();
    assert_eq!(each(&told, "type"), [json!("task_service.create"), json!("task_service.delete")]);
    assert!(told.iter().all(|told| told["data"]["task"]["uuid"] == json!(task)), "{told:?}");
}

#[apply(on_both)]
async fn redirects_are_not_followed(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    let (id, _) = endpoint(&app, "books", &receiver.url, &[]).await;
    receiver.be(Manner::Answers(307, format!("location: {}\r\n", elsewhere.url)));
    app.task(CreateTask::default()).await;
    assert_eq!(deliver(&app).await, 1);
    assert_eq!((receiver.count(), elsewhere.connections()), (1, 0));
    assert_eq!(attempts(&app, &id).await[0]["error"], "HTTP 307");
    assert_eq!(with_status(&app, "PENDING"), 1);
}

#[apply(on_both)]
async fn a_receiver_that_is_gone_is_told_no_more_until_somebody_says_so(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let receiver = Receiver::start().await;
    let (id, _) = endpoint(&app, "books", &receiver.url, &[]).await;
    receiver.answer(410);
    app.task(CreateTask::default()).await;
    assert_eq!(deliver(&app).await, 1);
    let disabled = row(&app, &id).await;
    assert_eq!((&disabled["isActive"], disabled["dateDisabled"].is_string()), (&json!(false), true));
    assert!(disabled["disabledReason"].as_str().is_some_and(|reason| reason.contains("410")), "{disabled}");
    receiver.answer(200);
    app.task(CreateTask::default()).await;
    clock.advance(TimeDelta::days(2));
    assert_eq!((deliver(&app).await, receiver.count()), (0, 1), "nothing is tried");
    assert_eq!(with_status(&app, "PENDING"), 1, "what waited stays to be seen, and nothing new is left");

    let mut admin = app.user("admin").await;
    assert_eq!(admin.outcome("updateWebhookEndpoint", json!({ "id": id, "isActive": true })).await, "ok");
    let active = row(&app, &id).await;
    assert_eq!((&active["isActive"], &active["disabledReason"]), (&json!(true), &Value::Null));
    assert_eq!((deliver(&app).await, with_status(&app, "DELIVERED")), (1, 1), "it goes on with what waited");

    receiver.answer(500);
    app.task(CreateTask::default()).await;
    assert_eq!(deliver(&app).await, 1);
    assert_eq!(admin.outcome("deleteWebhookEndpoint", json!({ "ids": [id] })).await, "ok");
    assert_eq!(
        (with_status(&app, "PENDING"), with_status(&app, "DISCARDED")),
        (0, 1),
        "and deleting gives it up"
    );
    assert_eq!(row(&app, &id).await, Value::Null);
    assert_eq!(attempts(&app, &id).await.len(), 3, "what was tried is still to be seen");
}

#[apply(on_both)]
async fn an_endpoint_at_which_every_attempt_has_failed_for_five_days_is_disabled(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let receiver = Receiver::start().await;
    let (id, _) = endpoint(&app, "books", &receiver.url, &[]).await;
    receiver.answer(500);
    let one_more = async || {
        app.task(CreateTask::default()).await;
        assert!(deliver(&app).await > 0);
        row(&app, &id).await
    };
    assert!(one_more().await["failingSince"].is_string());
    clock.advance(TimeDelta::hours(20));
    assert_eq!(one_more().await["isActive"], true);
    receiver.answer(200);
    assert_eq!(one_more().await["failingSince"], Value::Null, "a success begins anew");
    receiver.answer(500);
    one_more().await;
    for _ in 0..9 {
        clock.advance(TimeDelta::hours(12));
        assert_eq!(one_more().await["isActive"], true);
    }
    clock.advance(TimeDelta::hours(12) - TimeDelta::seconds(1));
    assert_eq!(one_more().await["isActive"], true);
    clock.advance(TimeDelta::seconds(1));
    let disabled = one_more().await;
    assert_eq!(disabled["isActive"], false);
    assert!(
        disabled["disabledReason"].as_str().is_some_and(|reason| reason.contains("5 days")),
        "{disabled}"
    );
}

#[apply(on_both)]
async fn failures_that_are_days_apart_do_not_disable_an_endpoint(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let receiver = Receiver::start().await;
    let (id, _) = endpoint(&app, "books", &receiver.url, &[]).await;
    receiver.answer(500);
    for _ in 0..3 {
        app.task(CreateTask::default()).await;
        assert!(deliver(&app).await > 0);
        let row = row(&app, &id).await;
        assert_eq!((&row["isActive"], row["failingSince"].is_string()), (&json!(true), true));
        clock.advance(TimeDelta::days(6));
    }
}

#[apply(on_both)]
async fn running_workers_serve_endpoints_that_come_and_miss_no_event(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    // SQLite is one process.
    let other = (backend == Backend::Postgres).then(|| app.another_process_with(nearby, |builder| builder));
    let stop = CancellationToken::new();
    let workers = tokio::spawn(other.as_ref().unwrap_or(&app).module.workers(&stop));
    let receiver = Receiver::start().await;
    let (id, _) = endpoint(&app, "books", &receiver.url, &[]).await;
    app.task(CreateTask::default()).await;
    until("it is told", || receiver.count() == 1).await;
    // The process that makes the change sees the endpoint, even if another process has added it.
    other.as_ref().unwrap_or(&app).task(CreateTask::default()).await;
    until("it is told again", || receiver.count() == 2).await;
    let mut admin = app.user("admin").await;
    assert_eq!(admin.outcome("deleteWebhookEndpoint", json!({ "ids": [id] })).await, "ok");
    app.task(CreateTask::default()).await;
    assert_eq!(app.count("SELECT count(*) FROM task_management_outbox"), 2, "who is gone gets nothing new");
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn where_webhooks_are_switched_off_nothing_is_left_for_them_and_nothing_sent(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    endpoint(&app, "books", &receiver.url, &[]).await;
    app.task(CreateTask::default()).await;
    let off = app.another_process_with(
        |settings| {
            nearby(settings);
            settings.webhooks.enabled = false;
        },
        |builder| builder,
    );
    off.task(CreateTask::default()).await;
    assert_eq!((deliver(&off).await, receiver.connections()), (0, 0));
    assert_eq!((deliver(&app).await, receiver.count()), (1, 1));
}

#[apply(on_both)]
async fn old_attempts_are_forgotten_and_nothing_waits_for_endpoints_that_are_no_more(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let receiver = Receiver::start().await;
    let (id, _) = endpoint(&app, "books", &receiver.url, &[]).await;
    app.task(CreateTask::default()).await;
    assert_eq!(deliver(&app).await, 1);
    let mut admin = app.user("admin").await;
    assert_eq!(admin.outcome("deleteWebhookEndpoint", json!({ "ids": [id] })).await, "ok");
    let event = admin.rows("taskEvents", "", "id").await.remove(0);
    assert_eq!(admin.outcome("replayTaskEvents", json!({ "ids": [event["id"]] })).await, "ok");
    assert_eq!((deliver(&app).await, with_status(&app, "PENDING")), (0, 1));
    clock.advance(TimeDelta::days(31));
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    until("it is given up", || with_status(&app, "DISCARDED") == 1).await;
    until("the attempt is forgotten", || {
        app.count("SELECT count(*) FROM task_management_webhookattempt") == 0
    })
    .await;
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn an_https_endpoint_is_never_told_in_the_clear(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    let (id, _) = endpoint(&app, "books", &receiver.url.replace("http:", "https:"), &[]).await;
    app.task(CreateTask::default()).await;
    assert_eq!(deliver(&app).await, 1);
    let made = attempts(&app, &id).await;
    assert_eq!((&made[0]["statusCode"], made[0]["error"].is_string()), (&Value::Null, true), "{made:?}");
    assert_eq!((receiver.connections(), receiver.count(), with_status(&app, "PENDING")), (1, 0, 1));
}

#[apply(on_both)]
async fn a_row_that_a_process_of_version_0_1_left_has_the_same_body(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    endpoint(&app, "older", &receiver.url, &["task_service.create", "task_flow_service.replace"]).await;
    let group = app.group("OLDER", Any, &["exec1"]).await;
    let flow = app.flow("OLDER", &[&group]).await;
    app.replace_flow(&flow, &[&group]).await;
    app.task_in(&group).await;
    deliver(&app).await;
    // A flow that is replaced had the version that takes its place as `new`.
    app.run(match app.backend {
        Backend::Postgres => {
            "UPDATE task_management_outbox SET data = CASE WHEN signal = 'task_service.create' THEN data - 'new' ELSE data END - 'v' - 'old'"
        }
        Backend::Sqlite => {
            "UPDATE task_management_outbox SET data = CASE WHEN signal = 'task_service.create' \
             THEN json_remove(data, '$.v', '$.old', '$.new') ELSE json_remove(data, '$.v', '$.old') END"
        }
    });
    let ids = each(&app.user("admin").await.rows("taskEvents", "", "id").await, "id");
    assert_eq!(app.user("admin").await.outcome("replayTaskEvents", json!({ "ids": ids })).await, "ok");
    deliver(&app).await;
    let bodies: Vec<Value> = receiver.received().iter().map(Received::json).collect();
    assert_eq!(bodies.len(), 4);
    for first in &bodies[..2] {
        let same = bodies[2..].iter().filter(|body| *body == first).count();
        assert_eq!(same, 1, "{first}");
        assert!(first["data"]["task"].is_object() || first["data"]["taskFlow"].is_object(), "{first}");
    }
}
