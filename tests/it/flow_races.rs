//! Races about approval flows, with real concurrency on two server processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::CreateTask;

use crate::races::{at_once, sorted};
use crate::support::scenario::user_id;
use crate::support::{TestApp, apply, on_both};

mod crowd;
mod tape;

pub use tape::{insert_tape, lines};

/// A flow of one step for a source; returns its key.
async fn flow_from(app: &TestApp, code: &str, group: &str, source: &str) -> String {
    app.flow_of(json!({ "code": code, "taskSources": [source], "steps": [{ "taskGroupId": group }] })).await
}

/// The one task of a source: its status and its flow.
async fn task_of(app: &TestApp, source: &str) -> (Value, Value) {
    let arguments = format!("(source: \"{source}\")");
    let mut rows = app.user("admin").await.rows("task", &arguments, "status flow { uuid }").await;
    assert_eq!(rows.len(), 1, "{source}");
    let row = rows.remove(0);
    (row["status"].clone(), row["flow"]["uuid"].clone())
}

#[apply(on_both)]
async fn tasks_that_come_while_a_flow_is_replaced_join_the_version_that_is_head_then(app: TestApp) {
    let other = app.another_process();
    let group = app.group("REPLACED", Any, &["exec1"]).await;
    flow_from(&app, "REPLACED", &group, "replaced").await;
    let (begun, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut race = tokio::task::JoinSet::new();
    for hand in 0..4 {
        let mut client = if hand % 2 == 0 { &app } else { &other }.user("triage").await;
        let (begun, done) = (Arc::clone(&begun), Arc::clone(&done));
        race.spawn(async move {
            let mut seen = Vec::new();
            while done.load(Ordering::SeqCst) < 15 {
                let entity = format!("{hand}-{}", seen.len());
                let input = json!({ "source": "replaced", "entityType": "zoo.animal", "entityId": entity });
                let oldest = done.load(Ordering::SeqCst) + 1;
                assert_eq!(client.tried("createTask", input).await, "ok");
                seen.push((entity, oldest, begun.load(Ordering::SeqCst) + 1));
            }
            seen
        });
    }
    let mut replacer = other.user("admin").await;
    for _ in 0..15 {
        let head = replacer.rows("taskFlow", "(code: \"REPLACED\")", "uuid").await.remove(0);
        begun.fetch_add(1, Ordering::SeqCst);
        let input = json!({ "id": head["uuid"], "steps": [{ "taskGroupId": group }] });
        assert_eq!(replacer.tried("replaceTaskFlow", input).await, "ok");
        done.fetch_add(1, Ordering::SeqCst);
    }
    let mut count = 0;
    while let Some(seen) = race.join_next().await {
        for (entity, oldest, newest) in seen.expect("no maker fails") {
            count += 1;
            let version = app.number(&format!(
                "SELECT CAST(flow.version - CASE WHEN flow.replacement_uuid IS NULL THEN 0 ELSE 1 END AS bigint) AS value \
                 FROM task_management_task AS task \
                 JOIN task_management_taskflow AS flow ON flow.id = task.flow_id \
                 WHERE task.entity_id = '{entity}' AND task.status = 'ACCEPTED'"
            ));
            // A version that is superseded was written once more for that.
            let version = usize::try_from(version).expect("a version");
            assert!((oldest..=newest).contains(&version), "version {version}, not {oldest} to {newest}");
        }
    }
    assert!(count >= 4, "{count} tasks");
    assert_eq!(
        app.count(
            "SELECT count(*) FROM task_management_task WHERE source = 'replaced' AND status = 'RECEIVED'"
        ),
        0
    );
    assert_eq!(app.count("SELECT count(*) FROM task_management_taskflow WHERE code = 'REPLACED' AND replacement_uuid IS NULL"), 1);
    assert_eq!(app.count("SELECT count(*) FROM core_mutationlog WHERE error LIKE '%INTERNAL%'"), 0);
}

#[apply(on_both)]
async fn no_task_is_in_a_flow_that_was_deleted_at_the_same_moment(app: TestApp) {
    let (one, other) = (app.user("triage").await, app.another_process().user("admin").await);
    let group = app.group("GONE", Any, &["exec1"]).await;
    for round in 0..10 {
        let source = format!("gone{round}");
        let flow = flow_from(&app, &format!("GONE{round}"), &group, &source).await;
        let outcomes = at_once([
            (&other, "deleteTaskFlow", json!({ "ids": [flow] })),
            (&one, "createTask", json!({ "source": source })),
        ])
        .await;
        let task = task_of(&app, &source).await;
        match [outcomes[0].as_str(), outcomes[1].as_str()] {
            ["ok", "ok"] => assert_eq!(task, (json!("RECEIVED"), json!(null))),
            ["CONFLICT", "ok"] => assert_eq!(task, (json!("ACCEPTED"), json!(flow))),
            other => panic!("{other:?}"),
        }
        let flow = flow_from(&app, &format!("HAND{round}"), &group, &format!("hand{round}")).await;
        let task = app.task(CreateTask::default()).await;
        let outcomes = at_once([
            (&other, "deleteTaskFlow", json!({ "ids": [flow] })),
            (&one, "updateTask", json!({ "id": task, "flowId": flow })),
        ])
        .await;
        match [outcomes[0].as_str(), outcomes[1].as_str()] {
            ["ok", "NOT_FOUND"] => assert_eq!(app.status(&task).await, "RECEIVED"),
            ["CONFLICT", "ok"] => assert_eq!(app.status(&task).await, "ACCEPTED"),
            other => panic!("{other:?}"),
        }
    }
}

#[apply(on_both)]
async fn a_task_that_is_given_to_a_flow_while_it_is_replaced_is_in_a_version_or_told_why_not(app: TestApp) {
    let (one, other) = (app.user("triage").await, app.another_process().user("admin").await);
    let group = app.group("GIVEN", Any, &["exec1"]).await;
    for round in 0..10 {
        let flow = flow_from(&app, &format!("GIVEN{round}"), &group, &format!("given{round}")).await;
        let task = app.task(CreateTask::default()).await;
        let outcomes = at_once([
            (&other, "replaceTaskFlow", json!({ "id": flow, "steps": [{ "taskGroupId": group }] })),
            (&one, "updateTask", json!({ "id": task, "flowId": flow })),
        ])
        .await;
        match [outcomes[0].as_str(), outcomes[1].as_str()] {
            ["ok", "ok"] => {
                assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok", "it keeps its version")
            }
            ["ok", "CONFLICT"] => assert_eq!(app.status(&task).await, "RECEIVED"),
            other => panic!("{other:?}"),
        }
    }
}

#[apply(on_both)]
async fn a_flow_is_replaced_once_and_deleted_whole(app: TestApp) {
    let (mut root, other) = (app.user("admin").await, app.another_process().user("admin").await);
    let group = app.group("ONCE", Any, &["exec1"]).await;
    for round in 0..10 {
        let code = format!("ONCE{round}");
        let flow = flow_from(&app, &code, &group, &format!("once{round}")).await;
        let replace = || json!({ "id": flow, "steps": [{ "taskGroupId": group }] });
        let outcomes =
            at_once([(&root, "replaceTaskFlow", replace()), (&other, "replaceTaskFlow", replace())]).await;
        assert_eq!(sorted(outcomes), ["CONFLICT", "ok"]);
        let head = root.rows("taskFlow", &format!("(code: \"{code}\")"), "uuid version").await.remove(0);
        assert_eq!(head["version"], 2);
        let next = json!({ "id": head["uuid"], "steps": [{ "taskGroupId": group }] });
        let outcomes = at_once([
            (&other, "replaceTaskFlow", next),
            (&root, "deleteTaskFlow", json!({ "ids": [head["uuid"]] })),
        ])
        .await;
        match [outcomes[0].as_str(), outcomes[1].as_str()] {
            ["ok" | "NOT_FOUND", "ok"] => {}
            other => panic!("{other:?}"),
        }
        let live =
            format!("SELECT count(*) FROM task_management_taskflow WHERE code = '{code}' AND NOT is_deleted");
        assert_eq!(app.count(&live), 0, "the whole lineage goes");
        let steps = format!(
            "SELECT count(*) FROM task_management_taskflowstep AS step JOIN task_management_taskflow AS flow \
             ON flow.id = step.task_flow_id WHERE flow.code = '{code}' AND NOT step.is_deleted"
        );
        assert_eq!(app.count(&steps), 0);
        assert_eq!(
            app.count(&format!(
                "SELECT count(*) FROM task_management_tasksource WHERE source = 'once{round}'"
            )),
            0
        );
    }
}

#[apply(on_both)]
async fn a_code_and_a_source_go_to_one_flow_or_group(app: TestApp) {
    let (one, other) = (app.user("triage").await, app.another_process().user("admin").await);
    let root = app.user("admin").await;
    let group = app.group("BASE", Any, &["exec1"]).await;
    for round in 0..10 {
        let coded = || json!({ "code": format!("C{round}"), "steps": [{ "taskGroupId": group }] });
        let outcomes =
            at_once([(&root, "createTaskFlow", coded()), (&other, "createTaskFlow", coded())]).await;
        assert_eq!(sorted(outcomes), ["VALIDATION", "ok"], "codes");
        let source = format!("s{round}");
        let outcomes = at_once([
            (&other, "createTaskFlow", json!({ "code": format!("F{round}"), "taskSources": [source], "steps": [{ "taskGroupId": group }] })),
            (&one, "createTaskGroup", json!({ "code": format!("G{round}"), "completionPolicy": "ALL", "taskSources": [source] })),
        ]).await;
        assert_eq!(sorted(outcomes), ["VALIDATION", "ok"], "sources");
    }
    assert_eq!(app.count("SELECT count(*) FROM core_mutationlog WHERE error LIKE '%INTERNAL%'"), 0);
}

#[apply(on_both)]
async fn a_group_is_not_deleted_under_a_new_flow(app: TestApp) {
    let (one, other) = (app.user("triage").await, app.another_process().user("admin").await);
    let stays = app.group("STAYS", Any, &["exec1"]).await;
    for round in 0..10 {
        let group = app.group(&format!("UNDER{round}"), Any, &["exec1"]).await;
        let code = format!("OVER{round}");
        let outcomes = at_once([
            (&one, "deleteTaskGroup", json!({ "ids": [group] })),
            (
                &other,
                "createTaskFlow",
                json!({ "code": code, "steps": [{ "taskGroupId": stays }, { "taskGroupId": group }] }),
            ),
        ])
        .await;
        let live =
            format!("SELECT count(*) FROM task_management_taskflow WHERE code = '{code}' AND NOT is_deleted");
        match [outcomes[0].as_str(), outcomes[1].as_str()] {
            ["ok", "NOT_FOUND"] => assert_eq!(app.count(&live), 0),
            ["CONFLICT", "ok"] => assert_eq!(app.executors_in(&group).await, ["exec1"]),
            other => panic!("{other:?}"),
        }
    }
}

#[apply(on_both)]
async fn the_last_votes_of_parallel_pools_at_once_move_the_task_on_once(app: TestApp) {
    let other = app.another_process();
    let (exec1, exec2) = (app.user("exec1").await, other.user("exec2").await);
    let one = app.group("ONE", All, &["exec1"]).await;
    let two = app.group("TWO", All, &["exec2"]).await;
    let three = app.group("THREE", Any, &["exec3"]).await;
    let flow = app
        .flow_of(json!({ "code": "JOINT", "steps": [
            { "taskGroupId": one, "order": 1 }, { "taskGroupId": two, "order": 1 }, { "taskGroupId": three },
        ]}))
        .await;
    for _ in 0..10 {
        let task = app.task_on(&flow).await;
        let vote = |name: &str| json!({ "id": task, "businessStatus": json!({ user_id(name): "APPROVED" }).to_string() });
        let outcomes =
            at_once([(&exec1, "resolveTask", vote("exec1")), (&exec2, "resolveTask", vote("exec2"))]).await;
        assert_eq!(outcomes, ["ok", "ok"]);
        assert_eq!(app.place(&task).await, ("ACCEPTED".to_owned(), Some(2), vec!["THREE".to_owned()]));
        // Created, a vote, its pool passed, the other vote, both passed.
        assert_eq!(app.task_row(&task).await["version"], 5);
    }
}
