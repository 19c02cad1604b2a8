//! Documents and variables that make no sense are refused before anything is executed, in the reader's language.

use serde_json::{Value, json};

use crate::support::{Answer, apply, on_both};

fn assert_invalid(answer: &Answer, what: &str) {
    assert_eq!(answer.status.as_u16(), 400, "{what}: {}", answer.text);
    assert!(
        !answer.codes().is_empty() && answer.codes().iter().all(|code| *code == "VALIDATION"),
        "{what}: {}",
        answer.text
    );
    assert!(answer.body.get("data").is_none(), "{what}: {}", answer.text);
}

/// A document for each rule of the specification's section 5, and a piece of its refusal's text.
const RULES: &[(&str, &str)] = &[
    ("{ nope }", "`nope`"),
    ("{ task { nope } }", "TaskGQLTypeConnection"),
    ("{ task }", "needs a selection"),
    ("{ user { username { x } } }", "no fields to select"),
    ("{ task(nope: 1) { totalCount } }", "`nope`"),
    ("{ __typename(nope: 1) }", "`nope`"),
    ("{ task(first: 1, first: 2) { totalCount } }", "more than once"),
    ("mutation { createTask { internalId } }", "needs the argument `input`"),
    ("{ user @skip { username } }", "needs the argument `if`"),
    ("{ user @nope { username } }", "@nope"),
    ("query @skip(if: true) { user { username } }", "may not stand here"),
    ("{ user @skip(if: false) @skip(if: false) { username } }", "more than once"),
    ("{ ...F } fragment F on Nope { a }", "no type Nope"),
    ("{ ...F } fragment F on DateTime { a }", "DateTime"),
    ("{ ... on TaskStatus { a } }", "TaskStatus"),
    ("{ user { ... on TaskGQLType { id } } }", "match nothing"),
    ("{ user { username } } fragment F on Query { user { id } }", "`F` is not used"),
    ("{ ...F }", "no fragment `F`"),
    ("{ ...F } fragment F on Query { ...F }", "spreads itself"),
    ("query($a: Int, $a: Int) { task(first: $a) { totalCount } }", "more than once"),
    ("query($a: Int) { user { username } }", "`$a` is not used"),
    ("{ task(first: $a) { totalCount } }", "`$a` is not defined"),
    ("{ ...F } fragment F on Query { task(first: $a) { totalCount } }", "`$a` is not defined"),
    ("query($a: Nope) { user { username } }", "no type Nope"),
    ("query($v: [Nope] = [1]) { __typename }", "no type Nope"),
    ("query($v: [[Nope!]!]) { __typename }", "no type Nope"),
    ("query($a: TaskGQLType) { user { username } }", "TaskGQLType"),
    ("query($a: Query = { a: 1 }) { __typename }", "Query"),
    ("query($a: Int = \"x\") { task(first: $a) { totalCount } }", "`a` must be of the type Int"),
    ("query($a: Int! = null) { task(first: $a) { totalCount } }", "Int!"),
    ("query($a: TaskStatus = \"ACCEPTED\") { task(status: $a) { totalCount } }", "TaskStatus"),
    ("query($a: String) { task(first: $a) { totalCount } }", "of the type String stands where Int"),
    ("query($a: ID) { task(source: $a) { totalCount } }", "of the type ID stands where String"),
    ("query($a: [UUID]) { task(id: $a) { totalCount } }", "of the type [UUID] stands where ID"),
    (
        "query($a: [String]) { task(entityIds: $a) { totalCount } }",
        "of the type [String] stands where [UUID]",
    ),
    ("query($a: Boolean) { user @skip(if: $a) { username } }", "of the type Boolean stands where Boolean!"),
    ("query($a: ID) { node(id: $a) { id } }", "of the type ID stands where ID!"),
    (
        "mutation($a: UUID) { updateTask(input: { id: $a }) { internalId } }",
        "of the type UUID stands where UUID!",
    ),
    (
        "query($a: Int) { ...F } fragment F on Query { task(source: $a) { totalCount } }",
        "stands where String",
    ),
    ("{ task(status: \"ACCEPTED\") { totalCount } }", "`status` must be of the type TaskStatus"),
    ("{ task(status: NOPE) { totalCount } }", "RECEIVED, ACCEPTED, COMPLETED, FAILED"),
    ("{ task(source: ACCEPTED) { totalCount } }", "`source` must be of the type String"),
    ("{ task(first: \"1\") { totalCount } }", "`first` must be of the type Int"),
    ("{ task(first: 1.5) { totalCount } }", "`first` must be of the type Int"),
    ("{ task(isDeleted: 1) { totalCount } }", "`isDeleted` must be of the type Boolean"),
    ("{ task(entityIds: [\"00000000-0000-7000-8000-000000000002\", 1]) { totalCount } }", "`entityIds.1`"),
    ("{ task(dateCreated: \"2024-13-01T00:00:00\") { totalCount } }", "`dateCreated`"),
    ("mutation { createTask(input: { source: \"a\", nope: 1 }) { internalId } }", "`input.nope`"),
    ("mutation { createTask(input: 1) { internalId } }", "`input`"),
    (
        "mutation { createTask(input: { source: \"a\", source: \"b\" }) { internalId } }",
        "`source` is given more than once",
    ),
    ("mutation { updateTask(input: { status: COMPLETED }) { internalId } }", "`input.id`"),
    ("subscription { user { username } }", "subscription"),
    ("query A { __typename } query A { __typename }", "two operations"),
    ("{ ...F } fragment F on Query { __typename } fragment F on Query { __typename }", "two fragments"),
    ("{ __typename } query A { __typename }", "must be the only one"),
    ("{ task( ) { totalCount } }", "`)` is not expected in line 1, column 9"),
    ("{ }", "not expected"),
    ("{\n task {", "ends too early (line 2, column 8)"),
    ("{ task(source: \"x) { totalCount } }", "does not end"),
    ("{ task(source: \"\\ud83d\") { totalCount } }", "escape"),
    ("{ task(source: \"\\ude00\\ud83d\") { totalCount } }", "escape"),
    ("{ task(source: \"\\x\") { totalCount } }", "escape"),
    ("{ task(first: 01) { totalCount } }", "number"),
    ("{ task(first: 1e999) { totalCount } }", "number"),
    ("{ task(first: 1x) { totalCount } }", "number"),
    ("{ usér { id } }", "`é` is not expected in line 1, column 5"),
    ("query($a: Int = $b) { task(first: $a) { totalCount } }", "can hold no variable"),
];

