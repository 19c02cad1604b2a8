//! How many tasks there are: the database keeps it, exactly, whoever writes tasks and however that ends.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, PgConnection, SqliteConnection};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use tasks_management::CompletionPolicy::Any;
use tasks_management::CreateTask;

use crate::migrations::{postgres, sqlite};
use crate::support::backend::TestDatabase;
use crate::support::prepared::Content;
use crate::support::scenario::user_id;
use crate::support::{Backend, apply, on_both};

/// How many kinds of tasks are counted wrongly, and that by one snapshot.
const WRONG: &str = "SELECT count(*) FROM ( \
       SELECT is_deleted, status, task_group_id, source, count(*) AS number FROM task_management_task \
         GROUP BY is_deleted, status, task_group_id, source \
     ) AS kind FULL JOIN ( \
       SELECT is_deleted, status, task_group_id, source, sum(tally) AS number FROM task_management_taskcount \
         GROUP BY is_deleted, status, task_group_id, source HAVING sum(tally) <> 0 \
     ) AS counter ON (kind.is_deleted, kind.status, COALESCE(CAST(kind.task_group_id AS text), ''), COALESCE(kind.source, '-')) \
       = (counter.is_deleted, counter.status, COALESCE(CAST(counter.task_group_id AS text), ''), COALESCE(counter.source, '-')) \
     WHERE kind.number IS NULL OR counter.number IS NULL OR kind.number <> counter.number";

/// What one of the writers does.
#[derive(Debug, Clone)]
enum Act {
    /// Adds this many tasks of a kind, by one statement.
    Add(u8, Kind),
    /// Makes one in three of its tasks one of this kind.
    Change(Kind),
    /// Changes a column by which tasks are not counted.
    Touch,
    /// Removes one in four of its tasks.
    Remove,
    /// Commits.
    Commit,
    /// Rolls back.
    Undo,
    /// Is gone without a word, and comes again.
    Die,
    /// Brings the next fold near: those that wait are folded at every thousandth.
    Hasten,
}

/// A kind of task: whether it is deleted, its status, group and source, as SQL.
type Kind = (bool, &'static str, &'static str, &'static str);

fn kind() -> impl Strategy<Value = Kind> {
    (
        any::<bool>(),
        prop::sample::select(vec!["'RECEIVED'", "'ACCEPTED'", "'COMPLETED'", "'FAILED'"]),
        prop::sample::select(vec!["NULL", "(SELECT min(CAST(id AS text)) FROM task_management_taskgroup)"]),
        prop::sample::select(vec!["NULL", "''", "'one'", "'other'"]),
    )
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (1..9_u8, kind()).prop_map(|(number, kind)| Act::Add(number, kind)),
        3 => kind().prop_map(Act::Change),
        1 => Just(Act::Touch),
        1 => Just(Act::Remove),
        3 => Just(Act::Commit),
        1 => Just(Act::Undo),
        1 => Just(Act::Die),
        1 => Just(Act::Hasten),
    ]
}

/// A writer with a transaction of its own, who writes tasks of its own.
struct Writer {
    number: usize,
    connection: Connection,
}

enum Connection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Writer {
    fn new(database: &TestDatabase, backend: Backend, number: usize) -> Self {
        let mut connection = match backend {
            Backend::Postgres => Connection::Postgres(postgres(database)),
            Backend::Sqlite => Connection::Sqlite(sqlite(database)),
        };
        // Nobody waits for anybody.
        if backend == Backend::Postgres {
            connection.run("SET lock_timeout = '2s'");
        }
        connection.run("BEGIN");
        Self { number, connection }
    }

