//! The migrations are noted in a table of the module's own. Databases in which they were noted in diesel's are carried over,
//! and a host's migrations there stay the host's, even if they have the same versions.

use diesel::backend::Backend as DieselBackend;
use diesel::migration::MigrationSource;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use tasks_management::{Builder, TaskManagement};

use crate::migrations::{POSTGRES, SQLITE, postgres, postgres_schema, sqlite, sqlite_schema};
use crate::support::app::usual_settings;
use crate::support::backend::TestDatabase;
use crate::support::program::run;
use crate::support::{Backend, apply, on_both};

/// The first migration that no program of version 0.1 knew.
const FIRST_OF_OUR_OWN: &str = "00000000000015";
/// The newest migration that the program before knew.
const NEWEST_BEFORE: &str = "00000000000014";
/// A version of a host's.
const HOSTS: &str = "20250101000000";

fn module(database: &TestDatabase) -> TaskManagement {
    Builder::new(usual_settings(&database.url)).build().expect("the settings are fine")
}

/// Applies the first migrations as programs of version 0.1 did; returns their versions.
fn first<DB: DieselBackend>(
    connection: &mut impl MigrationHarness<DB>,
    source: impl MigrationSource<DB>,
    count: usize,
) -> Vec<String> {
    let pending = connection.pending_migrations(source).expect("lists migrations");
    let before = |version: &String| version.as_str() < FIRST_OF_OUR_OWN;
    let mut done = Vec::new();
    for migration in pending.iter().filter(|one| before(&one.name().version().to_string())).take(count) {
        done.push(connection.run_migration(migration).expect("it applies").to_string());
    }
    done
}

