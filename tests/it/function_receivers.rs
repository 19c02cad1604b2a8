//! Functions of the kind HTTP: a receiver is sent each run, signed, and what it answers is the result.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::receiver::{Manner, Receiver};
use crate::support::scenario::each;
use crate::support::{TestApp, apply, on_both, until};
use crate::webhook_deliveries::{nearby, with_clock};

/// Makes a function whose receiver stands there; returns the secret.
async fn make(app: &TestApp, url: &str, more: Value) -> String {
    let mut input = json!({ "name": "pay", "kind": "HTTP", "url": url });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let create =
        "mutation($in: CreateTaskFunctionMutationInput!) { createTaskFunction(input: $in) { secret } }";
    let answer = app.user("admin").await.graphql_with(create, json!({ "in": input })).await;
    answer.data("createTaskFunction")["secret"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", answer.text))
        .to_owned()
}

/// Has the function run once; returns what came of it.
async fn run(app: &TestApp) -> Value {
    let input =
        json!({ "functionName": "pay", "data": "{\"amount\": 12345678901234567890.10}", "tags": ["t"] });
    app.done("admin", "createFunctionRun", input).await;
    app.module.deliver_due().await.expect("executes");
    let fields = "uuid status result error { name message type }";
    app.user("admin").await.rows("functionRun", "(orderBy: \"-id\", first: 1)", fields).await.remove(0)
}

#[apply(on_both)]
async fn a_receiver_is_sent_the_run_signed_and_its_answer_is_the_result(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let receiver = Receiver::start().await;
    receiver.be(Manner::Says(200, "{\"paid\": 12345678901234567890.10}".to_owned()));
    let variables = json!([{ "name": "ACCOUNT", "value": "4711" }]);
    let secret = make(&app, &receiver.url, json!({ "environmentVariables": variables })).await;
    let done = run(&app).await;
    assert_eq!(
        (&done["status"], &done["result"]),
        (&json!("COMPLETE"), &json!("{\"paid\":12345678901234567890.10}"))
    );
    let sent = receiver.received().pop().expect("a request");
    assert!(sent.is_signed_with(&secret) && sent.line.starts_with("POST /hook "), "{}", sent.line);
    assert_eq!(sent.header("webhook-id"), done["uuid"]);
    let body = sent.json();
    assert_eq!(body["type"], "task_function.run");
    let expected = json!({
        "id": done["uuid"], "functionName": "pay", "attempt": 1, "causeDepth": 1, "tags": ["t"],
        "environmentVariables": { "ACCOUNT": "4711" }, "userId": body["data"]["userId"], "data": body["data"]["data"],
    });
    assert_eq!(body["data"], expected);
    assert!(String::from_utf8_lossy(&sent.body).contains("12345678901234567890.10"), "digits stay");
    // A new secret signs beside the old one for a while.
    let rotate = "mutation($in: RotateTaskFunctionSecretMutationInput!) { rotateTaskFunctionSecret(input: $in) { secret } }";
    let mut admin = app.user("admin").await;
    let id = admin.rows("taskFunction", "", "uuid").await[0]["uuid"].clone();
    let answer = admin.graphql_with(rotate, json!({ "in": { "id": id, "keepOldForS": 60 } })).await;
    let newer = answer.data("rotateTaskFunctionSecret")["secret"].as_str().expect("a secret").to_owned();
    run(&app).await;
    let sent = receiver.received().pop().expect("a request");
    assert!(sent.is_signed_with(&secret) && sent.is_signed_with(&newer));
    clock.advance(chrono::TimeDelta::seconds(60));
    run(&app).await;
    let sent = receiver.received().pop().expect("a request");
    assert!(!sent.is_signed_with(&secret) && sent.is_signed_with(&newer));
    assert_eq!(receiver.count(), 3, "each run is sent once");
}

#[apply(on_both)]
async fn what_a_receiver_does_wrong_is_said(backend: Backend) {
    let (app, _) = with_clock(backend).await;
    let receiver = Receiver::start().await;
    make(&app, &receiver.url, json!({ "timeLimit": 3 })).await;
    receiver.answer(204);
    assert_eq!(run(&app).await["result"], "null", "no body is no result");
    for (manner, name, kind, words) in [
        (Manner::Says(503, "busy".to_owned()), "http503", "RUNTIME", "busy"),
        (
            Manner::Says(422, "{\"name\": \"noAccount\", \"message\": \"none\"}".to_owned()),
            "noAccount",
            "RUNTIME",
            "none",
        ),
        (Manner::Says(200, "<html>".to_owned()), "invalidResult", "RESPONSE", "JSON"),
        (Manner::Says(200, format!("\"{}\"", "x".repeat(300_000))), "invalidResult", "RESPONSE", "bytes"),
        (Manner::Endless(200), "invalidResult", "RESPONSE", "bytes"),
        (Manner::Answers(302, "location: http://127.0.0.1:1/\r\n".to_owned()), "http302", "RUNTIME", "302"),
        (Manner::Resets, "unreachable", "INVOCATION", ""),
    ] {
        receiver.be(manner.clone());
        let error = run(&app).await["error"].clone();
        assert_eq!((&error["name"], &error["type"]), (&json!(name), &json!(kind)), "{manner:?}: {error}");
        assert!(
            error["message"].as_str().is_some_and(|message| message.contains(words)),
            "{manner:?}: {error}"
        );
    }
    for manner in [Manner::Silent, Manner::Drips] {
        receiver.be(manner.clone());
        let error = run(&app).await["error"].clone();
        let late = ["timeLimitExceeded", "unreachable", "invalidResult"];
        assert!(late.contains(&error["name"].as_str().unwrap_or_default()), "{manner:?}: {error}");
    }
    // The settings have become stricter since.
    let strict = app.another_process();
    let connections = receiver.connections();
    app.done("admin", "createFunctionRun", json!({ "functionName": "pay" })).await;
    strict.module.deliver_due().await.expect("executes");
    let error =
        app.user("admin").await.rows("functionRun", "(errorName: \"notBegun\")", "error { message }").await;
    assert_eq!(error.len(), 1);
    assert_eq!(receiver.connections(), connections);
}

#[apply(on_both)]
async fn a_receiver_is_asked_again_after_errors_that_the_policy_names(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    receiver.answer(503);
    let policy = json!({ "enabled": true, "errorsToRetry": ["http503"], "pausesSeconds": [0, 0] });
    make(&app, &receiver.url, json!({ "retryPolicy": policy })).await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    app.done("admin", "createFunctionRun", json!({ "functionName": "pay" })).await;
    until("it is given up", || {
        app.count("SELECT count(*) FROM task_management_functionrun WHERE status = 'FAILED'") == 1
    })
    .await;
    let sent = receiver.received();
    let attempts: Vec<Value> = sent.iter().map(|sent| sent.json()["data"]["attempt"].clone()).collect();
    assert_eq!(attempts, [json!(1), json!(2), json!(3)]);
    let runs = app.user("admin").await.rows("functionRun", "", "status").await;
    assert_eq!(each(&runs, "status"), ["RETRIED", "RETRIED", "FAILED"]);
    stop.cancel();
    workers.await.expect("the workers end");
}
