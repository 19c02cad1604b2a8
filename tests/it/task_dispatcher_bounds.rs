//! Dispatchers at their bounds: every comparison, functions that can't run, what is too large, rights that are lost, and processes
//! that act at once.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::{
    CreateTask, CreateTaskDispatcher, DispatchAction, DispatchCondition, DispatchOp, Json,
    TaskDispatcherChange,
};

use crate::mails::{mail_rows, recipients};
use crate::statements::sent;
use crate::support::scenario::{each, key, user_id};
use crate::support::{TestApp, apply, on_both};
use crate::task_dispatchers::{act, deliveries, dispatchers, noting, scene, taken, task};

/// Has all deliveries to these subscribers made again, as after a process has died before it could note that they were made.
fn tell_again(app: &TestApp, handlers: &str) {
    app.run(&format!(
        "UPDATE task_management_outbox SET status = 'PENDING', leased_by = NULL, lease_until = NULL, date_due = date_created \
         WHERE handler LIKE '{handlers}'"
    ));
}

async fn function(app: &TestApp) -> Value {
    app.user("admin").await.rows("taskFunction", "(name: \"note\")", "uuid").await.remove(0)["uuid"].clone()
}

#[apply(on_both)]
async fn a_dispatcher_acts_where_each_of_its_comparisons_holds(backend: Backend) {
    let (app, _, _) = scene(backend).await;
    let mut expected = Vec::new();
    for (number, (path, op, value, holds)) in [
        ("/data/task/data/n", "EQ", "5.0", true),
        ("/data/task/data/n", "EQ", "\"5\"", false),
        ("/data/task/data/n", "NE", "6", true),
        ("/data/task/data/n", "NE", "5", false),
        ("/data/task/data/none", "NE", "5", true),
        ("/data/task/data/n", "LT", "5.1", true),
        ("/data/task/data/n", "LT", "5", false),
        ("/data/task/data/n", "LTE", "5", true),
        ("/data/task/data/n", "LTE", "4", false),
        ("/data/task/data/n", "GT", "-7", true),
        ("/data/task/data/n", "GT", "5", false),
        ("/data/task/data/day", "GTE", "\"2026-03-01\"", true),
        ("/data/task/data/day", "GTE", "\"2026-03-02\"", false),
        ("/data/task/data/day", "GTE", "20260301", false),
        ("/data/task/data/list/1/a~1b", "IN", "[1, \"x\"]", true),
        ("/data/task/data/list/1/a~1b", "IN", "[1, \"y\"]", false),
        ("/data/task/data/nothing", "EXISTS", "false", true),
        ("/data/task/data/nothing", "EXISTS", "true", false),
        ("/data/task/data", "EXISTS", "null", true),
        ("/type", "EQ", "\"task_service.create\"", true),
        ("/data/task/source", "EQ", "\"other\"", false),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{number:02} {path} {op} {value}");
        // The second one always holds, so that all are asked.
        let always = json!({ "path": "/data/task/source", "op": "EQ", "value": "\"compared\"" });
        let when = json!([{ "path": path, "op": op, "value": value }, always]);
        let mut input = noting(&name, when);
        input["tags"] = json!([format!("d{number:02}")]);
        app.done("admin", "createTaskDispatcher", input).await;
        if holds {
            expected.push(format!("d{number:02}"));
        }
    }
    let data = r#"{"n": 5, "day": "2026-03-01", "nothing": null, "list": [0, {"a/b": "x"}]}"#;
    task(&app, "compared", data).await;
    act(&app).await;
    let runs = app.user("admin").await.rows("functionRun", "", "tags").await;
    let mut acted: Vec<String> = runs.iter().map(|run| run["tags"][0].to_string().replace('"', "")).collect();
    acted.sort_unstable();
    assert_eq!(acted, expected);
}

#[apply(on_both)]
async fn a_function_that_is_disabled_is_waited_for_and_one_that_is_gone_is_told_to_operators(
    backend: Backend,
) {
    let (app, called, _) = scene(backend).await;
    app.done("admin", "createTaskDispatcher", noting("waits", json!([]))).await;
    let id = function(&app).await;
    app.done("admin", "updateTaskFunction", json!({ "id": id, "isEnabled": false })).await;
    task(&app, "s", "{}").await;
    act(&app).await;
    let told = deliveries(&app).await.remove(0);
    assert_eq!((&told["status"], &told["attempts"]), (&json!("PENDING"), &json!(1)));
    assert!(told["lastError"].as_str().expect("a reason").contains("disabled"), "{told}");
    app.done("admin", "updateTaskFunction", json!({ "id": id, "isEnabled": true })).await;
    tell_again(&app, "dispatcher:%");
    act(&app).await;
    assert_eq!(taken(&called).len(), 1);
    app.done("admin", "deleteTaskFunction", json!({ "ids": [id] })).await;
    task(&app, "s", "{}").await;
    act(&app).await;
    assert!(taken(&called).is_empty());
    let told = deliveries(&app).await.remove(1);
    assert_eq!(told["status"], "DEAD");
    assert!(told["lastError"].as_str().expect("a reason").contains("no such function"), "{told}");
}

