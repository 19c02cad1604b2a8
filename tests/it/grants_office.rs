//! The example of a host on PostgreSQL, driven over HTTP and WebSocket.

use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Message, WebSocket, client};

use crate::support::Backend;
use crate::support::backend::TestDatabase;
use crate::support::example::{example, listening};
use crate::support::program::{Reply, Server, wait_until};

fn start(database: &TestDatabase) -> Server {
    let mut command = Command::new(example("grants_office"));
    command.args(["127.0.0.1:0", &database.url]).env("OFFICE_SECRET", "a secret for tests only");
    listening(command)
}

/// Somebody who has logged in.
struct Person<'a> {
    server: &'a Server,
    token: String,
    id: String,
}

impl<'a> Person<'a> {
    fn log_in(server: &'a Server, username: &str) -> Self {
        let body = json!({ "username": username, "password": format!("{username}1") });
        let reply = server.send("POST", "/login", &[], &body.to_string());
        let text = |name: &str| reply.body[name].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned();
        Self { server, token: text("token"), id: text("id") }
    }

    fn ask(&self, query: &str, variables: Value) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("Authorization", bearer.as_str()), ("X-Request-Id", "from-the-host")];
        let body = json!({ "query": query, "variables": variables }).to_string();
        self.server.send("POST", "/graphql", &headers, &body)
    }

    fn propose_grant(&self, amount: i32) -> Value {
        let query =
            "mutation($amount: Int!) { proposeGrant(input: { purpose: \"A well\", amount: $amount }) }";
        self.ask(query, json!({ "amount": amount })).body
    }

    fn propose_account(&self, account: &str) -> Value {
        let query = "mutation($account: String!) { proposeAccount(id: \"1\", input: { account: $account }) }";
        self.ask(query, json!({ "account": account })).body
    }

    fn vote(&self, task: &str, verdict: &str) -> Value {
        let query = "mutation($task: UUID!, $vote: JSONString!, $id: String!) { resolveTask(input: \
                     { id: $task, businessStatus: $vote, clientMutationId: $id }) { clientMutationId } }";
        let vote = json!({ &self.id: verdict }).to_string();
        let id = format!("{task} by {}", self.id);
        self.ask(query, json!({ "task": task, "vote": vote, "id": id })).body
    }

    fn grants(&self) -> Value {
        let query =
            "{ grants(first: 1) { edges { node { purpose amount } } pageInfo { hasNextPage endCursor } } }";
        self.ask(query, json!({})).body["data"]["grants"].clone()
    }

    fn account(&self) -> Value {
        let query = "{ node(id: \"1\") { id ... on Beneficiary { account } } }";
        self.ask(query, json!({})).body["data"]["node"].clone()
    }

    fn listen(&self) -> Listener {
        Listener::connect(self.server, &self.token)
    }
}

/// A WebSocket that speaks `graphql-transport-ws`.
struct Listener(WebSocket<TcpStream>);

impl Listener {
    fn connect(server: &Server, token: &str) -> Self {
        let mut request =
            format!("ws://{}/subscriptions", server.address).into_client_request().expect("a request");
        let protocol = "graphql-transport-ws".parse().expect("a header");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let stream = TcpStream::connect(&server.address).expect("the office listens");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).expect("a time-out");
        let (socket, _) = client(request, stream).expect("a WebSocket");
        let mut listener = Self(socket);
        listener.send(json!({ "type": "connection_init", "payload": { "token": token } }));
        listener
    }

    fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).expect("the message goes out");
    }

    fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({ "type": "subscribe", "id": id, "payload": { "query": query } }));
    }

    /// The next message; the reason, if the office has closed the connection.
    fn next(&mut self) -> Value {
        loop {
            match self.0.read().expect("a message comes in") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Close(frame) => return json!(frame.expect("a reason").reason.as_str()),
                _ => {}
            }
        }
    }
}

fn key(proposed: &Value, mutation: &str) -> String {
    proposed["data"][mutation].as_str().unwrap_or_else(|| panic!("{proposed}")).to_owned()
}

