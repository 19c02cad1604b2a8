//! Functions: who makes them, what is kept of them, and what nobody is shown.

use serde_json::{Value, json};
use tasks_management::{Builder, Json};

use crate::support::scenario::{each, user_id};
use crate::support::{TestApp, apply, on_both};

const FIELDS: &str = "uuid name description kind url timeLimit permissionMode defaultPriority isIdempotent isEnabled maxConcurrency \
    runsPerMinute retryPolicy { enabled errorsToRetry pausesSeconds } environmentVariables { name } dateSecret version \
    serviceAccount { username }";

/// A host with the function `greet`.
pub fn greeting(builder: Builder) -> Builder {
    builder.function("greet", |call| async move {
        call.log(format!("attempt {}", call.attempt));
        let name = call.data["name"].as_str().unwrap_or("you").to_owned();
        Ok(Json::from(json!({ "greeting": format!("Hello, {name}!") })))
    })
}

async fn functions(app: &TestApp) -> Vec<Value> {
    app.user("admin").await.rows("taskFunction", "", FIELDS).await
}

#[apply(on_both)]
async fn a_function_is_made_changed_and_deleted_and_history_says_so(backend: Backend) {
    let app = TestApp::start_with(backend, |_| {}, greeting).await;
    app.done("admin", "createTaskFunction", json!({ "name": "greet", "kind": "HANDLER" })).await;
    let made = functions(&app).await.remove(0);
    let id = made["uuid"].clone();
    let usual = json!({
        "uuid": id, "name": "greet", "description": "", "kind": "HANDLER", "url": null, "timeLimit": 10,
        "permissionMode": "permissionRequired", "defaultPriority": 0, "isIdempotent": false, "isEnabled": true,
        "maxConcurrency": 5, "runsPerMinute": 1000, "environmentVariables": [], "dateSecret": null, "version": 1,
        "retryPolicy": { "enabled": false, "errorsToRetry": [], "pausesSeconds": [2, 5, 10] }, "serviceAccount": null,
    });
    assert_eq!(made, usual);
    let change = json!({
        "id": id, "description": "Says hello", "timeLimit": 300, "permissionMode": "allUsers", "isIdempotent": true,
        "defaultPriority": 9_007_199_254_740_991_i64, "isEnabled": false, "maxConcurrency": 1, "runsPerMinute": 60,
        "retryPolicy": { "enabled": true, "errorsToRetry": ["busy"], "pausesSeconds": [1] },
        "environmentVariables": [{ "name": "KEY", "value": "hunter-two" }, { "name": "PLACE", "value": "here" }],
        "serviceAccount": user_id("exec1"), "expectedVersion": 1,
    });
    app.done("admin", "updateTaskFunction", change.clone()).await;
    assert_eq!(app.refused("admin", "updateTaskFunction", change).await, "CONFLICT expectedVersion");
    let changed = functions(&app).await.remove(0);
    assert_eq!((&changed["timeLimit"], &changed["version"]), (&json!(300), &json!(2)));
    assert_eq!(changed["environmentVariables"], json!([{ "name": "KEY" }, { "name": "PLACE" }]));
    assert_eq!(changed["serviceAccount"]["username"], "exec1");
    assert_eq!(changed["defaultPriority"], 9_007_199_254_740_991_i64);
    // Others stay, and null takes away.
    let change = json!({ "id": id, "environmentVariables": [{ "name": "KEY", "value": null }], "serviceAccount": null });
    app.done("admin", "updateTaskFunction", change).await;
    let changed = functions(&app).await.remove(0);
    assert_eq!(changed["environmentVariables"], json!([{ "name": "PLACE" }]));
    assert_eq!((&changed["serviceAccount"], &changed["description"]), (&Value::Null, &json!("Says hello")));
    app.done("admin", "updateTaskFunction", json!({ "id": id })).await;
    app.done("admin", "deleteTaskFunction", json!({ "ids": [id] })).await;
    assert_eq!(functions(&app).await, Vec::<Value>::new());
    let versions = app.versions("taskFunction", id.as_str().expect("a key"), "timeLimit").await;
    let written: Vec<(Value, Value)> = versions
        .iter()
        .map(|version| (version["historyType"].clone(), version["timeLimit"].clone()))
        .collect();
    assert_eq!(
        written,
        [("CREATED", 10), ("CHANGED", 300), ("CHANGED", 300), ("DELETED", 300)]
            .map(|(kind, limit)| (json!(kind), json!(limit)))
    );
    // The name is free again.
    app.done("admin", "createTaskFunction", json!({ "name": "greet", "kind": "HANDLER" })).await;
}

