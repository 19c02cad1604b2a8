//! Headers and statuses of answers, parts that settings switch, and the paths for operators.

use std::io::Write as _;
use std::sync::LazyLock;

use async_graphql::futures_util::stream;
use axum::body::Body;
use axum::http::StatusCode;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tasks_management::config::Introspection;

use crate::support::program::Server;
use crate::support::{Answer, Client, apply, on_both};

const SCHEMA: &str = "{ __schema { queryType { name } } }";
const WHO: &str = "{ user { username } }";

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

fn with_headers(mut client: Client, headers: &[(&str, &str)]) -> Client {
    client.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    client
}

/// The recorder is one for the whole process, as in the server.
fn metrics() -> impl Fn() -> String {
    static RENDER: LazyLock<Box<dyn Fn() -> String + Send + Sync>> =
        LazyLock::new(|| Box::new(tasks_management::cli::metrics().expect("the first one")));
    LazyLock::force(&RENDER)
}

#[apply(on_both)]
async fn every_answer_is_kept_out_of_caches_and_frames(app: TestApp) {
    let mut client = app.browser("admin").await;
    for (method, path, body) in [
        ("POST", "/api/graphql", json!({ "query": WHO }).to_string()),
        ("POST", "/api/graphql", "nonsense".to_owned()),
        ("GET", "/api/core/users/current_user/", String::new()),
        ("GET", "/healthz", String::new()),
        ("GET", "/nowhere", String::new()),
        ("PUT", "/api/graphql", String::new()),
    ] {
        let answer = client.send(method, path, body).await;
        assert_eq!(header(&answer, "cache-control"), "no-store", "{method} {path}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{method} {path}");
        assert_eq!(header(&answer, "x-frame-options"), "DENY", "{method} {path}");
        assert!(
            !header(&answer, "referrer-policy").is_empty()
                && header(&answer, "content-security-policy").contains("'none'")
        );
        assert_eq!(header(&answer, "strict-transport-security"), "");
        assert_eq!(header(&answer, "access-control-allow-origin"), "");
    }
    let secure = app.another_process_with(|settings| settings.http.secure_cookies = true, |builder| builder);
    let answer = secure.stranger().send("GET", "/healthz", "").await;
    assert!(header(&answer, "strict-transport-security").contains("max-age"));
}

#[apply(on_both)]
async fn answers_are_compressed_when_that_is_asked(app: TestApp) {
    let mut client = app.user("admin").await;
    let query = "{ task { edges { node { id data } } } }";
    let plain = client.graphql(query).await;
    assert_eq!(header(&plain, "content-encoding"), "");
    let packed = with_headers(client, &[("accept-encoding", "gzip")]).graphql(query).await;
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    assert!(packed.text.len() < plain.text.len());
}

#[apply(on_both)]
async fn foreign_pages_are_kept_off_unless_they_are_named(app: TestApp) {
    let origin = "https://app.example.org";
    let preflight = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-csrftoken"),
    ];
    let answer = with_headers(app.stranger(), &preflight).send("OPTIONS", "/api/graphql", "").await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "");
    let open = app.another_process_with(
        |settings| settings.http.cors_origins = vec![origin.to_owned()],
        |builder| builder,
    );
    let answer = with_headers(open.stranger(), &preflight).send("OPTIONS", "/api/graphql", "").await;
    assert_eq!((answer.status, header(&answer, "access-control-allow-origin")), (StatusCode::OK, origin));
    assert_eq!(header(&answer, "access-control-allow-credentials"), "true");
    for name in ["content-type", "x-csrftoken"] {
        assert!(header(&answer, "access-control-allow-headers").contains(name));
    }
    let answer = with_headers(open.stranger(), &[("origin", origin)]).graphql("{ languages { code } }").await;
    assert_eq!(header(&answer, "access-control-allow-origin"), origin);
    let answer = with_headers(open.stranger(), &[("origin", "https://evil.example.org")])
        .graphql("{ languages { code } }")
        .await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "");
}

