//! `/readyz` tells the truth: 200 when the server can work with its database, 503 when it can't.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use serde_json::json;
use tasks_management::CreateTask;

use crate::support::backend::server_url;
use crate::support::program::{FIXTURE, Server, program, run, wait_until};
use crate::support::{Backend, TestApp, apply, on_both};

async fn readiness(app: &TestApp) -> (u16, String) {
    let answer = app.stranger().send("GET", "/readyz", "").await;
    (answer.status.as_u16(), answer.text.trim_end().to_owned())
}

fn ready() -> (u16, String) {
    (200, "ready".to_owned())
}

#[apply(on_both)]
async fn busy_pools_say_nothing_of_the_database(app: TestApp) {
    let busy = app.another_process_with(
        |settings| {
            settings.database.pool_size = 1;
            settings.database.checkout_timeout_ms = 100;
        },
        |builder| builder,
    );
    let task = app.task(CreateTask::default()).await;
    let held = app.hold_task(&task);
    let database = busy.module.database().clone();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let reader = tokio::spawn(async move {
        let work = |_: &mut tasks_management::DbConnection| {
            let _ = begun.send(());
            std::thread::sleep(Duration::from_secs(1));
            Ok(())
        };
        database.read(work).await
    });
    begins.await.expect("it reads");
    assert_eq!(busy.module.is_pending().await.ok(), Some(false));
    assert_eq!(readiness(&busy).await, ready());
    reader.await.expect("no panic").expect("it has read");
    held.release();
}

