//! Functions that answer HTTP: who calls them, what they are told, what they may answer, and what is kept of it.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::{Builder, Clock as _, FixedClock, FunctionError, Json, Settings};
use tokio::sync::Semaphore;

use crate::sessions::beginning;
use crate::support::scenario::{each, key, user_id};
use crate::support::{Answer, Backend, Client, TestApp, apply, on_both, until};

/// The fields of a request.
const FIELDS: &str = "uuid functionName method path statusCode duration error { name message type } \
    createdByUser { username }";

/// How often a function was begun, and how often it may go on.
#[derive(Clone)]
pub struct Gate {
    begun: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    pub fn new() -> Self {
        Self { begun: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }

    /// Waits until a function has begun.
    async fn has_begun(&self) {
        self.begun.acquire().await.expect("a permit").forget();
    }

    fn open(&self) {
        self.open.add_permits(1);
    }
}

/// A host with the functions `api` and `other`, which do what the path says.
pub fn answering(gate: &Gate, builder: Builder) -> Builder {
    ["api", "other"].into_iter().fold(builder, |builder, name| {
        let gate = gate.clone();
        builder.function(name, move |call| {
            let gate = gate.clone();
            async move {
                let input = &call.data;
                match input["path"].as_str().unwrap_or_default() {
                    "/as-told" => Ok(Json::parse(input["body"].as_str().unwrap_or("null"))?),
                    "/fails" => Err(FunctionError::new("noAccount", "secret words")),
                    "/panics" => panic!("secret words"),
                    "/waits" => {
                        gate.begun.add_permits(1);
                        gate.open.acquire().await?.forget();
                        Ok(json!({ "statusCode": 200, "body": "waited" }).into())
                    }
                    _ => {
                        let mut told: Value = serde_json::from_str(&input.to_string())?;
                        told["who"] = json!(call.user_id);
                        told["length"] = json!(input["body"].as_str().map_or(0, str::len));
                        if told["length"].as_u64() > Some(100_000) {
                            told["body"] = Value::Null;
                        }
                        let headers = json!({ "Content-Type": "application/json" });
                        Ok(json!({ "statusCode": 200, "headers": headers, "body": told.to_string() }).into())
                    }
                }
            }
        })
    })
}

async fn scene_with(backend: Backend, settings: impl FnOnce(&mut Settings)) -> (TestApp, Gate) {
    let gate = Gate::new();
    let own = gate.clone();
    let app = TestApp::start_with(backend, settings, move |builder| answering(&own, builder)).await;
    (app, gate)
}

async fn scene(backend: Backend) -> (TestApp, Gate) {
    let (app, gate) = scene_with(backend, |_| {}).await;
    make(&app, "api", json!({})).await;
    (app, gate)
}

async fn make(app: &TestApp, name: &str, more: Value) {
    let mut input = json!({ "name": name, "kind": "HANDLER" });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.done("admin", "createTaskFunction", input).await;
}

/// Has the function answer what is told here.
async fn told(client: &mut Client, answer: &Value) -> Answer {
    client.send("POST", "/api/functions/api/as-told", answer.to_string()).await
}

async fn requests(app: &TestApp, arguments: &str) -> Vec<Value> {
    app.user("admin").await.rows("functionRequests", arguments, FIELDS).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    answer.headers.get_all(name).iter().map(|value| value.to_str().expect("ASCII")).collect()
}

/// What an answer says, without what differs from one to the next.
fn said(answer: &Answer) -> (StatusCode, Value, Vec<(String, String)>) {
    let mut body = answer.body.clone();
    body["errors"][0]["extensions"]["requestId"] = Value::Null;
    let lines = answer.headers.iter().filter(|(name, _)| *name != "x-request-id");
    let lines = lines.map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned()));
    (answer.status, body, lines.collect())
}

