//! What the database knows of its tables, by which it chooses how to read them.

use diesel::connection::SimpleConnection;

use super::connection::DbConnection;
use crate::error::Result;

/// Counts again what has grown tenfold. PostgreSQL does so by itself; SQLite is told to, and else takes every table for
/// as large as any other, so it would not see that groups are few and tasks are many.
pub fn refresh(connection: &mut DbConnection) -> Result<()> {
    match connection {
        DbConnection::Pg(_) => {}
        // Of all tables (0x10000), from a sample (0x10) of each.
        DbConnection::Sqlite(sqlite) => sqlite.batch_execute("PRAGMA optimize = 0x10012")?,
    }
    Ok(())
}
