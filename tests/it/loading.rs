//! Loading functions, schedules, templates of mails, dispatchers, and the groups that name functions: what is loaded works, the same
//! checks hold as for mutations, and a wrong row leaves nothing.

use std::error::Error as _;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::{Builder, Clock as _, CreateTask, FixedClock, Json, Settings, SystemClock};

use crate::javascript::with_runner;
use crate::support::receiver::{Manner, Receiver};
use crate::support::scenario::{each, user_id};
use crate::support::{Backend, TestApp, apply, on_both};
use crate::webhook_deliveries::nearby;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// What the function `note` was called with, and its environment.
type Called = Arc<Mutex<Vec<Value>>>;

/// A host with the function `note`, at the present moment.
async fn scene(backend: Backend) -> (TestApp, Called, FixedClock) {
    let (called, clock) = (Called::default(), FixedClock::new(SystemClock.now()));
    let (own, time) = (Arc::clone(&called), clock.clone());
    let build = |builder: Builder| {
        builder.clock(time).function("note", move |call| {
            let seen = json!({ "data": call.data.to_value(), "place": call.environment.get("PLACE") });
            own.lock().expect("nobody panicked").push(seen);
            async move { Ok(Json::Null) }
        })
    };
    let settings = |settings: &mut Settings| {
        nearby(settings);
        settings.sealing.key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f".to_owned();
    };
    (TestApp::start_with(backend, settings, build).await, called, clock)
}

fn id(number: u32) -> String {
    format!("00000000-0000-7000-b000-00000000{number:04}")
}

/// A row with the fields that every row has which is loaded as it is.
fn row(number: u32, own: Value) -> Value {
    let mut row = json!({
        "id": id(number), "isDeleted": false, "jsonExt": null, "version": 1,
        "dateCreated": "2026-01-05T08:00:00", "dateUpdated": "2026-01-05T08:00:00",
        "userCreated": user_id("admin"), "userUpdated": user_id("admin"),
    });
    row.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
    row
}

fn group(own: Value) -> Value {
    let mut group = row(
        5,
        json!({ "code": "LOANS", "completionPolicy": "ANY", "jsonExt": { "task_sources": ["grants", "loans"] } }),
    );
    group.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
    group
}

fn file(url: &str) -> Value {
    json!({
        "taskFunctions": [
            { "id": id(1), "name": "note", "kind": "HANDLER", "serviceAccount": user_id("norights"),
              "environmentVariables": [{ "name": "PLACE", "value": "hunter-two" }] },
            { "id": id(2), "name": "pay", "kind": "HTTP", "url": url, "secret": SECRET, "retryPolicy": { "enabled": true } },
        ],
        "functionSchedules": [
            { "id": id(3), "functionName": "note", "intervalSeconds": 60, "data": { "from": "the schedule" } },
        ],
        "taskTemplates": [
            { "id": id(4), "name": "task_awaits", "language": "fr", "subject": "À lire", "text": "{{ title }}" },
        ],
        "taskGroups": [group(json!({ "onCompleted": "note", "sourceFunctions": [{ "source": "loans", "onCompleted": "pay" }] }))],
        "taskExecutors": [row(6, json!({ "taskGroup": id(5), "user": user_id("exec1") }))],
        "taskDispatchers": [
            { "id": id(7), "name": "large", "signal": "task_service.create",
              "when": [{ "path": "/data/task/data/amount", "op": "GT", "value": 1000 }],
              "actions": [{ "kind": "FUNCTION", "functionName": "note" }] },
        ],
    })
}

/// Loads a file; returns what was loaded, or why it was not.
async fn load(app: &TestApp, file: Value) -> Result<String, String> {
    let file = serde_json::from_value(file).map_err(|error| error.to_string())?;
    match app.module.load(file).await {
        Ok(loaded) => Ok(loaded.to_string()),
        Err(error) => {
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            Err(cause.replace(['\u{2068}', '\u{2069}'], ""))
        }
    }
}

async fn act(app: &TestApp) {
    while app.module.deliver_due().await.expect("acts") > 0 {}
}

fn taken(called: &Called) -> Vec<Value> {
    std::mem::take(&mut *called.lock().expect("nobody panicked"))
}

