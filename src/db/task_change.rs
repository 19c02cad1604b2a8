//! The log of changes of tasks, which is their history in the order of its keys, and who may be told of them.
//!
//! On PostgreSQL transactions commit in another order than that in which they took their keys. So a key is settled only when
//! every transaction has ended that was writing to the log when the key was the last one: a lock of the table tells these, which
//! each takes before it takes a key and gives back after others see what it has committed. No other transaction matters,
//! however long it lasts. On SQLite there is one writer at a time.

use chrono::NaiveDateTime;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid};
use serde::Serialize;
use uuid::Uuid;

use super::connection::{DbConnection, Dialect};
use super::history::historical_columns;
use super::query::{asked_among, awaiting_among, executors_among};
use super::sql::Sql;
use super::user::{grants_of_roles, holders_of, rights_by};
use crate::domain::decision::FourEyes;
use crate::domain::history::HistoryType;
use crate::domain::json::Json;
use crate::domain::permission::Rights;
use crate::domain::task::TaskStatus;
use crate::domain::task_change::{Change, Place};
use crate::error::{Error, Result};
use crate::model::history::Historical;
use crate::model::task::Task;

const LOG: &str = "task_management_historicaltask";

/// A transaction that writes to the log.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Writer {
    /// Its name among the present ones.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// The process of the database that runs it.
    #[diesel(sql_type = Nullable<diesel::sql_types::Integer>)]
    pub pid: Option<i32>,
}

/// How far the log is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The last key that was taken.
    pub last: i64,
    /// The transactions under way that may have taken a key up to that one.
    pub writers: Vec<Writer>,
}

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = Nullable<BigInt>)]
    key: Option<i64>,
}

/// How far the log is written. It must not be called in a transaction, in which PostgreSQL might not show what others commit.
pub fn written(connection: &mut DbConnection) -> Result<Written> {
    let dialect = connection.dialect();
    let last = match dialect {
        Dialect::Postgres => Sql::new(format!(
            "SELECT pg_sequence_last_value(pg_get_serial_sequence('{LOG}', 'history_id')) AS key"
        )),
        Dialect::Sqlite => Sql::new(format!("SELECT max(history_id) AS key FROM {LOG}")),
    };
    let last = last.load::<Key>(connection)?.first().and_then(|found| found.key).unwrap_or_default();
    // Looked for after the key was read: who took an earlier key holds the lock by now, or has ended.
    let writers = match dialect {
        Dialect::Postgres => Sql::new(format!(
            "SELECT virtualtransaction AS name, pid FROM pg_locks WHERE locktype = 'relation' AND granted \
             AND mode = 'RowExclusiveLock' AND relation = '{LOG}'::regclass \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND pid IS DISTINCT FROM pg_backend_pid()"
        ))
        .load(connection)?,
        Dialect::Sqlite => Vec::new(),
    };
    Ok(Written { last, writers })
}

/// The first key of the log; none while it is empty.
pub fn first(connection: &mut DbConnection) -> Result<Option<i64>> {
    let first = Sql::new(format!("SELECT min(history_id) AS key FROM {LOG}")).load::<Key>(connection)?;
    Ok(first.first().and_then(|found| found.key))
}

#[derive(QueryableByName)]
struct Logged {
    #[diesel(sql_type = BigInt)]
    history_id: i64,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    history_type: HistoryType,
    #[diesel(sql_type = SqlUuid)]
    user_created: Uuid,
    #[diesel(sql_type = Text)]
    status: TaskStatus,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    task_group_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    source: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    former_status: Option<TaskStatus>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    former_group_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    former_source: Option<String>,
}

/// The changes after one key and up to another, at most `most` of them, in their order.
pub fn changes(connection: &mut DbConnection, after: i64, until: i64, most: i64) -> Result<Vec<Change>> {
    let logged: Vec<Logged> = Sql::new(format!(
        "SELECT log.history_id, log.id, log.history_type, log.user_created, log.status, log.task_group_id, log.source, \
         former.status AS former_status, former.task_group_id AS former_group_id, former.source AS former_source \
         FROM (SELECT * FROM {LOG} WHERE history_id > "
    ))
    .bind(after)
    .sql(" AND history_id <= ")
    .bind(until)
    .sql(" ORDER BY history_id LIMIT ")
    .bind(most)
    .sql(format!(
        ") AS log LEFT JOIN {LOG} AS former ON former.id = log.id AND former.version = log.version - 1 ORDER BY log.history_id"
    ))
    .load(connection)?;
    let mut changes: Vec<Change> = logged.into_iter().map(Change::from).collect();
    // Rows that were loaded may tell of a version twice.
    changes.dedup_by_key(|change| change.cursor);
    Ok(changes)
}

