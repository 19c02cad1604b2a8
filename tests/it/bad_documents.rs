//! Documents that are too much on purpose: nesting, fragments, aliases, length. Each is refused within a bounded time.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::bad_input::assert_refused;
use crate::support::{Client, apply, on_both};

const MANY: usize = 10_000;

/// No request here may take longer. Tests run without optimisation, where parsing alone takes 3 µs a letter, and beside
/// other tests. When the search for similar names was still unbounded, a name of a megabyte took 24 seconds.
const LONGEST: Duration = Duration::from_secs(20);

async fn assert_refused_in_time(client: &mut Client, what: &str, body: String) {
    let started = Instant::now();
    let answer = client.send("POST", "/api/graphql", body).await;
    let took = started.elapsed();
    assert_refused(&answer, what);
    assert!(took < LONGEST, "{what}: {took:?}");
}

fn document(query: String) -> String {
    json!({ "query": query }).to_string()
}

/// Fragments on `on`, each of which spreads the next one twice; the last one holds `leaf`.
fn doubling(on: &str, times: usize, leaf: &str) -> String {
    let mut text = String::new();
    for i in 0..times {
        let next = i + 1;
        text.push_str(&format!("fragment F{i} on {on} {{ ...F{next} ...F{next} }} "));
    }
    text + &format!("fragment F{times} on {on} {{ {leaf} }}")
}

#[apply(on_both)]
async fn deep_nesting_is_refused(app: TestApp) {
    let mut client = app.user("admin").await;
    let before = app.row_counts();
    let nest = |open: &str, services: &str, close: &str| {
        format!("{}{services}{}", open.repeat(MANY), close.repeat(MANY))
    };
    let json_text = |services: String| serde_json::to_string(&services).expect("a text");
    let create = "mutation($i: CreateTaskMutationInput!) { createTask(input: $i) { internalId } }";
    let cases = [
        ("selections", document(nest("{ task ", "{ totalCount }", "}"))),
        ("unclosed selections", document("{a".repeat(MANY))),
        ("inline fragments", document(format!("{{ {} }}", nest("... { ", "user { id }", "}")))),
        (
            "a list literal",
            document(format!("{{ task(entityIds: {}) {{ totalCount }} }}", nest("[", "", "]"))),
        ),
        (
            "an object literal",
            document(format!(
                "mutation {{ createTask(input: {}) {{ internalId }} }}",
                nest("{ data: ", "1", "}")
            )),
        ),
        ("a type", document(format!("query($a: {}) {{ user {{ id }} }}", nest("[", "Int", "]")))),
        (
            "a default value",
            document(format!("query($a: Int = {}) {{ user {{ id }} }}", nest("[", "1", "]"))),
        ),
        ("a directive", document(format!("{{ user @include(if: {}) {{ id }} }}", nest("[", "1", "]")))),
        ("brackets", document("(".repeat(MANY))),
        ("a body of lists", nest("[", "", "]")),
        ("a body of objects", nest("{\"query\":", "1", "}")),
        (
            "variables",
            format!(
                "{{\"query\": \"{{ user {{ id }} }}\", \"variables\": {{\"a\": {}}}}}",
                nest("[", "", "]")
            ),
        ),
        (
            "JSON in a string",
            json!({ "query": create, "variables": { "i": { "data": nest("[", "", "]") } } }).to_string(),
        ),
        (
            "JSON in a literal",
            document(format!(
                "mutation {{ createTask(input: {{ data: {} }}) {{ internalId }} }}",
                json_text(nest("{\"a\":", "1", "}"))
            )),
        ),
    ];
    for (what, body) in cases {
        assert_refused_in_time(&mut client, what, body).await;
    }
    assert_eq!(app.row_counts(), before);
}

#[apply(on_both)]
async fn fragments_that_double_are_refused(app: TestApp) {
    let mut client = app.user("admin").await;
    let task = "{ task { edges { node { ...F0 } } } }";
    let cases = [
        ("with fields in the leaf", format!("{task} {}", doubling("TaskGQLType", 22, "id"))),
        ("without fields in the leaf", format!("{task} {}", doubling("TaskGQLType", 22, "...Nowhere"))),
        ("with an inline leaf", format!("{task} {}", doubling("TaskGQLType", 22, "... { ... { id } }"))),
        ("at the root", format!("{{ ...F0 }} {}", doubling("Query", 22, "user { id }"))),
        ("at the root, of nothing", format!("{{ ...F0 }} {}", doubling("Query", 22, "...Nowhere"))),
        (
            "at the root of a mutation",
            format!("mutation {{ ...F0 }} {}", doubling("Mutation", 22, "getCsrfToken { csrfToken }")),
        ),
        (
            "in an operation that is not asked for",
            format!(
                "query A {{ user {{ id }} }} query B {{ ...F0 }} {}",
                doubling("Query", 22, "__typename")
            ),
        ),
        ("in no operation", format!("query A {{ user {{ id }} }} {}", doubling("Query", 22, "user { id }"))),
    ];
    for (what, query) in cases {
        let body = json!({ "query": query, "operationName": if query.contains("query A") { Some("A") } else { None } });
        assert_refused_in_time(&mut client, what, body.to_string()).await;
    }
}

