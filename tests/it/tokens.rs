//! Tokens that have expired, were forged or come from elsewhere give no access.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::sessions::{beginning, with_clock};
use crate::support::{TestApp, apply, on_both};

const REFRESH: &str = "mutation { refreshToken { token } }";
const SECRET: &str = "a secret for tests only, long enough to sign";

async fn status_with_cookie(app: &TestApp, token: &str) -> StatusCode {
    let mut client = app.stranger();
    client.cookies.insert("JWT".to_owned(), token.to_owned());
    client.send("GET", "/api/core/users/current_user/", "").await.status
}

async fn status_with_header(app: &TestApp, token: &str) -> StatusCode {
    let mut client = app.stranger();
    client.authorization = Some(format!("Bearer {token}"));
    client.send("GET", "/api/core/users/current_user/", "").await.status
}

fn signed(header: &Value, claims: &Value, secret: &str) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(header), encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
}

#[apply(on_both)]
async fn forged_tokens_open_nothing(app: TestApp) {
    let token = app.browser("admin").await.cookies["JWT"].clone();
    assert_eq!(status_with_cookie(&app, &token).await, StatusCode::OK);
    let claims = claims(&token);
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    assert_eq!(
        status_with_header(&app, &signed(&header, &claims, SECRET)).await,
        StatusCode::OK,
        "the test signs as we do"
    );
    let altered = |key: &str, value: Value| {
        let mut claims = claims.clone();
        claims[key] = value;
        claims
    };
    let none = |alg: &str| {
        let text = signed(&json!({ "alg": alg, "typ": "JWT" }), &claims, SECRET);
        let (unsigned, _) = text.rsplit_once('.').expect("three parts");
        format!("{unsigned}.")
    };
    let (body, _) = token.rsplit_once('.').expect("three parts");
    let other_body = signed(&header, &altered("username", json!("triage")), "another secret");
    let mut forged = vec![
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("alg none, signed", signed(&json!({ "alg": "none" }), &claims, SECRET)),
        ("alg HS512", signed(&json!({ "alg": "HS512" }), &claims, SECRET)),
        ("alg RS256", signed(&json!({ "alg": "RS256" }), &claims, SECRET)),
        ("another secret", signed(&header, &claims, "another secret for tests, long enough too")),
        ("an empty secret", signed(&header, &claims, "")),
        (
            "no session",
            signed(&header, &altered("jti", json!("00000000-0000-4000-8000-000000000000")), SECRET),
        ),
        ("a session that is no key", signed(&header, &altered("jti", json!("x")), SECRET)),
        ("no end", signed(&header, &altered("exp", Value::Null), SECRET)),
        ("ended", signed(&header, &altered("exp", json!(1)), SECRET)),
        ("not begun", signed(&header, &altered("nbf", json!(4_000_000_000_i64)), SECRET)),
        (
            "a body of another token",
            format!(
                "{}.{}",
                other_body.rsplit_once('.').expect("parts").0,
                token.rsplit('.').next().expect("a part")
            ),
        ),
        ("no signature", body.to_owned()),
        ("an empty signature", format!("{body}.")),
        ("a longer one", format!("{token}x")),
        ("one part more", format!("{token}.x")),
        ("nothing", String::new()),
        ("undefined", "undefined".to_owned()),
        ("dots", "..".to_owned()),
        ("a long one", "x".repeat(100_000)),
    ];
    let last = if token.ends_with('A') { 'Q' } else { 'A' };
    forged.push(("tampered", format!("{}{last}", &token[..token.len() - 1])));
    for (what, token) in forged {
        assert_eq!(status_with_cookie(&app, &token).await, StatusCode::UNAUTHORIZED, "{what}");
        assert_eq!(status_with_header(&app, &token).await, StatusCode::UNAUTHORIZED, "{what}");
        let mut client = app.stranger();
        client.cookies.insert("JWT-refresh-token".to_owned(), token);
        let answer = client.graphql(REFRESH).await;
        assert_eq!(
            (answer.status, answer.codes()),
            (StatusCode::UNAUTHORIZED, vec!["UNAUTHENTICATED"]),
            "{what}"
        );
    }
}