#[apply(on_both)]
async fn all_actions_are_done_or_none(backend: Backend) {
    let (app, called, server) = scene(backend).await;
    let mut input = noting("both", json!([]));
    let mail = json!({ "kind": "MAIL", "template": "task_decided", "addresses": ["desk@elsewhere.example"] });
    input["actions"] = json!([mail, { "kind": "FUNCTION", "functionName": "note" }]);
    app.done("admin", "createTaskDispatcher", input).await;
    let id = function(&app).await;
    app.done("admin", "updateTaskFunction", json!({ "id": id, "isEnabled": false })).await;
    task(&app, "s", "{}").await;
    act(&app).await;
    assert!(mail_rows(&app).await.is_empty(), "the mail waits for the function");
    app.done("admin", "updateTaskFunction", json!({ "id": id, "isEnabled": true })).await;
    tell_again(&app, "dispatcher:%");
    act(&app).await;
    assert_eq!(
        (recipients(&server.take()), taken(&called).len()),
        (vec!["desk@elsewhere.example".to_owned()], 1)
    );
}

#[apply(on_both)]
async fn what_is_too_large_for_a_run_is_left_out_and_the_function_told_so(backend: Backend) {
    let (app, called, _) = scene(backend).await;
    let when = json!([{ "path": "/data/task/data/last", "op": "EQ", "value": "1" }]);
    app.done("admin", "createTaskDispatcher", noting("large", when)).await;
    let data = |bytes: usize| json!({ "filling": "x".repeat(bytes), "last": 1 }).to_string();
    task(&app, "small", &data(10)).await;
    task(&app, "large", &data(260_000)).await;
    act(&app).await;
    let told = taken(&called);
    let mut shown: Vec<Value> = told
        .iter()
        .map(|event| {
            json!([
                event["data"]["task"]["source"],
                event["isShortened"],
                event["data"]["task"]["data"]["last"]
            ])
        })
        .collect();
    // The two runs are executed side by side.
    shown.sort_by_key(|event| event[0].to_string());
    assert_eq!(shown, [json!(["large", true, null]), json!(["small", false, 1])]);
}

#[apply(on_both)]
async fn processes_that_act_at_once_have_one_run_for_each_event(backend: Backend) {
    let (app, called, _) = scene(backend).await;
    app.done("admin", "createTaskDispatcher", noting("shared", json!([]))).await;
    let others = [app.another_process(), app.another_process()];
    for number in 0..20 {
        task(&app, &format!("s{number}"), "{}").await;
    }
    let (first, second, third) = tokio::join!(
        app.module.deliver_due(),
        others[0].module.deliver_due(),
        others[1].module.deliver_due()
    );
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    // As if each had died before it could say that the deliveries were made.
    tell_again(&app, "dispatcher:%");
    let (first, second) = tokio::join!(app.module.deliver_due(), others[0].module.deliver_due());
    assert!(first.is_ok() && second.is_ok());
    act(&app).await;
    let runs = "SELECT count(*) FROM task_management_functionrun";
    assert_eq!((app.count(runs), taken(&called).len()), (20, 20));
    assert_eq!(
        app.count(
            "SELECT count(DISTINCT event_id) FROM task_management_functionrun WHERE triggered_by = 'EVENT'"
        ),
        20
    );
}

#[apply(on_both)]
async fn a_mail_that_waits_is_not_sent_to_one_who_may_not_read_it_any_more(backend: Backend) {
    let (app, _, server) = scene(backend).await;
    let input = json!({
        "name": "pool", "signal": "task_service.claim",
        "actions": [{ "kind": "MAIL", "template": "task_awaits", "recipients": ["POOL"] }],
    });
    app.done("admin", "createTaskDispatcher", input).await;
    let group = app.group("readers", Any, &["exec1", "exec2"]).await;
    let mut claimed =
        json!({ "id": group, "code": "readers", "completionPolicy": "ANY", "claimMode": "MARK" });
    claimed["userIds"] = json!([user_id("exec1"), user_id("exec2")]);
    app.done("admin", "updateTaskGroup", claimed.clone()).await;
    let task = app.task(CreateTask { task_group_id: Some(key(&group)), ..CreateTask::default() }).await;
    act(&app).await;
    server.take();
    app.done("exec1", "claimTask", json!({ "id": task })).await;
    act(&app).await;
    assert_eq!(recipients(&server.take()), ["exec1@example.org", "exec2@example.org"]);
    // Both mails wait again; one of the two is asked no more.
    claimed["userIds"] = json!([user_id("exec1")]);
    app.done("admin", "updateTaskGroup", claimed).await;
    act(&app).await;
    server.take();
    app.run("UPDATE task_management_taskmail SET status = 'QUEUED' WHERE signal = 'task_service.claim'");
    tell_again(&app, "tasks.mail");
    act(&app).await;
    let again = recipients(&server.take());
    assert!(!again.contains(&"exec2@example.org".to_owned()), "{again:?}");
    assert!(again.contains(&"exec1@example.org".to_owned()), "{again:?}");
}