#[apply(on_both)]
async fn every_rule_of_validation_is_kept(app: TestApp) {
    let mut client = app.user("admin").await;
    let before = app.row_counts();
    for (query, piece) in RULES {
        let answer = client
            .post(json!({ "query": query, "operationName": query.starts_with("query A").then_some("A") }))
            .await;
        assert_invalid(&answer, query);
        assert!(answer.message().contains(piece), "{query}: {}", answer.message());
    }
    assert_eq!(app.row_counts(), before);
}

#[apply(on_both)]
async fn every_refusal_of_a_document_is_in_french_for_french_readers(app: TestApp) {
    let mut client = app.user("admin").await;
    let english = refusals(&mut client).await;
    let change = r#"mutation { changeUserLanguage(input: { languageId: "fr" }) { internalId } }"#;
    client.graphql(change).await.data("changeUserLanguage");
    let french = refusals(&mut client).await;
    for ((english, french), (query, _)) in english.iter().zip(&french).zip(RULES) {
        assert_ne!(english, french, "{query}");
    }
}

async fn refusals(client: &mut crate::support::Client) -> Vec<String> {
    let mut texts = Vec::new();
    for (query, _) in RULES {
        let answer = client
            .post(json!({ "query": query, "operationName": query.starts_with("query A").then_some("A") }))
            .await;
        texts.push(answer.message().to_owned());
    }
    texts
}

