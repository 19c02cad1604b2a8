//! Connections to PostgreSQL that are kept between statements of tests: each new one costs the server more than most statements do.

use std::sync::{Mutex, PoisonError};

use diesel::result::Error;
use diesel::{Connection as _, PgConnection, QueryResult, RunQueryDsl as _};

/// Connections to one database, which nobody uses just now.
#[derive(Default)]
pub struct Kept(Mutex<Vec<PgConnection>>);

impl Kept {
    /// None yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Does something by one of them, or by a new one to `url`, as where the server has ended those that were kept.
    pub fn with<T>(&self, url: &str, work: impl Fn(&mut PgConnection) -> QueryResult<T>) -> QueryResult<T> {
        let kept = self.idle().pop();
        if let Some(mut connection) = kept {
            let done = work(&mut connection);
            if done.is_ok() || diesel::sql_query("SELECT 1").execute(&mut connection).is_ok() {
                self.idle().push(connection);
                return done;
            }
        }
        let connection = PgConnection::establish(url);
        let mut connection = connection.map_err(|error| Error::QueryBuilderError(Box::new(error)))?;
        let done = work(&mut connection);
        self.idle().push(connection);
        done
    }

    /// Ends them.
    pub fn end(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<PgConnection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
