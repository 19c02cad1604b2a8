//! A fresh database for each test, on either kind of server.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use diesel::{
    Connection as _, PgConnection, QueryResult, QueryableByName, RunQueryDsl as _, SqliteConnection,
};

use super::kept::Kept;

/// Which kind of database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file in a folder of its own.
    Sqlite,
    /// A database of its own on the server that `TASKS_TEST_POSTGRES_URL` names.
    Postgres,
}

#[derive(diesel::QueryableByName)]
struct Counted {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    number: i64,
}

#[derive(diesel::QueryableByName)]
struct Named {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

/// Databases of runs whose processes are gone.
const ABANDONED: &str = "SELECT CAST(datname AS text) AS name FROM pg_database \
     WHERE datname LIKE 'tasks\\_it\\_%' AND NOT EXISTS (SELECT FROM pg_stat_activity AS live \
       WHERE live.datname = pg_database.datname OR live.application_name = substring(pg_database.datname FROM '^tasks_it_\\d+'))";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A database that goes when it is dropped.
pub struct TestDatabase {
    /// Its URL, as the settings take it.
    pub url: String,
    backend: Backend,
    name: String,
    owned: bool,
    kept: Kept,
}

impl TestDatabase {
    /// An empty database.
    pub fn create(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::on_sqlite(None),
            Backend::Postgres => Self::on_postgres("template1"),
        }
    }

    /// A database on SQLite with this content, if any.
    pub fn on_sqlite(content: Option<&[u8]>) -> Self {
        let name = next_name();
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder).expect("a folder for the test's database");
        let file = folder.join("tasks.db");
        if let Some(bytes) = content {
            std::fs::write(&file, bytes).expect("the test's database is written");
        }
        Self {
            url: format!("sqlite://{}", file.display()),
            backend: Backend::Sqlite,
            name,
            owned: true,
            kept: Kept::new(),
        }
    }

    /// A copy of a database on PostgreSQL that nobody is connected to.
    pub fn on_postgres(template: &str) -> Self {
        announce_run();
        let (server, name) = (server_url(), next_name());
        execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
        let (base, _) = server.rsplit_once('/').expect("the URL names a database");
        Self {
            url: format!("{base}/{name}"),
            backend: Backend::Postgres,
            name,
            owned: true,
            kept: Kept::new(),
        }
    }

    /// The content of a file of SQLite that nobody has open.
    pub fn bytes(&self) -> Vec<u8> {
        // What was written last is in a file beside it.
        diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut self.sqlite())
            .expect("the file is whole");
        std::fs::read(self.file()).expect("the file is read")
    }

    /// Leaves the database where it is; returns its name.
    pub fn keep(mut self) -> String {
        self.owned = false;
        self.name.clone()
    }

    /// The number that a query counts.
    pub fn count(&self, sql: &str) -> i64 {
        let counted: QueryResult<Vec<Counted>> = self.load(&format!("SELECT ({sql}) AS number"));
        counted.unwrap_or_else(|error| panic!("{sql}: {error}"))[0].number
    }

    /// The rows that a query gives.
    pub fn load<T>(&self, sql: &str) -> QueryResult<Vec<T>>
    where
        T: QueryableByName<diesel::pg::Pg> + QueryableByName<diesel::sqlite::Sqlite> + 'static,
    {
        let query = || diesel::sql_query(sql);
        match self.backend {
            Backend::Sqlite => query().load(&mut self.sqlite()),
            Backend::Postgres => self.kept.with(&self.url, |connection| query().load(connection)),
        }
    }

    /// Runs a statement; returns how many rows it changed.
    pub fn try_execute(&self, sql: &str) -> QueryResult<usize> {
        let query = || diesel::sql_query(sql);
        match self.backend {
            Backend::Sqlite => query().execute(&mut self.sqlite()),
            Backend::Postgres => self.kept.with(&self.url, |connection| query().execute(connection)),
        }
    }

    /// Runs a statement.
    pub fn execute(&self, sql: &str) {
        self.try_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Makes PostgreSQL end all connections to the database and take no more, or take them again.
    pub fn refuse_connections(&self, refuse: bool) {
        execute(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS {}", self.name, !refuse));
        if refuse {
            let end = format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
                self.name
            );
            execute(&end);
        }
    }

    /// A connection of its own to the file.
    pub fn sqlite(&self) -> SqliteConnection {
        let mut connection = SqliteConnection::establish(self.file()).expect("the file opens");
        diesel::sql_query("PRAGMA busy_timeout = 10000")
            .execute(&mut connection)
            .expect("it waits for its turn");
        connection
    }

    fn file(&self) -> &str {
        self.url.trim_start_matches("sqlite://")
    }

    /// The same database, for another process on it; it stays when this is dropped.
    pub fn borrowed(other: &Self) -> Self {
        Self {
            url: other.url.clone(),
            backend: other.backend,
            name: other.name.clone(),
            owned: false,
            kept: Kept::new(),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if !self.owned {
            return;
        }
        match self.backend {
            Backend::Sqlite => {
                let _ = std::fs::remove_dir_all(std::env::temp_dir().join(&self.name));
            }
            Backend::Postgres => {
                self.kept.end();
                let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
                // A failing test is told by its own panic, not by one while it is being cleaned up after.
                let _ = on_server(&sql);
            }
        }
    }
}

/// The URL of the PostgreSQL server.
pub fn server_url() -> String {
    std::env::var("TASKS_TEST_POSTGRES_URL").expect(
        "TASKS_TEST_POSTGRES_URL names no PostgreSQL server: run the tests with scripts/test, which starts one",
    )
}

/// What the names of this process' databases begin with.
fn run_name() -> String {
    format!("tasks_it_{}", std::process::id())
}

fn next_name() -> String {
    format!("{}_{}", run_name(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Shows other processes on the server that the databases of this one are in use, for as long as it lives, and removes
/// those of processes that live no more.
fn announce_run() {
    static SIGN_OF_LIFE: OnceLock<Mutex<PgConnection>> = OnceLock::new();
    SIGN_OF_LIFE.get_or_init(|| {
        let url = format!("{}?application_name={}", server_url(), run_name());
        let mut connection = PgConnection::establish(&url).expect("the test server answers");
        let abandoned: Vec<Named> =
            diesel::sql_query(ABANDONED).load(&mut connection).expect("its databases");
        for Named { name } in abandoned {
            // Another process may be removing it, too.
            let _ = diesel::sql_query(format!("DROP DATABASE IF EXISTS {name}")).execute(&mut connection);
        }
        Mutex::new(connection)
    });
}

/// Runs a statement in the server's own database.
fn execute(sql: &str) {
    on_server(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn on_server(sql: &str) -> QueryResult<usize> {
    static KEPT: Kept = Kept::new();
    KEPT.with(&server_url(), |connection| diesel::sql_query(sql).execute(connection))
}
