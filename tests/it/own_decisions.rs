//! Finding again what one has decided.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any, N};
use tasks_management::CreateTask;

use crate::next_task::crowd;
use crate::support::scenario::{each, key, user_id};
use crate::support::{Backend, TestApp, apply, on_both};

/// The tasks of the test that somebody has decided, as the list says it, the latest first.
async fn decided(app: &TestApp, who: &str) -> Vec<String> {
    let filter = "(decidedByMe: true, source: \"said\", orderBy: [\"-dateUpdated\"])";
    let rows = app.user(who).await.rows("task", filter, "uuid").await;
    each(&rows, "uuid").iter().map(|id| id.as_str().expect("a key").to_owned()).collect()
}

fn of(group: Option<&str>, flow: Option<&str>) -> CreateTask {
    CreateTask {
        source: Some("said".to_owned()),
        task_group_id: group.map(key),
        flow_id: flow.map(key),
        data: Some(json!({ "amount": 1 }).into()),
        ..CreateTask::default()
    }
}

#[apply(on_both)]
async fn what_one_has_decided_is_found_until_one_takes_it_back(app: TestApp) {
    let group = app.group_with("SAID", N, Some(2), &["exec1", "exec2", "exec3"], &[]).await;
    let (open, done, not_mine) = (
        app.task(of(Some(&group), None)).await,
        app.task(of(Some(&group), None)).await,
        app.task(of(Some(&group), None)).await,
    );
    assert_eq!(decided(&app, "exec1").await, [""; 0]);
    app.approve("exec2", &not_mine).await;
    app.approve("exec1", &open).await;
    assert_eq!(app.vote("exec1", &done, json!("FAILED")).await, "ok");
    assert_eq!(app.status(&done).await, "FAILED");
    assert_eq!(decided(&app, "exec1").await, [done.clone(), open.clone()], "open or closed");
    assert_eq!(decided(&app, "exec2").await, [not_mine.as_str()]);
    let mut exec1 = app.user("exec1").await;
    let others = exec1.rows("task", "(decidedByMe: false, source: \"said\")", "uuid").await;
    assert_eq!(each(&others, "uuid"), [not_mine.as_str()]);
    let counted = "{ task(decidedByMe: true, source: \"said\") { totalCount } \
                   taskCounts(groupBy: [STATUS], decidedByMe: true, source: \"said\") { status count } }";
    let counted = exec1.graphql(counted).await;
    assert_eq!(counted.data("task")["totalCount"], 2);
    let mut counts = counted.data("taskCounts").as_array().expect("a list").clone();
    counts.sort_by_key(Value::to_string);
    let one = |status: &str| json!({ "status": status, "count": 1 });
    assert_eq!(counts, [one("ACCEPTED"), one("FAILED")]);
    // What has changed since was decided once, and waits again.
    assert_eq!(app.propose("admin", &open, json!({ "amount": 2 })).await, "ok");
    assert_eq!(decided(&app, "exec1").await, [open.clone(), done.clone()]);
    let waits = exec1.rows("task", "(decidedByMe: true, awaitingMe: true)", "uuid").await;
    assert_eq!(each(&waits, "uuid"), [open.as_str()]);
    app.approve("exec1", &open).await;
    // Who takes a vote back has decided nothing there; but for a vote on what has changed since, which stays.
    let back = app.task(of(Some(&group), None)).await;
    app.approve("exec1", &back).await;
    assert_eq!(decided(&app, "exec1").await, [back.clone(), open.clone(), done.clone()]);
    for task in [&back, &open] {
        app.done("exec1", "withdrawTaskDecision", json!({ "id": task })).await;
    }
    assert_eq!(decided(&app, "exec1").await, [open.as_str(), done.as_str()]);
}

