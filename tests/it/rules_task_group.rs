//! The rules of task groups.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::CreateTask;

use crate::support::scenario::{each, user_id, user_ids};
use crate::support::{Client, apply, on_both};

/// The key of the live group of this code.
async fn group_coded(client: &mut Client, code: &str) -> Option<String> {
    let query = "query($code: String) { taskGroup(code: $code) { edges { node { uuid } } } }";
    let answer = client.graphql_with(query, json!({ "code": code })).await;
    answer.data("taskGroup")["edges"][0]["node"]["uuid"].as_str().map(str::to_owned)
}

fn named(code: &str) -> Value {
    json!({ "code": code, "completionPolicy": "ALL" })
}

fn with(mut input: Value, field: &str, value: impl Into<Value>) -> Value {
    input[field] = value.into();
    input
}

#[apply(on_both)]
async fn a_code_is_not_blank_and_has_no_white_space_at_its_ends(app: TestApp) {
    let mut triage = app.user("triage").await;
    let group = app.group("GROUP", All, &[]).await;
    for code in ["", " ", "\t\n", " A", "A ", "A\n", "\u{a0}A", &"x".repeat(256), "A\0"] {
        assert_eq!(triage.outcome("createTaskGroup", named(code)).await, "VALIDATION", "{code:?}");
        let update = with(named(code), "id", group.as_str());
        assert_eq!(triage.outcome("updateTaskGroup", update).await, "VALIDATION", "{code:?}");
    }
    for code in ["a b", &"ü".repeat(255)] {
        assert_eq!(triage.outcome("createTaskGroup", named(code)).await, "ok", "{code:?}");
    }
}

#[apply(on_both)]
async fn codes_of_live_groups_are_unique_and_case_sensitive(app: TestApp) {
    let mut triage = app.user("triage").await;
    let group = app.group("Own", All, &[]).await;
    for (code, expected) in [("Own", "VALIDATION"), ("OWN", "ok"), ("own", "ok"), ("DELETED", "ok")] {
        assert_eq!(triage.outcome("createTaskGroup", named(code)).await, expected, "{code}");
    }
    for (code, expected) in [("own", "VALIDATION"), ("Own", "ok"), ("oWN", "ok")] {
        let update = with(named(code), "id", group.as_str());
        assert_eq!(triage.outcome("updateTaskGroup", update).await, expected, "{code}");
    }
    assert_eq!(triage.outcome("createTaskGroup", named("Own")).await, "ok", "the code was given up");
}

#[apply(on_both)]
async fn unknown_and_inactive_users_are_refused_and_nothing_is_saved(app: TestApp) {
    let inactive = "00000000-0000-7000-b000-000000000002";
    app.load(json!({ "users": [{ "id": inactive, "username": "gone", "password": "gone1234", "isActive": false }] }))
        .await;
    let mut triage = app.user("triage").await;
    let group = app.group_with("KEPT", All, None, &["exec1"], &["KeptSource"]).await;
    let before = (app.group_row(&group).await, app.total("taskGroupHistory").await);
    for stranger in ["00000000-0000-7000-b000-00000000ffff", inactive] {
        let users = json!([user_id("exec2"), stranger]);
        let new = with(with(named("NEW"), "userIds", users.clone()), "taskSources", json!(["NewSource"]));
        assert_eq!(triage.outcome("createTaskGroup", new).await, "VALIDATION");
        let update = with(with(named("RENAMED"), "id", group.as_str()), "userIds", users);
        let update = with(update, "taskSources", json!([]));
        assert_eq!(triage.outcome("updateTaskGroup", update).await, "VALIDATION");
    }
    assert_eq!((app.group_row(&group).await, app.total("taskGroupHistory").await), before);
    assert_eq!(group_coded(&mut triage, "NEW").await, None);
    let source_is_free = with(named("OTHER"), "taskSources", json!(["NewSource"]));
    assert_eq!(triage.outcome("createTaskGroup", source_is_free).await, "ok");
}

#[apply(on_both)]
async fn repeated_users_collapse(app: TestApp) {
    let mut triage = app.user("triage").await;
    let upper = user_id("exec1").to_uppercase();
    let users = json!([user_id("exec1"), upper, user_id("exec1"), user_id("exec2")]);
    assert_eq!(triage.outcome("createTaskGroup", with(named("TWICE"), "userIds", users.clone())).await, "ok");
    let group = group_coded(&mut triage, "TWICE").await.expect("created");
    let executors = triage.rows("taskExecutor", &format!("(taskGroup_Id: \"{group}\")"), "uuid").await;
    assert_eq!(executors.len(), 2);
    let update = with(with(named("TWICE"), "id", group.as_str()), "userIds", users);
    assert_eq!(triage.outcome("updateTaskGroup", update).await, "ok");
    assert_eq!(triage.rows("taskExecutor", &format!("(taskGroup_Id: \"{group}\")"), "uuid").await, executors);
}

