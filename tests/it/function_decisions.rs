//! Functions and people's tasks: what was decided is carried out by the function that the task's flow or its group names.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::{Builder, CreateTask, Error, FunctionError, Signal, Signals};

use crate::statements::sent;
use crate::support::scenario::{each, key, nodes, parsed, user_id};
use crate::support::{Backend, TestApp, apply, on_both};

type Called = Arc<Mutex<Vec<Value>>>;

/// A host with the functions `pay` and `tell`, which note their input. `pay` fails while the task's data says so.
fn carrying_out(called: &Called) -> impl FnOnce(Builder) -> Builder + use<> {
    let called = Arc::clone(called);
    move |builder| {
        ["pay", "tell"].into_iter().fold(builder, |builder, name| {
            let called = Arc::clone(&called);
            builder.function(name, move |call| {
                let mut list = called.lock().expect("nobody panicked");
                let earlier = list.len();
                list.push(call.data.to_value());
                async move {
                    match call.data["task"]["data"]["failures"].as_i64() {
                        Some(most) if i64::try_from(earlier).is_ok_and(|earlier| earlier < most) => {
                            Err(FunctionError::new("noMoney", "the till is empty"))
                        }
                        _ => Ok(json!({ "paid": call.data["task"]["data"]["amount"] }).into()),
                    }
                }
            })
        })
    }
}

async fn scene(backend: Backend) -> (TestApp, Called) {
    let called = Called::default();
    let app = TestApp::start_with(backend, |_| {}, carrying_out(&called)).await;
    for name in ["pay", "tell"] {
        app.done("admin", "createTaskFunction", json!({ "name": name, "kind": "HANDLER" })).await;
    }
    (app, called)
}

/// A group in which exec1 decides alone, and which names this function.
async fn group(app: &TestApp, code: &str, on_completed: Value) -> String {
    let group = app.group(code, Any, &["exec1"]).await;
    let input = json!({ "id": group, "code": code, "completionPolicy": "ANY", "onCompleted": on_completed });
    app.done("admin", "updateTaskGroup", input).await;
    group
}

async fn task(app: &TestApp, group: &str, data: Value) -> String {
    let task =
        CreateTask { task_group_id: Some(key(group)), data: Some(data.into()), ..CreateTask::default() };
    app.task(task).await
}

async fn act(app: &TestApp) {
    while app.module.deliver_due().await.expect("acts") > 0 {}
}

fn taken(called: &Called) -> Vec<Value> {
    std::mem::take(&mut *called.lock().expect("nobody panicked"))
}

/// The runs of a task, as somebody sees them.
async fn runs_of(app: &TestApp, username: &str, task: &str, selection: &str) -> Vec<Value> {
    let selection = format!("runs {{ totalCount edges {{ node {{ {selection} }} }} }}");
    let rows = app.user(username).await.rows("task", &format!("(id: \"{task}\")"), &selection).await;
    nodes(&rows[0]["runs"])
}

