//! The real front end's own requests, in its own form: with cookies, and with the headers it sends.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Answer, Client, apply, on_both};

/// A cursor of the original's, which stands in the recorded documents; ours are taken from the page before.
pub const THEIR_CURSOR: &str = "YXJyYXljb25uZWN0aW9uOjk=";

/// The lists that the pages show.
const LISTS: [&str; 7] =
    ["task", "taskHistory", "taskGroup", "taskFlow", "taskDecision", "mutationLogs", "users"];

/// A request of the front end.
#[derive(Deserialize)]
pub struct Document {
    pub name: String,
    pub query: String,
    pub variables: Option<Value>,
}

/// The requests of the release that is out.
pub const DOCUMENTS: &str = include_str!("../contract/front-end-documents.json");

/// Reads requests.
pub fn documents(text: &str) -> Vec<Document> {
    serde_json::from_str(text).expect("well-formed")
}

/// The key in a global id, as the front end decodes it.
fn decode(id: &Value) -> String {
    let bytes = STANDARD.decode(id.as_str().expect("an id")).expect("base64");
    let text = String::from_utf8(bytes).expect("UTF-8");
    text.split(':').nth(1).expect("a key after a colon").to_owned()
}

/// The rows of a list.
pub fn nodes(answer: &Answer, list: &str) -> Vec<Value> {
    let edges = answer.data(list)["edges"].as_array().expect("edges");
    edges.iter().map(|edge| edge["node"].clone()).collect()
}

/// Sends a document.
pub async fn send(client: &mut Client, query: &str, variables: Option<&Value>) -> Answer {
    match variables {
        Some(variables) => client.graphql_with(query, variables.clone()).await,
        None => client.graphql(query).await,
    }
}

/// What the reducers of the front end take for granted of any answer.
pub fn assert_readable(answer: &Answer, what: &str) {
    assert_eq!(answer.status, StatusCode::OK, "{what}: {}", answer.text);
    let content_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
    assert!(content_type.is_some_and(|kind| kind.contains("json")), "{what}: {content_type:?}");
    let data = answer.body["data"].as_object().unwrap_or_else(|| panic!("{what}: {}", answer.text));
    for list in LISTS.iter().filter_map(|field| data.get(*field)) {
        assert!(list["edges"].is_array(), "{what}: {}", answer.text);
        if let Some(info) = list["pageInfo"].as_object() {
            assert!(info["hasNextPage"].is_boolean() && info["hasPreviousPage"].is_boolean(), "{what}");
        }
    }
}

/// The request of this name.
pub fn document<'a>(all: &'a [Document], name: &str) -> &'a Document {
    all.iter().find(|document| document.name == name).unwrap_or_else(|| panic!("no document {name}"))
}

#[apply(on_both)]
async fn every_document_is_answered_without_errors(app: TestApp) {
    let mut client = app.browser("admin").await;
    // The journal's first page has rows, so that there is a cursor to go on from.
    client.mutate("changeUserLanguage", json!({ "languageId": "en" })).await;
    let mut cursors: BTreeMap<String, String> = BTreeMap::new();
    for document in documents(DOCUMENTS) {
        let field = document.query.split(['{', '(']).map(str::trim).find(|part| LISTS.contains(part));
        let mut query = document.query.clone();
        if query.contains(THEIR_CURSOR) {
            let cursor = cursors.get(field.expect("a list")).expect("an earlier page");
            query = query.replace(THEIR_CURSOR, cursor);
        }
        if document.name == "login/logout" {
            continue;
        }
        let answer = send(&mut client, &query, document.variables.as_ref()).await;
        assert!(answer.body.get("errors").is_none(), "{}: {}", document.name, answer.text);
        assert_readable(&answer, &document.name);
        if let Some(cursor) =
            field.and_then(|field| answer.body["data"][field]["pageInfo"]["endCursor"].as_str())
        {
            // The cursor must be one of the order that the documents with a cursor ask for: that of the first page.
            if !document.name.contains("sort") {
                cursors.entry(field.unwrap_or_default().to_owned()).or_insert_with(|| cursor.to_owned());
            }
        }
        // A login in between begins a new session with a CSRF token of its own.
        if document.name.starts_with("login/csrf") {
            client.csrf = answer.data("getCsrfToken")["csrfToken"].as_str().map(str::to_owned);
        }
    }
    let logout = documents(DOCUMENTS);
    let answer = client.graphql(&document(&logout, "login/logout").query).await;
    assert_eq!(answer.data("deleteTokenCookie")["deleted"], true);
}

#[apply(on_both)]
async fn a_page_load_goes_from_stranger_to_home(app: TestApp) {
    let all = documents(DOCUMENTS);
    let mut client = app.stranger();
    let answer = client.graphql(&document(&all, "boot/module configurations").query).await;
    assert!(answer.data("moduleConfigurations").is_array());
    let answer = send(&mut client, &document(&all, "boot/refresh token").query, Some(&json!({}))).await;
    assert!(!["unauthorized", "csrftoken"].contains(&answer.message().to_lowercase().as_str()));
    let path = "/api/core/users/current_user/";
    assert_eq!(client.send("GET", path, "").await.status, StatusCode::UNAUTHORIZED);

    client.csrf = Some("undefined".to_owned());
    let login = document(&all, "login/authenticate");
    assert!(send(&mut client, &login.query, login.variables.as_ref()).await.data("tokenAuth").is_object());
    client.csrf = None;
    client.authorization = Some("JWT undefined".to_owned());
    let answer = send(&mut client, &document(&all, "login/csrf token").query, Some(&json!({}))).await;
    client.csrf = answer.data("getCsrfToken")["csrfToken"].as_str().map(str::to_owned);
    client.authorization = None;
    let me = client.send("GET", path, "").await.body;
    assert!(me["i_user"]["rights"].as_array().is_some_and(|rights| rights.iter().all(Value::is_i64)));
    let answer = client.graphql(&document(&all, "boot/languages").query).await;
    assert!(answer.data("languages").as_array().is_some_and(|list| list.len() > 1));
    let answer = client.graphql(&document(&all, "boot/home page").query).await;
    let user = answer.data("user");
    assert!(user["lastName"].is_string() && user["otherNames"].is_string(), "{user}");
    assert!(
        client.graphql(&document(&all, "boot/user districts").query).await.data("userDistricts").is_array()
    );
    let keep_alive = client.send("GET", "/keepLegacyAlive", "").await;
    assert!(keep_alive.status.is_success());
}

