//! The rules of creating, changing and replacing approval flows: versions, their steps and codes.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any, N};

use crate::rules_flow::place;
use crate::support::scenario::each;
use crate::support::{TestApp, apply, on_both, stable};

/// The heads of a code, as a list shows them.
async fn heads(app: &TestApp, code: &str) -> Vec<Value> {
    let rows = app.user("admin").await.rows("taskFlow", &format!("(code: \"{code}\")"), "uuid").await;
    each(&rows, "uuid")
}

#[apply(on_both)]
async fn a_flow_is_kept_as_it_was_asked_for(app: TestApp) {
    let one = app.group_with("ONE", N, Some(2), &["exec1", "exec2"], &[]).await;
    let two = app.group("TWO", All, &["exec3", "exec4"]).await;
    let flow = app.flow_of(json!({
        "code": "KEPT", "name": "  Kept as asked ", "taskSources": ["b", "a", "b"],
        "steps": [{ "taskGroupId": one }, { "taskGroupId": two, "completionPolicy": "N", "threshold": 1 }],
    })).await;
    let known = [("flow", flow.as_str()), ("one", &one), ("two", &two)];
    insta::assert_snapshot!("kept", stable(&app.flow_row(&flow).await, &known));
}

#[apply(on_both)]
async fn creating_changing_and_deleting_need_their_rights(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let flow = app.flow("GUARDED", &[&group]).await;
    let rights = [("searcher", 192_001), ("creator", 192_002), ("updater", 192_003), ("deleter", 192_004)];
    for (number, (name, right)) in rights.iter().enumerate() {
        app.load(json!({
            "roles": [{ "name": name, "rights": [right] }],
            "users": [{ "id": format!("00000000-0000-7000-b000-00000000001{number}"), "username": name,
                        "password": format!("{name}123"), "roles": [name] }],
        }))
        .await;
    }
    let steps = json!([{ "taskGroupId": group }]);
    let operations = [
        ("creator", "createTaskFlow", json!({ "code": "NEW", "steps": steps })),
        ("updater", "updateTaskFlow", json!({ "id": flow, "name": "new" })),
        ("updater", "replaceTaskFlow", json!({ "id": flow, "steps": steps })),
        ("deleter", "deleteTaskFlow", json!({ "ids": [flow] })),
    ];
    for (_, mutation, input) in &operations {
        for (who, _) in rights
            .iter()
            .filter(|(who, _)| operations.iter().all(|(may, name, _)| may != who || name != mutation))
        {
            assert_eq!(app.refused(who, mutation, input.clone()).await, "FORBIDDEN", "{who} {mutation}");
        }
        for who in ["triage", "exec1", "norights"] {
            assert_eq!(app.refused(who, mutation, input.clone()).await, "FORBIDDEN", "{who} {mutation}");
        }
    }
    for (who, mutation, input) in operations {
        app.done(who, mutation, input).await;
    }
    let query = "{ taskFlow { totalCount } }";
    assert_eq!(app.user("searcher").await.graphql(query).await.data("taskFlow")["totalCount"], 1);
    assert_eq!(app.user("creator").await.graphql(query).await.codes(), ["FORBIDDEN"]);
}

#[apply(on_both)]
async fn a_code_is_unique_among_live_heads_and_case_sensitive(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let flow = app.flow("CODE", &[&group]).await;
    let input = |code: &str| json!({ "code": code, "steps": [{ "taskGroupId": group }] });
    for bad in ["CODE", "", " ", " CODE", "CODE ", "\tX", "C\0"] {
        assert_eq!(app.refused("admin", "createTaskFlow", input(bad)).await, "VALIDATION code", "{bad:?}");
    }
    let long = "x".repeat(256);
    assert_eq!(app.refused("admin", "createTaskFlow", input(&long)).await, "VALIDATION code");
    app.done("admin", "createTaskFlow", input("code")).await;
    app.done("admin", "createTaskFlow", input("ONE")).await;
    let head = app.replace_flow(&flow, &[&group]).await;
    assert_eq!(
        app.refused("admin", "createTaskFlow", input("CODE")).await,
        "VALIDATION code",
        "the head has it"
    );
    app.done("admin", "deleteTaskFlow", json!({ "ids": [head] })).await;
    app.done("admin", "createTaskFlow", input("CODE")).await;
    assert_eq!(heads(&app, "CODE").await.len(), 1);
}