impl From<Logged> for Change {
    fn from(row: Logged) -> Self {
        let Logged { status, task_group_id, source, .. } = row;
        let former = row.former_status.map(|status| Place {
            status,
            task_group_id: row.former_group_id,
            source: row.former_source,
        });
        Self {
            cursor: row.history_id,
            task_id: row.id,
            history_type: row.history_type,
            user_created: row.user_created,
            place: Place { status, task_group_id, source },
            former,
        }
    }
}

/// The versions with these keys, in no order.
pub fn versions(connection: &mut DbConnection, keys: &[i64]) -> Result<Vec<Historical<Task>>> {
    let columns = historical_columns::<Task>();
    let found =
        Sql::new(format!("SELECT {columns} FROM {LOG} WHERE history_id ")).among(keys.iter().copied());
    Ok(found.load(connection)?)
}

/// What is asked about tasks and people who listen.
pub struct Question<'a> {
    /// The people.
    pub users: &'a [Uuid],
    /// Who of them is asked for.
    pub whom: Whom<'a>,
    /// Tasks that have changed.
    pub tasks: &'a [Uuid],
    /// Groups that tasks have left.
    pub groups: &'a [Uuid],
    /// Those of the people who want to know what waits for them.
    pub awaiting: &'a [Uuid],
    /// The rules of four eyes where neither step nor group has one.
    pub four_eyes: FourEyes,
}

/// Whose sessions and roles are asked for.
pub enum Whom<'a> {
    /// Nobody's: a host knows its people.
    Nobody,
    /// Those of all the people.
    All,
    /// Those of executors of the tasks and groups, and of these.
    Concerned {
        /// Some of the people.
        users: &'a [Uuid],
        /// And whoever of the people has one of these rights.
        rights: &'a [i32],
    },
}

/// What the database says of them.
#[derive(Default)]
pub struct Standing {
    /// What each role grants.
    pub roles: Vec<(i32, Rights)>,
    /// The active people who were asked for, each with the key of each role.
    pub people: Vec<(Uuid, Option<i32>)>,
    /// Those who were asked for and are not active.
    pub inactive: Vec<Uuid>,
    /// Their sessions that go on.
    pub sessions: Vec<Uuid>,
    /// The tasks that are not deleted, with their versions.
    pub live: Vec<(Uuid, i32)>,
    /// Tasks with people who are asked about them.
    pub asked: Vec<(Uuid, Uuid)>,
    /// Tasks with people for whom they wait.
    pub awaiting: Vec<(Uuid, Uuid)>,
    /// Groups with their executors.
    pub executors: Vec<(Uuid, Uuid)>,
}

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    one: String,
    #[diesel(sql_type = Nullable<Text>)]
    other: Option<String>,
}

/// Asks who may act, who is asked about tasks and what becomes of these, by one statement however many people listen: so all of it
/// is of one moment.
///
/// # Errors
/// INTERNAL when the database answers what it was not asked.
pub fn standing(
    connection: &mut DbConnection,
    question: &Question<'_>,
    now: NaiveDateTime,
) -> Result<Standing> {
    let mut standing = Standing::default();
    for Said { kind, one, other } in asking(connection.dialect(), question, now).load::<Said>(connection)? {
        let other = other.unwrap_or_default();
        let number = || other.parse().map_err(Error::internal);
        match kind.as_str() {
            "role" => standing.roles.push((one.parse().map_err(Error::internal)?, rights_by(&other)?)),
            "person" if other.is_empty() => standing.people.push((key(&one)?, None)),
            "person" => standing.people.push((key(&one)?, Some(number()?))),
            "inactive" => standing.inactive.push(key(&one)?),
            "session" => standing.sessions.push(key(&one)?),
            "live" => standing.live.push((key(&one)?, number()?)),
            "awaiting" => standing.awaiting.push((key(&one)?, key(&other)?)),
            "asked" => standing.asked.push((key(&one)?, key(&other)?)),
            _ => standing.executors.push((key(&one)?, key(&other)?)),
        }
    }
    Ok(standing)
}