#[apply(on_both)]
async fn values_of_environment_variables_are_sealed_and_shown_nowhere(backend: Backend) {
    let key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let app = TestApp::start_with(
        backend,
        |settings| settings.sealing.key = key.to_owned(),
        |builder| {
            builder.function("tell", |call| async move { Ok(Json::from(call.environment["KEY"].as_str())) })
        },
    )
    .await;
    let variables = json!([{ "name": "KEY", "value": "hunter-two" }]);
    let input = json!({ "name": "tell", "kind": "HANDLER", "environmentVariables": variables });
    app.done("admin", "createTaskFunction", input).await;
    let seen = app.user("admin").await.graphql("{ taskFunction { edges { node { environmentVariables { name dateSet } } } } mutationLogs { edges { node { jsonContent } } } }").await;
    assert!(seen.text.contains("KEY") && !seen.text.contains("hunter"), "{}", seen.text);
    for table in
        ["core_mutationlog", "task_management_functionsecret", "task_management_historicaltaskfunction"]
    {
        let columns = match table {
            "core_mutationlog" => "json_content",
            "task_management_functionsecret" => "variables",
            _ => "environment",
        };
        let sql = format!("SELECT count(*) FROM {table} WHERE CAST({columns} AS text) LIKE '%hunter%'");
        assert_eq!(app.count(&sql), 0, "{table}");
    }
    app.done("admin", "createFunctionRun", json!({ "functionName": "tell" })).await;
    assert_eq!(app.module.deliver_due().await.expect("executes"), 1);
    let runs = app.user("admin").await.rows("functionRun", "", "status result").await;
    assert_eq!(runs, [json!({ "status": "COMPLETE", "result": "\"hunter-two\"" })], "the function has it");
}

