//! One connection type for both databases, its pools, and the way blocking work gets off the async threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::r2d2::R2D2Connection;
use diesel::{Connection, PgConnection, SqliteConnection};
use tokio::sync::Semaphore;

use crate::budget::Budget;
use crate::config::DatabaseSettings;
use crate::error::{Error, ErrorCode, Result};

mod file;
mod manager;

pub(crate) use file::is_locked;
pub use manager::{ConnectionManager, ManagedConnection};

/// A connection to either database.
#[derive(diesel::MultiConnection)]
pub enum DbConnection {
    /// PostgreSQL.
    Pg(PgConnection),
    /// SQLite.
    Sqlite(SqliteConnection),
}

/// The dialect of SQL that a connection speaks, where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

impl DbConnection {
    /// The dialect that it speaks.
    #[must_use]
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Pg(_) => Dialect::Postgres,
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Runs `work` in a transaction that may write. It commits if `work` succeeds; otherwise nothing of it stays.
    ///
    /// On SQLite the write lock is taken at once, so that a reader never has to become a writer half-way.
    ///
    /// # Errors
    /// UNAVAILABLE when another process keeps the SQLite file locked, or the error of `work`.
    pub fn writing<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        match self {
            Self::Pg(_) => self.transaction(work),
            Self::Sqlite(sqlite) => {
                // Another process may keep the file locked for longer than this one waits. Then nothing is begun.
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

    /// Runs `work` so that all of it is done or nothing; inside the present transaction, if there is one.
    ///
    /// # Errors
    /// The error of `work`.
    pub(crate) fn atomically<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        match self {
            Self::Pg(_) => self.transaction(work),
            // A savepoint of SQLite begins a transaction where there is none.
            Self::Sqlite(_) => self.savepoint(work),
        }
    }

    /// Lets the statements of the present transaction take as long as they need.
    pub(crate) fn take_time(&mut self) -> Result<()> {
        match self {
            Self::Pg(pg) => Ok(pg.batch_execute("SET LOCAL statement_timeout = 0")?),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Runs `work` inside the present transaction so that it can be undone alone.
    ///
    /// # Errors
    /// The error of `work`.
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
    /// The database of these settings. Connections are made when they are needed, so the database may be down until then.
    ///
    /// # Errors
    /// UNAVAILABLE, with a sentence that names the setting as the cause, when the URL can't be used.
    pub fn new(settings: &DatabaseSettings) -> Result<Self> {
        let manager = ConnectionManager::new(settings)?.bounded(settings.statement_timeout_ms);
        let patience = manager.patience;
        let lane = |size: u32| -> Result<Arc<Lane>> {
            let pool = r2d2::Pool::builder()
                .max_size(size)
                // No connection is made before it is needed, so that a command reports a database that is down only once.
                .min_idle(Some(0))
                .connection_timeout(patience)
                .error_handler(Box::new(LogErrors))
                .build_unchecked(manager.clone());
            Lane::of(pool, size, patience)
        };
        let size = settings.pool_size.max(1);
        let reading = lane(size)?;
        let writing = if manager.is_file() { lane(1)? } else { Arc::clone(&reading) };
        Ok(Self { manager, reading, writing })
    }

    /// The database of a pool that the host has made and uses too. `manager` is the one with which the pool was made. The
    /// module opens a connection of its own by it, to be notified of what other processes do.
    ///
    /// On SQLite only one writer at a time is let through, because SQLite allows no more.
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
        let writing = if manager.is_file() { Lane::of(pool, 1, patience)? } else { Arc::clone(&reading) };
        Ok(Self { manager, reading, writing })
    }

    /// Opens one connection outside the pools. The error tells exactly why it can't.
    ///
    /// # Errors
    /// UNAVAILABLE with the database's own words as the cause.
    pub(crate) fn connect_once(&self) -> Result<DbConnection> {
        self.manager.connect()
    }

    /// The manager that makes its connections.
    pub(crate) const fn manager(&self) -> &ConnectionManager {
        &self.manager
    }

    /// Runs `work`, which only reads, on a thread where blocking is allowed.
    ///
    /// # Errors
    /// UNAVAILABLE when there is no connection in time, or the error of `work`.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        let Some(budget) = Budget::of_request() else {
            return self.reading.run(work).await;
        };
        let permit = budget.connection().await?;
        let work = {
            let budget = Arc::clone(&budget);
            move |connection: &mut DbConnection| {
                let _permit = permit;
                budget.work(|| work(connection))
            }
        };
        let read = self.reading.run(work).await;
        budget.make_room().await;
        read
    }

    /// How many connections read at once.
    #[must_use]
    pub fn readers(&self) -> usize {
        usize::try_from(self.reading.pool.max_size()).unwrap_or(usize::MAX)
    }

    /// Runs `work` in one transaction (see [`DbConnection::writing`]) on a thread where blocking is allowed. `work` may run
    /// again from the start when the database has given up a transaction, such as after a deadlock, so it must not act
    /// outside the database.
    ///
    /// # Errors
    /// UNAVAILABLE when there is no connection in time, or the error of `work`.
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
                    // The file is checked again after the commit: a write to a file that was deleted meanwhile must not be
                    // acknowledged.
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

/// Whether the same transaction may succeed if it is run again.
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

#[derive(Debug)]
struct LogErrors;

impl<E: std::error::Error> r2d2::HandleError<E> for LogErrors {
    fn handle_error(&self, error: E) {
        tracing::warn!(%error, "a database connection could not be made");
    }
}
