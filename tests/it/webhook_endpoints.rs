//! Webhook endpoints: who makes them, where they may stand, and what is kept secret about them.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::config::ConfiguredEndpoint;
use tasks_management::{CreateTask, Settings};
use tokio_util::sync::CancellationToken;

use crate::support::program::wait_until;
use crate::support::receiver::Receiver;
use crate::support::{TestApp, apply, on_both};
use crate::webhook_deliveries::{endpoint, nearby, with_clock};

const OLD: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const NEW: &str = "whsec_b2xkZXIgdGhhbiB0aGUgb3RoZXIgb25l";
const FIELDS: &str = "uuid name url events isActive isConfigured userCreated { username }";

/// Creates an endpoint; returns `ok`, or the code and the field of the journal's error.
async fn created(app: &TestApp, name: &str, url: &str, events: &[&str]) -> String {
    let mut admin = app.user("admin").await;
    let input = json!({ "name": name, "url": url, "events": events });
    let (status, error) = admin.mutate("createWebhookEndpoint", input).await;
    if status == 2 {
        "ok".to_owned()
    } else {
        format!("{} {}", error[0]["code"], error[0]["detail"]).replace('"', "")
    }
}

async fn rotate(app: &TestApp, id: &str, keep: i64) -> String {
    let query = "mutation($input: RotateWebhookSecretMutationInput!) { rotateWebhookSecret(input: $input) { secret } }";
    let input = json!({ "input": { "id": id, "keepOldForS": keep } });
    let answer = app.user("admin").await.graphql_with(query, input).await;
    answer.data("rotateWebhookSecret")["secret"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", answer.text))
        .to_owned()
}

#[apply(on_both)]
async fn the_old_secret_signs_beside_the_new_one_for_a_while_and_never_more_than_two_do(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let receiver = Receiver::start().await;
    let (id, first) = endpoint(&app, "books", &receiver.url, &[]).await;
    let signed = async |secrets: [&str; 3]| {
        app.task(CreateTask::default()).await;
        assert_eq!(app.module.deliver_due().await.expect("delivers"), 1);
        let told = receiver.received().pop().expect("a request");
        let count = told.header("webhook-signature").split(' ').count();
        (count, secrets.map(|secret| told.is_signed_with(secret)))
    };
    let second = rotate(&app, &id, 60).await;
    assert_eq!(signed([&first, &second, OLD]).await, (2, [true, true, false]));
    let third = rotate(&app, &id, 60).await;
    assert_eq!(signed([&first, &second, &third]).await, (2, [false, true, true]));
    clock.advance(TimeDelta::seconds(59));
    assert_eq!(signed([&first, &second, &third]).await, (2, [false, true, true]));
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(signed([&first, &second, &third]).await, (1, [false, false, true]));
    let fourth = rotate(&app, &id, 0).await;
    assert_eq!(
        signed([&second, &third, &fourth]).await,
        (1, [false, false, true]),
        "at once, if that is asked for"
    );
    let mut admin = app.user("admin").await;
    for keep in [-1, 30 * 24 * 3_600 + 1] {
        let refused = admin.outcome("rotateWebhookSecret", json!({ "id": id, "keepOldForS": keep })).await;
        assert_eq!(refused, "VALIDATION");
    }
}

#[apply(on_both)]
async fn private_addresses_and_plain_http_are_refused_when_an_endpoint_is_made_and_at_each_attempt(
    backend: Backend,
) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    let (id, _) = endpoint(&app, "before", &receiver.url, &[]).await;
    app.task(CreateTask::default()).await;

    let strict = |change: fn(&mut Settings)| app.another_process_with(change, |builder| builder);
    let by_default = strict(|_| {});
    for url in [
        "http://example.org/hook",
        "https://127.0.0.1/hook",
        "https://10.1.2.3",
        "https://169.254.169.254/latest",
        "https://[::1]:8443/",
        "https://[::ffff:192.168.0.1]",
        "https://2130706433",
        "https://localhost",
        "https://ada:secret@example.org",
        "ftp://example.org",
        "example.org",
        "",
    ] {
        assert_eq!(created(&by_default, "new", url, &[]).await, "VALIDATION url", "{url}");
    }
    assert_eq!(created(&by_default, "new", "https://example.org/hook", &[]).await, "ok");
    let http_only = strict(|settings| settings.webhooks.allow_http = true);
    assert_eq!(created(&http_only, "newer", &receiver.url, &[]).await, "VALIDATION url");
    let mut admin = by_default.user("admin").await;
    let change = json!({ "id": id, "url": "https://192.168.1.1" });
    assert_eq!(admin.outcome("updateWebhookEndpoint", change).await, "VALIDATION");

    // The settings have become stricter since, so the attempt fails without a connection.
    assert_eq!(http_only.module.deliver_due().await.expect("delivers"), 1);
    assert_eq!(receiver.connections(), 0);
    let made = admin.rows("webhookAttempts", &format!("(endpointId: \"{id}\")"), "statusCode error").await;
    assert_eq!(made[0]["statusCode"], Value::Null);
    assert!(made[0]["error"].as_str().is_some_and(|reason| reason.contains("public Internet")), "{made:?}");
}