fn code(answer: &Value) -> &Value {
    &answer["errors"][0]["extensions"]["code"]
}

fn is_done(vote: &Value) {
    assert!(vote["errors"].is_null() && vote["data"]["resolveTask"].is_object(), "{vote}");
}

mod on_postgres {
    use super::*;

    #[test]
    fn a_grant_is_given_once_when_both_steps_have_approved_it_and_its_maker_hears_so() {
        let database = TestDatabase::create(Backend::Postgres);
        let server = start(&database);
        let [oda, cem, dora] = ["oda", "cem", "dora"].map(|name| Person::log_in(&server, name));
        let mut listener = oda.listen();
        assert_eq!(listener.next()["type"], "connection_ack");
        listener.subscribe("decisions", "subscription { decisions { task status toldTo } }");
        // The module's fields over the same connection; the answer says that the subscription before it has begun, too.
        listener.subscribe("tasks", "{ task { totalCount } }");
        let counted = listener.next();
        assert_eq!(counted["payload"], json!({ "data": { "task": { "totalCount": 0 } } }), "{counted}");
        assert_eq!(listener.next(), json!({ "type": "complete", "id": "tasks" }));

        let task = key(&oda.propose_grant(900), "proposeGrant");
        is_done(&cem.vote(&task, "APPROVED"));
        assert_eq!(dora.grants()["edges"], json!([]), "the director has not approved yet");
        is_done(&dora.vote(&task, "APPROVED"));
        let given = json!([{ "node": { "purpose": "A well", "amount": 900 } }]);
        assert_eq!(oda.grants()["edges"], given, "the grant is there with the decision");
        let heard = listener.next();
        let decision = json!({ "task": task, "status": "COMPLETED", "toldTo": "oda" });
        assert_eq!(heard["payload"], json!({ "data": { "decisions": decision } }), "{heard}");

        let late = cem.vote(&task, "FAILED");
        assert!(code(&late).is_string() && late["data"]["resolveTask"].is_null(), "{late}");
        drop(server);
        // Another start finds all as it was: migrations, groups, flow and grants.
        let server = start(&database);
        let [oda, cem, dora] = ["oda", "cem", "dora"].map(|name| Person::log_in(&server, name));
        assert_eq!(oda.grants()["edges"], given);
        let next = key(&oda.propose_grant(20), "proposeGrant");
        is_done(&cem.vote(&next, "APPROVED"));
        is_done(&dora.vote(&next, "APPROVED"));
        assert_eq!(oda.grants()["pageInfo"]["hasNextPage"], true);
        assert_eq!(database.count("SELECT count(*) FROM office_grant"), 2);
        assert_eq!(database.count("SELECT count(*) FROM task_management_taskgroup"), 2);
        // The host's migration and ours of the same version.
        for table in ["__diesel_schema_migrations", "task_management_schema_migrations"] {
            let noted = format!("SELECT count(*) FROM {table} WHERE version = '00000000000001'");
            assert_eq!(database.count(&noted), 1, "{table}");
        }
        assert_eq!(
            database.count("SELECT count(*) FROM __diesel_schema_migrations"),
            1,
            "ours are not there"
        );
    }

    #[test]
    fn the_modules_subscription_goes_over_the_hosts_connection_to_whom_the_host_knows() {
        let database = TestDatabase::create(Backend::Postgres);
        let server = start(&database);
        let [oda, cem, dora] = ["oda", "cem", "dora"].map(|name| Person::log_in(&server, name));
        let [mut first, mut second] = [cem.listen(), dora.listen()];
        for listener in [&mut first, &mut second] {
            assert_eq!(listener.next()["type"], "connection_ack");
            listener.subscribe("1", "subscription { taskChanged { signal task { status } } }");
            assert_eq!(listener.next()["payload"]["data"]["taskChanged"]["signal"], "READY");
        }
        let task = key(&oda.propose_grant(30), "proposeGrant");
        let told = |listener: &mut Listener, status: &str| {
            let mut heard = Value::Null;
            while heard["task"]["status"] != status {
                heard = listener.next()["payload"]["data"]["taskChanged"].take();
            }
            heard["signal"].clone()
        };
        assert_ne!(told(&mut first, "ACCEPTED"), "GONE", "checkers are asked first");
        is_done(&cem.vote(&task, "APPROVED"));
        assert_ne!(told(&mut second, "ACCEPTED"), "GONE", "then the director");
        is_done(&dora.vote(&task, "APPROVED"));
        assert_eq!(told(&mut second, "COMPLETED"), "COMPLETED");
    }

