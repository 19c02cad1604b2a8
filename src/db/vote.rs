//! The vote ledger in the database. Rows are only added; a vote that its caster replaced is marked deleted.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::history::HistoryTable;
use super::query::{self, Field, Kind, PageLimit, Table};
use super::row;
use super::schema::task_management_taskdecision as vote;
use super::sql::ROWS_AT_ONCE;
use super::types::{DbJson, DbUuid};
use crate::domain::query::{ListQuery, Slice};
use crate::domain::vote::{Verdict, Vote};
use crate::error::{Error, Result};

/// Where the versions of votes are kept.
pub const HISTORY: HistoryTable = HistoryTable {
    table: "task_management_taskdecision",
    historical: "task_management_historicaltaskdecision",
    columns: "id, is_deleted, json_ext, version, date_created, date_updated, user_created, user_updated, task_id, \
              step_id, user_id, record_id, verdict, comment, weight, data_hash, is_stale",
};

const TABLE: Table = Table {
    name: "task_management_taskdecision",
    key: Field::own("id", Kind::Uuid),
    fields: &[
        Field::own("id", Kind::Uuid),
        Field::own("is_deleted", Kind::Bool),
        Field::own("version", Kind::Int),
        Field::own("date_created", Kind::DateTime),
        Field::own("date_updated", Kind::DateTime),
        Field::own("task_id", Kind::Uuid),
        Field::own("step_id", Kind::Uuid).optional(),
        Field::own("user_id", Kind::Uuid),
        Field::own("record_id", Kind::Text).optional(),
        Field::own("verdict", Kind::Text),
        Field::own("comment", Kind::Text).optional(),
        Field::own("is_stale", Kind::Bool),
        Field::related("user__username", Kind::Text, "user_id", "core_user", "username"),
    ],
    order_aliases: &[("uuid", "id"), ("user", "user__username")],
    default_order: &[],
    always: Some(
        "NOT task_management_taskdecision.is_deleted AND task_management_taskdecision.task_id IN \
         (SELECT id FROM task_management_task WHERE NOT is_deleted)",
    ),
    touched_as: Some(("vote", "id")),
    foreign_keys: true,
};

/// Adds a vote.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, vote: &Vote) -> Result<()> {
    diesel::insert_into(vote::table).values(VoteRow::from(vote)).execute(connection)?;
    Ok(())
}

/// Adds votes, many with one statement.
///
/// # Errors
/// What the database says.
pub fn insert_many(connection: &mut DbConnection, votes: &[Vote]) -> Result<()> {
    for chunk in votes.chunks(ROWS_AT_ONCE) {
        let rows: Vec<VoteRow> = chunk.iter().map(VoteRow::from).collect();
        match connection {
            DbConnection::Pg(pg) => diesel::insert_into(vote::table).values(rows).execute(pg)?,
            DbConnection::Sqlite(sqlite) => diesel::insert_into(vote::table).values(rows).execute(sqlite)?,
        };
    }
    Ok(())
}

/// Writes a vote over its previous version.
///
/// # Errors
/// INTERNAL when the row is not at the version before: the caller has not locked the task.
pub fn update(connection: &mut DbConnection, vote: &Vote) -> Result<()> {
    let previous = vote::table.find(DbUuid(vote.id)).filter(vote::version.eq(vote.version - 1));
    match diesel::update(previous).set(VoteRow::from(vote)).execute(connection)? {
        1 => Ok(()),
        _ => Err(Error::internal(format!("vote {} is not at version {}", vote.id, vote.version - 1))),
    }
}

/// What makes a vote count no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// Its caster has replaced it: the row is deleted.
    Replaced,
    /// What it was cast on has changed: the row stays, as stale.
    Stale,
}

