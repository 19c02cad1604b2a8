//! WebSockets and streams of this server: who may connect, what they may do, and when they are closed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tasks_management::Settings;
use tokio::task::block_in_place;

use crate::support::socket::{Served, Socket};
use crate::support::{Backend, TestApp, apply, on_both};

async fn start(backend: Backend, settings: impl FnOnce(&mut Settings)) -> (TestApp, Served) {
    let app = TestApp::start_with(backend, settings, |builder| builder).await;
    let served = Served::start(&app).await;
    (app, served)
}

/// The cookie of somebody who is logged in.
async fn cookie(app: &TestApp, username: &str) -> String {
    format!("JWT={}", app.browser(username).await.cookies["JWT"])
}

fn closed(socket: &mut Socket) -> (Value, String) {
    let mut message = socket.next();
    (message["closed"].take(), message["reason"].as_str().unwrap_or_default().to_owned())
}

#[apply(on_both)]
async fn a_socket_is_a_persons_by_token_or_by_cookie_and_a_strangers_is_closed(app: TestApp) {
    let served = Served::start(&app).await;
    let mut bearer = served.listen(&app, "exec1").await;
    bearer.subscribe("1", "{ user { username } }");
    assert_eq!(bearer.next()["payload"]["data"]["user"]["username"], "exec1");
    let cookie = cookie(&app, "exec2").await;
    let own = format!("http://{}", served.address);
    for origin in [None, Some(own.as_str())] {
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let mut browser = served.connect(&headers, Value::Null);
        assert_eq!(browser.next()["type"], "connection_ack");
        browser.subscribe("1", "{ user { username } }");
        assert_eq!(browser.next()["payload"]["data"]["user"]["username"], "exec2");
    }
    for init in [Value::Null, json!({}), json!({ "Authorization": "Bearer forged" })] {
        let mut stranger = served.connect(&[], init);
        assert_eq!(closed(&mut stranger).0, 4401);
    }
    let mut hasty = served.knock(&[]).expect("a WebSocket");
    hasty.subscribe("1", "{ user { username } }");
    assert_eq!(closed(&mut hasty).0, 4401, "nothing is executed before it says who it is");
}

#[apply(on_both)]
async fn a_message_that_is_out_of_place_closes_with_the_protocols_code(app: TestApp) {
    let served = Served::start(&app).await;
    for nonsense in [json!({ "type": "nonsense" }), json!({ "id": "1" }), json!([]), json!("text")] {
        let mut socket = served.listen(&app, "exec1").await;
        socket.send(&nonsense);
        assert_eq!(closed(&mut socket).0, 4400, "{nonsense}");
    }
    let mut twice = served.listen(&app, "exec1").await;
    twice.subscribe("1", "{ user { username } }");
    assert_eq!(twice.next()["type"], "next");
    assert_eq!(twice.next()["type"], "complete");
    twice.subscribe("1", "subscription { taskCountsChanged }");
    twice.subscribe("1", "subscription { taskCountsChanged }");
    let (code, reason) = closed(&mut twice);
    assert!(
        code == 4409 && reason.contains("Subscriber for 1"),
        "the id was free again only once: {code} {reason}"
    );
    let mut again = served.listen(&app, "exec1").await;
    again.send(&json!({ "type": "connection_init" }));
    assert_eq!(closed(&mut again).0, 4429);
}

#[apply(on_both)]
async fn an_operation_that_is_refused_before_it_is_executed_is_answered_by_error_and_nothing_more(
    app: TestApp,
) {
    let served = Served::start(&app).await;
    let mut socket = served.listen(&app, "exec1").await;
    let refused = ["subscription { nothing }", "subscription {", "mutation { nothing }"];
    for (id, query) in refused.iter().enumerate() {
        socket.subscribe(&id.to_string(), query);
        let message = socket.next();
        assert_eq!(
            (&message["type"], &message["id"]),
            (&json!("error"), &json!(id.to_string())),
            "{message}"
        );
        assert!(message["payload"][0]["message"].is_string(), "{message}");
    }
    socket.subscribe("0", "{ user { username } }");
    assert_eq!(socket.next()["type"], "next", "the id is free again, and nothing came in between");
    assert_eq!(socket.next()["type"], "complete");
}

