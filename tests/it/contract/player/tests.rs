use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::*;

/// Lets everybody in, and answers the rest with what it got.
fn echo() -> Router {
    let answer = |headers: HeaderMap, Json(body): Json<Value>| async move {
        let query = body["query"].as_str().unwrap_or_default();
        if query.contains("tokenAuth") {
            let token = format!("token of {}", body["variables"]["username"]);
            let data = json!({"data": {"tokenAuth": {"token": token}}});
            return set_cookie("JWT=jwt; HttpOnly", data);
        }
        if query.contains("getCsrfToken") {
            return set_cookie("session=s", json!({"data": {"getCsrfToken": {"csrfToken": "csrf"}}}));
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let seen = json!({"cookie": text("cookie"), "csrf": text("x-csrftoken"), "query": query});
        set_cookie("visited=1", json!({"data": seen}))
    };
    Router::new().route("/api/graphql", post(answer))
}

fn set_cookie(cookie: &'static str, body: Value) -> Response {
    (AppendHeaders([(header::SET_COOKIE, cookie)]), Json(body)).into_response()
}

async fn run(player: &mut Player, user: Option<&str>, query: &str, expect: Value) -> Vec<String> {
    let case = json!({
        "name": "n", "as_user": user, "mode": "exact", "note": "",
        "request": {"query": query}, "expect": expect,
    });
    let case = serde_json::from_value(case).expect("the test's case is well formed");
    player.run(&case).await.expect("the echo answers everything")
}

fn seen(cookie: Option<&str>, csrf: &str, query: &str) -> Value {
    json!({"cookie": cookie, "csrf": csrf, "query": query})
}

#[tokio::test]
async fn a_user_logs_in_once_and_a_stranger_comes_anew() {
    let mut player = Player::new(echo());
    for cookie in ["JWT=jwt; session=s", "JWT=jwt; session=s; visited=1"] {
        let expect = json!({"data": seen(Some(cookie), "csrf", "{ q }")});
        assert_eq!(run(&mut player, Some("admin"), "{ q }", expect).await, [""; 0]);
    }
    for _ in 0..2 {
        let expect = json!({"data": seen(None, "null", "{ q }")});
        assert_eq!(run(&mut player, None, "{ q }", expect).await, [""; 0]);
    }
}

#[tokio::test]
async fn requests_and_read_backs_use_what_was_bound() {
    let mut player = Player::new(echo());
    let bind = json!({"data": seen(None, "null", "<cursor:A>")});
    assert_eq!(run(&mut player, None, "found", bind).await, [""; 0]);

    let sent = "token of \"exec1\" found";
    let read = |query: &str| json!({"as_user": null, "query": "${A}", "data": seen(None, "null", query)});
    let expect = |query: &str| json!({"data": seen(None, "null", sent), "read": [read(query)]});
    let query = "${token:exec1} ${A}";
    assert_eq!(run(&mut player, None, query, expect("found")).await, [""; 0]);
    let lines = run(&mut player, None, query, expect("lost")).await;
    assert_eq!(lines, ["read back: query: want \"lost\", got \"found\""]);
}

#[tokio::test]
async fn the_mode_says_whether_data_counts() {
    let mut player = Player::new(echo());
    let case = |mode: &str| {
        let expect = json!({"data": null});
        json!({"name": "n", "as_user": null, "mode": mode, "note": "", "request": {"query": "q"}, "expect": expect})
    };
    for (mode, differences) in [("exact", 1), ("custom", 1), ("status", 0)] {
        let case = serde_json::from_value(case(mode)).expect("the test's case is well formed");
        let lines = player.run(&case).await.expect("the echo answers everything");
        assert_eq!(lines.len(), differences, "{mode}: {lines:?}");
    }
}
