//! A host's schema under any executor of async-graphql: single requests, batches, and the streams of WebSockets.

#![expect(clippy::unused_async, reason = "resolvers are async functions, whether they wait or not")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_graphql::futures_util::{Stream, StreamExt as _, stream};
use async_graphql::{
    BatchRequest, BatchResponse, Context, Data, MergedObject, Object, Request, Response, Schema,
    SimpleObject, Subscription,
};
use serde_json::{Value, json};
use tasks_management::{Requester, TaskManagement, TaskMutation, TaskQuery, requester};

use crate::support::{TestApp, apply, on_both};

#[derive(MergedObject)]
pub struct Query(TaskQuery, Desk);

pub struct Desk;

#[Object]
impl Desk {
    async fn greeting(&self) -> &str {
        "Good morning."
    }

    /// Fails, and may not be null.
    async fn stamp(&self) -> async_graphql::Result<String> {
        Err("The stamp is lost.".into())
    }

    /// More than a connection takes that nobody reads.
    async fn letter(&self) -> String {
        "Dear reader. ".repeat(500_000)
    }

    /// Takes a while; answers how many do so at once.
    async fn busy(&self, ctx: &Context<'_>) -> usize {
        let busy = ctx.data_unchecked::<AtomicUsize>();
        let begun = busy.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
        begun.max(busy.fetch_sub(1, Ordering::SeqCst))
    }

    async fn drawer(&self) -> Option<Drawer> {
        Some(Drawer)
    }
}

struct Drawer;

#[Object]
impl Drawer {
    async fn pens(&self) -> i32 {
        3
    }

    /// Fails, and may not be null.
    async fn key(&self) -> async_graphql::Result<String> {
        Err("The key is lost.".into())
    }
}

pub struct Bell;

#[derive(SimpleObject)]
#[graphql(complex)]
struct Ring {
    number: i32,
}

#[async_graphql::ComplexObject]
impl Ring {
    async fn heard_by(&self, ctx: &Context<'_>) -> tasks_management::Result<String> {
        Ok(requester(ctx)?.user.username.clone())
    }
}

#[Subscription]
impl Bell {
    /// Rings for whoever is logged in.
    async fn rings(&self, ctx: &Context<'_>) -> tasks_management::Result<impl Stream<Item = Ring> + use<>> {
        requester(ctx)?;
        Ok(stream::iter([1, 2]).map(|number| Ring { number }))
    }
}

pub type HostSchema = Schema<Query, TaskMutation, Bell>;

/// A host's schema, with the module's roots in it.
pub fn schema(module: &TaskManagement) -> HostSchema {
    let query = Query(module.query(), Desk);
    let busy = AtomicUsize::new(0);
    module.schema(query, module.mutation(), Bell, |builder| builder.data(busy)).expect("a schema")
}

fn value(response: Response) -> Value {
    serde_json::to_value(response).expect("an answer")
}

/// The answers of all executors to one request.
async fn by_all(schema: &HostSchema, who: &Arc<Requester>, text: &str) -> Vec<Value> {
    let request = || Request::new(text).data(Arc::clone(who));
    let mut answers = vec![value(schema.execute(request()).await)];
    match schema.execute_batch(BatchRequest::Batch(vec![request(), request()])).await {
        BatchResponse::Batch(batch) => answers.extend(batch.into_iter().map(value)),
        BatchResponse::Single(_) => panic!("a batch is answered by a batch"),
    }
    answers.push(value(schema.execute_stream(request()).next().await.expect("an answer")));
    let mut session = Data::default();
    session.insert(Arc::clone(who));
    let mut answer = schema.execute_stream_with_session_data(Request::new(text), Arc::new(session));
    answers.push(value(answer.next().await.expect("an answer")));
    assert_eq!(answers.len(), 5);
    answers
}