#[apply(on_both)]
async fn what_is_no_frame_or_too_long_closes_with_its_code(app: TestApp) {
    let served = Served::start(&app).await;
    let masked = |head: &[u8], body: &[u8]| [head, &[0, 0, 0, 0], body].concat();
    let most = Settings::default().subscriptions.message_bytes;
    let long = u64::try_from(most + 1).expect("a length").to_be_bytes();
    for (code, frame) in [
        (1009, masked(&[&[0x81, 0xff], &long[..]].concat(), &vec![b' '; most + 1])),
        (1007, masked(&[0x81, 0x82], &[0xc3, 0x28])),
        (1002, masked(&[0x83, 0x80], &[])),
        (1002, vec![0x81, 0x01, b'x']),
    ] {
        let mut socket = served.listen(&app, "exec1").await;
        // The server may close before it has read all.
        let _ = block_in_place(|| socket.0.get_mut().write_all(&frame));
        let (closed, reason) = closed(&mut socket);
        assert_eq!(closed, code, "{reason}");
    }
}

#[apply(on_both)]
async fn a_client_that_closes_hears_that_it_was_heard(app: TestApp) {
    let served = Served::start(&app).await;
    for (said, heard) in [(1000_u16, 1000), (1001, 1001), (4000, 4000), (999, 1002), (1005, 1002)] {
        let mut socket = served.listen(&app, "exec1").await;
        socket.subscribe("1", "subscription { taskCountsChanged }");
        let [high, low] = said.to_be_bytes();
        let frame = [0x88, 0x82, 0, 0, 0, 0, high, low];
        block_in_place(|| socket.0.get_mut().write_all(&frame)).expect("it is written");
        assert_eq!(closed(&mut socket).0, heard, "{said}");
    }
}

#[apply(on_both)]
async fn a_foreign_page_can_not_listen_with_cookies(backend: Backend) {
    let (app, served) =
        start(backend, |settings| settings.http.cors_origins = vec!["https://friend.example".to_owned()])
            .await;
    let cookie = cookie(&app, "exec2").await;
    let own = format!("http://{}.evil.example", served.address);
    for foreign in ["https://evil.example", "null", &own, "https://friend.example.evil.example"] {
        let mut page = served.connect(&[("cookie", &cookie), ("origin", foreign)], Value::Null);
        let (code, reason) = closed(&mut page);
        assert!(code == 4403 && reason.contains(foreign), "{code} {reason}");
    }
    let mut friend =
        served.connect(&[("cookie", &cookie), ("origin", "https://friend.example")], Value::Null);
    assert_eq!(friend.next()["type"], "connection_ack");
    // A token is nothing that a page has by itself.
    let token = app.user("exec1").await.authorization.expect("a token");
    let mut page = served.connect(
        &[("cookie", &cookie), ("origin", "https://evil.example")],
        json!({ "Authorization": token }),
    );
    assert_eq!(page.next()["type"], "connection_ack");
    page.subscribe("1", "{ user { username } }");
    assert_eq!(page.next()["payload"]["data"]["user"]["username"], "exec1");
}

#[apply(on_both)]
async fn a_mutation_over_a_socket_needs_a_token_and_not_a_cookie(app: TestApp) {
    let served = Served::start(&app).await;
    let create =
        "mutation { createTask(input: { source: \"socket\", clientMutationId: \"s\" }) { internalId } }";
    let cookie = cookie(&app, "admin").await;
    let mut browser = served.connect(&[("cookie", &cookie)], Value::Null);
    browser.next();
    browser.subscribe("1", create);
    assert_eq!(browser.error(), "FORBIDDEN");
    let mut program = served.listen(&app, "admin").await;
    program.subscribe("1", create);
    let created = program.next();
    assert!(created["payload"]["data"]["createTask"]["internalId"].is_string(), "{created}");
    assert_eq!(app.user("admin").await.rows("task", "(source: \"socket\")", "uuid").await.len(), 1);
}