#[apply(on_both)]
async fn lists_that_are_absent_or_null_are_empty_on_create_and_unchanged_on_update(app: TestApp) {
    let mut triage = app.user("triage").await;
    let null = with(with(named("NULL"), "userIds", Value::Null), "taskSources", Value::Null);
    for (code, input) in [("ABSENT", named("ABSENT")), ("NULL", null)] {
        assert_eq!(triage.outcome("createTaskGroup", input).await, "ok");
        let group = group_coded(&mut triage, code).await.expect("created");
        let row = app.group_row(&group).await;
        assert_eq!((&row["executors"], &row["taskSources"]), (&json!({}), &json!([])), "{code}");
    }
    let group = app.group_with("FULL", All, None, &["exec1", "exec2"], &["a", "b"]).await;
    let before = app.group_row(&group).await;
    let update = with(named("FULL"), "id", group.as_str());
    let null = with(with(update.clone(), "userIds", Value::Null), "taskSources", Value::Null);
    for input in [update.clone(), null] {
        assert_eq!(triage.outcome("updateTaskGroup", input).await, "ok");
        assert_eq!(app.group_row(&group).await, before);
    }
    let emptied = with(with(update, "userIds", json!([])), "taskSources", json!([]));
    assert_eq!(triage.outcome("updateTaskGroup", emptied).await, "ok");
    let row = app.group_row(&group).await;
    assert_eq!((&row["executors"], &row["taskSources"]), (&json!({}), &json!([])), "an empty list empties");
}

#[apply(on_both)]
async fn a_source_belongs_to_at_most_one_live_group(app: TestApp) {
    let mut triage = app.user("triage").await;
    let sources = with(named("HOLDER"), "taskSources", json!(["s", "t", "s"]));
    assert_eq!(triage.outcome("createTaskGroup", sources).await, "ok");
    let holder = group_coded(&mut triage, "HOLDER").await.expect("created");
    assert_eq!(app.group_row(&holder).await["taskSources"], json!(["s", "t"]), "repeats collapse");
    let wants = |code: &str| with(named(code), "taskSources", json!(["u", "s"]));
    assert_eq!(triage.outcome("createTaskGroup", wants("WANTS")).await, "VALIDATION");
    let other = app.group_with("OTHER", All, None, &[], &["o"]).await;
    let update = with(wants("OTHER"), "id", other.as_str());
    assert_eq!(triage.outcome("updateTaskGroup", update.clone()).await, "VALIDATION");
    assert_eq!(app.group_row(&other).await["taskSources"], json!(["o"]), "nothing was saved");
    let blank = with(named("BLANK"), "taskSources", json!([" "]));
    assert_eq!(triage.outcome("createTaskGroup", blank).await, "VALIDATION");

    let keeps = with(with(named("HOLDER"), "id", holder.as_str()), "taskSources", json!(["t"]));
    assert_eq!(triage.outcome("updateTaskGroup", keeps).await, "ok");
    assert_eq!(triage.outcome("updateTaskGroup", update).await, "ok", "released by update");
    assert_eq!(triage.outcome("deleteTaskGroup", json!({ "ids": [other] })).await, "ok");
    assert_eq!(triage.outcome("createTaskGroup", wants("HEIR")).await, "ok", "released by delete");
    let old = with(named("OLD"), "taskSources", json!(["OldService"]));
    assert_eq!(triage.outcome("createTaskGroup", old).await, "ok", "a deleted group of the fixture had it");
}

#[apply(on_both)]
async fn executors_that_stay_keep_their_row_and_only_the_difference_is_written(app: TestApp) {
    let group = app.group_with("DIFF", All, None, &["exec1", "exec2"], &["x", "y"]).await;
    let before = app.group_row(&group).await;
    let seats_before = app.total("taskExecutorHistory").await;
    app.set_executors(&group, &["exec2", "exec3"]).await;
    let after = app.group_row(&group).await;
    assert_eq!(after["executors"]["exec2"], before["executors"]["exec2"], "the same row at the same version");
    assert_eq!(after["executors"].as_object().map(serde_json::Map::len), Some(2));
    assert_eq!(after["version"], before["version"], "the group itself did not change");
    assert_eq!(app.total("taskExecutorHistory").await, seats_before + 2, "one left, one came");

    let totals = (app.total("taskGroupHistory").await, app.total("taskExecutorHistory").await);
    app.set_executors(&group, &["exec3", "exec2"]).await;
    let reordered = with(with(named("DIFF"), "id", group.as_str()), "taskSources", json!(["y", "x"]));
    assert_eq!(app.user("triage").await.outcome("updateTaskGroup", reordered).await, "ok");
    assert_eq!((app.total("taskGroupHistory").await, app.total("taskExecutorHistory").await), totals);

    app.set_executors(&group, &["exec1"]).await;
    let returned = &app.group_row(&group).await["executors"]["exec1"];
    assert_ne!(returned["uuid"], before["executors"]["exec1"]["uuid"], "who comes back gets a new executor");
}

