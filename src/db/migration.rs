//! Migrations: the same names for both databases, embedded in the program.

use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::DbConnection;
use crate::error::{Error, Result};

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Applies the migrations that are missing; answers their names. Several processes may do so at once.
pub fn up(connection: &mut DbConnection) -> Result<Vec<String>> {
    let names = match connection {
        DbConnection::Pg(pg) => {
            // One process migrates, the others wait and find nothing left to do.
            const LOCK: i64 = 0x7461_736b_735f_6d67;
            diesel::RunQueryDsl::execute(diesel::sql_query(format!("SELECT pg_advisory_lock({LOCK})")), pg)?;
            let done = run(pg, POSTGRES);
            diesel::RunQueryDsl::execute(
                diesel::sql_query(format!("SELECT pg_advisory_unlock({LOCK})")),
                pg,
            )?;
            done?
        }
        DbConnection::Sqlite(sqlite) => run(sqlite, SQLITE)?,
    };
    Ok(names)
}

/// Whether a migration is missing.
pub fn is_pending(connection: &mut DbConnection) -> Result<bool> {
    match connection {
        DbConnection::Pg(pg) => pg.has_pending_migration(POSTGRES),
        DbConnection::Sqlite(sqlite) => sqlite.has_pending_migration(SQLITE),
    }
    .map_err(Error::internal)
}

fn run<DB: diesel::backend::Backend>(
    connection: &mut impl MigrationHarness<DB>,
    migrations: EmbeddedMigrations,
) -> Result<Vec<String>> {
    let done = connection.run_pending_migrations(migrations).map_err(Error::internal)?;
    Ok(done.iter().map(ToString::to_string).collect())
}
