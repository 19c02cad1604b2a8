//! Connections outside the lanes: for migrations, health, and being notified.

use std::time::Duration;

use super::host_pool::HostPool;
use super::manager::ConnectionManager;
use super::{DbConnection, Dialect};
use crate::error::Result;

/// The way to such connections: made by the settings, or lent by a host's pool.
#[derive(Clone)]
pub enum Connector {
    /// By the settings.
    Settings(ConnectionManager),
    /// By a host's pool.
    Host(HostPool),
}

impl Connector {
    /// A connection. The error tells exactly why there is none.
    ///
    /// # Errors
    /// UNAVAILABLE with the database's own words as the cause.
    pub fn connect(&self) -> Result<DbConnection> {
        match self {
            Self::Settings(manager) => manager.connect(),
            Self::Host(pool) => pool.lend(pool.patience()),
        }
    }

    /// A connection without long waits, for checks that are repeated.
    ///
    /// # Errors
    /// UNAVAILABLE with the database's own words as the cause.
    pub fn connect_hastily(&self) -> Result<DbConnection> {
        const PATIENCE: Duration = Duration::from_secs(1);
        match self {
            Self::Settings(manager) => manager.clone().hasty(PATIENCE).connect(),
            Self::Host(pool) => pool.lend(pool.patience().min(PATIENCE)),
        }
    }

    /// A connection that is kept to be notified by; none where the database does not notify, or no connection can be spared.
    ///
    /// # Errors
    /// UNAVAILABLE with the database's own words as the cause.
    pub fn connect_to_listen(&self) -> Result<Option<DbConnection>> {
        let may_listen = match self {
            Self::Settings(manager) => !manager.is_file(),
            Self::Host(pool) => pool.may_listen(),
        };
        may_listen.then(|| self.connect()).transpose()
    }

    /// The dialect of the database.
    pub const fn dialect(&self) -> Dialect {
        match self {
            Self::Settings(manager) if manager.is_file() => Dialect::Sqlite,
            Self::Settings(_) => Dialect::Postgres,
            Self::Host(pool) => pool.dialect(),
        }
    }

    /// The pool, if it is a host's.
    pub const fn host_pool(&self) -> Option<&HostPool> {
        match self {
            Self::Settings(_) => None,
            Self::Host(pool) => Some(pool),
        }
    }

    /// Refuses if the SQLite file was deleted or replaced since it was first opened. The file of a host's pool is not known.
    ///
    /// # Errors
    /// UNAVAILABLE.
    pub fn check_file(&self) -> Result<()> {
        match self {
            Self::Settings(manager) => manager.check_file(),
            Self::Host(_) => Ok(()),
        }
    }
}
