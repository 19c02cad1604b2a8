//! Two people act at the same moment, each through a server process of their own.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::CreateTask;

use crate::support::scenario::{each, user_id, user_ids};
use crate::support::{Client, apply, on_both};

/// Runs two mutations at the same moment; returns the outcomes.
pub async fn at_once(mutations: [(&Client, &'static str, Value); 2]) -> [String; 2] {
    let [one, other] = mutations.map(|(client, name, input)| {
        let mut client = client.clone();
        tokio::spawn(async move { client.outcome(name, input).await })
    });
    [one.await.expect("it runs"), other.await.expect("it runs")]
}

/// The outcomes, whoever was first.
pub fn sorted(mut outcomes: [String; 2]) -> [String; 2] {
    outcomes.sort_unstable();
    outcomes
}

#[apply(on_both)]
async fn only_one_of_two_groups_gets_a_code_or_a_source(app: TestApp) {
    let (one, other) = (app.user("triage").await, app.another_process().user("admin").await);
    for round in 0..10 {
        let coded = |round: i32| json!({ "code": format!("C{round}"), "completionPolicy": "ALL" });
        let outcomes =
            at_once([(&one, "createTaskGroup", coded(round)), (&other, "createTaskGroup", coded(round))])
                .await;
        assert_eq!(sorted(outcomes), ["VALIDATION", "ok"], "codes");
        let claiming = |name: &str| json!({ "code": format!("{name}{round}"), "completionPolicy": "ALL", "taskSources": [format!("s{round}")] });
        let outcomes =
            at_once([(&one, "createTaskGroup", claiming("A")), (&other, "createTaskGroup", claiming("B"))])
                .await;
        assert_eq!(sorted(outcomes), ["VALIDATION", "ok"], "sources");
    }
}

#[apply(on_both)]
async fn only_one_of_two_tasks_is_about_an_entity(app: TestApp) {
    let (one, other) = (app.user("triage").await, app.another_process().user("admin").await);
    for round in 0..10 {
        let about = || json!({ "entityType": "zoo.animal", "entityId": round.to_string() });
        let outcomes = at_once([(&one, "createTask", about()), (&other, "createTask", about())]).await;
        assert_eq!(sorted(outcomes), ["CONFLICT", "ok"]);
    }
}

#[apply(on_both)]
async fn a_task_is_closed_once(app: TestApp) {
    let (one, other) = (app.user("triage").await, app.another_process().user("admin").await);
    let group = app.group("CLOSED", Any, &["exec1"]).await;
    for _ in 0..10 {
        let task = app.task_in(&group).await;
        let close = |status: &str| json!({ "id": task, "status": status });
        let outcomes =
            at_once([(&one, "updateTask", close("COMPLETED")), (&other, "updateTask", close("FAILED"))])
                .await;
        let status = if outcomes[0] == "ok" { "COMPLETED" } else { "FAILED" };
        assert_eq!(sorted(outcomes), ["CONFLICT", "ok"]);
        let versions = app.versions("task", &task, "status").await;
        assert_eq!(each(&versions, "status"), ["ACCEPTED", status]);
    }
}

#[apply(on_both)]
async fn a_group_is_not_deleted_under_a_new_task(app: TestApp) {
    let (one, other) = (app.user("triage").await, app.another_process().user("admin").await);
    for round in 0..10 {
        let source = format!("late{round}");
        let group = app.group_with(&format!("LATE{round}"), Any, None, &["exec1"], &[source.as_str()]).await;
        let task = app.task(CreateTask::default()).await;
        let outcomes = at_once([
            (&one, "deleteTaskGroup", json!({ "ids": [group] })),
            (&other, "updateTask", json!({ "id": task, "taskGroupId": group, "status": "ACCEPTED" })),
        ])
        .await;
        match [outcomes[0].as_str(), outcomes[1].as_str()] {
            ["ok", "NOT_FOUND"] => assert_eq!(app.status(&task).await, "RECEIVED"),
            ["CONFLICT", "ok"] => assert_eq!(app.executors_in(&group).await, ["exec1"]),
            other => panic!("{other:?}"),
        }
        let created = json!({ "source": source });
        let outcomes =
            at_once([(&one, "deleteTaskGroup", json!({ "ids": [group] })), (&other, "createTask", created)])
                .await;
        assert_eq!(outcomes[1], "ok");
        let tasks = app.user("admin").await.rows("task", &format!("(source: \"{source}\")"), "status").await;
        let is_live = !app.group_row(&group).await.is_null();
        assert!(is_live || tasks[0]["status"] == "RECEIVED", "{tasks:?} {outcomes:?}");
    }
}

#[apply(on_both)]
async fn a_pool_does_not_change_under_a_vote(app: TestApp) {
    let other = app.another_process();
    let (exec1, triage) = (app.user("exec1").await, other.user("triage").await);
    for round in 0..10 {
        let code = format!("POOL{round}");
        let group = app.group(&code, All, &["exec1", "exec2"]).await;
        let task = app.task_in(&group).await;
        let vote =
            json!({ "id": task, "businessStatus": json!({ user_id("exec1"): "APPROVED" }).to_string() });
        let leaves =
            json!({ "id": group, "code": code, "completionPolicy": "ALL", "userIds": user_ids(&["exec1"]) });
        let outcomes = at_once([(&exec1, "resolveTask", vote), (&triage, "updateTaskGroup", leaves)]).await;
        assert_eq!(outcomes, ["ok", "ok"]);
        if app.status(&task).await == "ACCEPTED" {
            assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok", "weighed again");
        }
        let versions = app.versions("task", &task, "status").await;
        assert_eq!(each(&versions, "status"), ["ACCEPTED", "ACCEPTED", "COMPLETED"]);
    }
}
