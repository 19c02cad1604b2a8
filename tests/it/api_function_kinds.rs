//! Functions of the other kinds answer HTTP as handlers do: those in JavaScript, and those with a receiver.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::javascript::{make, with_runner};
use crate::support::receiver::{Manner, Receiver};
use crate::support::scenario::user_id;
use crate::support::{TestApp, apply, on_both};
use crate::webhook_deliveries::{nearby, with_clock};

/// How many bytes an answer may have.
const MOST: usize = 6 * 1024 * 1024;
/// Answers what it is told, and by whose account it asks.
const SOURCE: &str = "export default async (task, context) => {\n\
      const { method, path, query, body, caller } = task.data;\n\
      if (path === '/large') return { statusCode: 200, body: 'x'.repeat(Number(query.length[0])) };\n\
      if (path === '/echo') return { statusCode: 200, body, isBase64Encoded: task.data.isBase64Encoded };\n\
      if (path === '/loops') for (;;);\n\
      if (path === '/throws') throw new RangeError('secret words');\n\
      if (path === '/nothing') return undefined;\n\
      const asked = await context.graphql('{ task { totalCount } }');\n\
      const said = { method, query, by: caller.username, userId: task.userId, depth: task.causeDepth, asked };\n\
      return { statusCode: 201, headers: { 'content-type': 'application/json' }, body: JSON.stringify(said) };\n\
    };";

#[apply(on_both)]
async fn a_function_in_javascript_answers(backend: Backend) {
    let app = TestApp::start_with(backend, |_| {}, with_runner).await;
    let account =
        json!({ "serviceAccount": user_id("triage"), "permissionMode": "allUsers", "timeLimit": 30 });
    make(&app, "js", SOURCE, account).await;
    make(&app, "short", SOURCE, json!({ "permissionMode": "allUsers", "timeLimit": 3 })).await;
    let mut client = app.user("norights").await;
    let answer = client.send("GET", "/api/functions/js/x?a=1", "").await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let asked = answer.body["asked"]["data"]["task"]["totalCount"].as_i64();
    assert!(asked > Some(0), "the account sees what the caller does not: {}", answer.text);
    let mut rest = answer.body.clone();
    rest.as_object_mut().expect("an object").remove("asked");
    let expected = json!({ "method": "GET", "query": { "a": ["1"] }, "by": "norights", "userId": user_id("norights"), "depth": 1 });
    assert_eq!(rest, expected);
    // Much in and much out.
    let body = vec![b'\\'; 1024 * 1024];
    let answer = client.send("POST", "/api/functions/js/echo", body.clone()).await;
    assert_eq!((answer.status, answer.text.len()), (StatusCode::OK, body.len()));
    let answer = client.send("POST", "/api/functions/js/echo", vec![7_u8; 1024 * 1024]).await;
    assert_eq!((answer.status, answer.text.len()), (StatusCode::OK, body.len()));
    let large = |length: usize| format!("/api/functions/js/large?length={length}");
    let answer = client.send("GET", &large(MOST), "").await;
    assert_eq!((answer.status, answer.text.len()), (StatusCode::OK, MOST));
    for (path, status, name, kind) in [
        (large(MOST + 1), 502, "invalidResult", "RESPONSE"),
        (large(3 * MOST), 502, "invalidResult", "RESPONSE"),
        ("/api/functions/js/throws".to_owned(), 502, "RangeError", "RUNTIME"),
        ("/api/functions/js/nothing".to_owned(), 502, "invalidResult", "RESPONSE"),
        ("/api/functions/short/loops".to_owned(), 504, "timeLimitExceeded", "RUNTIME"),
    ] {
        let answer = client.send("GET", &path, "").await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text);
        assert!(!answer.text.contains("secret"), "{}", answer.text);
        let arguments = "(orderBy: \"-id\", first: 1)";
        let kept = app
            .user("admin")
            .await
            .rows("functionRequests", arguments, "error { name type }")
            .await
            .remove(0);
        assert_eq!(kept["error"], json!({ "name": name, "type": kind }), "{path}");
    }
}

