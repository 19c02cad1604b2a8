//! Who has asked for a run, or answers for what had it made, may still have it executed when it begins; otherwise it fails and says why.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::{CreateTask, FixedClock, LoadFile};

use crate::functions::greeting;
use crate::sessions::beginning;
use crate::support::scenario::{each, key};
use crate::support::{Backend, TestApp, apply, on_both};
use crate::task_dispatchers::act;

/// Somebody with these rights.
async fn person(app: &TestApp, name: &str, id: u32, rights: &[i32]) {
    let file: LoadFile = serde_json::from_value(json!({
        "roles": [{ "name": name, "rights": rights }],
        "users": [{
            "id": format!("00000000-0000-7000-b000-{id:012}"), "username": name, "password": format!("{name}123"),
            "roles": [name],
        }],
    }))
    .expect("a well-formed file");
    app.module.load(file).await.expect("it loads");
}

async fn scene(backend: Backend) -> (TestApp, FixedClock) {
    let clock = FixedClock::new(beginning());
    let own = clock.clone();
    let app = TestApp::start_with(backend, |_| {}, |builder| greeting(builder.clock(own))).await;
    app.done("admin", "createTaskFunction", json!({ "name": "greet", "kind": "HANDLER" })).await;
    (app, clock)
}

async fn runs(app: &TestApp) -> Vec<Value> {
    let fields = "uuid status trigger createdByUser { username } error { name message type }";
    app.user("admin").await.rows("functionRun", "(orderBy: \"id\")", fields).await
}

fn refused(run: &Value, who: &str) {
    assert_eq!((&run["status"], &run["error"]["name"]), (&json!("FAILED"), &json!("notBegun")), "{run}");
    let says = run["error"]["message"].as_str().expect("a reason");
    assert!(says.contains(who) && says.contains("may not have the function greet run any more"), "{says}");
}

#[apply(on_both)]
async fn a_run_that_waits_is_not_executed_once_who_asked_for_it_is_blocked_or_lost_the_right(
    backend: Backend,
) {
    let (app, clock) = scene(backend).await;
    for (number, name) in [(1, "blocked"), (2, "deleted"), (3, "lacks"), (4, "stays"), (5, "executes")] {
        person(&app, name, number, &[195_006]).await;
        let later = json!({ "functionName": "greet", "startTimestamp": "2026-01-31T08:10:00" });
        app.done(name, "createFunctionRun", later).await;
    }
    let block = json!({ "uuid": "00000000-0000-7000-b000-000000000001", "isActive": false });
    app.done("admin", "updateUser", block).await;
    app.done("admin", "deleteUser", json!({ "uuids": ["00000000-0000-7000-b000-000000000002"] })).await;
    let mut admin = app.user("admin").await;
    for (name, rights) in [("lacks", json!([191_001])), ("executes", json!([195_008]))] {
        let role = admin.rows("role", &format!("(name: \"{name}\")"), "uuid").await.remove(0);
        let input = json!({ "uuid": role["uuid"], "name": name, "rightsId": rights });
        app.done("admin", "updateRole", input).await;
    }
    clock.advance(TimeDelta::seconds(601));
    act(&app).await;
    let ended = runs(&app).await;
    for (run, who) in ended.iter().zip(["blocked", "deleted", "lacks"]) {
        refused(run, who);
    }
    assert_eq!(each(&ended[3..], "status"), ["COMPLETE", "COMPLETE"]);
    // It is replayed in the name of who replays it.
    app.done("admin", "replayFunctionRun", json!({ "id": ended[0]["uuid"] })).await;
    act(&app).await;
    let again = runs(&app).await.remove(5);
    assert_eq!(
        (&again["status"], &again["createdByUser"]["username"]),
        (&json!("COMPLETE"), &json!("admin"))
    );
}

#[apply(on_both)]
async fn a_function_that_is_for_all_users_is_not_executed_for_who_is_blocked(backend: Backend) {
    let (app, _) = scene(backend).await;
    let function = app.user("admin").await.rows("taskFunction", "", "uuid").await.remove(0);
    let open = json!({ "id": function["uuid"], "permissionMode": "allUsers" });
    app.done("admin", "updateTaskFunction", open).await;
    for name in ["exec1", "exec2"] {
        app.done(name, "createFunctionRun", json!({ "functionName": "greet" })).await;
    }
    app.done("admin", "updateUser", json!({ "username": "exec1", "isActive": false })).await;
    act(&app).await;
    let ended = runs(&app).await;
    refused(&ended[0], "exec1");
    assert_eq!(ended[1]["status"], "COMPLETE");
}

#[apply(on_both)]
async fn what_was_decided_is_carried_out_whoever_is_blocked_since(backend: Backend) {
    let (app, _) = scene(backend).await;
    let group = app.group("PAYS", Any, &["exec1"]).await;
    let names = json!({ "id": group, "code": "PAYS", "completionPolicy": "ANY", "onCompleted": "greet" });
    app.done("admin", "updateTaskGroup", names).await;
    let task = app.task(CreateTask { task_group_id: Some(key(&group)), ..CreateTask::default() }).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    app.done("admin", "updateUser", json!({ "username": "exec1", "isActive": false })).await;
    act(&app).await;
    assert_eq!(each(&runs(&app).await, "status"), ["COMPLETE"]);
    // Nor is it a fault of the decision that who has it carried out again leaves.
    app.run("UPDATE task_management_functionrun SET status = 'FAILED', error_name = 'broken', error_message = 'broken', error_type = 'RUNTIME'");
    person(&app, "replays", 7, &[191_001, 195_005, 195_006]).await;
    let failed = runs(&app).await.remove(0);
    app.done("replays", "replayFunctionRun", json!({ "id": failed["uuid"] })).await;
    app.done("admin", "updateUser", json!({ "username": "replays", "isActive": false })).await;
    act(&app).await;
    assert_eq!(each(&runs(&app).await, "status"), ["RETRIED", "COMPLETE"]);
}

#[apply(on_both)]
async fn runs_of_dispatchers_and_schedules_that_wait_are_not_executed_once_their_owner_is_blocked(
    backend: Backend,
) {
    let (app, clock) = scene(backend).await;
    person(&app, "owner", 9, &[191_001, 191_005, 195_006, 195_009, 196_001, 196_002]).await;
    let dispatcher = json!({
        "name": "tells", "signal": "task_service.create", "actions": [{ "kind": "FUNCTION", "functionName": "greet" }],
    });
    app.done("owner", "createTaskDispatcher", dispatcher).await;
    app.done("owner", "createFunctionSchedule", json!({ "functionName": "greet", "intervalSeconds": 60 }))
        .await;
    app.task(CreateTask::default()).await;
    clock.advance(TimeDelta::seconds(61));
    act(&app).await;
    let added = runs(&app).await;
    assert_eq!(each(&added, "status"), ["COMPLETE", "COMPLETE"]);
    // As if they waited still.
    app.run("UPDATE task_management_functionrun SET status = 'NEW', result = NULL");
    app.done("admin", "updateUser", json!({ "username": "owner", "isActive": false })).await;
    act(&app).await;
    for run in runs(&app).await.iter().take(2) {
        refused(run, "owner");
    }
    // What is told, or due, from then on leads to no run that is executed.
    app.task(CreateTask::default()).await;
    clock.advance(TimeDelta::seconds(61));
    act(&app).await;
    let later = runs(&app).await.split_off(2);
    assert_eq!(each(&later, "trigger"), ["SCHEDULE"], "{later:?}");
    assert_eq!(later[0]["status"], "FAILED");
}
