//! Why is a task waiting? What `Task.progress` tells, to whom, and at what cost.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any, N};
use tasks_management::CreateTask;

use crate::support::scenario::{key, user_ids};
use crate::support::{TestApp, apply, on_both, stable};

/// The progress of a task as an administrator sees it.
async fn progress(app: &TestApp, task: &str) -> Value {
    app.on_its_way(task).await["progress"].clone()
}

/// What a list asks of each task that shows it to people.
const SHOWN: &str = "uuid status taskGroup { code } activeGroups { code } currentStep { order policy { kind threshold } } \
                     rejectedRecordIds decisionCount decisions { edges { node { decision isStale user { username } } } } \
                     stale: decisions(isStale: true) { totalCount edges { node { uuid } } } \
                     progress { held heldReason stepCount passedCount pools { needed has outcome step { order taskGroup { code } } \
                     taskGroup { code } missing { username email } barred { reason user { username } } \
                     votes { verdict comment user { username } } } }";

#[apply(on_both)]
async fn a_task_in_no_flow_has_one_pool_and_says_who_said_what_and_who_is_missing(app: TestApp) {
    let group = app.group_with("FLAT", N, Some(2), &["exec1", "exec2", "exec3"], &[]).await;
    let task = app.task_in(&group).await;
    assert_eq!(app.vote_with("exec2", &task, json!("APPROVED"), json!({ "comment": "fine" })).await, "ok");
    insta::assert_snapshot!("progress", stable(&progress(&app, &task).await, &[]));
}

#[apply(on_both)]
async fn a_flow_counts_its_steps_and_shows_those_that_are_asked(app: TestApp) {
    let one = app.group("ONE", Any, &["exec1"]).await;
    let two = app.group("TWO", All, &["exec2", "exec3"]).await;
    let three = app.group("THREE", Any, &["exec4"]).await;
    let flow = app
        .flow_of(json!({ "code": "FLOW", "steps": [
            { "taskGroupId": one }, { "taskGroupId": two, "order": 2 }, { "taskGroupId": three, "order": 2 },
        ]}))
        .await;
    let task = app.task_on(&flow).await;
    let mut said = vec![progress(&app, &task).await];
    for voters in [&["exec1"][..], &["exec2", "exec4"], &["exec3"]] {
        for voter in voters {
            app.approve(voter, &task).await;
        }
        said.push(progress(&app, &task).await);
    }
    // Votes at the steps before are no votes of the pools that are asked now.
    insta::assert_snapshot!("progress", stable(&json!(said), &[]));
}