#[apply(on_both)]
async fn a_function_answers_with_the_status_headers_and_body_that_it_returns(backend: Backend) {
    let (app, _) = scene(backend).await;
    let mut admin = app.user("admin").await;
    let headers = json!({ "Content-Type": "text/html", "X-Own": "1", "Location": "/elsewhere" });
    let answer =
        told(&mut admin, &json!({ "statusCode": 302, "headers": headers, "body": "<p>é</p>" })).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (302, "<p>é</p>"));
    for (name, value) in [("content-type", "text/html"), ("x-own", "1"), ("location", "/elsewhere")] {
        assert_eq!(header(&answer, name), [value]);
    }
    let answer = told(&mut admin, &json!({ "statusCode": 499, "body": "plain" })).await;
    assert_eq!(
        (answer.status.as_u16(), header(&answer, "content-type")),
        (499, vec!["text/plain; charset=utf-8"])
    );
    let answer =
        told(&mut admin, &json!({ "statusCode": 200, "body": "aGk=", "isBase64Encoded": true })).await;
    assert_eq!(
        (answer.text.as_str(), header(&answer, "content-type")),
        ("hi", vec!["application/octet-stream"])
    );
    for empty in [json!({ "statusCode": 200 }), json!({ "statusCode": 204, "body": "none" })] {
        let answer = told(&mut admin, &empty).await;
        assert_eq!((answer.text.as_str(), header(&answer, "content-type")), ("", vec![]), "{empty}");
    }
}

#[apply(on_both)]
async fn a_function_is_told_method_path_query_headers_body_and_caller_and_no_credentials(backend: Backend) {
    let (app, _) = scene(backend).await;
    let mut admin = app.user("admin").await;
    for (name, value) in [
        ("X-Own", "1"),
        ("X-Own", "2"),
        ("Proxy-Authorization", "Basic x"),
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "x"),
        ("Content-Type", "text/plain"),
        ("Cookie", "other=1"),
    ] {
        admin.headers.push((name.to_owned(), value.to_owned()));
    }
    let path = "/api/functions/api/a%2Fb//%C3%A9/../c?x=1&x=%26&y";
    let answer = admin.send("PUT", path, "line\r\nand \"é\"").await;
    let expected = json!({
        "method": "PUT",
        "path": "/a%2Fb//%C3%A9/../c",
        "rawQuery": "x=1&x=%26&y",
        "query": { "x": ["1", "&"], "y": [""] },
        "headers": {
            "host": "localhost", "content-type": "text/plain", "x-own": "1, 2", "x-requested-with": "XMLHttpRequest",
        },
        "body": "line\r\nand \"é\"",
        "isBase64Encoded": false,
        "caller": { "id": user_id("admin"), "username": "admin", "language": "en" },
        "who": user_id("admin"),
        "length": 14,
    });
    assert_eq!(answer.body, expected, "{}", answer.text);
    let answer = admin.send("POST", "/api/functions/api", vec![0_u8, 255]).await;
    let answered = (&answer.body["path"], &answer.body["body"], &answer.body["isBase64Encoded"]);
    assert_eq!(answered, (&json!("/"), &json!("AP8="), &json!(true)));
    let answer = admin.send("GET", "/api/functions/api/?", "").await;
    assert_eq!((&answer.body["path"], &answer.body["body"]), (&json!("/"), &Value::Null));
    for method in ["DELETE", "PATCH", "OPTIONS", "PURGE"] {
        let answer = admin.send(method, "/api/functions/api/x", "").await;
        assert_eq!((answer.status, &answer.body["method"]), (StatusCode::OK, &json!(method)));
    }
    let answer = admin.send("HEAD", "/api/functions/api/x", "").await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, ""), "it has a head only");
    assert_eq!(header(&answer, "content-type"), ["application/json"]);
    // A name is written plainly.
    assert_eq!(admin.send("GET", "/api/functions/%61pi/x", "").await.status, StatusCode::NOT_FOUND);
}