#[apply(on_both)]
async fn update_changes_the_name_and_the_sources_and_makes_a_version_of_the_row(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let flow = app
        .flow_of(
            json!({ "code": "UP", "name": "old", "taskSources": ["a"], "steps": [{ "taskGroupId": group }] }),
        )
        .await;
    app.done("admin", "updateTaskFlow", json!({ "id": flow, "name": "new" })).await;
    app.done("admin", "updateTaskFlow", json!({ "id": flow, "taskSources": ["b", "c"] })).await;
    let row = app.flow_row(&flow).await;
    assert_eq!(
        (&row["name"], &row["taskSources"], &row["version"]),
        (&json!("new"), &json!(["b", "c"]), &json!(3))
    );
    assert_eq!((&row["replacementUuid"], row["steps"].as_array().map(Vec::len)), (&Value::Null, Some(1)));
    let before = app.row_counts();
    for same in [
        json!({}),
        json!({ "name": "new" }),
        json!({ "name": null, "taskSources": null }),
        json!({ "taskSources": ["c", "b", "c"] }),
    ] {
        let mut input = same;
        input["id"] = json!(flow);
        app.done("admin", "updateTaskFlow", input).await;
    }
    let changed: Vec<_> = before
        .iter()
        .zip(app.row_counts())
        .filter(|((_, then), (_, now))| then != now)
        .map(|((table, _), _)| *table)
        .collect();
    assert_eq!(
        changed,
        ["core_mutationlog", "task_management_taskmutation"],
        "what changes nothing makes no version"
    );
    let versions = app.versions("taskFlow", &flow, "name taskSources").await;
    assert_eq!(each(&versions, "version"), [1, 2, 3].map(|version| json!(version)));
    assert_eq!(each(&versions, "taskSources"), [json!(["a"]), json!(["a"]), json!(["b", "c"])]);
}

#[apply(on_both)]
async fn update_refuses_changed_steps_and_points_to_replace(app: TestApp) {
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    let empty = app.group("NOBODY", Any, &[]).await;
    let same = json!([{ "taskGroupId": one, "completionPolicy": "ALL" }, { "taskGroupId": two }]);
    let flow = app.flow_of(json!({ "code": "STEPS", "steps": same })).await;
    for steps in [
        json!([]),
        json!([{ "taskGroupId": one, "completionPolicy": "ALL" }]),
        json!([{ "taskGroupId": one }, { "taskGroupId": two }]),
        json!([{ "taskGroupId": two }, { "taskGroupId": one, "completionPolicy": "ALL" }]),
        json!([{ "taskGroupId": one, "completionPolicy": "ALL" }, { "taskGroupId": two, "order": 1 }]),
        json!([{ "taskGroupId": one, "completionPolicy": "ALL" }, { "taskGroupId": two, "forbidMaker": true }]),
        json!([{ "taskGroupId": one, "completionPolicy": "ALL" }, { "taskGroupId": empty }]),
    ] {
        let input = json!({ "id": flow, "name": "new", "steps": steps });
        assert_eq!(
            app.refused("admin", "updateTaskFlow", input.clone()).await,
            "VALIDATION steps",
            "{steps}"
        );
        let text = app.refusal_text("admin", "updateTaskFlow", input).await;
        assert!(text.contains("replaceTaskFlow"), "{text}");
    }
    app.set_executors(&two, &[]).await;
    app.done("admin", "updateTaskFlow", json!({ "id": flow, "name": "new", "steps": same })).await;
    assert_eq!(
        app.flow_row(&flow).await["name"],
        "new",
        "the same steps are no change, whoever sits in them now"
    );
}

