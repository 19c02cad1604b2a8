//! Migrations, which have the same names for both databases and are embedded in the program, and the standing of a
//! database's schema.
//!
//! They are noted in a table of our own, because a host's own migrations may have the same versions. Programs before version
//! 0.2 noted them in diesel's table; [`carry_over`] and [`withdraw`] say how a database of theirs is taken over.

use std::collections::{BTreeMap, BTreeSet};

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;

use super::connection::{DbConnection, Dialect};
use super::sql::Sql;
use crate::error::{Error, Result};
use crate::model::schema_level::task_management_schemalevel as schema_level;

/// A migration as it is in the program.
struct Migration {
    version: &'static str,
    postgres: &'static str,
    sqlite: &'static str,
}

/// Embeds the migrations in the folders of these versions and names.
macro_rules! embedded {
    ($($version:literal $name:literal)*) => {
        &[$(Migration {
            version: $version,
            postgres: include_str!(concat!("../../migrations/postgres/", $version, "_", $name, "/up.sql")),
            sqlite: include_str!(concat!("../../migrations/sqlite/", $version, "_", $name, "/up.sql")),
        }),*]
    };
}

/// All migrations, the oldest first. A test compares them with the folders.
const MIGRATIONS: &[Migration] = embedded![
    "00000000000001" "initial"
    "00000000000002" "order_indexes"
    "00000000000003" "task_flow"
    "00000000000004" "task_event"
    "00000000000005" "webhook"
    "00000000000006" "task_priority"
    "00000000000010" "system_user"
    "00000000000011" "re_evaluation"
    "00000000000012" "fold_sigma"
    "00000000000013" "schema_level"
    "00000000000014" "refused_mutation"
    "00000000000015" "checker"
    "00000000000016" "own_migrations"
    "00000000000017" "task_count"
    "00000000000018" "task_dates"
    "00000000000019" "task_maker"
    "00000000000020" "found_by_index"
    "00000000000021" "timer"
    "00000000000022" "task_comment"
    "00000000000023" "task_claim"
    "00000000000024" "task_asked"
    "00000000000025" "task_next"
    "00000000000027" "people_history"
    "00000000000028" "api_token"
    "00000000000029" "task_mail"
    "00000000000032" "task_function"
    "00000000000033" "function_schedule"
    "00000000000034" "on_completed"
    "00000000000035" "function_request"
    "00000000000036" "task_dispatcher"
    "00000000000037" "mail_digest"
    "00000000000038" "function_source"
    "00000000000039" "look_alike"
    "00000000000040" "look_alike_blanks"
    "00000000000041" "asked_by_due_date"
    "00000000000043" "waiting_runs_of_people"
    "00000000000045" "look_alike_digits"
    "00000000000046" "waiting_runs_by_person"
];

/// The table in which the applied migrations are noted.
const APPLIED: &str = "task_management_schema_migrations";
/// The table in which diesel notes the migrations of whoever uses it, and in which programs before version 0.2 noted ours.
const SHARED: &str = "__diesel_schema_migrations";
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
    /// The migrations are noted, but their tables are not there.
    Confused,
}

/// Whether another program may note its migrations in diesel's table too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// The database is this program's alone.
    Alone,
    /// This program is a guest in a host's.
    Host,
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
                "{APPLIED} says that the migrations were applied, but their tables are not there: restore the tables, \
                 or name another database in database.url"
            ))),
        }
    }
}

/// The standing of this database's schema. Nothing is written.
///
/// # Errors
/// An error of the database.
pub fn standing(connection: &mut DbConnection) -> Result<Standing> {
    let known = known();
    let tables = tables(connection)?;
    let applied = applied(connection, &tables, &known)?;
    if applied.is_disjoint(&known) {
        let mut others = tables.clone();
        others.remove(APPLIED);
        let is_new =
            others.is_empty() || others.iter().eq([SHARED]) && versions_in(connection, SHARED)?.is_empty();
        return Ok(if is_new || tables.contains(OURS) {
            Standing::Pending
        } else {
            Standing::Foreign(others.into_iter().collect())
        });
    }
    // Another process may have applied the first migration since the tables were looked at.
    if !tables.contains(OURS) && !self::tables(connection)?.contains(OURS) {
        return Ok(Standing::Confused);
    }
    if let (Some((level, oldest)), Some(own)) = (newer(connection, &tables, &known)?, known.last()) {
        return Ok(if oldest > *own { Standing::TooNew(level, oldest) } else { Standing::Newer(level) });
    }
    let is_current = tables.contains(APPLIED) && applied.is_superset(&known);
    Ok(if is_current { Standing::Current } else { Standing::Pending })
}

