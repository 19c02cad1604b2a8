//! The SQLite file. Only its owner can read it. It is recognised again, so that nothing is written to a file that is gone.

use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::r2d2::Error as Failure;
use diesel::{Connection, ConnectionError, SqliteConnection};

use super::is_locked;
use crate::config::DatabaseSettings;
use crate::error::{Error, Result};

/// The file of a database, which its first connection makes.
#[derive(Debug, Clone)]
pub struct DatabaseFile {
    path: PathBuf,
    /// Whether commits wait for the disk.
    durable: bool,
    /// How many KiB of its pages each connection keeps in memory.
    cache_kib: u32,
    /// The file to which the path led at first.
    identity: Arc<OnceLock<Identity>>,
}

/// The device and the number that tell a file from another one at the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64);

impl DatabaseFile {
    /// The file at this path, with what the settings say of it. It is not touched yet.
    pub fn new(path: impl Into<PathBuf>, settings: &DatabaseSettings) -> Self {
        let (durable, cache_kib) = (settings.sqlite_durable, settings.sqlite_cache_kib);
        Self { path: path.into(), durable, cache_kib, identity: Arc::default() }
    }

    /// Refuses if the file was deleted or replaced since it was first opened, because writes to it would be lost.
    ///
    /// # Errors
    /// UNAVAILABLE.
    pub fn check(&self) -> Result<()> {
        match self.identity.get() {
            Some(known) if self.look() != Some(*known) => Err(Error::unavailable(self.gone())),
            _ => Ok(()),
        }
    }

    /// Opens the file. `patience` says how long to wait for other processes.
    ///
    /// # Errors
    /// A sentence that says why it can't be opened.
    pub fn open(&self, patience: Duration) -> Result<SqliteConnection, Failure> {
        let path = self.path.display();
        if self.check().is_err() {
            return Err(refusal(self.gone()));
        }
        if self.identity.get().is_none() {
            self.check_kind()?;
            self.make().map_err(|error| refusal(format!("the file {path} can't be made: {error}")))?;
            self.keep_from_others();
        }
        let name = self.path.to_str().ok_or_else(|| refusal("the path is not UTF-8".to_owned()))?;
        let mut connection = SqliteConnection::establish(name)
            .map_err(|error| refusal(format!("the file {path} can't be opened: {error}")))?;
        if let Some(found) = self.look() {
            self.identity.get_or_init(|| found);
        }
        let synchronous = if self.durable { "FULL" } else { "NORMAL" };
        let (milliseconds, cache_kib) = (patience.as_millis(), self.cache_kib);
        let settings = format!(
            "PRAGMA busy_timeout = {milliseconds};
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = {synchronous};
             PRAGMA cache_size = -{cache_kib};
             PRAGMA foreign_keys = ON;
             PRAGMA case_sensitive_like = ON;"
        );
        // When several processes begin at once, all of them change the journal's mode, and SQLite itself does not wait for
        // that.
        let begun = Instant::now();
        loop {
            match connection.batch_execute(&settings) {
                Err(error) if is_locked(&error) && begun.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                outcome => break outcome.map_err(Failure::QueryError)?,
            }
        }
        Ok(connection)
    }

    /// Refuses what is there and is no database, before anything of it is changed: the name may be mistaken.
    fn check_kind(&self) -> Result<(), Failure> {
        const HEADER: &[u8] = b"SQLite format 3\0";
        let path = self.path.display();
        let Ok(found) = fs::metadata(&self.path) else { return Ok(()) };
        if !found.is_file() {
            return Err(refusal(format!("{path} is no file")));
        }
        let mut begins = Vec::new();
        let read = fs::File::open(&self.path)
            .and_then(|file| file.take(HEADER.len() as u64).read_to_end(&mut begins));
        // What can't be read is left to SQLite, which says more of it. An empty file becomes a database.
        if read.is_ok() && !begins.is_empty() && begins != HEADER {
            return Err(refusal(format!("the file {path} is no database of SQLite")));
        }
        Ok(())
    }

    fn gone(&self) -> String {
        format!(
            "the file {} was deleted or replaced under the program: put it back, or start the program again",
            self.path.display()
        )
    }

    #[cfg(unix)]
    fn look(&self) -> Option<Identity> {
        use std::os::unix::fs::MetadataExt as _;
        let found: Metadata = fs::metadata(&self.path).ok()?;
        Some(Identity(found.dev(), found.ino()))
    }

    #[cfg(not(unix))]
    fn look(&self) -> Option<Identity> {
        let found: Metadata = fs::metadata(&self.path).ok()?;
        let created = found.created().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(Identity(created.as_secs(), created.subsec_nanos().into()))
    }

    /// Makes the file and missing folders for the owner only. SQLite gives the files that it puts beside it the same mode.
    fn make(&self) -> io::Result<()> {
        let (mut folder, mut file) = (fs::DirBuilder::new(), fs::OpenOptions::new());
        #[cfg(unix)]
        {
            use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
            folder.mode(0o700);
            file.mode(0o600);
        }
        if let Some(parent) = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            folder.recursive(true).create(parent)?;
        }
        match file.write(true).create_new(true).open(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes all permissions of others from the files, because hashes of passwords are inside.
    #[cfg(unix)]
    fn keep_from_others(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        const OTHERS: u32 = 0o077;
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.path.clone().into_os_string();
            name.push(suffix);
            let path = Path::new(&name);
            let Ok(found) = fs::metadata(path) else { continue };
            let mode = found.permissions().mode();
            if mode & OTHERS == 0 {
                continue;
            }
            let file = path.display();
            match fs::set_permissions(path, fs::Permissions::from_mode(mode & !OTHERS)) {
                Ok(()) => {
                    tracing::warn!(%file, "others could read the database; it is for its owner only now");
                }
                Err(error) => {
                    tracing::warn!(%file, %error, "others can read the database, and this can't be changed: chmod 600");
                }
            }
        }
    }

    #[cfg(not(unix))]
    fn keep_from_others(&self) {}
}

fn refusal(reason: String) -> Failure {
    Failure::ConnectionError(ConnectionError::BadConnection(reason))
}
