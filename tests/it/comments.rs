//! The comments that people add to their votes.

use serde_json::json;
use tasks_management::CompletionPolicy::{All, Any, N};
use tasks_management::CreateTask;

use crate::support::scenario::{each, key};
use crate::support::{TestApp, apply, on_both};

/// The comments of the votes on a task, by their age.
async fn comments(app: &TestApp, task: &str) -> Vec<serde_json::Value> {
    each(app.on_its_way(task).await["decisions"].as_array().expect("a list"), "comment")
}

#[apply(on_both)]
async fn a_comment_is_kept_and_shown_wherever_the_vote_is(app: TestApp) {
    let group = app.group("SAID", All, &["exec1", "exec2", "exec3"]).await;
    let task = app.task_in(&group).await;
    let words = "Looks fine — «ça va» 👍\nline two";
    assert_eq!(app.vote_with("exec1", &task, json!("APPROVED"), json!({ "comment": words })).await, "ok");
    assert_eq!(app.vote_with("exec2", &task, json!("APPROVED"), json!({ "comment": "   " })).await, "ok");
    let row = app.on_its_way(&task).await;
    assert_eq!(each(row["decisions"].as_array().expect("a list"), "comment"), [json!(words), json!(null)]);
    let said = row["progress"]["pools"][0]["votes"].as_array().expect("a list").clone();
    assert_eq!(each(&said, "comment"), [json!(words), json!(null)]);
    let rows = app
        .user("exec3")
        .await
        .rows("taskDecision", &format!("(taskId: \"{task}\")"), "comment user { username }")
        .await;
    assert_eq!(rows[0], json!({ "comment": words, "user": { "username": "exec1" } }));
}

