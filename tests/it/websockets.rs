//! A host's schema over a real WebSocket: async-graphql-axum serves it, and a client speaks `graphql-transport-ws` to it.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use async_graphql::Data;
use async_graphql_axum::{GraphQLProtocol, GraphQLWebSocket};
use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::routing::get;
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tokio::net::TcpListener;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Message, WebSocket};

use crate::executors::schema;
use crate::support::scenario::user_id;
use crate::support::{TestApp, apply, on_both};

const PROTOCOL: &str = "graphql-transport-ws";

/// A host's server; who connects says by name who it is.
async fn serve(app: &TestApp) -> SocketAddr {
    let (module, schema) = (app.module.clone(), schema(&app.module));
    let connect = move |protocol: GraphQLProtocol, upgrade: WebSocketUpgrade| {
        let (module, schema) = (module.clone(), schema.clone());
        let init = async move |payload: Value| {
            let mut data = Data::default();
            if let Some(name) = payload["user"].as_str() {
                data.insert(module.requester(name).await?);
            }
            Ok(data)
        };
        let upgraded = upgrade.protocols([PROTOCOL]).on_upgrade(move |socket| {
            GraphQLWebSocket::new(socket, schema, protocol).on_connection_init(init).serve()
        });
        std::future::ready(upgraded)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(axum::serve(listener, Router::new().route("/", get(connect))).into_future());
    address
}

/// A connection of a client.
struct Connection(WebSocket<TcpStream>);

impl Connection {
    fn open(address: SocketAddr, username: Option<&str>) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("it is set");
        let mut request = format!("ws://{address}/").into_client_request().expect("a request");
        request.headers_mut().insert("sec-websocket-protocol", PROTOCOL.parse().expect("a header"));
        let (socket, _) = tungstenite::client(request, stream).expect("a WebSocket");
        let mut connection = Self(socket);
        connection.send(&json!({ "type": "connection_init", "payload": { "user": username } }));
        assert_eq!(connection.receive()["type"], "connection_ack");
        connection
    }

    fn send(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).expect("it is sent");
    }

    fn receive(&mut self) -> Value {
        let message = self.0.read().expect("a message");
        serde_json::from_str(message.to_text().expect("a text")).expect("JSON")
    }

    /// All answers to an operation.
    fn answers(&mut self, query: &str) -> Vec<Value> {
        self.send(&json!({ "id": "1", "type": "subscribe", "payload": { "query": query } }));
        let mut answers = Vec::new();
        loop {
            let mut message = self.receive();
            assert_eq!(message["id"], "1", "{message}");
            match message["type"].as_str() {
                Some("next") => answers.push(message["payload"].take()),
                _ => return answers,
            }
        }
    }
}

/// All answers to each of these operations, one after the other over one connection.
async fn answers<const N: usize>(
    app: &TestApp,
    username: Option<&'static str>,
    queries: [&str; N],
) -> [Vec<Value>; N] {
    let (address, queries) = (serve(app).await, queries.map(str::to_owned));
    let client = move || {
        let mut connection = Connection::open(address, username);
        queries.map(|query| connection.answers(&query))
    };
    tokio::task::spawn_blocking(client).await.expect("the client ends in order")
}

