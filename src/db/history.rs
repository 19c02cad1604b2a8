//! History: after each write of a row a copy of it goes to the row's historical twin, in the same transaction.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::connection::{DbConnection, Dialect};
use super::entity::{columns, insertion, next_version};
use super::sql::{ROWS_AT_ONCE, Sql};
use crate::domain::history::HistoryType;
use crate::error::{Error, Result};
use crate::model::bound::{Bound, Embedded};
use crate::model::entity::{Archived, Versioned};
use crate::model::history::{COLUMNS, Historical};

/// The names of the columns of an entity's twin, comma-separated, the entity's own first.
#[must_use]
pub fn historical_columns<T: Archived>() -> String {
    format!("{}, {}", columns::<T>(), COLUMNS.join(", "))
}

/// The fields of a history row besides the copy.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// What the write did.
    pub history_type: HistoryType,
    /// When the row was written, naive UTC.
    pub date: NaiveDateTime,
    /// The person who wrote the row; none for loaded rows.
    pub user: Option<Uuid>,
    /// The reason, if there is more to say than the row tells.
    pub reason: Option<&'a str>,
}

/// Adds rows and their first versions.
///
/// # Errors
/// The database's violation of a constraint.
pub fn insert<T: Versioned>(connection: &mut DbConnection, rows: &[T], entry: Entry<'_>) -> Result<()> {
    for chunk in rows.chunks(ROWS_AT_ONCE) {
        let ids: Vec<Uuid> = chunk.iter().map(|row| row.id).collect();
        write::<T>(connection, insertion(chunk), &ids, entry)?;
    }
    Ok(())
}

/// Overwrites the previous version of a row, and adds the new one to the twin.
///
/// # Errors
/// INTERNAL when the stored row is not at the version before, because the caller has not locked it.
pub fn update<T: Versioned>(connection: &mut DbConnection, row: &T, entry: Entry<'_>) -> Result<()> {
    write::<T>(connection, next_version(row), &[row.id], entry)
}

/// Runs a statement that writes the rows with these keys, and copies them into the twin: on PostgreSQL as one statement,
/// which saves a way to the database and back for each write.
fn write<T: Versioned>(
    connection: &mut DbConnection,
    writing: Sql,
    ids: &[Uuid],
    entry: Entry<'_>,
) -> Result<()> {
    match connection.dialect() {
        Dialect::Postgres => {
            let written = Sql::new("WITH written AS (")
                .append(writing)
                .sql(format!(" RETURNING {}) ", columns::<T>()))
                .append(copying::<T>("written", entry))
                .sql(" ORDER BY id")
                .execute(connection)?;
            check::<T>(written, ids)
        }
        Dialect::Sqlite => {
            let written = writing.execute(connection)?;
            check::<T>(written, ids)?;
            record::<T>(connection, ids, entry)
        }
    }
}

/// Copies these rows as they are now into the twin.
///
/// # Errors
/// INTERNAL when one of the rows does not exist.
pub fn record<T: Versioned>(connection: &mut DbConnection, ids: &[Uuid], entry: Entry<'_>) -> Result<()> {
    for chunk in ids.chunks(ROWS_AT_ONCE) {
        let copied = copying::<T>(T::TABLE, entry)
            .sql(" WHERE id ")
            .among(chunk)
            .sql(" ORDER BY id")
            .execute(connection)?;
        check::<T>(copied, chunk)?;
    }
    Ok(())
}

/// Adds versions of rows that have no record: as they are now, or as they were before they were deleted.
pub fn keep<T: Archived>(connection: &mut DbConnection, rows: &[T], entry: Entry<'_>) -> Result<()> {
    let [_, said @ ..] = COLUMNS;
    for row in rows {
        let mut values = row.values();
        let reason = entry.reason.map_or(Bound::Null, |reason| Bound::Text(reason.to_owned()));
        values.extend([entry.date.into(), entry.history_type.into(), (&entry.user).into(), reason]);
        let columns = format!("{}, {}", columns::<T>(), said.join(", "));
        Sql::new(format!("INSERT INTO {} ({columns}) VALUES ", T::HISTORY_TABLE))
            .list(values)
            .execute(connection)?;
    }
    Ok(())
}

/// The statement that copies all rows of a table into the twin, to be narrowed by a condition.
fn copying<T: Versioned>(table: &str, entry: Entry<'_>) -> Sql {
    let columns = columns::<T>();
    let [_, said @ ..] = COLUMNS;
    Sql::new(format!("INSERT INTO {} ({columns}, {}) SELECT {columns}, ", T::HISTORY_TABLE, said.join(", ")))
        .append(not_before("date_updated", entry.date))
        .sql(", ")
        .bind(entry.history_type)
        .sql(", ")
        .bind(&entry.user)
        .sql(", ")
        .bind(entry.reason.map_or(Bound::Null, |reason| Bound::Text(reason.to_owned())))
        .sql(format!(" FROM {table}"))
}

fn check<T: Versioned>(written: usize, ids: &[Uuid]) -> Result<()> {
    if written == ids.len() {
        return Ok(());
    }
    Err(Error::internal(format!(
        "{written} of {} rows of {} were there at the version before, the first with the key {:?}",
        ids.len(),
        T::TABLE,
        ids.first()
    )))
}

/// `now`, or what the column says where that is later: see [`Record::stamp`].
///
/// [`Record::stamp`]: crate::model::record::Record::stamp
pub fn not_before(column: &'static str, now: NaiveDateTime) -> Sql {
    Sql::new(format!("CASE WHEN {column} > "))
        .bind(now)
        .sql(format!(" THEN {column} ELSE "))
        .bind(now)
        .sql(" END")
}

/// Adds a version of a row as it is, key included.
pub fn insert_version<T: Versioned>(connection: &mut DbConnection, version: &Historical<T>) -> Result<()> {
    let mut values = version.row.values();
    version.history.values(&mut values);
    Sql::new(format!("INSERT INTO {} ({}) VALUES ", T::HISTORY_TABLE, historical_columns::<T>()))
        .list(values)
        .execute(connection)?;
    Ok(())
}

/// Lets the database continue the count of the twin's keys after rows were added with keys of their own.
pub fn resume_counting<T: Versioned>(connection: &mut DbConnection) -> Result<()> {
    if connection.dialect() == Dialect::Postgres {
        let historical = T::HISTORY_TABLE;
        // setval refuses 0, so an empty table starts at 1, not yet used.
        Sql::new(format!(
            "SELECT setval(pg_get_serial_sequence('{historical}', 'history_id'), \
             COALESCE(MAX(history_id), 1), MAX(history_id) IS NOT NULL) FROM {historical}"
        ))
        .execute(connection)?;
    }
    Ok(())
}
