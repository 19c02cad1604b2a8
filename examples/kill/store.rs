//! The database of a run, read past the module. The siege has it too.

use std::path::PathBuf;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection};
use tasks_management::{DbConnection, HandlerError};

/// Connects to a database by its URL, past the module.
pub fn connect(url: &str) -> Result<DbConnection, HandlerError> {
    let Some(path) = url.strip_prefix("sqlite://") else {
        return Ok(DbConnection::Pg(PgConnection::establish(url)?.into()));
    };
    let mut connection = SqliteConnection::establish(path)?;
    connection.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA synchronous = FULL")?;
    Ok(DbConnection::Sqlite(connection.into()))
}

/// A row of a query: the columns `a`, `b`, `c` as texts and `n` as a number.
#[derive(Debug, Clone, QueryableByName)]
pub struct Row {
    /// The first text.
    #[diesel(sql_type = Text)]
    pub a: String,
    /// The second text.
    #[diesel(sql_type = Text)]
    pub b: String,
    /// The third text.
    #[diesel(sql_type = Text)]
    pub c: String,
    /// The number.
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

/// The database of one run.
pub struct Store {
    /// Its URL.
    pub url: String,
    place: Place,
}

enum Place {
    Folder(PathBuf),
    Server { url: String, name: String },
}

impl Store {
    /// Makes one for a program of this name: `sqlite` for a file in a folder of its own, or the URL of a PostgreSQL server.
    pub fn create(program: &str, database: &str) -> Result<Self, HandlerError> {
        let name = format!("tasks_{program}_{}", std::process::id());
        if database == "sqlite" {
            let folder = std::env::temp_dir().join(&name);
            std::fs::create_dir_all(&folder)?;
            let url = format!("sqlite://{}", folder.join("tasks.db").display());
            return Ok(Self { url, place: Place::Folder(folder) });
        }
        let (base, _) = database.rsplit_once('/').ok_or("--database is not a URL that names a database")?;
        let mut server = connect(database)?;
        server.batch_execute(&format!("CREATE DATABASE {name}"))?;
        // A throw-away server may be configured to lose acknowledged commits in a crash. Here it must not.
        server.batch_execute(&format!("ALTER DATABASE {name} SET synchronous_commit = on"))?;
        let url = format!("{base}/{name}");
        Ok(Self { url, place: Place::Server { url: database.to_owned(), name } })
    }

    /// Removes it.
    pub fn remove(self) -> Result<(), HandlerError> {
        match self.place {
            Place::Folder(folder) => std::fs::remove_dir_all(folder)?,
            Place::Server { url, name } => {
                connect(&url)?.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))?;
            }
        }
        Ok(())
    }

    /// Keeps everybody from writing; returns the connection that does so, and the statement that ends it.
    pub fn close(&self) -> Result<(DbConnection, String), HandlerError> {
        match &self.place {
            Place::Folder(_) => {
                let mut connection = connect(&self.url)?;
                connection.batch_execute("BEGIN EXCLUSIVE")?;
                Ok((connection, "ROLLBACK".to_owned()))
            }
            Place::Server { url, name } => {
                let mut server = connect(url)?;
                server.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"))?;
                server.batch_execute(&format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
                ))?;
                Ok((server, format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")))
            }
        }
    }

    /// Whether it is a file.
    pub const fn is_file(&self) -> bool {
        matches!(self.place, Place::Folder(_))
    }

    /// What a query gives, its columns named as in [`Row`].
    pub fn rows(&self, sql: &str) -> Result<Vec<Row>, HandlerError> {
        let query = diesel::sql_query(sql);
        let rows = match connect(&self.url)? {
            DbConnection::Pg(mut pg) => query.load(&mut *pg),
            DbConnection::Sqlite(mut sqlite) => query.load(&mut *sqlite),
        };
        rows.map_err(|error| format!("{sql}: {error}").into())
    }

    /// The number that a query gives.
    pub fn number(&self, sql: &str) -> Result<i64, HandlerError> {
        let rows = self.rows(&format!("SELECT '' AS a, '' AS b, '' AS c, ({sql}) AS n"))?;
        Ok(rows.first().map_or(0, |row| row.n))
    }
}