#[apply(on_both)]
async fn connections_are_bounded_in_all_by_address_and_by_person(backend: Backend) {
    let limits = |settings: &mut Settings| {
        settings.subscriptions.connections = 4;
        settings.subscriptions.connections_per_address = 3;
        settings.subscriptions.connections_per_user = 2;
        settings.subscriptions.unidentified_per_address = 2;
        settings.subscriptions.operations_per_connection = 2;
    };
    let (app, served) = start(backend, limits).await;
    let mut held = vec![served.listen(&app, "exec1").await, served.listen(&app, "exec1").await];
    let token = app.user("exec1").await.authorization.expect("a token");
    let mut third = served.connect(&[], json!({ "Authorization": token }));
    let (code, reason) = closed(&mut third);
    assert!(code == 1013 && reason.contains("subscriptions.connections_per_user"), "{code} {reason}");
    drop(third);
    // A place is given back when the server has noticed.
    let other = loop {
        let token = app.user("exec2").await.authorization.expect("a token");
        let mut socket = served.connect(&[], json!({ "Authorization": token }));
        match socket.next() {
            message if message["type"] == "connection_ack" => break socket,
            message => assert_eq!(message["closed"], 1013),
        }
    };
    let token = app.user("exec3").await.authorization.expect("a token");
    let mut fourth = served.connect(&[], json!({ "Authorization": token }));
    let (code, reason) = closed(&mut fourth);
    assert!(code == 1013 && reason.contains("subscriptions.connections_per_address"), "{code} {reason}");
    // Strangers have places of their own, and fewer.
    let strangers: Vec<_> = (0..2).map(|_| served.knock(&[]).expect("a WebSocket")).collect();
    let refused = served.knock(&[]).err().expect("the address has two of strangers");
    let body = String::from_utf8(refused.body().clone().unwrap_or_default()).expect("a text");
    assert_eq!(refused.status(), 503);
    assert!(body.contains("subscriptions.unidentified_per_address"), "{body}");
    drop((other, strangers));
    let mut socket = held.pop().expect("a socket");
    for id in ["1", "2", "3"] {
        socket.subscribe(id, "subscription { taskCountsChanged }");
    }
    // Of those that come together, any may be the one too many.
    let message = socket.next();
    assert_eq!(message["payload"][0]["extensions"]["code"], "LIMIT", "{message}");
    let other = ["1", "2", "3"].into_iter().find(|id| message["id"] != *id).expect("two go on");
    socket.send(&json!({ "id": other, "type": "complete" }));
    socket.next();
    socket.subscribe("4", "{ user { username } }");
    assert!(socket.next()["payload"]["data"]["user"].is_object());
}

#[apply(on_both)]
async fn a_server_that_stops_closes_with_a_code_on_which_clients_come_again(app: TestApp) {
    let served = Served::start(&app).await;
    let mut listening = served.listen(&app, "exec1").await;
    listening.listen("");
    let mut idle = served.listen(&app, "exec2").await;
    served.stop();
    assert_eq!(closed(&mut listening).0, 1012);
    assert_eq!(closed(&mut idle).0, 1012);
    assert!(served.stopped().await, "nothing is left");
}

#[apply(on_both)]
async fn who_says_nothing_or_has_nothing_under_way_is_closed(backend: Backend) {
    let settings = |settings: &mut Settings| {
        settings.http.head_timeout_s = 1;
        settings.subscriptions.ping_s = 1;
        settings.subscriptions.idle_s = 3;
    };
    let (app, served) = start(backend, settings).await;
    let mut silent = served.knock(&[]).expect("a WebSocket");
    assert_eq!(closed(&mut silent).0, 4408);
    let mut idle = served.listen(&app, "exec1").await;
    let (code, reason) = closed(&mut idle);
    assert!(code == 1000 && reason.contains("subscriptions.idle_s"), "{code} {reason}");
    let mut busy = served.listen(&app, "exec2").await;
    busy.listen("");
    assert!(busy.is_silent(Duration::from_secs(4)), "it answers pings, and so it stays");
    // It answers pings when it reads, and does not.
    let mut deaf = served.listen(&app, "exec3").await;
    deaf.listen("");
    tokio::time::sleep(Duration::from_secs(4)).await;
    let (code, reason) = closed(&mut deaf);
    // It may be gone already when the client reads at last, and answers the pings.
    let is_told = code == 1013 && reason.contains("subscriptions.ping_s");
    assert!(is_told || reason.contains("IO error"), "{code} {reason}");
}

#[apply(on_both)]
async fn a_blocked_persons_open_websocket_ends(backend: Backend) {
    // Nobody answers pings while others are read, so they are not so frequent that a slow machine misses two.
    let (app, served) = start(backend, |settings| settings.subscriptions.ping_s = 5).await;
    let task = app.task(tasks_management::CreateTask::default()).await;
    let mut other = served.listen(&app, "admin").await;
    for (who, leaves) in [
        ("triage", json!({ "username": "triage", "isActive": false })),
        ("exec2", json!({ "username": "exec2", "isActive": false })),
    ] {
        let mut busy = served.listen(&app, who).await;
        busy.listen("");
        let mut idle = served.listen(&app, who).await;
        idle.subscribe("1", "{ user { username } }");
        assert_eq!(idle.next()["payload"]["data"]["user"]["username"], who);
        assert_eq!(idle.next()["type"], "complete");
        let token = app.user(who).await.authorization.expect("a token");
        let mut writing = served.connect(&[], json!({ "Authorization": token }));
        assert_eq!(writing.next()["type"], "connection_ack");
        app.done("admin", "updateUser", leaves).await;
        let create = "mutation { createTask(input: { source: \"gone\" }) { internalId } }";
        writing.subscribe("1", create);
        assert_eq!(writing.error(), "UNAUTHENTICATED", "nothing is written from the moment on");
        app.done(
            "admin",
            "updateTask",
            json!({ "id": task, "priority": if who == "triage" { 1 } else { 2 } }),
        )
        .await;
        assert_eq!(busy.error(), "UNAUTHENTICATED", "nothing more is told");
        for socket in [&mut busy, &mut idle] {
            let (code, reason) = closed(socket);
            assert_eq!(code, 4401, "{who}: {reason}");
        }
        other.subscribe("1", "{ user { username } }");
        assert_eq!(other.next()["payload"]["data"]["user"]["username"], "admin", "others go on");
        assert_eq!(other.next()["type"], "complete");
    }
}