#[apply(on_both)]
async fn values_of_variables_are_checked_before_anything_is_executed(app: TestApp) {
    let mut client = app.user("admin").await;
    let before = app.row_counts();
    let first = "query($a: Int! = 1) { task(first: $a) { edgeCount } }";
    assert_eq!(client.graphql_with(first, json!({})).await.data("task")["edgeCount"], 1);
    let create = "mutation($a: CreateTaskMutationInput!) { createTask(input: $a) { internalId } }";
    let cases: [(&str, Value); 12] = [
        (first, json!({ "a": null })),
        (first, json!({ "a": "1" })),
        (first, json!({ "a": 1.5 })),
        ("query($a: Int!) { task(first: $a) { edgeCount } }", json!({})),
        ("query($a: TaskStatus) { task(status: $a) { edgeCount } }", json!({ "a": "NOPE" })),
        ("query($a: TaskStatus) { task(status: $a) { edgeCount } }", json!({ "a": 1 })),
        ("query($a: Boolean!) { user @skip(if: $a) { id } }", json!({ "a": null })),
        ("query($a: Boolean!) { user @skip(if: $a) { id } }", json!({ "a": "true" })),
        (create, json!({ "a": { "nope": 1 } })),
        (create, json!({ "a": [1] })),
        (create, json!({ "a": { "source": 1 } })),
        ("mutation($a: UUID!) { updateTask(input: { id: $a }) { internalId } }", json!({ "a": "zz" })),
    ];
    for (query, variables) in cases {
        let answer = client.graphql_with(query, variables.clone()).await;
        assert_invalid(&answer, &format!("{query} {variables}"));
        assert!(!answer.message().is_empty());
    }
    assert_eq!(app.row_counts(), before);
    let enums = "query($a: TaskStatus) { task(status: $a) { totalCount } }";
    let by_variable = client.graphql_with(enums, json!({ "a": "ACCEPTED" })).await.data("task").clone();
    assert_eq!(*client.graphql("{ task(status: ACCEPTED) { totalCount } }").await.data("task"), by_variable);
}

