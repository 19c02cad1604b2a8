//! The rules of flows that decide record by record: who has reviewed, and which records are rejected.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any, N};
use tasks_management::{Signal, Signals};

use crate::rules_flow::place;
use crate::support::scenario::{parsed, user_id};
use crate::support::{TestApp, apply, on_both};

/// A flow of two of three reviewers, then one more, to which the source is bound.
async fn reviewed(app: &TestApp) -> String {
    let one = app.group_with("REVIEWERS", N, Some(2), &["exec1", "exec2", "exec3"], &[]).await;
    let two = app.group("LAST", Any, &["exec4"]).await;
    app.flow_of(json!({ "code": "RECORDS", "taskSources": ["import_valid_items"],
        "steps": [{ "taskGroupId": one }, { "taskGroupId": two }] }))
        .await
}

async fn review(app: &TestApp, who: &str, task: &str, accept: &[&str], reject: &[&str]) {
    let mut lists = serde_json::Map::new();
    for (name, list) in [("ACCEPT", accept), ("REJECT", reject)] {
        if !list.is_empty() {
            lists.insert(name.to_owned(), json!(list));
        }
    }
    assert_eq!(app.vote(who, task, Value::Object(lists)).await, "ok", "{who}");
}

async fn rejected(app: &TestApp, task: &str) -> Value {
    app.on_its_way(task).await["rejectedRecordIds"].clone()
}

#[apply(on_both)]
async fn a_step_passes_when_enough_distinct_reviewers_have_voted_whatever_they_said(app: TestApp) {
    reviewed(&app).await;
    let task = app.task_from("import_valid_items").await;
    review(&app, "exec1", &task, &["a"], &[]).await;
    review(&app, "exec1", &task, &[], &["b"]).await;
    review(&app, "exec1", &task, &["c", "d"], &[]).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 1, &["REVIEWERS"]), "one person is one reviewer");
    review(&app, "exec2", &task, &[], &["c"]).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["LAST"]));
    review(&app, "exec4", &task, &["a"], &[]).await;
    assert_eq!(app.place(&task).await, place("COMPLETED", 2, &[]), "rejecting records fails no task");
    assert_eq!(rejected(&app, &task).await, json!(["b", "c"]));
}

