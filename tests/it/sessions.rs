//! Sessions: their cookies, staying logged in, logging out on every server, and the CSRF token.

use axum::http::StatusCode;
use serde_json::json;
use tasks_management::{Builder, FixedClock};

use crate::support::{Answer, Backend, Client, TestApp, apply, on_both, stable};

const REFRESH: &str = "mutation refreshAuthToken { refreshToken { refreshExpiresIn } }";
const LOGOUT: &str = "mutation logout { deleteTokenCookie { deleted } deleteRefreshTokenCookie { deleted } }";
const CREATE: &str = "mutation { createTask(input: {}) { internalId } }";
const CSRF: &str = "CSRF token missing or incorrect.";

/// The `Set-Cookie` lines of an answer.
fn cookies(answer: &Answer) -> Vec<String> {
    let lines = answer.headers.get_all("set-cookie").iter();
    lines.map(|line| line.to_str().expect("ASCII").to_owned()).collect()
}

async fn current_user(client: &mut Client) -> Answer {
    client.send("GET", "/api/core/users/current_user/", "").await
}

async fn assert_stranger(client: &mut Client, what: &str) {
    assert_eq!(current_user(client).await.status, StatusCode::UNAUTHORIZED, "{what}");
    let answer = client.graphql("{ user { username } }").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}: {}", answer.text);
    assert_eq!(answer.codes(), ["UNAUTHENTICATED"], "{what}");
    assert!(answer.body["data"].is_null(), "{what}: {}", answer.text);
}

async fn assert_logged_in(client: &mut Client, username: &str) {
    let answer = current_user(client).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.body["username"], username);
}

#[apply(on_both)]
async fn cookies_are_out_of_reach_of_scripts_and_other_sites(app: TestApp) {
    for secure in [false, true] {
        let app =
            app.another_process_with(|settings| settings.http.secure_cookies = secure, |builder| builder);
        let answer = app.stranger().try_log_in("exec1", "exec1123").await;
        let lines = cookies(&answer);
        let mut names: Vec<&str> = lines.iter().filter_map(|line| line.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["JWT", "JWT-refresh-token", "tasks-device"]);
        for line in lines {
            for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
                assert!(line.contains(attribute), "{line}");
            }
            assert_eq!(line.contains("; Secure"), secure, "{line}");
        }
    }
    let answer = app.stranger().try_log_in("exec1", "wrong").await;
    assert_eq!((answer.status, answer.message()), (StatusCode::OK, "INCORRECT_CREDENTIALS"));
    assert_eq!(answer.body["data"], json!({ "tokenAuth": null }));
    assert!(cookies(&answer).is_empty());
}

#[apply(on_both)]
async fn who_is_logged_in_is_told_with_rights_as_numbers(app: TestApp) {
    let mut client = app.browser("exec1").await;
    insta::assert_snapshot!("current_user", stable(&current_user(&mut client).await.body, &[]));
    assert_stranger(&mut app.stranger(), "no cookie").await;
}

#[apply(on_both)]
async fn a_session_is_refreshed_by_cookie_without_arguments_or_csrf_token(app: TestApp) {
    let mut client = app.browser("exec1").await;
    let csrf = client.csrf.take();
    for sent in [None, Some("undefined"), Some("wrong")] {
        client.csrf = sent.map(str::to_owned);
        let answer = client.graphql_with(REFRESH, json!({})).await;
        assert!(answer.data("refreshToken")["refreshExpiresIn"].is_i64(), "{}", answer.text);
        assert!(cookies(&answer).iter().any(|line| line.starts_with("JWT=") && line.contains("HttpOnly")));
    }
    client.csrf = csrf;
    assert!(client.graphql(CREATE).await.codes().is_empty(), "the CSRF token outlives refreshes");
    assert_logged_in(&mut client, "exec1").await;

    let refresh = client.cookies.get("JWT-refresh-token").cloned().expect("a refresh cookie");
    for token in [refresh, client.cookies["JWT"].clone()] {
        let query = "mutation($t: String) { refreshToken(token: $t) { token payload } }";
        let answer = app.stranger().graphql_with(query, json!({ "t": token })).await;
        let granted = answer.data("refreshToken");
        assert_eq!(granted["payload"]["username"], "exec1");
        let mut other = app.stranger();
        other.authorization = Some(format!("Bearer {}", granted["token"].as_str().unwrap_or_default()));
        assert_logged_in(&mut other, "exec1").await;
    }
    let answer = app.stranger().graphql(REFRESH).await;
    assert_eq!((answer.status, answer.codes()), (StatusCode::UNAUTHORIZED, vec!["UNAUTHENTICATED"]));
    let text = answer.message().to_lowercase();
    assert!(
        !["unauthorized", "csrftoken", "user not authorized for this operation"].contains(&text.as_str())
    );
}

