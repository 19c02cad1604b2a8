//! Taking back one's own vote while its pool is open.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any, N};
use tasks_management::{CreateTask, Event, Signal, Signals};

use crate::races::at_once;
use crate::support::scenario::{each, key, parsed, user_id};
use crate::support::{TestApp, apply, on_both};

async fn withdraw(app: &TestApp, who: &str, task: &str) {
    app.done(who, "withdrawTaskDecision", json!({ "id": task })).await;
}

async fn refused(app: &TestApp, who: &str, task: &str) -> String {
    app.refused(who, "withdrawTaskDecision", json!({ "id": task })).await
}

/// Who has said something, as `businessStatus` shows it.
async fn shown(app: &TestApp, task: &str) -> Value {
    parsed(&app.task_row(task).await["businessStatus"])
}

#[apply(on_both)]
async fn a_vote_that_was_taken_back_counts_no_more_and_its_caster_is_asked_again(app: TestApp) {
    let group = app.group_with("BACK", N, Some(2), &["exec1", "exec2", "exec3"], &[]).await;
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    withdraw(&app, "exec1", &task).await;
    let row = app.on_its_way(&task).await;
    assert_eq!((&row["decisions"], parsed(&row["businessStatus"])), (&json!([]), json!({})));
    assert_eq!(row["progress"]["pools"][0]["has"], 0);
    app.approve("exec2", &task).await;
    assert_eq!(app.status(&task).await, "ACCEPTED");
    app.approve("exec1", &task).await;
    assert_eq!(app.status(&task).await, "COMPLETED", "one votes again as if nothing had been said");
}

#[apply(on_both)]
async fn history_journal_and_signal_tell_of_it(app: TestApp) {
    let told: Arc<Mutex<Vec<Event>>> = Arc::default();
    let keeps = Arc::clone(&told);
    let signals = Signals::builder().within(Signal::TaskWithdrawDecision, move |_, event| {
        keeps.lock().expect("nobody panicked").push(event.clone());
        Ok(())
    });
    let app = app.another_process_with(|_| {}, |builder| builder.signals(signals));
    let group = app.group("TOLD", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    let input = json!({ "id": task, "comment": " looked at the wrong file ", "clientMutationId": "back" });
    app.done("exec1", "withdrawTaskDecision", input.clone()).await;
    app.done("exec1", "withdrawTaskDecision", input).await;
    let versions = app.versions("task", &task, "historyChangeReason").await;
    assert_eq!(each(&versions, "version"), [1, 2, 3], "a repeat does nothing");
    assert_eq!(versions[2]["historyChangeReason"], "vote withdrawn; looked at the wrong file");
    assert_eq!(versions[2]["historyUser"]["username"], "exec1");
    let gone = format!(
        "SELECT count(*) FROM task_management_historicaltaskdecision WHERE task_id = '{task}' AND history_type = '-' \
         AND is_deleted AND history_user = '{}'",
        user_id("exec1")
    );
    assert_eq!(app.count(&gone), 1);
    let touched = app.user("exec1").await.rows("task", "(clientMutationId: \"back\")", "uuid").await;
    assert_eq!(touched[0]["uuid"], task.as_str());
    let told = told.lock().expect("nobody panicked");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].data["comment"], "looked at the wrong file");
    let versions =
        (told[0].old_task().expect("a task").map(|task| task.version), told[0].task().expect("a task"));
    assert_eq!((versions.0, versions.1.version), (Some(2), 3));
}

#[apply(on_both)]
async fn all_verdicts_on_records_are_taken_back_together(app: TestApp) {
    let group = app.group("RECORDS", All, &["exec1", "exec2"]).await;
    let flow = app.flow("RECORDS", &[&group]).await;
    let task = app
        .task(CreateTask {
            flow_id: Some(key(&flow)),
            source: Some("import_valid_items".to_owned()),
            ..CreateTask::default()
        })
        .await;
    assert_eq!(app.vote("exec1", &task, json!({ "ACCEPT": ["a", "b"], "REJECT": ["c"] })).await, "ok");
    assert_eq!(app.on_its_way(&task).await["rejectedRecordIds"], json!(["c"]));
    withdraw(&app, "exec1", &task).await;
    let row = app.on_its_way(&task).await;
    assert_eq!((&row["decisions"], &row["rejectedRecordIds"]), (&json!([]), &json!([])));
    assert_eq!(parsed(&row["businessStatus"]), json!({}));
    assert_eq!(refused(&app, "exec1", &task).await, "CONFLICT");
}

