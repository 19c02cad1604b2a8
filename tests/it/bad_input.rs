//! Wrong requests and wrong values are refused clearly and leave nothing behind.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, Client, apply, on_both};

const TASK: &str = "00000000-0000-7000-a000-000000000003";
const GROUP: &str = "00000000-0000-7000-8000-000000000001";

/// Checks that a request is refused with the client's fault named, in a form that programs can read.
pub fn assert_refused(answer: &Answer, what: &str) {
    let what: String = what.chars().take(200).collect();
    let text: String = answer.text.chars().take(500).collect();
    assert!(answer.status.as_u16() < 500, "{what}: {} {text}", answer.status);
    assert!(!answer.codes().is_empty(), "{what}: no errors in {text}");
    for code in answer.codes() {
        assert!(
            ["VALIDATION", "LIMIT", "FORBIDDEN", "NOT_FOUND", "CONFLICT", "UNAUTHENTICATED"].contains(&code),
            "{what}: {text}"
        );
    }
    assert!(!answer.message().is_empty(), "{what}: {text}");
    assert!(answer.text.len() < 100_000, "{what}: the answer has {} bytes", answer.text.len());
}

/// Checks that each text is refused in each variable.
async fn assert_all_refused(client: &mut Client, documents: &[(&str, Value)]) {
    for (query, variables) in documents {
        let answer = client.graphql_with(query, variables.clone()).await;
        assert_refused(&answer, &format!("{query} {variables}"));
    }
}

