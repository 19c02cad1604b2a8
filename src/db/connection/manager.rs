//! Making connections, and what is known of those in a pool.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::r2d2::R2D2Connection;
use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types::{Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel::{Connection, PgConnection, QueryResult, SqliteConnection};

use super::DbConnection;
use super::file::DatabaseFile;
use crate::budget;
use crate::config::DatabaseSettings;
use crate::error::{Error, Result};

/// Makes connections by the settings, as the module needs them: with its settings for SQLite, its SQL functions, and UTC.
#[derive(Debug, Clone)]
pub struct ConnectionManager {
    target: Target,
    sqlite_durable: bool,
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
            sqlite_durable: settings.sqlite_durable,
            patience: Duration::from_millis(settings.checkout_timeout_ms.max(1)),
            statement_timeout_ms: settings.statement_timeout_ms,
        })
    }

    /// The manager with waits that are no longer than this, for checks that are repeated.
    pub(super) fn hasty(mut self, patience: Duration) -> Self {
        if let Target::Postgres(url) = &mut self.target {
            let begin = if url.contains('?') { '&' } else { '?' };
            url.push(begin);
            url.push_str("connect_timeout=2&tcp_user_timeout=2000");
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
        matches!(self.target, Target::Sqlite(_))
    }

    /// Refuses if the SQLite file was deleted or replaced since it was first opened.
    ///
    /// # Errors
    /// UNAVAILABLE.
    pub(super) fn check_file(&self) -> Result<()> {
        match &self.target {
            Target::Postgres(_) => Ok(()),
            Target::Sqlite(file) => file.check(),
        }
    }
}

impl diesel::r2d2::ManageConnection for ConnectionManager {
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
                DbConnection::Pg(connection.into())
            }
            Target::Sqlite(file) => DbConnection::Sqlite(open_sqlite(file, self)?.into()),
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
    Postgres(String),
    Sqlite(DatabaseFile),
}

impl Target {
    fn parse(options: &DatabaseSettings) -> Result<Self> {
        let url = options.url_with_password().map_err(Error::unavailable)?;
        let url = url.as_str();
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

#[diesel::declare_sql_function]
extern "SQL" {
    /// Folds case beyond ASCII. On PostgreSQL a migration makes a function of the same name.
    fn task_management_fold(
        value: diesel::sql_types::Nullable<diesel::sql_types::Text>,
    ) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

fn open_sqlite(
    file: &DatabaseFile,
    manager: &ConnectionManager,
) -> Result<SqliteConnection, diesel::r2d2::Error> {
    let mut connection = file.open(manager.sqlite_durable, manager.patience)?;
    register_fold(&mut connection).map_err(diesel::r2d2::Error::QueryError)?;
    Ok(connection)
}

/// Gives a connection the function by which statements fold case.
pub fn register_fold(connection: &mut SqliteConnection) -> QueryResult<()> {
    task_management_fold_utils::register_impl(connection, |value: Option<String>| {
        Folded(value.map(|text| fold(&text)))
    })
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

/// Letter by letter: the same letter is folded alike wherever it stands. A sigma has a form of its own at the end of words.
fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
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