#[apply(on_both)]
async fn a_function_with_a_receiver_answers(backend: Backend) {
    let (app, _) = with_clock(backend).await;
    let receiver = Receiver::start().await;
    let create =
        "mutation($in: CreateTaskFunctionMutationInput!) { createTaskFunction(input: $in) { secret } }";
    let input = json!({ "in": { "name": "pay", "kind": "HTTP", "url": receiver.url } });
    let made = app.user("admin").await.graphql_with(create, input).await;
    let secret = made.data("createTaskFunction")["secret"].as_str().expect("a secret").to_owned();
    let mut client = app.user("admin").await;
    let says = json!({ "statusCode": 202, "headers": { "x-own": "1" }, "body": "taken" });
    receiver.be(Manner::Says(200, says.to_string()));
    let answer = client.send("POST", "/api/functions/pay/out", "{\"amount\": 1}").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, "taken"));
    let sent = receiver.received().pop().expect("a request");
    assert!(sent.is_signed_with(&secret));
    let body = sent.json();
    let told = &body["data"]["data"];
    assert_eq!((&told["path"], &told["body"]), (&json!("/out"), &json!("{\"amount\": 1}")));
    assert_eq!(told["headers"]["authorization"], Value::Null);
    assert_eq!(body["data"]["userId"], user_id("admin"));
    // Its own status is no answer, and more than 250 KiB are one.
    receiver.be(Manner::Says(403, "{\"name\": \"noAccount\", \"message\": \"none\"}".to_owned()));
    assert_eq!(client.send("POST", "/api/functions/pay/out", "").await.status, StatusCode::BAD_GATEWAY);
    let long = json!({ "statusCode": 200, "body": "x".repeat(1_000_000) });
    receiver.be(Manner::Says(200, long.to_string()));
    assert_eq!(client.send("POST", "/api/functions/pay/out", "").await.text.len(), 1_000_000);
    let kept = app.user("admin").await.rows("functionRequests", "", "statusCode error { name type }").await;
    assert_eq!(kept[1], json!({ "statusCode": 502, "error": { "name": "noAccount", "type": "RUNTIME" } }));
    assert_eq!(receiver.count(), 3, "each request is sent once");
    // Where webhooks are off, nothing is sent.
    let off = app.another_process_with(
        |settings| {
            nearby(settings);
            settings.webhooks.enabled = false;
        },
        |builder| builder,
    );
    assert_eq!(
        off.user("admin").await.send("POST", "/api/functions/pay/out", "").await.status,
        StatusCode::BAD_GATEWAY
    );
    assert_eq!(receiver.count(), 3);
}

#[apply(on_both)]
async fn functions_that_call_each_other_by_http_come_to_an_end(backend: Backend) {
    let app = TestApp::start_with(backend, |_| {}, with_runner).await;
    let source = "export default async (task, context) => {\n\
          const run = 'mutation { createFunctionRun(input: { functionName: \"leaf\" }) { internalId } }';\n\
          if (task.data.path === '/runs') await context.graphql(run);\n\
          return { statusCode: 200, body: String(task.causeDepth) };\n\
        };";
    make(&app, "link", source, json!({ "serviceAccount": user_id("admin") })).await;
    make(&app, "leaf", "export default () => 1", json!({})).await;
    let mut client = app.user("admin").await;
    let header = |depth: &str| ("cause-depth".to_owned(), depth.to_owned());
    for (said, told) in [(None, "1"), (Some("0"), "1"), (Some("3"), "4"), (Some(" 8 "), "9")] {
        client.headers = said.map(header).into_iter().collect();
        let answer = client.send("GET", "/api/functions/link/", "").await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, told), "{said:?}");
    }
    // What it causes goes on from there.
    client.headers = vec![header("7")];
    assert_eq!(client.send("GET", "/api/functions/link/runs", "").await.text, "8");
    client.headers = vec![header("8")];
    assert_eq!(client.send("GET", "/api/functions/link/runs", "").await.text, "9");
    let runs =
        app.user("admin").await.rows("functionRun", "(orderBy: \"id\")", "causeDepth error { name }").await;
    let too_deep = json!({ "causeDepth": 9, "error": { "name": "tooDeep" } });
    assert_eq!(runs, [json!({ "causeDepth": 8, "error": null }), too_deep]);
    client.headers = vec![header("9")];
    let answer = client.send("GET", "/api/functions/link/", "").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{}", answer.text);
    let arguments = "(orderBy: \"-id\", first: 1)";
    let kept = app.user("admin").await.rows("functionRequests", arguments, "error { name type }").await;
    assert_eq!(kept[0]["error"], json!({ "name": "tooDeep", "type": "INVOCATION" }));
    let before = app.count("SELECT count(*) FROM task_management_functionrequest");
    for bad in [vec!["-1"], vec!["x"], vec![""], vec!["4294967297"], vec!["1", "1"]] {
        client.headers = bad.iter().map(|depth| header(depth)).collect();
        let answer = client.send("GET", "/api/functions/link/", "").await;
        assert_eq!((answer.status, answer.codes()), (StatusCode::BAD_REQUEST, vec!["VALIDATION"]), "{bad:?}");
    }
    assert_eq!(
        app.count("SELECT count(*) FROM task_management_functionrequest"),
        before,
        "these are no calls"
    );
}
