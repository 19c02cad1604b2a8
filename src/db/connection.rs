//! One connection type for both databases, its pools, and the way blocking work gets off the async threads.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::r2d2::R2D2Connection;
use diesel::{Connection, PgConnection, SqliteConnection};
use tokio::sync::Semaphore;

use crate::config::DatabaseSettings;
use crate::error::{Error, ErrorCode, Result};

/// A connection to either database.
#[derive(diesel::MultiConnection)]
pub enum DbConnection {
    /// PostgreSQL.
    Pg(PgConnection),
    /// SQLite.
    Sqlite(SqliteConnection),
}

/// Which SQL a connection speaks, where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

impl DbConnection {
    /// Which SQL it speaks.
    #[must_use]
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Pg(_) => Dialect::Postgres,
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Runs `work` in a transaction that may write: it commits when `work` succeeds, else nothing of it stays.
    ///
    /// On SQLite the write lock is taken at once, so that a reader never has to become a writer half-way.
    ///
    /// # Errors
    /// UNAVAILABLE when another process keeps a file on SQLite; else what `work` answers, or what the database says.
    pub fn writing<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        match self {
            Self::Pg(_) => self.transaction(work),
            Self::Sqlite(sqlite) => {
                // Another process may keep the file locked for longer than one waits; nothing is begun then.
                sqlite.batch_execute("BEGIN IMMEDIATE").map_err(Error::unavailable)?;
                let outcome = work(self);
                let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
                match self.batch_execute(end) {
                    Ok(()) => outcome,
                    Err(error) => {
                        // A commit that failed leaves the transaction open; the connection must not keep it.
                        let _ = self.batch_execute("ROLLBACK");
                        outcome.and(Err(error.into()))
                    }
                }
            }
        }
    }

    /// Runs `work` so that all of it is done or nothing: inside the present transaction, if there is one.
    ///
    /// # Errors
    /// What `work` answers, or what the database says.
    pub(crate) fn atomically<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        match self {
            Self::Pg(_) => self.transaction(work),
            // A savepoint of SQLite begins a transaction where there is none.
            Self::Sqlite(_) => self.savepoint(work),
        }
    }

    /// Runs `work` inside the present transaction so that it can be undone alone.
    ///
    /// # Errors
    /// What `work` answers, or what the database says.
    pub fn savepoint<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.batch_execute("SAVEPOINT task_management_work")?;
        let outcome = work(self);
        if outcome.is_err() {
            self.batch_execute("ROLLBACK TO SAVEPOINT task_management_work")?;
        }
        self.batch_execute("RELEASE SAVEPOINT task_management_work")?;
        outcome
    }
}

/// A database with its pools. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    manager: ConnectionManager,
    reading: Arc<Lane>,
    writing: Arc<Lane>,
}

/// A pool and its queue.
struct Lane {
    pool: r2d2::Pool<ConnectionManager>,
    permits: Arc<Semaphore>,
    patience: Duration,
}

impl Database {
    /// The database of these settings. Connections are made when they are needed, so it may be down meanwhile.
    ///
    /// # Errors
    /// UNAVAILABLE, with a sentence that names the setting as the cause, when the URL can't be used.
    pub fn new(settings: &DatabaseSettings) -> Result<Self> {
        let manager = ConnectionManager::new(settings)?;
        let patience = manager.patience;
        let lane = |size: u32| -> Result<Arc<Lane>> {
            let pool = r2d2::Pool::builder()
                .max_size(size)
                // None is made before it is needed, so that a command for a database that is down says so once.
                .min_idle(Some(0))
                .connection_timeout(patience)
                .error_handler(Box::new(LogErrors))
                .build_unchecked(manager.clone());
            Lane::of(pool, size, patience)
        };
        let size = settings.pool_size.max(1);
        Ok(match manager.target {
            Target::Postgres(_) => {
                let lane = lane(size)?;
                Self { reading: Arc::clone(&lane), writing: lane, manager: manager.clone() }
            }
            Target::Sqlite(_) => Self { writing: lane(1)?, reading: lane(size)?, manager: manager.clone() },
        })
    }

    /// The database of a pool that the host has made and uses too. `manager` is the one that the pool was made with: the
    /// module opens a connection of its own by it, to be told of what other processes do.
    ///
    /// On SQLite one writer at a time is let through, as SQLite has no more.
    ///
    /// ```
    /// use tasks_management::{Builder, ConnectionManager, Database, Settings};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let file = std::env::temp_dir().join(format!("pool-{}.db", uuid::Uuid::new_v4()));
    /// let mut settings = Settings::default();
    /// settings.database.url = format!("sqlite://{}", file.display());
    /// let manager = ConnectionManager::new(&settings.database)?;
    /// let pool = r2d2::Pool::builder().max_size(5).build(manager.clone())?;
    /// let module = Builder::new(settings).database(Database::from_pool(manager, pool.clone())?).build()?;
    /// module.migrate().await?;
    /// let mut connection = pool.get()?;
    /// diesel::connection::SimpleConnection::batch_execute(&mut **connection, "SELECT 1")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// INTERNAL for a pool that is larger than this machine can count.
    pub fn from_pool(manager: ConnectionManager, pool: r2d2::Pool<ConnectionManager>) -> Result<Self> {
        let (size, patience) = (pool.max_size(), pool.connection_timeout());
        let reading = Lane::of(pool.clone(), size, patience)?;
        let writing = match manager.target {
            Target::Postgres(_) => Arc::clone(&reading),
            Target::Sqlite(_) => Lane::of(pool, 1, patience)?,
        };
        Ok(Self { manager, reading, writing })
    }

