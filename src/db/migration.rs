//! Migrations: the same names for both databases, embedded in the program, up and down.

use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::{DbConnection, Dialect};
use crate::error::{Error, Result};

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Applies the migrations that are missing; answers their names. Several processes may do so at once.
///
/// # Errors
/// What the database says.
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

/// Undoes all migrations, newest first: everything is lost.
///
/// # Errors
/// What the database says.
pub fn down(connection: &mut DbConnection) -> Result<()> {
    match connection {
        DbConnection::Pg(pg) => pg.revert_all_migrations(POSTGRES).map(drop),
        DbConnection::Sqlite(sqlite) => sqlite.revert_all_migrations(SQLITE).map(drop),
    }
    .map_err(Error::internal)
}

/// Whether a migration is missing.
///
/// # Errors
/// What the database says.
pub fn is_pending(connection: &mut DbConnection) -> Result<bool> {
    match connection {
        DbConnection::Pg(pg) => pg.has_pending_migration(POSTGRES),
        DbConnection::Sqlite(sqlite) => sqlite.has_pending_migration(SQLITE),
    }
    .map_err(Error::internal)
}

/// The names of all migrations for a database.
///
/// # Errors
/// INTERNAL when the program was built wrongly.
pub fn names(dialect: Dialect) -> Result<Vec<String>> {
    fn of<DB: diesel::backend::Backend>(
        migrations: diesel::migration::Result<Vec<Box<dyn Migration<DB>>>>,
    ) -> Result<Vec<String>> {
        let migrations = migrations.map_err(Error::internal)?;
        Ok(migrations
            .iter()
            .map(|migration| migration.name().to_string())
            .collect())
    }
    match dialect {
        Dialect::Postgres => of(MigrationSource::<diesel::pg::Pg>::migrations(&POSTGRES)),
        Dialect::Sqlite => of(MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE)),
    }
}

fn run<DB: diesel::backend::Backend>(
    connection: &mut impl MigrationHarness<DB>,
    migrations: EmbeddedMigrations,
) -> Result<Vec<String>> {
    let done = connection
        .run_pending_migrations(migrations)
        .map_err(Error::internal)?;
    Ok(done.iter().map(ToString::to_string).collect())
}
