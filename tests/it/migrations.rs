//! The migrations: the same tables on both databases, and down as well as up.

use std::collections::{BTreeMap, BTreeSet};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use crate::support::Backend;
use crate::support::backend::TestDatabase;

pub const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
pub const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Everything that a database says of its schema, in lines that do not depend on chance.
#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

pub fn postgres(database: &TestDatabase) -> PgConnection {
    PgConnection::establish(&database.url).expect("connects")
}

pub fn sqlite(database: &TestDatabase) -> SqliteConnection {
    SqliteConnection::establish(database.url.trim_start_matches("sqlite://")).expect("opens")
}

pub fn postgres_columns(connection: &mut PgConnection) -> BTreeMap<String, BTreeSet<String>> {
    let lines: Vec<Line> = diesel::sql_query(
        "SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN ' required' ELSE '' END AS line \
         FROM information_schema.columns WHERE table_schema = 'public'",
    )
    .load(connection)
    .expect("lists columns");
    columns(lines)
}

pub fn sqlite_columns(connection: &mut SqliteConnection) -> BTreeMap<String, BTreeSet<String>> {
    let lines: Vec<Line> = diesel::sql_query(
        "SELECT t.name || '.' || c.name || CASE c.\"notnull\" WHEN 1 THEN ' required' ELSE '' END AS line \
         FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c \
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
    )
    .load(connection)
    .expect("lists columns");
    columns(lines)
}

fn columns(lines: Vec<Line>) -> BTreeMap<String, BTreeSet<String>> {
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines {
        let (table, column) = line.line.split_once('.').expect("table.column");
        tables.entry(table.to_owned()).or_default().insert(column.to_owned());
    }
    tables.remove("__diesel_schema_migrations");
    tables
}

pub fn postgres_schema(connection: &mut PgConnection) -> Vec<String> {
    let lines: Vec<Line> = diesel::sql_query(
        "SELECT line FROM ( \
           SELECT concat_ws(' ', table_name, column_name, data_type, collation_name, is_nullable, column_default) AS line \
             FROM information_schema.columns WHERE table_schema = 'public' \
           UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' \
           UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
             WHERE connamespace = 'public'::regnamespace \
           UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace \
         ) AS all_lines ORDER BY line",
    )
    .load(connection)
    .expect("describes itself");
    lines.into_iter().map(|line| line.line).collect()
}

pub fn sqlite_schema(connection: &mut SqliteConnection) -> Vec<String> {
    let lines: Vec<Line> = diesel::sql_query(
        "SELECT COALESCE(sql, name) AS line FROM sqlite_master WHERE name <> 'sqlite_sequence' ORDER BY 1",
    )
    .load(connection)
    .expect("describes itself");
    lines.into_iter().map(|line| line.line).collect()
}

#[test]
fn both_databases_have_the_same_tables_and_columns() {
    let (on_postgres, on_sqlite) =
        (TestDatabase::create(Backend::Postgres), TestDatabase::create(Backend::Sqlite));
    let (mut postgres, mut sqlite) = (postgres(&on_postgres), sqlite(&on_sqlite));
    postgres.run_pending_migrations(POSTGRES).expect("up");
    sqlite.run_pending_migrations(SQLITE).expect("up");
    let (left, right) = (postgres_columns(&mut postgres), sqlite_columns(&mut sqlite));
    assert!(left.len() > 15, "only {} tables", left.len());
    assert_eq!(left, right);
}

#[tokio::test]
async fn both_databases_and_the_program_have_the_same_migrations() {
    let names = |folder: &str| -> BTreeSet<String> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
        let entries = std::fs::read_dir(path).expect("migrations can be read");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    };
    let on_postgres = names("postgres");
    assert_eq!(on_postgres, names("sqlite"));
    let applied: BTreeSet<_> = {
        let database = TestDatabase::create(Backend::Sqlite);
        let module =
            tasks_management::Builder::new(crate::support::app::usual_settings(&database.url)).build();
        module.expect("the settings are fine").migrate().await.expect("migrates").into_iter().collect()
    };
    let versions: BTreeSet<_> = on_postgres.iter().filter_map(|name| name.split('_').next()).collect();
    assert_eq!(versions.len(), on_postgres.len(), "two migrations have one version: {on_postgres:?}");
    let versions: BTreeSet<_> = versions.into_iter().map(str::to_owned).collect();
    assert_eq!(versions, applied, "src/db/migration.rs lists other migrations than there are folders");
}

/// Programs below what the newest migrations note are refused, so each has to say what it needs.
#[test]
fn each_migration_notes_the_oldest_level_that_programs_need() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    for (folder, backend) in [("postgres", Backend::Postgres), ("sqlite", Backend::Sqlite)] {
        let database = TestDatabase::create(backend);
        match backend {
            Backend::Postgres => postgres(&database).run_pending_migrations(POSTGRES).map(drop).expect("up"),
            Backend::Sqlite => sqlite(&database).run_pending_migrations(SQLITE).map(drop).expect("up"),
        }
        for entry in std::fs::read_dir(root.join(folder)).expect("migrations can be read") {
            let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
            let version = name.split('_').next().unwrap_or_default();
            // Levels came with the thirteenth.
            let noted = database.count(&format!(
                "SELECT count(*) FROM task_management_schemalevel WHERE version = '{version}' AND oldest < version"
            ));
            assert_eq!(noted, i64::from(version >= "00000000000013"), "{folder}/{name}");
        }
    }
}