    /// Opens one connection outside the pools, telling exactly why if it can't.
    ///
    /// # Errors
    /// UNAVAILABLE with the database's own words as the cause.
    pub(crate) fn connect_once(&self) -> Result<DbConnection> {
        r2d2::ManageConnection::connect(&self.manager).map(|held| held.connection).map_err(Error::unavailable)
    }

    /// Runs `work`, which only reads, on a thread where blocking is allowed.
    ///
    /// # Errors
    /// UNAVAILABLE when there is no connection in time; else what `work` answers.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        self.reading.run(work).await
    }

    /// Runs `work` in one transaction (see [`DbConnection::writing`]) on a thread where blocking is allowed. It may
    /// run again from the start when the database gave up on a deadlock, so it must not act outside the database.
    ///
    /// # Errors
    /// UNAVAILABLE when there is no connection in time; else what `work` answers.
    pub async fn write<T, F>(&self, mut work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        const ATTEMPTS: u32 = 5;
        self.writing
            .run(move |connection| {
                let mut attempt = 1;
                loop {
                    match connection.writing(&mut work) {
                        Err(error) if attempt < ATTEMPTS && is_transient(&error) => {
                            tracing::debug!(attempt, %error, "the transaction is tried again");
                            std::thread::sleep(Duration::from_millis(5 << attempt));
                            attempt += 1;
                        }
                        outcome => return outcome,
                    }
                }
            })
            .await
    }
}

impl Lane {
    fn of(pool: r2d2::Pool<ConnectionManager>, size: u32, patience: Duration) -> Result<Arc<Self>> {
        let permits = Arc::new(Semaphore::new(usize::try_from(size).map_err(Error::internal)?));
        Ok(Arc::new(Self { pool, permits, patience }))
    }

    async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        let permits = Arc::clone(&self.permits);
        let permit = tokio::time::timeout(self.patience, permits.acquire_owned())
            .await
            .map_err(|_| Error::unavailable("no database connection became free in time"))?
            .map_err(Error::internal)?;
        let pool = self.pool.clone();
        let span = tracing::Span::current();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let _entered = span.entered();
            let mut held = pool.get().map_err(Error::unavailable)?;
            let outcome = work(&mut held.connection);
            if outcome.as_ref().is_err_and(Error::is_internal) {
                held.broken = held.connection.ping().is_err();
                if held.broken {
                    return outcome.map_err(|error| match error.code() {
                        ErrorCode::Unavailable => error,
                        _ => Error::unavailable(error),
                    });
                }
            }
            held.used = Instant::now();
            outcome
        })
        .await
        .map_err(Error::internal)?
    }
}

/// Whether the same transaction may well succeed if it is run again.
fn is_transient(error: &Error) -> bool {
    use diesel::result::{DatabaseErrorKind, Error as Diesel};
    if error.code() == ErrorCode::Unavailable {
        return false;
    }
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Diesel>());
    match source {
        Some(Diesel::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
        Some(Diesel::DatabaseError(_, information)) => {
            ["deadlock detected", "database is locked"].contains(&information.message())
        }
        _ => false,
    }
}

#[derive(Debug, Clone)]
enum Target {
    Postgres(String),
    Sqlite(PathBuf),
}

impl Target {
    fn parse(options: &DatabaseSettings) -> Result<Self> {
        let url = options.url.as_str();
        if let Some(path) = url.strip_prefix("sqlite://") {
            if path == ":memory:" {
                return Err(Error::unavailable(
                    "database.url names no file: each connection to :memory: would have a database of its own",
                ));
            }
            if path.is_empty() {
                return Err(Error::unavailable(
                    "database.url names no file: sqlite://path/file.db is the form",
                ));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let local = is_local(url);
            if cfg!(feature = "tls") || local || options.allow_plaintext {
                return Ok(Self::Postgres(url.to_owned()));
            }
            return Err(Error::unavailable(
                "database.url names a server on another host, and this program was built without TLS: build it with \
                 the feature `tls`, or set database.allow_plaintext where the network is trusted",
            ));
        }
        // The URL may hold a password, so it is not repeated.
        Err(Error::unavailable(
            "database.url is not understood: sqlite://path/file.db and postgres://user@host/database are",
        ))
    }
}

/// Whether a PostgreSQL URL leads to this machine: by socket, or by a name or address of the loopback.
fn is_local(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(host, _)| host),
    };
    let by_parameter = url.split_once('?').is_some_and(|(_, query)| {
        query.split('&').any(|pair| {
            pair.starts_with("host=") && !pair.starts_with("host=/") && !pair.starts_with("host=%2F")
        })
    });
    !by_parameter
        && (host.is_empty()
            || host.starts_with("%2F")
            || host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()))
}

