//! The database goes away under load: requests are told so in time, nothing is lost, and nothing has to be started again.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::json;
use tasks_management::CreateTask;

use crate::support::example::{example, reported};
use crate::support::{Backend, TestApp};

fn endured(output: &Output) {
    assert!(output.status.success(), "{output:#?}");
    assert!(reported(output, "during the outage: requests told so (503)") > 0);
    assert!(reported(output, "votes acknowledged") > 0);
    assert_eq!(reported(output, "violations"), 0);
}

mod a_database_that_goes_away_under_load_costs_no_event_and_no_restart_and_bounded_memory {
    use super::*;

    #[test]
    fn sqlite() {
        let run = ["run", "--kills", "0", "--outage-s", "5"];
        endured(&Command::new(example("kill")).args(run).output().expect("it runs"));
    }

    /// On a server of its own, which is stopped as by a crash.
    #[test]
    fn postgres() {
        let run =
            r#"exec "$0" run --kills 0 --outage-s 5 --stop-server --database "$TASKS_TEST_POSTGRES_URL""#;
        let output = Command::new("scripts/with-postgres")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["sh", "-c", run])
            .arg(example("kill"))
            .output();
        endured(&output.expect("it runs"));
    }
}

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
    // The request waits for its turn in this process, and then for the other process.
    assert!((patience..patience * 6).contains(&asked.elapsed()), "{:?}", asked.elapsed());
    // Requests that only read are served.
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