    fn act(&mut self, act: &Act, next: &std::cell::Cell<u32>) {
        let own = format!("entity_string = 'of {}'", self.number);
        let (is_postgres, uuid) = match self.connection {
            Connection::Postgres(_) => (true, "::uuid"),
            Connection::Sqlite(_) => (false, ""),
        };
        let json = if is_postgres { "'{}'::jsonb" } else { "'{}'" };
        let sql = match act {
            Act::Add(number, (is_deleted, status, group, source)) => {
                let user = user_id("admin");
                let rows: Vec<String> = (0..*number)
                    .map(|_| {
                        next.set(next.get() + 1);
                        let next = next.get();
                        format!(
                            "('00000000-0000-7000-8000-{next:012}', {is_deleted}, 1, '2024-01-01', '2024-01-01', '{user}', '{user}', \
                             {source}, 'of {}', {status}, {json}, {group}{uuid}, {json})",
                            self.number
                        )
                    })
                    .collect();
                format!(
                    "INSERT INTO task_management_task (id, is_deleted, version, date_created, date_updated, user_created, \
                     user_updated, source, entity_string, status, business_status, task_group_id, data) VALUES {}",
                    rows.join(", ")
                )
            }
            Act::Change((is_deleted, status, group, source)) => format!(
                "UPDATE task_management_task SET is_deleted = {is_deleted}, status = {status}, \
                 task_group_id = {group}{uuid}, source = {source} \
                 WHERE {own} AND substr(CAST(id AS text), 36) IN ('0', '3', '6', '9')"
            ),
            Act::Touch => format!("UPDATE task_management_task SET version = version + 1 WHERE {own}"),
            Act::Remove => format!(
                "DELETE FROM task_management_task WHERE {own} AND substr(CAST(id AS text), 36) IN ('1', '4')"
            ),
            Act::Commit => "COMMIT; BEGIN".to_owned(),
            Act::Undo => "ROLLBACK; BEGIN".to_owned(),
            Act::Hasten if is_postgres => "SELECT setval('task_management_taskcount_id_seq', \
                 1000 * (nextval('task_management_taskcount_id_seq') / 1000) + 1996)"
                .to_owned(),
            Act::Hasten | Act::Die => return,
        };
        self.connection.run(&sql);
    }
}

impl Connection {
    fn run(&mut self, sql: &str) {
        match self {
            Self::Postgres(connection) => connection.batch_execute(sql),
            Self::Sqlite(connection) => connection.batch_execute(sql),
        }
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

#[apply(on_both)]
async fn the_counters_are_exact_after_any_interleaving_roll_back_and_crash(backend: Backend) {
    let database = TestDatabase::with(Content::Loaded, backend).await;
    // SQLite has one writer at a time.
    let writers = if backend == Backend::Postgres { 3 } else { 1 };
    let acts = prop::collection::vec((0..writers, act()), 1..60);
    let next = std::cell::Cell::new(0);
    tokio::task::spawn_blocking(move || {
        assert_eq!(database.count(WRONG), 0, "of the tasks of the fixture");
        TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() })
            .run(&acts, |acts| {
                let mut hands: Vec<Writer> =
                    (0..writers).map(|number| Writer::new(&database, backend, number)).collect();
                for (number, act) in &acts {
                    match act {
                        Act::Die => hands[*number] = Writer::new(&database, backend, *number),
                        act => hands[*number].act(act, &next),
                    }
                    prop_assert_eq!(database.count(WRONG), 0, "after {:?}", act);
                }
                Ok(())
            })
            .expect("the counters are exact");
    })
    .await
    .expect("no panic");
}

#[test]
fn many_who_write_at_once_fold_what_waits_and_lose_nothing() {
    let database = TestDatabase::create(Backend::Postgres);
    {
        use diesel_migrations::MigrationHarness as _;
        postgres(&database).run_pending_migrations(crate::migrations::POSTGRES).expect("up");
    }
    database.execute(
        "INSERT INTO core_user (id, interactive_user_id, username, password, last_name, other_names, language, is_active, \
         version, date_created, date_updated) \
         VALUES ('00000000-0000-7000-8000-000000000001', 7, 'x', 'x', 'x', 'x', 'en', true, 1, '2024-01-01', '2024-01-01')",
    );
    database.execute(
        "INSERT INTO task_management_task (id, is_deleted, version, date_created, date_updated, user_created, user_updated, \
         status, business_status, data, entity_string) \
         SELECT gen_random_uuid(), false, 1, '2024-01-01', '2024-01-01', '00000000-0000-7000-8000-000000000001', \
         '00000000-0000-7000-8000-000000000001', 'RECEIVED', '{}', '{}', (i % 4)::text FROM generate_series(1, 40) AS of(i)",
    );
    std::thread::scope(|scope| {
        for hand in 0..4 {
            let url = &database.url;
            scope.spawn(move || {
                let mut connection = PgConnection::establish(url).expect("connects");
                for round in 0..200 {
                    let (status, end) = (["ACCEPTED", "FAILED", "COMPLETED"][round % 3], if round % 7 == 0 { "ROLLBACK" } else { "COMMIT" });
                    let sql = format!(
                        "BEGIN; SET LOCAL lock_timeout = '2s'; \
                         UPDATE task_management_task SET status = '{status}', source = '{hand}' WHERE entity_string = '{hand}'; {end}"
                    );
                    connection.batch_execute(&sql).expect("nobody waits for anybody");
                }
            });
        }
    });
    assert_eq!(database.count(WRONG), 0);
    let rows = database.count("SELECT count(*) FROM task_management_taskcount");
    assert!(rows < 3_000, "{rows} rows wait, and a thousand should");
}