/// A pooled connection and what is known of its health.
pub struct ManagedConnection {
    connection: DbConnection,
    used: Instant,
    broken: bool,
}

impl Deref for ManagedConnection {
    type Target = DbConnection;

    fn deref(&self) -> &DbConnection {
        &self.connection
    }
}

impl DerefMut for ManagedConnection {
    fn deref_mut(&mut self) -> &mut DbConnection {
        &mut self.connection
    }
}

/// Makes connections as the module needs them: with its settings of SQLite, its functions, and UTC. Hosts make a pool with it
/// to share it with the module ([`Database::from_pool`]).
#[derive(Debug, Clone)]
pub struct ConnectionManager {
    target: Target,
    sqlite_durable: bool,
    patience: Duration,
}

impl ConnectionManager {
    /// For the database of these settings.
    ///
    /// # Errors
    /// UNAVAILABLE, with a sentence that names the setting as the cause, when the URL can't be used.
    pub fn new(settings: &DatabaseSettings) -> Result<Self> {
        Ok(Self {
            target: Target::parse(settings)?,
            sqlite_durable: settings.sqlite_durable,
            patience: Duration::from_millis(settings.checkout_timeout_ms.max(1)),
        })
    }
}

impl r2d2::ManageConnection for ConnectionManager {
    type Connection = ManagedConnection;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<ManagedConnection, Self::Error> {
        use diesel::r2d2::Error as Failure;
        let connection = match &self.target {
            Target::Postgres(url) => {
                let mut connection = PgConnection::establish(url).map_err(Failure::ConnectionError)?;
                connection.batch_execute("SET TIME ZONE 'UTC'").map_err(Failure::QueryError)?;
                DbConnection::Pg(connection)
            }
            Target::Sqlite(path) => DbConnection::Sqlite(open_sqlite(path, self)?),
        };
        Ok(ManagedConnection { connection, used: Instant::now(), broken: false })
    }

    fn is_valid(&self, held: &mut ManagedConnection) -> Result<(), Self::Error> {
        // A connection in steady use needs no ping; one that rested may have lost its server meanwhile.
        if held.used.elapsed() < Duration::from_secs(1) {
            return Ok(());
        }
        held.connection.ping().map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, held: &mut ManagedConnection) -> bool {
        held.broken || std::thread::panicking() || held.connection.is_broken()
    }
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Case-folding beyond ASCII; PostgreSQL has a function of the same name by migration.
    fn task_management_fold(
        value: diesel::sql_types::Nullable<diesel::sql_types::Text>,
    ) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

fn open_sqlite(path: &Path, manager: &ConnectionManager) -> Result<SqliteConnection, diesel::r2d2::Error> {
    use diesel::r2d2::Error as Failure;
    let refuse = |reason: String| Failure::ConnectionError(diesel::ConnectionError::BadConnection(reason));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|error| refuse(format!("the folder {} can't be made: {error}", folder.display())))?;
    }
    let name = path.to_str().ok_or_else(|| refuse("the path is not UTF-8".to_owned()))?;
    let mut connection = SqliteConnection::establish(name)
        .map_err(|error| refuse(format!("the file {name} can't be opened: {error}")))?;
    let synchronous = if manager.sqlite_durable { "FULL" } else { "NORMAL" };
    let patience = manager.patience.as_millis();
    connection
        .batch_execute(&format!(
            "PRAGMA busy_timeout = {patience};
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = {synchronous};
             PRAGMA foreign_keys = ON;
             PRAGMA case_sensitive_like = ON;"
        ))
        .map_err(Failure::QueryError)?;
    task_management_fold_utils::register_impl(&mut connection, |value: Option<String>| {
        // Letter by letter, as PostgreSQL does: `to_lowercase` of a text folds the same letter differently at its end.
        value.map(|text| text.chars().flat_map(char::to_lowercase).collect::<String>())
    })
    .map_err(Failure::QueryError)?;
    Ok(connection)
}

#[derive(Debug)]
struct LogErrors;

impl<E: std::error::Error> r2d2::HandleError<E> for LogErrors {
    fn handle_error(&self, error: E) {
        tracing::warn!(%error, "a database connection could not be made");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_sockets_are_local() {
        for local in [
            "postgres://u:p@localhost/d",
            "postgres://127.0.0.1:5432/d",
            "postgres://u@[::1]:5432/d",
            "postgres:///d",
            "postgres://%2Frun%2Fpg/d",
            "postgres:///d?host=/run/pg",
        ] {
            assert!(is_local(local), "{local}");
        }
        for remote in
            ["postgres://u:p@db.example.org/d", "postgres://10.0.0.1/d", "postgres:///d?host=db.example.org"]
        {
            assert!(!is_local(remote), "{remote}");
        }
    }
}
