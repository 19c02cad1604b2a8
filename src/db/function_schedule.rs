//! Schedules in the database.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::{Lock, select, select_locked};
use super::query::{Field, Listed};
use super::sql::Sql;
use crate::domain::timer::TimerKind;
use crate::error::Result;
use crate::model::entity::Kind;
use crate::model::function_schedule::FunctionSchedule;
use crate::model::timer::Timer;

impl Listed for FunctionSchedule {
    const LEFT_OUT: &[&str] = &["json_ext", "data"];
    const ORDER_ALIASES: &[(&str, &str)] = &[("uuid", "id"), ("start_timestamp", "date_start")];
    const FIELDS: &[Field] =
        &[Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username")];
}

/// The live schedules of a function, by key, locked until the transaction ends.
pub fn lock_of_function(connection: &mut DbConnection, function_id: Uuid) -> Result<Vec<FunctionSchedule>> {
    let own = Sql::new("NOT is_deleted AND function_id = ").bind(function_id).sql(" ORDER BY id");
    select_locked(connection, own, Lock::Exclusive)
}

/// The next moments of these schedules, by their keys. A schedule without one is missing.
pub fn next_moments(connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<(Uuid, NaiveDateTime)>> {
    let own = Sql::new("due IS NOT NULL AND kind = ")
        .bind(TimerKind::Schedule.as_str())
        .sql(" AND entity_id ")
        .among(ids);
    let timers: Vec<Timer> = select(connection, own)?;
    Ok(timers.iter().filter_map(|timer| Some((timer.entity_id, timer.moment()?))).collect())
}
