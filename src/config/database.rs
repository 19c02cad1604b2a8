//! The settings of the database.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::text_file;

/// The settings of the database.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DatabaseSettings {
    /// `sqlite://path/file.db` or `postgres://user:password@host/database`.
    pub url: String,
    /// The password for PostgreSQL, if the URL holds none.
    pub password: String,
    /// A file whose first line is the password, in place of `password`; none if empty.
    pub password_file: PathBuf,
    /// The most connections.
    pub pool_size: u32,
    /// How many milliseconds a request waits for a connection. On SQLite it waits as many again for another process to end
    /// its transaction.
    pub checkout_timeout_ms: u64,
    /// How many milliseconds a statement may take on PostgreSQL before it is broken off; 0 for as long as it likes.
    pub statement_timeout_ms: u64,
    /// Whether a commit on SQLite waits for the disk.
    pub sqlite_durable: bool,
    /// How many KiB of the file's pages each connection to SQLite keeps in memory.
    pub sqlite_cache_kib: u32,
    /// Whether the program may talk without TLS to a PostgreSQL server on another host.
    pub allow_plaintext: bool,
    /// Whether `serve` applies missing migrations first.
    pub migrate: bool,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            url: "sqlite://data/tasks.db".to_owned(),
            password: String::new(),
            password_file: PathBuf::new(),
            pool_size: 10,
            checkout_timeout_ms: 5_000,
            statement_timeout_ms: 10_000,
            sqlite_durable: true,
            sqlite_cache_kib: 1_000,
            allow_plaintext: false,
            migrate: true,
        }
    }
}

/// Passwords stay out of logs.
impl std::fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseSettings").field("pool_size", &self.pool_size).finish_non_exhaustive()
    }
}

impl DatabaseSettings {
    /// The path of the file, on SQLite.
    #[must_use]
    pub(crate) fn file(&self) -> Option<&Path> {
        self.url.strip_prefix("sqlite://").map(Path::new)
    }

    /// The path of the file, on SQLite, if there is no such file, or nothing in it.
    #[must_use]
    pub(crate) fn missing_file(&self) -> Option<PathBuf> {
        let is_missing = |path: &&Path| match path.metadata() {
            Ok(found) => found.is_file() && found.len() == 0,
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        self.file().filter(is_missing).map(Path::to_owned)
    }

    /// The URL with the password from the other settings.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn url_with_password(&self) -> Result<String, String> {
        let has_file = !self.password_file.as_os_str().is_empty();
        let password = match (self.password.as_str(), has_file) {
            ("", false) => return Ok(self.url.clone()),
            ("", true) => {
                let text = text_file::read(&self.password_file)
                    .map_err(|error| format!("database.password_file: {error}"))?;
                text.lines().next().unwrap_or_default().to_owned()
            }
            (password, false) => password.to_owned(),
            (_, true) => {
                return Err(
                    "database.password and database.password_file are both set: leave one out".to_owned()
                );
            }
        };
        if !self.url.starts_with("postgres") {
            return Err(
                "database.password is for PostgreSQL only: leave it out for a file on SQLite".to_owned()
            );
        }
        if holds_password(&self.url) {
            return Err(
                "database.url holds a password beside database.password: leave one of them out".to_owned()
            );
        }
        // The password is added as a parameter, because a URL of a socket has no place for it before the host.
        let separator = if self.url.contains('?') { '&' } else { '?' };
        let mut url = format!("{}{separator}password=", self.url);
        for byte in password.bytes() {
            url.push('%');
            url.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
        Ok(url)
    }
}

/// Whether the URL of a database holds a password.
#[must_use]
pub fn holds_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = place.split('/').next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    !url.starts_with("sqlite:")
        && (user.contains(':') || parameters.split('&').any(|pair| pair.starts_with("password=")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(url: &str, password: &str) -> Result<String, String> {
        let settings = DatabaseSettings {
            url: url.to_owned(),
            password: password.to_owned(),
            ..DatabaseSettings::default()
        };
        assert_eq!(format!("{settings:?}"), "DatabaseSettings { pool_size: 10, .. }");
        settings.url_with_password()
    }

    #[test]
    fn a_password_that_stands_elsewhere_is_put_into_the_url() {
        let url = "postgres://tasks@db/tasks";
        assert_eq!(with(url, "").as_deref(), Ok(url));
        assert_eq!(with(url, "a&%").as_deref(), Ok("postgres://tasks@db/tasks?password=%61%26%25"));
        let socket = "postgresql:///tasks?host=/run";
        assert_eq!(with(socket, "a").as_deref(), Ok("postgresql:///tasks?host=/run&password=%61"));
        assert!(with("postgres://tasks:b@db/tasks", "a").is_err());
        assert!(with("sqlite://data/tasks.db", "a").is_err());
    }

    #[test]
    fn a_password_is_found_wherever_it_stands_in_a_url() {
        for (url, holds) in [
            ("postgres://ada:secret@db/tasks", true),
            ("postgres://ada:se@cret@db/tasks", true),
            ("postgres://db/tasks?sslmode=require&password=secret", true),
            ("postgres://ada@db:5432/tasks", false),
            ("postgres://db:5432/tasks?sslmode=verify-full", false),
            ("sqlite://a:b@c/tasks.db", false),
        ] {
            assert_eq!(holds_password(url), holds, "{url}");
        }
    }
}