#[test]
fn up_down_up_changes_nothing_on_postgres() {
    let database = TestDatabase::create(Backend::Postgres);
    let mut connection = postgres(&database);
    let empty = postgres_schema(&mut connection);
    connection.run_pending_migrations(POSTGRES).expect("up");
    let first = postgres_schema(&mut connection);
    connection.revert_all_migrations(POSTGRES).expect("down");
    let undone: Vec<String> =
        postgres_schema(&mut connection).into_iter().filter(|line| !line.contains("__diesel")).collect();
    assert_eq!(undone, empty, "something stays after going down");
    connection.run_pending_migrations(POSTGRES).expect("up again");
    assert_eq!(postgres_schema(&mut connection), first);
}

#[test]
fn up_down_up_changes_nothing_on_sqlite() {
    let database = TestDatabase::create(Backend::Sqlite);
    let mut connection = sqlite(&database);
    connection.run_pending_migrations(SQLITE).expect("up");
    let first = sqlite_schema(&mut connection);
    connection.revert_all_migrations(SQLITE).expect("down");
    let undone: Vec<String> =
        sqlite_schema(&mut connection).into_iter().filter(|line| !line.contains("__diesel")).collect();
    assert_eq!(undone, Vec::<String>::new(), "something stays after going down");
    connection.run_pending_migrations(SQLITE).expect("up again");
    assert_eq!(sqlite_schema(&mut connection), first);
}

/// The migration that brings approval flows, and rows of every kind that came with it.
const FLOWS: &str = "00000000000003";
const ROWS: &str = include_str!("migrations/task_flow.sql");

/// What stays of [`ROWS`] without flows: the groups, the votes that count, the sources and the tasks.
const WITHOUT_FLOWS: &str = "SELECT line FROM ( \
       SELECT code || ' ' || completion_policy || ' ' || threshold AS line FROM task_management_taskgroup \
       UNION ALL SELECT 'executor ' || CAST(user_id AS text) FROM task_management_taskexecutor WHERE NOT is_deleted \
       UNION ALL SELECT 'source ' || source FROM task_management_tasksource WHERE task_group_id IS NOT NULL \
       UNION ALL SELECT 'task ' || CAST(id AS text) || ' ' || status FROM task_management_task WHERE NOT is_deleted \
       UNION ALL SELECT 'vote ' || CAST(id AS text) || ' ' || verdict FROM task_management_taskdecision \
         WHERE NOT is_deleted \
       UNION ALL SELECT 'version ' || CAST(id AS text) || ' ' || verdict FROM task_management_historicaltaskdecision \
         WHERE NOT is_deleted \
     ) AS all_lines ORDER BY line";
const STAYS: [&str; 10] = [
    "executor 00000000-0000-0000-0000-0000000000a2",
    "half N 50",
    "heavy N 7",
    "source of the group",
    "task 00000000-0000-0000-0000-0000000000f1 ACCEPTED",
    "task 00000000-0000-0000-0000-0000000000f2 ACCEPTED",
    "version 00000000-0000-0000-0000-000000000012 APPROVED",
    "version 00000000-0000-0000-0000-000000000015 APPROVED",
    "vote 00000000-0000-0000-0000-000000000012 APPROVED",
    "vote 00000000-0000-0000-0000-000000000015 APPROVED",
];

/// Down and up with rows in all tables of approval flows: first past that migration only, then all the way.
macro_rules! down_and_up_with_rows {
    ($connection:expr, $migrations:expr, $schema:expr) => {{
        let connection = $connection;
        let stays = |connection: &mut _| -> Vec<String> {
            let lines: Vec<Line> = diesel::sql_query(WITHOUT_FLOWS).load(connection).expect("lists rows");
            lines.into_iter().map(|line| line.line).collect()
        };
        connection.run_pending_migrations($migrations).expect("up");
        let first = $schema(connection);
        connection.batch_execute(ROWS).expect("rows can be added");
        while connection.revert_last_migration($migrations).expect("down").to_string() != FLOWS {}
        assert_eq!(stays(connection), STAYS);
        connection.run_pending_migrations($migrations).expect("up again");
        assert_eq!($schema(connection), first);
        assert_eq!(stays(connection), STAYS);
        connection.revert_all_migrations($migrations).expect("down");
        connection.run_pending_migrations($migrations).expect("up once more");
        connection.batch_execute(ROWS).expect("rows can be added again");
        connection.revert_all_migrations($migrations).expect("all the way down");
    }};
}

#[test]
fn rows_outlive_going_down_and_up_on_postgres() {
    let database = TestDatabase::create(Backend::Postgres);
    down_and_up_with_rows!(&mut postgres(&database), POSTGRES, postgres_schema);
}

#[test]
fn rows_outlive_going_down_and_up_on_sqlite() {
    let database = TestDatabase::create(Backend::Sqlite);
    let mut connection = sqlite(&database);
    connection.batch_execute("PRAGMA foreign_keys = ON").expect("keys are checked");
    down_and_up_with_rows!(&mut connection, SQLITE, sqlite_schema);
}
