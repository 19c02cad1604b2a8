//! The priority of a task: who may set it, which values it can have, and where it is shown.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::CreateTask;

use crate::support::receiver::Receiver;
use crate::support::scenario::each;
use crate::support::{TestApp, apply, on_both};
use crate::webhook_deliveries::{endpoint, nearby};

async fn task_of(app: &TestApp, source: &str, priority: Option<i32>) -> String {
    app.task(CreateTask { source: Some(source.to_owned()), priority, ..CreateTask::default() }).await
}

async fn priority(app: &TestApp, task: &str) -> Value {
    app.user("admin").await.rows("task", &format!("(id: \"{task}\")"), "priority").await[0]["priority"]
        .clone()
}

#[apply(on_both)]
async fn a_task_has_the_priority_that_it_was_created_with_or_the_usual_one(app: TestApp) {
    for (source, asked, expected) in [("silent", None, 50), ("least", Some(0), 0), ("most", Some(100), 100)] {
        let input = json!({ "source": source, "priority": asked });
        app.done("triage", "createTask", input).await;
        let rows = app.user("triage").await.rows("task", &format!("(source: {source:?})"), "priority").await;
        assert_eq!(each(&rows, "priority"), [expected]);
    }
}

#[apply(on_both)]
async fn a_priority_out_of_range_is_refused_with_the_field_and_the_range(app: TestApp) {
    let task = task_of(&app, "books", None).await;
    for wrong in [-1, 101, i32::MIN, i32::MAX] {
        for (mutation, input) in [
            ("createTask", json!({ "priority": wrong })),
            ("updateTask", json!({ "id": task, "priority": wrong })),
        ] {
            assert_eq!(app.refused("triage", mutation, input.clone()).await, "VALIDATION priority");
            let words = app.refusal_text("triage", mutation, input).await;
            assert_eq!(words, "`priority` is out of range: from 0 to 100 is allowed.");
        }
    }
    // The database says the same, whoever writes.
    for wrong in [-1, 101] {
        let sql = format!("UPDATE task_management_task SET priority = {wrong}");
        assert!(app.try_run(&sql).is_err(), "{wrong}");
    }
}

#[apply(on_both)]
async fn only_privileged_people_change_the_priority_and_each_change_is_a_version(app: TestApp) {
    let group = app.group("URGENT", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let change = |to: i32| json!({ "id": task, "priority": to });
    assert_eq!(app.refused("exec1", "updateTask", change(90)).await, "FORBIDDEN");
    let words = app.refusal_text("exec1", "updateTask", change(90)).await;
    assert_eq!(words, "Only triage and administrators may say how urgent a task is.");
    let before = app.task_row(&task).await["version"].clone();
    app.done("triage", "updateTask", change(90)).await;
    app.done("triage", "updateTask", change(90)).await;
    assert_eq!(
        app.task_row(&task).await["version"],
        before.as_i64().expect("a number") + 1,
        "once changed, once the same"
    );
    let versions = app.versions("task", &task, "priority").await;
    assert_eq!(versions.last().expect("a version")["priority"], 90);
    assert_eq!(versions[0]["priority"], 50);
}

#[apply(on_both)]
async fn lists_and_history_are_filtered_and_sorted_by_priority(app: TestApp) {
    for (source, priority) in [("rank 10", 10), ("rank 20", 20), ("rank 30", 30)] {
        task_of(&app, source, Some(priority)).await;
    }
    let mut triage = app.user("triage").await;
    for (filter, expected) in [
        ("priority: 20", vec!["rank 20"]),
        ("priority_Lt: 20", vec!["rank 10"]),
        ("priority_Lte: 20", vec!["rank 10", "rank 20"]),
        ("priority_Gt: 20", vec!["rank 30"]),
        ("priority_Gte: 20", vec!["rank 20", "rank 30"]),
    ] {
        for list in ["task", "taskHistory"] {
            let arguments = format!("(source_Istartswith: \"rank\", orderBy: [\"priority\"], {filter})");
            let rows = triage.rows(list, &arguments, "source").await;
            assert_eq!(each(&rows, "source"), expected, "{list} {filter}");
        }
    }
    let rows =
        triage.rows("task", "(source_Istartswith: \"rank\", orderBy: [\"-priority\"])", "source").await;
    assert_eq!(each(&rows, "source"), ["rank 30", "rank 20", "rank 10"]);
}

#[apply(on_both)]
async fn webhooks_tell_the_priority(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    endpoint(&app, "books", &receiver.url, &["task_service.create"]).await;
    task_of(&app, "books", Some(77)).await;
    app.module.deliver_due().await.expect("delivers");
    assert_eq!(receiver.received()[0].json()["data"]["task"]["priority"], 77);
}

/// Writes as a process of the commit before does, which does not know the column.
#[apply(on_both)]
async fn who_does_not_know_the_column_goes_on_writing(app: TestApp) {
    let task = task_of(&app, "before", Some(80)).await;
    let columns = "is_deleted, json_ext, version, date_created, date_updated, user_created, user_updated, source, status, \
                   business_status, data";
    let id = "00000000-0000-7000-8000-00000000f001";
    app.run(&format!(
        "INSERT INTO task_management_task (id, {columns}) SELECT '{id}', {columns} FROM task_management_task WHERE id = '{task}'"
    ));
    app.run(&format!(
        "INSERT INTO task_management_historicaltask (id, {columns}, history_date, history_type) \
         SELECT id, {columns}, date_created, '+' FROM task_management_task WHERE id = '{id}'"
    ));
    assert_eq!(priority(&app, id).await, 50);
    assert_eq!(app.versions("task", id, "priority").await[0]["priority"], 50);
}
