//! Connections to files of SQLite.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Error as Failure, PooledConnection};
use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types::{Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, SqliteConnection};

use super::DbConnection;
use super::file::DatabaseFile;
use super::link::Link;
use crate::budget;
use crate::domain::text::{fold, likeness};
use crate::error::Result;

/// A connection to SQLite.
pub type SqliteLink = Link<SqliteConnection>;

impl DbConnection {
    /// The connection itself, for what a host writes for SQLite.
    ///
    /// # Errors
    /// INTERNAL on PostgreSQL.
    pub fn sqlite(&mut self) -> Result<&mut SqliteConnection> {
        match self {
            Self::Sqlite(sqlite) => Ok(sqlite),
            #[cfg(feature = "postgres")]
            Self::Pg(_) => {
                Err(crate::error::Error::internal("the database is PostgreSQL, not a file of SQLite"))
            }
        }
    }
}

/// Opens a file. `patience` says how long to wait for other processes.
///
/// # Errors
/// A sentence that says why it can't be opened.
pub fn open(file: &DatabaseFile, patience: Duration) -> Result<SqliteLink, Failure> {
    let mut connection = file.open(patience)?;
    register_functions(&mut connection).map_err(Failure::QueryError)?;
    Ok(connection.into())
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Folds case beyond ASCII. On PostgreSQL a migration makes a function of the same name.
    fn task_management_fold(
        value: diesel::sql_types::Nullable<diesel::sql_types::Text>,
    ) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;

    /// What two names have in common that read the same. On PostgreSQL a migration makes a function of the same name.
    fn task_management_likeness(
        value: diesel::sql_types::Nullable<diesel::sql_types::Text>,
    ) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

/// Gives a connection the functions by which statements fold case and compare names.
fn register_functions(connection: &mut SqliteConnection) -> QueryResult<()> {
    task_management_fold_utils::register_impl(connection, |value: Option<String>| {
        Folded(value.map(|text| fold(&text)))
    })?;
    task_management_likeness_utils::register_impl(connection, |value: Option<String>| {
        Folded(value.map(|text| likeness(&text)))
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

/// Marks a connection that is set up.
struct SetUp;

/// Gives a host's connection to SQLite what the module's statements need, once: its functions, keys that are checked, `LIKE`
/// that knows upper from lower case, and patience if it has none.
pub fn set_up(
    connection: &mut PooledConnection<ConnectionManager<SqliteConnection>>,
    patience: Duration,
) -> Result<()> {
    #[derive(diesel::QueryableByName)]
    struct Waiting {
        #[diesel(sql_type = diesel::sql_types::Integer)]
        timeout: i32,
    }
    if PooledConnection::extensions(connection).get::<SetUp>().is_some() {
        return Ok(());
    }
    register_functions(connection)?;
    connection.batch_execute("PRAGMA foreign_keys = ON; PRAGMA case_sensitive_like = ON;")?;
    let waiting: Waiting =
        diesel::RunQueryDsl::get_result(diesel::sql_query("PRAGMA busy_timeout"), &mut **connection)?;
    if waiting.timeout == 0 {
        connection.batch_execute(&format!("PRAGMA busy_timeout = {}", patience.as_millis()))?;
    }
    PooledConnection::extensions_mut(connection).insert(SetUp);
    Ok(())
}