#[apply(on_both)]
async fn a_number_that_no_int_holds_is_refused_with_the_argument_and_the_range(app: TestApp) {
    let group = app.group("BIG", tasks_management::CompletionPolicy::Any, &["exec1"]).await;
    let before = app.row_counts();
    let create = "mutation($a: CreateTaskGroupMutationInput!) { createTaskGroup(input: $a) { internalId } }";
    let group_with = |more: Value| {
        let mut input = json!({ "code": "NEW", "completionPolicy": "ANY" });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({ "a": input })
    };
    let role = "mutation($a: CreateRoleMutationInput!) { createRole(input: $a) { internalId } }";
    let cases: [(&str, Value, &str); 13] = [
        ("{ task(first: 2147483648) { edgeCount } }", json!({}), "first"),
        ("{ task(first: 99999999999999999999) { edgeCount } }", json!({}), "first"),
        ("{ task(priority_Gte: -2147483649) { edgeCount } }", json!({}), "priority_Gte"),
        (
            "query($a: Int) { task(first: $a) { edgeCount } }",
            json!({ "a": 9_007_199_254_740_993_i64 }),
            "first",
        ),
        ("query($a: Int) { task(first: $a) { edgeCount } }", json!({ "a": u64::MAX }), "a"),
        (
            "query($a: Int) { taskAssignmentTargets(first: $a) { code } }",
            json!({ "a": 2_147_483_648_i64 }),
            "first",
        ),
        (
            "{ taskGroup { edges { node { taskexecutorSet(first: 3000000000) { edgeCount } } } } }",
            json!({}),
            "first",
        ),
        (
            "query { ...F } fragment F on Query { users(roles: [1, 3000000000]) { edgeCount } }",
            json!({}),
            "roles.1",
        ),
        (create, group_with(json!({ "leadTimeSeconds": 3_000_000_000_i64 })), "input.leadTimeSeconds"),
        (create, group_with(json!({ "threshold": -3_000_000_000_i64 })), "input.threshold"),
        (
            create,
            group_with(
                json!({ "escalations": [{ "at": "AFTER_DUE", "action": "FAIL", "offsetSeconds": 1e18 }] }),
            ),
            "a.escalations.0.offsetSeconds",
        ),
        (role, json!({ "a": { "name": "R", "rightsId": [191_001, 4_294_967_297_i64] } }), "input.rightsId.1"),
        (
            "mutation { updateTask(input: { id: \"00000000-0000-7000-8000-000000000001\", expectedVersion: 2147483648 }) { internalId } }",
            json!({}),
            "input.expectedVersion",
        ),
    ];
    let mut admin = app.user("admin").await;
    let mut french = app.user("exec1").await;
    french.outcome("changeUserLanguage", json!({ "languageId": "fr" })).await;
    let before: Vec<_> = before.into_iter().filter(|(table, _)| *table != "core_mutationlog").collect();
    for (query, variables, field) in cases {
        let answer = admin.graphql_with(query, variables.clone()).await;
        assert_eq!(answer.codes(), ["VALIDATION"], "{query} {variables}: {}", answer.text);
        let expected = format!("`{field}` is out of range: from -2147483648 to 2147483647 is allowed.");
        assert_eq!(answer.message(), expected, "{query} {variables}");
        let answer = french.graphql_with(query, variables).await;
        assert!(answer.message().starts_with(&format!("`{field}` est hors limites")), "{}", answer.text);
    }
    let after: Vec<_> = app
        .row_counts()
        .into_iter()
        .filter(|(table, _)| {
            !["core_mutationlog", "core_historicaluser", "task_management_taskmutation"].contains(table)
        })
        .collect();
    assert!(after.iter().all(|count| before.contains(count)), "{before:?} {after:?}");
    // The last ones that are allowed are not refused here.
    let answer =
        admin.graphql("{ task(priority_Lte: 2147483647, priority_Gte: -2147483648) { totalCount } }").await;
    assert!(answer.data("task")["totalCount"].as_i64() > Some(0), "{group}");
}

#[apply(on_both)]
async fn variables_may_stand_wherever_the_specification_lets_them(app: TestApp) {
    let mut client = app.user("admin").await;
    for (query, variables) in [
        ("query($a: Int!) { task(first: $a) { totalCount } }", json!({ "a": 1 })),
        ("query($a: [UUID!]!) { task(entityIds: $a) { totalCount } }", json!({ "a": [] })),
        ("query($a: UUID) { task(entityIds: [$a]) { totalCount } }", json!({})),
        ("query($a: Boolean = false) { user @skip(if: $a) { id } }", json!({})),
        ("query($a: ID = \"x\") { node(id: $a) { id } }", json!({})),
        (
            "query($a: String) { ...F } fragment F on Query { task(source: $a) { totalCount } }",
            json!({ "a": "x" }),
        ),
        ("query A($a: Int) { task(first: $a) { totalCount } }", json!({ "a": 1, "more": "ignored" })),
    ] {
        let answer = client.graphql_with(query, variables).await;
        assert!(answer.codes().is_empty(), "{query}: {}", answer.text);
    }
}

