//! The pool of a host, as the host has it.

use std::time::Duration;

#[cfg(feature = "postgres")]
use diesel::PgConnection;
#[cfg(feature = "sqlite")]
use diesel::SqliteConnection;
use diesel::r2d2::{ConnectionManager, Pool};

use super::link::Link;
use super::{DbConnection, Dialect};
use crate::error::{Error, Result};

/// How many connections a host's pool has at least, for the module to keep one of them to be notified by.
const ENOUGH_TO_LISTEN: u32 = 3;

/// A host's pool of connections to either database, made by diesel's own `ConnectionManager`.
#[derive(Clone)]
#[non_exhaustive]
pub enum HostPool {
    /// Of connections to PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(Pool<ConnectionManager<PgConnection>>),
    /// Of connections to a file of SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(Pool<ConnectionManager<SqliteConnection>>),
}

#[cfg(feature = "postgres")]
impl From<Pool<ConnectionManager<PgConnection>>> for HostPool {
    fn from(pool: Pool<ConnectionManager<PgConnection>>) -> Self {
        Self::Postgres(pool)
    }
}

#[cfg(feature = "sqlite")]
impl From<Pool<ConnectionManager<SqliteConnection>>> for HostPool {
    fn from(pool: Pool<ConnectionManager<SqliteConnection>>) -> Self {
        Self::Sqlite(pool)
    }
}

impl HostPool {
    /// The dialect of its database.
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// The most connections that it has.
    pub(crate) fn max_size(&self) -> u32 {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.max_size(),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => pool.max_size(),
        }
    }

    /// How long it lets wait for a connection.
    pub(crate) fn patience(&self) -> Duration {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.connection_timeout(),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => pool.connection_timeout(),
        }
    }

    /// Whether the module may keep one of its connections, to be notified by.
    pub(super) fn may_listen(&self) -> bool {
        self.dialect() == Dialect::Postgres && self.max_size() >= ENOUGH_TO_LISTEN
    }

    /// Lends a connection, for which it waits so long at most.
    ///
    /// # Errors
    /// UNAVAILABLE with the pool's own words as the cause.
    pub(super) fn lend(&self, patience: Duration) -> Result<DbConnection> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => {
                let connection = pool.get_timeout(patience).map_err(Error::unavailable)?;
                Ok(DbConnection::Pg(Link::Lent(connection)))
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => {
                let mut connection = pool.get_timeout(patience).map_err(Error::unavailable)?;
                super::sqlite::set_up(&mut connection, patience)?;
                Ok(DbConnection::Sqlite(Link::Lent(connection)))
            }
        }
    }
}