#[apply(on_both)]
async fn only_a_token_counts_and_no_cookie(backend: Backend) {
    let (app, _) = scene(backend).await;
    let mut browser = app.browser("admin").await;
    let answer = browser.send("GET", "/api/functions/api/x", "").await;
    assert_eq!((answer.status, answer.codes()), (StatusCode::UNAUTHORIZED, vec!["UNAUTHENTICATED"]));
    assert!(header(&answer, "www-authenticate")[0].starts_with("Bearer"));
    // The token of the cookie, sent as a program sends it.
    assert_eq!(browser.into_bearer().send("GET", "/api/functions/api/x", "").await.status, StatusCode::OK);
    let mut forged = app.stranger();
    forged.authorization = Some("Bearer forged".to_owned());
    assert_eq!(forged.send("GET", "/api/functions/api/x", "").await.status, StatusCode::UNAUTHORIZED);
    let mut gone = app.user("admin").await;
    gone.graphql("mutation { deleteTokenCookie { deleted } }").await;
    app.run("DELETE FROM core_session");
    assert_eq!(gone.send("GET", "/api/functions/api/x", "").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(requests(&app, "").await.len(), 1, "who is refused has called nothing");
}

#[apply(on_both)]
async fn who_may_not_call_a_function_learns_nothing_of_it(backend: Backend) {
    let (app, _) = scene_with(backend, |settings| settings.functions.public_api = true).await;
    make(&app, "api", json!({})).await;
    make(&app, "other", json!({ "permissionMode": "allUsers", "isEnabled": false })).await;
    // Not there, disabled, with a name that none has, deleted, and for others.
    make(&app, "greet", json!({ "kind": "HTTP", "url": "https://example.org", "permissionMode": "public" }))
        .await;
    let found = app.user("admin").await.rows("taskFunction", "(name: \"greet\")", "uuid").await;
    app.done("admin", "deleteTaskFunction", json!({ "ids": [found[0]["uuid"]] })).await;
    for (mut client, status) in [(app.stranger(), 401), (app.user("exec1").await, 404)] {
        let mut answers = Vec::new();
        for name in ["api", "none", "other", "greet", "a_b", &"x".repeat(70), "%00", ".."] {
            let path = format!("/api/functions/{name}/x");
            answers.push((name.to_owned(), said(&client.send("POST", &path, "{}").await)));
        }
        for (name, answer) in &answers {
            assert_eq!(answer.0.as_u16(), status, "{name}");
            assert_eq!(*answer, answers[0].1, "{name}");
        }
    }
    // For people with the right, what is disabled is not there, too.
    let mut admin = app.user("admin").await;
    assert_eq!(admin.send("GET", "/api/functions/api/x", "").await.status, StatusCode::OK);
    assert_eq!(admin.send("GET", "/api/functions/other/x", "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(requests(&app, "").await.len(), 1);
}

#[apply(on_both)]
async fn everybody_who_is_logged_in_calls_a_function_for_all_users(backend: Backend) {
    let (app, _) = scene_with(backend, |_| {}).await;
    make(&app, "api", json!({ "permissionMode": "allUsers" })).await;
    let answer = app.user("norights").await.send("GET", "/api/functions/api/x", "").await;
    assert_eq!((answer.status, &answer.body["caller"]["username"]), (StatusCode::OK, &json!("norights")));
    assert_eq!(app.stranger().send("GET", "/api/functions/api/x", "").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(each(&requests(&app, "").await, "createdByUser"), [json!({ "username": "norights" })]);
}

#[apply(on_both)]
async fn a_public_function_answers_strangers_only_where_the_setting_says_so(backend: Backend) {
    let (app, _) = scene_with(backend, |_| {}).await;
    let public = json!({ "name": "api", "kind": "HANDLER", "permissionMode": "public" });
    assert_eq!(app.refused("admin", "createTaskFunction", public.clone()).await, "VALIDATION permissionMode");
    let gate = Gate::new();
    let open = app.another_process_with(
        |settings| settings.functions.public_api = true,
        |builder| answering(&gate, builder),
    );
    open.done("admin", "createTaskFunction", public).await;
    let mut stranger = open.stranger();
    let answer = stranger.send("POST", "/api/functions/api/x", "hello").await;
    let answered = (&answer.body["caller"], &answer.body["who"], &answer.body["body"]);
    assert_eq!(answered, (&Value::Null, &Value::Null, &json!("hello")), "{}", answer.text);
    // Whoever says who he is, is told of.
    let answer = open.user("exec1").await.send("POST", "/api/functions/api/x", "hello").await;
    assert_eq!(answer.body["caller"]["username"], "exec1");
    // A token that is none makes a stranger, and the function does not see it.
    stranger.authorization = Some("Bearer of-another".to_owned());
    let answer = stranger.send("POST", "/api/functions/api/x", "").await;
    assert_eq!(
        (&answer.body["caller"], &answer.body["headers"]["authorization"]),
        (&Value::Null, &Value::Null)
    );
    // The other process does not let them in.
    let answer = app.stranger().send("POST", "/api/functions/api/x", "hello").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.user("exec1").await.send("POST", "/api/functions/api/x", "").await.status, StatusCode::OK);
    // There it may be changed otherwise, but not made public again.
    let id = app.user("admin").await.rows("taskFunction", "", "uuid").await[0]["uuid"].clone();
    app.done("admin", "updateTaskFunction", json!({ "id": id, "permissionMode": "public", "timeLimit": 4 }))
        .await;
    app.done("admin", "updateTaskFunction", json!({ "id": id, "permissionMode": "allUsers" })).await;
    let again = json!({ "id": id, "permissionMode": "public" });
    assert_eq!(app.refused("admin", "updateTaskFunction", again).await, "VALIDATION permissionMode");
}

#[apply(on_both)]
async fn strangers_have_a_rate_by_address_and_small_bodies(backend: Backend) {
    let clock = FixedClock::new(beginning());
    let (own, gate) = (clock.clone(), Gate::new());
    let settings = |settings: &mut Settings| {
        settings.functions.public_api = true;
        settings.functions.public_per_minute = 3;
    };
    let app = TestApp::start_with(backend, settings, |builder| answering(&gate, builder.clock(own))).await;
    make(&app, "api", json!({ "permissionMode": "public" })).await;
    let mut stranger = app.stranger();
    let path = "/api/functions/api/x";
    let answer = stranger.send("POST", path, "x".repeat(64 * 1024)).await;
    assert_eq!((answer.status, &answer.body["length"]), (StatusCode::OK, &json!(65_536)));
    let answer = stranger.send("POST", path, "x".repeat(64 * 1024 + 1)).await;
    assert_eq!((answer.status, answer.codes()), (StatusCode::PAYLOAD_TOO_LARGE, vec!["LIMIT"]));
    assert!(answer.message().contains("functions.public_bytes"), "{}", answer.text);
    assert_eq!(stranger.send("POST", path, "").await.status, StatusCode::OK);
    let answer = stranger.send("POST", path, "").await;
    assert_eq!((answer.status, answer.codes()), (StatusCode::TOO_MANY_REQUESTS, vec!["LIMIT"]));
    assert_eq!(header(&answer, "retry-after"), ["60"]);
    // Others are not held up: another address, and people.
    let mut other = app.stranger();
    other.address = "192.0.2.7:1".parse().expect("an address");
    assert_eq!(other.send("POST", path, "").await.status, StatusCode::OK);
    let mut person = app.user("norights").await;
    assert_eq!(person.send("POST", path, "x".repeat(100_000)).await.status, StatusCode::OK);
    clock.advance(TimeDelta::seconds(60));
    assert_eq!(stranger.send("POST", path, "").await.status, StatusCode::OK);
    assert_eq!(requests(&app, "").await.len(), 5, "who is refused has called nothing");
}

#[apply(on_both)]
async fn what_a_function_answers_badly_is_502_and_the_reason_is_kept(backend: Backend) {
    let (app, _) = scene(backend).await;
    let mut admin = app.user("admin").await;
    let injected = json!({ "statusCode": 200, "headers": { "x": "1\r\nSet-Cookie: JWT=x" } });
    for (answer, words) in [
        (json!(null), "an object"),
        (json!("text"), "an object"),
        (json!({ "body": "x" }), "statusCode"),
        (json!({ "statusCode": 100 }), "statusCode"),
        (json!({ "statusCode": 500 }), "statusCode"),
        (json!({ "statusCode": 200, "body": 7 }), "body"),
        (json!({ "statusCode": 200, "body": "?", "isBase64Encoded": true }), "base64"),
        (injected, "one line"),
        (json!({ "statusCode": 200, "headers": { "x\r\nSet-Cookie": "JWT=x" } }), "no name"),
        (json!({ "statusCode": 200, "headers": { "x": "\0" } }), "one line"),
        (json!({ "statusCode": 200, "headers": { "X-A": "1", "x-a": "2" } }), "twice"),
    ] {
        let given = told(&mut admin, &answer).await;
        assert_eq!((given.status, given.codes()), (StatusCode::BAD_GATEWAY, vec!["INTERNAL"]), "{answer}");
        assert!(header(&given, "set-cookie").is_empty() && header(&given, "x").is_empty(), "{answer}");
        let kept = requests(&app, "(orderBy: \"-id\", first: 1)").await.remove(0);
        assert_eq!((&kept["statusCode"], &kept["error"]["type"]), (&json!(502), &json!("RESPONSE")));
        let message = kept["error"]["message"].as_str().expect("a text");
        assert!(message.contains(words), "{answer}: {message}");
    }
    for (path, name) in [("fails", "noAccount"), ("panics", "brokenOff")] {
        let given = admin.send("GET", &format!("/api/functions/api/{path}"), "").await;
        assert_eq!(given.status, StatusCode::BAD_GATEWAY);
        assert!(
            !given.text.contains("secret"),
            "the words of an error are for who reads logs: {}",
            given.text
        );
        let kept = requests(&app, "(errorType: RUNTIME, orderBy: \"-id\", first: 1)").await.remove(0);
        assert_eq!(kept["error"]["name"], name);
    }
    // Nobody registers it in the other process.
    let bare = app.another_process();
    assert_eq!(
        bare.user("admin").await.send("GET", "/api/functions/api/x", "").await.status,
        StatusCode::BAD_GATEWAY
    );
    let kept = requests(&app, "(errorType: INVOCATION)").await.remove(0);
    assert_eq!((&kept["error"]["name"], &kept["statusCode"]), (&json!("notBegun"), &json!(502)));
}

#[apply(on_both)]
async fn no_answer_speaks_for_the_server_or_acts_in_the_name_of_the_desk(backend: Backend) {
    let (app, _) = scene(backend).await;
    let mut admin = app.user("admin").await;
    let headers = json!({
        "Set-Cookie": "JWT=x", "Transfer-Encoding": "chunked", "Connection": "close", "Keep-Alive": "timeout=5",
        "Content-Length": "3", "Upgrade": "h2c", "Proxy-Authenticate": "Basic", "WWW-Authenticate": "Basic",
        "Clear-Site-Data": "\"cookies\"", "Strict-Transport-Security": "max-age=0", "Alt-Svc": "h2=\"x:1\"",
        "Content-Security-Policy": "default-src *", "X-Content-Type-Options": "off", "X-Frame-Options": "ALLOWALL",
        "X-Request-Id": "forged", "Cache-Control": "max-age=5", "Refresh": "0; url=https://elsewhere.example",
        "Link": "<https://elsewhere.example>; rel=preload; as=script", "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Credentials": "true", "Access-Control-Of-Tomorrow": "x", "Accept-CH": "Width",
        "Date": "Thu, 01 Jan 1970 00:00:00 GMT", "Server": "forged",
    });
    let answer =
        told(&mut admin, &json!({ "statusCode": 200, "headers": headers, "body": "long enough" })).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "long enough"));
    for name in [
        "set-cookie",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "upgrade",
        "proxy-authenticate",
        "www-authenticate",
        "clear-site-data",
        "strict-transport-security",
        "alt-svc",
        "refresh",
        "link",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-of-tomorrow",
        "accept-ch",
        "date",
        "server",
    ] {
        assert!(header(&answer, name).is_empty(), "{name}");
    }
    assert_eq!(header(&answer, "cache-control"), ["max-age=5"], "that is the function's to say");
    assert_ne!(header(&answer, "x-request-id"), ["forged"]);
    // Whatever the answer is, and whoever gives it.
    let late = admin.send("GET", "/api/functions/api/fails", "").await;
    let large =
        app.user("admin").await.send("POST", "/api/functions/api/x", vec![0; 6 * 1024 * 1024 + 1]).await;
    let unknown = admin.send("GET", "/api/functions/none", "").await;
    let stranger = app.stranger().send("GET", "/api/functions/api", "").await;
    for (status, answer) in [(200, answer), (502, late), (413, large), (404, unknown), (401, stranger)] {
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        assert_eq!(header(&answer, "content-security-policy"), ["sandbox"], "{status}");
        assert_eq!(header(&answer, "x-content-type-options"), ["nosniff"], "{status}");
        assert_eq!(header(&answer, "x-frame-options"), ["DENY"], "{status}");
    }
}

#[apply(on_both)]
async fn a_refusal_of_a_function_asks_for_no_password_in_the_servers_name(backend: Backend) {
    let (app, _) = scene(backend).await;
    let mut admin = app.user("admin").await;
    let refusal =
        json!({ "statusCode": 401, "headers": { "WWW-Authenticate": "Basic realm=\"desk\"" }, "body": "no" });
    let answer = told(&mut admin, &refusal).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::UNAUTHORIZED, "no"));
    // The token was no fault.
    assert_eq!(header(&answer, "www-authenticate"), ["Bearer realm=\"tasks-management\""]);
}