    #[test]
    fn an_account_changes_after_the_decision_and_each_refusal_says_why() {
        let database = TestDatabase::create(Backend::Postgres);
        let server = start(&database);
        let [oda, cem, dora] = ["oda", "cem", "dora"].map(|name| Person::log_in(&server, name));

        let dear = oda.propose_grant(10_001);
        assert_eq!(
            dear["errors"][0]["extensions"],
            json!({ "code": "BUDGET_EXCEEDED" }),
            "the host's own: {dear}"
        );
        assert_eq!(dear["errors"][0]["message"], "The office gives 10000 at most.");
        assert_eq!(code(&cem.propose_grant(1)), "FORBIDDEN", "checkers may not propose");
        let bad = oda.propose_account("nowhere");
        assert_eq!(
            (code(&bad), &bad["errors"][0]["extensions"]["field"]),
            (&json!("VALIDATION"), &json!("account"))
        );

        let task = key(&oda.propose_account("GH-300"), "proposeAccount");
        assert_eq!(code(&oda.propose_account("GH-400")), "CONFLICT", "one open task for each beneficiary");
        let stranger = dora.vote(&task, "APPROVED");
        assert_eq!(
            stranger["data"]["resolveTask"],
            Value::Null,
            "errors are answered, not only noted: {stranger}"
        );
        assert!(code(&stranger).is_string(), "{stranger}");
        assert_eq!(stranger["errors"][0]["extensions"]["requestId"], "from-the-host", "{stranger}");
        assert_eq!(oda.account()["account"], "GH-100");
        is_done(&cem.vote(&task, "APPROVED"));
        wait_until("the account is changed", || oda.account()["account"] == "GH-300");
    }

    #[test]
    fn who_has_no_token_is_refused_over_http_and_websocket() {
        let database = TestDatabase::create(Backend::Postgres);
        let server = start(&database);
        let query = json!({ "query": "{ grants { edges { cursor } } }" }).to_string();
        let stranger = server.send("POST", "/graphql", &[], &query);
        assert_eq!((stranger.status, code(&stranger.body)), (200, &json!("UNAUTHENTICATED")), "{stranger:?}");
        let forged = server.send("POST", "/graphql", &[("Authorization", "Bearer forged")], &query);
        assert_eq!(forged.status, 401, "{forged:?}");
        let wrong = json!({ "username": "oda", "password": "guessed" }).to_string();
        assert_eq!(server.send("POST", "/login", &[], &wrong).status, 401);
        assert_eq!(Listener::connect(&server, "forged").next(), "401 Unauthorized");
    }
}

/// What a host pays for the module, without blank lines, comments and imports.
#[test]
fn the_example_is_as_short_as_the_documents_say() {
    let lines = |files: &[&str]| -> usize {
        let count = |file: &&str| {
            let path = format!("{}/examples/grants_office/{file}.rs", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            let is_code =
                |line: &&str| !line.is_empty() && !line.starts_with("//") && !line.starts_with("use ");
            text.lines().map(str::trim).filter(is_code).count()
        };
        files.iter().map(count).sum()
    };
    assert!(lines(&["schema", "staff", "tables"]) <= 60, "{}", lines(&["schema", "staff", "tables"]));
    assert!(lines(&["grants"]) <= 25, "{}", lines(&["grants"]));
}
