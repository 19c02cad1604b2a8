//! How much a request may hold: each limit is a setting, and its refusal says which.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::json;
use tasks_management::Settings;

use crate::support::{Answer, Client, TestApp, apply, on_both};

fn assert_limit(answer: &Answer, setting: &str) {
    assert_eq!(answer.codes(), ["LIMIT"], "{setting}: {}", answer.text);
    assert!(answer.message().contains(&format!("limits.{setting}")), "{}", answer.message());
}

fn with(app: &TestApp, change: impl FnOnce(&mut Settings)) -> TestApp {
    app.another_process_with(change, |builder| builder)
}

async fn send(client: &mut Client, query: &str) -> Answer {
    client.post(json!({ "query": query })).await
}

#[apply(on_both)]
async fn a_stranger_sends_little(app: TestApp) {
    let query = |bytes: usize| format!("{{ languages {{ code }} }} #{}", "x".repeat(bytes));
    let answer = send(&mut app.stranger(), &query(15_000)).await;
    assert!(answer.codes().is_empty(), "{}", answer.text);
    let answer = send(&mut app.stranger(), &query(17_000)).await;
    assert_limit(&answer, "stranger_bytes");
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    // As much in variables, or in what is not JSON, or under another name.
    for body in [
        json!({ "query": "{ __typename }", "variables": { "a": "x".repeat(17_000) } }).to_string(),
        "[".repeat(17_000),
        format!(r#"{{"query": "{{ __typename }}", "x": {}1]}}"#, "[1,".repeat(9_000)),
    ] {
        assert_limit(&app.stranger().send("POST", "/api/graphql", body).await, "stranger_bytes");
    }
    let answer = send(&mut app.user("admin").await, &query(17_000)).await;
    assert!(answer.codes().is_empty(), "{}", answer.text);
    let more = with(&app, |settings| settings.limits.stranger_bytes = 20_000);
    assert!(send(&mut more.stranger(), &query(17_000)).await.codes().is_empty());
}

#[apply(on_both)]
async fn who_has_lost_the_session_is_told_to_log_in_however_much_is_sent(app: TestApp) {
    let query = format!("{{ languages {{ code }} }} #{}", "x".repeat(100_000));
    let mut client = app.stranger();
    client.authorization = Some("Bearer nonsense".to_owned());
    let answer = send(&mut client, &query).await;
    assert_eq!((answer.status, answer.codes()), (StatusCode::UNAUTHORIZED, vec!["UNAUTHENTICATED"]));
}

#[apply(on_both)]
async fn a_stranger_asks_for_little(app: TestApp) {
    let query = |fields: usize| {
        let fields: String = (0..fields).map(|n| format!("a{n}: languages {{ code }} ")).collect();
        format!("{{ {fields} }}")
    };
    assert!(send(&mut app.stranger(), &query(10)).await.codes().is_empty());
    assert_limit(&send(&mut app.stranger(), &query(11)).await, "stranger_fields");
    let spread = format!("{{ ...F }} fragment F on Query {}", query(11));
    assert_limit(&send(&mut app.stranger(), &spread).await, "stranger_fields");
    assert!(send(&mut app.user("admin").await, &query(11)).await.codes().is_empty());
    let fewer = with(&app, |settings| settings.limits.stranger_fields = 1);
    assert_limit(&send(&mut fewer.stranger(), &query(2)).await, "stranger_fields");
}

#[apply(on_both)]
async fn tokens_are_counted_before_anything_is_made_of_them(app: TestApp) {
    let mut client = app.user("admin").await;
    let started = Instant::now();
    for many in [
        format!("{{ {} }}", "a ".repeat(900_000)),
        format!("{{ task(entityIds: [{}]) {{ totalCount }} }}", "1 ".repeat(900_000)),
        "@".repeat(1_900_000),
        format!("{{ task(first: {} }}", "$a ".repeat(600_000)),
        format!("query({}) {{ __typename }}", "$a: [Int] ".repeat(100_000)),
    ] {
        assert_limit(&send(&mut client, &many).await, "query_tokens");
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let few = with(&app, |settings| settings.limits.query_tokens = 8);
    let mut client = few.stranger();
    assert!(send(&mut client, "{ languages { code name } }").await.codes().is_empty(), "7 tokens");
    assert_limit(
        &send(&mut client, "{ languages { code name } } query A { languages { code } }").await,
        "query_tokens",
    );
}

#[apply(on_both)]
async fn a_long_text_is_one_token(app: TestApp) {
    let mut client = app.user("admin").await;
    let data = json!({ "a": (0..40_000).collect::<Vec<u32>>() }).to_string();
    assert!(data.len() > 200_000);
    let literal = serde_json::to_string(&data).expect("a text");
    let answer = send(
        &mut client,
        &format!("mutation {{ createTask(input: {{ data: {literal} }}) {{ internalId }} }}"),
    )
    .await;
    assert!(answer.data("createTask")["internalId"].is_string());
    let answer =
        send(&mut client, "{ task(orderBy: \"-dateCreated\", first: 1) { edges { node { data } } } }").await;
    let kept = answer.data("task")["edges"][0]["node"]["data"].as_str().expect("a text").to_owned();
    assert_eq!(kept.len(), data.len() + kept.matches(' ').count());
}

#[apply(on_both)]
async fn the_size_of_a_selection_is_bounded_before_and_after_fields_are_merged(app: TestApp) {
    let small = with(&app, |settings| {
        settings.limits.query_depth = 4;
        settings.limits.query_complexity = 5;
    });
    let mut client = small.user("admin").await;
    assert!(send(&mut client, "{ task { edges { node { id uuid } } } }").await.codes().is_empty());
    let merged = "{ task { edges { node { id } } } task { edges { node { id uuid } } } }";
    assert!(send(&mut client, merged).await.codes().is_empty(), "merged they are five");
    let skipped = "{ task { edges { node { id uuid source @skip(if: true) } } } }";
    assert!(send(&mut client, skipped).await.codes().is_empty(), "what is skipped does not count");
    assert_limit(
        &send(&mut client, "{ task { edges { node { id uuid source } } } }").await,
        "query_complexity",
    );
    assert_limit(&send(&mut client, "{ task { edges { node { taskGroup { id } } } } }").await, "query_depth");
    let node =
        r#"{ node(id: "x") { id ... on TaskGQLType { uuid source } ... on UserGQLType { username } } }"#;
    assert!(send(&mut client, node).await.codes().is_empty(), "an object has at most three of them");
    let many: String = (0..1_001).map(|_| "__typename ").collect();
    assert_limit(&send(&mut app.user("admin").await, &format!("{{ {many} }}")).await, "query_fields");
}