#[apply(on_both)]
async fn a_body_has_six_megabytes_at_most(backend: Backend) {
    const MOST: usize = 6 * 1024 * 1024;
    let (app, _) = scene(backend).await;
    let mut admin = app.user("admin").await;
    let answer = admin.send("POST", "/api/functions/api/x", vec![b'x'; MOST]).await;
    assert_eq!((answer.status, &answer.body["length"]), (StatusCode::OK, &json!(MOST)));
    // What takes six times its size in JSON comes in base64.
    let answer = admin.send("POST", "/api/functions/api/x", vec![1; MOST]).await;
    assert_eq!((answer.status, &answer.body["length"]), (StatusCode::OK, &json!(MOST / 3 * 4)));
    let answer = admin.send("POST", "/api/functions/api/x", vec![b'x'; MOST + 1]).await;
    assert_eq!((answer.status, answer.codes()), (StatusCode::PAYLOAD_TOO_LARGE, vec!["LIMIT"]));
    assert!(answer.message().contains("functions.api_bytes"), "{}", answer.text);
    assert_eq!(requests(&app, "").await.len(), 2);
}

#[apply(on_both)]
async fn a_slow_function_is_504_and_is_not_called_again(backend: Backend) {
    let (app, gate) = scene_with(backend, |settings| settings.functions.api_timeout_s = 1).await;
    let policy = json!({ "enabled": true, "pausesSeconds": [0] });
    make(&app, "api", json!({ "retryPolicy": policy, "isIdempotent": true })).await;
    let answer = app.user("admin").await.send("GET", "/api/functions/api/waits", "").await;
    assert_eq!((answer.status, answer.codes()), (StatusCode::GATEWAY_TIMEOUT, vec!["INTERNAL"]));
    let kept = requests(&app, "").await.remove(0);
    assert_eq!(
        (&kept["statusCode"], &kept["error"]["name"], &kept["error"]["type"]),
        (&json!(504), &json!("timeLimitExceeded"), &json!("RUNTIME"))
    );
    assert!(kept["duration"].as_i64() >= Some(1_000), "{kept}");
    gate.has_begun().await;
    while app.module.deliver_due().await.expect("executes") > 0 {}
    assert_eq!(gate.begun.available_permits(), 0, "once at most");
    assert_eq!(app.count("SELECT count(*) FROM task_management_functionrun"), 0, "a request is no run");
}