#[apply(on_both)]
async fn a_threshold_is_for_policy_n_only_and_at_least_one(app: TestApp) {
    let mut triage = app.user("triage").await;
    let group = app.group("T", All, &[]).await;
    for (policy, threshold, expected) in [
        ("ALL", json!(1), "VALIDATION"),
        ("ANY", json!(2), "VALIDATION"),
        ("N", json!(0), "VALIDATION"),
        ("N", json!(-1), "VALIDATION"),
        ("N", json!(null), "ok"),
        ("N", json!(3), "ok"),
        ("ANY", json!(null), "ok"),
    ] {
        let input = json!({ "code": format!("T{policy}{threshold}"), "completionPolicy": policy, "threshold": threshold });
        let update = with(input.clone(), "id", group.as_str());
        assert_eq!(triage.outcome("createTaskGroup", input).await, expected, "{policy} {threshold}");
        let update = with(update, "code", "T");
        assert_eq!(triage.outcome("updateTaskGroup", update).await, expected, "{policy} {threshold}");
        if expected == "ok" {
            let row = app.group_row(&group).await;
            assert_eq!((&row["completionPolicy"], &row["threshold"]), (&json!(policy), &threshold));
        }
    }
}

#[apply(on_both)]
async fn an_update_without_threshold_leaves_it_and_another_policy_takes_it_away(app: TestApp) {
    let mut triage = app.user("triage").await;
    let group = app.group("T", All, &[]).await;
    let update = |policy: &str| json!({ "id": group, "code": "T", "completionPolicy": policy });
    let three = with(update("N"), "threshold", 3);
    for (input, left) in
        [(three, json!(3)), (update("N"), json!(3)), (update("ANY"), json!(null)), (update("N"), json!(null))]
    {
        assert_eq!(triage.outcome("updateTaskGroup", input).await, "ok");
        assert_eq!(app.group_row(&group).await["threshold"], left);
    }
}

#[apply(on_both)]
async fn each_operation_needs_its_right(app: TestApp) {
    let group = app.group("RIGHTS", All, &["exec1"]).await;
    for who in ["norights", "exec1"] {
        let mut client = app.user(who).await;
        let update = with(named("RIGHTS2"), "id", group.as_str());
        for (name, input) in [
            ("createTaskGroup", named("X")),
            ("updateTaskGroup", update),
            ("deleteTaskGroup", json!({ "ids": [group] })),
        ] {
            assert_eq!(client.outcome(name, input).await, "FORBIDDEN", "{who} {name}");
        }
    }
    assert_eq!(app.group_row(&group).await["code"], "RIGHTS");
}

#[apply(on_both)]
async fn deleting_is_all_or_nothing_over_the_ids(app: TestApp) {
    let mut triage = app.user("triage").await;
    let (a, b) = (app.group("A", All, &["exec1"]).await, app.group("B", All, &["exec1"]).await);
    let gone = "00000000-0000-7000-8000-000000000005";
    for bad in ["00000000-0000-7000-8000-00000000ffff", gone] {
        assert_eq!(triage.outcome("deleteTaskGroup", json!({ "ids": [a, bad, b] })).await, "NOT_FOUND");
        assert_eq!(app.executors_in(&a).await, ["exec1"]);
        assert_eq!(app.executors_in(&b).await, ["exec1"]);
    }
    assert_eq!(triage.outcome("deleteTaskGroup", json!({ "ids": [a, b, a] })).await, "ok");
    assert_eq!((app.group_row(&a).await, app.group_row(&b).await), (Value::Null, Value::Null));
    assert_eq!(triage.outcome("deleteTaskGroup", json!({ "ids": [a] })).await, "NOT_FOUND");
}

