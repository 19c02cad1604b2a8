//! Dispatchers: what is done when something happens, once for each event, and only as long as somebody may have it done.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::{Builder, CreateTask, Json};

use crate::mails::{at, mail_rows, recipients};
use crate::support::scenario::{each, key, user_id};
use crate::support::smtp::{MailServer, Protection};
use crate::support::{Backend, TestApp, apply, on_both};

const FIELDS: &str = "uuid name description signal when { path op value } tags isEnabled version \
    actions { kind template recipients addresses functionName priority }";

/// What the function `note` was called with.
pub type Called = Arc<Mutex<Vec<Value>>>;

/// A host with the function `note`, which notes its input and fails if it tells of a run or of a source that says so.
pub async fn scene(backend: Backend) -> (TestApp, Called, MailServer) {
    let called = Called::default();
    let own = Arc::clone(&called);
    let build = |builder: Builder| {
        builder.function("note", move |call| {
            own.lock().expect("nobody panicked").push(call.data.to_value());
            async move {
                let data = &call.data["data"];
                if data.get("functionRun").is_some_and(Json::is_object) || data["task"]["source"] == "broken"
                {
                    return Err(tasks_management::FunctionError::new("broken", "as it was asked to"));
                }
                Ok(Json::Null)
            }
        })
    };
    let server = MailServer::start(Protection::Plain).await;
    let app = TestApp::start_with(backend, at(&server), build).await;
    app.done("admin", "createTaskFunction", json!({ "name": "note", "kind": "HANDLER" })).await;
    (app, called, server)
}

pub async fn act(app: &TestApp) {
    while app.module.deliver_due().await.expect("acts") > 0 {}
}

pub fn taken(called: &Called) -> Vec<Value> {
    std::mem::take(&mut *called.lock().expect("nobody panicked"))
}

pub fn noting(name: &str, when: Value) -> Value {
    json!({
        "name": name, "signal": "task_service.create", "when": when,
        "actions": [{ "kind": "FUNCTION", "functionName": "note" }],
    })
}

pub async fn dispatchers(app: &TestApp) -> Vec<Value> {
    app.user("admin").await.rows("taskDispatcher", "(orderBy: \"dateCreated\")", FIELDS).await
}

pub async fn task(app: &TestApp, source: &str, data: &str) -> String {
    let data = Json::parse(data).expect("JSON");
    let input = CreateTask { source: Some(source.to_owned()), data: Some(data), ..CreateTask::default() };
    app.task(input).await
}

/// The deliveries to dispatchers, as operators see them.
pub async fn deliveries(app: &TestApp) -> Vec<Value> {
    let events = app
        .user("admin")
        .await
        .rows("taskEvents", "(orderBy: \"id\")", "id handler status lastError attempts")
        .await;
    events
        .into_iter()
        .filter(|event| event["handler"].as_str().is_some_and(|name| name.starts_with("dispatcher:")))
        .collect()
}