#[apply(on_both)]
async fn what_is_wrong_with_a_function_is_said(backend: Backend) {
    let app = TestApp::start_with(backend, |settings| settings.functions.max_functions = 2, greeting).await;
    app.done("admin", "createTaskFunction", json!({ "name": "greet", "kind": "HANDLER" })).await;
    let id = functions(&app).await[0]["uuid"].clone();
    let http = |more: Value| {
        let mut input = json!({ "name": "post", "kind": "HTTP", "url": "https://example.org" });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    };
    for (input, refusal) in [
        (json!({ "name": "greet", "kind": "HANDLER" }), "VALIDATION name"),
        (json!({ "name": "unknown", "kind": "HANDLER" }), "VALIDATION name"),
        (json!({ "name": "post", "kind": "HTTP" }), "VALIDATION url"),
        (http(json!({ "name": "a b" })), "VALIDATION name"),
        (http(json!({ "name": "" })), "VALIDATION name"),
        (http(json!({ "url": "http://example.org" })), "VALIDATION url"),
        (http(json!({ "url": "https://127.0.0.1" })), "VALIDATION url"),
        (http(json!({ "timeLimit": 2 })), "VALIDATION timeLimit"),
        (http(json!({ "timeLimit": 301 })), "VALIDATION timeLimit"),
        (http(json!({ "maxConcurrency": 0 })), "VALIDATION maxConcurrency"),
        (http(json!({ "runsPerMinute": 0 })), "VALIDATION runsPerMinute"),
        (http(json!({ "defaultPriority": 9_007_199_254_740_992_i64 })), "VALIDATION defaultPriority"),
        (
            http(json!({ "retryPolicy": { "enabled": true, "pausesSeconds": [-1] } })),
            "VALIDATION retryPolicy.pausesSeconds",
        ),
        (
            http(json!({ "retryPolicy": { "enabled": true, "pausesSeconds": vec![1; 21] } })),
            "LIMIT retryPolicy.pausesSeconds",
        ),
        (
            http(json!({ "environmentVariables": [{ "name": "2", "value": "x" }] })),
            "VALIDATION environmentVariables",
        ),
        (
            http(json!({ "environmentVariables": [{ "name": "A", "value": "x".repeat(70_000) }] })),
            "VALIDATION environmentVariables",
        ),
        (http(json!({ "serviceAccount": user_id("exec1") })), "VALIDATION serviceAccount"),
    ] {
        assert_eq!(app.refused("admin", "createTaskFunction", input.clone()).await, refusal, "{input}");
    }
    let unknown = json!({ "id": id, "serviceAccount": "00000000-0000-7000-a000-0000000000ff" });
    assert_eq!(app.refused("admin", "updateTaskFunction", unknown).await, "NOT_FOUND serviceAccount");
    let url = json!({ "id": id, "url": "https://example.org" });
    assert_eq!(app.refused("admin", "updateTaskFunction", url).await, "VALIDATION url");
    assert_eq!(app.refused("admin", "rotateTaskFunctionSecret", json!({ "id": id })).await, "VALIDATION id");
    app.done("admin", "createTaskFunction", http(json!({}))).await;
    assert_eq!(app.refused("admin", "createTaskFunction", http(json!({ "name": "more" }))).await, "LIMIT");
}

#[apply(on_both)]
async fn nobody_gives_a_function_an_account_with_rights_that_he_lacks_or_changes_one_that_has_such(
    backend: Backend,
) {
    let app = TestApp::start_with(backend, |_| {}, greeting).await;
    // The triage role may make and change functions, but is no superuser's.
    app.run("INSERT INTO core_roleright (role_id, right_id) VALUES (2, 195001), (2, 195002), (2, 195003)");
    let as_admin = json!({ "name": "greet", "kind": "HANDLER", "serviceAccount": user_id("admin") });
    assert_eq!(app.refused("triage", "createTaskFunction", as_admin).await, "FORBIDDEN serviceAccount");
    // In a person's name only the person, and who may set that person's password.
    let as_person = json!({ "name": "greet", "kind": "HANDLER", "serviceAccount": user_id("norights") });
    assert_eq!(
        app.refused("triage", "createTaskFunction", as_person.clone()).await,
        "FORBIDDEN serviceAccount"
    );
    let text = app.refusal_text("triage", "createTaskFunction", as_person).await;
    assert!(text.contains("an account without a password"), "{text}");
    app.done("admin", "createUser", json!({ "username": "robot" })).await;
    let robot = app.text("SELECT CAST(id AS text) AS value FROM core_user WHERE username = 'robot'");
    let as_robot = json!({ "name": "greet", "kind": "HANDLER", "serviceAccount": robot });
    app.done("triage", "createTaskFunction", as_robot).await;
    let id = functions(&app).await[0]["uuid"].clone();
    app.done("triage", "updateTaskFunction", json!({ "id": id, "timeLimit": 20 })).await;
    app.done("admin", "updateTaskFunction", json!({ "id": id, "serviceAccount": user_id("admin") })).await;
    app.run("INSERT INTO core_roleright (role_id, right_id) VALUES (2, 195004)");
    for account in ["admin", "norights"] {
        let account = json!({ "id": id, "serviceAccount": user_id(account) });
        app.done("admin", "updateTaskFunction", account).await;
        for change in [json!({ "id": id, "timeLimit": 30 }), json!({ "id": id, "serviceAccount": null })] {
            assert_eq!(app.refused("triage", "updateTaskFunction", change).await, "FORBIDDEN id");
        }
        let gone = json!({ "ids": [id] });
        assert_eq!(app.refused("triage", "deleteTaskFunction", gone).await, "FORBIDDEN ids");
    }
    let own = json!({ "id": id, "serviceAccount": user_id("triage") });
    app.done("admin", "updateTaskFunction", own).await;
    app.done("triage", "updateTaskFunction", json!({ "id": id, "timeLimit": 30 })).await;
    // Not even while the account is blocked.
    app.run("UPDATE core_user SET is_active = false WHERE username = 'exec1'");
    app.done("admin", "updateTaskFunction", json!({ "id": id, "serviceAccount": user_id("exec2") })).await;
    let blocked = json!({ "id": id, "serviceAccount": user_id("exec1") });
    assert_eq!(app.refused("admin", "updateTaskFunction", blocked).await, "NOT_FOUND serviceAccount");
}