/// The versions of ours that were applied. Those in diesel's table are ours where our tables are there and no table of our
/// own says what was applied: while ours stood in that table, no other program could add the same.
fn applied(
    connection: &mut DbConnection,
    tables: &BTreeSet<String>,
    known: &BTreeSet<String>,
) -> Result<BTreeSet<String>> {
    if tables.contains(APPLIED) {
        return versions_in(connection, APPLIED);
    }
    if !(tables.contains(SHARED) && tables.contains(OURS)) {
        return Ok(BTreeSet::new());
    }
    Ok(&versions_in(connection, SHARED)? & known)
}

fn versions_in(connection: &mut DbConnection, table: &str) -> Result<BTreeSet<String>> {
    Ok(texts(connection, format!("SELECT version FROM {table}"))?.into_iter().collect())
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
pub fn up(connection: &mut DbConnection, company: Company) -> Result<Vec<String>> {
    let standing = standing(connection)?;
    standing.check()?;
    let is_pending = matches!(standing, Standing::Pending | Standing::Foreign(_));
    if !is_pending && !is_to_withdraw(connection, company)? {
        return Ok(Vec::new());
    }
    check_schema(connection)?;
    one_at_a_time(connection, |connection| {
        let mut done = Vec::new();
        if is_pending {
            connection.atomically(carry_over)?;
            done = apply_missing(connection)?;
        }
        connection.atomically(|connection| withdraw(connection, company))?;
        Ok(done)
    })
}

/// Checks that tables can be made on PostgreSQL, and that ours are not in another schema of the search path already.
fn check_schema(connection: &mut DbConnection) -> Result<()> {
    if connection.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    let present = texts(connection, "SELECT coalesce(current_schema()::text, '')".to_owned())?.concat();
    if present.is_empty() {
        return Err(Error::unavailable(
            "the search_path names no schema that is there: make the schema, or name another one in the URL",
        ));
    }
    let elsewhere = texts(
        connection,
        format!(
            "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass('{OURS}') \
             AND relnamespace <> current_schema()::regnamespace"
        ),
    )?;
    match elsewhere.first() {
        None => Ok(()),
        Some(other) => Err(Error::unavailable(format!(
            "the module's tables are in the schema {other}, but the search_path names {present} before it: name {other} first"
        ))),
    }
}

/// Runs `work` while no other process migrates. It takes as long as it needs.
fn one_at_a_time<T>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T>,
) -> Result<T> {
    match connection.dialect() {
        Dialect::Postgres => {
            const LOCK: i64 = 0x7461_736b_735f_6d67;
            let patience =
                texts(connection, "SELECT current_setting('statement_timeout')".to_owned())?.concat();
            connection
                .batch_execute(&format!("SET statement_timeout = 0; SELECT pg_advisory_lock({LOCK})"))?;
            let done = work(connection);
            let ended = connection.batch_execute(&format!(
                "SELECT pg_advisory_unlock({LOCK}); SET statement_timeout = '{patience}'"
            ));
            let done = done?;
            ended?;
            Ok(done)
        }
        Dialect::Sqlite => {
            const PATIENCE_MS: u32 = 300_000;
            let patience = "SELECT CAST(timeout AS text) FROM pragma_busy_timeout".to_owned();
            let patience = texts(connection, patience)?.concat();
            connection.batch_execute(&format!("PRAGMA busy_timeout = {PATIENCE_MS}"))?;
            let done = connection.writing(work);
            connection.batch_execute(&format!("PRAGMA busy_timeout = {patience}"))?;
            done
        }
    }
}