#[apply(on_both)]
async fn a_slow_reader_is_closed_and_others_are_told_on(backend: Backend) {
    let settings = |settings: &mut Settings| settings.subscriptions.waiting_changes = 30;
    let (app, served) = start(backend, settings).await;
    let group = app.group("SLOW", tasks_management::CompletionPolicy::Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let mut slow = served.listen(&app, "admin").await;
    slow.subscribe("1", "subscription { taskChanged { cursor task { data dataHash } } }");
    slow.next();
    let mut quick = served.listen(&app, "exec1").await;
    quick.listen("");
    let admin = app.module.requester("admin").await.expect("the fixture has an admin");
    let long = "x".repeat(300_000);
    for number in 0..60 {
        let change = tasks_management::UpdateTask {
            data: Some(tasks_management::Json::of(&json!({ "number": number, "text": long }))),
            id: crate::support::scenario::key(&task),
            ..tasks_management::UpdateTask::default()
        };
        app.module.tasks().update(&admin, change).await.expect("it is changed");
        let told = quick.change();
        assert_eq!(told["task"]["version"], number + 2);
    }
    let mut received = 0;
    let end = loop {
        let message = slow.next();
        if message.get("closed").is_some() {
            break message;
        }
        received += 1;
    };
    assert!(received < 60 && (end["closed"].is_null() || end["closed"] == 1013), "{received} {end}");
}

/// Sends a request and reads what comes until `enough`.
fn stream(served: &Served, token: &str, query: &str, enough: impl Fn(&str) -> bool) -> String {
    let body = json!({ "query": query }).to_string();
    let head = format!(
        "POST /api/graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Accept: multipart/mixed;subscriptionSpec=1.0, application/json\r\nAuthorization: {token}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    block_in_place(|| {
        let mut stream = TcpStream::connect(served.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("it is set");
        stream.write_all(head.as_bytes()).expect("it goes out");
        let (mut text, mut bytes) = (String::new(), [0; 4_096]);
        loop {
            let length = stream.read(&mut bytes).unwrap_or_default();
            text.push_str(&String::from_utf8_lossy(&bytes[..length]));
            if length == 0 || enough(&text) {
                return text;
            }
        }
    })
}

#[apply(on_both)]
async fn a_subscription_over_post_is_a_body_of_parts(backend: Backend) {
    let (app, served) = start(backend, |settings| settings.subscriptions.ping_s = 1).await;
    let token = app.user("admin").await.authorization.expect("a token");
    let query = "subscription { taskChanged { signal uuid } }";
    let ready = stream(&served, &token, query, |text| text.matches("--graphql\r\n").count() > 2);
    let head = "content-type: multipart/mixed; boundary=\"graphql\"; subscriptionspec=1.0\r\n";
    assert!(ready.to_lowercase().contains(head), "{ready}");
    assert!(ready.contains("{\"payload\":{\"data\":{\"taskChanged\":{\"signal\":\"READY\""), "{ready}");
    assert!(ready.contains("\r\n\r\n{}"), "a part that says nothing: {ready}");
    let mut plain = app.user("admin").await;
    let refused = plain.graphql(query).await;
    assert_eq!((refused.status.as_u16(), refused.codes()), (400, vec!["VALIDATION"]), "{}", refused.text);
    let stranger = app.stranger().graphql(query).await;
    assert_eq!(stranger.status.as_u16(), 401);
    served.stop_after(Duration::from_millis(500));
    let end = stream(&served, &token, query, |_| false);
    assert!(end.contains("READY") && end.contains("\r\n--graphql--\r\n"), "{end}");
}
