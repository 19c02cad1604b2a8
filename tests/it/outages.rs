//! The database goes away: requests are told so in time.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::json;
use tasks_management::CreateTask;

use crate::support::{Backend, TestApp};

/// There is no other process' lock on the whole database on PostgreSQL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_while_another_process_keeps_the_file_of_sqlite_is_told_so_within_the_patience_of_the_settings()
 {
    let app = TestApp::start(Backend::Sqlite).await;
    let task = app.task(CreateTask::default()).await;
    let patience = Duration::from_millis(500);
    let hasty =
        app.another_process_with(|settings| settings.database.checkout_timeout_ms = 500, |builder| builder);
    let mut admin = hasty.user("admin").await;
    let before = app.row_counts();
    let held = app.hold_task(&task);
    let query = "mutation($in: DeleteTaskMutationInput!) { deleteTask(input: $in) { internalId } }";
    let input = json!({ "in": { "ids": [task], "clientMutationId": "while-it-is-locked" } });
    let asked = Instant::now();
    let answer = admin.graphql_with(query, input.clone()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
    // It waits for its turn in this process, and then for the other one.
    assert!((patience..patience * 6).contains(&asked.elapsed()), "{:?}", asked.elapsed());
    // Who only reads is served.
    assert_eq!(admin.graphql("{ user { username } }").await.data("user")["username"], "admin");
    held.release();
    assert_eq!(app.row_counts(), before);
    let answer = admin.graphql_with(query, input).await;
    assert!(answer.data("deleteTask")["internalId"].is_string(), "{}", answer.text);
    assert_eq!(
        app.count(&format!("SELECT count(*) FROM task_management_task WHERE id = '{task}' AND is_deleted")),
        1
    );
}