#[apply(on_both)]
async fn every_request_has_an_id(app: TestApp) {
    let own = with_headers(app.stranger(), &[("x-request-id", "abc-123")]).send("GET", "/healthz", "").await;
    assert_eq!(header(&own, "x-request-id"), "abc-123");
    let mut ids = Vec::new();
    for bad in ["", "a b", "x\"y", &"x".repeat(65)] {
        let answer = with_headers(app.stranger(), &[("x-request-id", bad)]).send("GET", "/healthz", "").await;
        let id = header(&answer, "x-request-id").to_owned();
        assert!(id != bad && id.len() >= 32, "{bad:?} {id}");
        ids.push(id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[apply(on_both)]
async fn browsers_get_graphiql_and_others_do_not(app: TestApp) {
    let html = [("accept", "text/html,application/xhtml+xml")];
    for path in ["/api/graphql", "/api/graphql/"] {
        let answer = with_headers(app.stranger(), &html).send("GET", path, "").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(
            header(&answer, "content-type").starts_with("text/html") && answer.text.contains("/api/graphql")
        );
        let answer =
            with_headers(app.stranger(), &[("accept", "application/json")]).send("GET", path, "").await;
        assert_eq!((answer.status, header(&answer, "allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    }
    let off = app.another_process_with(|settings| settings.graphql.graphiql = false, |builder| builder);
    assert_eq!(
        with_headers(off.stranger(), &html).send("GET", "/api/graphql", "").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    for method in ["PUT", "DELETE", "PATCH"] {
        let answer = app.stranger().send(method, "/api/graphql", json!({ "query": WHO }).to_string()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    let query = "/api/graphql?query=%7Blanguages%7Bcode%7D%7D";
    assert_eq!(
        app.stranger().send("GET", query, "").await.status,
        StatusCode::METHOD_NOT_ALLOWED,
        "no queries by GET"
    );
    assert_eq!(
        app.stranger().send("POST", "/api/core/users/current_user/", "").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[apply(on_both)]
async fn the_first_part_of_paths_is_a_setting(app: TestApp) {
    let moved =
        app.another_process_with(|settings| settings.http.site_root = "a/b".to_owned(), |builder| builder);
    let body = json!({ "query": "{ languages { code } }" }).to_string();
    assert_eq!(moved.stranger().send("POST", "/a/b/graphql", body.clone()).await.status, StatusCode::OK);
    assert_eq!(moved.stranger().send("POST", "/api/graphql", body).await.status, StatusCode::NOT_FOUND);
    assert_eq!(moved.stranger().send("GET", "/healthz", "").await.status, StatusCode::OK);
}

#[apply(on_both)]
async fn the_size_of_bodies_is_a_setting(app: TestApp) {
    let small = app.another_process_with(|settings| settings.limits.body_bytes = 1_000, |builder| builder);
    let mut client = small.user("admin").await;
    let body = |bytes: usize| {
        let body = json!({ "query": WHO }).to_string();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    // With a Content-Length, and in chunks that say nothing of how many there are.
    let whole = |bytes: usize| Body::from(body(bytes));
    let chunks = |bytes: usize| {
        let chunks: Vec<_> = body(bytes).as_bytes().chunks(100).map(<[u8]>::to_vec).collect();
        Body::from_stream(stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>)))
    };
    for (bytes, status) in [
        (1_000, StatusCode::OK),
        (1_001, StatusCode::PAYLOAD_TOO_LARGE),
        (100_000, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        for body in [whole(bytes), chunks(bytes)] {
            let answer = client.send("POST", "/api/graphql", body).await;
            assert_eq!(answer.status, status, "{bytes}: {}", answer.text);
            assert_eq!(answer.codes().is_empty(), status == StatusCode::OK, "{}", answer.text);
        }
    }
    let answer = client.send("POST", "/api/graphql", whole(1_001)).await;
    assert_eq!(answer.codes(), ["LIMIT"]);
    assert!(answer.message().contains("1000"), "{}", answer.message());
}

#[apply(on_both)]
async fn batches_are_a_setting(app: TestApp) {
    let one = json!({ "query": WHO });
    let answer = app.user("admin").await.post(json!([one])).await;
    assert_eq!((answer.status, answer.codes()), (StatusCode::BAD_REQUEST, vec!["LIMIT"]));
    let open = app.another_process_with(|settings| settings.limits.batch = 2, |builder| builder);
    let mut client = open.browser("admin").await;
    let answer = client.post(json!([one, { "query": "{ nonsense }" }])).await;
    assert_eq!(answer.body[0]["data"]["user"]["username"], "admin", "{}", answer.text);
    assert_eq!(answer.body[1]["errors"][0]["extensions"]["code"], "VALIDATION");
    for wrong in [json!([]), json!([one, one, one])] {
        let answer = client.post(wrong).await;
        assert_eq!((answer.status, answer.codes()), (StatusCode::BAD_REQUEST, vec!["LIMIT"]));
    }
    client.csrf = None;
    let answer =
        client.post(json!([one, { "query": "mutation { createTask(input: {}) { internalId } }" }])).await;
    assert_eq!(answer.body[1]["errors"][0]["message"], "CSRF token missing or incorrect.");
    let answer = open.stranger().post(json!([{ "query": "{ languages { code } }" }, one])).await;
    assert_eq!((answer.status, &answer.body[1]["data"]), (StatusCode::UNAUTHORIZED, &Value::Null));
}

#[apply(on_both)]
async fn who_may_ask_for_the_schema_is_a_setting(app: TestApp) {
    for (setting, stranger, user) in [
        (Introspection::Everybody, StatusCode::OK, StatusCode::OK),
        (Introspection::LoggedIn, StatusCode::UNAUTHORIZED, StatusCode::OK),
        (Introspection::Off, StatusCode::UNAUTHORIZED, StatusCode::BAD_REQUEST),
    ] {
        let app =
            app.another_process_with(|settings| settings.graphql.introspection = setting, |builder| builder);
        for (mut client, expected) in [(app.stranger(), stranger), (app.user("norights").await, user)] {
            for query in [
                SCHEMA,
                r#"{ __type(name: "Query") { name } }"#,
                "{ ...F } fragment F on Query { ... { __schema { queryType { name } } } }",
            ] {
                let answer = client.graphql(query).await;
                assert_eq!(answer.status, expected, "{setting:?} {query}: {}", answer.text);
                assert_eq!(answer.codes().is_empty(), expected == StatusCode::OK);
            }
            let answer = client.graphql("{ __typename languages { __typename } }").await;
            assert_eq!(answer.body["data"]["__typename"], "Query", "{}", answer.text);
        }
    }
    let default = app.stranger().graphql(SCHEMA).await;
    assert_eq!(default.status, StatusCode::UNAUTHORIZED);
}

#[apply(on_both)]
async fn operators_see_how_the_server_does(app: TestApp) {
    let measured = app.another_process_with(|_| {}, |builder| builder.metrics(metrics()));
    let mut client = measured.stranger();
    assert_eq!(client.send("GET", "/healthz", "").await.status, StatusCode::OK);
    assert_eq!(client.send("GET", "/readyz", "").await.status, StatusCode::OK);
    let answer = client.send("GET", "/metrics", "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text.contains("http_requests_total"), "{}", answer.text);
    assert_eq!(
        app.stranger().send("GET", "/metrics", "").await.status,
        StatusCode::NOT_FOUND,
        "no metrics are kept"
    );
    app.run("DELETE FROM task_management_schema_migrations");
    let answer = client.send("GET", "/readyz", "").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
    assert_eq!(client.send("GET", "/healthz", "").await.status, StatusCode::OK);
}

#[apply(on_both)]
async fn a_proxy_is_believed_only_if_it_is_trusted(app: TestApp) {
    let forwarded = [("x-forwarded-proto", "https"), ("x-forwarded-for", "203.0.113.9, 10.0.0.9")];
    let set_cookie = |answer: &Answer| header(answer, "set-cookie").to_owned();
    let answer = with_headers(app.stranger(), &forwarded).try_log_in("exec1", "exec1123").await;
    assert!(!set_cookie(&answer).contains("Secure"));
    let network = |text: &str| text.parse().expect("a network");
    let behind = app.another_process_with(
        |settings| {
            settings.http.trusted_proxies = vec![network("127.0.0.1"), network("10.0.0.0/24")];
            settings.auth.failures_per_address = 2;
        },
        |builder| builder,
    );
    let mut client = with_headers(behind.stranger(), &forwarded);
    assert!(set_cookie(&client.try_log_in("exec1", "exec1123").await).contains("Secure"));
    for n in 0..2 {
        assert_eq!(client.try_log_in(&format!("user{n}"), "wrong").await.codes(), ["UNAUTHENTICATED"]);
    }
    assert_eq!(client.try_log_in("exec2", "exec2123").await.codes(), ["LIMIT"]);
    let mut neighbour =
        with_headers(behind.stranger(), &[("x-forwarded-for", "203.0.113.9, 203.0.113.10, 10.0.0.9")]);
    assert!(
        neighbour.try_log_in("exec2", "exec2123").await.codes().is_empty(),
        "what the client wrote itself is not believed"
    );
}

#[apply(on_both)]
async fn one_attacker_behind_a_proxy_locks_nobody_else_out_however_addresses_are_written(app: TestApp) {
    let behind = app.another_process_with(
        |settings| {
            settings.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
            settings.auth.failures_per_address = 2;
        },
        |builder| builder,
    );
    for (attacker, neighbour) in [
        (("x-forwarded-for", "203.0.113.1:4711"), ("x-forwarded-for", "203.0.113.2:4711")),
        (("x-forwarded-for", "[2001:db8:1::1]:80"), ("x-forwarded-for", "[2001:db8:2::1]:80")),
        (("forwarded", "for=\"[2001:db8:3::1]:80\""), ("forwarded", "for=\"[2001:db8:4::1]:80\"")),
    ] {
        let mut client = with_headers(behind.stranger(), &[attacker]);
        for n in 0..2 {
            let answer = client.try_log_in(&format!("user{n}"), "wrong").await;
            assert_eq!(answer.codes(), ["UNAUTHENTICATED"], "{attacker:?}");
        }
        assert_eq!(client.try_log_in("exec1", "exec1123").await.codes(), ["LIMIT"], "{attacker:?}");
        for other in [neighbour, ("x-forwarded-for", "unknown"), ("x-request-id", "no-word-of-it")] {
            let answer = with_headers(behind.stranger(), &[other]).try_log_in("exec1", "exec1123").await;
            assert!(answer.codes().is_empty(), "{attacker:?} {other:?}: {}", answer.text);
        }
    }
    let lines = [
        ("x-forwarded-for", "198.51.100.1"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-for", "127.0.0.9"),
    ];
    let mut client = with_headers(behind.stranger(), &lines);
    for n in 0..2 {
        client.try_log_in(&format!("user{n}"), "wrong").await;
    }
    let mut same = with_headers(behind.stranger(), &[("x-forwarded-for", "203.0.113.7")]);
    assert_eq!(same.try_log_in("exec1", "exec1123").await.codes(), ["LIMIT"], "all lines are one list");
    for scheme in ["https,http", "HTTPS"] {
        let headers = [("x-forwarded-for", "203.0.113.8"), ("x-forwarded-proto", scheme)];
        let answer = with_headers(behind.stranger(), &headers).try_log_in("exec1", "exec1123").await;
        assert!(header(&answer, "set-cookie").contains("Secure"), "{scheme}");
    }
}

#[apply(on_both)]
async fn where_a_proxy_does_not_say_from_where_nobody_locks_anybody_out(app: TestApp) {
    let behind = app.another_process_with(
        |settings| settings.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")],
        |builder| builder,
    );
    for said in ["unknown", "_hidden", ""] {
        let mut client = with_headers(behind.stranger(), &[("x-forwarded-for", said)]);
        for n in 0..40 {
            let answer = client.try_log_in("exec1", "wrong").await;
            assert_eq!(answer.codes(), ["UNAUTHENTICATED"], "{said:?} {n}");
        }
        for username in ["exec1", "exec2"] {
            client.cookies.clear();
            let answer = client.try_log_in(username, &format!("{username}123")).await;
            assert!(answer.codes().is_empty(), "{said:?} {username}: {}", answer.text);
        }
    }
}

#[apply(on_both)]
async fn graphql_over_http_is_answered_in_its_own_form_with_its_own_statuses(app: TestApp) {
    const OWN: &str = "application/graphql-response+json";
    let user = app.user("exec1").await;
    let ask = |client: &Client, accept: &str, body: String| {
        let mut client = with_headers(client.clone(), &[("accept", accept)]);
        async move {
            let answer = client.send("POST", "/api/graphql", body).await;
            let kind = header(&answer, "content-type").split(';').next().unwrap_or_default().to_owned();
            (answer.status.as_u16(), kind, answer)
        }
    };
    let query = |query: &str| json!({ "query": query }).to_string();
    let failing = "{ user { username } task(after: \"nonsense\") { totalCount } }";
    for (client, body, status) in [
        (&user, query(WHO), 200),
        (&user, query(failing), 200),
        (&user, query("{ nonsense }"), 400),
        (&user, query("{"), 400),
        (&user, "nonsense".to_owned(), 400),
        (&user, "[]".to_owned(), 400),
        (&user, "{}".to_owned(), 400),
        (&app.stranger(), query(WHO), 401),
        // What nobody can execute is 400, whoever asks.
        (&app.stranger(), query("{"), 400),
        (&app.stranger(), "nonsense".to_owned(), 400),
    ] {
        let (got, kind, answer) = ask(client, OWN, body.clone()).await;
        assert_eq!((got, kind.as_str()), (status, OWN), "{body}: {}", answer.text);
        assert_eq!(answer.body.get("data").is_some(), status == 200, "{body}: {}", answer.text);
        let preferred = format!("application/json;q=0.5, {OWN}");
        assert_eq!(ask(client, &preferred, body.clone()).await.1, OWN);
        for accept in ["application/json", "*/*", &format!("application/json, {OWN};q=0.5")] {
            let (got, kind, answer) = ask(client, accept, body.clone()).await;
            assert_eq!(
                (got, kind.as_str()),
                (status, "application/json"),
                "{accept} {body}: {}",
                answer.text
            );
        }
    }
    // Where nothing was executed there is no 2xx; older clients of persisted queries go by the words.
    let persisted =
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "0" } } }).to_string();
    assert_eq!(ask(&user, OWN, persisted.clone()).await.0, 400);
    assert_eq!(ask(&user, "application/json", persisted).await.0, 200);
    // What was executed is 200, also where older clients are told by the status that their session has ended.
    let refresh = query("mutation { refreshToken(token: \"nonsense\") { token } }");
    assert_eq!(ask(&app.stranger(), OWN, refresh.clone()).await.0, 200);
    assert_eq!(ask(&app.stranger(), "application/json", refresh).await.0, 401);
}

#[apply(on_both)]
async fn packed_bodies_are_read_within_the_bounds_and_other_codings_refused(app: TestApp) {
    let packed = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text.as_bytes()).expect("it packs");
        encoder.finish().expect("it packs")
    };
    let small = app.another_process_with(|settings| settings.limits.body_bytes = 100_000, |builder| builder);
    let client = small.user("admin").await;
    let send = |coding: &str, body: Vec<u8>| {
        let mut client = with_headers(client.clone(), &[("content-encoding", coding)]);
        async move { client.send("POST", "/api/graphql", body).await }
    };
    let body = json!({ "query": WHO }).to_string();
    for (coding, bytes) in [
        ("gzip", packed(&body)),
        ("x-gzip", packed(&body)),
        ("GZIP", packed(&format!("{body}{}", " ".repeat(99_000)))),
        ("identity", body.clone().into_bytes()),
        ("gzip", [packed(&body[..5]), packed(&body[5..])].concat()),
    ] {
        assert_eq!(send(coding, bytes).await.data("user")["username"], "admin", "{coding}");
    }
    // 50 MB in 50 KB: not unpacked to its end.
    let bomb = packed(&format!("{body}{}", " ".repeat(50_000_000)));
    assert!(bomb.len() < 100_000);
    let answer = send("gzip", bomb).await;
    assert_eq!((answer.status, answer.codes()), (StatusCode::PAYLOAD_TOO_LARGE, vec!["LIMIT"]));
    // A stranger's is unpacked as far as strangers may send.
    let stranger = with_headers(small.stranger(), &[("content-encoding", "gzip")]);
    let answer =
        stranger.clone().send("POST", "/api/graphql", packed(&format!("{body}{}", " ".repeat(17_000)))).await;
    assert_eq!((answer.status, answer.codes()), (StatusCode::PAYLOAD_TOO_LARGE, vec!["LIMIT"]));
    assert!(answer.message().contains("limits.stranger_bytes"), "{}", answer.message());
    for broken in [body.clone().into_bytes(), packed(&body)[..20].to_vec(), Vec::new()] {
        let answer = send("gzip", broken).await;
        assert_eq!((answer.status, answer.codes()), (StatusCode::BAD_REQUEST, vec!["VALIDATION"]));
    }
    for coding in ["br", "deflate", "zstd", "gzip, gzip", "nonsense"] {
        let answer = send(coding, packed(&body)).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{coding}");
        assert_eq!(
            (header(&answer, "accept-encoding"), answer.codes()),
            ("gzip, identity", vec!["VALIDATION"])
        );
    }
}

#[apply(on_both)]
async fn every_401_says_how_to_say_who_one_is(app: TestApp) {
    let mut stranger = app.stranger();
    let mut forged = app.stranger();
    forged.authorization = Some("Bearer a.forged.token".to_owned());
    let body = json!({ "query": WHO }).to_string();
    for (method, path) in [("POST", "/api/graphql"), ("GET", "/api/core/users/current_user/")] {
        let answer = stranger.send(method, path, body.clone()).await;
        let challenge = "Bearer realm=\"tasks-management\"";
        assert_eq!(
            (answer.status, header(&answer, "www-authenticate")),
            (StatusCode::UNAUTHORIZED, challenge)
        );
        let answer = forged.send(method, path, body.clone()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(header(&answer, "www-authenticate").contains("error=\"invalid_token\""), "{path}");
    }
    let answer = app.user("exec1").await.graphql(WHO).await;
    assert_eq!(header(&answer, "www-authenticate"), "");
}

#[apply(on_both)]
async fn without_a_desk_the_root_says_what_this_is_and_a_host_keeps_its_own(app: TestApp) {
    let server = Server::start(
        app.database_url(),
        &[("TASKS__HTTP__SITE_ROOT", "a/b"), ("TASKS__DESK__ENABLED", "false")],
    );
    let page = server.send("GET", "/", &[], "");
    assert_eq!(page.status, 200, "{page:?}");
    assert!(
        page.header("content-type").starts_with("text/html") && !page.text.contains("<script"),
        "{page:?}"
    );
    for place in ["/a/b/graphql", "/healthz", "/readyz", "/metrics", "docs/"] {
        assert!(page.text.contains(place), "{place}: {page:?}");
    }
    let graphiql = server.send("GET", "/a/b/graphql", &[("Accept", "text/html")], "");
    assert_eq!(page.header("content-security-policy"), graphiql.header("content-security-policy"));
    assert_eq!(server.send("HEAD", "/", &[], "").status, 200);
    assert_eq!(server.send("GET", "/nowhere", &[], "").status, 404);

    let host = axum::Router::new().route("/", axum::routing::get(|| async { "the host's" }));
    let mut client = Client::new(host.merge(app.module.router()));
    assert_eq!(client.send("GET", "/", "").await.text, "the host's");
    assert_eq!(app.stranger().send("GET", "/", "").await.status, StatusCode::NOT_FOUND);
}