#[apply(on_both)]
async fn every_executor_knows_the_requester_and_merges_selections(app: TestApp) {
    app.group("ONE", tasks_management::CompletionPolicy::Any, &["exec1"]).await;
    let schema = schema(&app.module);
    let admin = app.module.requester("admin").await.expect("admin");
    let text = "{ taskGroup(first: 1) { totalCount } greeting taskGroup(first: 1) { edges { node { code } } \
                edges { node { executors: taskexecutorSet { edges { node { user { username } } } } } } } }";
    let answers = by_all(&schema, &admin, text).await;
    for answer in &answers {
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        assert_eq!(answer, &answers[0]);
        assert!(answer["data"]["taskGroup"]["totalCount"].is_i64(), "{answer}");
        let node = &answer["data"]["taskGroup"]["edges"][0]["node"];
        assert!(node["code"].is_string() && node["executors"]["edges"].is_array(), "{node}");
    }
    let stranger = value(schema.execute("{ greeting task { totalCount } }").await);
    assert_eq!(stranger["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{stranger}");
    assert_eq!(stranger["data"], json!({ "greeting": "Good morning.", "task": null }));
}

#[apply(on_both)]
async fn the_bounds_hold_under_every_executor(backend: Backend) {
    let settings = |settings: &mut tasks_management::Settings| {
        settings.limits.query_depth = 6;
        settings.limits.query_complexity = 40;
        settings.limits.query_tokens = 200;
        settings.limits.request_rows = 3;
    };
    let app = TestApp::start_with(backend, settings, |builder| builder).await;
    let schema = schema(&app.module);
    let admin = app.module.requester("admin").await.expect("admin");
    let deep = "{ task { edges { node { taskGroup { taskexecutorSet { edges { node { id } } } } } } } }";
    let wide = format!("{{ {} }}", (0..41).map(|n| format!("a{n}: greeting ")).collect::<String>());
    let long = format!("{{ {} }}", "greeting ".repeat(201));
    let many = "{ task(first: 5) { edges { node { id } } } }";
    for text in [deep, &wide, &long, many] {
        for answer in by_all(&schema, &admin, text).await {
            assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT", "{text}: {answer}");
            assert_eq!(answer["data"], Value::Null, "{text}: {answer}");
        }
    }
    for answer in by_all(&schema, &admin, "{ nonsense also: folly }").await {
        assert_eq!(answer["errors"].as_array().map(Vec::len), Some(2), "all faults are named: {answer}");
    }
}

#[apply(on_both)]
async fn a_persons_queries_wait_for_their_turns_under_every_executor(backend: Backend) {
    let settings = |settings: &mut tasks_management::Settings| settings.limits.queries_at_once_per_user = 1;
    let app = TestApp::start_with(backend, settings, |builder| builder).await;
    let schema = schema(&app.module);
    let who = async |name: &str| app.module.requester(name).await.expect("somebody");
    let (admin, other) = (who("admin").await, who("exec1").await);
    let (first, second) =
        tokio::join!(by_all(&schema, &admin, "{ busy }"), by_all(&schema, &admin, "{ busy }"));
    for answer in first.iter().chain(&second) {
        assert_eq!(answer["data"], json!({ "busy": 1 }), "one after the other: {answer}");
    }
    let (first, second) =
        tokio::join!(by_all(&schema, &admin, "{ busy }"), by_all(&schema, &other, "{ busy }"));
    let most = first.iter().chain(&second).filter_map(|answer| answer["data"]["busy"].as_u64()).max();
    assert_eq!(most, Some(2), "two people are served at once");
}

#[apply(on_both)]
async fn a_hosts_non_null_field_that_fails_takes_the_nearest_object_that_may_be_null(app: TestApp) {
    let schema = schema(&app.module);
    let admin = app.module.requester("admin").await.expect("admin");
    for answer in by_all(&schema, &admin, "{ greeting drawer { pens key } }").await {
        assert_eq!(answer["data"], json!({ "greeting": "Good morning.", "drawer": null }));
        assert_eq!(answer["errors"][0]["path"], json!(["drawer", "key"]));
        assert_eq!(answer["errors"][0]["message"], "The key is lost.");
    }
    for answer in by_all(&schema, &admin, "{ greeting stamp }").await {
        assert_eq!(
            (&answer["data"], &answer["errors"][0]["path"]),
            (&Value::Null, &json!(["stamp"])),
            "{answer}"
        );
    }
}

#[apply(on_both)]
async fn a_hosts_subscription_knows_the_requester_of_its_connection(app: TestApp) {
    let schema = schema(&app.module);
    let mut session = Data::default();
    session.insert(app.module.requester("exec1").await.expect("exec1"));
    let session = Arc::new(session);
    let of = |text: &str| schema.execute_stream_with_session_data(Request::new(text), Arc::clone(&session));
    let rings: Vec<Value> = of("subscription { rings { number heardBy } }").map(value).collect().await;
    let ring = |number: i32| json!({ "data": { "rings": { "number": number, "heardBy": "exec1" } } });
    assert_eq!(rings, [ring(1), ring(2)]);
    // The module's own fields over the same connection.
    let tasks: Vec<Value> = of("{ task(first: 1) { totalCount } }").map(value).collect().await;
    assert!(tasks[0]["data"]["task"]["totalCount"].is_i64(), "{tasks:?}");

    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].as_str().map(str::to_owned);
    let stranger: Vec<Value> =
        schema.execute_stream("subscription { rings { number } }").map(value).collect().await;
    assert_eq!(code(&stranger[0]).as_deref(), Some("UNAUTHENTICATED"), "{stranger:?}");
    let twice: Vec<Value> =
        of("subscription { rings { number } more: rings { number } }").map(value).collect().await;
    assert_eq!(code(&twice[0]).as_deref(), Some("VALIDATION"), "{twice:?}");
    let wrong: Vec<Value> = of("subscription { rings { nonsense folly } }").map(value).collect().await;
    assert_eq!(wrong[0]["errors"].as_array().map(Vec::len), Some(2), "{wrong:?}");
}
