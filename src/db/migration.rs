//! Migrations, which have the same names for both databases and are embedded in the program, and the standing of a
//! database's schema.

use std::collections::{BTreeMap, BTreeSet};

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::sql_types::Text;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::DbConnection;
use super::sql::Sql;
use crate::error::{Error, Result};
use crate::model::schema_level::task_management_schemalevel as schema_level;

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// The table in which diesel notes the migrations that were applied.
const APPLIED: &str = "__diesel_schema_migrations";
/// The table in which each migration notes the oldest level that programs need to work with it.
const LEVELS: &str = "task_management_schemalevel";
/// A table that every database of this program has.
const OURS: &str = "task_management_task";

/// How the schema of a database stands to this program: whether they go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The schema is the one that this program needs.
    Current,
    /// Migrations are missing.
    Pending,
    /// Migrations are missing, and all tables are of another program.
    Foreign(Vec<String>),
    /// A newer program has migrated the database to this level. This program can work with it.
    Newer(String),
    /// A newer program has migrated the database to the first level. Programs need at least the second one.
    TooNew(String, String),
    /// Another program's migrations stand where ours should.
    Confused,
}

impl Standing {
    /// Checks that this program can work with the database, once the missing migrations are applied.
    ///
    /// # Errors
    /// UNAVAILABLE, with a sentence that says what to do.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Current | Self::Pending | Self::Foreign(_) | Self::Newer(_) => Ok(()),
            Self::TooNew(level, oldest) => Err(Error::unavailable(format!(
                "the database was migrated to {level} by a newer program and needs one that knows {oldest}: start a \
                 newer program, or restore the backup from before that migration"
            ))),
            Self::Confused => Err(Error::unavailable(format!(
                "{APPLIED} says that the migrations of this program were applied, but its tables are not there: the \
                 database is another program's, so name one of this program's own in database.url"
            ))),
        }
    }
}

/// The standing of this database's schema. Nothing is written.
///
/// # Errors
/// An error of the database.
pub fn standing(connection: &mut DbConnection) -> Result<Standing> {
    let known = known(connection)?;
    let tables = tables(connection)?;
    let applied: BTreeSet<String> = if tables.contains(APPLIED) {
        texts(connection, format!("SELECT version FROM {APPLIED}"))?.into_iter().collect()
    } else {
        BTreeSet::new()
    };
    if applied.is_disjoint(&known) {
        let is_new = tables.is_empty() || tables.iter().eq([APPLIED]) && applied.is_empty();
        return Ok(if is_new || tables.contains(OURS) {
            Standing::Pending
        } else {
            Standing::Foreign(tables.into_iter().collect())
        });
    }
    if !tables.contains(OURS) {
        return Ok(Standing::Confused);
    }
    if let (Some((level, oldest)), Some(own)) = (newer(connection, &tables, &known)?, known.last()) {
        return Ok(if oldest > *own { Standing::TooNew(level, oldest) } else { Standing::Newer(level) });
    }
    Ok(if applied.is_superset(&known) { Standing::Current } else { Standing::Pending })
}

/// The newest of the migrations that this program does not know, and the oldest level that all of these need. Migrations
/// without a note are a host's.
fn newer(
    connection: &mut DbConnection,
    tables: &BTreeSet<String>,
    known: &BTreeSet<String>,
) -> Result<Option<(String, String)>> {
    if !tables.contains(LEVELS) {
        return Ok(None);
    }
    let notes: Vec<(String, String)> = diesel::RunQueryDsl::load(schema_level::table, connection)?;
    let unknown: BTreeMap<_, _> = notes.into_iter().filter(|(version, _)| !known.contains(version)).collect();
    let oldest = unknown.values().max().cloned();
    Ok(unknown.into_keys().next_back().zip(oldest))
}

/// Applies the migrations that are missing; returns their names. If several processes do so at once, one migrates; the
/// others wait, and then find nothing to do.
///
/// # Errors
/// UNAVAILABLE for a database that this program can't work with.
pub fn up(connection: &mut DbConnection) -> Result<Vec<String>> {
    let standing = standing(connection)?;
    standing.check()?;
    if !matches!(standing, Standing::Pending | Standing::Foreign(_)) {
        return Ok(Vec::new());
    }
    match connection {
        DbConnection::Pg(pg) => {
            const LOCK: i64 = 0x7461_736b_735f_6d67;
            // A migration takes as long as it needs.
            pg.batch_execute(&format!("SET statement_timeout = 0; SELECT pg_advisory_lock({LOCK})"))?;
            let done = run(pg, POSTGRES);
            pg.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})"))?;
            done
        }
        DbConnection::Sqlite(sqlite) => {
            const PATIENCE_MS: u32 = 300_000;
            sqlite.batch_execute(&format!("PRAGMA busy_timeout = {PATIENCE_MS}"))?;
            sqlite.immediate_transaction(|sqlite| run(sqlite, SQLITE))
        }
    }
}

fn run<DB: diesel::backend::Backend>(
    connection: &mut impl MigrationHarness<DB>,
    migrations: EmbeddedMigrations,
) -> Result<Vec<String>> {
    let done = connection.run_pending_migrations(migrations).map_err(Error::internal)?;
    Ok(done.iter().map(ToString::to_string).collect())
}

/// The migrations of this program.
fn known(connection: &DbConnection) -> Result<BTreeSet<String>> {
    fn versions<DB: diesel::backend::Backend>(source: &EmbeddedMigrations) -> Result<BTreeSet<String>> {
        let migrations = MigrationSource::<DB>::migrations(source).map_err(Error::internal)?;
        Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
    }
    match connection {
        DbConnection::Pg(_) => versions::<diesel::pg::Pg>(&POSTGRES),
        DbConnection::Sqlite(_) => versions::<diesel::sqlite::Sqlite>(&SQLITE),
    }
}

/// The tables in the database, without those of the database system or of an extension.
fn tables(connection: &mut DbConnection) -> Result<BTreeSet<String>> {
    let sql = match connection {
        DbConnection::Pg(_) => {
            "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace \
             AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')"
        }
        DbConnection::Sqlite(_) => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        }
    };
    Ok(texts(connection, sql.to_owned())?.into_iter().collect())
}

fn texts(connection: &mut DbConnection, sql: String) -> Result<Vec<String>> {
    Ok(diesel::RunQueryDsl::load(Sql::new(sql).typed::<Text>(), connection)?)
}