/// Makes votes that count do so no more, many with one statement: each becomes its next version.
///
/// # Errors
/// INTERNAL when one of them does not count as it is: the caller has not locked the task. Else what the database says.
pub fn withdraw(
    connection: &mut DbConnection,
    ids: &[Uuid],
    withdrawn: Withdrawn,
    user: Uuid,
    now: NaiveDateTime,
) -> Result<()> {
    for chunk in ids.chunks(ROWS_AT_ONCE) {
        let keys: Vec<DbUuid> = chunk.iter().copied().map(DbUuid).collect();
        let live = vote::table
            .filter(vote::id.eq_any(keys))
            .filter(diesel::dsl::not(vote::is_deleted))
            .filter(diesel::dsl::not(vote::is_stale));
        let (is_deleted, is_stale) = (withdrawn == Withdrawn::Replaced, withdrawn == Withdrawn::Stale);
        let written = diesel::update(live)
            .set((
                vote::is_deleted.eq(is_deleted),
                vote::is_stale.eq(is_stale),
                vote::version.eq(vote::version + 1),
                vote::date_updated.eq(now),
                vote::user_updated.eq(DbUuid(user)),
            ))
            .execute(connection)?;
        if written != chunk.len() {
            return Err(Error::internal(format!("{written} of {} votes were live", chunk.len())));
        }
    }
    Ok(())
}

/// The votes on these tasks by key, those left out that their casters replaced. Stale ones are among them.
///
/// # Errors
/// What the database says.
pub fn of_tasks(connection: &mut DbConnection, task_ids: &[Uuid]) -> Result<Vec<Vote>> {
    let ids: Vec<DbUuid> = task_ids.iter().copied().map(DbUuid).collect();
    let rows = vote::table
        .filter(vote::task_id.eq_any(ids))
        .filter(diesel::dsl::not(vote::is_deleted))
        .order(vote::id)
        .load::<VoteRow>(connection)?;
    rows.into_iter().map(Vote::try_from).collect()
}

/// Votes, those left out that their casters replaced.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list(connection: &mut DbConnection, query: &ListQuery, limit: PageLimit) -> Result<Slice<Vote>> {
    let rows = query::list(connection, &TABLE, query, limit, |connection, page| {
        vote::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((vote::all_columns, page.sort_values))
            .load::<(VoteRow, String)>(connection)
    })?;
    rows.try_map(Vote::try_from)
}

super::history::versioned!(Vote, "vote");

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = vote, treat_none_as_null = true, treat_none_as_default_value = false)]
struct VoteRow {
    id: DbUuid,
    is_deleted: bool,
    json_ext: Option<DbJson>,
    version: i32,
    date_created: NaiveDateTime,
    date_updated: NaiveDateTime,
    user_created: DbUuid,
    user_updated: DbUuid,
    task_id: DbUuid,
    step_id: Option<DbUuid>,
    user_id: DbUuid,
    record_id: Option<String>,
    verdict: String,
    comment: Option<String>,
    weight: i32,
    data_hash: Option<String>,
    is_stale: bool,
}

impl From<&Vote> for VoteRow {
    fn from(vote: &Vote) -> Self {
        Self {
            id: vote.id.into(),
            is_deleted: vote.is_deleted,
            json_ext: vote.json_ext.clone().map(DbJson),
            version: vote.version,
            date_created: vote.date_created,
            date_updated: vote.date_updated,
            user_created: vote.user_created.into(),
            user_updated: vote.user_updated.into(),
            task_id: vote.task_id.into(),
            step_id: vote.step_id.map(DbUuid),
            user_id: vote.user_id.into(),
            record_id: vote.record_id.clone(),
            verdict: vote.verdict.as_str().to_owned(),
            comment: vote.comment.clone(),
            weight: vote.weight,
            data_hash: vote.data_hash.clone(),
            is_stale: vote.is_stale,
        }
    }
}

impl TryFrom<VoteRow> for Vote {
    type Error = Error;

    fn try_from(row: VoteRow) -> Result<Self> {
        Ok(Self {
            id: row.id.0,
            is_deleted: row.is_deleted,
            json_ext: row::json(row.json_ext),
            version: row.version,
            date_created: row.date_created,
            date_updated: row.date_updated,
            user_created: row.user_created.0,
            user_updated: row.user_updated.0,
            task_id: row.task_id.0,
            step_id: row::id(row.step_id),
            user_id: row.user_id.0,
            record_id: row.record_id,
            verdict: row::known("verdict", &row.verdict, Verdict::parse)?,
            comment: row.comment,
            weight: row.weight,
            data_hash: row.data_hash,
            is_stale: row.is_stale,
        })
    }
}