#[apply(on_both)]
async fn it_is_found_at_later_steps_by_whom_it_is_still_shown_to(app: TestApp) {
    let first = app.group("FIRST", Any, &["exec1", "exec2", "admin"]).await;
    let second = app.group("SECOND", All, &["exec2", "exec3"]).await;
    let flow = app
        .flow_of(json!({ "code": "SAID", "steps": [{ "taskGroupId": first }, { "taskGroupId": second }] }))
        .await;
    let by_exec1 = app.task(of(None, Some(&flow))).await;
    let by_exec2 = app.task(of(None, Some(&flow))).await;
    app.approve("exec1", &by_exec1).await;
    app.approve("exec2", &by_exec2).await;
    assert_eq!(app.place(&by_exec1).await.1, Some(2));
    // Executors of the first step alone do not see the task at the second, whatever they ask for.
    assert_eq!(decided(&app, "exec1").await, [""; 0]);
    let all = app.user("exec1").await.rows("task", "(source: \"said\")", "uuid").await;
    assert_eq!(each(&all, "uuid"), [""; 0]);
    let total =
        app.user("exec1").await.graphql("{ task(decidedByMe: true, source: \"said\") { totalCount } }").await;
    assert_eq!(total.data("task")["totalCount"], 0);
    assert_eq!(decided(&app, "exec2").await, [by_exec2.as_str()], "asked at the second step, too");
    let by_admin = app.task(of(None, Some(&flow))).await;
    app.approve("admin", &by_admin).await;
    assert_eq!(decided(&app, "admin").await, [by_admin.as_str()], "who sees all tasks");
    let stranger = app.stranger().graphql("{ task(decidedByMe: true) { totalCount } }").await;
    assert_eq!(stranger.codes(), ["UNAUTHENTICATED"]);
}

/// Adds votes of a user on these tasks of [`crowd`].
fn votes(app: &TestApp, who: &str, first: u32, count: u32) {
    let new = match app.backend {
        Backend::Postgres => "gen_random_uuid()",
        Backend::Sqlite => "'0e' || substr(task.id, 3)",
    };
    let key = |number: u32| format!("0d000000-0000-7000-8000-{number:012}");
    app.run(&format!(
        "INSERT INTO task_management_taskdecision (id, is_deleted, version, date_created, date_updated, user_created, user_updated, \
         task_id, user_id, verdict, weight, is_stale) \
         SELECT {new}, false, 1, task.date_created, task.date_created, '{user}', '{user}', task.id, '{user}', 'APPROVED', 1, false \
         FROM task_management_task AS task WHERE task.id BETWEEN '{}' AND '{}'",
        key(first),
        key(first + count - 1),
        user = user_id(who),
    ));
}

#[apply(on_both)]
async fn the_few_among_many_are_found_by_an_index(app: TestApp) {
    let own = app.task_in(&app.group("MINE", All, &["exec1", "exec2"]).await).await;
    crowd(&app, &own, 1, 4_000);
    for (at, who) in (0..).zip(["exec2", "exec3", "exec4", "exec5", "admin"]) {
        votes(&app, who, 1_000 + at * 500, 500);
    }
    votes(&app, "exec1", 1, 60);
    app.run("ANALYZE");
    let counted = app.counted_process();
    let mut exec1 = counted.user("exec1").await;
    let query =
        r#"{ task(decidedByMe: true, first: 50, orderBy: ["-dateUpdated"]) { edges { node { uuid } } } }"#;
    exec1.graphql(query).await.data("task");
    counted.statements();
    let found = exec1.graphql(query).await;
    assert_eq!(found.data("task")["edges"].as_array().expect("a list").len(), 50);
    let sent = counted.statements();
    assert_eq!(sent.len(), 2, "{sent:#?}");
    let list = sent.iter().find(|text| text.contains("said.task_id")).unwrap_or_else(|| panic!("{sent:#?}"));
    let plan = app.plan(list).join("\n");
    assert!(plan.contains("task_management_taskdecision_user"), "{plan}");
    // The tasks are read by their keys, and not one after the other in the order of the list.
    assert!(!plan.contains("task_management_task_updated"), "{plan}");
    assert!(
        !plan.contains("Seq Scan on task_management_task\n") && !plan.contains("SCAN task_management_task\n"),
        "{plan}"
    );
}
