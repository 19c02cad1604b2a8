//! Texts with a meaning for a database have none here: in every text filter of every list, and in every text of every
//! mutation. The fields are taken from the schema, so that none is left out.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};
use serde_json::{Value, json};

use crate::bad_input::assert_refused;
use crate::support::{apply, on_both};
use crate::webhook_deliveries::endpoint;

const HOSTILE: &[&str] = &[
    "'",
    "\"",
    "';DROP TABLE core_user;--",
    "' OR '1'='1",
    "%",
    "_",
    "\\",
    "\\'",
    "$1",
    "?",
    "/*",
    "{}",
    "\u{202e}",
    "😀",
    "\u{0}",
    "a\u{0}b",
];

/// The fields of a type, and the inputs of an input type, by the type's name.
pub fn definitions(sdl: &str) -> (Vec<(String, FieldDefinition)>, Vec<(String, InputValueDefinition)>) {
    let document = parse_schema(sdl).expect("our own schema");
    let (mut fields, mut inputs) = (Vec::new(), Vec::new());
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let name = definition.node.name.node.to_string();
        match definition.node.kind {
            TypeKind::Object(object) => {
                fields.extend(object.fields.into_iter().map(|field| (name.clone(), field.node)))
            }
            TypeKind::InputObject(input) => {
                inputs.extend(input.fields.into_iter().map(|field| (name.clone(), field.node)))
            }
            _ => {}
        }
    }
    (fields, inputs)
}

fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => base(inner),
    }
}

/// How a list of a type is reached from the root.
fn path(parent: &str, list: &str) -> Option<String> {
    let inside = |outer: &str| format!("{{ {outer} {{ edges {{ node {{ {list} }} }} }} }}");
    match parent {
        "Query" => Some(format!("{{ {list} }}")),
        "TaskGQLType" => Some(inside("task(first: 2)")),
        "TaskGroupGQLType" => Some(inside("taskGroup(first: 2)")),
        "UserGQLType" => Some(inside("users(first: 2)")),
        "InteractiveUserGQLType" => {
            Some(format!("{{ users(first: 2) {{ edges {{ node {{ iUser {{ {list} }} }} }} }} }}"))
        }
        _ => None,
    }
}

#[apply(on_both)]
async fn filters_take_hostile_texts_for_texts(app: TestApp) {
    let mut client = app.user("admin").await;
    let before = app.row_counts();
    let mut asked = 0;
    for (parent, field) in definitions(&app.module.sdl()).0 {
        if !base(&field.ty.node).ends_with("Connection") {
            continue;
        }
        for argument in &field.arguments {
            let (name, ty) = (&argument.node.name.node, &argument.node.ty.node);
            if !["String", "ID", "UUID", "DateTime", "Date"].contains(&base(ty)) {
                continue;
            }
            let list = |i: usize, text: &str| {
                format!("a{i}: {}({name}: {}) {{ edges {{ cursor }} }}", field.name.node, json!(text))
            };
            let all = HOSTILE.iter().enumerate().map(|(i, text)| list(i, text)).collect::<Vec<_>>().join(" ");

            let query =
                path(&parent, &all).unwrap_or_else(|| panic!("no way to {parent}.{}", field.name.node));
            let answer = client.graphql(&query).await;
            assert!(answer.status.as_u16() < 500, "{query}: {}", answer.text);
            for code in answer.codes() {
                assert_eq!(code, "VALIDATION", "{query}: {}", answer.text);
            }
            asked += 1;
        }
    }
    assert!(asked > 150, "only {asked} filters");
    assert_eq!(app.row_counts(), before);
}

#[apply(on_both)]
async fn a_nul_character_in_a_filter_is_named(app: TestApp) {
    let mut client = app.user("admin").await;
    let mut asked = 0;
    for (parent, field) in definitions(&app.module.sdl()).0 {
        if parent != "Query" || !base(&field.ty.node).ends_with("Connection") {
            continue;
        }
        for argument in &field.arguments {
            let name = argument.node.name.node.as_str();
            // The original takes and ignores these.
            if base(&argument.node.ty.node) != "String" || ["customFilters", "showHistory"].contains(&name) {
                continue;
            }
            let query = format!("query($t: String) {{ {}({name}: $t) {{ totalCount }} }}", field.name.node);
            let query = if name == "orderBy" { query.replace("$t: String", "$t: [String]") } else { query };
            let answer = client.graphql_with(&query, json!({ "t": "a\0b" })).await;
            assert_refused(&answer, &query);
            asked += 1;
        }
    }
    assert!(asked > 60, "only {asked} filters");
}

