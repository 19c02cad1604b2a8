//! The vote ledger in the database. Rows are only added; a vote that its caster replaced or took back is marked deleted.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::select;
use super::history::not_before;
use super::query::{Field, Listed};
use super::sql::{ROWS_AT_ONCE, Sql};
use crate::error::{Error, Result};
use crate::model::entity::Kind;
use crate::model::vote::{Vote, task_management_taskdecision as vote};

/// Votes on deleted tasks and votes that their casters replaced are not listed either.
impl Listed for Vote {
    const LEFT_OUT: &[&str] = &["json_ext", "user_created", "user_updated", "verdict", "weight", "data_hash"];
    const FIELDS: &[Field] = &[
        Field::own("decision", Kind::Text).column("verdict"),
        Field::related("user__username", Kind::Text, "user_id", "core_user", "username"),
        Field::related("task__source", Kind::Text, "task_id", "task_management_task", "source").optional(),
        Field::related("task__status", Kind::Text, "task_id", "task_management_task", "status"),
    ];
    const ORDER_ALIASES: &[(&str, &str)] =
        &[("uuid", "id"), ("user", "user__username"), ("task", "task_id"), ("flow_step", "step_id")];
    const CONDITION: Option<&str> = Some(
        "task_management_taskdecision.task_id IN (SELECT id FROM task_management_task WHERE NOT is_deleted)",
    );
}

/// The reason why a vote no longer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// Its caster has replaced it or taken it back: the row is deleted.
    ByCaster,
    /// The data on which it was cast has changed: the row stays, marked as stale.
    Stale,
}

/// Ends the counting of votes, many with one statement. Each gets its next version.
///
/// # Errors
/// INTERNAL when one of them does not count already, because the caller has not locked the task.
pub fn withdraw(
    connection: &mut DbConnection,
    ids: &[Uuid],
    withdrawn: Withdrawn,
    user: Uuid,
    now: NaiveDateTime,
) -> Result<()> {
    for chunk in ids.chunks(ROWS_AT_ONCE) {
        let live = vote::table
            .filter(Sql::new("id ").among(chunk).typed::<Bool>())
            .filter(diesel::dsl::not(vote::is_deleted))
            .filter(diesel::dsl::not(vote::is_stale));
        let (is_deleted, is_stale) = (withdrawn == Withdrawn::ByCaster, withdrawn == Withdrawn::Stale);
        let written = diesel::update(live)
            .set((
                vote::is_deleted.eq(is_deleted),
                vote::is_stale.eq(is_stale),
                vote::version.eq(vote::version + 1),
                vote::date_updated.eq(not_before("date_updated", now).typed()),
                vote::user_updated.eq(user),
            ))
            .execute(connection)?;
        if written != chunk.len() {
            return Err(Error::internal(format!("{written} of {} votes were live", chunk.len())));
        }
    }
    Ok(())
}

/// The votes on these tasks by key, without those that their casters replaced, but with stale ones.
pub fn of_tasks(connection: &mut DbConnection, task_ids: &[Uuid]) -> Result<Vec<Vote>> {
    select(connection, Sql::new("NOT is_deleted AND task_id ").among(task_ids).sql(" ORDER BY id"))
}

/// The same votes, but of those that a person has cast on the records of a task, one for each step, weight and `data`: how many
/// records there are has no bound.
pub fn of_people_on_tasks(connection: &mut DbConnection, task_ids: &[Uuid]) -> Result<Vec<Vote>> {
    let first = Sql::new(
        "id IN (SELECT ranked.id FROM (SELECT id, row_number() OVER (PARTITION BY task_id, step_id, user_id, \
         record_id IS NULL, weight, data_hash, is_stale ORDER BY id) AS place \
         FROM task_management_taskdecision WHERE NOT is_deleted AND task_id ",
    );
    select(connection, first.among(task_ids).sql(") AS ranked WHERE ranked.place = 1) ORDER BY id"))
}

/// The votes of one person that count, or would if the task's data had not changed, by key.
pub fn of_person_on_tasks(
    connection: &mut DbConnection,
    user_id: Uuid,
    task_ids: &[Uuid],
) -> Result<Vec<Vote>> {
    let own = Sql::new("NOT is_deleted AND NOT is_stale AND user_id = ").bind(user_id).sql(" AND task_id ");
    select(connection, own.among(task_ids).sql(" ORDER BY id"))
}
