//! Documents that once were expensive, and others that look expensive.

use std::fmt::Write as _;

use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::http::document;

/// A selection of this many fields.
pub fn many_fields(count: usize) -> Bytes {
    document(&format!("{{ {} }}", "a ".repeat(count)), &Value::Null)
}

/// Documents that strangers may send, with their names: as long as the server reads, or short but expensive.
pub fn by_strangers() -> Vec<(&'static str, Bytes)> {
    let doubling: String = (0..150).fold(String::new(), |mut text, number| {
        let next = number + 1;
        let _ = write!(text, "fragment F{number} on Query {{ ...F{next} ...F{next} }} ");
        text
    });
    let languages: String = (0..10).fold(String::new(), |mut text, number| {
        let _ = write!(text, "a{number}: languages {{ code name sortOrder }} ");
        text
    });
    let of = |query: &str| document(query, &Value::Null);
    vec![
        ("2 MB of fields", many_fields(1_000_000)),
        ("16 KB of fields", many_fields(7_900)),
        ("16 KB of fields inside each other", of(&format!("{}a", "{a".repeat(7_900)))),
        ("16 KB of a list", of(&format!("{{ task(entityIds: [{}]) {{ totalCount }} }}", "1 ".repeat(7_900)))),
        (
            "16 KB of lists inside each other",
            of(&format!("{{ task(entityIds: {}) {{ totalCount }} }}", "[".repeat(15_000))),
        ),
        ("16 KB of variables", of(&format!("query({}) {{ __typename }}", "$a:[Int] ".repeat(1_700)))),
        ("fragments that double", of(&format!("{{ ...F0 }} {doubling}"))),
        (
            "16 KB of JSON",
            format!("{{\"query\":\"{{__typename}}\",\"variables\":{}", "[".repeat(15_000)).into(),
        ),
        ("all that is open", of(&format!("{{ {languages} }}"))),
        ("configurations", of("{ moduleConfigurations { module config controls { field } } }")),
        ("the schema", of("{ __schema { types { name fields { name args { name type { name } } } } } }")),
        ("a list", of("{ task { totalCount } }")),
        (
            "another's password",
            of("mutation { resetPassword(input: { username: \"victoria\" }) { success error token } }"),
        ),
        (
            "a password by a token that was made up",
            of(&format!(
                "mutation {{ setPassword(input: {{ username: \"victoria\" token: \"{}\" newPassword: \"a rosy bud\" }}) {{ success }} }}",
                "A".repeat(75)
            )),
        ),
    ]
}

/// Documents that made the library panic, or the database complain.
pub fn that_broke() -> Vec<Bytes> {
    let mut bodies = vec![
        document("query($v:[Nope]=[1]){__typename}", &Value::Null),
        document("query($v:Nope={a:1}){__typename}", &Value::Null),
        document("query($v:[[Nope!]!]!=[[1]]){__typename}", &Value::Null),
        document("query($v:[TaskGQLType]=[1]){__typename}", &Value::Null),
    ];
    for moment in [
        "-4714-01-01 00:00:00",
        "-4714-11-24 00:00:00",
        "+262143-01-01 00:00:00",
        "294277-01-01 00:00:00",
        "0000-01-01 00:00:00",
    ] {
        use base64::Engine as _;
        let values = json!([moment, "00000000-0000-4000-8000-000000000000"]);
        for order in ["-date_created-id", "+date_created+id", "-dateCreated-id", "+dateCreated+id"] {
            let cursor =
                base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("{order}\n{values}"));
            for order_by in ["dateCreated", "-dateCreated"] {
                let query = "query($a: String, $o: [String]) { task(after: $a, orderBy: $o) { totalCount edges { cursor } } }";
                bodies.push(document(query, &json!({ "a": cursor, "o": [order_by] })));
            }
        }
        let query = "query($d: DateTime) { task(dateCreated_Gte: $d) { totalCount } }";
        bodies.push(document(query, &json!({ "d": moment.replace(' ', "T") })));
    }
    bodies
}

/// Three lists inside each other.
pub fn lists_in_lists() -> Bytes {
    let inside =
        |inner: String| format!("edges {{ node {{ taskGroup {{ taskSet(first: 100) {{ {inner} }} }} }} }}");
    let inner = (0..3).fold("edges { node { uuid } }".to_owned(), |inner, _| inside(inner));
    document(&format!("{{ task(first: 100) {{ {inner} }} }}"), &Value::Null)
}

/// A document with this many lists of the same tasks with their data.
pub fn lists_with_data(count: usize) -> Bytes {
    aliases(count, "task(first: 100) { edges { node { data } } }")
}

/// Sixty lists of one's own journal.
pub fn journals() -> Bytes {
    aliases(60, "mutationLogs(first: 100) { edges { node { jsonContent clientMutationDetails } } }")
}

/// Three hundred searches through all tasks.
pub fn searches() -> Bytes {
    let searches: String = (0..300).fold(String::new(), |mut text, number| {
        let _ = write!(
            text,
            "a{number}: task(first: 1, entityString_Icontains: \"no such {number}\") {{ totalCount }} "
        );
        text
    });
    document(&format!("{{ {searches} }}"), &Value::Null)
}

/// A thousand votes on tasks that do not exist.
pub fn many_votes() -> Bytes {
    let item = |number: u32| json!({ "id": format!("00000000-0000-7000-8000-{number:012x}"), "businessStatus": "{}" });
    let items: Vec<Value> = (0..1_000).map(|number| item(0xdead_0000 + number)).collect();
    let query = "mutation($input: ResolveTasksMutationInput!) { resolveTasks(input: $input) { outcomes { id ok code message } } }";
    document(query, &json!({ "input": { "mode": "EACH", "items": items } }))
}

/// A thousand claims on tasks that do not exist.
pub fn many_claims() -> Bytes {
    let item = |number: u32| json!({ "id": format!("00000000-0000-7000-8000-{number:012x}") });
    let items: Vec<Value> = (0..1_000).map(|number| item(0xdead_0000 + number)).collect();
    let query = "mutation($input: ClaimTasksMutationInput!) { claimTasks(input: $input) { outcomes { id ok code message } } }";
    document(query, &json!({ "input": { "mode": "EACH", "items": items } }))
}

/// A hundred counts of all tasks by everything.
pub fn many_counts() -> Bytes {
    aliases(
        100,
        "taskCounts(groupBy: [STATUS, TASK_GROUP, SOURCE, PRIORITY, OVERDUE, CLAIMANT], awaitingMe: false) { count }",
    )
}

/// A comment of 1 MB on a task that does not exist.
pub fn long_comment() -> Bytes {
    let query = "mutation($input: CreateTaskCommentMutationInput!) { createTaskComment(input: $input) { internalId } }";
    let input = json!({ "taskId": "00000000-0000-7000-8000-0000deadbeef", "text": "x".repeat(1024 * 1024) });
    document(query, &json!({ "input": input }))
}

/// Everybody with their roles, which once took a statement for each.
pub fn roles_of_all() -> Bytes {
    document("{ users(first: 1000) { edges { node { iUser { roles { name } } } } } }", &Value::Null)
}

fn aliases(count: usize, field: &str) -> Bytes {
    let fields: String = (0..count).fold(String::new(), |mut text, number| {
        let _ = write!(text, "a{number}: {field} ");
        text
    });
    document(&format!("{{ {fields} }}"), &Value::Null)
}
