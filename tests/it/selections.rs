//! Selected fields are executed once, and answered in the order that the specification says.

use serde_json::{Value, json};

use crate::support::{Client, TestApp, apply, on_both};

const TASK: &str = "VGFza0dRTFR5cGU6MDAwMDAwMDAtMDAwMC03MDAwLWEwMDAtMDAwMDAwMDAwMDAz";
const GROUP: &str = "VGFza0dyb3VwR1FMVHlwZTowMDAwMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDE=";

fn tasks(app: &TestApp) -> i64 {
    app.number("SELECT count(*) AS value FROM task_management_task")
}

/// The answer's `data` as it was written, letter for letter.
async fn written(client: &mut Client, query: &str, variables: Value) -> String {
    let answer = client.graphql_with(query, variables).await;
    assert!(answer.body.get("errors").is_none(), "{query}: {}", answer.text);
    let text = answer.text.strip_prefix(r#"{"data":"#).and_then(|text| text.strip_suffix('}'));
    text.unwrap_or_else(|| panic!("{}", answer.text)).to_owned()
}

#[apply(on_both)]
async fn a_mutation_that_is_selected_twice_under_one_name_runs_once(app: TestApp) {
    let mut client = app.user("admin").await;
    let twice = [
        r#"mutation { createTask(input: { source: "A" }) { internalId } createTask(input: { source: "A" }) { clientMutationId } }"#,
        r#"mutation { ...F ...F ... on Mutation { createTask(input: { source: "A" }) { clientMutationId } } }
           fragment F on Mutation { createTask(input: { source: "A" }) { internalId } }"#,
        r"mutation($s: String) { createTask(input: { source: $s }) { internalId } ... { createTask(input: { source: $s }) { clientMutationId } } }",
    ];
    for query in twice {
        let before = tasks(&app);
        let answer = client
            .graphql_with(query, if query.contains("$s") { json!({ "s": "A" }) } else { json!({}) })
            .await;
        let payload = answer.data("createTask").as_object().expect("an object");
        assert!(
            payload["internalId"].is_string() && payload.contains_key("clientMutationId"),
            "{}",
            answer.text
        );
        assert_eq!(tasks(&app), before + 1, "{query}");
    }
    let before = tasks(&app);
    let aliases = r#"mutation { a: createTask(input: { source: "A" }) { internalId } b: createTask(input: { source: "A" }) { internalId } }"#;
    client.graphql(aliases).await.data("b");
    assert_eq!(tasks(&app), before + 2, "two names are two mutations");
}

#[apply(on_both)]
async fn a_list_that_is_selected_twice_is_read_once(app: TestApp) {
    let counted = app.counted_process();
    let mut client = counted.user("admin").await;
    counted.statements();
    let once = "{ task(first: 3) { edges { node { uuid source } } } }";
    let expected = client.graphql(once).await.data("task").clone();
    let statements = counted.statements();
    assert!(!statements.is_empty());
    let twice = "{ task(first: 3) { edges { node { uuid } } } ...F }
        fragment F on Query { task(first: 3) { ...G } ... on Query { task(first: 3) { edges { node { uuid source } } } } }
        fragment G on TaskGQLTypeConnection { edges { node { source } } }";
    assert_eq!(*client.graphql(twice).await.data("task"), expected);
    assert_eq!(counted.statements(), statements);
}

#[apply(on_both)]
async fn fields_that_cannot_be_merged_are_refused(app: TestApp) {
    let mut client = app.user("admin").await;
    let before = tasks(&app);
    for query in [
        r#"mutation { createTask(input: { source: "A" }) { internalId } createTask(input: { source: "B" }) { internalId } }"#,
        "{ task(first: 1) { totalCount } task(first: 2) { totalCount } }",
        "{ task(first: 1) { totalCount } task { totalCount } }",
        "{ task { edges { node { a: source } } } task { edges { node { a: status } } } }",
        "{ task { edges { node { a: source } ...F } } } fragment F on TaskGQLTypeEdge { node { a: uuid } }",
        "query($a: Int, $b: Int) { task(first: $a) { totalCount } task(first: $b) { totalCount } }",
        "{ user { username } ...F } fragment F on Query { user: task { totalCount } }",
        "{ node(id: \"x\") { ... on TaskGQLType { a: version } ... on TaskGroupGQLType { a: code } } }",
        "{ node(id: \"x\") { ... on TaskGQLType { a: taskGroup { x: code } } ... on TaskExecutorGQLType { a: taskGroup { x: version } } } }",
    ] {
        let answer = client.graphql(query).await;
        assert_eq!(
            (answer.status.as_u16(), answer.codes()),
            (400, vec!["VALIDATION"]),
            "{query}: {}",
            answer.text
        );
        assert_eq!(
            answer.body["errors"][0]["locations"].as_array().map(Vec::len),
            Some(2),
            "{}",
            answer.text
        );
        assert!(answer.body.get("data").is_none());
    }
    assert_eq!(tasks(&app), before);
    let fine = "{ node(id: \"x\") { ... on TaskGQLType { a: dateCreated } ... on TaskGroupGQLType { a: dateUpdated } } }";
    assert!(client.graphql(fine).await.codes().is_empty(), "objects of two types never meet");
}

#[apply(on_both)]
async fn an_empty_selection_is_an_empty_object(app: TestApp) {
    let mut client = app.user("admin").await;
    let group = format!(r#"{{ node(id: "{GROUP}") {{ ... on TaskGQLType {{ source }} }} }}"#);
    let unknown = r#"{ node(id: "x") { ... on TaskGQLType { source } } }"#;
    let cases: [(&str, Value, &str); 9] = [
        ("{ user { username @skip(if: true) } }", json!({}), r#"{"user":{}}"#),
        ("query($s: Boolean!) { user @skip(if: $s) { username } }", json!({ "s": true }), "{}"),
        ("query($s: Boolean = true) { user @skip(if: $s) { username } }", json!({}), "{}"),
        (
            "{ task(first: 2) { edges { node { id @include(if: false) } } } }",
            json!({}),
            r#"{"task":{"edges":[{"node":{}},{"node":{}}]}}"#,
        ),
        (
            "{ task(first: 1) { edges { ... @skip(if: true) { cursor } } } }",
            json!({}),
            r#"{"task":{"edges":[{}]}}"#,
        ),
        (
            "{ ...F @skip(if: true) user { username } } fragment F on Query { task { totalCount } }",
            json!({}),
            r#"{"user":{"username":"admin"}}"#,
        ),
        (&group, json!({}), r#"{"node":{}}"#),
        (unknown, json!({}), r#"{"node":null}"#),
        (
            r"mutation { createTask(input: {}) { internalId @skip(if: true) } }",
            json!({}),
            r#"{"createTask":{}}"#,
        ),
    ];
    for (query, variables, expected) in cases {
        assert_eq!(written(&mut client, query, variables).await, expected, "{query}");
    }
}

#[apply(on_both)]
async fn keys_come_in_the_order_of_the_document(app: TestApp) {
    let mut client = app.user("admin").await;
    let answer = written(
        &mut client,
        "{ b: user { iUser { lastName } username __typename } a: __typename task(first: 1) { edges { node { userCreated { username id } source ...F } cursor } totalCount } user { username } }
         fragment F on TaskGQLType { zz: uuid taskGroup { code } aa: version source }",
        json!({}),
    )
    .await;
    let at = |key: &str| answer.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key} in {answer}"));
    let order = [
        "b",
        "iUser",
        "lastName",
        "a",
        "task",
        "edges",
        "node",
        "userCreated",
        "source",
        "zz",
        "taskGroup",
        "aa",
        "cursor",
        "totalCount",
        "user",
    ];
    let places: Vec<usize> = order.iter().map(|key| at(key)).collect();
    assert!(places.is_sorted(), "{answer}");
    let node = format!(
        r#"{{ node(id: "{TASK}") {{ ... on TaskGQLType {{ taskGroup {{ code }} source }} id ... on TaskGroupGQLType {{ id }} __typename }} }}"#
    );
    let answer = written(&mut client, &node, json!({})).await;
    let at = |key: &str| answer.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key} in {answer}"));
    assert!(["taskGroup", "source", "id", "__typename"].map(at).is_sorted(), "{answer}");
}

#[apply(on_both)]
async fn keys_keep_their_order_where_fields_fail(app: TestApp) {
    let mut client = app.user("norights").await;
    let answer = client
        .graphql("{ z: task { totalCount } user { username } a: taskGroup { totalCount } __typename }")
        .await;
    assert_eq!(answer.codes(), ["FORBIDDEN", "FORBIDDEN"], "{}", answer.text);
    let data = r#""data":{"z":null,"user":{"username":"norights"},"a":null,"__typename":"Query"}"#;
    assert!(answer.text.contains(data), "{}", answer.text);
    let all = client.graphql("{ z: task { totalCount } a: taskGroup { totalCount } }").await;
    assert!(all.text.contains(r#""data":{"z":null,"a":null}"#), "{}", all.text);
}

#[apply(on_both)]
async fn a_variable_without_a_value_is_an_argument_that_was_not_given(app: TestApp) {
    let mut client = app.user("admin").await;
    let query = "query($f: Int, $s: String) { task(first: $f, source: $s) { totalCount edgeCount } }";
    let all = client.graphql("{ task { totalCount edgeCount } }").await.data("task").clone();
    assert_eq!(*client.graphql_with(query, json!({})).await.data("task"), all);
    assert_eq!(client.graphql_with(query, json!({ "f": 1 })).await.data("task")["edgeCount"], 1);
}
