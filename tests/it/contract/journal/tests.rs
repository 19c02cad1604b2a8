use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::*;

const INTERNAL_ID: &str = "0ae51fb3-baca-45e9-a688-e1d39ba119b9";

fn entry(internal_id: &str, status: u8, error: &Value) -> Value {
    let id = BASE64_STANDARD.encode(format!("MutationLogGQLType:{internal_id}"));
    json!({"id": id, "status": status, "error": error, "clientMutationId": "c", "clientMutationLabel": "L"})
}

async fn lines(expect: Value, payload: Value, entries: Vec<Value>) -> Vec<String> {
    let mut expect: Expect = serde_json::from_value(expect).expect("the test's expectation is well formed");
    expect.client_mutation_id = Some("c".to_owned());
    let edges: Vec<Value> = entries.into_iter().map(|node| json!({"node": node})).collect();
    let log = json!({"data": {"mutationLogs": {"edges": edges}}});
    let router = Router::new().route("/api/graphql", post(|| async { Json(log) }));
    let reply = Reply { status: 200, body: payload, set_cookie: [].into() };
    let lines = journal_diff(&expect, &reply, &mut Session::stranger(router), &mut Bindings::default()).await;
    let lines = lines.expect("the journal answers");
    // The entries of these tests have no time.
    lines.into_iter().filter(|line| line != "log.requestDateTime: missing").collect()
}

fn receipt() -> Value {
    json!({"data": {"m": {"clientMutationId": "c", "internalId": INTERNAL_ID}}})
}

#[tokio::test]
async fn the_entry_must_have_the_wanted_end() {
    let (done, failed) = (entry(INTERNAL_ID, 2, &Value::Null), entry(INTERNAL_ID, 1, &json!("e")));
    assert_eq!(lines(json!({"log": 2}), receipt(), vec![done.clone()]).await, [""; 0]);
    assert_eq!(lines(json!({"log": [1, 2]}), receipt(), vec![failed.clone()]).await, [""; 0]);
    assert_eq!(lines(json!({"log": 1}), receipt(), vec![done.clone()]).await.len(), 1);
    assert_eq!(lines(json!({"log": 2}), receipt(), vec![failed]).await.len(), 1);
    assert_eq!(lines(json!({"log": 2}), receipt(), vec![entry(INTERNAL_ID, 2, &json!("e"))]).await.len(), 1);
    assert_eq!(lines(json!({"log": 1}), receipt(), vec![entry(INTERNAL_ID, 1, &json!(""))]).await.len(), 1);
    assert_eq!(lines(json!({"log": 2}), receipt(), vec![done.clone(), done]).await.len(), 1);
}

#[tokio::test]
async fn the_entry_must_be_the_receipts() {
    let other = entry("fd1b5c39-fcf6-4ca4-a161-60464f5e8b11", 2, &Value::Null);
    assert_eq!(lines(json!({"log": 2}), receipt(), vec![other]).await.len(), 1);
    let without_id = json!({"data": {"m": {"clientMutationId": "c", "internalId": null}}});
    assert_eq!(lines(json!({"log": 2}), without_id, vec![entry("x", 2, &Value::Null)]).await.len(), 2);
}

#[tokio::test]
async fn the_entry_must_have_the_label_or_none_where_the_case_names_it() {
    let done = entry(INTERNAL_ID, 2, &Value::Null);
    for (label, differences) in [(json!("L"), 0), (json!("M"), 1), (Value::Null, 1)] {
        let expect = json!({"log": 2, "label": label});
        assert_eq!(lines(expect, receipt(), vec![done.clone()]).await.len(), differences, "{label}");
    }
}

#[tokio::test]
async fn a_refusal_at_the_top_will_do_only_where_the_case_says_so() {
    let refused = json!({"errors": [{"message": "m"}], "data": {"m": null}});
    assert_eq!(lines(json!({"log": 1, "or_errors": true}), refused.clone(), vec![]).await, [""; 0]);
    assert_eq!(lines(json!({"log": 1}), refused, vec![]).await.len(), 1);
}

#[tokio::test]
async fn an_entry_that_never_appears_is_waited_for_in_vain() {
    assert_eq!(lines(json!({"log": 2}), receipt(), vec![]).await, ["0 journal entries, want 1"]);
}
