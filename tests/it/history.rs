//! History: each write of a task, a group or an executor is a version with a row of its own, and nothing else is.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::CreateTask;

use crate::support::scenario::{each, key, user_id, user_ids};
use crate::support::{apply, on_both, stable};

/// Version, kind and author of each row.
fn trail(versions: &[Value]) -> Vec<(i64, &str, &str)> {
    versions
        .iter()
        .map(|row| {
            let author = row["historyUser"]["username"].as_str().unwrap_or("nobody");
            (row["version"].as_i64().expect("a number"), row["historyType"].as_str().expect("a text"), author)
        })
        .collect()
}

#[apply(on_both)]
async fn every_write_of_a_task_is_a_version(app: TestApp) {
    let group = app.group("TRAIL", All, &["exec1", "exec2"]).await;
    let task = app.task(CreateTask::default()).await;
    let mut triage = app.user("triage").await;
    let assign = json!({ "id": task, "taskGroupId": group, "status": "ACCEPTED" });
    assert_eq!(triage.outcome("updateTask", assign).await, "ok");
    for who in ["exec1", "exec2"] {
        assert_eq!(app.vote(who, &task, json!("APPROVED")).await, "ok");
    }
    let versions = app
        .versions("task", &task, "status isDeleted userUpdated { username } dateUpdated historyDate")
        .await;
    insta::assert_snapshot!("versions", stable(&json!(versions), &[]));
    assert_eq!(each(&versions, "dateUpdated"), each(&versions, "historyDate"));
    assert_eq!(app.task_row(&task).await["version"], 5);
}

#[apply(on_both)]
async fn deleting_a_task_is_its_last_version(app: TestApp) {
    let task = app.task(CreateTask::default()).await;
    assert_eq!(app.user("triage").await.outcome("deleteTask", json!({ "ids": [task] })).await, "ok");
    let versions = app.versions("task", &task, "isDeleted").await;
    assert_eq!(trail(&versions), [(1, "CREATED", "admin"), (2, "DELETED", "triage")]);
    assert_eq!(each(&versions, "isDeleted"), [json!(false), json!(true)]);
    assert_eq!(app.task_row(&task).await, Value::Null);
}

#[apply(on_both)]
async fn every_write_of_a_group_is_a_version(app: TestApp) {
    let group = app.group("BEFORE", Any, &["exec1"]).await;
    let mut triage = app.user("triage").await;
    let renamed = json!({ "id": group, "code": "AFTER", "completionPolicy": "N", "threshold": 2 });
    let with_sources = json!({ "id": group, "code": "AFTER", "completionPolicy": "N", "threshold": 2, "taskSources": ["s"] });
    for input in [renamed, with_sources.clone(), with_sources] {
        assert_eq!(triage.outcome("updateTaskGroup", input).await, "ok");
    }
    assert_eq!(app.user("admin").await.outcome("deleteTaskGroup", json!({ "ids": [group] })).await, "ok");
    let versions = app.versions("taskGroup", &group, "code completionPolicy threshold jsonExt").await;
    insta::assert_snapshot!("versions", stable(&json!(versions), &[]));
}

#[apply(on_both)]
async fn every_write_of_a_seat_is_a_version(app: TestApp) {
    let group = app.group("SEATS", Any, &[]).await;
    let admin = app.module.requester("admin").await.expect("the fixture has an admin");
    let triage = app.module.requester("triage").await.expect("the fixture has a triage");
    let executors = app.module.task_executors();
    let executor = executors.create(&admin, key(&group), key(user_id("exec1"))).await.expect("an executor");
    for _ in 0..2 {
        executors.update(&triage, executor.id, key(user_id("exec2"))).await.expect("a change, and none");
    }
    executors.delete(&admin, vec![executor.id]).await.expect("deleted");
    let versions =
        app.versions("taskExecutor", &executor.id.to_string(), "user { username } isDeleted").await;
    assert_eq!(
        trail(&versions),
        [(1, "CREATED", "admin"), (2, "CHANGED", "triage"), (3, "DELETED", "admin")]
    );
    assert_eq!(each(&each(&versions, "user"), "username"), ["exec1", "exec2", "exec2"]);
    assert!(app.executors_in(&group).await.is_empty());
}

#[apply(on_both)]
async fn seats_that_come_and_go_with_their_group_have_versions_too(app: TestApp) {
    let group = app.group("WHOLE", Any, &["exec1", "exec2"]).await;
    app.set_executors(&group, &["exec2", "exec3"]).await;
    assert_eq!(app.user("triage").await.outcome("deleteTaskGroup", json!({ "ids": [group] })).await, "ok");
    let mut admin = app.user("admin").await;
    let mut trails: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for deleted in [false, true] {
        let arguments = format!("(taskGroup_Id: \"{group}\", isDeleted: {deleted}, orderBy: \"version\")");
        let selection = "version historyType user { username } historyUser { username }";
        for row in admin.rows("taskExecutorHistory", &arguments, selection).await {
            let text =
                format!("{} {} {}", row["version"], row["historyType"], row["historyUser"]["username"]);
            let name = row["user"]["username"].as_str().expect("a name").to_owned();
            trails.entry(name).or_default().push(text.replace('"', ""));
        }
    }
    let expected =
        [("exec1", "2 DELETED admin"), ("exec2", "2 DELETED triage"), ("exec3", "2 DELETED triage")];
    let expected =
        expected.map(|(name, end)| (name.to_owned(), vec!["1 CREATED admin".to_owned(), end.to_owned()]));
    assert_eq!(trails, BTreeMap::from(expected));
}

#[apply(on_both)]
async fn what_is_refused_leaves_no_version(app: TestApp) {
    let group = app.group("REFUSED", All, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let kinds = ["taskHistory", "taskGroupHistory", "taskExecutorHistory"];
    let mut before = Vec::new();
    for kind in kinds {
        before.push(app.total(kind).await);
    }
    let mut triage = app.user("triage").await;
    let unknown = "00000000-0000-7000-b000-00000000ffff";
    let users = [&user_ids(&["exec2"])[..], &[unknown]].concat();
    for (name, input) in [
        ("updateTaskGroup", json!({ "id": group, "code": "X", "completionPolicy": "ANY", "userIds": users })),
        ("createTaskGroup", json!({ "code": "Y", "completionPolicy": "ANY", "userIds": users })),
        ("deleteTaskGroup", json!({ "ids": [group] })),
        ("deleteTask", json!({ "ids": [task, unknown] })),
        ("updateTask", json!({ "id": task, "status": "COMPLETED", "taskGroupId": unknown })),
        ("resolveTask", json!({ "id": task, "businessStatus": "{\"x\": 1}" })),
    ] {
        let outcome = triage.outcome(name, input).await;
        assert_ne!(outcome, "ok", "{name}");
    }
    for (kind, before) in kinds.into_iter().zip(before) {
        assert_eq!(app.total(kind).await, before, "{kind}");
    }
}

#[apply(on_both)]
async fn history_is_newest_first_unless_ordered_otherwise(app: TestApp) {
    let group = app.group("ORDER", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    let mut admin = app.user("admin").await;
    for (order, expected) in [("", [3, 2, 1]), (", orderBy: \"version\"", [1, 2, 3])] {
        let rows = admin.rows("taskHistory", &format!("(id: \"{task}\"{order})"), "version").await;
        assert_eq!(each(&rows, "version"), expected);
    }
}