#[apply(on_both)]
async fn a_dispatcher_is_made_changed_and_deleted_and_history_and_node_show_it(backend: Backend) {
    let (app, _, _) = scene(backend).await;
    let input = json!({
        "name": "Large grants", "signal": "task_service.complete_task", "description": "d", "tags": ["a", "b"],
        "when": [{ "path": "/data/task/data/amount", "op": "GT", "value": "12345678901234567890.5" },
                 { "path": "/data/result", "op": "EQ", "value": "\"COMPLETED\"" }],
        "actions": [{ "kind": "MAIL", "template": "task_decided", "recipients": ["MAKER"], "addresses": ["a@example.org"] },
                    { "kind": "FUNCTION", "functionName": "note", "priority": 7 }],
    });
    app.done("admin", "createTaskDispatcher", input.clone()).await;
    assert_eq!(app.refused("admin", "createTaskDispatcher", input).await, "VALIDATION name");
    let made = dispatchers(&app).await.remove(0);
    let id = made["uuid"].clone();
    let expected = json!({
        "uuid": id, "name": "Large grants", "description": "d", "signal": "task_service.complete_task",
        "when": [{ "path": "/data/task/data/amount", "op": "GT", "value": "12345678901234567890.5" },
                 { "path": "/data/result", "op": "EQ", "value": "\"COMPLETED\"" }],
        "tags": ["a", "b"], "isEnabled": true, "version": 1,
        "actions": [
            { "kind": "MAIL", "template": "task_decided", "recipients": ["MAKER"], "addresses": ["a@example.org"],
              "functionName": null, "priority": null },
            { "kind": "FUNCTION", "template": null, "recipients": [], "addresses": [], "functionName": "note", "priority": 7 },
        ],
    });
    assert_eq!(made, expected);
    let change = json!({ "id": id, "isEnabled": false, "when": [], "expectedVersion": 1 });
    app.done("admin", "updateTaskDispatcher", change.clone()).await;
    assert_eq!(app.refused("admin", "updateTaskDispatcher", change).await, "CONFLICT expectedVersion");
    let node =
        "query($id: ID!) { node(id: $id) { ... on TaskDispatcherGQLType { name isEnabled when { path } } } }";
    let mut admin = app.user("admin").await;
    let global = admin.rows("taskDispatcher", "(isEnabled: false)", "id").await.remove(0)["id"].clone();
    let found = admin.graphql_with(node, json!({ "id": global })).await;
    assert_eq!(found.data("node"), &json!({ "name": "Large grants", "isEnabled": false, "when": [] }));
    app.done("admin", "deleteTaskDispatcher", json!({ "ids": [id] })).await;
    assert!(dispatchers(&app).await.is_empty());
    let versions = app.versions("taskDispatcher", id.as_str().expect("a key"), "isEnabled").await;
    assert_eq!(each(&versions, "historyType"), ["CREATED", "CHANGED", "DELETED"]);
    assert_eq!(app.refused("admin", "deleteTaskDispatcher", json!({ "ids": [id] })).await, "NOT_FOUND ids");
}

#[apply(on_both)]
async fn what_can_not_be_done_is_refused_with_the_field(backend: Backend) {
    let (app, _, _) = scene(backend).await;
    let function = json!({ "kind": "FUNCTION", "functionName": "note" });
    let mail = json!({ "kind": "MAIL", "template": "t", "recipients": ["POOL"] });
    let (create, mut n) = ("task_service.create", 0);
    for (signal, when, actions, expected) in [
        ("nothing", json!([]), json!([function]), "VALIDATION signal"),
        (create, json!([]), json!([]), "VALIDATION actions"),
        (create, json!([{ "path": "data", "op": "EQ" }]), json!([function]), "VALIDATION when"),
        (create, json!([{ "path": "/~2", "op": "EQ" }]), json!([function]), "VALIDATION when"),
        (create, json!([{ "path": "/a", "op": "EQ" }]), json!([function]), "VALIDATION when"),
        (create, json!([{ "path": "/a", "op": "NE" }]), json!([function]), "VALIDATION when"),
        (create, json!([{ "path": "/a", "op": "IN", "value": "1" }]), json!([function]), "VALIDATION when"),
        (create, json!([{ "path": "/a", "op": "LT", "value": "{}" }]), json!([function]), "VALIDATION when"),
        (create, json!(vec![json!({ "path": "/a", "op": "EQ" }); 21]), json!([function]), "LIMIT when"),
        (create, json!([]), json!(vec![mail.clone(); 11]), "LIMIT actions"),
        (create, json!([]), json!([function, function]), "VALIDATION actions"),
        (create, json!([]), json!([{ "kind": "FUNCTION", "functionName": "none" }]), "NOT_FOUND actions"),
        (create, json!([]), json!([{ "kind": "FUNCTION" }]), "VALIDATION actions"),
        (create, json!([]), json!([{ "kind": "MAIL", "template": "t" }]), "VALIDATION actions"),
        (
            create,
            json!([]),
            json!([{ "kind": "MAIL", "template": "t", "recipients": ["PERSON"] }]),
            "VALIDATION actions",
        ),
        (
            create,
            json!([]),
            json!([{ "kind": "MAIL", "template": "t", "addresses": ["a@b\r\nBcc: x@y"] }]),
            "VALIDATION actions",
        ),
        ("task_group_service.create", json!([]), json!([mail]), "VALIDATION actions"),
    ] {
        n += 1;
        let input = json!({ "name": format!("d{n}"), "signal": signal, "when": when, "actions": actions });
        assert_eq!(
            app.refused("admin", "createTaskDispatcher", input).await,
            expected,
            "{signal} {when} {actions}"
        );
    }
    assert!(dispatchers(&app).await.is_empty());
}