#[apply(on_both)]
async fn the_function_of_the_group_runs_once_whatever_was_decided_and_is_told_the_task_and_its_decisions(
    backend: Backend,
) {
    let (app, called) = scene(backend).await;
    let group = group(&app, "PAYS", json!("pay")).await;
    for (verdict, status) in [("APPROVED", "COMPLETED"), ("FAILED", "FAILED")] {
        let task = task(&app, &group, json!({ "amount": 7 })).await;
        assert!(runs_of(&app, "admin", &task, "uuid").await.is_empty(), "nothing is decided yet");
        assert_eq!(app.vote("exec1", &task, json!(verdict)).await, "ok");
        let waiting = runs_of(&app, "admin", &task, "status functionName").await;
        assert_eq!(
            waiting,
            [json!({ "status": "NEW", "functionName": "pay" })],
            "it is there with the decision"
        );
        act(&app).await;
        let input = taken(&called);
        let [input] = &input[..] else { panic!("called once, not {input:?}") };
        assert_eq!((&input["result"], &input["task"]["id"]), (&json!(status), &json!(task)));
        assert_eq!(
            (&input["task"]["status"], &input["task"]["data"]),
            (&json!(status), &json!({ "amount": 7 }))
        );
        let voters = each(input["decisions"].as_array().expect("a list"), "userId");
        assert_eq!((voters, &input["isShortened"]), (vec![json!(user_id("exec1"))], &json!(false)));
        let fields = "status run { trigger taskId result causeDepth createdByUser { username } }";
        let mut run = runs_of(&app, "admin", &task, fields).await.remove(0);
        let by = run["run"].as_object_mut().expect("all of it").remove("createdByUser");
        assert_ne!(by, Some(json!({ "username": "exec1" })), "who decides has not asked for it");
        let expected = json!({ "status": "COMPLETE",
            "run": { "trigger": "TASK", "taskId": task, "result": "{\"paid\":7}", "causeDepth": 0 } });
        assert_eq!(run, expected);
        let found = app
            .user("admin")
            .await
            .rows("functionRun", &format!("(taskId: \"{task}\", trigger: TASK)"), "uuid")
            .await;
        assert_eq!(found.len(), 1);
    }
    // Null takes the function away, and a change of something else does not.
    let input = json!({ "id": group, "code": "PAYS", "completionPolicy": "ANY" });
    app.done("admin", "updateTaskGroup", input.clone()).await;
    let named =
        || async { app.user("admin").await.rows("taskGroup", "(code: \"PAYS\")", "onCompleted").await };
    assert_eq!(named().await, [json!({ "onCompleted": "pay" })]);
    let mut without = input;
    without["onCompleted"] = Value::Null;
    app.done("admin", "updateTaskGroup", without).await;
    assert_eq!(named().await, [json!({ "onCompleted": null })]);
    let task = task(&app, &group, json!({})).await;
    app.approve("exec1", &task).await;
    act(&app).await;
    assert!(taken(&called).is_empty());
    let versions = app.versions("taskGroup", &group, "onCompleted").await;
    assert_eq!(each(&versions, "onCompleted"), [Value::Null, json!("pay"), Value::Null], "history says so");
}

#[apply(on_both)]
async fn the_function_of_the_flow_comes_first_and_a_task_keeps_that_of_its_version(backend: Backend) {
    let (app, called) = scene(backend).await;
    let group = group(&app, "STEP", json!("pay")).await;
    let steps = json!([{ "taskGroupId": group }]);
    let flow = app.flow_of(json!({ "code": "FLOW", "steps": steps, "onCompleted": "tell" })).await;
    let (early, late) = (app.task_on(&flow).await, app.task_on(&flow).await);
    app.approve("exec1", &early).await;
    // The next version names none, so that the group's runs.
    app.done("admin", "replaceTaskFlow", json!({ "id": flow, "onCompleted": null })).await;
    let heads = app.user("admin").await.rows("taskFlow", "(code: \"FLOW\")", "uuid onCompleted").await;
    assert_eq!(each(&heads, "onCompleted"), [Value::Null]);
    let head = heads[0]["uuid"].as_str().expect("a key").to_owned();
    let of_group = app.task_on(&head).await;
    app.approve("exec1", &late).await;
    app.approve("exec1", &of_group).await;
    app.done("admin", "updateTaskFlow", json!({ "id": head, "onCompleted": "tell" })).await;
    let of_head = app.task_on(&head).await;
    app.approve("exec1", &of_head).await;
    act(&app).await;
    assert_eq!(taken(&called).len(), 4);
    for (task, function) in [(&early, "tell"), (&late, "tell"), (&of_group, "pay"), (&of_head, "tell")] {
        assert_eq!(runs_of(&app, "admin", task, "functionName").await, [json!({ "functionName": function })]);
    }
}