#[apply(on_both)]
async fn a_function_has_so_many_calls_at_once_and_in_a_minute(backend: Backend) {
    let clock = FixedClock::new(beginning());
    let (own, gate) = (clock.clone(), Gate::new());
    let build = |builder: Builder| answering(&gate, builder.clock(own.clone()));
    let app = TestApp::start_with(backend, |_| {}, build).await;
    make(&app, "api", json!({ "maxConcurrency": 1, "runsPerMinute": 3 })).await;
    let mut admin = app.user("admin").await;
    let mut busy = admin.clone();
    let waiting = tokio::spawn(async move { busy.send("GET", "/api/functions/api/waits", "").await });
    gate.has_begun().await;
    let answer = admin.send("GET", "/api/functions/api/x", "").await;
    assert_eq!((answer.status, answer.codes()), (StatusCode::TOO_MANY_REQUESTS, vec!["LIMIT"]));
    assert_eq!(header(&answer, "retry-after"), ["1"]);
    // Runs have the same places.
    app.done("admin", "createFunctionRun", json!({ "functionName": "api" })).await;
    app.module.deliver_due().await.expect("executes");
    assert_eq!(app.count("SELECT count(*) FROM task_management_functionrun WHERE status = 'NEW'"), 1);
    gate.open();
    assert_eq!(waiting.await.expect("it answers").text, "waited");
    app.module.deliver_due().await.expect("executes");
    assert_eq!(app.count("SELECT count(*) FROM task_management_functionrun WHERE status = 'COMPLETE'"), 1);
    // All processes count the minute together, and runs count too.
    let other = app.another_process_with(|_| {}, build);
    let mut elsewhere = other.user("admin").await;
    assert_eq!(elsewhere.send("GET", "/api/functions/api/x", "").await.status, StatusCode::OK);
    for client in [&mut admin, &mut elsewhere] {
        let answer = client.send("GET", "/api/functions/api/x", "").await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{}", answer.text);
        let seconds: i64 = header(&answer, "retry-after")[0].parse().expect("seconds");
        assert_eq!(seconds, 60 - clock.now().and_utc().timestamp() % 60);
    }
    clock.advance(TimeDelta::seconds(60));
    assert_eq!(admin.send("GET", "/api/functions/api/x", "").await.status, StatusCode::OK);
    assert_eq!(requests(&app, "").await.len(), 3, "what is refused is no call");
}