#[apply(on_both)]
async fn a_comment_has_bounds(app: TestApp) {
    let short = app.another_process_with(|settings| settings.limits.comment_length = 5, |builder| builder);
    let group = app.group("BOUND", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    let refused = short.vote_with("exec1", &task, json!("APPROVED"), json!({ "comment": "sixsix" })).await;
    assert!(refused.starts_with("VALIDATION ") && refused.contains('5'), "{refused}");
    let refused = app.vote_with("exec1", &task, json!("APPROVED"), json!({ "comment": "a\u{0}b" })).await;
    assert!(refused.starts_with("VALIDATION "), "{refused}");
    assert!(comments(&app, &task).await.is_empty(), "nothing is half done");
    // Letters are counted, not bytes, and outer white space is not.
    assert_eq!(
        short.vote_with("exec1", &task, json!("APPROVED"), json!({ "comment": "  ééééé  " })).await,
        "ok"
    );
    assert_eq!(comments(&app, &task).await, [json!("ééééé")]);
    let long = "x".repeat(2001);
    let refused = app.vote_with("exec2", &task, json!("APPROVED"), json!({ "comment": long })).await;
    assert!(refused.starts_with("VALIDATION "), "{refused}");
    assert_eq!(
        app.vote_with("exec2", &task, json!("APPROVED"), json!({ "comment": &long[1..] })).await,
        "ok"
    );
}

#[apply(on_both)]
async fn who_rejects_has_to_say_why_where_the_settings_want_it(app: TestApp) {
    let strict = app.another_process_with(
        |settings| settings.tasks_management.require_rejection_comment = true,
        |builder| builder,
    );
    let group = app.group("WHY", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    for blank in
        [json!({}), json!({ "comment": "" }), json!({ "comment": " \n" }), json!({ "comment": null })]
    {
        let refused = strict.vote_with("exec1", &task, json!("FAILED"), blank).await;
        assert!(refused.starts_with("VALIDATION ") && refused.contains("comment"), "{refused}");
    }
    assert_eq!(app.status(&task).await, "ACCEPTED");
    assert_eq!(
        strict.vote_with("exec1", &task, json!("FAILED"), json!({ "comment": "No papers" })).await,
        "ok"
    );
    assert_eq!(app.status(&task).await, "FAILED");
    assert_eq!(comments(&app, &task).await, [json!("No papers")]);
    // An approval needs none; and without the setting, nothing does.
    let task = app.task_in(&group).await;
    assert_eq!(strict.vote_with("exec1", &task, json!("APPROVED"), json!({})).await, "ok");
    let task = app.task_in(&group).await;
    assert_eq!(app.vote_with("exec1", &task, json!("FAILED"), json!({})).await, "ok");
}

#[apply(on_both)]
async fn who_rejects_a_record_has_to_say_why_where_the_settings_want_it(app: TestApp) {
    let strict = app.another_process_with(
        |settings| settings.tasks_management.require_rejection_comment = true,
        |builder| builder,
    );
    let group = app.group_with("RECORDS", N, Some(2), &["exec1", "exec2"], &[]).await;
    let flow = app.flow("BATCH", &[&group]).await;
    let task = app
        .task(CreateTask {
            source: Some("import_valid_items".to_owned()),
            flow_id: Some(key(&flow)),
            ..CreateTask::default()
        })
        .await;
    let value = json!({ "ACCEPT": ["1"], "REJECT": ["2"] });
    let refused = strict.vote_with("exec1", &task, value.clone(), json!({})).await;
    assert!(refused.starts_with("VALIDATION ") && refused.contains("comment"), "{refused}");
    assert_eq!(strict.vote_with("exec1", &task, json!({ "ACCEPT": ["1"] }), json!({})).await, "ok");
    assert_eq!(
        strict.vote_with("exec1", &task, json!({ "REJECT": ["2"] }), json!({ "comment": "twice" })).await,
        "ok"
    );
    let said = app.on_its_way(&task).await["progress"]["pools"][0]["votes"][0].clone();
    assert_eq!(
        (&said["comment"], &said["acceptedCount"], &said["rejectedCount"]),
        (&json!("twice"), &json!(1), &json!(1))
    );
}

#[apply(on_both)]
async fn a_repeated_vote_without_a_comment_is_a_repeat_and_one_with_another_comment_is_not(app: TestApp) {
    let group = app.group("AGAIN", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    let vote = async |more: serde_json::Value| app.vote_with("exec1", &task, json!("APPROVED"), more).await;
    assert_eq!(vote(json!({ "comment": "first" })).await, "ok");
    let version = app.task_row(&task).await["version"].clone();
    assert_eq!(vote(json!({})).await, "ok");
    assert_eq!(vote(json!({ "comment": "first" })).await, "ok");
    assert_eq!(vote(json!({ "comment": " first " })).await, "ok");
    assert_eq!(app.task_row(&task).await["version"], version);
    assert_eq!(app.count("SELECT count(*) FROM task_management_taskdecision"), 1);
    assert_eq!(vote(json!({ "comment": "second" })).await, "ok");
    assert_eq!(comments(&app, &task).await, [json!("second")]);
    assert_eq!(
        app.count("SELECT count(*) FROM task_management_taskdecision WHERE is_deleted"),
        1,
        "what was said stays in the ledger"
    );
}

/// Texts that are invisible.
const UNSEEN: [&str; 7] = [
    "\u{200b}",
    "\u{200d}\u{2060}",
    "\u{feff} \u{a0}",
    "\u{2800}",
    "\u{3164}",
    "\u{202e}\u{ad}",
    "\u{2003}\u{e0020}",
];

#[apply(on_both)]
async fn a_comment_of_which_nobody_sees_anything_is_no_reason(app: TestApp) {
    let strict = app.another_process_with(
        |settings| settings.tasks_management.require_rejection_comment = true,
        |builder| builder,
    );
    let group = app.group("UNSEEN", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let records = json!({ "REJECT": ["1"] });
    for unseen in UNSEEN {
        for value in [json!("FAILED"), records.clone()] {
            let refused = strict.vote_with("exec1", &task, value, json!({ "comment": unseen })).await;
            assert!(
                refused.starts_with("VALIDATION ") && refused.contains("comment"),
                "{unseen:?}: {refused}"
            );
        }
        let close = json!({ "id": task, "status": "FAILED", "comment": unseen });
        assert_eq!(strict.refused("triage", "updateTask", close).await, "VALIDATION comment", "{unseen:?}");
    }
    // Beside visible characters, they stay.
    let said = json!({ "comment": "\u{200f}\u{5dc}\u{5d0}" });
    assert_eq!(strict.vote_with("exec1", &task, json!("FAILED"), said).await, "ok");
    assert_eq!(comments(&app, &task).await, [json!("\u{200f}\u{5dc}\u{5d0}")]);
}

#[apply(on_both)]
async fn who_closes_a_task_as_failed_has_to_say_why_and_the_history_keeps_it(app: TestApp) {
    let strict = app.another_process_with(
        |settings| settings.tasks_management.require_rejection_comment = true,
        |builder| builder,
    );
    let group = app.group("CLOSED", Any, &["exec1"]).await;
    for task in [app.task_in(&group).await, app.task(CreateTask::default()).await] {
        let close = |status: &str| json!({ "id": task, "status": status });
        assert_eq!(strict.refused("triage", "updateTask", close("FAILED")).await, "VALIDATION comment");
        let admin = strict.module.requester("admin").await.expect("the fixture has an admin");
        let failed = tasks_management::TaskStatus::Failed;
        strict.module.tasks().complete_task(&admin, key(&task), failed, None).await.expect_err("hosts, too");
        let mut said = close("FAILED");
        said["comment"] = json!(" Made twice ");
        assert_eq!(strict.user("triage").await.outcome("updateTask", said).await, "ok");
        let last = app.versions("task", &task, "status historyChangeReason").await.pop().expect("a version");
        assert_eq!((&last["status"], &last["historyChangeReason"]), (&json!("FAILED"), &json!("Made twice")));
    }
    let task = app.task_in(&group).await;
    assert_eq!(
        strict.user("triage").await.outcome("updateTask", json!({ "id": task, "status": "COMPLETED" })).await,
        "ok"
    );
    let task = app.task_in(&group).await;
    let changed = json!({ "id": task, "data": "{\"a\": 1}", "comment": "a typing error" });
    assert_eq!(app.user("triage").await.outcome("updateTask", changed).await, "ok");
    let last = app.versions("task", &task, "historyChangeReason").await.pop().expect("a version");
    assert_eq!(last["historyChangeReason"], "a typing error");
    let long = json!({ "id": task, "status": "FAILED", "comment": "x".repeat(2001) });
    assert_eq!(app.refused("triage", "updateTask", long).await, "VALIDATION comment");
}

#[apply(on_both)]
async fn a_comment_on_an_update_is_kept_with_the_change_and_refused_where_nothing_changes(app: TestApp) {
    let group = app.group("REASON", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let with = |more: serde_json::Value| {
        let mut input = json!({ "id": task, "comment": "because" });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    };
    let same = app.task_row(&task).await["data"].clone();
    for more in
        [json!({}), json!({ "status": "ACCEPTED" }), json!({ "taskGroupId": group }), json!({ "data": same })]
    {
        assert_eq!(
            app.refused("triage", "updateTask", with(more.clone())).await,
            "VALIDATION comment",
            "{more}"
        );
    }
    let text = app.refusal_text("triage", "updateTask", with(json!({}))).await;
    assert!(text.contains("createTaskComment"), "it says where a comment alone goes: {text}");
    assert_eq!(app.task_row(&task).await["version"], 1, "nothing was written");
    // A blank one says nothing, and asking for nothing is still allowed.
    app.done("triage", "updateTask", json!({ "id": task, "comment": " " })).await;
    for (change, version) in [(json!({ "priority": 7 }), 2), (json!({ "detachGroup": true }), 3)] {
        app.done("triage", "updateTask", with(change)).await;
        let last = app.versions("task", &task, "historyChangeReason").await.pop().expect("a version");
        assert_eq!((&last["version"], &last["historyChangeReason"]), (&json!(version), &json!("because")));
    }
}

#[apply(on_both)]
async fn a_refusal_from_before_the_setting_fails_nothing_until_somebody_says_why(app: TestApp) {
    let strict = app.another_process_with(
        |settings| {
            settings.tasks_management.require_rejection_comment = true;
            settings.tasks_management.reevaluate = tasks_management::Reevaluate::Decide;
        },
        |builder| builder,
    );
    let group = app.group("BEFORE", All, &[]).await;
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("triage", &task, json!("FAILED")).await, "ok");
    app.set_executors(&group, &["exec1"]).await;
    strict.module.deliver_due().await.expect("delivers");
    assert_eq!(app.status(&task).await, "ACCEPTED");
    assert_eq!(strict.refused("triage", "reEvaluateTask", json!({ "id": task })).await, "VALIDATION comment");
    assert_eq!(
        strict
            .user("triage")
            .await
            .outcome("reEvaluateTasks", json!({ "heldReason": "READY_TO_DECIDE" }))
            .await,
        "ok"
    );
    assert_eq!(app.status(&task).await, "ACCEPTED");
    assert_eq!(
        strict.vote_with("triage", &task, json!("FAILED"), json!({ "comment": "No papers" })).await,
        "ok"
    );
    assert_eq!(app.status(&task).await, "FAILED");
}
