//! What one person can leave in the database, and for how long.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::sessions::with_clock;
use crate::support::{TestApp, apply, on_both};

const CREATE: &str =
    "mutation($in: CreateTaskGroupMutationInput!) { createTaskGroup(input: $in) { internalId } }";

fn input(id: &str, code: &str) -> Value {
    json!({ "in": { "clientMutationId": id, "code": code, "completionPolicy": "ALL" } })
}

#[apply(on_both)]
async fn of_a_refused_mutation_no_more_is_kept_than_is_needed_to_know_it_again(app: TestApp) {
    let mut norights = app.user("norights").await;
    let long = "x".repeat(100_000);
    let details = vec!["x".repeat(1_000); 5];
    let mut refused = input("refused", &long);
    refused["in"]["clientMutationDetails"] = json!(details);
    let first = norights.graphql_with(CREATE, refused.clone()).await;
    let id = first.data("createTaskGroup")["internalId"].clone();
    let entry = "{ mutationLogs { edges { node { status error jsonContent clientMutationDetails } } } }";
    let answer = norights.graphql(entry).await;
    let node = &answer.data("mutationLogs")["edges"][0]["node"];
    assert_eq!((&node["status"], &node["jsonContent"]), (&json!(1), &json!("")));
    assert!(node["clientMutationDetails"].is_null() && answer.text.len() < 2_000, "{}", answer.text.len());
    // It is known again, and something else is not taken for it.
    let again = norights.graphql_with(CREATE, refused).await;
    assert_eq!(again.data("createTaskGroup")["internalId"], id);
    let other = norights.graphql_with(CREATE, input("refused", "other")).await;
    assert_eq!(other.codes(), ["CONFLICT"], "{}", other.text);
    // What was done is kept as it was asked for.
    let mut triage = app.user("triage").await;
    let done = triage.graphql_with(CREATE, input("done", "DONE")).await;
    assert!(done.data("createTaskGroup")["internalId"].is_string());
    let answer = triage
        .graphql("{ mutationLogs(clientMutationId: \"done\") { edges { node { status jsonContent } } } }")
        .await;
    let node = &answer.data("mutationLogs")["edges"][0]["node"];
    assert!(
        node["status"] == 2 && node["jsonContent"].as_str().is_some_and(|text| text.contains("DONE")),
        "{node}"
    );
}

#[apply(on_both)]
async fn the_journal_keeps_only_so_many_refusals_of_a_person_in_an_hour(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let own = clock.clone();
    let strict = app
        .another_process_with(|settings| settings.journal.refused_per_hour = 3, |builder| builder.clock(own));
    let mut norights = strict.user("norights").await;
    for _ in 0..3 {
        assert_eq!(
            norights.outcome("createTaskGroup", json!({ "code": "A", "completionPolicy": "ALL" })).await,
            "FORBIDDEN"
        );
    }
    let entries = app.count("SELECT count(*) FROM core_mutationlog");
    let answer = norights.graphql_with(CREATE, input("one-more", "A")).await;
    assert_eq!(answer.codes(), ["LIMIT"], "{}", answer.text);
    assert!(answer.message().contains("journal.refused_per_hour"), "{}", answer.message());
    assert_eq!(app.count("SELECT count(*) FROM core_mutationlog"), entries);
    // Others are kept, and what is not refused is done.
    let mut triage = strict.user("triage").await;
    assert_eq!(
        triage.outcome("createTaskGroup", json!({ "code": "A", "completionPolicy": "ALL" })).await,
        "ok"
    );
    clock.advance(TimeDelta::minutes(61));
    let mut norights = strict.user("norights").await;
    assert_eq!(
        norights.outcome("createTaskGroup", json!({ "code": "B", "completionPolicy": "ALL" })).await,
        "FORBIDDEN"
    );
}

#[apply(on_both)]
async fn old_entries_of_the_journal_are_forgotten_with_what_they_touched(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let mut triage = app.user("triage").await;
    assert!(
        triage.graphql_with(CREATE, input("old", "OLD")).await.data("createTaskGroup")["internalId"]
            .is_string()
    );
    let housekeeping = |app: &TestApp| {
        let stop = tokio_util::sync::CancellationToken::new();
        (tokio::spawn(app.module.workers(&stop)), stop)
    };
    for (days, left) in [(399, 1), (2, 0)] {
        clock.advance(TimeDelta::days(days));
        let (workers, stop) = housekeeping(&app);
        let old = "SELECT count(*) FROM core_mutationlog WHERE client_mutation_id = 'old'";
        let deadline =
            std::time::Instant::now() + std::time::Duration::from_secs(2 + 8 * u64::from(left == 0));
        while app.count(old) != left || (left == 1 && std::time::Instant::now() < deadline) {
            assert!(std::time::Instant::now() < deadline, "it is still there");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        stop.cancel();
        workers.await.expect("they stop");
    }
    assert_eq!(app.count("SELECT count(*) FROM task_management_taskmutation"), 0);
    // The id is free again.
    let mut triage = app.user("triage").await;
    let answer = triage.graphql_with(CREATE, input("old", "NEW")).await;
    assert!(answer.data("createTaskGroup")["internalId"].is_string(), "{}", answer.text);
}

#[apply(on_both)]
async fn one_session_more_than_allowed_ends_the_oldest(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let own = clock.clone();
    let strict = app
        .another_process_with(|settings| settings.auth.sessions_per_user = 2, |builder| builder.clock(own));
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(strict.user("exec1").await);
        clock.advance(TimeDelta::seconds(1));
    }
    let mut statuses = Vec::new();
    for client in &mut clients {
        statuses.push(client.graphql("{ user { username } }").await.status);
    }
    assert_eq!(statuses, [StatusCode::UNAUTHORIZED, StatusCode::OK, StatusCode::OK]);
    assert_eq!(strict.user("exec2").await.graphql("{ user { username } }").await.status, StatusCode::OK);
}

#[apply(on_both)]
async fn the_journal_keeps_only_so_many_bytes_of_a_person_in_an_hour(app: TestApp) {
    let strict =
        app.another_process_with(|settings| settings.journal.bytes_per_hour = 10_000, |builder| builder);
    let mut norights = strict.user("norights").await;
    let query =
        "mutation($in: ChangeUserLanguageMutationInput!) { changeUserLanguage(input: $in) { internalId } }";
    let input = |id: usize| json!({ "in": { "languageId": "en", "clientMutationId": id.to_string(), "clientMutationDetails": ["x".repeat(2_000)] } });
    let mut codes = Vec::new();
    for id in 0..4 {
        let answer = norights.graphql_with(query, input(id)).await;
        codes.push(answer.codes().first().copied().unwrap_or("ok").to_owned());
        assert!(answer.codes().is_empty() || answer.message().contains("journal.bytes_per_hour"));
    }
    assert_eq!(codes, ["ok", "ok", "LIMIT", "LIMIT"]);
    assert_eq!(
        app.count("SELECT count(*) FROM core_mutationlog WHERE client_mutation_id IN ('0', '1', '2', '3')"),
        2
    );
}
