//! A task that was given to the wrong group goes back to triage.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::CreateTask;

use crate::support::scenario::key;
use crate::support::{apply, on_both};

#[apply(on_both)]
async fn a_task_leaves_its_group_and_is_received_again(app: TestApp) {
    let (wrong, right) =
        (app.group("WRONG", Any, &["exec1"]).await, app.group("RIGHT", Any, &["exec2"]).await);
    let task = app.task_in(&wrong).await;
    app.done("triage", "updateTask", json!({ "id": task, "detachGroup": true, "comment": "not theirs" }))
        .await;
    let row = app.task_row(&task).await;
    assert_eq!((&row["status"], &row["taskGroup"]), (&json!("RECEIVED"), &Value::Null));
    assert!(app.user("exec1").await.rows("task", &format!("(id: \"{task}\")"), "uuid").await.is_empty());
    let versions = app.versions("task", &task, "historyChangeReason").await;
    assert_eq!(versions[1]["historyChangeReason"], "not theirs");
    app.done("triage", "updateTask", json!({ "id": task, "taskGroupId": right, "status": "ACCEPTED" })).await;
    app.approve("exec2", &task).await;
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn a_task_on_which_somebody_has_voted_stays_unless_the_vote_was_taken_back_or_is_stale(app: TestApp) {
    let group = app.group("VOTED", All, &["exec1", "exec2"]).await;
    let back = |task: &str| json!({ "id": task, "detachGroup": true });
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    assert_eq!(app.refused("triage", "updateTask", back(&task)).await, "CONFLICT detachGroup");
    app.done("exec1", "withdrawTaskDecision", json!({ "id": task })).await;
    app.done("triage", "updateTask", back(&task)).await;
    let other = app
        .task(CreateTask {
            executor_action_event: Some("other".to_owned()),
            task_group_id: Some(key(&group)),
            ..CreateTask::default()
        })
        .await;
    app.approve("exec1", &other).await;
    assert_eq!(app.refused("triage", "updateTask", back(&other)).await, "CONFLICT detachGroup");
}

#[apply(on_both)]
async fn only_privileged_people_give_a_task_back_and_only_one_that_a_group_has_by_hand(app: TestApp) {
    let group = app.group("GROUP", Any, &["exec1"]).await;
    let flow = app.flow("FLOW", &[&group]).await;
    let task = app.task_in(&group).await;
    let back = |task: &str| json!({ "id": task, "detachGroup": true });
    assert_eq!(app.refused("exec1", "updateTask", back(&task)).await, "FORBIDDEN");
    for more in [
        ("taskGroupId", json!(group)),
        ("flowId", json!(flow)),
        ("detachFlow", json!(true)),
        ("status", json!("COMPLETED")),
        ("status", json!("FAILED")),
    ] {
        let mut input = back(&task);
        input[more.0] = more.1;
        assert_eq!(app.refused("triage", "updateTask", input).await, "VALIDATION detachGroup", "{}", more.0);
    }
    let accepted = json!({ "id": task, "detachGroup": true, "status": "ACCEPTED" });
    assert_eq!(app.refused("triage", "updateTask", accepted).await, "VALIDATION status");
    let on_flow = app.task_on(&flow).await;
    assert_eq!(app.refused("triage", "updateTask", back(&on_flow)).await, "CONFLICT detachGroup");
    let received = app.task(CreateTask::default()).await;
    assert_eq!(app.refused("triage", "updateTask", back(&received)).await, "CONFLICT detachGroup");
    app.done("triage", "updateTask", json!({ "id": task, "detachGroup": false })).await;
    assert_eq!(app.status(&task).await, "ACCEPTED");
}
