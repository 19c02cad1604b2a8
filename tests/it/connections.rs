//! Connections of the real program: who only connects, never ends a head or never reads keeps nobody else out.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tasks_management::CreateTask;

use crate::support::program::{Server, wait_until};
use crate::support::{Backend, TestApp, apply, on_both};

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn started(settings: &[(&str, &str)]) -> (TestApp, Server) {
    let app = TestApp::start(Backend::Sqlite).await;
    let server = Server::start(app.database_url(), settings);
    (app, server)
}

/// A connection from one of the addresses of this machine.
async fn connect_from(server: &Server, from: &str) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(from.parse().expect("an address"), 0)).expect("an address of this machine");
    let address = server.address.parse().expect("an address");
    let stream = socket.connect(address).await.expect("the server listens").into_std().expect("a socket");
    stream.set_nonblocking(false).expect("it blocks");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    stream
}

/// What comes until the server closes the connection, or for as long as one waits.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a request on a connection that goes on is answered with.
fn ask(stream: &mut TcpStream, request: &str) -> String {
    let mut bytes = [0_u8; 4_096];
    // Who is refused is told so, even if the connection ends.
    let _ = stream.write_all(request.as_bytes());
    let length = stream.read(&mut bytes).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

fn metric(server: &Server, name: &str, bound: &str) -> u64 {
    let metrics = server.request("GET", "/metrics", "").1;
    let line = format!("{name}{{bound=\"{bound}\"}} ");
    metrics
        .lines()
        .find_map(|found| found.strip_prefix(&line))
        .map_or(0, |count| count.parse().expect("a count"))
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_never_end_and_idle_connections_are_closed() {
    let (_app, server) =
        started(&[("TASKS__HTTP__HEAD_TIMEOUT_S", "1"), ("TASKS__HTTP__IDLE_TIMEOUT_S", "6")]).await;
    let mut silent = connect_from(&server, "127.0.0.1").await;
    let mut slow = connect_from(&server, "127.0.0.1").await;
    let mut kept = connect_from(&server, "127.0.0.1").await;
    let begun = Instant::now();
    let dripping = std::thread::spawn({
        let mut slow = slow.try_clone().expect("a handle");
        move || {
            // A byte now and then is no head.
            for byte in "GET /healthz HTTP/1.1\r\nX-Slow: ".bytes().chain(std::iter::repeat_n(b'x', 200)) {
                if slow.write_all(&[byte]).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    });
    assert!(ask(&mut kept, HEALTH).starts_with("HTTP/1.1 200"));
    assert_eq!(rest(&mut silent), "");
    assert_eq!(rest(&mut slow), "");
    let both = begun.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_millis(5_500)).contains(&both), "{both:?}");
    dripping.join().expect("no panic");
    assert!(ask(&mut kept, HEALTH).starts_with("HTTP/1.1 200"), "an idle one may wait longer");
    let idle = Instant::now();
    assert_eq!(rest(&mut kept), "");
    assert!(idle.elapsed() >= Duration::from_secs(5), "{:?}", idle.elapsed());
    for bound in ["http.head_timeout_s", "http.idle_timeout_s"] {
        assert!(metric(&server, "http_connections_timed_out_total", bound) >= 1, "{bound}");
    }
    let huge = format!("GET /healthz HTTP/1.1\r\nX-Long: {}\r\n\r\n", "x".repeat(64 * 1024));
    let mut stream = connect_from(&server, "127.0.0.1").await;
    // The answer may be lost with the connection, which ends before all of it is read.
    let answer = ask(&mut stream, &huge);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[apply(on_both)]
async fn long_requests_are_spared_by_all_of_it(app: TestApp) {
    let one = |key: &'static str| (key, "1");
    let settings = [
        one("TASKS__HTTP__HEAD_TIMEOUT_S"),
        one("TASKS__HTTP__IDLE_TIMEOUT_S"),
        one("TASKS__HTTP__WRITE_TIMEOUT_S"),
        one("TASKS__HTTP__BODY_TIMEOUT_S"),
        ("TASKS__DATABASE__CHECKOUT_TIMEOUT_MS", "30000"),
    ];
    let task = app.task(CreateTask::default()).await;
    let server = Server::start(app.database_url(), &settings);
    let bearer = server.bearer("admin");
    let held = app.hold_task(&task);
    let delete = "mutation($in: DeleteTaskMutationInput!) { deleteTask(input: $in) { internalId } }";
    let pending = server.begin(&[("Authorization", &bearer)], delete, json!({ "in": { "ids": [task] } }));
    tokio::time::sleep(Duration::from_secs(4)).await;
    held.release();
    let reply = pending.reply().expect("an answer");
    assert!(reply.body["data"]["deleteTask"]["internalId"].is_string(), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_coming_is_answered_with_the_setting() {
    let (_app, server) = started(&[("TASKS__HTTP__BODY_TIMEOUT_S", "1")]).await;
    let mut stream = connect_from(&server, "127.0.0.1").await;
    let head = "POST /api/graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).expect("it goes out");
    let begun = Instant::now();
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("http.body_timeout_s"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_stop_coming_take_no_more_memory_than_is_allowed() {
    let (_app, server) = started(&[("TASKS__HTTP__HELD_BODY_BYTES", "1000000")]).await;
    let bearer = server.bearer("exec1");
    let begin = format!(
        "POST /api/graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Authorization: {bearer}\r\nContent-Length: 300001\r\n\r\n{}",
        " ".repeat(300_000)
    );
    let mut first = connect_from(&server, "127.0.0.2").await;
    first.write_all(begin.as_bytes()).expect("it goes out");
    std::thread::sleep(Duration::from_millis(300));
    let refused = |server: &Server| metric(server, "http_connections_refused_total", "http.held_body_bytes");
    let mut second = connect_from(&server, "127.0.0.2").await;
    let answer = ask(&mut second, &begin);
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("http.held_body_bytes"), "{answer}");
    assert_eq!(refused(&server), 1);
    for _ in 0..20 {
        ask(&mut connect_from(&server, "127.0.0.2").await, &begin);
    }
    assert_eq!(refused(&server), 21);
    let lines = server.log().iter().filter(|line| line.contains("http.held_body_bytes")).count();
    assert!((1..=5).contains(&lines), "it is said, but not for each: {lines}");
    // Others have their share, and short bodies are always read.
    assert_eq!(server.try_log_in("exec1", "exec1123").status, 200);
    let mut other = connect_from(&server, "127.0.0.3").await;
    other.write_all(begin.as_bytes()).expect("it goes out");
    std::thread::sleep(Duration::from_millis(300));
    first.write_all(b"x").expect("it goes out");
    assert!(ask(&mut first, "").starts_with("HTTP/1.1 400"), "what has come is read");
    let mut third = connect_from(&server, "127.0.0.2").await;
    third.write_all(begin.as_bytes()).expect("it goes out");
    third.write_all(b"x").expect("it goes out");
    assert!(ask(&mut third, "").starts_with("HTTP/1.1 400"), "there is room again");
    assert_eq!(refused(&server), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_has_as_long_as_any_request() {
    let (_app, server) = started(&[("TASKS__HTTP__REQUEST_TIMEOUT_S", "1")]).await;
    let mut stream = connect_from(&server, "127.0.0.1").await;
    let head = "POST /api/graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("it goes out");
    let mut dripping = stream.try_clone().expect("a handle");
    let drops = std::thread::spawn(move || {
        for _ in 0..40 {
            if dripping.write_all(b" ").is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let answer = ask(&mut stream, "");
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("http.request_timeout_s"), "{answer}");
    drop(stream);
    drops.join().expect("no panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_its_share_of_connections_and_operators_are_answered_meanwhile() {
    let (_app, server) = started(&[
        ("TASKS__HTTP__MAX_CONNECTIONS_PER_ADDRESS", "10"),
        ("TASKS__HTTP__HEAD_TIMEOUT_S", "100"),
        ("TASKS__HTTP__TRUSTED_PROXIES", "[\"127.0.0.3\"]"),
    ])
    .await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(connect_from(&server, "127.0.0.1").await);
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(server.request("GET", path, "").0, 200, "{path}");
    }
    let refused = server.try_log_in("exec1", "exec1123");
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.text.contains("http.max_connections_per_address"), "{refused:?}");
    let others = "GET /api/core/users/current_user/ HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut other = connect_from(&server, "127.0.0.2").await;
    assert!(ask(&mut other, others).starts_with("HTTP/1.1 401"), "others are served");
    for _ in 0..30 {
        idle.push(connect_from(&server, "127.0.0.3").await);
    }
    let mut proxy = connect_from(&server, "127.0.0.3").await;
    assert!(ask(&mut proxy, others).starts_with("HTTP/1.1 401"), "a proxy stands for many");
    drop(idle);
    wait_until("the address is served again", || server.try_log_in("exec1", "exec1123").status == 200);
    let lines = server.log().iter().filter(|line| line.contains("max_connections_per_address")).count();
    assert!((1..=5).contains(&lines), "it is said, but not for each: {lines}");
    assert!(metric(&server, "http_connections_refused_total", "http.max_connections_per_address") >= 190);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_connections_are_taken_operators_are_answered_and_the_log_says_so() {
    let (_app, server) =
        started(&[("TASKS__HTTP__MAX_CONNECTIONS", "20"), ("TASKS__HTTP__HEAD_TIMEOUT_S", "100")]).await;
    let mut idle = Vec::new();
    for n in 0..100 {
        idle.push(connect_from(&server, &format!("127.0.1.{n}")).await);
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.request("GET", path, "").0, 200, "{path}");
    }
    let refused = server.try_log_in("exec1", "exec1123");
    assert!(refused.status == 503 && refused.text.contains("(http.max_connections)"), "{refused:?}");
    assert!(server.log().iter().any(|line| line.contains("http.max_connections")));
    drop(idle);
    wait_until("others are served again", || server.try_log_in("exec1", "exec1123").status == 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_few_addresses_hold_all_connections_who_holds_fewer_is_served() {
    let (_app, server) =
        started(&[("TASKS__HTTP__MAX_CONNECTIONS", "20"), ("TASKS__HTTP__HEAD_TIMEOUT_S", "100")]).await;
    let mut idle = Vec::new();
    for n in 0..60 {
        idle.push(connect_from(&server, &format!("127.0.1.{}", n % 2)).await);
    }
    for _ in 0..5 {
        assert_eq!(server.try_log_in("exec1", "exec1123").status, 200);
    }
    let refused = metric(&server, "http_connections_refused_total", "http.max_connections");
    assert!(refused >= 40, "those of the two addresses found no room: {refused}");
    assert!(server.log().iter().any(|line| line.contains("http.max_connections")));
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_that_say_nothing_give_way_as_idle_connections_do() {
    const HANDSHAKE: &str = "GET /api/graphql/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
    let settings = [
        ("TASKS__HTTP__MAX_CONNECTIONS", "20"),
        ("TASKS__HTTP__HEAD_TIMEOUT_S", "100"),
        ("TASKS__SUBSCRIPTIONS__UNIDENTIFIED_PER_ADDRESS", "10"),
    ];
    let (_app, server) = started(&settings).await;
    let mut silent = Vec::new();
    for n in 0..20 {
        let mut stream = connect_from(&server, &format!("127.0.1.{}", n % 2)).await;
        let answer = ask(&mut stream, HANDSHAKE);
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        silent.push(stream);
    }
    for _ in 0..5 {
        assert_eq!(server.try_log_in("exec1", "exec1123").status, 200);
    }
    let mut ended = 0;
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a time-out");
        ended += usize::from(matches!(stream.read(&mut [0; 64]), Ok(0)));
    }
    assert!((1..=5).contains(&ended), "those that give way are closed, and no others: {ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_idle_connections_leave_the_server_as_it_is() {
    let (_app, server) = started(&[]).await;
    // The test holds the other ends.
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("as many as without more rights");
    let mut idle = Vec::new();
    for n in 0..1_100 {
        // From ten addresses: none has more than its share.
        idle.push(connect_from(&server, &format!("127.0.2.{}", n % 10)).await);
    }
    assert_eq!(server.request("GET", "/readyz", "").0, 200);
    assert_eq!(server.try_log_in("exec1", "exec1123").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_never_read_hold_no_more_than_is_allowed_and_not_for_long() {
    const ANSWERS: u64 = 12;
    let app = TestApp::start(Backend::Sqlite).await;
    for _ in 0..36 {
        let data = Some(json!({ "long": "x".repeat(150_000) }).into());
        app.task(CreateTask { source: Some("long".to_owned()), data, ..CreateTask::default() }).await;
    }
    let server = Server::start(
        app.database_url(),
        &[("TASKS__HTTP__HELD_ANSWER_BYTES", "18000000"), ("TASKS__HTTP__WRITE_TIMEOUT_S", "15")],
    );
    let bearer = server.bearer("admin");
    let body = json!({ "query": "{ task(source: \"long\") { edges { node { data } } } }" }).to_string();
    let request = format!(
        "POST /api/graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Authorization: {bearer}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut readers = Vec::new();
    for _ in 0..ANSWERS {
        let mut stream = connect_from(&server, "127.0.0.2").await;
        stream.write_all(request.as_bytes()).expect("it goes out");
        readers.push(stream);
        // Slow enough that the first are no longer young when the last come.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let reply = server.send("POST", "/api/graphql", &[("Authorization", &bearer)], &body);
    assert!(reply.status == 200 && reply.text.len() > 5_000_000, "{} {}", reply.status, reply.text.len());
    let held = "http.held_answer_bytes";
    let (ended, refused) = ("http_connections_timed_out_total", "http_connections_refused_total");
    let given_way = || metric(&server, ended, held) + metric(&server, refused, held);
    wait_until("all but the three that fit have given way", || given_way() >= 8);
    wait_until("those that are left have been closed too", || {
        given_way() + metric(&server, ended, "http.write_timeout_s") >= ANSWERS
    });
    drop(readers);
    let other: Value =
        server.graphql(&[("Authorization", &bearer)], "{ user { username } }", Value::Null).body;
    assert_eq!(other["data"]["user"]["username"], "admin");
}
