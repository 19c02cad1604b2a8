//! The rules of retiring approval flows, and of deleting the groups that they ask.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};

use crate::rules_flow::place;
use crate::support::scenario::each;
use crate::support::{TestApp, apply, on_both};

/// How many versions of flows, how many steps and how many bound sources are live.
fn live(app: &TestApp) -> (i64, i64, i64) {
    let live = |table: &str| app.count(&format!("SELECT count(*) FROM {table} WHERE NOT is_deleted"));
    let claims = app.count("SELECT count(*) FROM task_management_tasksource WHERE task_flow_id IS NOT NULL");
    (live("task_management_taskflow"), live("task_management_taskflowstep"), claims)
}

#[apply(on_both)]
async fn delete_retires_the_whole_lineage_whichever_version_is_named(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    for named in 0..3 {
        let code = format!("LINE{named}");
        let flow = json!({ "code": code, "taskSources": [code], "steps": [{ "taskGroupId": group }] });
        let mut versions = vec![app.flow_of(flow).await];
        for _ in 0..2 {
            versions.push(app.replace_flow(versions.last().expect("one"), &[&group]).await);
        }
        assert_eq!(live(&app), (3, 3, 1));
        app.done("admin", "deleteTaskFlow", json!({ "ids": [versions[named]] })).await;
        assert_eq!(live(&app), (0, 0, 0));
        for version in &versions {
            assert_eq!(app.flow_row(version).await, Value::Null);
            let written = app.versions("taskFlow", version, "isDeleted dateValidTo").await;
            let last = written.last().expect("history");
            assert_eq!((&last["isDeleted"], &last["historyType"]), (&json!(true), &json!("DELETED")));
            assert_ne!(last["dateValidTo"], Value::Null, "new tasks get it no more");
        }
        let again = json!({ "ids": [versions[2]] });
        assert_eq!(app.refused("admin", "deleteTaskFlow", again).await, "NOT_FOUND id", "it is gone");
    }
}

#[apply(on_both)]
async fn delete_is_refused_while_tasks_are_in_any_version_and_says_how_many(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let old = app.flow("BUSY", &[&group]).await;
    let (first, second) = (app.task_on(&old).await, app.task_on(&old).await);
    let head = app.replace_flow(&old, &[&group]).await;
    let third = app.task_on(&head).await;
    let input = json!({ "ids": [head] });
    for (task, count) in [(&first, "3"), (&third, "2"), (&second, "1")] {
        assert_eq!(app.refused("admin", "deleteTaskFlow", input.clone()).await, "CONFLICT");
        let text = app.refusal_text("admin", "deleteTaskFlow", input.clone()).await;
        assert!(text.contains("BUSY") && text.contains(count), "{text}");
        let value = if count == "2" { json!("FAILED") } else { json!("APPROVED") };
        assert_eq!(app.vote("exec1", task, value).await, "ok");
    }
    app.done("admin", "deleteTaskFlow", input).await;
    let row = app.on_its_way(&first).await;
    assert_eq!(
        (&row["flow"]["code"], &row["currentStep"]["order"]),
        (&json!("BUSY"), &json!(1)),
        "a decided task still says how it went"
    );
}

#[apply(on_both)]
async fn deleted_and_detached_tasks_are_in_no_flow(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let flow = app.flow("LEFT", &[&group]).await;
    let (deleted, detached) = (app.task_on(&flow).await, app.task_on(&flow).await);
    assert_eq!(app.flow_row(&flow).await["inFlightCount"], 2);
    app.done("admin", "deleteTask", json!({ "ids": [deleted] })).await;
    app.done("admin", "updateTask", json!({ "id": detached, "detachFlow": true })).await;
    assert_eq!(app.flow_row(&flow).await["inFlightCount"], 0);
    app.done("admin", "deleteTaskFlow", json!({ "ids": [flow] })).await;
}