#[apply(on_both)]
async fn queries_mutations_and_a_hosts_subscription_share_one_websocket(app: TestApp) {
    let group = app.group("WS", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let vote = format!(
        "mutation {{ resolveTask(input: {{ id: \"{task}\", clientMutationId: \"ws\", businessStatus: \
         \"{{\\\"{}\\\": \\\"APPROVED\\\"}}\" }}) {{ clientMutationId }} }}",
        user_id("exec1")
    );
    let query = format!("{{ greeting task(id: \"{task}\") {{ edges {{ node {{ uuid }} }} }} }}");
    let subscription = "subscription { rings { number heardBy } }";
    let [seen, rung, voted] = answers(&app, Some("exec1"), [&query, subscription, &vote]).await;
    let expected =
        json!({ "greeting": "Good morning.", "task": { "edges": [{ "node": { "uuid": task } }] } });
    assert_eq!(seen, [json!({ "data": expected })]);
    let ring = |number: i32| json!({ "data": { "rings": { "number": number, "heardBy": "exec1" } } });
    assert_eq!(rung, [ring(1), ring(2)]);
    assert_eq!(voted, [json!({ "data": { "resolveTask": { "clientMutationId": "ws" } } })]);
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn a_blocked_persons_open_websocket_answers_nothing_more(app: TestApp) {
    let address = serve(&app).await;
    let ask = |mut connection: Connection| {
        let asked = move || {
            let answers = connection.answers("{ task { totalCount } }");
            (connection, answers[0].clone())
        };
        tokio::task::spawn_blocking(asked)
    };
    let open = tokio::task::spawn_blocking(move || Connection::open(address, Some("exec1")));
    let (mut connection, answer) = ask(open.await.expect("it opens")).await.expect("it answers");
    assert!(answer["data"]["task"]["totalCount"].is_number(), "{answer}");
    app.done("admin", "updateUser", json!({ "username": "exec1", "isActive": false })).await;
    let blocked = std::time::Instant::now();
    loop {
        let (same, answer) = ask(connection).await.expect("it answers");
        if answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED" {
            break;
        }
        assert!(
            blocked.elapsed() < Duration::from_secs(2),
            "who asks is looked up again within a second: {answer}"
        );
        connection = same;
    }
}

#[apply(on_both)]
async fn a_stranger_on_a_websocket_gets_what_is_for_everybody(app: TestApp) {
    let queries = ["{ greeting task { totalCount } }", "subscription { rings { number } }"];
    let [seen, refused] = answers(&app, None, queries).await;
    assert_eq!(seen[0]["data"], json!({ "greeting": "Good morning.", "task": null }));
    assert_eq!(seen[0]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!(refused[0]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{refused:?}");
}

#[apply(on_both)]
async fn the_budget_of_a_query_holds_on_a_websocket(backend: Backend) {
    let settings = |settings: &mut tasks_management::Settings| settings.limits.request_rows = 3;
    let app = TestApp::start_with(backend, settings, |builder| builder).await;
    for _ in 0..5 {
        app.task(tasks_management::CreateTask::default()).await;
    }
    let list = |first: usize| format!("{{ task(first: {first}) {{ edges {{ node {{ id }} }} }} }}");
    let [refused, seen] = answers(&app, Some("admin"), [&list(5), &list(2)]).await;
    assert_eq!(refused[0]["errors"][0]["extensions"]["code"], "LIMIT", "{refused:?}");
    assert_eq!(seen[0]["data"]["task"]["edges"].as_array().map(Vec::len), Some(2), "{seen:?}");
}

/// A client that asks three times for more than it reads.
fn silent(address: SocketAddr, username: &str) -> Connection {
    let mut silent = Connection::open(address, Some(username));
    for number in 0..3 {
        let payload = json!({ "query": "{ letter task(first: 1) { totalCount } }" });
        silent.send(&json!({ "id": number.to_string(), "type": "subscribe", "payload": payload }));
    }
    silent
}

#[apply(on_both)]
async fn who_does_not_read_a_websocket_gives_turns_to_others_and_takes_them_again(backend: Backend) {
    let settings = |settings: &mut tasks_management::Settings| {
        settings.limits.queries_at_once = 1;
        settings.limits.queries_at_once_per_user = 1;
    };
    let app = TestApp::start_with(backend, settings, |builder| builder).await;
    let address = serve(&app).await;
    let silent = tokio::task::spawn_blocking(move || silent(address, "admin")).await.expect("it connects");
    // The first answer fills the connection, so the second query is not driven when its turn comes.
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..2 {
        let client = move || Connection::open(address, Some("exec1")).answers("{ greeting }");
        let answers = tokio::task::spawn_blocking(client);
        let answers = tokio::time::timeout(Duration::from_secs(10), answers).await.expect("it has its turn");
        assert_eq!(answers.expect("the client ends")[0]["data"], json!({ "greeting": "Good morning." }));
    }
    let read = move || {
        let mut reader = silent;
        let received: Vec<Value> = (0..6).map(|_| reader.receive()).collect();
        received.iter().filter(|message| message["payload"]["data"]["task"]["totalCount"].is_i64()).count()
    };
    assert_eq!(tokio::task::spawn_blocking(read).await.expect("it reads at last"), 3, "all are answered");
}

/// A WebSocket's operations wait like this one when nobody reads it.
#[apply(on_both)]
async fn work_that_nobody_drives_keeps_no_connection_to_the_database(backend: Backend) {
    let settings = |settings: &mut tasks_management::Settings| {
        settings.database.pool_size = 1;
        settings.database.checkout_timeout_ms = 5_000;
    };
    let app = TestApp::start_with(backend, settings, |builder| builder).await;
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let (module, mut hold) = (app.module.clone(), Some((begun, ends)));
    let holder = tokio::spawn(async move {
        let hold = move |_: &mut tasks_management::DbConnection| {
            if let Some((begun, ends)) = hold.take() {
                begun.send(()).expect("the test waits");
                ends.recv().expect("the test says when");
            }
            Ok(())
        };
        module.database().write(hold).await
    });
    has_begun.await.expect("it holds the only connection");
    let mut waiting = Box::pin(app.module.database().write(|_| Ok(7)));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut waiting).await.is_err(), "driven, then not");
    end.send(()).expect("it waits");
    holder.await.expect("no panic").expect("it is written");
    app.module.database().write(|_| Ok(())).await.expect("a connection");
    assert_eq!(waiting.await.expect("it was done meanwhile"), 7);
}