#[apply(on_both)]
async fn what_is_wrong_with_an_endpoint_is_said(backend: Backend) {
    let app =
        TestApp::start_with(backend, |settings| settings.limits.list_length = 3, |builder| builder).await;
    let url = "https://example.org/hook";
    assert_eq!(created(&app, "books", url, &["task_service.complete_task"]).await, "ok");
    assert_eq!(created(&app, "books", url, &[]).await, "VALIDATION name", "it is taken");
    for name in ["", " ", " books", "a\0b", &"x".repeat(256)] {
        assert_eq!(created(&app, name, url, &[]).await, "VALIDATION name", "{name:?}");
    }
    for events in [&["task_service.lost"][..], &[""], &["task_service.complete_task", "x"]] {
        assert_eq!(created(&app, "new", url, events).await, "VALIDATION events", "{events:?}");
    }
    assert_eq!(created(&app, "new", url, &["task_service.create"; 4]).await, "LIMIT events");
    let long = format!("https://example.org/{}", "x".repeat(2_000));
    assert_eq!(created(&app, "new", &long, &[]).await, "VALIDATION url");
    let mut admin = app.user("admin").await;
    let stranger = "11111111-2222-4333-8444-555555555555";
    for (mutation, input) in [
        ("updateWebhookEndpoint", json!({ "id": stranger, "isActive": false })),
        ("deleteWebhookEndpoint", json!({ "ids": [stranger] })),
        ("rotateWebhookSecret", json!({ "id": stranger })),
    ] {
        assert_eq!(admin.outcome(mutation, input).await, "NOT_FOUND", "{mutation}");
    }
    assert_eq!(created(&app, "other", url, &[]).await, "ok");
    let rows = admin.rows("webhookEndpoints", "(orderBy: \"name\")", FIELDS).await;
    assert_eq!(rows.len(), 2);
    let taken = json!({ "id": rows[1]["uuid"], "name": "books" });
    assert_eq!(admin.outcome("updateWebhookEndpoint", taken).await, "VALIDATION");
    let both = json!({ "ids": [rows[0]["uuid"], stranger] });
    assert_eq!(admin.outcome("deleteWebhookEndpoint", both).await, "NOT_FOUND");
    assert_eq!(admin.rows("webhookEndpoints", "", "uuid").await.len(), 2, "all or none");
    assert_eq!(admin.outcome("deleteWebhookEndpoint", json!({ "ids": [rows[0]["uuid"]] })).await, "ok");
    assert_eq!(created(&app, "books", url, &[]).await, "ok", "the name is free again");
}

#[apply(on_both)]
async fn a_secret_is_shown_once_and_stands_nowhere_else(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    receiver.answer(500);
    let query = "mutation($input: CreateWebhookEndpointMutationInput!) { createWebhookEndpoint(input: $input) { internalId secret } }";
    let input = json!({ "input": { "name": "books", "url": receiver.url, "clientMutationId": "once" } });
    let mut admin = app.user("admin").await;
    let first = admin.graphql_with(query, input.clone()).await;
    let again = admin.graphql_with(query, input).await;
    let (first, again) =
        (first.data("createWebhookEndpoint").clone(), again.data("createWebhookEndpoint").clone());
    assert_eq!(first["internalId"], again["internalId"]);
    assert_eq!(again["secret"], Value::Null, "it was made before");
    let secret = first["secret"].as_str().expect("a secret").to_owned();
    let found = admin.rows("webhookEndpoints", "(clientMutationId: \"once\")", "name").await;
    assert_eq!(found, [json!({ "name": "books" })]);
    let refused = json!({ "input": { "name": "books", "url": receiver.url } });
    assert_eq!(admin.graphql_with(query, refused).await.data("createWebhookEndpoint")["secret"], Value::Null);

    app.task(CreateTask::default()).await;
    app.module.deliver_due().await.expect("delivers");
    let everything = "{ webhookEndpoints { edges { node { id uuid name url events disabledReason oldSecretValidUntil } } } \
        webhookAttempts { edges { node { id signal error response } } } \
        taskEvents { edges { node { id handler data lastError } } } \
        mutationLogs { edges { node { jsonContent error } } } }";
    let text = admin.graphql(everything).await.text;
    let key = secret.trim_start_matches("whsec_");
    assert!(text.contains("books") && text.contains("HTTP 500") && !text.contains(key), "{text}");
    let journal =
        app.count(&format!("SELECT count(*) FROM core_mutationlog WHERE json_content LIKE '%{key}%'"));
    let outbox = app.count(&format!(
        "SELECT count(*) FROM task_management_outbox WHERE CAST(data AS text) LIKE '%{key}%'"
    ));
    assert_eq!((journal, outbox), (0, 0));
    assert!(!String::from_utf8_lossy(&receiver.received()[0].body).contains(key));
}