#[apply(on_both)]
async fn the_function_of_the_source_comes_before_that_of_the_group_or_the_flow(backend: Backend) {
    let (app, called) = scene(backend).await;
    let group = app.group("GROUP", Any, &["exec1"]).await;
    let input = |more: Value| {
        let mut input = json!({ "id": group, "code": "GROUP", "completionPolicy": "ANY" });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    };
    let functions = json!([{ "source": "first", "onCompleted": "tell" }]);
    let named =
        json!({ "taskSources": ["first", "second"], "onCompleted": "pay", "sourceFunctions": functions });
    app.done("admin", "updateTaskGroup", input(named)).await;
    let stranger = json!([{ "source": "third", "onCompleted": "tell" }]);
    let twice = json!([functions[0], functions[0]]);
    for wrong in [stranger, twice] {
        let wrong = input(json!({ "sourceFunctions": wrong }));
        assert_eq!(app.refused("admin", "updateTaskGroup", wrong).await, "VALIDATION sourceFunctions");
    }
    let none = input(json!({ "sourceFunctions": [{ "source": "first", "onCompleted": "none" }] }));
    assert_eq!(app.refused("admin", "updateTaskGroup", none).await, "NOT_FOUND sourceFunctions");
    for (source, function) in [("first", "tell"), ("second", "pay")] {
        let task = app.task_from(source).await;
        app.approve("exec1", &task).await;
        assert_eq!(
            runs_of(&app, "admin", &task, "functionName").await,
            [json!({ "functionName": function })]
        );
    }
    // What is not said stays, as far as the source is bound.
    app.done("admin", "updateTaskGroup", input(json!({ "claimSeconds": 600 }))).await;
    let rows = || async {
        app.user("admin")
            .await
            .rows("taskGroup", "(code: \"GROUP\")", "sourceFunctions { source onCompleted }")
            .await
    };
    assert_eq!(rows().await[0]["sourceFunctions"], functions);
    app.done("admin", "updateTaskGroup", input(json!({ "taskSources": ["second"] }))).await;
    assert_eq!(rows().await[0]["sourceFunctions"], json!([]));
    // Flows likewise, also through a new version.
    let steps = json!([{ "taskGroupId": group }]);
    let flow = json!({ "code": "FLOW", "steps": steps, "taskSources": ["first"], "onCompleted": "pay", "sourceFunctions": functions });
    let flow = app.flow_of(flow).await;
    app.done("admin", "replaceTaskFlow", json!({ "id": flow, "name": "Again" })).await;
    let task = app.task_from("first").await;
    app.approve("exec1", &task).await;
    assert_eq!(runs_of(&app, "admin", &task, "functionName").await, [json!({ "functionName": "tell" })]);
    let head = app
        .user("admin")
        .await
        .rows("taskFlow", "(code: \"FLOW\")", "uuid sourceFunctions { onCompleted }")
        .await
        .remove(0);
    assert_eq!(head["sourceFunctions"], json!([{ "onCompleted": "tell" }]));
    app.done("admin", "updateTaskFlow", json!({ "id": head["uuid"], "sourceFunctions": [] })).await;
    let task = app.task_from("first").await;
    app.approve("exec1", &task).await;
    assert_eq!(runs_of(&app, "admin", &task, "functionName").await, [json!({ "functionName": "pay" })]);
    act(&app).await;
    assert_eq!(taken(&called).len(), 4);
}

#[apply(on_both)]
async fn who_names_a_function_must_be_allowed_to_have_it_run_with_all_that_its_account_may(backend: Backend) {
    let (app, _) = scene(backend).await;
    // The triage role may change groups and flows.
    app.run("INSERT INTO core_roleright (role_id, right_id) VALUES (2, 192002), (2, 192003)");
    let new =
        |code: &str, name: &str| json!({ "code": code, "completionPolicy": "ANY", "onCompleted": name });
    assert_eq!(app.refused("triage", "createTaskGroup", new("A", "pay")).await, "FORBIDDEN onCompleted");
    assert_eq!(
        app.refused("triage", "createTaskGroup", new("A", "none")).await,
        "FORBIDDEN onCompleted",
        "nor is it said what there is"
    );
    app.run("INSERT INTO core_roleright (role_id, right_id) VALUES (2, 195006)");
    app.done("triage", "createTaskGroup", new("A", "pay")).await;
    assert_eq!(app.refused("triage", "createTaskGroup", new("B", "none")).await, "NOT_FOUND onCompleted");
    assert_eq!(app.refused("triage", "createTaskGroup", new("B", "a b")).await, "VALIDATION onCompleted");
    let functions = app.user("admin").await.rows("taskFunction", "(name: \"tell\")", "uuid").await;
    let account = json!({ "id": functions[0]["uuid"], "serviceAccount": user_id("admin") });
    app.done("admin", "updateTaskFunction", account).await;
    let group = app.group("C", Any, &["exec1"]).await;
    assert_eq!(app.refused("triage", "createTaskGroup", new("B", "tell")).await, "FORBIDDEN onCompleted");
    let mut change = new("C", "tell");
    change["id"] = json!(group);
    assert_eq!(app.refused("triage", "updateTaskGroup", change.clone()).await, "FORBIDDEN onCompleted");
    let steps = json!([{ "taskGroupId": group }]);
    let flow = json!({ "code": "F", "steps": steps, "onCompleted": "tell" });
    assert_eq!(app.refused("triage", "createTaskFlow", flow.clone()).await, "FORBIDDEN onCompleted");
    let id = app.flow("G", &[&group]).await;
    for mutation in ["updateTaskFlow", "replaceTaskFlow"] {
        let change = json!({ "id": id, "onCompleted": "tell" });
        assert_eq!(app.refused("triage", mutation, change).await, "FORBIDDEN onCompleted", "{mutation}");
    }
    let of_source = json!({ "code": "B", "completionPolicy": "ANY", "taskSources": ["s"],
        "sourceFunctions": [{ "source": "s", "onCompleted": "tell" }] });
    assert_eq!(app.refused("triage", "createTaskGroup", of_source).await, "FORBIDDEN sourceFunctions");
    app.done("admin", "createTaskFlow", flow).await;
    app.done("admin", "updateTaskGroup", change).await;
}

