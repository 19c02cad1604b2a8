//! The demo: what it shows, who reaches it, which databases it takes, and that it writes to nobody.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{ChildStdout, Stdio};

use crate::cli::{line, on_each_database};
use crate::support::program::{FIXTURE, Server, program, run};

const LOOPBACK: &str = "127.0.0.1:0";

/// A demo that runs, with what it says after its first line.
fn start(
    listen: &str,
    args: &[&str],
    environment: &[(&str, &str)],
) -> (Server, Lines<BufReader<ChildStdout>>) {
    let mut child = program("sqlite://unused.db")
        .args(["demo", "--listen", listen])
        .args(args)
        .env_remove("TASKS__AUTH__SECRET")
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the demo starts");
    let mut lines = BufReader::new(child.stdout.take().expect("an output")).lines();
    let first = lines.next().expect("a first line").expect("a line");
    let address = first.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
    (Server::running(child, address.to_owned()), lines)
}

#[test]
fn the_demo_introduces_itself_and_has_tasks_in_every_state() {
    let (server, mut lines) = start(LOOPBACK, &[], &[]);
    // Its output stays open, as it says at the end what it did.
    let text: Vec<String> = lines
        .by_ref()
        .map(|line| line.expect("a line"))
        .take_while(|line| !line.starts_with("Ctrl-C"))
        .collect();
    let text = text.join("\n");
    for said in ["admin123", "ada12345", "Three things to try", "sqlite://"] {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
    let reply = server.try_log_in("admin", "admin123");
    assert!(reply.status == 200 && reply.text.contains("token"), "{}", reply.text);
    assert!(server.stop().success());
}

#[test]
fn the_demo_is_served_to_others_only_if_that_is_said_twice() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let output = run("sqlite://unused.db", &["demo", "--listen", listen]);
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        assert!(line(&output).contains("--reachable-by-others"), "{output:?}");
    }
    let mut command = program("sqlite://unused.db");
    let output = command.arg("demo").env("TASKS__HTTP__LISTEN", "0.0.0.0:0").output().expect("runs");
    assert!(!output.status.success() && line(&output).contains("--reachable-by-others"), "{output:?}");
    let (server, _lines) = start("0.0.0.0:0", &["--reachable-by-others"], &[]);
    assert!(server.address.starts_with("0.0.0.0:"), "{}", server.address);
}

#[test]
fn the_demo_leaves_a_database_alone_in_which_there_are_people_of_others() {
    let by_hand = concat!(env!("CARGO_MANIFEST_DIR"), "/src/demo.json");
    on_each_database(|database| {
        for file in [FIXTURE, by_hand] {
            run(&database.url, &["load", file]);
            let people = || database.count("SELECT count(*) FROM core_user");
            let before = people();
            let output =
                run(&database.url, &["demo", "--listen", "127.0.0.1:0", "--database-url", &database.url]);
            assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
            assert!(line(&output).contains("there are people or roles in this database"), "{output:?}");
            assert_eq!(people(), before);
            assert_eq!(database.count("SELECT count(*) FROM task_management_taskfunction"), 0);
        }
    });
}

#[test]
fn the_demo_leaves_a_database_alone_in_which_there_are_roles_of_others() {
    on_each_database(|database| {
        for command in [&["migrate"][..], &["role", "create", "Task Executor", "191001"]] {
            assert!(run(&database.url, command).status.success(), "{command:?}");
        }
        let output =
            run(&database.url, &["demo", "--listen", "127.0.0.1:0", "--database-url", &database.url]);
        assert!(!output.status.success(), "{output:?}");
        assert!(line(&output).contains("there are people or roles in this database"), "{output:?}");
        assert_eq!(database.count("SELECT count(*) FROM core_user"), 1, "the system user");
    });
}

#[test]
fn the_demo_does_not_even_migrate_a_database_of_others() {
    on_each_database(|database| {
        run(&database.url, &["load", FIXTURE]);
        let last = "SELECT count(*) FROM task_management_schema_migrations";
        database.execute("DELETE FROM task_management_schema_migrations WHERE version > '00000000000039'");
        let before = database.count(last);
        let output =
            run(&database.url, &["demo", "--listen", "127.0.0.1:0", "--database-url", &database.url]);
        assert!(line(&output).contains("there are people or roles in this database"), "{output:?}");
        assert_eq!(database.count(last), before);
    });
}

#[test]
fn the_demo_is_started_again_on_its_own_database_and_adds_nothing_to_it() {
    on_each_database(|database| {
        let counts = || {
            ["core_user", "task_management_taskflow", "task_management_taskfunction"]
                .map(|table| database.count(&format!("SELECT count(*) FROM {table}")))
        };
        let mut before = None;
        for _ in 0..2 {
            let (server, _lines) = start(LOOPBACK, &["--database-url", &database.url], &[]);
            assert_eq!(server.try_log_in("admin", "admin123").status, 200);
            assert_eq!(*before.get_or_insert_with(counts), counts());
            // Even if somebody has deleted what it is known by.
            database
                .execute("UPDATE task_management_task SET is_deleted = true WHERE due_date < '2026-01-13'");
            assert!(server.stop().success());
        }
    });
}

#[test]
fn the_demo_sends_no_mails_unless_that_is_said() {
    let mail_server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = mail_server.local_addr().expect("an address").port().to_string();
    let environment = [
        ("TASKS__MAIL__HOST", "127.0.0.1"),
        ("TASKS__MAIL__PORT", &port),
        ("TASKS__MAIL__SECURITY", "none"),
        ("TASKS__MAIL__FROM", "tasks@example.org"),
    ];
    on_each_database(|database| {
        // Deliveries that find out who gets mails are left when the demo fills its database, or never.
        let mails = || {
            database
                .count("SELECT count(*) FROM task_management_outbox WHERE handler = 'tasks.mail_addressing'")
        };
        let (server, _lines) = start(LOOPBACK, &["--database-url", &database.url], &environment);
        assert_eq!(mails(), 0);
        assert!(server.stop().success());
    });
    on_each_database(|database| {
        let (server, _lines) =
            start(LOOPBACK, &["--database-url", &database.url, "--send-mails"], &environment);
        let mails = || {
            database
                .count("SELECT count(*) FROM task_management_outbox WHERE handler = 'tasks.mail_addressing'")
        };
        assert!(mails() > 0);
        drop(server);
    });
}