/// A database that a program of version 0.1 has migrated, by so many migrations, and a host by one.
fn of_version_0_1(backend: Backend, count: usize) -> (TestDatabase, Vec<String>) {
    let database = TestDatabase::create(backend);
    let done = match backend {
        Backend::Postgres => first(&mut postgres(&database), POSTGRES, count),
        Backend::Sqlite => first(&mut sqlite(&database), SQLITE, count),
    };
    database.execute(&format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{HOSTS}')"));
    (database, done)
}

fn noted(database: &TestDatabase, table: &str, version: &str) -> bool {
    database.count(&format!("SELECT count(*) FROM {table} WHERE version = '{version}'")) == 1
}

fn in_diesels_table(database: &TestDatabase) -> i64 {
    database.count("SELECT count(*) FROM __diesel_schema_migrations")
}

fn schema(database: &TestDatabase, backend: Backend) -> Vec<String> {
    let lines = match backend {
        Backend::Postgres => postgres_schema(&mut postgres(database)),
        Backend::Sqlite => sqlite_schema(&mut sqlite(database)),
    };
    lines.into_iter().filter(|line| !line.contains("__diesel")).collect()
}

/// Runs a host's own first migration, by diesel, as hosts do.
fn migrate_host(database: &TestDatabase, backend: Backend) -> usize {
    let name = database.url.replace(|c: char| !c.is_alphanumeric(), "_");
    let folder = std::env::temp_dir().join(format!("host_{name}"));
    let migration = folder.join("00000000000001_grants");
    std::fs::create_dir_all(&migration).expect("a folder for the host's migration");
    std::fs::write(migration.join("up.sql"), "CREATE TABLE grants (id integer PRIMARY KEY)")
        .expect("is written");
    let source = || FileBasedMigrations::from_path(&folder).expect("it is a folder of migrations");
    let done = match backend {
        Backend::Postgres => postgres(database).run_pending_migrations(source()).map(|done| done.len()),
        Backend::Sqlite => sqlite(database).run_pending_migrations(source()).map(|done| done.len()),
    };
    std::fs::remove_dir_all(&folder).expect("it goes");
    done.expect("the host's migration applies")
}

/// As if it were the day after.
fn let_a_day_pass(database: &TestDatabase, backend: Backend) {
    let earlier = match backend {
        Backend::Postgres => "carried_over - interval '25 hours'",
        Backend::Sqlite => "datetime(carried_over, '-25 hours')",
    };
    database.execute(&format!("UPDATE task_management_schema_migrations SET carried_over = {earlier}"));
}

#[apply(on_both)]
async fn a_database_of_every_earlier_version_becomes_like_a_new_one(backend: Backend) {
    let new = TestDatabase::create(backend);
    let all = module(&new).migrate().await.expect("it is migrated").len();
    let expected = schema(&new, backend);
    for count in 1.. {
        let (database, before) = of_version_0_1(backend, count);
        if before.len() < count {
            assert!(count > 10, "only {count} migrations were there before");
            break;
        }
        let module = module(&database);
        assert_eq!(module.is_pending().await.ok(), Some(true), "{before:?}");
        let done = module.migrate().await.unwrap_or_else(|error| panic!("{before:?}: {error:?}"));
        assert_eq!(done.len(), all - count, "{before:?}, then {done:?}");
        assert_eq!(module.is_pending().await.ok(), Some(false), "{before:?}");
        assert_eq!(schema(&database, backend), expected, "{before:?}");
        for version in before.iter().chain(&done) {
            assert!(noted(&database, "task_management_schema_migrations", version), "{version}");
        }
        assert!(noted(&database, "__diesel_schema_migrations", HOSTS), "the host's row stays");
        assert!(!noted(&database, "task_management_schema_migrations", HOSTS));
    }
}

#[apply(on_both)]
async fn a_host_whose_first_migration_has_the_version_of_ours_gets_its_tables(backend: Backend) {
    let ours_first = TestDatabase::create(backend);
    module(&ours_first).migrate().await.expect("the module's tables");
    let hosts_first = TestDatabase::create(backend);
    assert_eq!(migrate_host(&hosts_first, backend), 1);
    let before = module(&hosts_first).migrate().await.expect("beside the host's");
    assert!(before.contains(&"00000000000001".to_owned()), "{before:?}");
    let (carried_over, _) = of_version_0_1(backend, usize::MAX);
    module(&carried_over).migrate().await.expect("is carried over");
    for database in [&ours_first, &carried_over] {
        assert_eq!(migrate_host(database, backend), 1, "it is not taken for ours");
    }
    for database in [&ours_first, &hosts_first, &carried_over] {
        assert_eq!(database.count("SELECT count(*) FROM grants"), 0);
        let module = module(database);
        assert_eq!(module.migrate().await.expect("nothing is missing"), Vec::<String>::new());
        assert_eq!(migrate_host(database, backend), 0);
        assert!(noted(database, "__diesel_schema_migrations", "00000000000001"), "the host's row stays");
        let module = run(&database.url, &["migrate"]);
        assert!(module.status.success(), "{module:?}");
    }
}

/// A server of the version before is ready if diesel's table names a version that it knows, and the newest note of a
/// migration that it does not know allows it.
fn suits_the_version_before(database: &TestDatabase) -> bool {
    let unknown =
        format!("SELECT count(*) FROM task_management_schemalevel WHERE version > '{NEWEST_BEFORE}'");
    noted(database, "__diesel_schema_migrations", NEWEST_BEFORE)
        && database.count(&unknown) > 0
        && database.count(&format!("{unknown} AND oldest > '{NEWEST_BEFORE}'")) == 0
}

#[apply(on_both)]
async fn servers_of_the_version_before_stay_ready_for_a_day(backend: Backend) {
    let (database, before) = of_version_0_1(backend, usize::MAX);
    module(&database).migrate().await.expect("is carried over");
    assert!(suits_the_version_before(&database));
    assert_eq!(in_diesels_table(&database), 2, "the host's and the newest of ours");
    module(&database).migrate().await.expect("is current");
    assert!(suits_the_version_before(&database));
    let_a_day_pass(&database, backend);
    module(&database).migrate().await.expect("is current");
    assert_eq!(in_diesels_table(&database), 1, "only the host's");
    // From now on such a row is the host's.
    database.execute(&format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{NEWEST_BEFORE}')"));
    module(&database).migrate().await.expect("is current");
    assert_eq!(in_diesels_table(&database), 2);

    // Where no host is hurt, older servers stay ready too.
    let (database, _) = of_version_0_1(backend, usize::MAX);
    let migrate = || assert!(run(&database.url, &["migrate"]).status.success());
    migrate();
    assert!(suits_the_version_before(&database));
    assert_eq!(usize::try_from(in_diesels_table(&database)).ok(), Some(before.len() + 1));
    let_a_day_pass(&database, backend);
    migrate();
    assert_eq!(in_diesels_table(&database), 1, "only the host's");
}

#[apply(on_both)]
async fn of_processes_that_carry_over_at_once_one_does_so(backend: Backend) {
    let (database, before) = of_version_0_1(backend, 5);
    let (one, two, three) = (module(&database), module(&database), module(&database));
    let (one, two, three) = tokio::join!(one.migrate(), two.migrate(), three.migrate());
    let mut done: Vec<_> =
        [one, two, three].into_iter().flat_map(|done| done.expect("is carried over")).collect();
    let count = done.len();
    done.sort();
    done.dedup();
    assert_eq!(done.len(), count, "each migration is applied once");
    assert!(done.contains(&FIRST_OF_OUR_OWN.to_owned()) && !done.contains(&before[0]), "{done:?}");
    assert_eq!(in_diesels_table(&database), 2);
}

#[apply(on_both)]
async fn a_host_may_have_tables_and_migrations_of_its_own_in_the_database(backend: Backend) {
    let database = TestDatabase::create(backend);
    database.execute("CREATE TABLE invoices (id integer PRIMARY KEY)");
    let module = module(&database);
    assert_eq!(module.is_pending().await.ok(), Some(true));
    module.migrate().await.expect("it is migrated beside the host's tables");
    assert_eq!(migrate_host(&database, backend), 1);
    assert_eq!(module.is_pending().await.ok(), Some(false));
    assert!(run(&database.url, &["migrate"]).status.success());
}