#[apply(on_both)]
async fn who_sees_a_task_sees_how_its_runs_ended_and_no_more(backend: Backend) {
    let (app, _) = scene(backend).await;
    let group = group(&app, "PAYS", json!("pay")).await;
    let task = task(&app, &group, json!({ "amount": 7, "failures": 1 })).await;
    app.approve("exec1", &task).await;
    act(&app).await;
    let fields = "status functionName errorType run { result error { name message } }";
    let seen = json!({ "status": "FAILED", "functionName": "pay", "errorType": "RUNTIME", "run": null });
    for arguments in ["", "(first: 10, status: FAILED)"] {
        let selection = format!("runs{arguments} {{ totalCount edges {{ cursor node {{ {fields} }} }} }}");
        let rows = app.user("triage").await.rows("task", &format!("(id: \"{task}\")"), &selection).await;
        assert_eq!(nodes(&rows[0]["runs"]), std::slice::from_ref(&seen), "{arguments}");
        assert_eq!(rows[0]["runs"]["totalCount"], 1);
    }
    assert!(
        app.user("exec1").await.rows("functionRun", "", "uuid").await.is_empty(),
        "deciding shows no run"
    );
    // Nor does a run show a task to anybody.
    assert!(
        app.user("exec2")
            .await
            .rows("task", &format!("(id: \"{task}\")"), "runs { totalCount }")
            .await
            .is_empty()
    );
    app.run("INSERT INTO core_roleright (role_id, right_id) VALUES (2, 195005)");
    let run = runs_of(&app, "triage", &task, fields).await.remove(0);
    assert_eq!(run["run"]["error"], json!({ "name": "noMoney", "message": "the till is empty" }));
}

#[apply(on_both)]
async fn a_run_that_failed_is_replayed_once_and_the_two_name_each_other(backend: Backend) {
    let (app, called) = scene(backend).await;
    let group = group(&app, "PAYS", json!("pay")).await;
    let task = task(&app, &group, json!({ "amount": 7, "failures": 1 })).await;
    app.approve("exec1", &task).await;
    act(&app).await;
    let failed = runs_of(&app, "admin", &task, "uuid status").await.remove(0);
    assert_eq!(failed["status"], "FAILED");
    let replay = json!({ "id": failed["uuid"] });
    assert_eq!(app.refused("exec1", "replayFunctionRun", replay.clone()).await, "NOT_FOUND id");
    app.run("INSERT INTO core_roleright (role_id, right_id) VALUES (2, 195005)");
    assert_eq!(
        app.refused("triage", "replayFunctionRun", replay.clone()).await,
        "FORBIDDEN",
        "to see is not to replay"
    );
    app.done("admin", "replayFunctionRun", replay.clone()).await;
    assert_eq!(app.refused("admin", "replayFunctionRun", replay.clone()).await, "CONFLICT id");
    act(&app).await;
    assert_eq!(taken(&called).len(), 2);
    let fields =
        "uuid status retriedByRunId run { retryForRunIds trigger createdByUser { username } result }";
    let runs = runs_of(&app, "admin", &task, fields).await;
    assert_eq!(each(&runs, "status"), ["RETRIED", "COMPLETE"]);
    assert_eq!(runs[0]["retriedByRunId"], runs[1]["uuid"]);
    let second = json!({ "retryForRunIds": [failed["uuid"]], "trigger": "TASK", "createdByUser": { "username": "admin" },
        "result": "{\"paid\":7}" });
    assert_eq!(runs[1]["run"], second);
    let done = json!({ "id": runs[1]["uuid"] });
    assert_eq!(app.refused("admin", "replayFunctionRun", done).await, "CONFLICT id", "it has not failed");
}