#[apply(on_both)]
async fn a_call_goes_on_when_the_caller_goes_away(backend: Backend) {
    let (app, gate) = scene(backend).await;
    let mut admin = app.user("admin").await;
    tokio::select! {
        _ = admin.send("GET", "/api/functions/api/waits", "") => panic!("it waits"),
        () = gate.has_begun() => {}
    }
    let kept = requests(&app, "").await.remove(0);
    assert_eq!((&kept["statusCode"], &kept["duration"]), (&Value::Null, &Value::Null), "it is under way");
    gate.open();
    let ended = "SELECT count(*) FROM task_management_functionrequest WHERE status_code = 200";
    until("the call ends", || app.count(ended) == 1).await;
    assert_eq!(gate.begun.available_permits(), 0, "it was called once");
}

#[apply(on_both)]
async fn each_call_is_kept_whichever_process_was_asked_for_who_may_read_logs(backend: Backend) {
    let (app, gate) = scene(backend).await;
    make(&app, "other", json!({ "permissionMode": "allUsers" })).await;
    let other = app.another_process_with(|_| {}, |builder| answering(&gate, builder));
    let mut calls = tokio::task::JoinSet::new();
    for (n, process) in [&app, &other, &app, &other].into_iter().enumerate() {
        let mut client = process.user("exec1").await;
        calls.spawn(async move {
            client.send("GET", &format!("/api/functions/other/{n}?secret=1"), "").await.status
        });
    }
    while let Some(status) = calls.join_next().await {
        assert_eq!(status.expect("nobody panicked"), StatusCode::OK);
    }
    app.user("admin").await.send("DELETE", "/api/functions/api/fails", "").await;
    let all = requests(&app, "").await;
    assert_eq!(all.len(), 5);
    let mut paths: Vec<Value> = each(&all[..4], "path");
    paths.sort_by_key(ToString::to_string);
    assert_eq!(paths, ["/0", "/1", "/2", "/3"], "queries are not kept");
    let failed = &all[4];
    let expected = json!({
        "uuid": failed["uuid"], "functionName": "api", "method": "DELETE", "path": "/fails", "statusCode": 502,
        "duration": failed["duration"], "createdByUser": { "username": "admin" },
        "error": { "name": "noAccount", "message": "secret words", "type": "RUNTIME" },
    });
    assert_eq!(*failed, expected);
    for (arguments, count) in [
        ("(functionName: \"other\")", 4),
        ("(method: \"DELETE\")", 1),
        ("(statusCode: 502)", 1),
        ("(statusCode_Lt: 300)", 4),
        ("(errorName: \"noAccount\")", 1),
        (&format!("(createdByUserId: \"{}\")", user_id("exec1")), 4),
        ("(creationTimestamp_Gt: \"2100-01-01T00:00:00\")", 0),
    ] {
        assert_eq!(requests(&app, arguments).await.len(), count, "{arguments}");
    }
    // Who may not read logs sees none, not even one's own.
    let mut exec1 = app.user("exec1").await;
    assert_eq!(exec1.graphql("{ functionRequests { totalCount } }").await.codes(), ["FORBIDDEN"]);
    let id = app.user("admin").await.rows("functionRequests", "(first: 1)", "id").await[0]["id"].clone();
    let query = format!("{{ node(id: {id}) {{ id ... on FunctionRequestGQLType {{ method }} }} }}");
    assert_eq!(*exec1.graphql(&query).await.data("node"), Value::Null);
    assert_eq!(app.user("admin").await.graphql(&query).await.data("node")["method"], "GET");
    // A deleted function leaves them.
    let found = app.user("admin").await.rows("taskFunction", "(name: \"other\")", "uuid").await;
    app.done("admin", "deleteTaskFunction", json!({ "ids": [found[0]["uuid"]] })).await;
    assert_eq!(requests(&app, "").await.len(), 5);
}

