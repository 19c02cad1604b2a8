//! Programs and databases of different ages, and databases of other programs.

use std::process::Output;

use crate::support::backend::TestDatabase;
use crate::support::program::{Server, program, run, wait_until};
use crate::support::{Backend, apply, on_both};

/// A migration of a newer program, which needs programs that know this level.
fn migrate_further(database: &TestDatabase, oldest: &str) {
    database.execute("INSERT INTO task_management_schema_migrations (version) VALUES ('99999999999999')");
    database.execute(&format!(
        "INSERT INTO task_management_schemalevel (version, oldest) VALUES ('99999999999999', '{oldest}')"
    ));
}

fn refused(output: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && words.iter().all(|word| text.contains(word)),
        "{words:?}: {output:?}"
    );
}

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

#[apply(on_both)]
async fn an_older_program_goes_on_with_a_newer_schema_that_allows_it_and_says_so(backend: Backend) {
    let database = TestDatabase::create(backend);
    assert!(run(&database.url, &["migrate"]).status.success());
    migrate_further(&database, "00000000000013");
    let server = Server::start(&database.url, &[]);
    assert_eq!(server.request("GET", "/readyz", "").0, 200);
    assert!(
        server.log().iter().any(|line| line.contains("WARN") && line.contains("99999999999999")),
        "{:?}",
        server.log()
    );
    assert!(server.stop().success());
    assert!(run(&database.url, &["migrate"]).status.success());
}

/// Numbers are given when work begins, so a database may have later migrations than one that it lacks.
#[apply(on_both)]
async fn a_migration_below_the_newest_is_applied_to_a_database_that_lacks_it(backend: Backend) {
    const LATE: &str = "00000000000036";
    let database = TestDatabase::create(backend);
    assert!(run(&database.url, &["migrate"]).status.success());
    let down = match backend {
        Backend::Postgres => {
            include_str!("../../migrations/postgres/00000000000036_task_dispatcher/down.sql")
        }
        Backend::Sqlite => include_str!("../../migrations/sqlite/00000000000036_task_dispatcher/down.sql"),
    };
    down.split_inclusive(";\n").for_each(|statement| database.execute(statement));
    database.execute(&format!("DELETE FROM task_management_schema_migrations WHERE version = '{LATE}'"));
    let later = format!("SELECT count(*) FROM task_management_schemalevel WHERE version > '{LATE}'");
    assert!(database.count(&later) > 0, "later ones are there");
    let newest = database.count("SELECT count(*) FROM task_management_schemalevel");
    let output = run(&database.url, &["migrate"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(database.count("SELECT count(*) FROM task_management_schemalevel"), newest + 1);
    assert_eq!(database.count("SELECT count(*) FROM task_management_taskdispatcher"), 0);
    assert_eq!(database.count("SELECT count(*) FROM task_management_functionrun WHERE event_id IS NULL"), 0);
    let server = Server::start(&database.url, &[]);
    assert_eq!(server.request("GET", "/readyz", "").0, 200);
}

#[apply(on_both)]
async fn a_program_that_is_too_old_for_the_schema_is_refused_and_not_ready(backend: Backend) {
    let database = TestDatabase::create(backend);
    assert!(run(&database.url, &["migrate"]).status.success());
    let server = Server::start(&database.url, &[]);
    migrate_further(&database, "99999999999998");
    let ready = server.request("GET", "/readyz", "");
    assert_eq!((ready.0, ready.1.trim_end()), (503, "the database is not for this program"));
    for args in [&["migrate"][..], &SERVE, &["serve", "--listen", "127.0.0.1:0", "--no-migrate"]] {
        refused(&run(&database.url, args), &["99999999999998", "newer program"]);
    }
}

#[apply(on_both)]
async fn a_database_of_another_program_is_refused_and_left_as_it_is(backend: Backend) {
    let database = TestDatabase::create(backend);
    database.execute("CREATE TABLE invoices (id integer PRIMARY KEY)");
    for args in [&["migrate"][..], &SERVE, &["serve", "--listen", "127.0.0.1:0", "--no-migrate"]] {
        refused(&run(&database.url, args), &["another program", "invoices", "database.url"]);
    }
    let tables = match backend {
        Backend::Sqlite => "SELECT count(*) FROM sqlite_master WHERE type = 'table'",
        Backend::Postgres => "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",
    };
    assert_eq!(database.count(tables), 1);
    // Migrations of the same versions may have been another program's.
    let like_ours = "CREATE TABLE __diesel_schema_migrations (version varchar(50) NOT NULL PRIMARY KEY, \
                     run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)";
    database.execute(like_ours);
    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('00000000000001')");
    for args in [&["migrate"][..], &SERVE] {
        refused(&run(&database.url, args), &["another program", "invoices", "database.url"]);
    }
}

#[apply(on_both)]
async fn a_database_whose_tables_are_gone_is_refused(backend: Backend) {
    let database = TestDatabase::create(backend);
    database.execute(
        "CREATE TABLE task_management_schema_migrations (version varchar(50) NOT NULL PRIMARY KEY, \
         run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, carried_over timestamp)",
    );
    database.execute("INSERT INTO task_management_schema_migrations (version) VALUES ('00000000000001')");
    for args in [&["migrate"][..], &SERVE] {
        refused(&run(&database.url, args), &["their tables are not there", "database.url"]);
    }
}

#[apply(on_both)]
async fn a_server_migrates_whatever_its_log_shows(backend: Backend) {
    let database = TestDatabase::create(backend);
    let mut command = program(&database.url);
    let mut server = command.args(SERVE).env("TASKS__LOG__FILTER", "error").spawn().expect("it starts");
    let tables = match backend {
        Backend::Sqlite => "SELECT count(*) FROM sqlite_master WHERE name = 'task_management_health'",
        Backend::Postgres => "SELECT count(*) FROM pg_tables WHERE tablename = 'task_management_health'",
    };
    wait_until("there are tables", || database.count(tables) == 1);
    server.kill().expect("it ends");
    server.wait().expect("it has ended");
}