#[apply(on_both)]
async fn deleting_is_refused_while_open_tasks_use_the_group_and_says_how_many(app: TestApp) {
    let mut triage = app.user("triage").await;
    let group = app.group("BUSY", Any, &["exec1"]).await;
    let free = app.group("FREE", Any, &["exec1"]).await;
    let tasks = [app.task_in(&group).await, app.task_in(&group).await, app.task_in(&group).await];
    for (index, count) in [(0, "3"), (1, "2"), (2, "1")] {
        let (status, error) = triage.mutate("deleteTaskGroup", json!({ "ids": [free, group] })).await;
        assert_eq!((status, &error[0]["code"]), (1, &json!("CONFLICT")));
        let message = error[0]["message"].as_str().expect("a text");
        assert!(message.contains("BUSY") && message.contains(count), "{message}");
        assert_eq!(app.executors_in(&group).await, ["exec1"], "the executors stay with the group");
        assert_eq!(app.executors_in(&free).await, ["exec1"], "all or nothing");
        assert_eq!(app.vote("exec1", &tasks[index], json!("APPROVED")).await, "ok");
    }
    assert_eq!(triage.outcome("deleteTaskGroup", json!({ "ids": [free, group] })).await, "ok");
}

#[apply(on_both)]
async fn deleting_is_refused_while_escalation_rules_name_the_group_and_says_how_many(app: TestApp) {
    let (named, other) =
        (app.group("NAMED", Any, &["exec1"]).await, app.group("OTHER", Any, &["exec1"]).await);
    let rules =
        json!([{ "at": "AFTER_OPEN", "offsetSeconds": 60, "action": "NOTIFY", "taskGroupId": named }]);
    app.done(
        "admin",
        "updateTaskGroup",
        json!({ "id": other, "code": "OTHER", "completionPolicy": "ANY", "escalations": rules }),
    )
    .await;
    app.flow_of(json!({ "code": "NAMING", "steps": [{ "taskGroupId": other, "escalations": rules }] })).await;
    let text = app.refusal_text("admin", "deleteTaskGroup", json!({ "ids": [named] })).await;
    assert_eq!(text, "The group NAMED can't be deleted: 2 groups and steps name it in escalation rules.");
    // Rules of what is gone name nobody.
    let flow = app.user("admin").await.rows("taskFlow", "(code: \"NAMING\")", "uuid").await;
    app.done("admin", "deleteTaskFlow", json!({ "ids": [flow[0]["uuid"]] })).await;
    app.done("admin", "deleteTaskGroup", json!({ "ids": [other] })).await;
    app.done("admin", "deleteTaskGroup", json!({ "ids": [named] })).await;
}

#[apply(on_both)]
async fn deleting_takes_the_seats_and_frees_code_and_sources(app: TestApp) {
    let mut triage = app.user("triage").await;
    let group = app.group_with("FREED", All, None, &["exec1", "exec2"], &["freed"]).await;
    let executor =
        app.group_row(&group).await["executors"]["exec1"]["uuid"].as_str().expect("an executor").to_owned();
    assert_eq!(triage.outcome("deleteTaskGroup", json!({ "ids": [group] })).await, "ok");
    let executors = triage.rows("taskExecutor", &format!("(taskGroup_Id: \"{group}\")"), "uuid").await;
    assert!(executors.is_empty());
    let versions = app.versions("taskExecutor", &executor, "isDeleted").await;
    assert_eq!(each(&versions, "historyType"), ["CREATED", "DELETED"]);
    let task = app.task(CreateTask { source: Some("freed".to_owned()), ..CreateTask::default() }).await;
    assert_eq!(app.status(&task).await, "RECEIVED", "the source is bound to nothing");
    let heir =
        with(with(named("FREED"), "taskSources", json!(["freed"])), "userIds", json!(user_ids(&["exec1"])));
    assert_eq!(triage.outcome("createTaskGroup", heir).await, "ok");
}

#[apply(on_both)]
async fn a_deleted_group_can_not_be_changed_or_be_given_tasks(app: TestApp) {
    let mut triage = app.user("triage").await;
    let group = app.group("DEAD", All, &["exec1"]).await;
    let task = app.task(CreateTask::default()).await;
    assert_eq!(triage.outcome("deleteTaskGroup", json!({ "ids": [group] })).await, "ok");
    let update = with(named("ALIVE"), "id", group.as_str());
    assert_eq!(triage.outcome("updateTaskGroup", update).await, "NOT_FOUND");
    for input in [json!({ "taskGroupId": group }), json!({ "taskGroupId": group, "status": "ACCEPTED" })] {
        assert_eq!(triage.outcome("updateTask", with(input, "id", task.as_str())).await, "NOT_FOUND");
    }
    assert_eq!(triage.outcome("createTask", json!({ "taskGroupId": group })).await, "NOT_FOUND");
    assert_eq!(app.task_row(&task).await["version"], 1);
}