#[apply(on_both)]
async fn a_decision_is_kept_whether_its_function_is_disabled_or_gone_and_carried_out_later(backend: Backend) {
    let (app, called) = scene(backend).await;
    let group = group(&app, "PAYS", json!("pay")).await;
    let functions = app.user("admin").await.rows("taskFunction", "(name: \"pay\")", "uuid").await;
    let id = &functions[0]["uuid"];
    app.done("admin", "updateTaskFunction", json!({ "id": id, "isEnabled": false })).await;
    let first = task(&app, &group, json!({ "amount": 1 })).await;
    app.approve("exec1", &first).await;
    act(&app).await;
    assert_eq!(runs_of(&app, "admin", &first, "status").await, [json!({ "status": "NEW" })], "it waits");
    app.done("admin", "updateTaskFunction", json!({ "id": id, "isEnabled": true })).await;
    act(&app).await;
    assert_eq!(taken(&called).len(), 1);
    app.done("admin", "updateTaskFunction", json!({ "id": id, "isEnabled": false })).await;
    let waiting = task(&app, &group, json!({ "amount": 3 })).await;
    app.approve("exec1", &waiting).await;
    app.done("admin", "deleteTaskFunction", json!({ "ids": [id] })).await;
    let given_up = runs_of(&app, "admin", &waiting, "uuid status").await.remove(0);
    assert_eq!(given_up["status"], "CANCELED");
    let second = task(&app, &group, json!({ "amount": 2 })).await;
    app.approve("exec1", &second).await;
    assert_eq!(app.status(&second).await, "COMPLETED");
    let failed =
        runs_of(&app, "admin", &second, "uuid status errorType run { error { name } }").await.remove(0);
    assert_eq!((&failed["status"], &failed["errorType"]), (&json!("FAILED"), &json!("INVOCATION")));
    assert_eq!(failed["run"]["error"]["name"], "notBegun");
    let replay = json!({ "id": failed["uuid"] });
    assert_eq!(app.refused("admin", "replayFunctionRun", replay.clone()).await, "NOT_FOUND functionName");
    app.done("admin", "createTaskFunction", json!({ "name": "pay", "kind": "HANDLER" })).await;
    app.done("admin", "replayFunctionRun", replay).await;
    app.done("admin", "replayFunctionRun", json!({ "id": given_up["uuid"] })).await;
    act(&app).await;
    assert_eq!(
        parsed(&runs_of(&app, "admin", &waiting, "run { result }").await[1]["run"]["result"]),
        json!({ "paid": 3 })
    );
    assert_eq!(
        parsed(&runs_of(&app, "admin", &second, "run { result }").await[1]["run"]["result"]),
        json!({ "paid": 2 })
    );
}

#[apply(on_both)]
async fn a_decision_that_is_refused_has_no_run_and_a_large_task_is_shortened(backend: Backend) {
    let called = Called::default();
    let bus =
        Signals::builder().within(Signal::TaskComplete, |_, event| match event.data["new"]["data"]["refuse"]
            .as_bool()
        {
            Some(true) => Err(Error::internal("not today")),
            _ => Ok(()),
        });
    let build = |builder: Builder| carrying_out(&called)(builder.signals(bus));
    let app = TestApp::start_with(backend, |_| {}, build).await;
    app.done("admin", "createTaskFunction", json!({ "name": "pay", "kind": "HANDLER" })).await;
    let group = group(&app, "PAYS", json!("pay")).await;
    let refused = task(&app, &group, json!({ "refuse": true })).await;
    assert_ne!(app.vote("exec1", &refused, json!("APPROVED")).await, "ok");
    assert_eq!(app.count("SELECT count(*) FROM task_management_functionrun"), 0);
    let large = task(&app, &group, json!({ "long": "x".repeat(300 * 1024) })).await;
    app.approve("exec1", &large).await;
    act(&app).await;
    let input = taken(&called).remove(0);
    assert_eq!((&input["isShortened"], &input["task"]["data"]), (&json!(true), &Value::Null));
    assert_eq!((&input["task"]["id"], &input["result"]), (&json!(large), &json!("COMPLETED")));
    assert_eq!(input["decisions"].as_array().map(Vec::len), Some(1));
    // A proposal may be as deep as JSON is read, and keeps nobody from deciding.
    let deep = (0..125).fold(json!(1), |inner, _| json!([inner]));
    let deep = task(&app, &group, json!({ "deep": deep })).await;
    app.approve("exec1", &deep).await;
    act(&app).await;
    let input = taken(&called).remove(0);
    assert_eq!((&input["isShortened"], &input["task"]["data"]), (&json!(true), &Value::Null));
}

