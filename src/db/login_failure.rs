//! Failed logins in the database, counted under keys that say by whom and from where.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::connection::DbConnection;
use super::sql::Sql;
use crate::error::Result;
use crate::model::login_failure::core_loginfailure as failure;

/// How often logins under this key have failed since `since`, and when the first of them failed.
pub fn get(
    connection: &mut DbConnection,
    key: &str,
    since: NaiveDateTime,
) -> Result<Option<(i32, NaiveDateTime)>> {
    Ok(failure::table
        .find(key)
        .filter(failure::date_first.ge(since))
        .select((failure::failures, failure::date_first))
        .first(connection)
        .optional()?)
}

/// Counts one more failure. The count begins at one again if it began before `since`.
pub fn add(connection: &mut DbConnection, key: &str, now: NaiveDateTime, since: NaiveDateTime) -> Result<()> {
    Sql::new("INSERT INTO core_loginfailure (key, failures, date_first) VALUES (")
        .bind(key)
        .sql(", 1, ")
        .bind(now)
        .sql(
            ") ON CONFLICT (key) DO UPDATE SET \
             failures = CASE WHEN core_loginfailure.date_first < ",
        )
        .bind(since)
        .sql(" THEN 1 ELSE core_loginfailure.failures + 1 END, date_first = CASE WHEN core_loginfailure.date_first < ")
        .bind(since)
        .sql(" THEN excluded.date_first ELSE core_loginfailure.date_first END")
        .execute(connection)?;
    Ok(())
}

/// Counts so many less.
pub fn subtract(connection: &mut DbConnection, key: &str, count: i32) -> Result<()> {
    Sql::new("UPDATE core_loginfailure SET failures = CASE WHEN failures > ")
        .bind(i64::from(count))
        .sql(" THEN failures - ")
        .bind(i64::from(count))
        .sql(" ELSE 0 END WHERE key = ")
        .bind(key)
        .execute(connection)?;
    Ok(())
}

/// Forgets the failures under this key.
pub fn clear(connection: &mut DbConnection, key: &str) -> Result<()> {
    diesel::delete(failure::table.find(key)).execute(connection)?;
    Ok(())
}

/// Forgets counts that began before `moment`.
pub fn prune(connection: &mut DbConnection, moment: NaiveDateTime) -> Result<usize> {
    Ok(diesel::delete(failure::table.filter(failure::date_first.lt(moment))).execute(connection)?)
}
