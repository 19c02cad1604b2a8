//! History: after each write of a row a copy of it goes to the row's historical twin, in the same transaction.

use chrono::NaiveDateTime;
use diesel::Queryable;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};
use uuid::Uuid;

use super::connection::{DbConnection, Dialect};
use super::sql::{ROWS_AT_ONCE, Sql, Typed};
use super::types::{DbUuid, SqlUuid};
use crate::domain::history::{Historical, HistoryType};
use crate::error::{Error, Result};

/// A table, its historical twin and the columns that they share.
#[derive(Debug)]
pub struct HistoryTable {
    /// The table.
    pub table: &'static str,
    /// Its twin.
    pub historical: &'static str,
    /// The shared columns, comma-separated.
    pub columns: &'static str,
}

/// A row of which every version is kept.
pub trait Versioned {
    /// Where.
    const HISTORY: HistoryTable;
    /// How the row is called in the links from the journal.
    const ENTITY: &'static str;

    /// Its key.
    fn id(&self) -> Uuid;

    /// Marks it as the next version.
    fn stamp(&mut self, user: Uuid, now: NaiveDateTime);

    /// Marks it as deleted.
    fn mark_deleted(&mut self);

    /// Adds it.
    ///
    /// # Errors
    /// What the database says.
    fn insert(&self, connection: &mut DbConnection) -> Result<()>;

    /// Writes it over its previous version.
    ///
    /// # Errors
    /// INTERNAL when it is not at the version before.
    fn update(&self, connection: &mut DbConnection) -> Result<()>;
}

impl HistoryTable {
    /// The copy in a historical row, as an expression of the row type of the table.
    pub fn copy<ST>(&self) -> Typed<ST> {
        Sql::new(self.columns).typed()
    }

    /// The columns that every twin has beside the copy.
    pub fn history() -> Typed<HistorySqlType> {
        Sql::new("history_id, history_date, history_type, history_user, history_change_reason").typed()
    }
}

type HistorySqlType = (BigInt, Timestamp, Text, Nullable<SqlUuid>, Nullable<Text>);

/// What a history row says beside the copy.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// What the write did.
    pub history_type: HistoryType,
    /// When, naive UTC.
    pub date: NaiveDateTime,
    /// Who; none for loaded rows.
    pub user: Option<Uuid>,
    /// Why, where there is more to say than the row tells.
    pub reason: Option<&'a str>,
}

/// Copies the row as it is now into the twin.
///
/// # Errors
/// What the database says; INTERNAL when there is no such row.
pub fn record(connection: &mut DbConnection, twin: &HistoryTable, id: Uuid, entry: Entry<'_>) -> Result<()> {
    record_many(connection, twin, &[id], entry)
}

/// Copies these rows as they are now into the twin.
///
/// # Errors
/// What the database says; INTERNAL when one of them is not there.
pub fn record_many(
    connection: &mut DbConnection,
    twin: &HistoryTable,
    ids: &[Uuid],
    entry: Entry<'_>,
) -> Result<()> {
    let HistoryTable { table, historical, columns } = twin;
    for chunk in ids.chunks(ROWS_AT_ONCE) {
        let mut sql = Sql::new(format!(
            "INSERT INTO {historical} ({columns}, history_date, history_type, history_user, history_change_reason) \
             SELECT {columns}, "
        ))
        .bind(entry.date)
        .sql(", ")
        .bind(entry.history_type.as_str())
        .sql(", ");
        sql = match entry.user {
            Some(user) => sql.bind(user),
            None => sql.sql("NULL"),
        };
        sql = match entry.reason {
            Some(reason) => sql.sql(", ").bind(reason),
            None => sql.sql(", NULL"),
        };
        let keys = chunk.iter().map(|id| Sql::default().bind(*id)).collect();
        let copied = sql
            .sql(format!(" FROM {table} WHERE id IN ("))
            .append(Sql::join(keys, ", ", "NULL"))
            .sql(") ORDER BY id")
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

/// Lets the twin's keys count on after keys were written by hand.
///
/// # Errors
/// What the database says.
pub fn resume_counting(connection: &mut DbConnection, twin: &HistoryTable) -> Result<()> {
    if connection.dialect() == Dialect::Postgres {
        let historical = twin.historical;
        // setval refuses 0, so an empty table starts at 1, not yet used.
        Sql::new(format!(
            "SELECT setval(pg_get_serial_sequence('{historical}', 'history_id'), \
             COALESCE(MAX(history_id), 1), MAX(history_id) IS NOT NULL) FROM {historical}"
        ))
        .execute(connection)?;
    }
    Ok(())
}

/// Implements [`Versioned`] by the functions `insert` and `update` of the module that calls it.
macro_rules! versioned {
    ($row:ty, $entity:literal) => {
        impl $crate::db::history::Versioned for $row {
            const HISTORY: $crate::db::history::HistoryTable = HISTORY;
            const ENTITY: &'static str = $entity;

            fn id(&self) -> ::uuid::Uuid {
                self.id
            }

            fn stamp(&mut self, user: ::uuid::Uuid, now: ::chrono::NaiveDateTime) {
                self.version += 1;
                self.date_updated = now;
                self.user_updated = user;
            }

            fn mark_deleted(&mut self) {
                self.is_deleted = true;
            }

            fn insert(
                &self,
                connection: &mut $crate::db::connection::DbConnection,
            ) -> $crate::error::Result<()> {
                insert(connection, self)
            }

            fn update(
                &self,
                connection: &mut $crate::db::connection::DbConnection,
            ) -> $crate::error::Result<()> {
                update(connection, self)
            }
        }
    };
}
pub(crate) use versioned;

/// The columns that every twin has beside the copy.
#[derive(Queryable)]
#[expect(clippy::struct_field_names, reason = "they are the columns' names")]
pub struct HistoryColumns {
    history_id: i64,
    history_date: NaiveDateTime,
    history_type: String,
    history_user: Option<DbUuid>,
    history_change_reason: Option<String>,
}

impl HistoryColumns {
    /// Puts them beside the copied row.
    ///
    /// # Errors
    /// INTERNAL when the database holds an unknown type.
    pub fn with<T>(self, row: T) -> Result<Historical<T>> {
        Ok(Historical {
            history_id: self.history_id,
            history_date: self.history_date,
            history_type: super::row::known("history type", &self.history_type, HistoryType::parse)?,
            history_user: super::row::id(self.history_user),
            history_change_reason: self.history_change_reason,
            row,
        })
    }
}
