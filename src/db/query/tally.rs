//! How many tasks there are of each kind, among those that meet conditions.

use diesel::QueryableByName;
use diesel::deserialize;
use diesel::row::NamedRow;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::condition::{filter, is_open};
use super::{Table, related};
use crate::budget;
use crate::db::connection::{DbConnection, MultiBackend};
use crate::db::sql::Sql;
use crate::domain::query::Condition;
use crate::domain::task_count::{TaskCountKey, TaskTally};
use crate::error::Result;
use crate::model::task::Task;

/// The most kinds that are told.
const MOST_KINDS: i64 = 1_000;

/// The kinds with the most tasks, by these keys. What the counters know is read from them.
///
/// # Errors
/// INTERNAL for conditions that tasks do not have.
pub fn tally(
    connection: &mut DbConnection,
    conditions: &[Condition],
    keys: &[TaskCountKey],
    now: chrono::NaiveDateTime,
) -> Result<Vec<TaskTally>> {
    let (dialect, tasks) = (connection.dialect(), Table::of::<Task>());
    let is_counted = |key: &TaskCountKey| {
        matches!(key, TaskCountKey::Status | TaskCountKey::TaskGroup | TaskCountKey::Source)
    };
    let counters = tasks.counters.as_deref().filter(|counters| {
        keys.iter().all(is_counted) && conditions.iter().all(|condition| counters.has_all_of(condition))
    });
    let table = counters.unwrap_or(&tasks);
    let name = table.name;
    let mut selected = Sql::new("SELECT ");
    for (place, key) in keys.iter().enumerate() {
        let value = match key {
            TaskCountKey::Status => Sql::new(format!("{name}.status")),
            TaskCountKey::TaskGroup => Sql::new(format!("CAST({name}.task_group_id AS text)")),
            TaskCountKey::Source => Sql::new(format!("{name}.source")),
            TaskCountKey::Priority => Sql::new(format!("CAST({name}.priority AS text)")),
            TaskCountKey::Overdue => Sql::new(format!(
                "CASE WHEN {} AND {name}.due_date IS NOT NULL AND {name}.due_date < ",
                is_open(name)
            ))
            .bind(now)
            .sql(" THEN 'true' ELSE 'false' END"),
            TaskCountKey::Claimant => Sql::new("CAST(claim.user_id AS text)"),
        };
        selected = selected.append(value).sql(format!(" AS key_{place}, "));
    }
    let counted = if counters.is_some() { format!("sum({name}.tally)") } else { "count(*)".to_owned() };
    let mut query = selected.sql(format!("CAST({counted} AS bigint) AS tally FROM {name}"));
    if keys.contains(&TaskCountKey::Claimant) {
        query = query
            .sql(format!(
                " LEFT JOIN task_management_taskclaim AS claim ON claim.task_id = {name}.id \
                 AND {name}.status = 'ACCEPTED' AND claim.date_ended IS NULL AND claim.date_until > "
            ))
            .bind(now);
    }
    query = query.sql(" WHERE ").append(filter(dialect, table, conditions)?);
    let places: Vec<String> = (1..=keys.len()).map(|place| place.to_string()).collect();
    let places = places.join(", ");
    let (grouped, by) = if keys.is_empty() {
        (String::new(), String::new())
    } else {
        (format!(" GROUP BY {places}"), format!(", {places}"))
    };
    let having = if counters.is_some() { format!(" HAVING sum({name}.tally) > 0") } else { String::new() };
    let query =
        query.sql(format!("{grouped}{having} ORDER BY {} DESC{by} LIMIT {MOST_KINDS}", keys.len() + 1));
    let found: Vec<TaskTally> = query.load(connection)?;
    budget::rows(found.len())?;
    Ok(found)
}

impl QueryableByName<MultiBackend> for TaskTally {
    fn build<'a>(row: &impl NamedRow<'a, MultiBackend>) -> deserialize::Result<Self> {
        let at = related::index_of(row, "tally").ok_or("a tally has no number")?;
        let value = |place: usize| row.get_value::<Nullable<Text>, Option<String>, _>(place);
        let values = (0..at).map(value).collect::<deserialize::Result<_>>()?;
        Ok(Self { values, count: row.get_value::<BigInt, i64, _>(at)? })
    }
}
