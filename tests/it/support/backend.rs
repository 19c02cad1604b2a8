//! A fresh database for each test, on either kind of server.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection};

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

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A database that goes when it is dropped.
pub struct TestDatabase {
    /// Its URL, as the settings take it.
    pub url: String,
    backend: Backend,
    name: String,
    owned: bool,
}

impl TestDatabase {
    /// An empty database.
    pub fn create(backend: Backend) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tasks_it_{}_{number}", std::process::id());
        let url = match backend {
            Backend::Sqlite => {
                let folder = std::env::temp_dir().join(&name);
                std::fs::create_dir_all(&folder).expect("a folder for the test's database");
                format!("sqlite://{}", folder.join("tasks.db").display())
            }
            Backend::Postgres => {
                let server = server_url();
                execute(&server, &format!("CREATE DATABASE {name}"));
                let (base, _) = server.rsplit_once('/').expect("the URL names a database");
                format!("{base}/{name}")
            }
        };
        Self { url, backend, name, owned: true }
    }

    /// The number that a query counts.
    pub fn count(&self, sql: &str) -> i64 {
        let counted: Counted = match self.backend {
            Backend::Sqlite => {
                diesel::sql_query(format!("SELECT ({sql}) AS number")).get_result(&mut self.sqlite())
            }
            Backend::Postgres => {
                let mut connection = PgConnection::establish(&self.url).expect("the database answers");
                diesel::sql_query(format!("SELECT ({sql}) AS number")).get_result(&mut connection)
            }
        }
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
        counted.number
    }

    /// Runs a statement.
    pub fn execute(&self, sql: &str) {
        match self.backend {
            Backend::Sqlite => {
                diesel::sql_query(sql)
                    .execute(&mut self.sqlite())
                    .unwrap_or_else(|error| panic!("{sql}: {error}"));
            }
            Backend::Postgres => execute(&self.url, sql),
        }
    }

    /// Makes PostgreSQL end all connections to the database and take no more, or take them again.
    pub fn refuse_connections(&self, refuse: bool) {
        let server = server_url();
        execute(&server, &format!("ALTER DATABASE {} ALLOW_CONNECTIONS {}", self.name, !refuse));
        if refuse {
            let end = format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
                self.name
            );
            execute(&server, &end);
        }
    }

    fn sqlite(&self) -> SqliteConnection {
        let mut connection =
            SqliteConnection::establish(self.url.trim_start_matches("sqlite://")).expect("the file opens");
        diesel::sql_query("PRAGMA busy_timeout = 10000")
            .execute(&mut connection)
            .expect("it waits for its turn");
        connection
    }

    /// The same database, for another process on it; it stays when this is dropped.
    pub fn borrowed(other: &Self) -> Self {
        Self { url: other.url.clone(), backend: other.backend, name: other.name.clone(), owned: false }
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
                // A failing test is told by its own panic, not by one while it is being cleaned up after.
                if let Ok(mut connection) = PgConnection::establish(&server_url()) {
                    let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
                    let _ = diesel::sql_query(sql).execute(&mut connection);
                }
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

fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::establish(url).expect("the test server answers");
    diesel::sql_query(sql).execute(&mut connection).expect("the test server obeys");
}