#[apply(on_both)]
async fn cookies_of_this_host_alone_are_a_setting(app: TestApp) {
    let bound = app.another_process_with(|settings| settings.http.host_cookies = true, |builder| builder);
    let mut client = bound.stranger();
    let answer = client.try_log_in("exec1", "exec1123").await;
    let lines = cookies(&answer);
    assert_eq!(lines.len(), 3, "{lines:?}");
    for line in &lines {
        assert!(line.starts_with("__Host-"), "{line}");
        assert!(
            line.contains("; Path=/;") && line.contains("; Secure") && !line.contains("Domain"),
            "{line}"
        );
    }
    assert_logged_in(&mut client, "exec1").await;
    let mut neighbour = bound.stranger();
    for (name, value) in &client.cookies {
        neighbour.cookies.insert(name.replace("__Host-", ""), value.clone());
    }
    assert_stranger(&mut neighbour, "cookies that a neighbouring host could have set").await;
    let answer = client.graphql(LOGOUT).await;
    assert!(cookies(&answer).iter().all(|line| line.starts_with("__Host-JWT")), "{answer:?}");
    assert!(client.cookies.keys().eq(["__Host-tasks-device"]));
    let usual = app.browser("exec1").await;
    assert!(usual.cookies.contains_key("JWT"), "the front end goes by this name");
}

#[apply(on_both)]
async fn two_tabs_refresh_at_once(app: TestApp) {
    let client = app.browser("exec1").await;
    let other = app.another_process();
    for _ in 0..5 {
        let (mut one, mut two) = (client.clone(), other.stranger());
        two.cookies.clone_from(&client.cookies);
        two.csrf.clone_from(&client.csrf);
        let (first, second) = tokio::join!(one.graphql(REFRESH), two.graphql(REFRESH));
        assert!(first.data("refreshToken").is_object() && second.data("refreshToken").is_object());
        for tab in [&mut one, &mut two] {
            assert_logged_in(tab, "exec1").await;
            assert!(tab.graphql(CREATE).await.codes().is_empty());
        }
    }
}

#[apply(on_both)]
async fn logging_out_takes_effect_on_every_server_at_once(app: TestApp) {
    let other = app.another_process();
    let mut client = app.browser("exec1").await;
    let mut copy = other.stranger();
    copy.cookies.clone_from(&client.cookies);
    assert_logged_in(&mut copy, "exec1").await;
    // The front end has forgotten the CSRF token by then.
    client.csrf = None;
    let answer = client.graphql(LOGOUT).await;
    assert_eq!(answer.data("deleteTokenCookie")["deleted"], true);
    assert_eq!(answer.body["data"]["deleteRefreshTokenCookie"]["deleted"], true);
    assert_eq!(cookies(&answer).iter().filter(|line| line.contains("Max-Age=0")).count(), 2);
    assert!(client.cookies.keys().eq(["tasks-device"]), "the device stays known");
    assert_stranger(&mut copy, "after the logout").await;
    let answer = copy.graphql(REFRESH).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text);
    let answer = client.graphql(LOGOUT).await;
    assert_eq!(answer.data("deleteTokenCookie")["deleted"], false);
}

