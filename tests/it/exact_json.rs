//! JSON keeps what it says: every digit of its numbers, wherever it goes, and no key is lost because it is there twice.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::{CreateTask, Json, LoadFile};

use crate::support::receiver::Receiver;
use crate::support::scenario::{key, user_id};
use crate::support::{TestApp, apply, on_both};
use crate::webhook_deliveries::{endpoint, nearby};

/// Numbers that 64 bits do not hold.
const NUMBERS: &str = "[12345678901234567890123,0.1000000000000000055511151231257827,-7.30,8.41770459817494001,18446744073709551616]";

/// Creates a task with the texts of its JSON as they are; answers its key.
async fn created(app: &TestApp, source: &str, input: Value) -> String {
    let mut input = input;
    input["source"] = json!(source);
    let mut admin = app.user("admin").await;
    assert_eq!(admin.outcome("createTask", input).await, "ok");
    let rows = admin.rows("task", &format!("(source: {source:?})"), "uuid").await;
    rows[0]["uuid"].as_str().expect("a key").to_owned()
}

#[apply(on_both)]
async fn numbers_keep_every_digit_wherever_json_goes(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    endpoint(&app, "exact", &receiver.url, &["task_service.resolve_task"]).await;
    app.group_with("EXACT", All, None, &["exec1", "exec2"], &["exact"]).await;
    let text = |name: &str| format!("{{\"{name}\":{NUMBERS}}}");
    let input =
        json!({ "data": text("data"), "jsonExt": text("jsonExt"), "businessStatus": text("businessStatus") });
    let task = created(&app, "exact", input).await;
    let vote = json!({
        "id": task, "businessStatus": json!({ user_id("exec1"): "APPROVED" }).to_string(), "additionalData": NUMBERS,
    });
    assert_eq!(app.user("exec1").await.outcome("resolveTask", vote).await, "ok");

    let mut admin = app.user("admin").await;
    let selection = "data businessData jsonExt businessStatus";
    let row = admin.rows("task", &format!("(id: \"{task}\")"), selection).await.remove(0);
    assert_eq!(row["data"], text("data"));
    assert_eq!(row["businessData"], text("data"));
    let holds = |value: &Value, count: usize| {
        let found = value.as_str().expect("a text").matches(NUMBERS).count();
        assert_eq!(found, count, "{value}");
    };
    holds(&row["jsonExt"], 2);
    holds(&row["businessStatus"], 1);
    for version in app.versions("task", &task, "data jsonExt").await {
        assert_eq!(version["data"], text("data"));
        assert!(version["jsonExt"].as_str().is_some_and(|ext| ext.contains(NUMBERS)), "{version}");
    }
    let event = admin.rows("taskEvents", "", "data").await.remove(0);
    // Of the task before, which has no additional data, and the task after.
    holds(&event["data"], 7);
    assert_eq!(app.module.deliver_due().await.expect("delivers"), 1);
    let [told] = receiver.received().try_into().expect("one request");
    let shown = &told.json()["data"]["task"];
    assert_eq!(shown["data"], text("data"));
    holds(&shown["jsonExt"], 2);

    let long = text("data").replace("0123,", "0124,");
    let change = json!({ "id": task, "data": long });
    assert_eq!(admin.outcome("updateTask", change).await, "ok");
    let row = admin.rows("task", &format!("(id: \"{task}\")"), "data version").await.remove(0);
    assert_eq!((&row["data"], &row["version"]), (&json!(long), &json!(3)));
    let stale = app.count(&format!(
        "SELECT count(*) FROM task_management_taskdecision WHERE task_id = '{task}' AND is_stale"
    ));
    assert_eq!(stale, 1, "a vote is on every digit");
    let same = json!({ "id": task, "data": long.replace("-7.30", "-730.000e-2") });
    assert_eq!(admin.outcome("updateTask", same).await, "ok");
    assert_eq!(app.task_row(&task).await["version"], 3, "the same value is no change");
}