#[apply(on_both)]
async fn mutations_refuse_texts_that_cannot_be_kept(app: TestApp) {
    let mut client = app.user("admin").await;
    let inputs = definitions(&app.module.sdl()).1;
    let flow = app.flow("HOSTILE", &["00000000-0000-7000-8000-000000000001"]).await;
    let (endpoint, _) = endpoint(&app, "HOSTILE", "https://example.org", &[]).await;
    let function = json!({ "name": "hostile", "kind": "HTTP", "url": "https://example.org" });
    app.done("admin", "createTaskFunction", function).await;
    let found = client.rows("taskFunction", "", "uuid").await;
    let function = found[0]["uuid"].as_str().expect("a key").to_owned();
    let journal = |before: &[(&'static str, i64)]| {
        let now = app.row_counts();
        before
            .iter()
            .zip(now)
            .filter(|((_, then), (_, now))| then != now)
            .map(|((table, _), _)| *table)
            .collect::<Vec<_>>()
    };
    let before = app.row_counts();
    let mut asked = 0;
    for (owner, field) in &inputs {
        let Some(kind) = owner.strip_suffix("MutationInput") else { continue };
        let name = field.name.node.as_str();
        // What holds passwords is not in the journal.
        let is_secret = name == "password" || kind.ends_with("Password");
        if name.starts_with("clientMutation") || name == "mutationExtensions" || is_secret {
            continue;
        }
        let is_list = matches!(field.ty.node.base, BaseType::List(_));
        let texts: Vec<Value> = match base(&field.ty.node) {
            "String" => {
                let too_long = match name {
                    "subject" | "text" | "html" if kind.ends_with("TaskTemplate") => 70_000,
                    "comment" | "text" | "description" => 2_001,
                    _ => 256,
                };
                vec![json!("a\0b"), json!("\0"), json!("ü".repeat(too_long))]
            }
            "JSONString" => vec![
                json!(r#"{"a": "\u0000"}"#),
                json!(r#"{"\u0000": 1}"#),
                json!(r#"{"e9ef4290-1f37-4198-9e2a-f63611069c7f": "\u0000"}"#),
            ],
            _ => continue,
        };
        for text in texts {
            let mut input = required(kind, &flow, &endpoint, &function);
            input[name] = if is_list { json!([text]) } else { text };
            let mutation = format!("{}{}", kind[..1].to_lowercase(), &kind[1..]);
            let (status, error) = client.mutate(&mutation, input.clone()).await;
            assert_eq!(status, 1, "{mutation} {input}");
            assert_ne!(error[0]["code"], "INTERNAL", "{mutation} {input}: {error}");
            asked += 1;
        }
    }
    assert!(asked > 30, "only {asked} texts");
    assert_eq!(journal(&before), ["core_mutationlog"]);
}

#[apply(on_both)]
async fn hostile_texts_are_kept_as_they_are(app: TestApp) {
    let mut client = app.user("admin").await;
    for text in HOSTILE.iter().filter(|text| !text.contains('\0')) {
        // Marks of direction are no part of sources; elsewhere they are kept.
        let source = text.replace('\u{202e}', "turned");
        let data = json!({ *text: [text] }).to_string();
        let input = json!({ "clientMutationId": text, "source": source, "entityString": text, "data": data });
        let (status, error) = client.mutate("createTask", input).await;
        assert_eq!(status, 2, "{text}: {error}");
        let query = "query($t: String) { task(clientMutationId: $t, entityString_Icontains: $t) { edges { node { source entityString data } } } }";
        let answer = client.graphql_with(query, json!({ "t": text })).await;
        let edges = &answer.data("task")["edges"];
        assert_eq!(edges.as_array().map(Vec::len), Some(1), "{text}: {edges}");
        let node = &edges[0]["node"];
        assert_eq!((&node["source"], &node["entityString"]), (&json!(source), &json!(text)));
        let kept: Value = serde_json::from_str(node["data"].as_str().unwrap_or_default()).expect("JSON");
        assert_eq!(kept, json!({ *text: [text] }));
    }
}

/// The input that a mutation needs besides the field that is tried.
fn required(kind: &str, flow: &str, endpoint: &str, function: &str) -> Value {
    let task = "00000000-0000-7000-a000-000000000001";
    match kind {
        "CreateTaskGroup" => json!({ "code": "NEW", "completionPolicy": "ALL" }),
        "UpdateTaskGroup" => {
            json!({ "id": "00000000-0000-7000-8000-000000000001", "code": "NEW", "completionPolicy": "ALL" })
        }
        "ResolveTask" => json!({
            "id": "00000000-0000-7000-a000-000000000003",
            "businessStatus": r#"{"e9ef4290-1f37-4198-9e2a-f63611069c7f": "APPROVED"}"#,
        }),
        "CreateTaskFlow" => {
            json!({ "code": "NEW", "steps": [{ "taskGroupId": "00000000-0000-7000-8000-000000000001" }] })
        }
        "UpdateTaskFlow" => json!({ "id": flow }),
        "ReplaceTaskFlow" => {
            json!({ "id": flow, "steps": [{ "taskGroupId": "00000000-0000-7000-8000-000000000001" }] })
        }
        "CreateWebhookEndpoint" => json!({ "name": "NEW", "url": "https://example.org" }),
        "UpdateWebhookEndpoint" => json!({ "id": endpoint }),
        "CreateTaskFunction" => json!({ "name": "new", "kind": "HTTP", "url": "https://example.org" }),
        "UpdateTaskFunction" => json!({ "id": function }),
        "CreateFunctionSchedule" => json!({ "functionName": "hostile", "intervalSeconds": 60 }),
        "CreateTaskDispatcher" => json!({
            "name": "new", "signal": "task_service.create", "actions": [{ "kind": "FUNCTION", "functionName": "hostile" }],
        }),
        "CreateFunctionRun" | "ExecuteTaskFunction" => json!({ "functionName": "hostile" }),
        "AssignTask" => json!({ "id": task, "userId": task }),
        "ClaimNextTask" | "CreateTask" | "ChangeUserLanguage" | "DeleteUser" | "DeleteRole" => json!({}),
        "CreateUser" => json!({ "username": "new" }),
        "UpdateUser" => json!({ "username": "exec1" }),
        "ChangeMailFrequency" => json!({ "frequency": "DAILY" }),
        "CreateRole" => json!({ "name": "new" }),
        "UpdateRole" => json!({ "uuid": task }),
        "DuplicateRole" => json!({ "uuid": task, "name": "new" }),
        "CreateApiToken" => json!({ "name": "new", "expires": "2999-01-01T00:00:00", "rights": [] }),
        "DeleteTask" => json!({ "ids": [task] }),
        "CreateTaskComment" => json!({ "taskId": task, "text": "new" }),
        "CreateTaskTemplate" => json!({ "name": "new", "language": "en", "subject": "s", "text": "t" }),
        _ => json!({ "id": task }),
    }
}