/// The statement. What it asks for is written once before the rest, which refers to it: who is asked about tasks says who may hear of
/// them.
fn asking(dialect: Dialect, question: &Question<'_>, now: NaiveDateTime) -> Sql {
    let (users, tasks) = (keys(dialect, "uuid", question.users), keys(dialect, "uuid", question.tasks));
    let mut named = Vec::new();
    let mut parts = vec![
        Sql::new(
            "SELECT 'live' AS kind, CAST(id AS text) AS one, CAST(version AS text) AS other FROM task_management_task \
             WHERE NOT is_deleted AND id IN (",
        )
        .append(tasks.clone())
        .sql(")"),
    ];
    if !question.tasks.is_empty() {
        let asked = Sql::new("asked AS MATERIALIZED (").append(asked_among(&tasks, &users)).sql(")");
        named.push(asked);
        parts.push(Sql::new("SELECT 'asked', CAST(task_id AS text), CAST(user_id AS text) FROM asked"));
    }
    if !question.groups.is_empty() {
        let groups = keys(dialect, "uuid", question.groups);
        let left = Sql::new("executors AS MATERIALIZED (").append(executors_among(groups, users.clone()));
        named.push(left.sql(")"));
        parts.push(Sql::new(
            "SELECT 'executor', CAST(task_group_id AS text), CAST(user_id AS text) FROM executors",
        ));
    }
    if !question.tasks.is_empty() && !question.awaiting.is_empty() {
        let waited_for = keys(dialect, "uuid", question.awaiting);
        parts.push(
            Sql::new("SELECT 'awaiting', CAST(task_id AS text), CAST(user_id AS text) FROM (")
                .append(awaiting_among(dialect, &tasks, &waited_for, now, question.four_eyes))
                .sql(") AS awaiting_among"),
        );
    }
    if let Some(whom) = whom(dialect, question, users) {
        named.push(Sql::new("whom (id) AS MATERIALIZED (").append(whom).sql(")"));
        let grants = grants_of_roles(dialect);
        parts.push(Sql::new(format!("SELECT 'role', role.id, role.grants FROM ({grants}) AS role")));
        parts.push(Sql::new(
            "SELECT CASE WHEN core_user.is_active THEN 'person' ELSE 'inactive' END, CAST(core_user.id AS text), \
             CAST(held.role_id AS text) FROM core_user LEFT JOIN core_userrole AS held ON held.user_id = core_user.id \
             WHERE core_user.id IN (SELECT id FROM whom)",
        ));
        parts.push(
            Sql::new(
                "SELECT 'session', CAST(id AS text), NULL FROM core_session \
                 WHERE date_revoked IS NULL AND user_id IN (SELECT id FROM whom) AND date_expires > ",
            )
            .bind(now),
        );
    }
    let parts = Sql::join(parts, " UNION ALL ", "");
    if named.is_empty() {
        parts
    } else {
        Sql::new("WITH ").append(Sql::join(named, ", ", "")).sql(" ").append(parts)
    }
}

/// The keys of those who are asked for; none if nobody is.
fn whom(dialect: Dialect, question: &Question<'_>, users: Sql) -> Option<Sql> {
    let (known, rights) = match question.whom {
        Whom::Nobody => return None,
        Whom::All => return Some(users),
        Whom::Concerned { users, rights } => (users, rights),
    };
    let mut whom = vec![keys(dialect, "uuid", known)];
    if !question.tasks.is_empty() {
        whom.push(Sql::new("SELECT user_id FROM asked"));
    }
    if !question.groups.is_empty() {
        whom.push(Sql::new("SELECT user_id FROM executors"));
    }
    let holders = holders_of(keys(dialect, "integer", rights));
    whom.push(holders.sql(" AND core_userrole.user_id IN (").append(users).sql(")"));
    Some(Sql::join(whom, " UNION ", ""))
}

fn key(text: &str) -> Result<Uuid> {
    text.parse().map_err(Error::internal)
}

/// A query of these keys of this type, which are one bound value however many they are.
fn keys(dialect: Dialect, sql_type: &str, ids: &[impl Serialize]) -> Sql {
    let (before, after) = match dialect {
        Dialect::Postgres => (
            format!("SELECT CAST(given.value AS {sql_type}) FROM jsonb_array_elements_text("),
            ") AS given(value)",
        ),
        Dialect::Sqlite => ("SELECT given.value FROM json_each(".to_owned(), ") AS given"),
    };
    Sql::new(before).bind(Json::of(ids)).sql(after)
}
