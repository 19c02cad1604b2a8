//! The module in a host's process: its schema merged, its pool shared, twice.

#![expect(clippy::unused_async, reason = "resolvers are async functions, whether they wait or not")]

use std::sync::Arc;

use async_graphql::{Context, EmptySubscription, MergedObject, Object, Request, Schema};
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::{
    Builder, CreateTask, Database, Requester, Settings, TaskGroupInput, TaskManagement, TaskMutation,
    TaskQuery, TaskStatus,
};

use crate::support::backend::TestDatabase;
use crate::support::people::People;
use crate::support::{Backend, apply, on_both};

#[derive(MergedObject)]
struct HostQuery(TaskQuery, Greetings);

#[derive(MergedObject)]
struct HostMutation(TaskMutation, Nothing);

struct Greetings;

#[Object]
impl Greetings {
    async fn greeting(&self, ctx: &Context<'_>) -> tasks_management::Result<String> {
        Ok(format!("Good morning, {}.", tasks_management::requester(ctx)?.user.username))
    }
}

struct Nothing;

#[Object]
impl Nothing {
    async fn nothing(&self) -> bool {
        true
    }
}

type HostSchema = Schema<HostQuery, HostMutation, EmptySubscription>;

fn host_schema(module: &TaskManagement) -> HostSchema {
    let (query, mutation) = (HostQuery(module.query(), Greetings), HostMutation(module.mutation(), Nothing));
    module.schema(query, mutation, EmptySubscription, |builder| builder).expect("no name is taken twice")
}

async fn execute(
    module: &TaskManagement,
    schema: &HostSchema,
    who: Option<&Arc<Requester>>,
    query: &str,
) -> Value {
    let response = module.execute(schema, Request::new(query), who.cloned()).await;
    serde_json::to_value(response).expect("an answer")
}

#[apply(on_both)]
async fn the_modules_roots_stand_beside_a_hosts_own(app: TestApp) {
    let schema = host_schema(&app.module);
    let sdl = schema.sdl();
    assert!(sdl.contains("type HostQuery {"), "the host names its root");
    assert!(sdl.contains("status_Iexact") || sdl.contains("source_Icontains"), "lists have their arguments");
    app.task(CreateTask { source: Some("Host".to_owned()), ..CreateTask::default() }).await;
    let admin = app.module.requester("admin").await.expect("an admin");
    let query = "{ greeting task(source: \"Host\", first: 1) { totalCount edges { node { source userCreated { username } } } } }";
    let answer = execute(&app.module, &schema, Some(&admin), query).await;
    assert_eq!(answer["data"]["greeting"], "Good morning, admin.");
    let task = json!({ "source": "Host", "userCreated": { "username": "admin" } });
    assert_eq!(answer["data"]["task"], json!({ "totalCount": 1, "edges": [{ "node": task }] }), "{answer}");

    let create = "mutation { nothing createTask(input: { source: \"Host\", clientMutationId: \"1\" }) { clientMutationId } }";
    let answer = execute(&app.module, &schema, Some(&admin), create).await;
    assert_eq!(answer["data"], json!({ "nothing": true, "createTask": { "clientMutationId": "1" } }));
    assert_eq!(app.count("SELECT count(*) FROM task_management_task WHERE source = 'Host'"), 2);
}

#[apply(on_both)]
async fn a_hosts_schema_has_the_modules_rights_errors_and_bounds(app: TestApp) {
    let schema = host_schema(&app.module);
    let stranger = execute(&app.module, &schema, None, "{ greeting task { totalCount } }").await;
    let codes: Vec<&Value> = stranger["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| &error["extensions"]["code"])
        .collect();
    assert_eq!(codes, ["UNAUTHENTICATED", "UNAUTHENTICATED"]);
    assert_eq!(stranger["data"], Value::Null, "`greeting` may not be null, so nothing may: {stranger}");
    let stranger = execute(&app.module, &schema, None, "{ task { totalCount } }").await;
    assert_eq!(stranger["data"], json!({ "task": null }), "{stranger}");
    let nobody = app.module.requester("norights").await.expect("somebody");
    let refused = execute(
        &app.module,
        &schema,
        Some(&nobody),
        "{ taskGroup { totalCount } task(first: 1000) { totalCount } }",
    )
    .await;
    assert_eq!(refused["data"], json!({ "taskGroup": null, "task": null }), "{refused}");
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
    let deep = format!(
        "{{ task {}{} }}",
        "{ edges { node { userCreated { taskUserCreated ".repeat(10),
        "}}}}".repeat(10)
    );
    let refused = execute(&app.module, &schema, Some(&nobody), &deep).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "LIMIT", "{refused}");
    let broken = execute(&app.module, &schema, Some(&nobody), "{ task {").await;
    assert_eq!(broken["errors"][0]["extensions"]["code"], "VALIDATION", "{broken}");
}