#[apply(on_both)]
async fn a_function_runs_once_for_each_event_of_which_the_conditions_hold(backend: Backend) {
    let (app, called, _) = scene(backend).await;
    let when = json!([
        { "path": "/data/task/source", "op": "IN", "value": "[\"grants\", \"loans\"]" },
        { "path": "/data/task/data/amount", "op": "GTE", "value": "12345678901234567890" },
    ]);
    let mut input = noting("large", when);
    input["tags"] = json!(["large"]);
    app.done("admin", "createTaskDispatcher", input).await;
    task(&app, "other", r#"{"amount": 12345678901234567890}"#).await;
    task(&app, "grants", r#"{"amount": 12345678901234567889}"#).await;
    task(&app, "grants", r#"{"amount": "12345678901234567890"}"#).await;
    let wanted = task(&app, "grants", r#"{"amount": 12345678901234567890.5}"#).await;
    act(&app).await;
    let seen = taken(&called);
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(
        (&seen[0]["type"], &seen[0]["data"]["task"]["uuid"]),
        (&json!("task_service.create"), &json!(wanted))
    );
    let dispatcher = dispatchers(&app).await.remove(0);
    let runs = app
        .user("admin")
        .await
        .rows(
            "functionRun",
            "",
            "uuid trigger tags causeDepth dispatcherId eventId createdByUser { username }",
        )
        .await;
    assert_eq!(runs.len(), 1);
    assert_eq!(
        (&runs[0]["trigger"], &runs[0]["tags"], &runs[0]["causeDepth"]),
        (&json!("EVENT"), &json!(["large"]), &json!(0))
    );
    assert_eq!(
        (&runs[0]["dispatcherId"], &runs[0]["createdByUser"]["username"]),
        (&dispatcher["uuid"], &json!("admin"))
    );
    // However often it is told of the event again.
    let told = deliveries(&app).await;
    assert_eq!(each(&told, "status"), ["DELIVERED"; 4]);
    for _ in 0..2 {
        app.run("UPDATE task_management_outbox SET status = 'PENDING', leased_by = NULL, lease_until = NULL WHERE handler LIKE 'dispatcher:%'");
        act(&app).await;
    }
    assert_eq!(each(&deliveries(&app).await, "status"), ["DELIVERED"; 4]);
    assert!(taken(&called).is_empty());
    assert_eq!(app.count("SELECT count(*) FROM task_management_functionrun"), 1);
}

#[apply(on_both)]
async fn a_disabled_or_deleted_dispatcher_does_nothing(backend: Backend) {
    let (app, called, _) = scene(backend).await;
    app.done("admin", "createTaskDispatcher", noting("off", json!([]))).await;
    let id = dispatchers(&app).await.remove(0)["uuid"].clone();
    task(&app, "s", "{}").await;
    app.done("admin", "updateTaskDispatcher", json!({ "id": id, "isEnabled": false })).await;
    task(&app, "s", "{}").await;
    act(&app).await;
    assert!(taken(&called).is_empty());
    app.done("admin", "updateTaskDispatcher", json!({ "id": id, "isEnabled": true })).await;
    act(&app).await;
    assert_eq!(taken(&called).len(), 1, "what waited goes on; what happened meanwhile is nothing to it");
    task(&app, "s", "{}").await;
    app.done("admin", "deleteTaskDispatcher", json!({ "ids": [id] })).await;
    act(&app).await;
    assert!(taken(&called).is_empty());
    assert_eq!(deliveries(&app).await.last().expect("a delivery")["status"], "DISCARDED");
}

#[apply(on_both)]
async fn mails_go_to_people_once_each_and_to_addresses_without_data(backend: Backend) {
    let (app, _, server) = scene(backend).await;
    let text = "{{ title }} {{ task.source }} {{ task.data.secret }} {{ event.type }} {{ recipient.name }}";
    let template =
        json!({ "name": "news", "language": "en", "subject": "News of {{ task.source }}", "text": text });
    app.done("admin", "createTaskTemplate", template).await;
    let input = json!({
        "name": "news", "signal": "task_service.claim",
        "actions": [{ "kind": "MAIL", "template": "news", "recipients": ["POOL", "CLAIMANT"], "addresses": ["desk@elsewhere.example"] }],
    });
    app.done("admin", "createTaskDispatcher", input).await;
    let group = app.group("readers", Any, &["exec1", "exec2"]).await;
    let mut claimed =
        json!({ "id": group, "code": "readers", "completionPolicy": "ANY", "claimMode": "MARK" });
    claimed["userIds"] = json!([user_id("exec1"), user_id("exec2")]);
    app.done("admin", "updateTaskGroup", claimed).await;
    let input = CreateTask {
        task_group_id: Some(key(&group)),
        source: Some("grants".to_owned()),
        data: Some(json!({ "secret": "4711" }).into()),
        ..CreateTask::default()
    };
    let task = app.task(input).await;
    act(&app).await;
    server.take();
    app.done("exec1", "claimTask", json!({ "id": task })).await;
    act(&app).await;
    let mails = server.take();
    assert_eq!(recipients(&mails), ["desk@elsewhere.example", "exec1@example.org", "exec2@example.org"]);
    for mail in &mails {
        let is_inside = mail.to != ["desk@elsewhere.example"];
        assert_eq!(
            mail.text().contains("4711") && mail.text().contains("grants"),
            is_inside,
            "{}",
            mail.text()
        );
        assert_eq!(mail.header("Subject").contains("grants"), is_inside);
        assert!(mail.text().contains("task_service.claim"));
    }
    let rows = mail_rows(&app).await;
    let address = rows.iter().find(|row| row["address"] == "desk@elsewhere.example").expect("a mail");
    assert_eq!(
        (&address["recipient"], &address["user"], &address["status"]),
        (&json!("ADDRESS"), &Value::Null, &json!("SENT"))
    );
    // Told again, it mails nobody again.
    app.run("UPDATE task_management_outbox SET status = 'PENDING', leased_by = NULL, lease_until = NULL WHERE handler LIKE 'dispatcher:%'");
    act(&app).await;
    assert!(server.take().is_empty());
}

#[apply(on_both)]
async fn a_mail_that_waits_is_not_sent_when_the_dispatcher_is_deleted(backend: Backend) {
    let (app, _, server) = scene(backend).await;
    let input = json!({
        "name": "outside", "signal": "task_service.create",
        "actions": [{ "kind": "MAIL", "template": "task_decided", "addresses": ["desk@elsewhere.example"] }],
    });
    app.done("admin", "createTaskDispatcher", input).await;
    task(&app, "s", "{}").await;
    act(&app).await;
    assert_eq!(recipients(&server.take()), ["desk@elsewhere.example"]);
    let id = dispatchers(&app).await.remove(0)["uuid"].clone();
    app.done("admin", "deleteTaskDispatcher", json!({ "ids": [id] })).await;
    app.run("UPDATE task_management_outbox SET status = 'PENDING', leased_by = NULL, lease_until = NULL WHERE handler = 'tasks.mail'");
    act(&app).await;
    assert!(server.take().is_empty());
    let row = mail_rows(&app).await.pop().expect("a mail");
    assert!(row["error"].as_str().expect("a reason").contains("the dispatcher is gone"), "{row}");
}

#[apply(on_both)]
async fn it_acts_only_as_long_as_who_answers_for_it_may_and_is_dead_otherwise_until_replayed(
    backend: Backend,
) {
    let (app, called, _) = scene(backend).await;
    let when = json!([{ "path": "/data/task/source", "op": "EQ", "value": "\"s\"" }]);
    app.done("admin", "createTaskDispatcher", noting("mine", when)).await;
    // Somebody who does not see all tasks answers for it now.
    app.run(&format!("UPDATE task_management_taskdispatcher SET user_updated = '{}'", user_id("exec1")));
    task(&app, "other", "{}").await;
    act(&app).await;
    assert_eq!(deliveries(&app).await.remove(0)["status"], "DELIVERED", "it does not concern the dispatcher");
    task(&app, "s", "{}").await;
    act(&app).await;
    assert!(taken(&called).is_empty());
    let told = deliveries(&app).await.remove(1);
    assert_eq!(told["status"], "DEAD");
    assert!(told["lastError"].as_str().expect("a reason").contains("see all tasks"), "{told}");
    app.run(&format!("UPDATE task_management_taskdispatcher SET user_updated = '{}'", user_id("admin")));
    app.done("admin", "replayTaskEvents", json!({ "ids": [told["id"]] })).await;
    act(&app).await;
    assert_eq!(taken(&called).len(), 1);
    let told = deliveries(&app).await.remove(1);
    assert_eq!((&told["status"], &told["lastError"]), (&json!("DELIVERED"), &Value::Null));
}

#[apply(on_both)]
async fn functions_that_fail_about_failures_come_to_an_end(backend: Backend) {
    let (app, called, _) = scene(backend).await;
    app.done("admin", "createTaskDispatcher", noting("begins", json!([]))).await;
    let mut input = noting("goes on", json!([]));
    input["signal"] = json!("task_function.failed");
    app.done("admin", "createTaskDispatcher", input).await;
    task(&app, "broken", "{}").await;
    act(&app).await;
    assert_eq!(taken(&called).len(), 9, "the first, and eight that it caused");
    let runs = app
        .user("admin")
        .await
        .rows("functionRun", "(orderBy: \"causeDepth\")", "causeDepth status error { name }")
        .await;
    let depths: Vec<Value> = (0..10).map(Value::from).collect();
    assert_eq!(each(&runs, "causeDepth"), depths);
    assert_eq!(runs[9]["error"]["name"], "tooDeep");
    assert!(each(&runs, "status").iter().all(|status| status == "FAILED"));
}

#[apply(on_both)]
async fn nobody_makes_a_dispatcher_for_more_than_one_may_do_oneself(backend: Backend) {
    let (app, called, _) = scene(backend).await;
    app.load(json!({
        "roles": [
            { "id": 60, "name": "Sighted", "rights": [191_005, 196_001, 196_002, 196_003] },
            { "id": 61, "name": "Unsighted", "rights": [195_006, 196_002, 196_003] },
            { "id": 62, "name": "Runner", "rights": [195_006] },
        ],
        "users": [
            { "id": "00000000-0000-7000-b000-000000000060", "username": "sighted", "password": "sighted123", "roles": ["Sighted"] },
            { "id": "00000000-0000-7000-b000-000000000061", "username": "unsighted", "password": "unsighted123", "roles": ["Unsighted"] },
            { "id": "00000000-0000-7000-b000-000000000062", "username": "both", "password": "both123", "roles": ["Sighted", "Runner"] },
        ],
    }))
    .await;
    // One sees all tasks but may not have the function run, the other the reverse.
    for who in ["sighted", "unsighted", "exec1"] {
        let refused = app.refused(who, "createTaskDispatcher", noting(who, json!([]))).await;
        assert!(refused.starts_with("FORBIDDEN"), "{who}: {refused}");
    }
    app.done("both", "createTaskDispatcher", noting("both", json!([]))).await;
    task(&app, "s", "{}").await;
    act(&app).await;
    assert_eq!(taken(&called).len(), 1);
    // The function gets an account with rights that the maker lacks: neither a new dispatcher, nor the one that is there.
    let function = app.user("admin").await.rows("taskFunction", "", "uuid").await.remove(0)["uuid"].clone();
    let change = json!({ "id": function, "serviceAccount": user_id("admin") });
    app.done("admin", "updateTaskFunction", change).await;
    assert_eq!(
        app.refused("both", "createTaskDispatcher", noting("more", json!([]))).await,
        "FORBIDDEN actions"
    );
    task(&app, "s", "{}").await;
    act(&app).await;
    assert!(taken(&called).is_empty());
    assert_eq!(deliveries(&app).await.last().expect("a delivery")["status"], "DEAD");
}

#[apply(on_both)]
async fn only_who_sees_all_tasks_says_where_a_function_leads_that_dispatchers_and_runs_tell_of_them(
    backend: Backend,
) {
    let (app, _, _) = scene(backend).await;
    app.load(json!({
        "roles": [{ "id": 60, "name": "Editor", "rights": [195_001, 195_002, 195_003, 195_004] }],
        "users": [{ "id": "00000000-0000-7000-b000-000000000060", "username": "editor", "password": "editor123", "roles": ["Editor"] }],
    }))
    .await;
    let function = json!({ "name": "led", "kind": "HTTP", "url": "https://example.org/a" });
    app.done("admin", "createTaskFunction", function.clone()).await;
    let id = app.user("admin").await.rows("taskFunction", "(name: \"led\")", "uuid").await.remove(0)["uuid"]
        .clone();
    let leads_away = json!({ "id": id, "url": "https://example.org/b" });
    app.done("editor", "updateTaskFunction", leads_away.clone()).await;
    let dispatcher = json!({
        "name": "tells", "signal": "task_service.create", "actions": [{ "kind": "FUNCTION", "functionName": "led" }],
    });
    app.done("admin", "createTaskDispatcher", dispatcher).await;
    assert_eq!(app.refused("editor", "updateTaskFunction", leads_away.clone()).await, "FORBIDDEN id");
    // Nor by another function of that name.
    app.done("admin", "deleteTaskFunction", json!({ "ids": [id] })).await;
    assert_eq!(app.refused("editor", "createTaskFunction", function.clone()).await, "FORBIDDEN name");
    app.done("admin", "createTaskFunction", function).await;
    let id = app.user("admin").await.rows("taskFunction", "(name: \"led\")", "uuid").await.remove(0)["uuid"]
        .clone();
    let leads_away = json!({ "id": id, "url": "https://example.org/b" });
    // A run of another function becomes one of this, which must reach nobody.
    let gone = "UPDATE task_management_taskdispatcher SET is_deleted = NOT is_deleted WHERE NOT is_deleted";
    app.run(gone);
    app.done("admin", "createTaskDispatcher", noting("notes", json!([]))).await;
    task(&app, "broken", "{}").await;
    act(&app).await;
    app.run(gone);
    app.run("UPDATE task_management_functionrun SET function_name = 'led'");
    assert_eq!(
        app.refused("editor", "updateTaskFunction", leads_away.clone()).await,
        "FORBIDDEN id",
        "it may be replayed"
    );
    app.run("UPDATE task_management_functionrun SET function_name = 'note'");
    app.done("editor", "updateTaskFunction", leads_away).await;
}
