//! What people say beside their votes.

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