#[apply(on_both)]
async fn it_is_held_with_the_reason_for_which_it_is(app: TestApp) {
    let group = app.group("HELD", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    app.set_executors(&group, &[]).await;
    let said = progress(&app, &task).await;
    assert_eq!((&said["held"], &said["heldReason"]), (&json!(true), &json!("EMPTY_POOL")));
    assert_eq!(
        (&said["pools"][0]["outcome"], &said["pools"][0]["heldReason"]),
        (&json!("HELD"), &json!("EMPTY_POOL"))
    );
    app.set_executors(&group, &["exec1"]).await;
    assert_eq!(progress(&app, &task).await["held"], false);

    let barred = json!({ "id": group, "code": "HELD", "completionPolicy": "ALL", "forbidMaker": true, "userIds": user_ids(&["admin"]) });
    assert_eq!(app.user("triage").await.outcome("updateTaskGroup", barred).await, "ok");
    let said = progress(&app, &task).await;
    assert_eq!(said["heldReason"], "NOBODY_MAY_DECIDE");
    assert_eq!(said["pools"][0]["missing"], json!([]));

    let few = app.group_with("FEW", N, Some(2), &["exec1", "exec2"], &[]).await;
    let task = app.task_in(&few).await;
    app.set_executors(&few, &["exec1"]).await;
    let said = progress(&app, &task).await;
    assert_eq!(
        (&said["heldReason"], &said["pools"][0]["outcome"]),
        (&json!("TOO_FEW_EXECUTORS"), &json!("OPEN"))
    );
    // Somebody with every right can help out.
    assert_eq!(app.vote("triage", &task, json!("APPROVED")).await, "ok");
    assert_eq!(progress(&app, &task).await["held"], false);
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn one_held_pool_beside_another_holds_the_task(app: TestApp) {
    let one = app.group("ONE", Any, &["exec1"]).await;
    let two = app.group("TWO", Any, &["exec2"]).await;
    let flow = app
        .flow_of(json!({ "code": "BESIDE", "steps": [
            { "taskGroupId": one, "order": 1 }, { "taskGroupId": two, "order": 1 },
        ]}))
        .await;
    let task = app.task_on(&flow).await;
    app.set_executors(&two, &[]).await;
    let said = progress(&app, &task).await;
    assert_eq!((&said["held"], &said["heldReason"]), (&json!(true), &json!("EMPTY_POOL")));
    assert_eq!((&said["pools"][0]["held"], &said["pools"][1]["held"]), (&json!(false), &json!(true)));
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.place(&task).await, ("ACCEPTED".to_owned(), Some(1), vec!["TWO".to_owned()]));
    app.set_executors(&two, &["exec3"]).await;
    assert_eq!(app.vote("exec3", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn records_are_counted_for_each_person(app: TestApp) {
    let group = app.group_with("RECORDS", N, Some(2), &["exec1", "exec2"], &[]).await;
    let flow = app.flow("BATCH", &[&group]).await;
    let task = app
        .task(CreateTask {
            source: Some("import_valid_items".to_owned()),
            flow_id: Some(key(&flow)),
            ..CreateTask::default()
        })
        .await;
    assert_eq!(app.vote("exec1", &task, json!({ "ACCEPT": ["1", "2", "3"], "REJECT": ["4"] })).await, "ok");
    assert_eq!(app.vote("exec1", &task, json!({ "REJECT": ["3"] })).await, "ok");
    // It has one reviewer, however many records that one has decided.
    insta::assert_snapshot!("progress", stable(&progress(&app, &task).await, &[]));
}

#[apply(on_both)]
async fn there_is_none_before_a_task_is_accepted_and_after_it_is_decided(app: TestApp) {
    let nobodys = app.task(CreateTask::default()).await;
    assert_eq!(progress(&app, &nobodys).await["pools"], json!([]));
    let group = app.group("GROUP", Any, &["exec1"]).await;
    let received = app.task(CreateTask::default()).await;
    let give = json!({ "id": received, "taskGroupId": group });
    assert_eq!(app.user("admin").await.outcome("updateTask", give).await, "ok");
    assert_eq!(app.status(&received).await, "RECEIVED");
    assert_eq!(progress(&app, &received).await["pools"], json!([]));
    for value in ["APPROVED", "FAILED"] {
        let task = app.task_in(&group).await;
        assert_eq!(app.vote("exec1", &task, json!(value)).await, "ok");
        let said = progress(&app, &task).await;
        assert_eq!((&said["pools"], &said["held"]), (&json!([]), &json!(false)));
    }
}

#[apply(on_both)]
async fn an_executor_sees_it_but_nothing_personal_about_others(app: TestApp) {
    let group = app.group("SEEN", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    let selection = "progress { held pools { needed has missing { username lastName email phone iUser { email } rights } \
                     votes { user { username email iUser { email } } } } }";
    let arguments = format!("(id: \"{task}\")");
    let mut seen = json!({});
    for who in ["exec1", "exec3", "triage"] {
        seen[who] = json!(app.user(who).await.rows("task", &arguments, selection).await);
    }
    insta::assert_snapshot!("what_each_sees", stable(&seen, &[]));
}

#[apply(on_both)]
async fn fifty_tasks_with_progress_cost_as_many_statements_as_two(app: TestApp) {
    let one = app.group("ONE", Any, &["exec1", "exec2", "exec3"]).await;
    let two = app.group("TWO", All, &["exec1", "exec2", "exec4"]).await;
    let three = app.group("THREE", N, &["exec5"]).await;
    let flow = app
        .flow_of(json!({ "code": "FLOW", "taskSources": ["many"], "steps": [
            { "taskGroupId": one }, { "taskGroupId": two, "order": 2 }, { "taskGroupId": three, "order": 2 },
        ]}))
        .await;
    for number in 0..50 {
        let task = if number % 5 == 0 { app.task_in(&two).await } else { app.task_from("many").await };
        if number % 2 == 0 {
            assert_eq!(
                app.vote(if number % 4 == 0 { "exec1" } else { "exec2" }, &task, json!("APPROVED")).await,
                "ok"
            );
        }
    }
    assert!(app.flow_row(&flow).await["inFlightCount"].as_i64() >= Some(40));
    let counted = app.counted_process();
    let cost = async |client: &mut crate::support::Client, first: usize| {
        counted.statements();
        let rows = client
            .rows("task", &format!("(first: {first}, status: ACCEPTED, orderBy: \"-dateCreated\")"), SHOWN)
            .await;
        assert_eq!(rows.len(), first);
        assert!(rows.iter().all(|row| row["progress"]["pools"] != json!([])));
        counted.statements()
    };
    for name in ["exec1", "admin"] {
        let mut client = counted.user(name).await;
        // The first request opens connections and reads what is kept for a while.
        cost(&mut client, 50).await;
        let (few, many) = (cost(&mut client, 2).await, cost(&mut client, 50).await);
        assert!(few.len() >= 5, "statements are not counted: {few:?}");
        assert!(
            many.len() < few.len() + 10,
            "{name}: {} statements for 2 tasks, {} for 50: {many:#?}",
            few.len(),
            many.len()
        );
    }
}
