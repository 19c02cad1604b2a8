//! The log of the real program as JSON: an object a line, requests found by their ids, and no secrets.

use serde_json::{Value, json};

use crate::support::program::{SECRET, Server, program, wait_until};
use crate::support::{apply, on_both};

const JSON: (&str, &str) = ("TASKS__LOG__FORMAT", "json");
const WHO: &str = "{ user { username } }";

/// The lines of a log, each of them an object with time, level and text.
fn objects(lines: &[String]) -> Vec<Value> {
    let read = |line: &String| {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
        let moment = chrono::DateTime::parse_from_rfc3339(&text("timestamp"));
        assert!(moment.is_ok_and(|moment| moment.offset().utc_minus_local() == 0), "{line}");
        assert!(["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&text("level").as_str()), "{line}");
        assert!(object["message"].is_string(), "{line}");
        object
    };
    lines.iter().map(read).collect()
}

/// The line that ends the request with this id.
fn answered<'a>(lines: &'a [Value], id: &str) -> &'a Value {
    let is_end = |line: &&Value| line["span"]["id"] == id && line["message"] == "answered";
    let found: Vec<&Value> = lines.iter().filter(is_end).collect();
    assert_eq!(found.len(), 1, "{id}: {found:?}");
    found[0]
}

#[apply(on_both)]
async fn a_line_of_json_tells_of_each_request_what_it_was_and_how_it_went(app: TestApp) {
    let mut server = Server::start(app.database_url(), &[JSON]);
    let bearer = server.bearer("exec1");
    let own = [("Authorization", bearer.as_str()), ("X-Request-Id", "own-id-1")];
    let good = server.graphql(&own, WHO, Value::Null);
    assert_eq!((good.status, good.header("x-request-id")), (200, "own-id-1"), "{good:?}");
    let stranger = server.graphql(&[], WHO, Value::Null);
    let id = stranger.body["errors"][0]["extensions"]["requestId"].as_str().expect("an id").to_owned();
    assert_eq!((stranger.status, stranger.header("x-request-id")), (401, id.as_str()), "{stranger:?}");
    let field = server.graphql(
        &[("Authorization", &bearer)],
        "{ task(after: \"nonsense\") { totalCount } }",
        Value::Null,
    );
    let field_id = field.body["errors"][0]["extensions"]["requestId"].as_str().expect("an id").to_owned();
    assert_eq!(field.header("x-request-id"), field_id);
    let health = server.send("GET", "/healthz", &[], "");
    server.terminate();
    assert!(server.wait().success());

    let lines = objects(&server.log());
    for (id, method, path, operation, status) in [
        ("own-id-1", "POST", "/api/graphql", Some("query user"), 200),
        (&id, "POST", "/api/graphql", Some("query user"), 401),
        (&field_id, "POST", "/api/graphql", Some("query task"), field.status),
        (health.header("x-request-id"), "GET", "/healthz", None, 200),
    ] {
        let line = answered(&lines, id);
        let span = &line["span"];
        assert_eq!((&span["method"], &span["path"]), (&json!(method), &json!(path)), "{line}");
        assert_eq!(span["operation"].as_str(), operation, "{line}");
        assert_eq!(line["status"], status, "{line}");
        assert!(line["ms"].is_u64(), "{line}");
    }
}

#[apply(on_both)]
async fn no_password_and_no_token_is_in_the_log_however_much_is_logged(app: TestApp) {
    for format in ["json", "text"] {
        let settings = [("TASKS__LOG__FORMAT", format), ("TASKS__LOG__FILTER", "trace")];
        let mut server = Server::start(app.database_url(), &settings);
        let mut secrets: Vec<String> =
            ["exec1123", "exec2123", "not-the-password", "a.forged.token", "another-long-one", SECRET]
                .map(str::to_owned)
                .into();
        let login = server.try_log_in("exec1", "exec1123");
        let token = login.body["data"]["tokenAuth"]["token"].as_str().expect("a token").to_owned();
        let cookies: Vec<&str> = login
            .head
            .lines()
            .filter_map(|line| line.split_once("et-cookie: ")?.1.split(';').next())
            .collect();
        assert_eq!(cookies.len(), 3, "{login:?}");
        secrets.extend(
            cookies.iter().filter_map(|cookie| cookie.split_once('=')).map(|(_, value)| value.to_owned()),
        );
        let cookies = cookies.join("; ");
        assert!(server.try_log_in("exec1", "not-the-password").body["errors"].is_array());
        let bearer = format!("Bearer {token}");
        assert_eq!(server.graphql(&[("Authorization", &bearer)], WHO, Value::Null).status, 200);
        assert_eq!(
            server.graphql(&[("Authorization", "Bearer a.forged.token")], WHO, Value::Null).status,
            401
        );
        assert_eq!(server.graphql(&[("Cookie", &cookies)], WHO, Value::Null).status, 200);
        let csrf =
            server.graphql(&[("Cookie", &cookies)], "mutation { getCsrfToken { csrfToken } }", Value::Null);
        secrets.push(csrf.body["data"]["getCsrfToken"]["csrfToken"].as_str().expect("a token").to_owned());
        let inline = "mutation { tokenAuth(username: \"exec2\", password: \"exec2123\") { token } }";
        let inline = server.graphql(&[], inline, Value::Null);
        secrets.push(inline.body["data"]["tokenAuth"]["token"].as_str().expect("a token").to_owned());
        let change = "mutation($o: String, $n: String!) { changePassword(input: { oldPassword: $o, newPassword: $n }) { success error } }";
        let change = server.graphql(
            &[("Authorization", &bearer)],
            change,
            json!({ "o": "not-the-password", "n": "another-long-one" }),
        );
        assert_eq!(change.body["data"]["changePassword"]["success"], false, "{change:?}");
        let refresh = "mutation($t: String) { refreshToken(refreshToken: $t) { token } verifyToken(token: $t) { payload } }";
        server.graphql(&[], refresh, json!({ "t": token }));
        // Documents that are refused are quoted to the client only.
        for wrong in [
            "mutation { tokenAuth(username: \"exec2\", password: \"exec2123\" { token } }",
            "mutation { tokenAuth(password: exec2123) { token } }",
        ] {
            assert_eq!(server.graphql(&[], wrong, Value::Null).status, 400);
        }
        server.terminate();
        assert!(server.wait().success());
        let log = server.log();
        assert!(log.iter().filter(|line| line.contains("answered")).count() >= 11, "{log:#?}");
        for secret in &secrets {
            let found = log.iter().find(|line| line.contains(secret));
            assert!(secret.len() >= 8 && found.is_none(), "{secret} is in {found:?}");
        }
        if format == "json" {
            objects(&log);
        }
    }
}