#[apply(on_both)]
async fn tokens_of_another_server_open_nothing(app: TestApp) {
    let other = TestApp::start_with(
        app.backend,
        |settings| settings.auth.secret = "the secret of another server altogether".to_owned(),
        |builder| builder,
    )
    .await;
    let client = other.browser("admin").await;
    assert_eq!(status_with_cookie(&app, &client.cookies["JWT"]).await, StatusCode::UNAUTHORIZED);
    let same_secret = TestApp::start(app.backend).await;
    let token = same_secret.browser("admin").await.cookies["JWT"].clone();
    assert_eq!(status_with_cookie(&app, &token).await, StatusCode::UNAUTHORIZED, "its session is not ours");
    let mut copy = app.stranger();
    copy.cookies = client.cookies;
    assert_eq!(copy.graphql(REFRESH).await.status, StatusCode::UNAUTHORIZED);
}

#[apply(on_both)]
async fn tokens_end_and_sessions_end(app: TestApp) {
    let (app, clock) = with_clock(app.backend).await;
    let mut client = app.browser("exec1").await;
    let first = client.cookies["JWT"].clone();
    assert_eq!(claims(&first)["exp"], beginning().and_utc().timestamp() + 900);
    clock.advance(TimeDelta::seconds(899));
    assert_eq!(status_with_cookie(&app, &first).await, StatusCode::OK);
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(status_with_cookie(&app, &first).await, StatusCode::UNAUTHORIZED, "the token has ended");
    assert!(client.graphql(REFRESH).await.data("refreshToken").is_object(), "the session has not");
    assert_eq!(status_with_cookie(&app, &client.cookies["JWT"]).await, StatusCode::OK);
    let answer = client.graphql("mutation { createTask(input: {}) { internalId } }").await;
    assert!(answer.codes().is_empty(), "the CSRF token goes on: {}", answer.text);

    // However often it is refreshed, the session ends.
    clock.advance(TimeDelta::days(7) - TimeDelta::seconds(901));
    assert!(client.graphql(REFRESH).await.data("refreshToken").is_object());
    let last = client.cookies["JWT"].clone();
    assert_eq!(status_with_cookie(&app, &last).await, StatusCode::OK);
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(status_with_cookie(&app, &last).await, StatusCode::UNAUTHORIZED);
    let answer = client.graphql(REFRESH).await;
    assert_eq!((answer.status, answer.codes()), (StatusCode::UNAUTHORIZED, vec!["UNAUTHENTICATED"]));
}

#[apply(on_both)]
async fn a_stranger_opens_what_everybody_may_and_nothing_else(app: TestApp) {
    let mut stranger = app.stranger();
    let answer = stranger.graphql("{ moduleConfigurations { module } languages { code } __typename }").await;
    assert!(answer.codes().is_empty(), "{}", answer.text);
    for query in [
        "{ task { totalCount } }",
        "{ __schema { types { name } } }",
        r#"{ node(id: "x") { id } }"#,
        "{ user { id } }",
        "{ languages { code } users { totalCount } }",
        "{ ...F } fragment F on Query { ... on Query { users { totalCount } } }",
        "mutation { createTask(input: {}) { internalId } }",
        "mutation { getCsrfToken { csrfToken } createTask(input: {}) { internalId } }",
        "{ mutationLogs { totalCount } }",
        "mutation { changePassword(input: {newPassword: \"x\"}) { success } }",
    ] {
        let answer = stranger.graphql(query).await;
        assert_eq!(
            (answer.status, answer.codes()),
            (StatusCode::UNAUTHORIZED, vec!["UNAUTHENTICATED"]),
            "{query}"
        );
    }
    assert_eq!(app.number("SELECT count(*) AS value FROM core_mutationlog"), 0);
}