#[apply(on_both)]
async fn a_dispatcher_of_somebody_who_is_blocked_does_nothing(backend: Backend) {
    let (app, called, _) = scene(backend).await;
    app.done("admin", "createTaskDispatcher", noting("mine", json!([]))).await;
    task(&app, "s", "{}").await;
    app.run("UPDATE core_user SET is_active = false WHERE username = 'admin'");
    act(&app).await;
    assert!(taken(&called).is_empty());
    assert_eq!(app.count("SELECT count(*) FROM task_management_outbox WHERE status = 'DEAD'"), 1);
    assert_eq!(app.count("SELECT count(*) FROM task_management_functionrun"), 0);
}

#[apply(on_both)]
async fn hosts_make_dispatchers_of_which_there_are_not_too_many(backend: Backend) {
    let (app, called, _) = scene(backend).await;
    let admin = app.module.requester("admin").await.expect("is there");
    let few = app.another_process_with(|settings| settings.functions.max_dispatchers = 2, |builder| builder);
    let own = few.module.task_dispatchers();
    let when = DispatchCondition {
        path: "/data/task/source".to_owned(),
        op: DispatchOp::Eq,
        value: Some(Json::from(json!("host"))),
    };
    let change = TaskDispatcherChange {
        when: Some(vec![when]),
        actions: Some(vec![DispatchAction::function("note")]),
        ..TaskDispatcherChange::default()
    };
    let named = |name: &str| CreateTaskDispatcher {
        name: name.to_owned(),
        signal: "task_service.create".to_owned(),
        change: change.clone(),
    };
    let made = own.create(&admin, named("one")).await.expect("is made");
    task(&app, "host", "{}").await;
    task(&app, "other", "{}").await;
    act(&app).await;
    assert_eq!(taken(&called).len(), 1);
    own.create(&admin, named("two")).await.expect("is made");
    let refused = own.create(&admin, named("three")).await.expect_err("is refused");
    assert!(refused.to_string().contains("functions.max_dispatchers"), "{refused}");
    let off = TaskDispatcherChange { is_enabled: Some(false), ..TaskDispatcherChange::default() };
    assert!(!own.update(&admin, made.record.id, off).await.expect("is changed").is_enabled);
    own.delete(&admin, vec![made.record.id]).await.expect("is deleted");
    own.create(&admin, named("three")).await.expect("there is room again");
    assert_eq!(each(&dispatchers(&app).await, "name"), ["two", "three"]);
}

/// Beside what webhook endpoints cost.
#[apply(on_both)]
async fn dispatchers_of_other_signals_cost_a_change_no_statement(backend: Backend) {
    let (app, _, _) = scene(backend).await;
    let counted = app.counted_process();
    let mut admin = counted.user("admin").await;
    let mut counts = Vec::new();
    for dispatcher in [None, Some("first"), Some("second")] {
        if let Some(name) = dispatcher {
            let mut input = noting(name, json!([]));
            input["signal"] = json!("task_service.claim");
            app.done("admin", "createTaskDispatcher", input).await;
        }
        assert_eq!(admin.outcome("createTask", json!({ "source": "warm" })).await, "ok");
        sent(&counted);
        assert_eq!(admin.outcome("createTask", json!({ "source": "counted" })).await, "ok");
        let all = sent(&counted);
        assert_eq!(
            all.iter().filter(|text| text.contains("task_management_taskdispatcher")).count(),
            1,
            "{all:#?}"
        );
        assert_eq!(
            all.iter().filter(|text| text.contains("task_management_webhookendpoint")).count(),
            1,
            "{all:#?}"
        );
        counts.push(all.len());
    }
    assert_eq!(counts, [counts[0]; 3]);
}