#[apply(on_both)]
async fn under_all_every_live_executor_must_have_reviewed(app: TestApp) {
    let group = app.group("EVERYBODY", All, &["exec1", "exec2"]).await;
    app.flow_of(json!({ "code": "ALL", "taskSources": ["import_group_valid_items"], "steps": [{ "taskGroupId": group }] })).await;
    let task = app.task_from("import_group_valid_items").await;
    review(&app, "admin", &task, &["a"], &[]).await;
    review(&app, "exec1", &task, &["a"], &[]).await;
    assert_eq!(app.status(&task).await, "ACCEPTED");
    review(&app, "exec2", &task, &[], &["a"]).await;
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn a_record_that_was_rejected_at_any_step_stays_rejected(app: TestApp) {
    reviewed(&app).await;
    let task = app.task_from("import_valid_items").await;
    review(&app, "exec1", &task, &["fine"], &["bad"]).await;
    review(&app, "exec2", &task, &["fine", "bad"], &[]).await;
    assert_eq!(rejected(&app, &task).await, json!(["bad"]), "another's ACCEPT takes nobody's REJECT back");
    review(&app, "exec4", &task, &["bad", "fine"], &[]).await;
    assert_eq!(
        (app.status(&task).await, rejected(&app, &task).await),
        ("COMPLETED".to_owned(), json!(["bad"]))
    );
}

#[apply(on_both)]
async fn who_changes_their_mind_on_a_record_at_the_same_step_is_taken_at_the_last_word(app: TestApp) {
    reviewed(&app).await;
    let task = app.task_from("import_valid_items").await;
    review(&app, "exec1", &task, &["a"], &["b"]).await;
    review(&app, "exec1", &task, &["b"], &["a"]).await;
    assert_eq!(rejected(&app, &task).await, json!(["a"]));
    let decisions = app.on_its_way(&task).await["decisions"].as_array().cloned().expect("a list");
    assert_eq!(decisions.len(), 2, "{decisions:?}");
    let replaced = app.count("SELECT count(*) FROM task_management_taskdecision WHERE is_deleted");
    assert_eq!(replaced, 2, "the ledger keeps what was replaced");
}

#[apply(on_both)]
async fn whole_task_verdicts_are_refused(app: TestApp) {
    let flow = reviewed(&app).await;
    let task = app.task_from("import_valid_items").await;
    for value in ["APPROVED", "FAILED"] {
        for who in ["exec1", "admin"] {
            let input = json!({ "id": task, "businessStatus": json!({ user_id(who): value }).to_string() });
            assert_eq!(
                app.refused(who, "resolveTask", input).await,
                "VALIDATION businessStatus",
                "{who} {value}"
            );
        }
    }
    let whole = app.task_on(&flow).await;
    let records = json!({ user_id("exec1"): { "ACCEPT": ["a"] } }).to_string();
    let input = json!({ "id": whole, "businessStatus": records });
    assert_eq!(
        app.refused("exec1", "resolveTask", input).await,
        "VALIDATION businessStatus",
        "of another source"
    );
}

#[apply(on_both)]
async fn outside_of_flows_the_same_sources_are_decided_as_a_whole(app: TestApp) {
    let group = app.group_with("FLAT", Any, None, &["exec1"], &["import_valid_items"]).await;
    let task = app.task_from("import_valid_items").await;
    assert_eq!(app.task_row(&task).await["taskGroup"]["uuid"], json!(group));
    review(&app, "exec1", &task, &["a"], &["b"]).await;
    assert_eq!(app.status(&task).await, "ACCEPTED");
    app.approve("exec1", &task).await;
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn the_sources_that_are_decided_so_are_a_setting(app: TestApp) {
    app.load(
        json!({ "moduleConfigurations": [{ "module": "tasks_management", "layer": "BE", "isExposed": false,
        "config": { "flow_batch_sources": ["own"] } }] }),
    )
    .await;
    let app = app.another_process();
    let group = app.group("ONE", Any, &["exec1"]).await;
    app.flow_of(json!({ "code": "OWN", "taskSources": ["own", "import_valid_items"], "steps": [{ "taskGroupId": group }] })).await;
    let (own, other) = (app.task_from("own").await, app.task_from("import_valid_items").await);
    assert_eq!(app.vote("exec1", &own, json!("APPROVED")).await, "VALIDATION");
    review(&app, "exec1", &own, &["a"], &[]).await;
    app.approve("exec1", &other).await;
    assert_eq!(
        (app.status(&own).await, app.status(&other).await),
        ("COMPLETED".to_owned(), "COMPLETED".to_owned())
    );
}

#[apply(on_both)]
async fn hooks_are_told_of_the_rejected_records_when_the_task_is_completed(app: TestApp) {
    let told: Arc<Mutex<Vec<Value>>> = Arc::default();
    let bus = {
        let told = Arc::clone(&told);
        Signals::builder().within(Signal::TaskComplete, move |_, event| {
            told.lock().expect("nobody panicked").push(event.data["rejectedRecordIds"].to_value());
            Ok(())
        })
    };
    let app = app.another_process_with(|_| {}, |builder| builder.signals(bus));
    reviewed(&app).await;
    let task = app.task_from("import_valid_items").await;
    review(&app, "exec1", &task, &["x"], &["z", "y"]).await;
    review(&app, "exec2", &task, &["x", "y"], &[]).await;
    review(&app, "exec4", &task, &["z"], &["w"]).await;
    let flat = app.task_in(&app.group("FLAT", Any, &["exec1"]).await).await;
    app.approve("exec1", &flat).await;
    assert_eq!(*told.lock().expect("nobody panicked"), [json!(["w", "y", "z"]), json!([])]);
}

#[apply(on_both)]
async fn the_lists_are_gathered_where_clients_read_them(app: TestApp) {
    reviewed(&app).await;
    let task = app.task_from("import_valid_items").await;
    review(&app, "exec1", &task, &["a"], &["b"]).await;
    review(&app, "exec1", &task, &["c"], &["b"]).await;
    let gathered = parsed(&app.task_row(&task).await["businessStatus"]);
    assert_eq!(gathered[user_id("exec1")]["ACCEPT"], json!(["a", "c"]));
    let before = app.task_row(&task).await;
    review(&app, "exec1", &task, &["a", "c"], &["b"]).await;
    assert_eq!(app.task_row(&task).await, before, "a repeat adds nothing");
}

#[apply(on_both)]
async fn a_later_verdict_on_a_record_leaves_it_in_one_list_as_the_ledger_has_it(app: TestApp) {
    reviewed(&app).await;
    let flat = app.group("FLAT", All, &["exec1", "exec2"]).await;
    for task in [app.task_from("import_valid_items").await, app.task_in(&flat).await] {
        let lists = async || parsed(&app.task_row(&task).await["businessStatus"])[user_id("exec1")].clone();
        review(&app, "exec1", &task, &["a", "b"], &["c"]).await;
        review(&app, "exec1", &task, &[], &["a"]).await;
        assert_eq!(lists().await, json!({ "ACCEPT": ["b"], "REJECT": ["c", "a"] }));
        review(&app, "exec1", &task, &["c", "a"], &["b"]).await;
        assert_eq!(lists().await, json!({ "ACCEPT": ["c", "a"], "REJECT": ["b"] }));
        let decisions = app.on_its_way(&task).await["decisions"].as_array().cloned().expect("a list");
        let in_ledger = |decision: &str| -> Vec<Value> {
            decisions
                .iter()
                .filter(|vote| vote["decision"] == decision)
                .map(|vote| vote["recordId"].clone())
                .collect()
        };
        assert_eq!(
            lists().await,
            json!({ "ACCEPT": in_ledger("APPROVED"), "REJECT": in_ledger("REJECTED") })
        );
    }
}

#[apply(on_both)]
async fn lists_that_were_loaded_are_in_the_ledger_and_stay_when_their_owner_goes_on(app: TestApp) {
    let group = app.group("LOADED", All, &["exec1", "exec2"]).await;
    let id = "7a6f0a5e-7a50-4c1f-8a1f-000000000009";
    app.load(json!({ "tasks": [{
        "id": id, "isDeleted": false, "jsonExt": null, "version": 1, "dateCreated": "2026-01-01T00:00:00", "dateUpdated": "2026-01-01T00:00:00",
        "userCreated": user_id("admin"), "userUpdated": user_id("admin"), "source": "loaded", "status": "ACCEPTED",
        "executorActionEvent": "default", "taskGroup": group, "data": {},
        "businessStatus": { user_id("exec1"): { "ACCEPT": ["a", "b"], "REJECT": ["c"] } },
    }] }))
    .await;
    assert_eq!(app.on_its_way(id).await["decisions"].as_array().map(Vec::len), Some(3));
    review(&app, "exec1", id, &[], &["b"]).await;
    let lists = parsed(&app.task_row(id).await["businessStatus"])[user_id("exec1")].clone();
    assert_eq!(lists, json!({ "ACCEPT": ["a"], "REJECT": ["c", "b"] }));
}
