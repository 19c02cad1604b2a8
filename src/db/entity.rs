//! Reading and writing that all entities have alike, by their declarations.

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

/// How strongly rows are locked: what others can't do until the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Others may read the rows and share the lock, but not change them. For transactions that decide by the rows.
    Share,
    /// Others may neither write nor lock the rows, but new rows may point to them.
    Write,
    /// Others may not lock the rows at all. For transactions that change the rows, or what belongs to them.
    Exclusive,
}

impl Lock {
    /// The end of a query that locks. Nothing on SQLite, where a writing transaction has the whole database to itself.
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

/// The rows that meet `condition`, which may end with an order.
pub fn select<T: Stored>(connection: &mut DbConnection, condition: Sql) -> Result<Vec<T>> {
    let query = Sql::new(format!("SELECT {} FROM {} WHERE ", columns::<T>(), T::TABLE)).append(condition);
    Ok(query.load(connection)?)
}

/// The rows that meet `condition`, locked until the transaction ends.
pub fn select_locked<T: Stored>(connection: &mut DbConnection, condition: Sql, lock: Lock) -> Result<Vec<T>> {
    let lock = lock.sql(connection.dialect());
    select(connection, condition.sql(lock))
}

/// The row with this key, deleted or not.
pub fn get<T: Stored>(connection: &mut DbConnection, key: impl Into<Bound>) -> Result<Option<T>> {
    Ok(select(connection, by_key::<T>(key))?.pop())
}

/// The rows with these keys, deleted or not, in no order.
pub fn get_many<T: Stored>(connection: &mut DbConnection, keys: &[Uuid]) -> Result<Vec<T>> {
    budget::shared_rows(T::NAME, keys)?;
    select(connection, Sql::new(format!("{} ", T::KEY)).among(keys))
}

/// The row with this key, deleted or not, locked until the transaction ends.
pub fn lock<T: Stored>(
    connection: &mut DbConnection,
    key: impl Into<Bound>,
    lock: Lock,
) -> Result<Option<T>> {
    Ok(select_locked(connection, by_key::<T>(key), lock)?.pop())
}

/// The row with this key, locked as [`lock`] does exclusively; none if somebody else has locked it.
pub fn lock_free<T: Stored>(connection: &mut DbConnection, key: impl Into<Bound>) -> Result<Option<T>> {
    let passing_over = match connection.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    Ok(select(connection, by_key::<T>(key).sql(passing_over))?.pop())
}

/// The rows with these keys, deleted or not, locked in the order of their keys until the transaction ends.
pub fn lock_many<T: Stored>(connection: &mut DbConnection, keys: &[Uuid], lock: Lock) -> Result<Vec<T>> {
    let condition = Sql::new(format!("{} ", T::KEY)).among(keys).sql(format!(" ORDER BY {}", T::KEY));
    select_locked(connection, condition, lock)
}

/// Adds a row.
pub fn insert<T: Entity>(connection: &mut DbConnection, row: &T) -> Result<()> {
    insert_many(connection, std::slice::from_ref(row))
}

/// Adds rows, many with one statement.
pub fn insert_many<T: Entity>(connection: &mut DbConnection, rows: &[T]) -> Result<()> {
    insert_rows(connection, rows, "")
}

/// Adds those of the rows that do not exist yet.
pub fn insert_missing<T: Entity>(connection: &mut DbConnection, rows: &[T]) -> Result<()> {
    insert_rows(connection, rows, " ON CONFLICT DO NOTHING")
}

fn insert_rows<T: Entity>(
    connection: &mut DbConnection,
    rows: &[T],
    on_conflict: &'static str,
) -> Result<()> {
    for chunk in rows.chunks(ROWS_AT_ONCE) {
        insertion(chunk).sql(on_conflict).execute(connection)?;
    }
    Ok(())
}

/// The statement that adds rows, of which there may be [`ROWS_AT_ONCE`].
pub(super) fn insertion<T: Entity>(rows: &[T]) -> Sql {
    let values = rows.iter().map(|row| Sql::default().list(row.values())).collect();
    Sql::new(format!("INSERT INTO {} ({}) VALUES ", T::TABLE, columns::<T>()))
        .append(Sql::join(values, ", ", ""))
        .varies_with(rows.len())
}

/// Adds a row, and lets the database count its key; the key in `row` is ignored.
pub fn insert_counted<T: Entity>(connection: &mut DbConnection, row: &T) -> Result<()> {
    insert_with(connection, row, vec![(T::KEY, None)], "").map(drop)
}

/// Adds a row in which some columns get other values than `row` has: the value that is given for them, or if none is given,
/// the database's default. `on_conflict` says what to do with a row that breaks a constraint. Returns whether the row was
/// added.
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

/// Overwrites a row.
///
/// # Errors
/// INTERNAL when the row does not exist.
pub fn update<T: Entity>(connection: &mut DbConnection, row: &T) -> Result<()> {
    match overwriting(row, Sql::default()).execute(connection)? {
        1 => Ok(()),
        _ => Err(Error::internal(format!("a {} to be overwritten is not there", T::NAME))),
    }
}

/// The statement that overwrites the previous version of a row. It touches no row if the stored one is not at the version
/// before, because the caller has not locked it.
pub(super) fn next_version<T: Versioned>(row: &T) -> Sql {
    overwriting(row, Sql::new(" AND version = ").bind(row.version - 1))
}

fn overwriting<T: Entity>(row: &T, and: Sql) -> Sql {
    let mut key = Bound::Null;
    let mut set = Vec::with_capacity(T::COLUMNS.len());
    for (column, value) in T::COLUMNS.iter().zip(row.values()) {
        if column.name == T::KEY {
            key = value;
        } else {
            set.push(Sql::new(format!("{} = ", column.name)).bind(value));
        }
    }
    Sql::new(format!("UPDATE {} SET ", T::TABLE))
        .append(Sql::join(set, ", ", ""))
        .sql(" WHERE ")
        .append(by_key::<T>(key))
        .append(and)
}

fn by_key<T: Entity>(key: impl Into<Bound>) -> Sql {
    Sql::new(format!("{} = ", T::KEY)).bind(key)
}

/// Whether an error is the violation of this unique constraint. SQLite does not name constraints in its errors. There the
/// services check the rule under the one write lock, so the violation does not happen.
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