#[apply(on_both)]
async fn a_database_that_takes_no_writes_is_not_ready(app: TestApp) {
    match app.backend {
        Backend::Sqlite => app.run(
            "CREATE TRIGGER refusing BEFORE UPDATE ON task_management_health BEGIN \
             SELECT RAISE(FAIL, 'attempt to write a readonly database'); END",
        ),
        Backend::Postgres => {
            let name = app.database_url().rsplit('/').next().expect("a name");
            app.run(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
        }
    }
    let other = app.another_process();
    assert_eq!(readiness(&other).await, (503, "the database can't be written".to_owned()));
    // The server writes only every ten seconds, and the result holds until the next write.
    let checks = app.count("SELECT checks FROM task_management_health");
    for _ in 0..3 {
        assert_eq!(readiness(&other).await.0, 503);
    }
    assert_eq!(app.count("SELECT checks FROM task_management_health"), checks);
}

#[apply(on_both)]
async fn the_database_is_written_to_at_most_every_ten_seconds(app: TestApp) {
    for _ in 0..5 {
        assert_eq!(readiness(&app).await, ready());
    }
    assert_eq!(app.count("SELECT checks FROM task_management_health"), 1);
}

/// The server may not write files larger than this; on a full disk it could write none at all.
#[test]
fn a_server_whose_disk_is_full_is_not_ready_and_acknowledges_nothing() {
    let database = crate::support::backend::TestDatabase::create(Backend::Sqlite);
    assert!(run(&database.url, &["load", FIXTURE]).status.success());
    let usual = program(&database.url);
    let mut child = Command::new("bash");
    // A process that ignores the signal gets an error, as with a full disk. The unit is KiB.
    child
        .args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" serve --listen 127.0.0.1:0"])
        .arg(usual.get_program());
    child
        .current_dir(std::env::temp_dir())
        .envs(usual.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let server = Server::of(child);
    assert_eq!(server.request("GET", "/readyz", "").0, 200);
    let bearer = server.bearer("admin");
    let create = |id: &str| {
        let query = "mutation($in: CreateTaskMutationInput!) { createTask(input: $in) { internalId } }";
        let input = json!({ "in": { "source": "full", "clientMutationId": id } });
        server.graphql(&[("Authorization", &bearer)], query, input)
    };
    assert_eq!(create("before").status, 200);
    // Writes of others make SQLite's journal too long for the server.
    let mut other =
        SqliteConnection::establish(database.url.trim_start_matches("sqlite://")).expect("the file opens");
    other
        .batch_execute(
            "PRAGMA busy_timeout = 10000; PRAGMA wal_autocheckpoint = 0; \
             INSERT INTO core_language (code, name, sort_order) VALUES ('xx', CAST(zeroblob(8000000) AS text), 9)",
        )
        .expect("it is written");
    wait_until("it is not ready", || server.request("GET", "/readyz", "").0 == 503);
    assert_eq!(server.request("GET", "/readyz", "").1.trim_end(), "the database can't be written");
    let refused = create("after");
    assert!(refused.body["data"]["createTask"]["internalId"].is_null(), "{refused:?}");
    let count = "SELECT count(*) FROM task_management_task WHERE source = 'full'";
    assert_eq!(database.count(count), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_to_a_file_that_was_deleted_or_replaced_is_told_so_and_health_is() {
    const CREATE: &str = "mutation($in: CreateTaskMutationInput!) { createTask(input: $in) { internalId } }";
    for replaced in [false, true] {
        let app = TestApp::start(Backend::Sqlite).await;
        let mut admin = app.user("admin").await;
        assert_eq!(readiness(&app).await, ready());
        let path = app.database_url().trim_start_matches("sqlite://").to_owned();
        if replaced {
            std::fs::copy(&path, format!("{path}.copy")).expect("copied");
            std::fs::rename(format!("{path}.copy"), &path).expect("replaced");
        } else {
            std::fs::remove_file(&path).expect("deleted");
        }
        let answer = admin.graphql_with(CREATE, json!({ "in": { "source": "lost" } })).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
        let gone = (503, "the file of the database was deleted or replaced".to_owned());
        assert_eq!(readiness(&app).await, gone);
        // Nor is a new one made in its place, by connections that begin later.
        assert!(app.module.is_pending().await.is_err());
        assert_eq!(std::path::Path::new(&path).exists(), replaced);
    }
}

/// A proxy that passes bytes on until it is told to freeze.
fn frozen_later(target: String) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let frozen = Arc::new(AtomicBool::new(false));
    let stops = Arc::clone(&frozen);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(&target) else { return };
            for (mut from, mut to) in [
                (client.try_clone().expect("a socket"), server.try_clone().expect("a socket")),
                (server, client),
            ] {
                let stops = Arc::clone(&stops);
                std::thread::spawn(move || {
                    let mut piece = [0_u8; 4_096];
                    while let Ok(length @ 1..) = from.read(&mut piece) {
                        while stops.load(Ordering::SeqCst) {
                            std::thread::sleep(Duration::from_millis(20));
                        }
                        if to.write_all(&piece[..length]).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    (port, frozen)
}

/// A file that freezes would hold up everybody who opens it, tests too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_freezes_is_told_of_within_two_seconds_and_ready_again_when_it_wakes() {
    let app = TestApp::start(Backend::Postgres).await;
    let server = server_url();
    let (_, rest) = server.rsplit_once('@').expect("a user");
    let (target, _) = rest.split_once('/').expect("a database");
    let (port, frozen) = frozen_later(target.to_owned());
    let url = app.database_url().replace(target, &format!("127.0.0.1:{port}"));
    let far = app.another_process_with(|settings| settings.database.url = url, |builder| builder);
    assert_eq!(readiness(&far).await, ready());
    frozen.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let asked = Instant::now();
        let silent = (503, "the database does not answer in time".to_owned());
        assert_eq!(readiness(&far).await, silent);
        assert!(asked.elapsed() < Duration::from_millis(2_500), "{:?}", asked.elapsed());
    }
    frozen.store(false, Ordering::SeqCst);
    let deadline = Instant::now() + Duration::from_secs(10);
    while readiness(&far).await != ready() {
        assert!(Instant::now() < deadline, "it stays not ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
