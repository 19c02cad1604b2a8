//! The statistics by which the database chooses how to read its tables.

use diesel::connection::SimpleConnection;

use super::connection::{DbConnection, Dialect};
use crate::error::Result;

/// Renews the statistics of tables that have grown tenfold. PostgreSQL does so by itself. SQLite must be told; otherwise it
/// would take all tables for equally large, and not see that groups are few and tasks are many.
pub fn refresh(connection: &mut DbConnection) -> Result<()> {
    match connection.dialect() {
        Dialect::Postgres => {}
        // Of all tables (0x10000), from a sample (0x10) of each.
        Dialect::Sqlite => connection.batch_execute("PRAGMA optimize = 0x10012")?,
    }
    Ok(())
}