#[apply(on_both)]
async fn a_session_is_revoked_by_either_token(app: TestApp) {
    let other = app.another_process();
    for which in ["JWT-refresh-token", "JWT"] {
        let client = app.browser("exec2").await;
        let mut copy = other.stranger();
        copy.cookies.clone_from(&client.cookies);
        let verify = "mutation($t: String) { verifyToken(token: $t) { payload } }";
        let token = json!({ "t": client.cookies["JWT"] });
        let answer = other.stranger().graphql_with(verify, token.clone()).await;
        assert_eq!(answer.data("verifyToken")["payload"]["username"], "exec2");
        assert_eq!(
            copy.graphql("mutation { verifyToken { payload } }").await.data("verifyToken")["payload"]["username"],
            "exec2"
        );

        let revoke = "mutation($t: String) { revokeToken(refreshToken: $t) { revoked } }";
        let answer = app.stranger().graphql_with(revoke, json!({ "t": client.cookies[which] })).await;
        assert!(answer.data("revokeToken")["revoked"].is_i64());
        assert_stranger(&mut copy, which).await;
        let answer = other.stranger().graphql_with(verify, token).await;
        assert_eq!(answer.codes(), ["UNAUTHENTICATED"], "{}", answer.text);
        assert_eq!(answer.body["data"], json!({ "verifyToken": null }));
        let answer = app.stranger().graphql_with(revoke, json!({ "t": "nonsense" })).await;
        assert_eq!(answer.codes(), ["UNAUTHENTICATED"]);
    }
}

#[apply(on_both)]
async fn mutations_by_cookie_need_the_csrf_token_of_their_session(app: TestApp) {
    let mut client = app.browser("admin").await;
    let again = app.browser("admin").await;
    let before = app.row_counts();
    let own = client.csrf.clone();
    assert_ne!(own, again.csrf, "each session has its own");
    let wrong = [
        None,
        Some(String::new()),
        Some("null".to_owned()),
        Some("undefined".to_owned()),
        Some("wrong".to_owned()),
        again.csrf.clone(),
    ];
    for sent in wrong {
        client.csrf = sent.clone();
        let answer = client.graphql(CREATE).await;
        assert_eq!((answer.status, answer.message()), (StatusCode::OK, CSRF), "{sent:?}");
        assert_eq!(answer.body["data"], json!({ "createTask": null }), "{sent:?}");
        assert_eq!(answer.codes(), ["FORBIDDEN"]);
        let hidden = "mutation { getCsrfToken { csrfToken } ...F } fragment F on Mutation { ... { createTask(input: {}) { internalId } } }";
        assert_eq!(client.graphql(hidden).await.message(), CSRF, "{sent:?}");
        let named = json!({ "query": format!("query Q {{ user {{ id }} }} {}", CREATE.replace("mutation", "mutation M")), "operationName": "M" });
        assert_eq!(client.post(named).await.message(), CSRF, "{sent:?}");
        assert_eq!(
            client.graphql("{ user { username } }").await.data("user")["username"],
            "admin",
            "queries need none"
        );
    }
    let answer = client.graphql("mutation { a: createTask(input: {}) { internalId } }").await;
    assert_eq!((answer.message(), &answer.body["data"]), (CSRF, &json!({ "a": null })));
    assert_eq!(app.row_counts(), before);
    client.csrf = own;
    assert!(client.graphql(CREATE).await.codes().is_empty());
    let mut bearer = app.user("admin").await;
    bearer.csrf = Some("wrong".to_owned());
    assert!(bearer.graphql(CREATE).await.codes().is_empty(), "Bearer requests need none");
}

#[apply(on_both)]
async fn other_schemes_of_authorization_are_ignored(app: TestApp) {
    let mut client = app.browser("exec1").await;
    for value in ["JWT undefined", "JWT", "Basic ZXhlYzE6ZXhlYzExMjM=", "", "undefined"] {
        client.authorization = Some(value.to_owned());
        assert_logged_in(&mut client, "exec1").await;
        let token = client.graphql("mutation { getCsrfToken { csrfToken } }").await;
        assert_eq!(token.data("getCsrfToken")["csrfToken"].as_str(), client.csrf.as_deref(), "{value}");
    }
    let mut stranger = app.stranger();
    stranger.authorization = Some("JWT undefined".to_owned());
    assert_stranger(&mut stranger, "JWT undefined").await;
    let token = stranger.graphql("mutation { getCsrfToken { csrfToken } }").await;
    assert!(token.data("getCsrfToken")["csrfToken"].as_str().is_some_and(|text| !text.is_empty()));
}

/// The moment at which the clock of a test begins.
pub fn beginning() -> chrono::NaiveDateTime {
    "2026-01-31T08:00:00".parse().expect("a moment")
}

/// A module on a clock of the test's own.
pub async fn with_clock(backend: Backend) -> (TestApp, FixedClock) {
    let clock = FixedClock::new(beginning());
    let own = clock.clone();
    let app = TestApp::start_with(backend, |_| {}, |builder: Builder| builder.clock(own)).await;
    (app, clock)
}