#[apply(on_both)]
async fn replace_supersedes_the_head_while_tasks_under_way_keep_theirs(app: TestApp) {
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    let three = app.group("THREE", Any, &["exec3"]).await;
    let old = app
        .flow_of(json!({ "code": "LINE", "name": "Line", "taskSources": ["line"],
        "steps": [{ "taskGroupId": one }, { "taskGroupId": two }] }))
        .await;
    app.done("admin", "updateTaskFlow", json!({ "id": old, "name": "The line" })).await;
    let under_way = app.task_from("line").await;
    let new = app.replace_flow(&old, &[&three]).await;

    let (before, after) = (app.flow_row(&old).await, app.flow_row(&new).await);
    // The new version of the flow counts on where the old one ended.
    let known = [("old", old.as_str()), ("new", &new), ("one", &one), ("two", &two), ("three", &three)];
    insta::assert_snapshot!("superseded_and_its_head", stable(&json!([before, after]), &known));
    assert_eq!(before["dateValidTo"], after["dateValidFrom"]);
    assert_eq!(heads(&app, "LINE").await, [json!(new)]);

    let newer = app.task_from("line").await;
    assert_eq!(app.place(&newer).await, place("ACCEPTED", 1, &["THREE"]));
    app.approve("exec1", &under_way).await;
    assert_eq!(app.place(&under_way).await, place("ACCEPTED", 2, &["TWO"]));
    app.approve("exec2", &under_way).await;
    app.approve("exec3", &newer).await;
    for (task, flow) in [(&under_way, &old), (&newer, &new)] {
        let row = app.on_its_way(task).await;
        assert_eq!((&row["status"], &row["flow"]["uuid"]), (&json!("COMPLETED"), &json!(flow)));
    }
}

#[apply(on_both)]
async fn replace_may_change_the_name_and_the_sources_too(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let first = app
        .flow_of(json!({ "code": "LINE", "taskSources": ["a", "b"], "steps": [{ "taskGroupId": group }] }))
        .await;
    let steps = json!([{ "taskGroupId": group, "completionPolicy": "ALL" }]);
    app.done(
        "admin",
        "replaceTaskFlow",
        json!({ "id": first, "name": "Named", "taskSources": ["b", "c"], "steps": steps }),
    )
    .await;
    let second = heads(&app, "LINE").await.remove(0);
    let row = app.flow_row(second.as_str().expect("a key")).await;
    assert_eq!(
        (&row["name"], &row["taskSources"], &row["version"]),
        (&json!("Named"), &json!(["b", "c"]), &json!(2))
    );
    app.done("admin", "replaceTaskFlow", json!({ "id": second, "taskSources": [], "steps": steps })).await;
    let third = heads(&app, "LINE").await.remove(0);
    let row = app.flow_row(third.as_str().expect("a key")).await;
    assert_eq!(
        (&row["name"], &row["taskSources"], &row["version"]),
        (&json!("Named"), &json!([]), &json!(3))
    );
    assert_eq!(
        app.count("SELECT count(*) FROM task_management_tasksource WHERE task_flow_id IS NOT NULL"),
        0
    );
}

#[apply(on_both)]
async fn only_the_head_is_changed_and_replaced(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let old = app.flow("LINE", &[&group]).await;
    let head = app.replace_flow(&old, &[&group]).await;
    let steps = json!([{ "taskGroupId": group }]);
    for (mutation, input) in [
        ("updateTaskFlow", json!({ "id": old, "name": "x" })),
        ("replaceTaskFlow", json!({ "id": old, "steps": steps })),
    ] {
        assert_eq!(app.refused("admin", mutation, input).await, "CONFLICT id", "{mutation}");
    }
    app.done("admin", "deleteTaskFlow", json!({ "ids": [head] })).await;
    for (mutation, id) in [("updateTaskFlow", &old), ("replaceTaskFlow", &head), ("replaceTaskFlow", &group)]
    {
        let input = if mutation == "updateTaskFlow" {
            json!({ "id": id })
        } else {
            json!({ "id": id, "steps": steps })
        };
        assert_eq!(app.refused("admin", mutation, input).await, "NOT_FOUND id", "{mutation}");
    }
}