/// Makes the table of our own. Where programs before version 0.2 have noted migrations of ours in diesel's table, copies these.
fn carry_over(connection: &mut DbConnection) -> Result<()> {
    let (known, tables) = (known(), tables(connection)?);
    if tables.contains(APPLIED) {
        return Ok(());
    }
    // `carried_over` says since when a version of ours stands in both tables.
    let collation = match connection.dialect() {
        Dialect::Postgres => " COLLATE \"C\"",
        Dialect::Sqlite => "",
    };
    connection.batch_execute(&format!(
        "CREATE TABLE {APPLIED} (\
           version text{collation} NOT NULL PRIMARY KEY, \
           run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, \
           carried_over timestamp\
         )"
    ))?;
    for version in applied(connection, &tables, &known)? {
        connection.batch_execute(&format!(
            "INSERT INTO {APPLIED} (version, run_on, carried_over) \
             SELECT version, run_on, CURRENT_TIMESTAMP FROM {SHARED} WHERE version = '{version}'"
        ))?;
    }
    Ok(())
}

/// Applies the migrations that the table of our own does not name; returns their names.
fn apply_missing(connection: &mut DbConnection) -> Result<Vec<String>> {
    let applied = versions_in(connection, APPLIED)?;
    let mut done = Vec::new();
    for Migration { version, postgres, sqlite } in MIGRATIONS {
        if applied.contains(*version) {
            continue;
        }
        let up = match connection.dialect() {
            Dialect::Postgres => postgres,
            Dialect::Sqlite => sqlite,
        };
        connection.atomically(|connection| {
            connection.batch_execute(up)?;
            Ok(connection.batch_execute(&format!("INSERT INTO {APPLIED} (version) VALUES ('{version}')"))?)
        })?;
        done.push((*version).to_owned());
    }
    Ok(done)
}

/// Takes the versions that were carried over out of diesel's table, where a host's versions may be the same.
///
/// Servers before version 0.2 that still run while they are replaced take a database for one that was never migrated if it
/// names none of their versions there. So the newest stays for a day, and where no host is hurt, all of them do.
fn withdraw(connection: &mut DbConnection, company: Company) -> Result<()> {
    if is_to_withdraw(connection, company)? {
        let due = due(connection.dialect(), company);
        connection.batch_execute(&format!(
            "DELETE FROM {SHARED} WHERE version IN (SELECT version FROM {APPLIED} WHERE {due}); \
             UPDATE {APPLIED} SET carried_over = NULL WHERE {due}"
        ))?;
    }
    Ok(())
}

fn is_to_withdraw(connection: &mut DbConnection, company: Company) -> Result<bool> {
    let tables = tables(connection)?;
    let due = due(connection.dialect(), company);
    Ok(tables.contains(SHARED)
        && tables.contains(APPLIED)
        && !texts(connection, format!("SELECT version FROM {APPLIED} WHERE {due}"))?.is_empty())
}

/// The condition for versions in the table of our own that are to leave diesel's.
fn due(dialect: Dialect, company: Company) -> String {
    let day_ago = match dialect {
        Dialect::Postgres => "CURRENT_TIMESTAMP - interval '1 day'",
        Dialect::Sqlite => "datetime('now', '-1 day')",
    };
    let is_newest = format!("version = (SELECT max(version) FROM {APPLIED} WHERE carried_over IS NOT NULL)");
    let stays = match company {
        Company::Alone => "true",
        Company::Host => is_newest.as_str(),
    };
    format!("carried_over IS NOT NULL AND (carried_over < {day_ago} OR NOT ({stays}))")
}

/// The versions of this program.
fn known() -> BTreeSet<String> {
    MIGRATIONS.iter().map(|migration| migration.version.to_owned()).collect()
}

/// Whether a program of this kind has migrated the database, however far.
pub fn has_tables(connection: &mut DbConnection) -> Result<bool> {
    Ok(tables(connection)?.contains(OURS))
}

/// The tables in the database, without those of the database system or of an extension.
fn tables(connection: &mut DbConnection) -> Result<BTreeSet<String>> {
    let sql = match connection.dialect() {
        Dialect::Postgres => {
            "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace \
             AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')"
        }
        Dialect::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        }
    };
    Ok(texts(connection, sql.to_owned())?.into_iter().collect())
}

fn texts(connection: &mut DbConnection, sql: String) -> Result<Vec<String>> {
    Ok(diesel::RunQueryDsl::load(Sql::new(sql).typed::<Text>(), connection)?)
}
