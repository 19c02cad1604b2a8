//! How the real program stops: it finishes the work under way, but does not wait for ever.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_management::CreateTask;

use crate::support::program::{Server, wait_until};
use crate::support::{TestApp, apply, on_both};

const DELETE: &str =
    "mutation($in: DeleteTaskMutationInput!) { deleteTask(input: $in) { clientMutationId internalId } }";

/// Waiting for somebody else's lock may take as long as it takes.
const PATIENT: (&str, &str) = ("TASKS__DATABASE__CHECKOUT_TIMEOUT_MS", "30000");

fn delete(task: &str) -> Value {
    json!({ "in": { "clientMutationId": "while-stopping", "ids": [task] } })
}

fn is_deleted(app: &TestApp, task: &str) -> bool {
    let deleted = format!("FROM task_management_task WHERE id = '{task}' AND is_deleted");
    let history = format!("FROM task_management_historicaltask WHERE id = '{task}' AND history_type = '-'");
    let journal = "FROM core_mutationlog WHERE client_mutation_id = 'while-stopping' AND status = 2";
    let counts = [&deleted, &history, journal].map(|rows| app.count(&format!("SELECT count(*) {rows}")));
    assert!(counts == [1, 1, 1] || counts == [0, 0, 0], "half of it is there: {counts:?}");
    counts == [1, 1, 1]
}

#[apply(on_both)]
async fn a_request_under_way_is_answered_before_the_server_stops(app: TestApp) {
    let task = app.task(CreateTask::default()).await;
    let mut server = Server::start(app.database_url(), &[PATIENT]);
    let bearer = server.bearer("admin");
    let held = app.hold_task(&task);
    let pending = server.begin(&[("Authorization", &bearer)], DELETE, delete(&task));
    server.terminate();
    wait_until("new connections are refused", || !server.is_listening());
    assert!(server.is_running());
    held.release();
    let reply = pending.reply().expect("an answer");
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.body["data"]["deleteTask"]["internalId"].is_string(), "{reply:?}");
    assert!(server.wait().success());
    assert!(is_deleted(&app, &task));
}

#[apply(on_both)]
async fn what_was_answered_with_504_is_finished_before_the_server_stops(app: TestApp) {
    let task = app.task(CreateTask::default()).await;
    let mut server = Server::start(app.database_url(), &[PATIENT, ("TASKS__HTTP__REQUEST_TIMEOUT_S", "2")]);
    let bearer = server.bearer("admin");
    let held = app.hold_task(&task);
    let reply = server.graphql(&[("Authorization", &bearer)], DELETE, delete(&task));
    assert_eq!(reply.status, 504, "{reply:?}");
    server.terminate();
    wait_until("new connections are refused", || !server.is_listening());
    held.release();
    assert!(server.wait().success());
    assert!(is_deleted(&app, &task));
}

#[apply(on_both)]
async fn a_request_that_does_not_end_keeps_the_server_no_longer_than_the_grace(app: TestApp) {
    let task = app.task(CreateTask::default()).await;
    let mut server = Server::start(app.database_url(), &[PATIENT, ("TASKS__HTTP__SHUTDOWN_GRACE_S", "3")]);
    let bearer = server.bearer("admin");
    let before = app.row_counts();
    let held = app.hold_task(&task);
    let pending = server.begin(&[("Authorization", &bearer)], DELETE, delete(&task));
    let told = Instant::now();
    server.terminate();
    assert!(server.wait().success());
    let took = told.elapsed();
    // There is one grace for everything, not one for requests and then another for deliveries.
    assert!((Duration::from_secs(3)..Duration::from_secs(6)).contains(&took), "{took:?}");
    assert!(server.log().iter().any(|line| line.contains("given up")), "{:?}", server.log());
    assert!(pending.reply().is_none());
    held.release();
    // Nothing of it is there, and nothing is locked any more.
    assert!(!is_deleted(&app, &task));
    assert_eq!(app.row_counts(), before);
    let input = json!({ "ids": [task] });
    assert_eq!(app.user("admin").await.outcome("deleteTask", input).await, "ok");
}