#[apply(on_both)]
async fn the_task_pages_get_what_they_read(app: TestApp) {
    let all = documents(DOCUMENTS);
    let mut client = app.browser("exec1").await;
    let me = client.send("GET", "/api/core/users/current_user/", "").await.body["id"].clone();
    let answer = client.graphql(&document(&all, "task list/first page").query).await;
    assert!(answer.data("task")["totalCount"].as_i64().is_some_and(|count| count > 0));
    for node in nodes(&answer, "task") {
        assert!(
            ["ACCEPTED", "COMPLETED", "FAILED"].contains(&node["status"].as_str().unwrap_or_default()),
            "{node}"
        );
        assert_eq!(decode(&node["id"]).len(), 36);
    }
    let answer = client.graphql(&document(&all, "task page/load").query).await;
    let node = nodes(&answer, "task").remove(0);
    for field in ["businessStatus", "businessData", "data"] {
        let text = node[field].as_str().unwrap_or_else(|| panic!("{field} in {node}"));
        assert!(serde_json::from_str::<Value>(text).is_ok(), "{field}: {text}");
    }
    let executors = node["taskGroup"]["taskexecutorSet"]["edges"].as_array().expect("executors");
    assert!(
        executors.iter().any(|executor| json!(decode(&executor["node"]["user"]["id"])) == me),
        "{executors:?}"
    );

    let id = decode(&node["id"]);
    let approve = format!(
        "mutation {{ resolveTask( input: {{ clientMutationId: \"a1\" clientMutationLabel: \"Resolving task\" id: \"{id}\" \
         businessStatus: \"{{\\\"{}\\\": \\\"APPROVED\\\"}}\" }} ) {{ clientMutationId internalId }} }}",
        me.as_str().unwrap_or_default()
    );
    assert_eq!(client.graphql(&approve).await.data("resolveTask")["clientMutationId"], "a1");
    let after = document(&all, "task page/after a mutation")
        .query
        .replace("6b1f0c52-7d3e-4a8b-9c41-000000000002", "a1");
    let node = nodes(&client.graphql(&after).await, "task").remove(0);
    let votes: Value =
        serde_json::from_str(node["businessStatus"].as_str().unwrap_or_default()).expect("JSON");
    assert_eq!(votes, json!({ me.as_str().unwrap_or_default(): "APPROVED" }));
    let answer = client.graphql(&document(&all, "change log/first page").query).await;
    let versions = nodes(&answer, "taskHistory");
    let mut ids: Vec<&Value> = versions.iter().map(|node| &node["id"]).collect();
    ids.dedup();
    assert!(versions.len() > 1 && ids.len() == versions.len());
    assert!(versions[0]["version"].as_i64() > versions[1]["version"].as_i64());
}

#[apply(on_both)]
async fn the_group_pages_get_what_they_read(app: TestApp) {
    let all = documents(DOCUMENTS);
    let mut client = app.browser("admin").await;
    let page = document(&all, "group page/load");
    let node = nodes(&send(&mut client, &page.query, page.variables.as_ref()).await, "taskGroup").remove(0);
    let extension: Value =
        serde_json::from_str(node["jsonExt"].as_str().expect("JSON in a text")).expect("JSON");
    assert_eq!(extension["task_sources"], json!(["BenefitService", "individual_import"]));
    assert_eq!((&node["code"], &node["completionPolicy"]), (&json!("ALPHA"), &json!("ALL")));
    for user in nodes(&client.graphql(&document(&all, "group page/executor picker").query).await, "users") {
        assert!(user["username"].is_string() && user["lastName"].is_string(), "{user}");
    }
    let answer = client.graphql(&document(&all, "group page/create").query).await;
    let id = answer.data("createTaskGroup")["clientMutationId"].clone();
    let poll = document(&all, "journal/poll an entry")
        .query
        .replace("6b1f0c52-7d3e-4a8b-9c41-000000000002", id.as_str().unwrap_or_default());
    let entry = nodes(&client.graphql(&poll).await, "mutationLogs").remove(0);
    assert_eq!((&entry["clientMutationId"], entry["status"].is_i64()), (&id, true));
    assert_ne!(entry["status"], 0, "the work is done when the answer leaves");
}

#[apply(on_both)]
async fn a_failed_list_is_an_error_the_page_can_show(app: TestApp) {
    let mut client = app.browser("norights").await;
    for list in ["task", "taskHistory", "taskGroup", "users"] {
        let answer = client
            .graphql(&format!("{{ {list}(first: 10) {{ totalCount edges {{ node {{ id }} }} }} }}"))
            .await;
        assert_eq!(
            (answer.status, &answer.body["data"]),
            (StatusCode::OK, &json!({ list: null })),
            "{}",
            answer.text
        );
        assert_eq!(answer.codes(), ["FORBIDDEN"]);
        let text = answer.message().to_lowercase();
        assert!(
            !text.contains("unauthorized")
                && !text.contains("csrf")
                && text != "user not authorized for this operation"
        );
    }
}
