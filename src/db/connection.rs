//! One connection type for both databases, its pools, and the way blocking work gets off the async threads.

use std::sync::Arc;
use std::time::Duration;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use tokio::sync::watch;
use uuid::Uuid;

use crate::budget::Budget;
use crate::clock::new_random_id;
use crate::config::DatabaseSettings;
use crate::error::{Error, ErrorCode, Result};

mod connector;
#[cfg(feature = "sqlite")]
mod file;
mod held;
mod host_pool;
mod lane;
mod link;
mod manager;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

pub(crate) use connector::Connector;
pub use host_pool::HostPool;
pub(super) use lane::announce;
use lane::{Lane, Pool};
pub use link::Link;
use manager::ConnectionManager;
#[cfg(feature = "postgres")]
pub use postgres::PgLink;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLink;

/// A connection to either database.
#[derive(diesel::MultiConnection)]
pub enum DbConnection {
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Pg(PgLink),
    /// SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteLink),
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
            #[cfg(feature = "postgres")]
            Self::Pg(_) => Dialect::Postgres,
            #[cfg(feature = "sqlite")]
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
        match self.dialect() {
            Dialect::Postgres => self.transaction(work),
            Dialect::Sqlite => {
                // Another process may keep the file locked for longer than this one waits. Then nothing is begun.
                self.batch_execute("BEGIN IMMEDIATE").map_err(Error::unavailable)?;
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
        match self.dialect() {
            Dialect::Postgres => self.transaction(work),
            // A savepoint of SQLite begins a transaction where there is none.
            Dialect::Sqlite => self.savepoint(work),
        }
    }

    /// Lets the statements of the present transaction take as long as they need.
    pub(crate) fn take_time(&mut self) -> Result<()> {
        match self.dialect() {
            Dialect::Postgres => Ok(self.batch_execute("SET LOCAL statement_timeout = 0")?),
            Dialect::Sqlite => Ok(()),
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
    connector: Connector,
    reading: Arc<Lane>,
    writing: Arc<Lane>,
    /// Wakes the workers. The value is a name for this database among those of other modules and processes.
    wake: watch::Sender<Uuid>,
}

impl Database {
    /// The database of these settings. Connections are made when they are needed, so the database may be down until then.
    ///
    /// # Errors
    /// UNAVAILABLE, with a sentence that names the setting as the cause, when the URL can't be used.
    pub fn new(settings: &DatabaseSettings) -> Result<Self> {
        let manager = ConnectionManager::new(settings)?;
        let (patience, wake) = (manager.patience, watch::Sender::new(new_random_id()));
        let lane = |size: u32| -> Result<Arc<Lane>> {
            let pool = diesel::r2d2::Pool::builder()
                .max_size(size)
                // No connection is made before it is needed, so that a command reports a database that is down only once.
                .min_idle(Some(0))
                .connection_timeout(patience)
                .error_handler(Box::new(LogErrors))
                .build_unchecked(manager.clone());
            Lane::of(Pool::Own(pool), size, patience, wake.clone())
        };
        let size = settings.pool_size.max(1);
        let reading = lane(size)?;
        let writing = if manager.is_file() { lane(1)? } else { Arc::clone(&reading) };
        Ok(Self { connector: Connector::Settings(manager), reading, writing, wake })
    }

    /// The database of a pool that the host has made and uses too: diesel's, of connections to PostgreSQL or to a file of
    /// SQLite.
    ///
    /// The module makes no connections of its own. Of a pool on PostgreSQL with at least three, it keeps one to be notified
    /// of what other processes do; with fewer, it looks for that every `outbox.poll_ms`. It leaves the settings of
    /// connections to PostgreSQL as the host has set them, `statement_timeout` among them. Connections to SQLite it gives the
    /// functions `task_management_fold` and `task_management_likeness`, the pragmas `foreign_keys` and `case_sensitive_like`, and the
    /// pool's `connection_timeout` as `busy_timeout` where the host has set none. The host should set `journal_mode = WAL`. Only one
    /// writer of the module at a time is let through, because SQLite allows no more.
    ///
    /// ```
    /// use diesel::r2d2::{ConnectionManager, Pool};
    /// use tasks_management::{Builder, Database, Settings};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let file = std::env::temp_dir().join(format!("pool-{}.db", uuid::Uuid::new_v4()));
    /// # let path = file.display().to_string();
    /// let manager = ConnectionManager::<diesel::SqliteConnection>::new(path);
    /// let pool = Pool::builder().max_size(5).build(manager)?;
    /// let module = Builder::new(Settings::default()).database(Database::from_pool(pool.clone())?).build()?;
    /// module.migrate().await?;
    /// let mut connection = pool.get()?;
    /// diesel::connection::SimpleConnection::batch_execute(&mut connection, "SELECT 1")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// INTERNAL for a pool that is larger than this machine can count.
    pub fn from_pool(pool: impl Into<HostPool>) -> Result<Self> {
        let pool = pool.into();
        let (dialect, patience, wake) =
            (pool.dialect(), pool.patience(), watch::Sender::new(new_random_id()));
        // One is kept to listen.
        let size = pool.max_size() - u32::from(pool.may_listen());
        let reading = Lane::of(Pool::Host(pool.clone()), size, patience, wake.clone())?;
        let writing = match dialect {
            Dialect::Postgres => Arc::clone(&reading),
            Dialect::Sqlite => Lane::of(Pool::Host(pool.clone()), 1, patience, wake.clone())?,
        };
        Ok(Self { connector: Connector::Host(pool), reading, writing, wake })
    }

    /// The way to connections outside the lanes.
    pub(crate) const fn connector(&self) -> &Connector {
        &self.connector
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
        held::leave_if_unwanted().await;
        let Some(budget) = Budget::of_request() else {
            return held::run(&self.reading, None, work).await;
        };
        let work = {
            let budget = Arc::clone(&budget);
            move |connection: &mut DbConnection| budget.work(|| work(connection))
        };
        let read = held::run(&self.reading, Some(&budget), work).await;
        budget.make_room().await;
        read
    }

    /// Tells all workers of this process that there may be something for them. A transaction that leaves something does so by
    /// itself.
    pub(crate) fn wake(&self) {
        self.wake.send_modify(|_| {});
    }

    /// The name by which this database announces deliveries.
    pub(crate) fn announcer(&self) -> Uuid {
        *self.wake.borrow()
    }

    /// A receiver that sees each [`Self::wake`] from now on.
    pub(crate) fn woken(&self) -> watch::Receiver<Uuid> {
        self.wake.subscribe()
    }

    /// How many connections read at once.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.reading.size
    }

    /// How many connections the queries of one person may use at once: half of them. Each connection to SQLite keeps one of
    /// this machine's processors busy, so there it is no more than half of these either.
    #[must_use]
    pub fn share_of_one(&self, processors: usize) -> usize {
        let share = self.readers() / 2;
        match self.connector.dialect() {
            Dialect::Postgres => share,
            Dialect::Sqlite => share.min(processors / 2),
        }
        .max(1)
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
        let connector = self.connector.clone();
        held::run(&self.writing, None, move |connection| {
            let mut attempt = 1;
            loop {
                // The file is checked again after the commit: a write to a file that was deleted meanwhile must not be
                // acknowledged.
                let outcome = connector
                    .check_file()
                    .and_then(|()| connection.writing(&mut work))
                    .and_then(|done| connector.check_file().map(|()| done));
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

/// Whether another process holds a lock that is needed, so that another attempt a moment later may succeed.
pub(crate) fn is_locked(error: &diesel::result::Error) -> bool {
    use diesel::result::Error as Diesel;
    match error {
        Diesel::DatabaseError(_, information) => {
            ["database is locked", "locking protocol"].contains(&information.message())
        }
        _ => false,
    }
}

#[derive(Debug)]
struct LogErrors;

impl<E: std::error::Error> diesel::r2d2::HandleError<E> for LogErrors {
    fn handle_error(&self, error: E) {
        tracing::warn!(%error, "a database connection could not be made");
    }
}