#[apply(on_both)]
async fn delete_is_all_or_nothing(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let (idle, busy) = (app.flow("IDLE", &[&group]).await, app.flow("BUSY", &[&group]).await);
    app.task_on(&busy).await;
    let unknown = "00000000-0000-7000-a000-00000000ffff";
    for (other, expected) in [(busy.as_str(), "CONFLICT"), (unknown, "NOT_FOUND id")] {
        for ids in [json!([idle, other]), json!([other, idle])] {
            assert_eq!(app.refused("admin", "deleteTaskFlow", json!({ "ids": ids })).await, expected);
        }
    }
    app.done("admin", "deleteTaskFlow", json!({ "ids": [idle, idle, null] })).await;
    assert_eq!(
        (app.flow_row(&idle).await, &app.flow_row(&busy).await["code"]),
        (Value::Null, &json!("BUSY"))
    );
}

#[apply(on_both)]
async fn a_group_is_not_deleted_while_live_flow_steps_use_it_and_the_error_says_how_many(app: TestApp) {
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    let (first, second) = (app.flow("FIRST", &[&one, &two]).await, app.flow("SECOND", &[&two]).await);
    let input = json!({ "ids": [two] });
    for (flow, count) in [(&first, "2 steps"), (&second, "1 step")] {
        assert_eq!(app.refused("admin", "deleteTaskGroup", input.clone()).await, "CONFLICT");
        let text = app.refusal_text("admin", "deleteTaskGroup", input.clone()).await;
        assert!(text.contains("TWO") && text.contains(count), "{text}");
        app.done("admin", "deleteTaskFlow", json!({ "ids": [flow] })).await;
    }
    app.done("admin", "deleteTaskGroup", input).await;
}

#[apply(on_both)]
async fn a_step_of_a_superseded_version_keeps_its_group_as_long_as_tasks_are_in_it(app: TestApp) {
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    let flow = app.flow("LINE", &[&one, &two]).await;
    let task = app.task_on(&flow).await;
    app.replace_flow(&flow, &[&one]).await;
    let input = json!({ "ids": [two] });
    assert_eq!(
        app.refused("admin", "deleteTaskGroup", input.clone()).await,
        "CONFLICT",
        "the task will come to it"
    );
    app.approve("exec1", &task).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["TWO"]));
    assert_eq!(app.refused("admin", "deleteTaskGroup", input.clone()).await, "CONFLICT", "the task is there");
    app.approve("exec2", &task).await;
    app.done("admin", "deleteTaskGroup", input).await;
    let row = app.on_its_way(&task).await;
    assert_eq!((&row["status"], &row["currentStep"]["order"]), (&json!("COMPLETED"), &json!(2)));
    let steps = app.flow_row(&flow).await["steps"].clone();
    assert_eq!(
        each(steps.as_array().expect("a list"), "order"),
        [1, 2].map(|order| json!(order)),
        "history stays readable"
    );
}

#[apply(on_both)]
async fn a_retired_flow_is_kept_from_new_tasks_in_every_way(app: TestApp) {
    let group = app.group("ONE", All, &["exec1"]).await;
    let flow = app
        .flow_of(json!({ "code": "GONE", "taskSources": ["gone"], "steps": [{ "taskGroupId": group }] }))
        .await;
    app.done("admin", "deleteTaskFlow", json!({ "ids": [flow] })).await;
    let task = app.task_from("gone").await;
    assert_eq!(app.place(&task).await, place("RECEIVED", None, &[]));
    assert_eq!(
        app.refused("admin", "updateTask", json!({ "id": task, "flowId": flow })).await,
        "NOT_FOUND flowId"
    );
    assert_eq!(app.refused("admin", "createTask", json!({ "flowId": flow })).await, "NOT_FOUND flowId");
    let targets =
        app.user("admin").await.graphql("{ taskAssignmentTargets(search: \"GONE\") { uuid } }").await;
    assert_eq!(targets.data("taskAssignmentTargets"), &json!([]));
}
