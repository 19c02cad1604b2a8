//! The pool of a host, as the host has it.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Pool, PooledConnection};
use diesel::{PgConnection, SqliteConnection};

use super::link::Link;
use super::manager::register_fold;
use super::{DbConnection, Dialect};
use crate::error::{Error, Result};

/// How many connections a host's pool has at least, for the module to keep one of them to be notified by.
const ENOUGH_TO_LISTEN: u32 = 3;

/// A host's pool of connections to either database, made by diesel's own `ConnectionManager`.
#[derive(Clone)]
pub enum HostPool {
    /// Of connections to PostgreSQL.
    Postgres(Pool<ConnectionManager<PgConnection>>),
    /// Of connections to a file of SQLite.
    Sqlite(Pool<ConnectionManager<SqliteConnection>>),
}

impl From<Pool<ConnectionManager<PgConnection>>> for HostPool {
    fn from(pool: Pool<ConnectionManager<PgConnection>>) -> Self {
        Self::Postgres(pool)
    }
}

impl From<Pool<ConnectionManager<SqliteConnection>>> for HostPool {
    fn from(pool: Pool<ConnectionManager<SqliteConnection>>) -> Self {
        Self::Sqlite(pool)
    }
}

impl HostPool {
    /// The dialect of its database.
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Postgres(_) => Dialect::Postgres,
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// The most connections that it has.
    pub(crate) fn max_size(&self) -> u32 {
        match self {
            Self::Postgres(pool) => pool.max_size(),
            Self::Sqlite(pool) => pool.max_size(),
        }
    }

    /// How long it lets wait for a connection.
    pub(crate) fn patience(&self) -> Duration {
        match self {
            Self::Postgres(pool) => pool.connection_timeout(),
            Self::Sqlite(pool) => pool.connection_timeout(),
        }
    }

    /// Whether the module may keep one of its connections, to be notified by.
    pub(super) fn may_listen(&self) -> bool {
        matches!(self, Self::Postgres(pool) if pool.max_size() >= ENOUGH_TO_LISTEN)
    }

    /// Lends a connection, for which it waits so long at most.
    ///
    /// # Errors
    /// UNAVAILABLE with the pool's own words as the cause.
    pub(super) fn lend(&self, patience: Duration) -> Result<DbConnection> {
        match self {
            Self::Postgres(pool) => {
                let connection = pool.get_timeout(patience).map_err(Error::unavailable)?;
                Ok(DbConnection::Pg(Link::Lent(connection)))
            }
            Self::Sqlite(pool) => {
                let mut connection = pool.get_timeout(patience).map_err(Error::unavailable)?;
                set_up(&mut connection, patience)?;
                Ok(DbConnection::Sqlite(Link::Lent(connection)))
            }
        }
    }
}

/// Marks a connection that is set up.
struct SetUp;

/// Gives a host's connection to SQLite what the module's statements need, once: its function, keys that are checked, `LIKE`
/// that knows upper from lower case, and patience if it has none.
fn set_up(
    connection: &mut PooledConnection<ConnectionManager<SqliteConnection>>,
    patience: Duration,
) -> Result<()> {
    if PooledConnection::extensions(connection).get::<SetUp>().is_some() {
        return Ok(());
    }
    register_fold(connection)?;
    connection.batch_execute("PRAGMA foreign_keys = ON; PRAGMA case_sensitive_like = ON;")?;
    #[derive(diesel::QueryableByName)]
    struct Waiting {
        #[diesel(sql_type = diesel::sql_types::Integer)]
        timeout: i32,
    }
    let waiting: Waiting =
        diesel::RunQueryDsl::get_result(diesel::sql_query("PRAGMA busy_timeout"), &mut **connection)?;
    if waiting.timeout == 0 {
        connection.batch_execute(&format!("PRAGMA busy_timeout = {}", patience.as_millis()))?;
    }
    PooledConnection::extensions_mut(connection).insert(SetUp);
    Ok(())
}
