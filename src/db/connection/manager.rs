//! Making connections, and what is known of those in a pool.

use std::path::Path;
use std::time::{Duration, Instant};

use diesel::r2d2::R2D2Connection;

use super::DbConnection;
use crate::config::DatabaseSettings;
use crate::error::{Error, Result};

/// Makes connections by the settings, as the module needs them: with its settings for SQLite, its SQL functions, and UTC.
#[derive(Debug, Clone)]
pub struct ConnectionManager {
    target: Target,
    pub(super) patience: Duration,
    /// How long a statement on PostgreSQL may take in milliseconds; 0: as long as it likes.
    statement_timeout_ms: u64,
}

impl ConnectionManager {
    /// A manager for the database of these settings.
    ///
    /// # Errors
    /// UNAVAILABLE, with a sentence that names the setting as the cause, when the URL can't be used.
    pub fn new(settings: &DatabaseSettings) -> Result<Self> {
        Ok(Self {
            target: Target::parse(settings)?,
            patience: Duration::from_millis(settings.checkout_timeout_ms.max(1)),
            statement_timeout_ms: settings.statement_timeout_ms,
        })
    }

    /// The manager with waits that are no longer than this, for checks that are repeated.
    pub(super) fn hasty(mut self, patience: Duration) -> Self {
        match &mut self.target {
            #[cfg(feature = "postgres")]
            Target::Postgres(url) => {
                let begin = if url.contains('?') { '&' } else { '?' };
                url.push(begin);
                url.push_str("connect_timeout=2&tcp_user_timeout=2000");
            }
            #[cfg(feature = "sqlite")]
            Target::Sqlite(_) => {}
        }
        self.patience = self.patience.min(patience);
        self
    }

    /// Opens a connection that no pool keeps.
    ///
    /// # Errors
    /// UNAVAILABLE with the database's own words as the cause.
    pub(super) fn connect(&self) -> Result<DbConnection> {
        diesel::r2d2::ManageConnection::connect(self).map(|held| held.connection).map_err(Error::unavailable)
    }

    /// Whether it connects to a file.
    pub(super) const fn is_file(&self) -> bool {
        match &self.target {
            #[cfg(feature = "postgres")]
            Target::Postgres(_) => false,
            #[cfg(feature = "sqlite")]
            Target::Sqlite(_) => true,
        }
    }

    /// Refuses if the SQLite file was deleted or replaced since it was first opened.
    ///
    /// # Errors
    /// UNAVAILABLE.
    pub(super) fn check_file(&self) -> Result<()> {
        match &self.target {
            #[cfg(feature = "postgres")]
            Target::Postgres(_) => Ok(()),
            #[cfg(feature = "sqlite")]
            Target::Sqlite(file) => file.check(),
        }
    }
}

impl diesel::r2d2::ManageConnection for ConnectionManager {
    type Connection = ManagedConnection;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<ManagedConnection, Self::Error> {
        let connection = match &self.target {
            #[cfg(feature = "postgres")]
            Target::Postgres(url) => {
                DbConnection::Pg(super::postgres::connect(url, self.statement_timeout_ms)?)
            }
            #[cfg(feature = "sqlite")]
            Target::Sqlite(file) => DbConnection::Sqlite(super::sqlite::open(file, self.patience)?),
        };
        Ok(ManagedConnection { connection, used: Instant::now(), broken: false })
    }

    fn is_valid(&self, held: &mut ManagedConnection) -> Result<(), Self::Error> {
        // A connection in steady use needs no ping. One that was idle may have lost its server meanwhile.
        if held.used.elapsed() < Duration::from_secs(1) {
            return Ok(());
        }
        held.connection.ping().map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, held: &mut ManagedConnection) -> bool {
        held.broken || std::thread::panicking() || held.connection.is_broken()
    }
}

/// A pooled connection, and what is known of its health.
pub struct ManagedConnection {
    pub(super) connection: DbConnection,
    pub(super) used: Instant,
    pub(super) broken: bool,
}

#[derive(Debug, Clone)]
enum Target {
    #[cfg(feature = "postgres")]
    Postgres(String),
    #[cfg(feature = "sqlite")]
    Sqlite(super::file::DatabaseFile),
}

impl Target {
    fn parse(options: &DatabaseSettings) -> Result<Self> {
        let url = options.url_with_password().map_err(Error::unavailable)?;
        let url = url.as_str();
        if let Some(path) = options.file() {
            if path == Path::new(":memory:") {
                return Err(Error::unavailable(
                    "database.url names no file: each connection to :memory: would have a database of its own",
                ));
            }
            if path.as_os_str().is_empty() {
                return Err(Error::unavailable(
                    "database.url names no file: sqlite://path/file.db is the form",
                ));
            }
            #[cfg(feature = "sqlite")]
            return Ok(Self::Sqlite(super::file::DatabaseFile::new(path, options)));
            #[cfg(not(feature = "sqlite"))]
            return Err(missing("sqlite"));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            #[cfg(feature = "postgres")]
            return if cfg!(feature = "tls")
                || cfg!(not(feature = "bundled"))
                || options.allow_plaintext
                || super::postgres::is_local(url)
            {
                Ok(Self::Postgres(url.to_owned()))
            } else {
                Err(Error::unavailable(
                    "database.url names a server on another host, and this program was built without TLS: build it with \
                     the feature `tls`, or set database.allow_plaintext where the network is trusted",
                ))
            };
            #[cfg(not(feature = "postgres"))]
            return Err(missing("postgres"));
        }
        // The URL may hold a password, so it is not repeated.
        Err(Error::unavailable(
            "database.url is not understood: sqlite://path/file.db and postgres://user@host/database are",
        ))
    }
}

/// The refusal of a database whose feature is missing.
#[cfg(not(all(feature = "postgres", feature = "sqlite")))]
fn missing(feature: &str) -> Error {
    Error::unavailable(format!(
        "database.url needs the feature `{feature}`, without which this program was built"
    ))
}