#[apply(on_both)]
async fn cycles_of_fragments_are_refused(app: TestApp) {
    let mut client = app.user("admin").await;
    let cases = [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { user { id } ...A }",
        "{ task { edges { node { ...A } } } } fragment A on TaskGQLType { ...A ...A id }",
        "{ user { ...A } } fragment A on UserGQLType { taskUserCreated { edges { node { userCreated { ...A ...A } } } } }",
        "{ user { id } } fragment A on Query { ...A ...A }",
        "query A { user { id } } query B { ...A ...A } fragment A on Query { ...A ...A }",
        "mutation { ...A } fragment A on Mutation { ...A ...A }",
    ];
    for query in cases {
        let body = json!({ "query": query, "operationName": query.contains("query A").then_some("A") });
        assert_refused_in_time(&mut client, query, body.to_string()).await;
    }
}

#[apply(on_both)]
async fn wide_documents_are_refused(app: TestApp) {
    let mut client = app.user("admin").await;
    let some = |item: &dyn Fn(usize) -> String| (0..MANY / 5).map(item).collect::<Vec<_>>().join(" ");
    let many = |item: &dyn Fn(usize) -> String| (0..MANY).map(item).collect::<Vec<_>>().join(" ");
    let aliases = many(&|i| format!("a{i}: user {{ id }}"));
    let cases = [
        ("aliases", format!("{{ {aliases} }}")),
        ("aliases of an open field", format!("{{ {} }}", many(&|i| format!("a{i}: __typename")))),
        ("unknown fields", format!("{{ {} }}", many(&|i| format!("a{i}")))),
        (
            "unknown fields of an unused fragment",
            format!("{{ user {{ id }} }} fragment F on Query {{ {} }}", many(&|i| format!("a{i}"))),
        ),
        ("unknown arguments", format!("{{ task({}) {{ totalCount }} }}", many(&|i| format!("a{i}: 1")))),
        ("variables", format!("query({}) {{ user {{ id }} }}", many(&|i| format!("$a{i}: X")))),
        ("directives", format!("{{ user {} {{ id }} }}", "@include(if: true) ".repeat(MANY))),
        ("operations", some(&|i| format!("query A{i} {{ user {{ id }} }}"))),
        (
            "fragments",
            format!(
                "{{ user {{ id }} }} {}",
                some(&|i| format!("fragment A{i} on Query {{ user {{ id }} }}"))
            ),
        ),
        ("mutations", format!("mutation {{ {} }}", some(&|i| format!("a{i}: getCsrfToken {{ csrfToken }}")))),
    ];
    for (what, query) in cases {
        let name = query.starts_with("query A0").then_some("A0");
        let body = json!({ "query": query, "operationName": name }).to_string();
        assert_refused_in_time(&mut client, what, body.clone()).await;
        assert_refused_in_time(&mut app.stranger(), what, body).await;
    }
}

#[apply(on_both)]
async fn long_texts_are_refused(app: TestApp) {
    let mut client = app.user("admin").await;
    let before = app.row_counts();
    let name = "x".repeat(1_000_000);
    let long = "x".repeat(200_000);
    let cases = [
        ("a field", format!("{{ {name} }}")),
        ("an argument", format!("{{ task({name}: 1) {{ totalCount }} }}")),
        ("a type", format!("query($a: {name}) {{ user {{ id }} }}")),
        ("a number", format!("{{ task(first: {}) {{ totalCount }} }}", "9".repeat(1_000_000))),
        ("an enum", format!("{{ task(status: {name}) {{ totalCount }} }}")),
        ("a filter", format!("{{ task(entityString_Icontains: \"{long}\") {{ totalCount }} }}")),
        ("a search", format!("{{ taskGroup(search: \"{long}\") {{ totalCount }} }}")),
        ("an id", format!("{{ node(id: \"{long}\") {{ id }} }}")),
        ("a key", format!("{{ task(id: \"{long}\") {{ totalCount }} }}")),
        ("an order", format!("{{ task(orderBy: \"{long}\") {{ totalCount }} }}")),
        ("a cursor", format!("{{ task(after: \"{long}\") {{ totalCount }} }}")),
        ("a moment", format!("{{ task(dateCreated: \"{long}\") {{ totalCount }} }}")),
        (
            "an id of a mutation",
            format!("mutation {{ createTask(input: {{ clientMutationId: \"{long}\" }}) {{ internalId }} }}"),
        ),
    ];
    for (what, query) in cases {
        if what == "an id" {
            // There is no such row, which is no error.
            let answer = client.graphql(&query).await;
            assert!(answer.body["data"]["node"].is_null(), "{}", answer.text);
            continue;
        }
        assert_refused_in_time(&mut client, what, document(query)).await;
    }
    assert_eq!(app.row_counts(), before);
}

#[apply(on_both)]
async fn a_long_but_harmless_document_is_answered(app: TestApp) {
    let mut client = app.user("admin").await;
    let comment = "# (((( {{{{ \n".repeat(3) + &"# a comment\n".repeat(MANY);
    let answer = client.graphql(&format!("{comment} {{ user {{ username }} }}")).await;
    assert_eq!(answer.data("user")["username"], "admin");
    let keys: Vec<&str> = ["source", "-source", "id"].into_iter().cycle().take(1_000).collect();
    let query =
        "query($o: [String], $i: [UUID]) { task(orderBy: $o, entityIds: $i, first: 1) { edges { cursor } } }";
    let ids = vec!["00000000-0000-7000-8000-000000000002"; 1_000];
    let answer = client.graphql_with(query, json!({ "o": keys, "i": ids })).await;
    assert_eq!(answer.data("task")["edges"].as_array().map(Vec::len), Some(1));
    let ids = vec!["00000000-0000-7000-8000-000000000002"; 1_001];
    assert_refused(&client.graphql_with(query, json!({ "i": ids })).await, "too many ids");
}