#[apply(on_both)]
async fn a_file_and_a_host_keep_numbers_too(app: TestApp) {
    let file = json!({ "tasks": [{
        "id": "00000000-0000-7000-8000-0000000000c7", "isDeleted": false, "jsonExt": { "n": "NUMBERS" }, "version": 1,
        "dateCreated": "2024-01-02T03:04:05", "dateUpdated": "2024-02-03T04:05:06", "source": "file",
        "userCreated": user_id("exec1"), "userUpdated": user_id("exec2"), "status": "RECEIVED",
        "businessStatus": { "n": "NUMBERS" }, "data": { "n": "NUMBERS" }, "entityType": null, "entityId": null,
        "entityString": null, "executorActionEvent": "default", "businessEvent": null, "taskGroup": null,
        "businessDataSerializer": null,
    }]});
    let text = file.to_string();
    let exact: LoadFile = serde_json::from_str(&text.replace("\"NUMBERS\"", NUMBERS)).expect("a file");
    app.module.load(exact).await.expect("loads");
    let host = CreateTask {
        source: Some("host".to_owned()),
        data: Some(Json::parse(&format!("{{\"n\":{NUMBERS}}}")).expect("JSON")),
        ..CreateTask::default()
    };
    let task = app.task(host).await;
    let rows =
        app.user("admin").await.rows("task", "(source: \"file\")", "data jsonExt businessStatus").await;
    for field in ["data", "jsonExt", "businessStatus"] {
        assert_eq!(rows[0][field], format!("{{\"n\":{NUMBERS}}}"), "{field}");
    }
    let requester = app.module.requester("admin").await.expect("there");
    let business_status = json!({ user_id("admin"): "APPROVED" }).into();
    let input = tasks_management::ResolveTask { id: key(&task), business_status, ..Default::default() };
    assert!(app.module.tasks().resolve_task(&requester, input).await.is_err(), "nobody accepted it yet");
    assert_eq!(app.task_row(&task).await["data"], format!("{{\"n\":{NUMBERS}}}"));
    let twice = text.replacen("{\"n\":\"NUMBERS\"}", "{\"n\":1,\"n\":2}", 1);
    let error = serde_json::from_str::<LoadFile>(&twice).expect_err("a key is there twice").to_string();
    assert!(error.contains("\"n\""), "{error}");
}

