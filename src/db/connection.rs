//! One connection type for both databases, its pools, and the way blocking work gets off the async threads.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::r2d2::R2D2Connection;
use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types::{Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel::{Connection, PgConnection, SqliteConnection};
use tokio::sync::Semaphore;

use super::health::Health;
use crate::budget::{self, Budget};
use crate::config::DatabaseSettings;
use crate::error::{Error, ErrorCode, Result};

mod file;

use file::DatabaseFile;
pub(crate) use file::is_locked;

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

    /// Lets the statements of the present transaction take as long as they need.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) fn take_time(&mut self) -> Result<()> {
        match self {
            Self::Pg(pg) => Ok(pg.batch_execute("SET LOCAL statement_timeout = 0")?),
            Self::Sqlite(_) => Ok(()),
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
    health: Arc<Health>,
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
        let mut manager = ConnectionManager::new(settings)?;
        manager.statement_timeout_ms = settings.statement_timeout_ms;
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
        let reading = lane(size)?;
        let writing = match manager.target {
            Target::Postgres(_) => Arc::clone(&reading),
            Target::Sqlite(_) => lane(1)?,
        };
        Ok(Self { health: Arc::new(Health::new(manager.clone())), manager, reading, writing })
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
        Ok(Self { health: Arc::new(Health::new(manager.clone())), manager, reading, writing })
    }

    /// Opens one connection outside the pools, telling exactly why if it can't.
    ///
    /// # Errors
    /// UNAVAILABLE with the database's own words as the cause.
    pub(crate) fn connect_once(&self) -> Result<DbConnection> {
        self.manager.connect()
    }

    /// Whether it can be worked with.
    pub(crate) fn health(&self) -> &Health {
        &self.health
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
        let Some(budget) = Budget::of_request() else {
            return self.reading.run(work).await;
        };
        let place = budget.connection().await?;
        self.reading
            .run(move |connection| {
                let _place = place;
                budget.work(|| work(connection))
            })
            .await
    }

    /// How many connections read at once.
    #[must_use]
    pub fn readers(&self) -> usize {
        usize::try_from(self.reading.pool.max_size()).unwrap_or(usize::MAX)
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
        let manager = self.manager.clone();
        self.writing
            .run(move |connection| {
                let mut attempt = 1;
                loop {
                    // Looked at again after the commit: what went into a file that was deleted meanwhile is not acknowledged.
                    let outcome = manager
                        .check_file()
                        .and_then(|()| connection.writing(&mut work))
                        .and_then(|done| manager.check_file().map(|()| done));
                    match outcome {
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
    match std::error::Error::source(error).and_then(|source| source.downcast_ref::<Diesel>()) {
        Some(Diesel::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
        Some(Diesel::DatabaseError(_, information)) if information.message() == "deadlock detected" => true,
        Some(error) => is_locked(error),
        None => false,
    }
}

#[derive(Debug, Clone)]
enum Target {
    Postgres(String),
    Sqlite(DatabaseFile),
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
            return Ok(Self::Sqlite(DatabaseFile::new(path)));
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
    /// None in the pool of a host, whose own statements may take longer.
    statement_timeout_ms: u64,
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
            statement_timeout_ms: 0,
        })
    }
}

impl ConnectionManager {
    /// One that gives up soon, for questions that are asked again.
    pub(crate) fn hasty(mut self) -> Self {
        const PATIENCE: Duration = Duration::from_secs(1);
        if let Target::Postgres(url) = &mut self.target {
            let begin = if url.contains('?') { '&' } else { '?' };
            url.push(begin);
            url.push_str("connect_timeout=2&tcp_user_timeout=2000");
        }
        self.patience = self.patience.min(PATIENCE);
        self
    }

    /// Opens a connection that no pool keeps.
    ///
    /// # Errors
    /// UNAVAILABLE with the database's own words as the cause.
    pub(crate) fn connect(&self) -> Result<DbConnection> {
        r2d2::ManageConnection::connect(self).map(|held| held.connection).map_err(Error::unavailable)
    }

    /// Whether it connects to a file.
    pub(crate) const fn is_file(&self) -> bool {
        matches!(self.target, Target::Sqlite(_))
    }

    /// Refuses when the file of SQLite was deleted or replaced since it was first opened.
    ///
    /// # Errors
    /// UNAVAILABLE.
    pub(crate) fn check_file(&self) -> Result<()> {
        match &self.target {
            Target::Postgres(_) => Ok(()),
            Target::Sqlite(file) => file.check(),
        }
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
                if self.statement_timeout_ms > 0 {
                    let bound = format!("SET statement_timeout = {}", self.statement_timeout_ms);
                    connection.batch_execute(&bound).map_err(Failure::QueryError)?;
                }
                DbConnection::Pg(connection)
            }
            Target::Sqlite(file) => DbConnection::Sqlite(open_sqlite(file, self)?),
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

fn open_sqlite(
    file: &DatabaseFile,
    manager: &ConnectionManager,
) -> Result<SqliteConnection, diesel::r2d2::Error> {
    let mut connection = file.open(manager.sqlite_durable, manager.patience)?;
    task_management_fold_utils::register_impl(&mut connection, |value: Option<String>| {
        // Letter by letter, as PostgreSQL does: `to_lowercase` of a text folds the same letter differently at its end.
        Folded(value.map(|text| text.chars().flat_map(char::to_lowercase).collect::<String>()))
    })
    .map_err(diesel::r2d2::Error::QueryError)?;
    Ok(connection)
}

/// A text with its case folded, or an error that ends the statement: SQLite offers no other way to break one off without
/// unsafe code, and folding is what is slow in one.
#[derive(Debug)]
struct Folded(Option<String>);

impl ToSql<Nullable<Text>, Sqlite> for Folded {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> diesel::serialize::Result {
        budget::go_on()?;
        match &self.0 {
            Some(text) => ToSql::<Text, Sqlite>::to_sql(text.as_str(), out),
            None => Ok(IsNull::Yes),
        }
    }
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