#[apply(on_both)]
async fn literals_hold_every_character(app: TestApp) {
    let mut client = app.user("admin").await;
    for literal in [r#""\ud83d\ude00""#, r#""\uD83D\uDE00""#, r#""\u{1F600}""#, "\"😀\"", "\"\"\"😀\"\"\""]
    {
        app.run("DELETE FROM task_management_taskmutation");
        let query =
            format!("mutation {{ createTask(input: {{ entityString: {literal} }}) {{ internalId }} }}");
        let id = client.graphql(&query).await.data("createTask")["internalId"].clone();
        assert!(id.is_string());
        let found = client
            .graphql(&format!("{{ task(entityString_Icontains: {literal}, orderBy: \"-dateCreated\", first: 1) {{ edges {{ node {{ entityString }} }} }} }}"))
            .await;
        assert_eq!(found.data("task")["edges"][0]["node"]["entityString"], "😀", "{literal}");
    }
}

#[apply(on_both)]
async fn an_empty_operation_name_is_none(app: TestApp) {
    let mut client = app.user("admin").await;
    for query in ["{ user { username } }", "query A { user { username } }"] {
        let answer = client.post(json!({ "query": query, "operationName": "" })).await;
        assert_eq!(answer.data("user")["username"], "admin");
    }
    let two = "query A { user { username } } query B { user { username } }";
    assert_invalid(&client.post(json!({ "query": two, "operationName": "" })).await, two);
}

#[apply(on_both)]
async fn clients_of_persisted_queries_are_told_to_send_the_document(app: TestApp) {
    let hash = json!({ "persistedQuery": { "version": 1, "sha256Hash": "0".repeat(64) } });
    for mut client in [app.user("admin").await, app.stranger()] {
        for query in [json!({}), json!({ "query": null }), json!({ "query": "" })] {
            let mut body = query;
            body["extensions"] = hash.clone();
            let answer = client.post(body).await;
            assert_eq!(answer.message(), "PersistedQueryNotSupported", "{}", answer.text);
            assert_eq!(answer.codes(), ["PERSISTED_QUERY_NOT_SUPPORTED"]);
        }
        let answer = client.post(json!({ "query": "{ __typename }", "extensions": hash })).await;
        assert_eq!(*answer.data("__typename"), "Query");
        let answer = client.post(json!({ "extensions": {} })).await;
        assert_eq!(answer.codes(), ["VALIDATION"]);
    }
}

#[apply(on_both)]
async fn an_argument_that_cannot_be_understood_is_refused_though_it_is_ignored(app: TestApp) {
    let mut client = app.user("admin").await;
    for argument in [
        r#"users(validity: "2024-13-01") { totalCount }"#,
        r#"users(validity: "yesterday") { totalCount }"#,
        r"users(showDeleted: 1) { totalCount }",
        r#"users(birthDateFrom: "x") { totalCount }"#,
        r#"users(regionIds: ["x"]) { totalCount }"#,
        r#"users(parentLocationLevel: "x") { totalCount }"#,
        r"task(customFilters: [1]) { totalCount }",
        r#"taskGroup(dateValidFrom_Gte: "2024-02-30T00:00:00") { totalCount }"#,
        r#"taskExecutor(dateValidTo_Lte: "x") { totalCount }"#,
        r#"role(showHistory: "x") { totalCount }"#,
        r#"moduleConfigurations(validity: "2024-13-01") { module }"#,
        r#"moduleConfigurations(layer: "XX") { module }"#,
    ] {
        let answer = client.graphql(&format!("{{ {argument} }}")).await;
        assert_eq!(answer.codes(), ["VALIDATION"], "{argument}: {}", answer.text);
    }
    for argument in [
        r#"users(validity: "2024-12-01", showDeleted: true, first: 1) { totalCount }"#,
        r#"moduleConfigurations(validity: "2024-12-01") { module }"#,
        r#"moduleConfigurations(validity: "2024-12-01T10:00:00") { module }"#,
        r#"moduleConfigurations(validity: "", layer: "") { module }"#,
    ] {
        let answer = client.graphql(&format!("{{ {argument} }}")).await;
        assert!(answer.codes().is_empty(), "{argument}: {}", answer.text);
    }
}

#[apply(on_both)]
async fn an_empty_list_in_a_filter_is_no_filter(app: TestApp) {
    let mut client = app.user("admin").await;
    for (list, argument) in [("task", "entityIds"), ("users", "roles"), ("users", "regionIds")] {
        let all = client.graphql(&format!("{{ {list} {{ totalCount }} }}")).await.data(list).clone();
        let empty = client.graphql(&format!("{{ {list}({argument}: []) {{ totalCount }} }}")).await;
        assert_eq!(*empty.data(list), all, "{argument}");
        let described =
            client.graphql("{ __type(name: \"Query\") { fields { name args { name description } } } }").await;
        let fields = described.data("__type")["fields"].as_array().cloned().unwrap_or_default();
        let field = fields.iter().find(|field| field["name"] == list).expect("the list");
        let arguments = field["args"].as_array().cloned().unwrap_or_default();
        let found = arguments.iter().find(|found| found["name"] == argument).expect("the argument");
        let text = found["description"].as_str().unwrap_or_default();
        assert!(text.contains("An empty list asks for nothing"), "{argument}: {text}");
    }
}

#[apply(on_both)]
async fn a_forged_cursor_is_refused(app: TestApp) {
    use base64::Engine as _;
    let code = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut client = app.user("admin").await;
    let query =
        "query($c: String) { task(first: 1, orderBy: [\"dateCreated\"], after: $c) { edges { cursor } } }";
    let answer = client.graphql_with(query, json!({})).await;
    let cursor = answer.data("task")["edges"][0]["cursor"].as_str().expect("a cursor").to_owned();
    let text = String::from_utf8(code.decode(&cursor).expect("base64")).expect("a text");
    let (signature, values) = text.split_once('\n').expect("two lines");
    let values: Vec<Value> = serde_json::from_str(values).expect("a list");
    for moment in [
        "-4714-01-01 00:00:00",
        "0000-01-01 00:00:00",
        "+99999-01-01 00:00:00",
        "2024-13-01 00:00:00",
        "infinity",
        "+262142-12-31 23:59:59",
    ] {
        let mut forged = values.clone();
        forged[0] = json!(moment);
        let forged = code.encode(format!("{signature}\n{}", Value::Array(forged)));
        for argument in ["after", "before"] {
            let answer = client.graphql_with(&query.replace("after", argument), json!({ "c": forged })).await;
            assert_eq!(answer.codes(), ["VALIDATION"], "{moment}: {}", answer.text);
        }
    }
    let far = json!("0001-01-01 00:00:00");
    let early = code.encode(format!("{signature}\n{}", json!([far, values[1]])));
    assert!(client.graphql_with(query, json!({ "c": early })).await.codes().is_empty());
    for filter in [
        r#"task(dateCreated_Gte: "0000-01-01T00:00:00") { totalCount }"#,
        r#"task(dateCreated_Gte: "-4714-01-01T00:00:00") { totalCount }"#,
        r"task(version: 2147483648) { totalCount }",
        r"users(roleId: -2147483649) { totalCount }",
        r"users(roles: [9223372036854775807]) { totalCount }",
        r#"users(birthDateFrom: "+262142-12-31") { totalCount }"#,
        r"role(id: 99999999999999999999) { totalCount }",
    ] {
        let answer = client.graphql(&format!("{{ {filter} }}")).await;
        assert_eq!(answer.codes(), ["VALIDATION"], "{filter}: {}", answer.text);
    }
    for id in [
        "RoleGQLType:9223372036854775807",
        "TaskEventGQLType:-1",
        "InteractiveUserGQLType:9223372036854775807",
        "TaskHistoryGQLType:99999999999999999999",
    ] {
        let global = base64::engine::general_purpose::STANDARD.encode(id);
        let answer = client
            .graphql(&format!(r#"{{ node(id: "{global}") {{ id }} role(id: "{global}") {{ totalCount }} }}"#))
            .await;
        assert!(!answer.codes().contains(&"INTERNAL"), "{id}: {}", answer.text);
    }
}
