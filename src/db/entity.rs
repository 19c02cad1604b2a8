//! What is done with every entity alike, by what its declaration says.

use diesel::QueryableByName;
use uuid::Uuid;

use super::connection::{DbConnection, Dialect, MultiBackend};
use super::sql::{ROWS_AT_ONCE, Sql};
use crate::budget;
use crate::error::{Error, Result};
use crate::model::bound::Bound;
use crate::model::entity::{Entity, Versioned};

/// An entity that can be read from either database.
pub trait Stored: Entity + QueryableByName<MultiBackend> + 'static {}

impl<T> Stored for T where T: Entity + QueryableByName<MultiBackend> + 'static {}

/// How long others have to wait for locked rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Others may read them and share the lock, but not change them: for those who decide by them.
    Share,
    /// Others may not write nor lock them, but new rows may point to them.
    Write,
    /// Others may not lock them at all: for those who change them, or what belongs to them.
    Exclusive,
}

impl Lock {
    /// What a query says at its end. A writing transaction on SQLite has the whole database to itself.
    const fn sql(self, dialect: Dialect) -> &'static str {
        match (dialect, self) {
            (Dialect::Sqlite, _) => "",
            (Dialect::Postgres, Self::Share) => " FOR KEY SHARE",
            (Dialect::Postgres, Self::Write) => " FOR NO KEY UPDATE",
            (Dialect::Postgres, Self::Exclusive) => " FOR UPDATE",
        }
    }
}

/// The names of an entity's columns, comma-separated.
#[must_use]
pub fn columns<T: Entity>() -> String {
    let names: Vec<&str> = T::COLUMNS.iter().map(|column| column.name).collect();
    names.join(", ")
}

/// The rows that meet `condition`, which may say an order behind it.
///
/// # Errors
/// What the database says.
pub fn select<T: Stored>(connection: &mut DbConnection, condition: Sql) -> Result<Vec<T>> {
    let query = Sql::new(format!("SELECT {} FROM {} WHERE ", columns::<T>(), T::TABLE)).append(condition);
    Ok(query.load(connection)?)
}

/// The same, locked until the transaction ends.
///
/// # Errors
/// What the database says.
pub fn select_locked<T: Stored>(connection: &mut DbConnection, condition: Sql, lock: Lock) -> Result<Vec<T>> {
    let lock = lock.sql(connection.dialect());
    select(connection, condition.sql(lock))
}

/// The row with this key, deleted or not.
///
/// # Errors
/// What the database says.
pub fn get<T: Stored>(connection: &mut DbConnection, key: impl Into<Bound>) -> Result<Option<T>> {
    Ok(select(connection, by_key::<T>(key))?.pop())
}

/// The rows with these keys, deleted or not, in no order.
///
/// # Errors
/// What the database says.
pub fn get_many<T: Stored>(connection: &mut DbConnection, keys: &[Uuid]) -> Result<Vec<T>> {
    budget::shared_rows(T::NAME, keys)?;
    select(connection, Sql::new(format!("{} ", T::KEY)).among(keys))
}

/// The row with this key, deleted or not, locked until the transaction ends.
///
/// # Errors
/// What the database says.
pub fn lock<T: Stored>(
    connection: &mut DbConnection,
    key: impl Into<Bound>,
    lock: Lock,
) -> Result<Option<T>> {
    Ok(select_locked(connection, by_key::<T>(key), lock)?.pop())
}

/// Adds a row.
///
/// # Errors
/// What the database says.
pub fn insert<T: Entity>(connection: &mut DbConnection, row: &T) -> Result<()> {
    insert_many(connection, std::slice::from_ref(row))
}

/// Adds rows, many with one statement.
///
/// # Errors
/// What the database says.
pub fn insert_many<T: Entity>(connection: &mut DbConnection, rows: &[T]) -> Result<()> {
    insert_rows(connection, rows, "")
}

/// Adds those of the rows that are not there yet.
///
/// # Errors
/// What the database says.
pub fn insert_missing<T: Entity>(connection: &mut DbConnection, rows: &[T]) -> Result<()> {
    insert_rows(connection, rows, " ON CONFLICT DO NOTHING")
}