#[apply(on_both)]
async fn a_vote_of_an_earlier_version_goes_on_counting(app: TestApp) {
    let group = app.group("OLD", All, &["exec1", "exec2", "exec3"]).await;
    // What an earlier version kept of `{"amount":1.50,"list":[1.0,12345678901234567890123],"more":1e300}`.
    let kept = r#"{"amount":1.5,"list":[1.0,1.2345678901234568e+22],"more":1e+300}"#;
    let hash = |text: &str| Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // Releases of serde_json differ in how they write exponents.
    let hashes = [hash(kept), hash(&kept.replace("e+", "e"))];
    let task = app
        .task(CreateTask {
            task_group_id: Some(key(&group)),
            data: Some(json!({}).into()),
            ..CreateTask::default()
        })
        .await;
    for (name, hash) in ["exec1", "exec2"].into_iter().zip(hashes) {
        assert_eq!(app.vote(name, &task, json!("APPROVED")).await, "ok");
        app.run(&format!(
            "UPDATE task_management_taskdecision SET data_hash = '{hash}' WHERE user_id = '{}'",
            user_id(name)
        ));
        app.run(&format!("UPDATE task_management_task SET data = '{kept}' WHERE id = '{task}'"));
        assert_eq!(app.status(&task).await, "ACCEPTED");
    }
    assert_eq!(app.vote("exec3", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
    let stale = app.count(&format!(
        "SELECT count(*) FROM task_management_taskdecision WHERE task_id = '{task}' AND is_stale"
    ));
    assert_eq!(stale, 0);
}

#[apply(on_both)]
async fn repeated_keys_and_numbers_without_end_are_refused_by_name(app: TestApp) {
    let group = app.group("STRICT", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let long = "9".repeat(1001);
    let twice = r#"{"a": {"b": 1, "b": 2}}"#;
    let cases = [
        ("createTask", "data", json!({})),
        ("createTask", "jsonExt", json!({})),
        ("createTask", "businessStatus", json!({})),
        ("updateTask", "data", json!({ "id": task })),
        ("resolveTask", "businessStatus", json!({ "id": task })),
        (
            "resolveTask",
            "additionalData",
            json!({ "id": task, "businessStatus": json!({ user_id("exec1"): "APPROVED" }).to_string() }),
        ),
    ];
    for (mutation, field, input) in cases {
        for (text, named) in [
            (twice.to_owned(), "b"),
            (format!("{{\"a\": [{long}]}}"), "1000"),
            ("{\"a\": [1e99999]}".to_owned(), "1000"),
        ] {
            let mut input = input.clone();
            input[field] = json!(text);
            let user = if mutation == "resolveTask" { "exec1" } else { "admin" };
            let (status, error) = app.user(user).await.mutate(mutation, input).await;
            assert_eq!((status, &error[0]["code"]), (1, &json!("VALIDATION")), "{mutation} {field} {error}");
            assert_eq!(error[0]["detail"], field);
            let message = error[0]["message"].as_str().expect("a text");
            assert!(message.contains(&format!("{field}.a")) && message.contains(named), "{message}");
        }
    }
    assert_eq!(app.status(&task).await, "ACCEPTED");
    let vote = format!("{{\"{0}\": \"FAILED\", \"{0}\": \"APPROVED\"}}", user_id("exec1"));
    let input = json!({ "id": task, "businessStatus": vote });
    assert_eq!(app.user("exec1").await.outcome("resolveTask", input).await, "VALIDATION");
}

#[apply(on_both)]
async fn numbers_with_as_many_digits_as_allowed_are_kept(app: TestApp) {
    for (number, source) in [
        ("9".repeat(1000), "integer"),
        (format!("0.{}", "7".repeat(999)), "fraction"),
        ("1e-300".to_owned(), "small"),
    ] {
        let task = created(&app, source, json!({ "data": format!("{{\"n\":{number}}}") })).await;
        let row = app.task_row(&task).await;
        let kept = Json::parse(row["data"].as_str().expect("a text")).expect("JSON");
        assert_eq!(kept["n"], Json::parse(&number).expect("a number"), "{source}");
    }
}

#[apply(on_both)]
async fn hostile_json_is_refused_by_name_or_kept_as_it_is(app: TestApp) {
    let mut admin = app.user("admin").await;
    let query = "mutation($input: CreateTaskMutationInput!) { createTask(input: $input) { internalId } }";
    let before = app.count("SELECT count(*) FROM task_management_task");
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for none in [
        r#"{"a":"\ud800"}"#,
        r#"{"\udfff\ud800":1}"#,
        "{\"a\":\"\t\"}",
        r#"{"a":"\u12"}"#,
        "[01]",
        "[+1]",
        "[1.]",
        "[.5]",
        "[1e]",
        "[--1]",
        "[NaN]",
        "[Infinity]",
        "[1,]",
        r#"{"a":1,}"#,
        "",
        "\u{feff}{}",
        "{} {}",
        &nested(128),
        &nested(200_000),
        &"[".repeat(400_000),
        &format!("{}1", "-".repeat(400_000)),
    ] {
        let answer = admin.graphql_with(query, json!({ "input": { "source": "none", "data": none } })).await;
        assert_eq!(answer.codes(), ["VALIDATION"], "{}", none.chars().take(40).collect::<String>());
        assert!(answer.text.contains("data"), "{}", answer.text);
    }
    let deep = format!("{}{{\"k\":1,\"\\u006b\":2}}{}", "[".repeat(120), "]".repeat(120));
    let many = format!("[{}1]", "1e999,".repeat(60_000));
    for (refused, why) in [
        (deep.as_str(), "The key k is there twice"),
        (many.as_str(), "without exponents"),
        (&"7".repeat(500_000), "1000"),
        (&format!("-0.{}", "0".repeat(100_000)), "1000"),
        ("1e999999", "1000"),
        ("1e-999999", "1000"),
        ("1e99999999999999999999999999", "1000"),
        (r#"{"a":"b","a":"b"}"#, "The key a is there twice"),
    ] {
        let (status, error) =
            admin.mutate("createTask", json!({ "source": "refused", "data": refused })).await;
        assert_eq!(
            (status, &error[0]["code"], &error[0]["detail"]),
            (1, &json!("VALIDATION"), &json!("data"))
        );
        let message = error[0]["message"].as_str().expect("a text");
        assert!(message.contains(why) && message.len() < 1000, "{message}");
    }
    assert_eq!(app.count("SELECT count(*) FROM task_management_task"), before);
    for (given, kept) in [
        ("-0", "0"),
        ("[-0.0,-0e5,0e-3]", "[0.0,0,0.000]"),
        ("1E2", "100"),
        (r#"{"$serde_json::private::RawValue":"[1]"}"#, r#"{"$serde_json::private::RawValue":"[1]"}"#),
        (r#"{"$serde_json::private::Number":"1"}"#, r#"{"$serde_json::private::Number":"1"}"#),
        (r#"["\ud83d\ude00","\u202e"]"#, "[\"😀\",\"\u{202e}\"]"),
        (&nested(127), &nested(127)),
    ] {
        let task = created(&app, &format!("kept {}", given.len()), json!({ "data": given })).await;
        assert_eq!(app.task_row(&task).await["data"], kept, "{given}");
        let versions = app.versions("task", &task, "data").await;
        assert_eq!(versions[0]["data"], kept, "{given}");
    }
}

#[apply(on_both)]
async fn a_host_can_give_nothing_that_could_not_be_read_again(app: TestApp) {
    let requester = app.module.requester("admin").await.expect("there");
    let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    for (depth, is_kept) in [(127, true), (128, false), (400, false)] {
        let input = CreateTask {
            source: Some("host".to_owned()),
            data: Some(nested(depth).into()),
            ..CreateTask::default()
        };
        let made = app.module.tasks().create(&requester, input).await;
        assert_eq!(made.is_ok(), is_kept, "{depth}");
    }
    assert_eq!(app.user("admin").await.rows("task", "(source: \"host\")", "data").await.len(), 1);
}

#[apply(on_both)]
async fn a_vote_is_on_every_digit_even_behind_the_services(app: TestApp) {
    let group = app.group("DIGITS", All, &["exec1", "exec2"]).await;
    let data = |text: &str| Json::parse(text).expect("JSON");
    let input = CreateTask {
        task_group_id: Some(key(&group)),
        data: Some(data(r#"{"n":0.1}"#)),
        ..CreateTask::default()
    };
    let task = app.task(input).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    let change = r#"{"n":0.1000000000000000001}"#;
    app.run(&format!("UPDATE task_management_task SET data = '{change}' WHERE id = '{task}'"));
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "ACCEPTED", "the first vote was on another number");
}
