//! Claims in the database.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::select;
use super::sql::Sql;
use crate::error::Result;
use crate::model::task_claim::{TaskClaim, task_management_taskclaim as task_claim};

/// Longer than anybody rests after a claim.
const LATELY: TimeDelta = TimeDelta::days(2);

/// The claims on these tasks that last, and those that ended so lately that they still matter, the oldest first.
pub fn of_tasks(
    connection: &mut DbConnection,
    task_ids: &[Uuid],
    now: NaiveDateTime,
) -> Result<Vec<TaskClaim>> {
    let lately = Sql::new("task_id ")
        .among(task_ids)
        .sql(" AND (date_ended IS NULL OR ended_as IN ('RELEASED', 'LAPSED', 'VOTED') AND date_until > ")
        .bind(now - LATELY);
    select(connection, lately.sql(") ORDER BY id"))
}

/// The claims on this task that have not ended.
pub fn live_of(connection: &mut DbConnection, task_id: Uuid) -> Result<Vec<TaskClaim>> {
    select(connection, Sql::new("date_ended IS NULL AND task_id = ").bind(task_id).sql(" ORDER BY id"))
}

/// How many claims a person has.
pub fn count_of_user(connection: &mut DbConnection, user_id: Uuid, now: NaiveDateTime) -> Result<i64> {
    Ok(task_claim::table
        .filter(task_claim::user_id.eq(user_id))
        .filter(task_claim::date_ended.is_null())
        .filter(task_claim::date_until.gt(now))
        .count()
        .get_result(connection)?)
}