#[apply(on_both)]
async fn only_who_has_the_rights_sees_endpoints_and_changes_them(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    app.load(json!({
        "roles": [{ "id": 60, "name": "Looker", "rights": [194_001] }, { "id": 61, "name": "Keeper", "rights": [194_002, 191_005] }],
        "users": [
            { "id": "11111111-2222-4333-8444-000000000060", "username": "looker", "password": "looker123", "lastName": "L",
              "interactiveUserId": 60, "roles": ["Looker"] },
            { "id": "11111111-2222-4333-8444-000000000061", "username": "keeper", "password": "keeper123", "lastName": "K",
              "interactiveUserId": 61, "roles": ["Keeper"] },
        ],
    }))
    .await;
    let (mut looker, mut keeper) = (app.user("looker").await, app.user("keeper").await);
    let input = json!({ "name": "books", "url": "https://example.org" });
    assert_eq!(looker.outcome("createWebhookEndpoint", input.clone()).await, "FORBIDDEN");
    assert_eq!(keeper.outcome("createWebhookEndpoint", input).await, "ok");
    let row = looker.rows("webhookEndpoints", "", &format!("id {FIELDS}")).await.remove(0);
    assert_eq!(row["userCreated"]["username"], "keeper");
    let node = format!("{{ node(id: {}) {{ id }} }}", row["id"]);
    assert_eq!(looker.graphql(&node).await.data("node")["id"], row["id"]);
    assert_eq!(app.user("exec1").await.graphql(&node).await.data("node"), &Value::Null);
    for field in ["webhookEndpoints", "webhookAttempts"] {
        assert_eq!(keeper.graphql(&format!("{{ {field} {{ totalCount }} }}")).await.codes(), ["FORBIDDEN"]);
        assert_eq!(looker.graphql(&format!("{{ {field} {{ totalCount }} }}")).await.codes(), [""; 0]);
    }
}

#[apply(on_both)]
async fn endpoints_of_the_configuration_come_with_the_workers_and_only_it_changes_them(backend: Backend) {
    let receiver = Receiver::start().await;
    let of = |name: &str, url: &str, secrets: &[&str]| ConfiguredEndpoint {
        name: name.to_owned(),
        url: url.to_owned(),
        events: vec!["task_service.create".to_owned()],
        secrets: secrets.iter().map(|&secret| secret.to_owned()).collect(),
    };
    let (first, second) =
        (of("first", &receiver.url, &[NEW, OLD]), of("second", "http://127.0.0.1:1", &[OLD]));
    let with = |endpoints: Vec<ConfiguredEndpoint>| {
        move |settings: &mut Settings| {
            nearby(settings);
            settings.webhooks.endpoints = endpoints;
        }
    };
    let app = TestApp::start_with(backend, with(vec![first, second]), |builder| builder).await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    let live = "SELECT count(*) FROM task_management_webhookendpoint WHERE NOT is_deleted";
    wait_until("they are in the table", || app.count(live) == 2);
    stop.cancel();
    workers.await.expect("the workers end");
    let mut admin = app.user("admin").await;
    let rows = admin.rows("webhookEndpoints", "(orderBy: \"name\", isConfigured: true)", FIELDS).await;
    assert_eq!((&rows[0]["name"], &rows[0]["userCreated"]), (&json!("first"), &Value::Null));
    let id = &rows[0]["uuid"];
    for (mutation, input) in [
        ("updateWebhookEndpoint", json!({ "id": id, "isActive": false })),
        ("deleteWebhookEndpoint", json!({ "ids": [id] })),
        ("rotateWebhookSecret", json!({ "id": id })),
    ] {
        assert_eq!(admin.outcome(mutation, input).await, "CONFLICT", "{mutation}");
    }
    app.task(CreateTask::default()).await;
    app.module.deliver_due().await.expect("delivers");
    let told = receiver.received().pop().expect("a request");
    assert!(told.is_signed_with(NEW) && told.is_signed_with(OLD));

    let later = app.another_process_with(with(vec![of("first", &receiver.url, &[NEW])]), |builder| builder);
    later.task(CreateTask::default()).await;
    later.module.deliver_due().await.expect("delivers");
    let told = receiver.received().pop().expect("a request");
    assert!(told.is_signed_with(NEW) && !told.is_signed_with(OLD));
    let rows = admin.rows("webhookEndpoints", "", FIELDS).await;
    assert_eq!(
        (rows.len(), &rows[0]["uuid"]),
        (1, id),
        "what left the configuration is gone, the rest the same"
    );
}

