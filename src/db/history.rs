//! History: after each write of a row a copy of it goes to the row's historical twin, in the same transaction.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::connection::{DbConnection, Dialect};
use super::entity::columns;
use super::sql::{ROWS_AT_ONCE, Sql};
use crate::domain::history::HistoryType;
use crate::error::{Error, Result};
use crate::model::bound::{Bound, Embedded};
use crate::model::entity::Versioned;
use crate::model::history::{COLUMNS, Historical};

/// The names of the columns of an entity's twin, comma-separated, the entity's own first.
#[must_use]
pub fn historical_columns<T: Versioned>() -> String {
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

/// Copies these rows as they are now into the twin.
///
/// # Errors
/// INTERNAL when one of the rows does not exist.
pub fn record<T: Versioned>(connection: &mut DbConnection, ids: &[Uuid], entry: Entry<'_>) -> Result<()> {
    let (columns, table) = (columns::<T>(), T::TABLE);
    let [_, said @ ..] = COLUMNS;
    for chunk in ids.chunks(ROWS_AT_ONCE) {
        let copied = Sql::new(format!(
            "INSERT INTO {} ({columns}, {}) SELECT {columns}, ",
            T::HISTORY_TABLE,
            said.join(", ")
        ))
        .append(not_before("date_updated", entry.date))
        .sql(", ")
        .bind(entry.history_type)
        .sql(", ")
        .bind(&entry.user)
        .sql(", ")
        .bind(entry.reason.map_or(Bound::Null, |reason| Bound::Text(reason.to_owned())))
        .sql(format!(" FROM {table} WHERE id "))
        .among(chunk)
        .sql(" ORDER BY id")
        .execute(connection)?;
        if copied != chunk.len() {
            return Err(Error::internal(format!(
                "{copied} of {} rows of {table} were copied into history, the first with the key {:?}",
                chunk.len(),
                chunk.first()
            )));
        }
    }
    Ok(())
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