#[apply(on_both)]
async fn nobody_learns_by_its_key_what_an_account_is_called_unless_he_sees_people(backend: Backend) {
    let app = TestApp::start_with(backend, |_| {}, greeting).await;
    let maker = |name: &str, id: u32, rights: &str| {
        let file = format!(
            r#"{{ "roles": [{{ "name": "{name}", "rights": [{rights}] }}], "users": [{{
                "id": "00000000-0000-7000-b000-{id:012}", "username": "{name}", "password": "{name}123", "roles": ["{name}"] }}] }}"#
        );
        app.load(serde_json::from_str(&file).expect("JSON"))
    };
    maker("blind", 1, "195002, 195003, 195009").await;
    maker("seeing", 2, "195002, 195003, 195009, 121701").await;
    let admin = user_id("admin").to_string();
    let input =
        |account: &str| json!({ "name": "greet", "kind": "HANDLER", "serviceAccount": user_id(account) });
    // One of them has rights that the maker lacks, the other is a person's.
    for account in ["admin", "norights"] {
        let text = app.refusal_text("seeing", "createTaskFunction", input(account)).await;
        assert!(text.contains(account), "{text}");
        let text = app.refusal_text("blind", "createTaskFunction", input(account)).await;
        assert!(!text.contains(account) && text.contains(&user_id(account).to_string()), "{text}");
    }
    let public =
        json!({ "name": "greet", "kind": "HANDLER", "serviceAccount": admin, "permissionMode": "allUsers" });
    app.done("admin", "createTaskFunction", public).await;
    let id = functions(&app).await[0]["uuid"].clone();
    for (mutation, input) in [
        ("updateTaskFunction", json!({ "id": id, "timeLimit": 30 })),
        ("createFunctionSchedule", json!({ "functionName": "greet", "intervalSeconds": 60 })),
    ] {
        let text = app.refusal_text("blind", mutation, input).await;
        assert!(!text.contains("admin ") && text.contains(&admin), "{mutation}: {text}");
    }
}

#[apply(on_both)]
async fn a_function_acts_in_the_name_of_its_account(backend: Backend) {
    let app = TestApp::start_with(
        backend,
        |_| {},
        |builder| {
            builder.function("who", |call| async move {
                let account = call.account.as_ref().map(|account| account.user.username.clone());
                Ok(Json::from(json!(account)))
            })
        },
    )
    .await;
    let input = json!({ "name": "who", "kind": "HANDLER", "serviceAccount": user_id("exec2") });
    app.done("admin", "createTaskFunction", input).await;
    app.done("admin", "createFunctionRun", json!({ "functionName": "who" })).await;
    app.module.deliver_due().await.expect("executes");
    app.run("UPDATE core_user SET is_active = false WHERE username = 'exec2'");
    app.done("admin", "createFunctionRun", json!({ "functionName": "who" })).await;
    app.module.deliver_due().await.expect("executes");
    let mut admin = app.user("admin").await;
    let runs = admin.rows("functionRun", "", "result error { name type }").await;
    assert_eq!(each(&runs, "result"), [json!("\"exec2\""), Value::Null]);
    assert_eq!(runs[1]["error"], json!({ "name": "notBegun", "type": "INVOCATION" }));
}
