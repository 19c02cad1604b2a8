//! Connections to PostgreSQL.

use diesel::connection::SimpleConnection;
use diesel::r2d2::Error as Failure;
use diesel::{Connection, PgConnection};

use super::DbConnection;
use super::link::Link;
use crate::error::Result;

/// A connection to PostgreSQL.
pub type PgLink = Link<PgConnection>;

impl DbConnection {
    /// The connection itself, for what a host writes for PostgreSQL.
    ///
    /// # Errors
    /// INTERNAL on SQLite.
    pub fn postgres(&mut self) -> Result<&mut PgConnection> {
        match self {
            Self::Pg(pg) => Ok(pg),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => {
                Err(crate::error::Error::internal("the database is a file of SQLite, not PostgreSQL"))
            }
        }
    }
}

/// Connects to the server of a URL. Statements are broken off after so many milliseconds; 0: never.
///
/// # Errors
/// The server's own words.
pub fn connect(url: &str, statement_timeout_ms: u64) -> Result<PgLink, Failure> {
    let mut connection = PgConnection::establish(url).map_err(Failure::ConnectionError)?;
    // The server would compile long conditions to machine code, which takes a second for a statement that runs 30 ms.
    connection.batch_execute("SET TIME ZONE 'UTC'; SET jit = off").map_err(Failure::QueryError)?;
    if statement_timeout_ms > 0 {
        let bound = format!("SET statement_timeout = {statement_timeout_ms}");
        connection.batch_execute(&bound).map_err(Failure::QueryError)?;
    }
    Ok(connection.into())
}

/// Whether a PostgreSQL URL leads to this machine: by socket, or by a name or address of the loopback.
pub fn is_local(url: &str) -> bool {
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