#[apply(on_both)]
async fn what_is_long_is_kept_in_part(backend: Backend) {
    let (app, _) = scene(backend).await;
    let path = format!("/api/functions/api/{}", "x".repeat(5_000));
    let method = "M".repeat(300);
    let answer = app.user("admin").await.send(&method, &path, "").await;
    assert_eq!(answer.body["path"].as_str().map(str::len), Some(5_001), "the function is told all");
    let kept = requests(&app, "").await.remove(0);
    assert_eq!(kept["path"].as_str().map(str::len), Some(2_000));
    assert_eq!(kept["method"].as_str().map(str::len), Some(40));
}

#[apply(on_both)]
async fn a_host_leaves_the_path_out(backend: Backend) {
    let (app, gate) = scene(backend).await;
    let without = app
        .another_process_with(|settings| settings.functions.api = false, |builder| answering(&gate, builder));
    let answer = without.user("admin").await.send("GET", "/api/functions/api/x", "").await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NOT_FOUND, ""), "there is no such path");
    // In a host's router it stands where the host puts it.
    let nested = axum::Router::new().nest("/tasks", app.module.router());
    let mut client = Client::new(nested);
    client.authorization = app.user("admin").await.authorization;
    let answer = client.send("GET", "/tasks/api/functions/api/x/y", "").await;
    assert_eq!((answer.status, &answer.body["path"]), (StatusCode::OK, &json!("/x/y")), "{}", answer.text);
}