async fn task(app: &TestApp, source: &str, amount: i64) -> String {
    let data = Some(Json::from(json!({ "amount": amount })));
    app.task(CreateTask { source: Some(source.to_owned()), data, ..CreateTask::default() }).await
}

#[apply(on_both)]
async fn what_is_loaded_works_and_loading_it_again_changes_nothing(backend: Backend) {
    let (app, called, clock) = scene(backend).await;
    let receiver = Receiver::start().await;
    receiver.be(Manner::Says(200, "{\"paid\": true}".to_owned()));
    let first = load(&app, file(&receiver.url)).await;
    let expected = "loaded 1 dispatchers, 1 function schedules, 2 functions, 1 mail templates, 1 task executors, 1 task groups; \
        0 rows were there already";
    assert_eq!(first.as_deref(), Ok(expected));
    let before = app.row_counts();
    let again = load(&app, file(&receiver.url)).await;
    assert_eq!(again.as_deref(), Ok("loaded nothing; 7 rows were there already"));
    assert_eq!(app.row_counts(), before);

    act(&app).await;
    assert!(taken(&called).is_empty(), "nothing is due yet");
    clock.advance(TimeDelta::seconds(61));
    act(&app).await;
    let by_schedule = json!({ "data": { "from": "the schedule" }, "place": "hunter-two" });
    assert_eq!(taken(&called), [by_schedule], "the schedule has its timer");

    let (small, large) = (task(&app, "grants", 10).await, task(&app, "loans", 2000).await);
    act(&app).await;
    let noted = taken(&called);
    let [noted] = &noted[..] else { panic!("called once, for the large one: {noted:?}") };
    assert_eq!(noted["data"]["data"]["task"]["uuid"], json!(large));

    assert_eq!(app.vote("exec1", &small, json!("APPROVED")).await, "ok");
    act(&app).await;
    let noted = taken(&called);
    let [noted] = &noted[..] else { panic!("called once, by the group: {noted:?}") };
    assert_eq!(
        (&noted["data"]["task"]["id"], &noted["data"]["result"]),
        (&json!(small), &json!("COMPLETED"))
    );
    assert_eq!(receiver.count(), 0);

    assert_eq!(app.vote("exec1", &large, json!("APPROVED")).await, "ok");
    act(&app).await;
    assert!(taken(&called).is_empty(), "the source has a function of its own");
    let sent = receiver.received().pop().expect("a request");
    assert!(sent.is_signed_with(SECRET), "its receiver knows the secret of the file");
    assert_eq!(sent.json()["data"]["data"]["task"]["id"], json!(large));
}

#[apply(on_both)]
async fn what_is_loaded_is_the_system_users_and_its_secrets_are_sealed(backend: Backend) {
    let (app, ..) = scene(backend).await;
    load(&app, file("https://pay.example.org/")).await.expect("loads");
    for column in ["variables", "secrets"] {
        let sql = format!(
            "SELECT count(*) FROM task_management_functionsecret WHERE CAST({column} AS text) LIKE '%sealed:%'"
        );
        assert_eq!(app.count(&sql), 1, "{column}");
        let plain = sql.replace("%sealed:%", if column == "secrets" { "%whsec%" } else { "%hunter%" });
        assert_eq!(app.count(&plain), 0, "{column}");
    }
    let mut admin = app.user("admin").await;
    let fields = "name environmentVariables { name } serviceAccount { username } retryPolicy { enabled pausesSeconds } dateSecret";
    let functions = admin.rows("taskFunction", "(orderBy: \"name\")", fields).await;
    assert_eq!(functions[0]["environmentVariables"], json!([{ "name": "PLACE" }]));
    assert_eq!(functions[0]["serviceAccount"]["username"], "norights");
    assert_eq!(functions[1]["retryPolicy"], json!({ "enabled": true, "pausesSeconds": [2, 5, 10] }));
    assert!(functions[1]["dateSecret"].is_string());
    let templates = admin.rows("taskTemplate", "", "name language subject text").await;
    let expected =
        json!({ "name": "task_awaits", "language": "fr", "subject": "À lire", "text": "{{ title }}" });
    assert_eq!(templates, [expected]);
    for (kind, number) in
        [("taskFunction", 1), ("functionSchedule", 3), ("taskTemplate", 4), ("taskDispatcher", 7)]
    {
        let versions = app.versions(kind, &id(number), "").await;
        assert_eq!(each(&versions, "historyType"), ["CREATED"], "{kind}");
        assert_eq!(versions[0]["historyUser"]["username"], "(system)", "{kind}");
    }
    // A receiver without a secret in the file gets a new one, which a rotation shows.
    let another = json!({ "taskFunctions": [{ "id": id(8), "name": "f", "kind": "HTTP", "url": "https://f.example.org/" }] });
    load(&app, another).await.expect("loads");
    let rotate = "mutation($in: RotateTaskFunctionSecretMutationInput!) { rotateTaskFunctionSecret(input: $in) { secret } }";
    let answer = admin.graphql_with(rotate, json!({ "in": { "id": id(8), "keepOldForS": 0 } })).await;
    let secret = answer.data("rotateTaskFunctionSecret")["secret"].as_str().unwrap_or_default().to_owned();
    assert!(secret.starts_with("whsec_"), "{}", answer.text);
}