#[apply(on_both)]
async fn what_is_no_request_is_refused(app: TestApp) {
    let mut client = app.user("admin").await;
    let before = app.row_counts();
    let bodies = [
        "",
        " ",
        "{",
        "nonsense",
        "{\"query\":",
        "\u{0}",
        "null",
        "1",
        "\"{ task { totalCount } }\"",
        "{}",
        r#"{"query": null}"#,
        r#"{"query": 1}"#,
        r#"{"query": ""}"#,
        r#"{"query": " \n"}"#,
        r#"{"query": ["{ user { id } }"]}"#,
        r#"{"query": "{ user { id } }", "variables": [1]}"#,
        r#"{"query": "{ user { id } }", "variables": "x"}"#,
        r#"{"query": "{ user { id } }", "operationName": 1}"#,
        r#"{"query": "{ user { id } }", "operationName": "other"}"#,
        r#"{"query": "query A { user { id } } query B { user { id } }"}"#,
        r#"{"query": "{ user { id } }"} trailing"#,
        r#"{"query": "{ user { id } }", "variables": {"a": 1e999}}"#,
        r#"{"query": "\ud800"}"#,
        "[]",
        "[{}]",
        r#"{"query": "fragment F on Query { user { id } }"}"#,
        r#"{"query": "{"}"#,
        r#"{"query": "\u0000"}"#,
        r#"{"query": "subscription { user { id } }"}"#,
        r#"{"query": "query { user { id } } { user { id } }"}"#,
    ];
    for body in bodies {
        let answer = client.send("POST", "/api/graphql", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {}", answer.text);
        assert_refused(&answer, body);
    }
    let answer = client.send("POST", "/api/graphql", vec![0xff_u8, 0xfe, b'{']).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json", ""]
    {
        client.headers = vec![("content-type".to_owned(), kind.to_owned())];
        let answer = client.graphql("{ user { id } }").await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
        assert_refused(&answer, kind);
    }
    client.headers.clear();
    let long = format!("{{ task(entityString_Icontains: \"{}\") {{ totalCount }} }}", "x".repeat(3 << 20));
    let answer = client.graphql(&long).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_refused(&answer, "an oversized body");
    assert_eq!(answer.codes(), ["LIMIT"]);
    assert_eq!(app.row_counts(), before);
}

#[apply(on_both)]
async fn unknown_names_and_wrong_values_are_refused(app: TestApp) {
    let mut client = app.user("admin").await;
    let before = app.row_counts();
    let literals = [
        "{ nonsense }",
        "{ task { nonsense } }",
        "{ task(nonsense: 1) { totalCount } }",
        "{ task }",
        "{ task { totalCount { x } } }",
        "{ user { id } ...Nowhere }",
        "query($a: Nonsense) { user { id } }",
        "query($a: Int) { user { id } }",
        "{ task(first: $undefined) { totalCount } }",
        "{ user @nonsense { id } }",
        r#"{ task(first: "x") { totalCount } }"#,
        "{ task(first: 1.5) { totalCount } }",
        "{ task(first: true) { totalCount } }",
        "{ task(id: 5) { totalCount } }",
        r#"{ task(id: "xxx") { totalCount } }"#,
        "{ task(id: [1]) { totalCount } }",
        r#"{ task(taskGroupId: "xxx") { totalCount } }"#,
        r#"{ task(groupId: "xxx") { totalCount } }"#,
        r#"{ task(entityIds: ["xxx"]) { totalCount } }"#,
        r#"{ task(entityType: "xxx") { totalCount } }"#,
        r#"{ task(id: "VGFza0dyb3VwR1FMVHlwZTowMDAwMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDE=") { totalCount } }"#,
        "{ task(status: NONSENSE) { totalCount } }",
        r#"{ task(status: "NONSENSE") { totalCount } }"#,
        "{ taskGroup(completionPolicy: MOST) { totalCount } }",
        "{ task(isDeleted: 1) { totalCount } }",
        r#"{ task(isDeleted: "true") { totalCount } }"#,
        "{ task(version: 1e10) { totalCount } }",
        "{ task(version: 99999999999) { totalCount } }",
        "{ task(source: 1) { totalCount } }",
        r#"{ task(dateCreated_Gte: "yesterday") { totalCount } }"#,
        "{ task(dateCreated_Gte: 5) { totalCount } }",
        r#"{ task(dateCreated_Gte: "+99999-01-01T00:00:00") { totalCount } }"#,
        r#"{ task(dateCreated_Gte: "-0001-01-01T00:00:00") { totalCount } }"#,
        r#"{ task(dateCreated_Gte: "9999-12-31T23:59:59-05:00") { totalCount } }"#,
        "{ node }",
        "{ node(id: null) { id } }",
    ];
    let literals: Vec<_> = literals.iter().map(|query| (*query, json!({}))).collect();
    assert_all_refused(&mut client, &literals).await;
    let by_variable = [
        ("query($s: TaskStatus) { task(status: $s) { totalCount } }", json!({"s": "NONSENSE"})),
        ("query($s: TaskStatus) { task(status: $s) { totalCount } }", json!({"s": 1})),
        ("query($s: TaskStatus) { task(status: $s) { totalCount } }", json!({"s": {"a": 1}})),
        ("query($n: Int) { task(first: $n) { totalCount } }", json!({"n": "1"})),
        ("query($n: Int) { task(first: $n) { totalCount } }", json!({"n": 4_294_967_297_i64})),
        ("query($n: Int) { task(first: $n) { totalCount } }", json!({"n": 1e30})),
        ("query($n: String) { task(first: $n) { totalCount } }", json!({"n": "1"})),
        ("query($i: ID) { task(id: $i) { totalCount } }", json!({"i": ["x"]})),
        ("query($i: ID!) { task(id: $i) { totalCount } }", json!({})),
        ("query($i: ID!) { task(id: $i) { totalCount } }", json!({"i": null})),
        ("query($i: [UUID]) { task(entityIds: $i) { totalCount } }", json!({"i": ["x"]})),
        ("query($o: [String]) { task(orderBy: $o) { totalCount } }", json!({"o": [1]})),
        ("query($o: [String]) { task(orderBy: $o) { totalCount } }", json!({"o": ["nonsense"]})),
        ("query($o: [String]) { task(orderBy: $o) { totalCount } }", json!({"o": ["--id"]})),
        ("query($o: [String]) { task(orderBy: $o) { totalCount } }", json!({"o": [""]})),
        ("query($d: DateTime) { task(dateCreated: $d) { totalCount } }", json!({"d": "2024-13-01T00:00:00"})),
    ];
    assert_all_refused(&mut client, &by_variable).await;
    assert_eq!(app.row_counts(), before);
}

#[apply(on_both)]
async fn malformed_inputs_of_mutations_are_graphql_errors(app: TestApp) {
    let mut client = app.user("admin").await;
    let before = app.row_counts();
    let mutations = [
        ("createTaskGroup", json!({"completionPolicy": "ALL"})),
        ("createTaskGroup", json!({"code": null, "completionPolicy": "ALL"})),
        ("createTaskGroup", json!({"code": "X", "completionPolicy": "MOST"})),
        ("createTaskGroup", json!({"code": "X", "completionPolicy": "ALL", "nonsense": 1})),
        ("createTaskGroup", json!({"code": 5, "completionPolicy": "ALL"})),
        ("createTaskGroup", json!({"code": "X", "completionPolicy": "ALL", "userIds": ["xxx"]})),
        ("createTaskGroup", json!({"code": "X", "completionPolicy": "N", "threshold": 4_294_967_297_i64})),
        ("createTask", json!({"data": "{"})),
        ("createTask", json!({"data": {"a": 1}})),
        ("createTask", json!({"data": "\"\\ud800\""})),
        ("createTask", json!({"taskGroupId": "xxx"})),
        ("updateTask", json!({"id": "xxx"})),
        ("updateTask", json!({"id": TASK, "status": "RECEIVED"})),
        ("updateTask", json!({"id": "VGFza0dRTFR5cGU6eHh4"})),
        ("deleteTask", json!({"ids": [5]})),
        ("resolveTask", json!({"id": TASK, "businessStatus": "{"})),
        ("resolveTask", json!({"id": TASK})),
        ("changeUserLanguage", json!({})),
        ("changeMailFrequency", json!({})),
        ("changeMailFrequency", json!({"frequency": "NEVER"})),
        ("createTask", json!({"clientMutationId": "x".repeat(256)})),
        ("createTask", json!({"clientMutationId": "x\0"})),
        ("createTask", json!({"clientMutationLabel": "x".repeat(256)})),
        ("createTask", json!({"clientMutationLabel": "\0"})),
        ("createTask", json!({"clientMutationDetails": ["fine", "\0"]})),
        ("createTask", json!({"clientMutationDetails": ["x".repeat(4_000), "x".repeat(4_193)]})),
        ("createTask", json!({"mutationExtensions": "{"})),
    ];
    for (name, input) in mutations {
        let ty = format!("{}{}MutationInput", name[..1].to_uppercase(), &name[1..]);
        let query = format!("mutation($i: {ty}!) {{ {name}(input: $i) {{ internalId }} }}");
        let answer = client.graphql_with(&query, json!({ "i": input })).await;
        assert_refused(&answer, &format!("{name} {input}"));
    }
    for query in [
        "mutation { createTaskGroup(input: { code: \"X\", completionPolicy: MOST }) { internalId } }",
        "mutation { createTaskGroup(input: { code: \"X\", completionPolicy: \"MOST\" }) { internalId } }",
        "mutation { createTaskGroup { internalId } }",
        "mutation { createTaskGroup(input: 5) { internalId } }",
        "mutation { createTaskGroup(input: null) { internalId } }",
        "mutation { updateTask(input: { id: 5 }) { internalId } }",
    ] {
        assert_refused(&client.graphql(query).await, query);
    }
    assert_eq!(app.row_counts(), before);
}

#[apply(on_both)]
async fn pages_that_cannot_be_are_refused(app: TestApp) {
    let mut client = app.user("admin").await;
    let lists = [
        "task",
        "taskHistory",
        "taskGroup",
        "taskGroupHistory",
        "taskExecutor",
        "taskExecutorHistory",
        "mutationLogs",
        "role",
        "users",
        "taskFlow",
        "taskFlowHistory",
        "taskDecision",
    ];
    for list in lists {
        for paging in [
            "first: -1",
            "last: -1",
            "offset: -1",
            "first: 2147483648",
            "last: 99999999999",
            "offset: 99999999999999999999",
            "first: -2147483648",
            "first: 2147483647",
            "last: 2147483647",
            r#"after: "xxx""#,
            r#"before: "xxx""#,
            r#"after: "YXJyYXljb25uZWN0aW9uOjk=""#,
            r#"before: "\u0000""#,
            r#"after: "K2lkClsxLjVd""#,
            r#"after: "K2lkCltudWxsLG51bGxd""#,
        ] {
            let query = format!("{{ {list}({paging}) {{ totalCount edges {{ cursor }} }} }}");
            assert_refused(&client.graphql(&query).await, &query);
        }
        let query = format!("{{ {list}(offset: 2147483647) {{ totalCount edges {{ cursor }} }} }}");
        assert_eq!(client.graphql(&query).await.data(list)["edges"], json!([]), "{list}");
        let query = format!("{{ {list}(first: 0) {{ edges {{ cursor }} }} }}");
        assert_eq!(client.graphql(&query).await.data(list)["edges"], json!([]), "{list}");
    }
}

#[apply(on_both)]
async fn votes_that_must_not_count_leave_the_task_as_it_was(app: TestApp) {
    let id_of = |name: &str| {
        app.text(&format!("SELECT CAST(id AS text) AS value FROM core_user WHERE username = '{name}'"))
    };
    let (own, other) = (id_of("exec1"), id_of("exec2"));
    let mut client = app.user("exec1").await;
    let before = app.row_counts();
    let vote = |task: &str, user: &str, value: Value| json!({ "id": task, "businessStatus": json!({ user: value }).to_string() });
    let votes = [
        (vote(TASK, &other, json!("APPROVED")), "VALIDATION"),
        (vote(TASK, "nobody", json!("APPROVED")), "VALIDATION"),
        (vote(TASK, &own, json!("MAYBE")), "VALIDATION"),
        (vote(TASK, &own, json!(null)), "VALIDATION"),
        (vote(TASK, &own, json!({"ACCEPT": [""]})), "VALIDATION"),
        (vote(TASK, &own, json!({"ACCEPT": [], "REJECT": []})), "VALIDATION"),
        (vote(TASK, &own, json!({"ACCEPT": ["\0"]})), "VALIDATION"),
        (
            json!({ "id": TASK, "businessStatus": json!({ &own: "APPROVED", &other: "APPROVED" }).to_string() }),
            "VALIDATION",
        ),
        (json!({ "id": TASK, "businessStatus": "{}" }), "VALIDATION"),
        (json!({ "id": TASK, "businessStatus": "[]" }), "VALIDATION"),
        (json!({ "id": TASK, "businessStatus": "null" }), "VALIDATION"),
        (vote("00000000-0000-7000-a000-00000000000a", &own, json!("FAILED")), "CONFLICT"),
        (vote("00000000-0000-7000-a000-00000000000b", &own, json!("APPROVED")), "CONFLICT"),
        (vote("00000000-0000-7000-a000-00000000000c", &own, json!("APPROVED")), "NOT_FOUND"),
        (vote(GROUP, &own, json!("APPROVED")), "NOT_FOUND"),
    ];
    let count = i64::try_from(votes.len()).expect("few");
    for (input, code) in votes {
        let (status, error) = client.mutate("resolveTask", input.clone()).await;
        assert_eq!((status, &error[0]["code"]), (1, &json!(code)), "{input} {error}");
    }
    for ((table, then), (_, now)) in before.iter().zip(app.row_counts()) {
        let more = if *table == "core_mutationlog" { count } else { 0 };
        assert_eq!(now, then + more, "{table}");
    }
    let mut stranger = app.user("norights").await;
    let (status, error) = stranger.mutate("resolveTask", json!({ "id": TASK, "businessStatus": "{}" })).await;
    assert_eq!(status, 1, "{error}");
}