#[apply(on_both)]
async fn old_requests_are_forgotten(backend: Backend) {
    let (app, _) = scene(backend).await;
    app.user("admin").await.send("GET", "/api/functions/api/x", "").await;
    app.user("admin").await.send("GET", "/api/functions/api/y", "").await;
    let id = requests(&app, "(first: 1)").await[0]["uuid"].as_str().expect("a key").to_owned();
    app.run(&format!(
        "UPDATE task_management_functionrequest SET date_created = '2020-01-01 00:00:00' WHERE id = '{}'",
        key(&id)
    ));
    let stop = tokio_util::sync::CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    until("it is forgotten", || app.count("SELECT count(*) FROM task_management_functionrequest") == 1).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(30), workers).await.expect("it ends").expect("nobody panicked");
    assert_eq!(each(&requests(&app, "").await, "path"), ["/y"]);
}

#[apply(on_both)]
async fn a_database_that_is_further_already_gets_the_table(backend: Backend) {
    const VERSION: &str = "00000000000035";
    let (app, _) = scene(backend).await;
    let down = match backend {
        Backend::Sqlite => include_str!("../../migrations/sqlite/00000000000035_function_request/down.sql"),
        Backend::Postgres => {
            include_str!("../../migrations/postgres/00000000000035_function_request/down.sql")
        }
    };
    down.split_inclusive(';').filter(|line| !line.trim().is_empty()).for_each(|line| app.run(line));
    app.run(&format!("DELETE FROM task_management_schema_migrations WHERE version = '{VERSION}'"));
    assert_eq!(app.module.migrate().await.expect("migrates"), [VERSION]);
    assert_eq!(app.user("admin").await.send("GET", "/api/functions/api/x", "").await.status, StatusCode::OK);
    assert_eq!(requests(&app, "").await.len(), 1);
}

#[apply(on_both)]
async fn what_asks_for_an_echo_or_a_tunnel_reaches_no_function(backend: Backend) {
    let (app, _) = scene(backend).await;
    let mut client = app.user("admin").await;
    for method in ["TRACE", "CONNECT"] {
        let answer = client.send(method, "/api/functions/api/echo", "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        let allowed = header(&answer, "allow").remove(0).to_owned();
        assert!(allowed.contains("POST") && !allowed.contains(method), "{allowed}");
        assert_eq!(header(&answer, "content-security-policy"), ["sandbox"], "{method}");
    }
    assert!(requests(&app, "").await.is_empty());
    // Others do, also such as HTTP does not know.
    for method in ["PATCH", "OPTIONS", "PROPFIND"] {
        assert_ne!(
            client.send(method, "/api/functions/api/echo", "").await.status,
            StatusCode::METHOD_NOT_ALLOWED
        );
    }
    assert_eq!(requests(&app, "").await.len(), 3);
}