async fn embedded(database: Database, people: &People, decider: &str) -> TaskManagement {
    let module =
        Builder::new(Settings::default()).database(database).users(people.clone()).build().expect("a module");
    module.migrate().await.expect("migrations");
    let root = module.requester("root").await.expect("root");
    let input = TaskGroupInput {
        user_ids: Some(vec![people.id(decider)]),
        task_sources: Some(vec!["Host".to_owned()]),
        ..TaskGroupInput::new("HOST", Any)
    };
    module.task_groups().create(&root, input).await.expect("a group");
    module
}

async fn task(module: &TaskManagement) -> uuid::Uuid {
    let maker = module.requester("maker").await.expect("a maker");
    let input = CreateTask { source: Some("Host".to_owned()), ..CreateTask::default() };
    module.tasks().create(&maker, input).await.expect("a task").id
}

fn settings(database: &TestDatabase) -> Settings {
    let mut settings = Settings::default();
    settings.database.url.clone_from(&database.url);
    settings.database.sqlite_durable = false;
    settings
}

#[apply(on_both)]
async fn two_modules_with_different_databases_live_in_one_process(backend: Backend) {
    // One of them always on the other kind of database.
    let databases = [TestDatabase::create(backend), TestDatabase::create(Backend::Sqlite)];
    let (here, there) = (People::usual(), People::usual());
    there.change(there.id("ada"), |person, _| person.username = "adele".to_owned());
    let one =
        embedded(Database::new(&settings(&databases[0]).database).expect("a database"), &here, "ada").await;
    let two =
        embedded(Database::new(&settings(&databases[1]).database).expect("a database"), &there, "adele")
            .await;
    let id = task(&one).await;
    let ada = one.requester("ada").await.expect("ada");
    let adele = two.requester("adele").await.expect("adele");
    assert!(two.requester("ada").await.is_err(), "each knows its own people");
    assert!(two.tasks().vote(&adele, id, true, None).await.is_err(), "each has its own tasks");
    let decided = one.tasks().vote(&ada, id, true, None).await.expect("a vote");
    assert_eq!(decided.status, TaskStatus::Completed);
    let query = "{ task { totalCount } }";
    let (first, second) = (host_schema(&one), host_schema(&two));
    let root = one.requester("root").await.expect("root");
    assert_eq!(execute(&one, &first, Some(&root), query).await["data"]["task"]["totalCount"], 1);
    assert_eq!(execute(&two, &second, Some(&root), query).await["data"]["task"]["totalCount"], 0);
}

#[apply(on_both)]
async fn a_hosts_router_may_nest_the_modules(app: TestApp) {
    // The host has paths of its own that would clash if the routers were merged.
    let hosts = axum::Router::new().route("/healthz", axum::routing::get(|| async { "the host lives" }));
    let mut client = crate::support::Client::new(hosts.nest("/tasks", app.module.router()));
    assert_eq!(client.send("GET", "/healthz", "").await.text, "the host lives");
    assert_eq!(client.send("GET", "/tasks/readyz", "").await.status.as_u16(), 200);
    let answer = client.send("POST", "/tasks/api/graphql", r#"{"query":"{ __typename }"}"#).await;
    assert!(answer.text.contains("Query") || answer.text.contains("UNAUTHENTICATED"), "{}", answer.text);
    client.headers.push(("accept".to_owned(), "text/html".to_owned()));
    let page = client.send("GET", "/tasks/api/graphql", "").await.text;
    assert!(page.contains("\"/tasks/api/graphql/assets/start.js\""), "{page}");
}
