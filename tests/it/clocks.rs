//! Clocks that do not agree, and clocks that go back.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::json;
use tasks_management::CreateTask;
use tasks_management::{Clock as _, CompletionPolicy::All, FixedClock};

use crate::sessions::with_clock;
use crate::support::scenario::each;
use crate::support::{apply, on_both};

#[apply(on_both)]
async fn a_login_holds_at_once_on_a_server_whose_clock_is_behind(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let client = app.user("exec1").await;
    for (behind_s, status) in [(1, StatusCode::OK), (30, StatusCode::OK), (31, StatusCode::UNAUTHORIZED)] {
        let late = FixedClock::new(clock.now() - TimeDelta::seconds(behind_s));
        let other = app.another_process_with(|_| {}, |builder| builder.clock(late));
        let mut there = other.stranger();
        there.authorization.clone_from(&client.authorization);
        let answer = there.graphql("{ user { username } }").await;
        assert_eq!(answer.status, status, "{behind_s} seconds: {}", answer.text);
    }
}

#[apply(on_both)]
async fn the_newest_version_comes_first_after_the_clock_was_set_back(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let group = app.group("BACK", All, &["exec1", "exec2"]).await;
    let task = app.task(CreateTask::default()).await;
    clock.advance(TimeDelta::hours(-1));
    // A token that was signed later than now is no longer valid.
    let mut triage = app.user("triage").await;
    let assign = json!({ "id": task, "taskGroupId": group, "status": "ACCEPTED" });
    assert_eq!(triage.outcome("updateTask", assign).await, "ok");
    clock.advance(TimeDelta::hours(-1));
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    let mut admin = app.user("admin").await;
    for order in ["", ", orderBy: [\"-historyDate\"]", ", orderBy: [\"-dateUpdated\"]"] {
        let arguments = format!("(id: {task:?}{order})");
        let rows = admin.rows("taskHistory", &arguments, "version historyDate dateUpdated").await;
        let versions: Vec<i64> = rows.iter().filter_map(|row| row["version"].as_i64()).collect();
        assert!(versions.len() > 2 && versions.is_sorted_by(|a, b| a > b), "{order}: {rows:?}");
        assert_eq!(each(&rows, "dateUpdated"), each(&rows, "historyDate"));
    }
    let backwards = "SELECT count(*) FROM task_management_historicaltaskdecision AS later \
        JOIN task_management_historicaltaskdecision AS earlier ON earlier.id = later.id AND earlier.version < later.version \
        WHERE later.history_date < earlier.history_date OR later.date_updated < earlier.date_updated";
    assert_eq!(app.count(backwards), 0);
}