fn insert_rows<T: Entity>(
    connection: &mut DbConnection,
    rows: &[T],
    on_conflict: &'static str,
) -> Result<()> {
    for chunk in rows.chunks(ROWS_AT_ONCE) {
        let values = chunk.iter().map(|row| Sql::default().list(row.values())).collect();
        let sql = Sql::new(format!("INSERT INTO {} ({}) VALUES ", T::TABLE, columns::<T>()))
            .append(Sql::join(values, ", ", ""))
            .sql(on_conflict);
        if chunk.len() == 1 { sql } else { sql.varies() }.execute(connection)?;
    }
    Ok(())
}

/// Adds a row whose key the database counts, whatever the row says.
///
/// # Errors
/// What the database says.
pub fn insert_counted<T: Entity>(connection: &mut DbConnection, row: &T) -> Result<()> {
    insert_with(connection, row, vec![(T::KEY, None)], "").map(drop)
}

/// Adds a row in which some columns hold something else than the row says: what is given here, or where that is nothing,
/// what the database sets. `on_conflict` says what becomes of a row that breaks a rule; answers whether it was added.
///
/// # Errors
/// What the database says.
pub fn insert_with<T: Entity>(
    connection: &mut DbConnection,
    row: &T,
    given: Vec<(&'static str, Option<Sql>)>,
    on_conflict: &'static str,
) -> Result<bool> {
    let own = T::COLUMNS.iter().zip(row.values()).filter_map(|(column, value)| {
        let is_given = given.iter().any(|(name, _)| *name == column.name);
        (!is_given).then(|| (column.name, Sql::default().bind(value)))
    });
    let mut columns: Vec<(&str, Sql)> = own.collect();
    columns.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let (names, values): (Vec<&str>, Vec<Sql>) = columns.into_iter().unzip();
    let sql = Sql::new(format!("INSERT INTO {} ({}) VALUES (", T::TABLE, names.join(", ")))
        .append(Sql::join(values, ", ", ""))
        .sql(")")
        .sql(on_conflict);
    Ok(sql.execute(connection)? == 1)
}

/// Writes a row over what it said before.
///
/// # Errors
/// INTERNAL when it is not there; else what the database says.
pub fn update<T: Entity>(connection: &mut DbConnection, row: &T) -> Result<()> {
    update_where(connection, row, Sql::default())
}

/// Writes a row over its previous version.
///
/// # Errors
/// INTERNAL when it is not at the version before: the caller has not locked it. Else what the database says.
pub fn update_version<T: Versioned>(connection: &mut DbConnection, row: &T) -> Result<()> {
    update_where(connection, row, Sql::new(" AND version = ").bind(row.version - 1))
}

fn update_where<T: Entity>(connection: &mut DbConnection, row: &T, and: Sql) -> Result<()> {
    let mut key = Bound::Null;
    let mut set = Vec::with_capacity(T::COLUMNS.len());
    for (column, value) in T::COLUMNS.iter().zip(row.values()) {
        if column.name == T::KEY {
            key = value;
        } else {
            set.push(Sql::new(format!("{} = ", column.name)).bind(value));
        }
    }
    let sql = Sql::new(format!("UPDATE {} SET ", T::TABLE))
        .append(Sql::join(set, ", ", ""))
        .sql(" WHERE ")
        .append(by_key::<T>(key.clone()))
        .append(and);
    match sql.execute(connection)? {
        1 => Ok(()),
        _ => Err(Error::internal(format!("{} {key:?} is not there at the version before", T::NAME))),
    }
}

fn by_key<T: Entity>(key: impl Into<Bound>) -> Sql {
    Sql::new(format!("{} = ", T::KEY)).bind(key)
}

/// Whether an error is the database's refusal of a second row by this constraint. SQLite does not name constraints in
/// its refusals, but there the rules are checked under the one write lock, so the question does not come up.
#[must_use]
pub fn violates_unique(error: &Error, constraint: &str) -> bool {
    use diesel::result::{DatabaseErrorKind, Error as Diesel};
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Diesel>());
    matches!(
        source,
        Some(Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, information))
            if information.constraint_name() == Some(constraint)
    )
}