#[apply(on_both)]
async fn who_may_not_see_all_tasks_has_no_endpoints_and_who_loses_a_right_is_told_no_more(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    app.load(json!({
        "roles": [
            { "id": 61, "name": "Keeper", "rights": [194_001, 194_002] },
            { "id": 62, "name": "Overseer", "rights": [191_005] },
        ],
        "users": [{ "id": "11111111-2222-4333-8444-000000000061", "username": "keeper", "password": "keeper123",
            "lastName": "K", "interactiveUserId": 61, "roles": ["Keeper"] }],
    }))
    .await;
    let receiver = Receiver::start().await;
    let mut keeper = app.user("keeper").await;
    let input = json!({ "name": "books", "url": receiver.url, "events": ["task_service.create"] });
    assert_eq!(keeper.outcome("createWebhookEndpoint", input.clone()).await, "FORBIDDEN");
    let (admins, _) = endpoint(&app, "admins", &receiver.url, &["task_service.create"]).await;
    let change = json!({ "id": admins, "url": "https://example.org" });
    assert_eq!(keeper.outcome("updateWebhookEndpoint", change).await, "FORBIDDEN");
    assert_eq!(keeper.outcome("rotateWebhookSecret", json!({ "id": admins })).await, "FORBIDDEN");
    assert_eq!(keeper.outcome("deleteWebhookEndpoint", json!({ "ids": [admins] })).await, "ok");

    let grant = "INSERT INTO core_userrole (user_id, role_id, date_created) VALUES ('11111111-2222-4333-8444-000000000061', 62, '2026-01-01 00:00:00')";
    app.run(grant);
    assert_eq!(keeper.outcome("createWebhookEndpoint", input).await, "ok");
    app.task(CreateTask::default()).await;
    app.module.deliver_due().await.expect("delivers");
    assert_eq!(receiver.count(), 1);
    app.run("DELETE FROM core_userrole WHERE role_id = 62");
    app.task(CreateTask::default()).await;
    app.module.deliver_due().await.expect("delivers");
    assert_eq!(receiver.count(), 1, "who lost the right is told nothing more");
    let fields = "isActive disabledReason dateDisabled";
    let row = app.user("admin").await.rows("webhookEndpoints", "", fields).await.remove(0);
    assert_eq!(row["isActive"], false);
    assert!(row["disabledReason"].as_str().is_some_and(|reason| reason.contains("see all tasks")), "{row}");
    // Who says that it goes on answers for it.
    let id = app.user("admin").await.rows("webhookEndpoints", "", "uuid").await.remove(0)["uuid"].clone();
    let on = json!({ "id": id, "isActive": true });
    assert_eq!(app.user("admin").await.outcome("updateWebhookEndpoint", on).await, "ok");
    app.module.deliver_due().await.expect("delivers");
    assert_eq!(receiver.count(), 2);
}

#[apply(on_both)]
async fn there_are_only_so_many_endpoints(backend: Backend) {
    let app =
        TestApp::start_with(backend, |settings| settings.webhooks.max_endpoints = 2, |builder| builder).await;
    for name in ["one", "two"] {
        assert_eq!(created(&app, name, "https://example.org", &[]).await, "ok");
    }
    assert_eq!(created(&app, "three", "https://example.org", &[]).await, "LIMIT null");
}
