//! Leases: a worker takes rows in hand for a time. If it dies meanwhile, others take them over when the leases end. A worker that
//! comes late does not have them any more.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::connection::{DbConnection, Dialect};
use super::entity::{Stored, columns};
use super::sql::Sql;
use crate::error::Result;
use crate::model::bound::Bound;

/// Rows that workers lease. Their table has the columns `id`, `leased_by`, `lease_until` and `attempts`.
pub trait Leased: Stored {
    /// The condition that something is still to be done with the row.
    const WAITS: &'static str;

    /// What else is written on a row that is leased now: assignments, each after a comma.
    fn taken(_now: NaiveDateTime) -> Sql {
        Sql::default()
    }
}

/// A lease that a worker asks for.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// Who asks.
    pub worker: Uuid,
    /// The present moment, naive UTC.
    pub now: NaiveDateTime,
    /// When the lease ends, naive UTC.
    pub until: NaiveDateTime,
    /// How many rows at most.
    pub most: i64,
}

/// Leases rows that are due and that no other worker has in hand, the first in this order; returns them in no order. `whose` is
/// the condition on the rows that the worker serves, `due` that they are due now, on the table as `waiting`.
pub fn lease<T: Leased>(
    connection: &mut DbConnection,
    lease: Lease,
    whose: Sql,
    due: Sql,
    order: &'static str,
) -> Result<Vec<T>> {
    let skip = match connection.dialect() {
        Dialect::Postgres => " FOR UPDATE SKIP LOCKED",
        Dialect::Sqlite => "",
    };
    let (table, waits) = (T::TABLE, T::WAITS);
    let taken = Sql::new(format!("UPDATE {table} SET leased_by = "))
        .bind(lease.worker)
        .sql(", lease_until = ")
        .bind(lease.until)
        .append(T::taken(lease.now))
        .sql(format!(
            ", attempts = attempts + 1 WHERE id IN (SELECT waiting.id FROM {table} AS waiting WHERE {waits} AND "
        ))
        .append(whose)
        .sql(" AND ")
        .append(due)
        .sql(" AND (waiting.lease_until IS NULL OR waiting.lease_until < ")
        .bind(lease.now)
        .sql(format!(") ORDER BY {order} LIMIT "))
        .bind(lease.most)
        .sql(format!("{skip}) RETURNING {}", columns::<T>()))
        .load(connection)?;
    Ok(taken)
}

/// Renews the lease of a row until `until`; returns whether the worker still had the row.
pub fn renew<T: Leased>(
    connection: &mut DbConnection,
    id: impl Into<Bound>,
    worker: Uuid,
    until: NaiveDateTime,
) -> Result<bool> {
    let renewed = Sql::new(format!("UPDATE {} SET lease_until = ", T::TABLE))
        .bind(until)
        .sql(format!(" WHERE {} AND id = ", T::WAITS))
        .bind(id)
        .sql(" AND leased_by = ")
        .bind(worker)
        .execute(connection)?;
    Ok(renewed == 1)
}

/// Hands back all rows that a worker has in hand, for others to take at once; returns how many.
pub fn hand_back<T: Leased>(connection: &mut DbConnection, worker: Uuid) -> Result<usize> {
    give_back::<T>(connection, worker, Sql::default())
}

/// Puts one row back that a worker has in hand but has not tried.
pub fn put_back<T: Leased>(connection: &mut DbConnection, id: i64, worker: Uuid) -> Result<()> {
    give_back::<T>(connection, worker, Sql::new(" AND id = ").bind(id)).map(drop)
}

/// An attempt that is given back has not failed, so it does not count.
fn give_back<T: Leased>(connection: &mut DbConnection, worker: Uuid, and: Sql) -> Result<usize> {
    Ok(Sql::new(format!(
        "UPDATE {} SET attempts = attempts - 1, leased_by = NULL, lease_until = NULL WHERE leased_by = ",
        T::TABLE
    ))
    .bind(worker)
    .append(and)
    .execute(connection)?)
}