#[apply(on_both)]
async fn only_who_sees_all_tasks_says_where_a_function_leads_that_is_told_of_them(backend: Backend) {
    let (app, _) = scene(backend).await;
    group(&app, "PAYS", json!("pay")).await;
    app.run("INSERT INTO core_role (id, uuid, name, is_system, is_blocked, date_created) SELECT 90, '11111111-2222-4333-8444-0000000000d2', 'Editor', 0, is_blocked, date_created FROM core_role WHERE id = 1");
    for right in 195_001..=195_004 {
        app.run(&format!("INSERT INTO core_roleright (role_id, right_id) VALUES (90, {right})"));
    }
    app.done(
        "admin",
        "createUser",
        json!({ "username": "editor", "password": "a grey whale", "roles": [90] }),
    )
    .await;
    let mut editor = app.stranger();
    let token = editor.try_log_in("editor", "a grey whale").await.data("tokenAuth")["token"].clone();
    editor.authorization = Some(format!("Bearer {}", token.as_str().expect("a token")));
    let named = json!({ "name": "pay", "kind": "HANDLER" });
    let functions = app.user("admin").await.rows("taskFunction", "(name: \"pay\")", "uuid").await;
    assert_eq!(editor.tried("deleteTaskFunction", json!({ "ids": [functions[0]["uuid"]] })).await, "ok");
    let refused = editor.tried("createTaskFunction", named.clone()).await;
    assert!(refused.starts_with("FORBIDDEN") && refused.contains("sees all tasks"), "{refused}");
    app.done("admin", "createTaskFunction", named).await;
}

#[apply(on_both)]
async fn fifty_tasks_with_their_runs_cost_as_many_statements_as_two(backend: Backend) {
    let (app, _) = scene(backend).await;
    let group = group(&app, "PAYS", json!("pay")).await;
    for amount in 0..50 {
        let task = task(&app, &group, json!({ "amount": amount })).await;
        app.approve("exec1", &task).await;
    }
    act(&app).await;
    let counted = app.counted_process();
    for name in ["exec1", "admin"] {
        let mut client = counted.user(name).await;
        let mut counts = Vec::new();
        // The first request opens connections and reads what is kept for a while.
        for first in [50, 2, 50] {
            let arguments = format!("(first: {first}, status: COMPLETED, orderBy: \"-dateCreated\")");
            let fields = "runs { edges { node { status run { result createdByUser { username } } } } }";
            sent(&counted);
            let rows = client.rows("task", &arguments, fields).await;
            assert_eq!(rows.len(), first);
            assert!(rows.iter().all(|row| each(&nodes(&row["runs"]), "status") == ["COMPLETE"]));
            counts.push(sent(&counted).len());
        }
        assert_eq!(counts[1], counts[2], "{name}: for two tasks, and for fifty");
    }
}

#[apply(on_both)]
async fn the_runs_of_a_task_are_paged(backend: Backend) {
    let (app, _) = scene(backend).await;
    let group = group(&app, "PAYS", json!("pay")).await;
    let task = task(&app, &group, json!({ "amount": 7, "failures": 3 })).await;
    app.approve("exec1", &task).await;
    act(&app).await;
    for _ in 0..3 {
        let failed = runs_of(&app, "admin", &task, "uuid").await.pop().expect("a run");
        app.done("admin", "replayFunctionRun", json!({ "id": failed["uuid"] })).await;
        act(&app).await;
    }
    let all = runs_of(&app, "admin", &task, "uuid status").await;
    assert_eq!(each(&all, "status"), ["RETRIED", "RETRIED", "RETRIED", "COMPLETE"]);
    let mut exec1 = app.user("exec1").await;
    let mut page = async |arguments: String| {
        let selection = format!(
            "runs{arguments} {{ totalCount pageInfo {{ hasNextPage endCursor }} edges {{ node {{ uuid status }} }} }}"
        );
        exec1.rows("task", &format!("(id: \"{task}\")"), &selection).await.remove(0)["runs"].clone()
    };
    for size in 1..=4 {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let part = page(format!("(first: {size}{after})")).await;
            assert_eq!(part["totalCount"], 4);
            assert!(nodes(&part).len() <= size);
            found.extend(nodes(&part));
            if part["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = format!(", after: {}", part["pageInfo"]["endCursor"]);
        }
        assert_eq!(found, all, "pages of {size}");
    }
    for (offset, expected) in all.iter().enumerate() {
        let part = page(format!("(first: 1, offset: {offset})")).await;
        assert_eq!(nodes(&part), std::slice::from_ref(expected));
    }
}