/// A row of a section that is wrong, and what is said of it.
type Wrong = ((&'static str, Value), String);

fn wrong_rows() -> Vec<Wrong> {
    let schedule = format!("function schedule {}: ", id(3));
    let schedule = |field: &str| format!("{schedule}{field}: ");
    let scheduled = |own: Value| {
        let mut row = json!({ "id": id(3), "functionName": "note" });
        row.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
        ("functionSchedules", row)
    };
    let function = |own: Value| {
        let mut row = json!({ "id": id(2), "name": "f", "kind": "HTTP", "url": "https://f.example.org/" });
        row.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
        ("taskFunctions", row)
    };
    let template = |name: &str, language: &str, subject: &str, text: &str| {
        let row =
            json!({ "id": id(4), "name": name, "language": language, "subject": subject, "text": text });
        ("taskTemplates", row)
    };
    let dispatcher = |signal: &str, when: Value, actions: Value| {
        let row = json!({ "id": id(7), "name": "d", "signal": signal, "when": when, "actions": actions });
        ("taskDispatchers", row)
    };
    let (create, note) = ("task_service.create", json!([{ "kind": "FUNCTION", "functionName": "note" }]));
    vec![
        (function(json!({ "name": "bad name!" })), "function bad name!: name: ".into()),
        (function(json!({ "name": "note" })), "function note: name: ".into()),
        (
            function(json!({ "name": "nobody", "kind": "HANDLER", "url": null })),
            "function nobody: name: No function is registered".into(),
        ),
        (function(json!({ "url": null })), "function f: url: ".into()),
        (function(json!({ "url": "ftp://f.example.org/" })), "function f: url: ".into()),
        (function(json!({ "secret": "whsec_short" })), "function f: secret: it is whsec_".into()),
        (
            function(json!({ "kind": "JAVASCRIPT", "url": null, "source": "export default () => 1" })),
            "function f: kind: ".into(),
        ),
        (function(json!({ "source": "export default () => 1" })), "function f: source: ".into()),
        (function(json!({ "timeLimit": 1 })), "function f: timeLimit: ".into()),
        (function(json!({ "permissionMode": "public" })), "function f: permissionMode: ".into()),
        (
            function(json!({ "retryPolicy": { "enabled": true, "pausesSeconds": vec![1; 21] } })),
            "function f: retryPolicy.pausesSeconds: ".into(),
        ),
        (function(json!({ "serviceAccount": user_id("norights") })), "function f: serviceAccount: ".into()),
        (
            function(json!({ "environmentVariables": [{ "name": "A=B", "value": "c" }] })),
            "function f: environmentVariables: ".into(),
        ),
        (scheduled(json!({ "functionName": "none", "intervalSeconds": 60 })), schedule("functionName")),
        (scheduled(json!({})), schedule("cron")),
        (scheduled(json!({ "intervalSeconds": 1 })), schedule("intervalSeconds")),
        (scheduled(json!({ "cron": "99 * * * *" })), schedule("cron")),
        (scheduled(json!({ "cron": "0 0 30 2 *" })), schedule("cron")),
        (scheduled(json!({ "cron": "0 0 * * *", "timeZone": "Nowhere/Land" })), schedule("timeZone")),
        (template("a b", "en", "s", "t"), "mail template a b: name: ".into()),
        (template("t", "xx", "s", "t"), "mail template t: language: ".into()),
        (template("t", "en", " ", "t"), "mail template t: subject: ".into()),
        (template("t", "en", "s", "{{ title"), "mail template t: text: ".into()),
        (dispatcher("nothing", json!([]), note.clone()), "dispatcher d: signal: ".into()),
        (
            dispatcher(create, json!([{ "path": "x", "op": "EQ", "value": 1 }]), note.clone()),
            "dispatcher d: when: ".into(),
        ),
        (dispatcher(create, json!([]), json!([])), "dispatcher d: actions: ".into()),
        (
            dispatcher(create, json!([]), json!([{ "kind": "FUNCTION", "functionName": "none" }])),
            "dispatcher d: actions: ".into(),
        ),
        (("taskGroups", group(json!({ "onCompleted": "none" }))), "task group LOANS: onCompleted: ".into()),
        (
            (
                "taskGroups",
                group(json!({ "sourceFunctions": [{ "source": "loans", "onCompleted": "none" }] })),
            ),
            "task group LOANS: sourceFunctions: ".into(),
        ),
        (
            (
                "taskGroups",
                group(json!({ "sourceFunctions": [{ "source": "other", "onCompleted": "note" }] })),
            ),
            "task group LOANS: sourceFunctions: ".into(),
        ),
        (
            ("taskGroups", group(json!({ "sourceFunctions": [{ "source": "loans" }] }))),
            "task group LOANS: sourceFunctions: ".into(),
        ),
        // What can't be read at all is said with what can.
        (function(json!({ "tmeLimit": 3 })), "tmeLimit".into()),
        (function(json!({ "kind": "PYTHON" })), "JAVASCRIPT".into()),
        (scheduled(json!({ "catchUp": "TWICE" })), "ONCE".into()),
        (dispatcher(create, json!([{ "path": "", "op": "LIKE" }]), note.clone()), "EXISTS".into()),
    ]
}

/// Lists where objects are wanted, other JSON that is no object, and people who can't be.
fn wrong_lists_and_people() -> Vec<Wrong> {
    let function = |field: &str, value: Value| {
        let mut row = json!({ "id": id(2), "name": "f", "kind": "HTTP", "url": "https://f.example.org/" });
        row[field] = value;
        ("taskFunctions", row)
    };
    let dispatcher = |when: Value, actions: Value| {
        let row = json!({ "id": id(7), "name": "d", "signal": "task_service.create", "when": when, "actions": actions });
        ("taskDispatchers", row)
    };
    let note = json!([{ "kind": "FUNCTION", "functionName": "note" }]);
    vec![
        // Lists stand for no objects, wherever they are.
        (("taskFunctions", json!([id(2), "f", "HTTP"])), "an object is needed, with id, name, kind".into()),
        (("roles", json!([77, "Reader", 0, false, [191_001]])), "an object is needed, with id, name".into()),
        (("users", json!([id(9), "nadia"])), "an object is needed, with id, username".into()),
        (("contentTypes", json!([77, "a", "b"])), "an object is needed, with id, appLabel".into()),
        (("taskGroups", json!([id(5), "LOANS"])), "a row is an object".into()),
        (function("retryPolicy", json!([true])), "an object is needed, with enabled".into()),
        (
            function("environmentVariables", json!([["A", "b"]])),
            "an object is needed, with name, value".into(),
        ),
        (dispatcher(json!([["", "EXISTS", true]]), note), "an object is needed, with path".into()),
        (dispatcher(json!([]), json!([["FUNCTION"]])), "an object is needed, with kind".into()),
        (
            ("taskGroups", group(json!({ "escalations": [["AFTER_DUE", 1, "FAIL", null, null]] }))),
            "escalations of LOANS: a list stands where an object is needed, with at".into(),
        ),
        (
            ("taskGroups", group(json!({ "sourceFunctions": [["loans", "note"]] }))),
            "an object is needed, with source".into(),
        ),
        // Nor does other JSON.
        (function("jsonExt", json!([1])), "function f: jsonExt: `jsonExt` must be a JSON object".into()),
        (("taskGroups", group(json!({ "jsonExt": [] }))), "jsonExt must be a JSON object".into()),
        (
            (
                "taskExecutors",
                row(6, json!({ "taskGroup": id(5), "user": user_id("exec1"), "jsonExt": "x" })),
            ),
            "jsonExt must be a JSON object".into(),
        ),
        (
            ("moduleConfigurations", json!({ "module": "core", "layer": "FE", "config": [1] })),
            "module core: config: `config` must be a JSON object".into(),
        ),
        (
            (
                "moduleConfigurations",
                json!({ "module": "core", "layer": "FE", "config": {}, "controls": [[]] }),
            ),
            "module core: controls: `controls` must be a JSON object".into(),
        ),
        // People.
        (
            ("users", json!({ "id": id(9), "username": "nadia", "language": "xx" })),
            "user nadia: language: There is no language xx: en, fr".into(),
        ),
        (
            ("users", json!({ "id": id(9), "username": "nadia", "mailFrequency": "DAILY", "mailHour": 24 })),
            "user nadia: mailHour: ".into(),
        ),
        (
            ("users", json!({ "id": id(9), "username": "nadia", "mailTimeZone": "Nowhere/Land" })),
            "user nadia: mailTimeZone: ".into(),
        ),
        (("users", json!({ "id": id(9), "username": "nadia", "mailFrequency": "OFTEN" })), "AT_ONCE".into()),
        (
            ("roles", json!({ "name": "Reader", "rights": [191_001, -1] })),
            "role Reader: rights: -1 can't be a right".into(),
        ),
        (
            ("roles", json!({ "name": "Reader", "rights": [0] })),
            "role Reader: rights: 0 can't be a right".into(),
        ),
    ]
}

#[apply(on_both)]
async fn each_wrong_row_is_named_with_its_field_and_nothing_of_the_file_stays(backend: Backend) {
    let (app, ..) = scene(backend).await;
    let before = app.row_counts();
    for ((section, row), expected) in wrong_rows().into_iter().chain(wrong_lists_and_people()) {
        // The rows before it are right.
        let mut file = json!({ "taskFunctions": [{ "id": id(1), "name": "note", "kind": "HANDLER" }] });
        let rows = file.as_object_mut().expect("an object").entry(section).or_insert_with(|| json!([]));
        rows.as_array_mut().expect("a list").push(row.clone());
        let reason = load(&app, file).await.expect_err(&format!("{section} {row} is wrong"));
        assert!(reason.contains(&expected), "{section} {row}: {reason}, not {expected}");
        assert_eq!(app.row_counts(), before, "{section} {row}");
    }
}

#[apply(on_both)]
async fn sources_in_javascript_are_looked_at_before_they_are_loaded(backend: Backend) {
    let app = TestApp::start_with(backend, |_| {}, with_runner).await;
    let file = |source: &str| {
        let sum = "export default async (task) => task.data.amounts.reduce((sum, amount) => sum + amount, 0)";
        json!({ "taskFunctions": [
            { "id": id(1), "name": "sum", "kind": "JAVASCRIPT", "source": sum, "memoryLimit": 64 },
            { "id": id(2), "name": "other", "kind": "JAVASCRIPT", "source": source },
        ] })
    };
    let before = app.row_counts();
    let reason = load(&app, file("export default (")).await.expect_err("no module");
    assert!(reason.starts_with("function other: source: "), "{reason}");
    assert_eq!(app.row_counts(), before);
    load(&app, file("export default () => 1")).await.expect("loads");
    let again = load(&app, file("export default (")).await;
    assert_eq!(again.as_deref(), Ok("loaded nothing; 2 rows were there already"), "rows that are there stay");
    let input = json!({ "functionName": "sum", "data": "{\"amounts\": [1, 2, 39]}" });
    app.done("admin", "createFunctionRun", input).await;
    act(&app).await;
    let runs = app.user("admin").await.rows("functionRun", "", "status result").await;
    assert_eq!(runs, [json!({ "status": "COMPLETE", "result": "42" })]);
}