#[apply(on_both)]
async fn of_more_than_a_thousand_kinds_the_thousand_with_the_most_tasks_are_told(app: TestApp) {
    let tasks = |n: usize| CreateTask { source: Some(format!("kind {n}")), ..CreateTask::default() };
    for n in [0, 1] {
        app.task(tasks(n)).await;
    }
    let made = "INSERT INTO task_management_task (id, is_deleted, version, date_created, date_updated, user_created, user_updated, \
                source, status, executor_action_event, business_status, data, priority) \
                WITH RECURSIVE numbers(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM numbers WHERE number < 1004) \
                SELECT $key, is_deleted, version, date_created, date_updated, user_created, user_updated, 'kind ' || number, status, \
                executor_action_event, business_status, data, priority \
                FROM task_management_task CROSS JOIN numbers WHERE source = 'kind 0'";
    let key = match app.backend {
        Backend::Postgres => "gen_random_uuid()",
        Backend::Sqlite => "printf('00000000-0000-7000-9000-%012d', number)",
    };
    app.run(&made.replace("$key", key));
    let answer = app
        .user("admin")
        .await
        .graphql("{ taskCounts(groupBy: [SOURCE], source_Istartswith: \"kind \") { source count } }")
        .await;
    let rows = answer.data("taskCounts").as_array().expect("a list").clone();
    assert_eq!(rows.len(), 1_000);
    let first: BTreeSet<&str> = rows[..2].iter().filter_map(|row| row["source"].as_str()).collect();
    assert_eq!(first, BTreeSet::from(["kind 0", "kind 1"]), "{:?}", &rows[..3]);
}

#[apply(on_both)]
async fn a_list_tells_how_many_tasks_it_has(app: TestApp) {
    let group = app.group("COUNTED", Any, &["exec1"]).await;
    for number in 0..5 {
        let task = app.task_in(&group).await;
        if number < 2 {
            app.vote("exec1", &task, json!("APPROVED")).await;
        }
    }
    app.run("UPDATE task_management_task SET is_deleted = true WHERE CAST(id AS text) = (SELECT max(CAST(id AS text)) FROM task_management_task)");
    for (arguments, condition) in [
        (String::new(), "1 = 1".to_owned()),
        ("(isDeleted: false)".to_owned(), "1 = 1".to_owned()),
        ("(isDeleted: true)".to_owned(), "1 = 0".to_owned()),
        ("(status: ACCEPTED)".to_owned(), "status = 'ACCEPTED'".to_owned()),
        (format!("(taskGroupId: \"{group}\")"), format!("CAST(task_group_id AS text) = '{group}'")),
        (
            format!("(groupId: \"{group}\", status: COMPLETED)"),
            format!("CAST(task_group_id AS text) = '{group}' AND status = 'COMPLETED'"),
        ),
        ("(source_Istartswith: \"C\")".to_owned(), "source LIKE 'C%' OR source LIKE 'c%'".to_owned()),
        ("(priority: 50, status: FAILED)".to_owned(), "priority = 50 AND status = 'FAILED'".to_owned()),
    ] {
        let counted = app.number(&format!(
            "SELECT count(*) AS value FROM task_management_task WHERE NOT is_deleted AND ({condition})"
        ));
        let answer =
            app.user("admin").await.graphql(&format!("{{ task{arguments} {{ totalCount }} }}")).await;
        assert_eq!(answer.data("task")["totalCount"], json!(counted), "{arguments}");
    }
}