#[apply(on_both)]
async fn a_vote_at_a_step_that_has_passed_stays(app: TestApp) {
    let (one, two) =
        (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", All, &["exec1", "exec2"]).await);
    let flow = app.flow("STEPS", &[&one, &two]).await;
    let task = app.task_on(&flow).await;
    app.approve("exec1", &task).await;
    assert_eq!(app.place(&task).await.1, Some(2));
    let text = app.refusal_text("exec1", "withdrawTaskDecision", json!({ "id": task })).await;
    assert!(text.contains("passed this step"), "{text}");
    let named = |step: String| json!({ "id": task, "stepId": step });
    let (first, second) = (app.step(&flow, 0).await, app.step(&flow, 1).await);
    assert_eq!(app.refused("exec1", "withdrawTaskDecision", named(first)).await, "CONFLICT stepId");
    app.approve("exec1", &task).await;
    app.done("exec1", "withdrawTaskDecision", named(second)).await;
    let row = app.on_its_way(&task).await;
    assert_eq!(row["decisions"].as_array().map(Vec::len), Some(1), "that of the first step");
    assert_eq!(row["progress"]["pools"][0]["has"], 0);
    let nowhere = named("00000000-0000-7000-b000-000000000009".to_owned());
    assert_eq!(app.refused("exec1", "withdrawTaskDecision", nowhere).await, "NOT_FOUND stepId");
}

#[apply(on_both)]
async fn of_steps_that_are_asked_at_once_one_can_be_named_and_the_other_vote_is_shown_on(app: TestApp) {
    let one = app.group("LEFT", All, &["exec1", "exec2"]).await;
    let two = app.group("RIGHT", All, &["exec1", "exec3"]).await;
    let flow = app
        .flow_of(json!({ "code": "PARALLEL", "steps": [
            { "taskGroupId": one, "order": 1 }, { "taskGroupId": two, "order": 1 },
        ]}))
        .await;
    let task = app.task_on(&flow).await;
    app.approve("exec1", &task).await;
    let step = app.step(&flow, 0).await;
    app.done("exec1", "withdrawTaskDecision", json!({ "id": task, "stepId": step })).await;
    assert_eq!(shown(&app, &task).await, json!({ user_id("exec1"): "APPROVED" }), "the other step's");
    let pools = app.on_its_way(&task).await["progress"]["pools"].clone();
    assert_eq!((&pools[0]["has"], &pools[1]["has"]), (&json!(0), &json!(1)));
    withdraw(&app, "exec1", &task).await;
    assert_eq!(shown(&app, &task).await, json!({}));
}

#[apply(on_both)]
async fn a_stale_vote_or_none_is_nothing_to_take_back(app: TestApp) {
    let group = app.group("NOTHING", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(refused(&app, "exec1", &task).await, "CONFLICT");
    app.approve("exec1", &task).await;
    assert_eq!(refused(&app, "exec2", &task).await, "CONFLICT", "the vote of somebody else");
    app.done("admin", "updateTask", json!({ "id": task, "data": "{\"a\":1}" })).await;
    assert_eq!(refused(&app, "exec1", &task).await, "CONFLICT");
    app.approve("exec1", &task).await;
    app.run(&format!("UPDATE task_management_task SET data = '{{\"a\": 2}}' WHERE id = '{task}'"));
    assert_eq!(refused(&app, "exec1", &task).await, "CONFLICT", "changed behind the services' back");
    let other = app
        .task(CreateTask {
            executor_action_event: Some("other".to_owned()),
            task_group_id: Some(key(&group)),
            ..CreateTask::default()
        })
        .await;
    app.approve("exec1", &other).await;
    let text = app.refusal_text("exec1", "withdrawTaskDecision", json!({ "id": other })).await;
    assert!(text.contains("no vote"), "votes that decide nothing were handed to handlers: {text}");
}

#[apply(on_both)]
async fn a_decided_task_and_one_that_is_not_asked_about_keep_what_was_said(app: TestApp) {
    let group = app.group("DONE", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    assert_eq!(refused(&app, "exec1", &task).await, "CONFLICT");
    assert_eq!(shown(&app, &task).await, json!({ user_id("exec1"): "APPROVED" }));
    let received = app.task(CreateTask::default()).await;
    assert_eq!(refused(&app, "triage", &received).await, "CONFLICT");
    assert_eq!(refused(&app, "exec1", &received).await, "NOT_FOUND id");
    app.done("admin", "deleteTask", json!({ "ids": [received] })).await;
    assert_eq!(refused(&app, "triage", &received).await, "NOT_FOUND id");
}

#[apply(on_both)]
async fn privileged_people_take_back_their_own_vote_and_who_has_left_the_pool_does_not(app: TestApp) {
    let group = app.group_with("LEAVES", N, Some(2), &["exec1", "exec2"], &[]).await;
    let task = app.task_in(&group).await;
    app.approve("triage", &task).await;
    withdraw(&app, "triage", &task).await;
    app.approve("exec1", &task).await;
    app.set_executors(&group, &["exec2", "exec3"]).await;
    assert_eq!(refused(&app, "exec1", &task).await, "NOT_FOUND id", "the task is seen no more");
}

#[apply(on_both)]
async fn who_is_barred_by_now_may_still_take_back_what_was_said(app: TestApp) {
    let group = app.group("BARRED", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    app.run(&format!(
        "UPDATE task_management_task SET user_created = '{}' WHERE id = '{task}'",
        user_id("exec1")
    ));
    let strict =
        app.another_process_with(|settings| settings.tasks_management.forbid_maker = true, |builder| builder);
    assert_eq!(strict.vote("exec1", &task, json!("APPROVED")).await, "FORBIDDEN");
    withdraw(&strict, "exec1", &task).await;
    assert_eq!(shown(&app, &task).await, json!({}));
}

#[apply(on_both)]
async fn a_task_that_was_ready_to_decide_is_so_no_more_or_still_waits_to_be_weighed(app: TestApp) {
    let group = app.group_with("READY", N, Some(3), &["exec1", "exec2", "exec3"], &[]).await;
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    app.approve("exec2", &task).await;
    let threshold = |threshold: i32| json!({ "id": group, "code": "READY", "completionPolicy": "N", "threshold": threshold });
    app.done("admin", "updateTaskGroup", threshold(1)).await;
    withdraw(&app, "exec1", &task).await;
    let held = app.on_its_way(&task).await["progress"]["heldReason"].clone();
    assert_eq!((held, app.status(&task).await), (json!("READY_TO_DECIDE"), "ACCEPTED".to_owned()));
    let listed = |rows: Vec<Value>| each(&rows, "uuid");
    let mut admin = app.user("admin").await;
    assert_eq!(listed(admin.rows("task", "(heldReason: READY_TO_DECIDE)", "uuid").await), [task.as_str()]);
    withdraw(&app, "exec2", &task).await;
    assert_eq!(
        listed(admin.rows("task", "(heldReason: READY_TO_DECIDE)", "uuid").await),
        Vec::<Value>::new()
    );
    assert_eq!(app.on_its_way(&task).await["progress"]["heldReason"], Value::Null);
}

#[apply(on_both)]
async fn a_withdrawal_and_the_vote_that_completes_at_the_same_moment_agree_on_what_was_first(app: TestApp) {
    let other = app.another_process();
    let (exec1, exec2) = (app.user("exec1").await, other.user("exec2").await);
    let group = app.group("RACE", All, &["exec1", "exec2"]).await;
    for _ in 0..20 {
        let task = app.task_in(&group).await;
        app.approve("exec1", &task).await;
        let ballot = json!({ user_id("exec2"): "APPROVED" }).to_string();
        let vote = json!({ "id": task, "businessStatus": ballot });
        let outcomes =
            at_once([(&exec1, "withdrawTaskDecision", json!({ "id": task })), (&exec2, "resolveTask", vote)])
                .await;
        let live = format!(
            "SELECT count(*) FROM task_management_taskdecision WHERE task_id = '{task}' AND NOT is_deleted"
        );
        match [outcomes[0].as_str(), outcomes[1].as_str()] {
            ["ok", "ok"] => assert_eq!((app.status(&task).await.as_str(), app.count(&live)), ("ACCEPTED", 1)),
            ["CONFLICT", "ok"] => {
                assert_eq!((app.status(&task).await.as_str(), app.count(&live)), ("COMPLETED", 2));
            }
            other => panic!("{other:?}"),
        }
    }
}