#[apply(on_both)]
async fn a_start_that_fails_says_so_in_json_too(app: TestApp) {
    app.run("DELETE FROM task_management_schema_migrations");
    let failed = |url: &str| {
        let mut command = program(url);
        command.args(["serve", "--listen", "127.0.0.1:0", "--no-migrate"]).env(JSON.0, JSON.1);
        let output = command.output().expect("the program runs");
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines = objects(&log.lines().map(str::to_owned).collect::<Vec<_>>());
        let last = lines.last().expect("a reason").clone();
        assert_eq!(last["level"], "ERROR", "{log}");
        assert!(!log.contains("hunter-two"), "{log}");
        last["message"].as_str().unwrap_or_default().to_owned()
    };
    assert!(failed(app.database_url()).contains("tasks-management migrate"));
    assert!(!failed("postgres://nobody:hunter-two@127.0.0.1:1/x").is_empty());
}

#[apply(on_both)]
async fn a_request_whose_fields_fail_is_one_line_with_the_first_causes(app: TestApp) {
    let mut server = Server::start(app.database_url(), &[JSON]);
    let bearer = server.bearer("admin");
    app.run("ALTER TABLE core_mutationlog RENAME TO core_mutationlog_away");
    app.run("ALTER TABLE core_language RENAME TO core_language_away");
    let query = "{ a: users(first: 5) { edges { node { mutationlogSet { totalCount } } } } \
                 b: users(first: 5) { edges { node { iUser { language { code } } } } } }";
    let headers = [("Authorization", bearer.as_str()), ("X-Request-Id", "failing-1")];
    let reply = server.graphql(&headers, query, Value::Null);
    assert!(reply.body["errors"].as_array().is_some_and(|errors| errors.len() >= 2), "{reply:?}");
    app.run("ALTER TABLE core_mutationlog_away RENAME TO core_mutationlog");
    app.run("ALTER TABLE core_language_away RENAME TO core_language");
    server.terminate();
    assert!(server.wait().success());
    let lines = objects(&server.log());
    let failed: Vec<&Value> =
        lines.iter().filter(|line| line["span"]["id"] == "failing-1" && line["level"] == "ERROR").collect();
    assert_eq!(failed.len(), 1, "{failed:#?}");
    let fields = reply.body["errors"].as_array().map_or(0, Vec::len);
    assert_eq!(failed[0]["fields"], fields, "{failed:#?}");
    let message = failed[0]["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("a.edges.")
            && message.contains("b.edges.")
            && message.contains("core_language")
            && message.contains("core_mutationlog"),
        "{message}"
    );
}

#[apply(on_both)]
async fn endpoints_that_go_on_failing_are_in_the_log_once_and_not_at_each_attempt(app: TestApp) {
    const NOWHERE: &str = "https://127.0.0.1:9/hook";
    let mut server =
        Server::start(app.database_url(), &[JSON, ("TASKS__WEBHOOKS__ALLOW_PRIVATE_ADDRESSES", "true")]);
    let bearer = server.bearer("admin");
    let mutation = |name: &str, input: &str| {
        let query = format!("mutation {{ {name}(input: {input}) {{ internalId }} }}");
        let answer = server.graphql(&[("Authorization", &bearer)], &query, Value::Null);
        assert!(answer.body["data"][name]["internalId"].is_string(), "{}", answer.text);
    };
    for number in 0..3 {
        let input =
            format!("{{ name: \"n{number}\", url: \"{NOWHERE}\", events: [\"task_service.create\"] }}");
        mutation("createWebhookEndpoint", &input);
    }
    for _ in 0..15 {
        mutation("createTask", "{ source: \"told\" }");
    }
    let attempts = || app.count("SELECT count(*) FROM task_management_webhookattempt");
    wait_until("all are tried", || attempts() >= 45);
    server.terminate();
    assert!(server.wait().success());
    let lines = objects(&server.log());
    let said: Vec<&Value> = lines.iter().filter(|line| line["message"] == "a delivery failed").collect();
    let handlers: std::collections::BTreeSet<&str> =
        said.iter().filter_map(|line| line["handler"].as_str()).collect();
    assert_eq!((said.len(), handlers.len()), (3, 3), "{said:?}");
    assert!(said.iter().all(|line| line["reason"].as_str().is_some_and(|reason| !reason.is_empty())));
}
