//! What the machine can do for a list of tasks: a bare handler with one prepared statement, which answers what the server's
//! own list answers. No GraphQL, no person, no rights. `benches/load.py` runs it beside the server.
//!
//! `bare URL` prints the address at which it listens, on loopback.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::NaiveDateTime;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// As many connections as the server has by default.
const CONNECTIONS: u32 = 10;
/// The rows of a page, and one more that says whether there is a next page.
const ROWS: i64 = 11;

mod schema {
    diesel::table! {
        task_management_task {
            id -> Uuid,
            is_deleted -> Bool,
            json_ext -> Nullable<Jsonb>,
            date_created -> Timestamp,
            source -> Nullable<Text>,
            entity_id -> Nullable<Text>,
            entity_string -> Nullable<Text>,
            status -> Nullable<Text>,
            executor_action_event -> Nullable<Text>,
            business_event -> Nullable<Text>,
            task_group_id -> Nullable<Uuid>,
            data -> Nullable<Jsonb>,
        }
    }
    diesel::table! {
        task_management_taskgroup {
            id -> Uuid,
            code -> Text,
            completion_policy -> Text,
        }
    }
    diesel::joinable!(task_management_task -> task_management_taskgroup (task_group_id));
    diesel::allow_tables_to_appear_in_same_query!(task_management_task, task_management_taskgroup);
}

use schema::{task_management_task as task, task_management_taskgroup as task_group};

type Connections = Pool<ConnectionManager<PgConnection>>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Queryable, Selectable)]
#[diesel(table_name = task)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Task {
    id: Uuid,
    entity_id: Option<String>,
    entity_string: Option<String>,
    source: Option<String>,
    status: Option<String>,
    executor_action_event: Option<String>,
    business_event: Option<String>,
    date_created: NaiveDateTime,
    is_deleted: bool,
    data: Option<Value>,
    json_ext: Option<Value>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = task_group)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct TaskGroup {
    id: Uuid,
    code: String,
    completion_policy: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    id: String,
    entity_id: Option<String>,
    entity_string: Option<String>,
    source: Option<String>,
    status: Option<String>,
    executor_action_event: Option<String>,
    business_event: Option<String>,
    date_created: String,
    is_deleted: bool,
    task_group: Option<Group>,
    data: Option<String>,
    json_ext: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    id: String,
    code: String,
    completion_policy: String,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::args().nth(1).ok_or("bare needs the URL of a PostgreSQL database")?;
    let connections = Pool::builder().max_size(CONNECTIONS).build(ConnectionManager::new(url))?;
    let router = Router::new().route("/", post(list)).with_state(Arc::new(connections));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

async fn list(State(connections): State<Arc<Connections>>) -> Result<Json<Value>, StatusCode> {
    // libpq waits on the thread that calls it, so this cannot stand on an async thread.
    let answer = tokio::task::spawn_blocking(move || page(&connections)).await;
    match answer {
        Ok(Ok(page)) => Ok(Json(page)),
        _ => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn page(connections: &Connections) -> Result<Value, Failure> {
    let mut rows: Vec<(Task, Option<TaskGroup>)> = task::table
        .left_join(task_group::table)
        .filter(task::is_deleted.eq(false))
        .order((task::date_created.desc(), task::id.desc()))
        .limit(ROWS)
        .select((Task::as_select(), Option::<TaskGroup>::as_select()))
        .load(&mut connections.get()?)?;
    let has_next = rows.len() > 10;
    rows.truncate(10);
    let cursor = |row: Option<&(Task, Option<TaskGroup>)>| row.map(|(task, _)| cursor(task));
    let info = serde_json::json!({
        "hasNextPage": has_next,
        "hasPreviousPage": false,
        "startCursor": cursor(rows.first()),
        "endCursor": cursor(rows.last()),
    });
    let nodes = rows.into_iter().map(|(task, group)| Ok(serde_json::json!({ "node": node(task, group)? })));
    let edges = nodes.collect::<Result<Vec<Value>, serde_json::Error>>()?;
    Ok(serde_json::json!({ "data": { "task": { "pageInfo": info, "edges": edges } } }))
}

fn node(task: Task, group: Option<TaskGroup>) -> Result<Node, serde_json::Error> {
    let text = |json: Option<Value>| json.map(|json| serde_json::to_string(&json)).transpose();
    Ok(Node {
        id: global_id("TaskGQLType", task.id),
        entity_id: task.entity_id,
        entity_string: task.entity_string,
        source: task.source,
        status: task.status,
        executor_action_event: task.executor_action_event,
        business_event: task.business_event,
        date_created: date_time(task.date_created),
        is_deleted: task.is_deleted,
        task_group: group.map(|group| Group {
            id: global_id("TaskGroupGQLType", group.id),
            code: group.code,
            completion_policy: group.completion_policy,
        }),
        data: text(task.data)?,
        json_ext: text(task.json_ext)?,
    })
}

fn cursor(task: &Task) -> String {
    STANDARD.encode(format!("-date_created-id\n[\"{}\",\"{}\"]", date_time(task.date_created), task.id))
}

fn global_id(kind: &str, id: Uuid) -> String {
    STANDARD.encode(format!("{kind}:{id}"))
}

fn date_time(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}