#[apply(on_both)]
async fn what_a_dispatcher_may_not_do_is_told_of_its_owner_and_its_function(backend: Backend) {
    let (app, _, _) = scene(backend).await;
    app.done("admin", "createTaskDispatcher", noting("large grants", json!([]))).await;
    let owned_by = |name: &str| {
        app.run(&format!("UPDATE task_management_taskdispatcher SET user_updated = '{}'", user_id(name)));
    };
    // Who may not have it any more.
    owned_by("exec1");
    task(&app, "s", "{}").await;
    act(&app).await;
    // Who may have it, but not the function run.
    let rights = "191001, 191002, 191003, 191004, 191005, 196001, 196002, 121701";
    let file = format!(
        r#"{{ "roles": [{{ "name": "Dispatching", "rights": [{rights}] }}], "users": [{{ "id": "00000000-0000-7000-b000-0000000000d1",
            "username": "dora", "roles": ["Dispatching", "Task Triage"] }}] }}"#
    );
    app.load(serde_json::from_str(&file).expect("JSON")).await;
    app.run(
        "UPDATE task_management_taskdispatcher SET user_updated = '00000000-0000-7000-b000-0000000000d1'",
    );
    task(&app, "s", "{}").await;
    act(&app).await;
    // A function that is gone.
    owned_by("admin");
    let id = function(&app).await;
    app.done("admin", "deleteTaskFunction", json!({ "ids": [id] })).await;
    task(&app, "s", "{}").await;
    act(&app).await;
    let told = deliveries(&app).await;
    assert_eq!(each(&told, "status"), ["DEAD", "DEAD", "DEAD"], "{told:?}");
    for (delivery, owner, function, words) in [
        (&told[0], "exec1", "", "may not have it any more"),
        (&told[1], "dora", "note", "may not have the function"),
        (&told[2], "admin", "note", "no such function"),
    ] {
        let reason = delivery["lastError"].as_str().expect("a reason");
        for named in [owner, function, words, "large grants"] {
            assert!(reason.contains(named), "{named}: {reason}");
        }
        assert!(!reason.to_lowercase().contains("you"), "{reason}");
    }
}

#[apply(on_both)]
async fn one_whose_function_is_gone_can_be_stopped_and_does_not_start_again(backend: Backend) {
    let (app, _, _) = scene(backend).await;
    app.done("admin", "createTaskDispatcher", noting("stops", json!([]))).await;
    let id = app.user("admin").await.rows("taskDispatcher", "", "uuid").await.remove(0)["uuid"].clone();
    let gone = function(&app).await;
    app.done("admin", "deleteTaskFunction", json!({ "ids": [gone] })).await;
    let turn = |is_enabled: bool| json!({ "id": id, "isEnabled": is_enabled });
    app.done("admin", "updateTaskDispatcher", turn(false)).await;
    let mut anew = turn(false);
    anew["actions"] = json!([{ "kind": "FUNCTION", "functionName": "note", "priority": 1 }]);
    for change in [turn(true), anew] {
        assert_eq!(app.refused("admin", "updateTaskDispatcher", change).await, "NOT_FOUND actions");
    }
}

#[apply(on_both)]
async fn a_comparison_needs_a_value_which_may_be_null(backend: Backend) {
    let (app, called, _) = scene(backend).await;
    let create = "mutation($name: String!, $when: [TaskDispatcherConditionInput!]) { createTaskDispatcher(input: { \
        clientMutationId: $name, name: $name, signal: \"task_service.create\", when: $when, \
        actions: [{ kind: FUNCTION, functionName: \"note\" }] }) { internalId } }";
    let mut admin = app.user("admin").await;
    for (name, value) in [("as a text", json!("null")), ("as it is", Value::Null)] {
        let when = json!([{ "path": "/data/task/data/x", "op": "EQ", "value": value }]);
        let answer = admin.graphql_with(create, json!({ "name": name, "when": when })).await;
        assert!(answer.codes().is_empty(), "{}", answer.text);
        // Without it, something else is asked for.
        let when = json!([{ "path": "/data/task/data/x", "op": "EQ" }]);
        let answer = admin.graphql_with(create, json!({ "name": name, "when": when })).await;
        assert_eq!(answer.codes(), ["CONFLICT"], "{name}");
    }
    let exists = json!([{ "path": "/data/task/data/x", "op": "EXISTS" }]);
    app.done("admin", "createTaskDispatcher", noting("exists", exists)).await;
    let values: Vec<Value> =
        dispatchers(&app).await.iter().map(|row| row["when"][0]["value"].clone()).collect();
    assert_eq!(values, ["null", "null", "null"]);
    for (data, runs) in [("{}", 0), (r#"{"x": null}"#, 2), (r#"{"x": 1}"#, 1)] {
        task(&app, "s", data).await;
        act(&app).await;
        assert_eq!(taken(&called).len(), runs, "{data}");
    }
}
