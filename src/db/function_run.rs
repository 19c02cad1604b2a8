//! Runs in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::{insert, select};
use super::lease::{self, Lease, Leased};
use super::outbox::announce;
use super::query::{Field, Listed};
use super::sql::Sql;
use crate::domain::function_run::RunStatus;
use crate::domain::json::Json;
use crate::error::Result;
use crate::model::bound::Bound;
use crate::model::entity::Kind;
use crate::model::function_run::{FunctionLog, FunctionRun, task_management_functionrun as run};

impl Leased for FunctionRun {
    const WAITS: &'static str = "status IN ('NEW', 'IN_PROGRESS')";

    /// A run is begun where it is leased, lest it be begun twice.
    fn taken(now: NaiveDateTime) -> Sql {
        let now = || Sql::default().bind(now);
        Sql::new(", status = 'IN_PROGRESS', date_status = ")
            .append(now())
            .sql(", date_updated = ")
            .append(now())
            .sql(", date_begun = COALESCE(date_begun, ")
            .append(now())
            .sql(")")
    }
}

impl Listed for FunctionRun {
    const LEFT_OUT: &[&str] =
        &["data", "result", "tags", "retry_for", "error_message", "leased_by", "lease_until", "attempts"];
    const ORDER_ALIASES: &[(&str, &str)] = &[
        ("uuid", "id"),
        ("trigger", "triggered_by"),
        ("start_timestamp", "date_start"),
        ("scheduled_timestamp", "date_scheduled"),
        ("creation_timestamp", "date_created"),
        ("update_timestamp", "date_updated"),
        ("begun_timestamp", "date_begun"),
        ("status_changed_timestamp", "date_status"),
    ];
    const FIELDS: &[Field] =
        &[Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username")];
}

/// Adds a run, and wakes the workers of all processes if it may be begun now.
pub fn add(connection: &mut DbConnection, run: &FunctionRun, now: NaiveDateTime) -> Result<()> {
    insert(connection, run)?;
    if run.status == RunStatus::New && run.date_start <= now { announce(connection) } else { Ok(()) }
}

/// Leases runs of this function that are due, the most urgent first, and begins them: those of everybody, or of one person.
pub fn begin(
    connection: &mut DbConnection,
    function_id: Uuid,
    person: Option<Uuid>,
    lease: Lease,
) -> Result<Vec<FunctionRun>> {
    let mut whose = Sql::new("waiting.function_id = ").bind(function_id).sql(" AND waiting.status = 'NEW'");
    if let Some(person) = person {
        whose = whose.sql(" AND waiting.user_created = ").bind(person);
    }
    let due = Sql::new("waiting.date_start <= ").bind(lease.now);
    let mut taken: Vec<FunctionRun> =
        lease::lease(connection, lease, whose, due, "waiting.priority DESC, waiting.date_start, waiting.id")?;
    taken.sort_by_key(|run| (std::cmp::Reverse(run.priority), run.date_start, run.id));
    Ok(taken)
}

/// The people for whom runs of these functions are due, but for `passed_over`, each with the function of the most urgent run: who has
/// the most urgent one first.
pub fn next_of_people(
    connection: &mut DbConnection,
    functions: &[Uuid],
    passed_over: &[Uuid],
    now: NaiveDateTime,
) -> Result<Vec<(Uuid, Uuid)>> {
    #[derive(QueryableByName)]
    struct Next {
        #[diesel(sql_type = diesel::sql_types::Uuid)]
        person: Uuid,
        #[diesel(sql_type = diesel::sql_types::Uuid)]
        function: Uuid,
    }

    // Each person is looked up behind the one before: many runs of one person are not read to find the next one.
    let first = |behind: &str| {
        format!(
            "(SELECT waiting.user_created FROM task_management_functionrun AS waiting \
             WHERE waiting.status = 'NEW'{behind} ORDER BY waiting.user_created LIMIT 1)"
        )
    };
    // Column by column, because a join may read all runs that are kept.
    let next = |column: &str| {
        Sql::new(format!(
            "(SELECT waiting.{column} FROM task_management_functionrun AS waiting WHERE waiting.user_created = asker.id \
             AND waiting.status = 'NEW' AND waiting.date_start <= "
        ))
        .bind(now)
        .sql(" AND waiting.function_id ")
        .among(functions.iter().copied())
        .sql(format!(" ORDER BY waiting.priority DESC, waiting.date_start, waiting.id LIMIT 1) AS next_{column}"))
    };
    let others = match passed_over {
        [] => Sql::default(),
        ids => Sql::new(" AND asker.id NOT ").among(ids),
    };
    let found: Vec<Next> = Sql::new(format!(
        "WITH RECURSIVE asker (id) AS (SELECT {} UNION ALL SELECT {} FROM asker WHERE asker.id IS NOT NULL) ",
        first(""),
        first(" AND waiting.user_created > asker.id")
    ))
    .sql("SELECT next.person, next.next_function_id AS function FROM (SELECT asker.id AS person, ")
    .append(next("function_id"))
    .sql(", ")
    .append(next("priority"))
    .sql(", ")
    .append(next("date_start"))
    .sql(" FROM asker WHERE asker.id IS NOT NULL")
    .append(others)
    .sql(
        ") AS next WHERE next.next_function_id IS NOT NULL \
         ORDER BY next.next_priority DESC, next.next_date_start, next.person",
    )
    .load(connection)?;
    Ok(found.into_iter().map(|next| (next.person, next.function)).collect())
}

/// Takes over runs that are under way in no process any more.
pub fn take_over(connection: &mut DbConnection, lease: Lease) -> Result<Vec<FunctionRun>> {
    let gone = Sql::new("waiting.status = 'IN_PROGRESS'");
    let lapsed = Sql::new("waiting.lease_until IS NOT NULL");
    lease::lease(connection, lease, gone, lapsed, "waiting.lease_until, waiting.id")
}

/// Whether some run is under way in no process any more.
pub fn is_any_lapsed(connection: &mut DbConnection, now: NaiveDateTime) -> Result<bool> {
    let lapsed = Sql::new("status = 'IN_PROGRESS' AND lease_until < ").bind(now);
    exists(connection, lapsed)
}

/// Whether the function has run for this event of which a dispatcher was told.
pub fn is_made(
    connection: &mut DbConnection,
    function_id: Uuid,
    (dispatcher_id, event_id): (Uuid, Uuid),
) -> Result<bool> {
    let made = Sql::new("function_id = ").bind(function_id).sql(" AND dispatcher_id = ").bind(dispatcher_id);
    exists(connection, made.sql(" AND event_id = ").bind(event_id))
}

/// Whether so many runs of the function wait.
pub fn are_waiting(connection: &mut DbConnection, function_id: Uuid, count: i64) -> Result<bool> {
    let waiting = Sql::new("function_id = ").bind(function_id).sql(" AND status = 'NEW' LIMIT 1 OFFSET ");
    exists(connection, waiting.bind((count - 1).max(0)))
}

/// Whether so many runs wait for which this person has asked.
pub fn are_waiting_of_user(connection: &mut DbConnection, user_id: Uuid, count: i64) -> Result<bool> {
    let own =
        Sql::new("user_created = ").bind(user_id).sql(" AND status = 'NEW' AND triggered_by = 'DIRECT'");
    let waiting = own.sql(" LIMIT 1 OFFSET ");
    exists(connection, waiting.bind((count - 1).max(0)))
}

fn exists(connection: &mut DbConnection, condition: Sql) -> Result<bool> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Bool)]
        is_there: bool,
    }

    let found: Vec<Found> = Sql::new("SELECT EXISTS (SELECT 1 FROM task_management_functionrun WHERE ")
        .append(condition)
        .sql(") AS is_there")
        .load(connection)?;
    Ok(found.iter().any(|found| found.is_there))
}

/// The status of a run; none if it is not there.
pub fn status(connection: &mut DbConnection, id: Uuid) -> Result<Option<RunStatus>> {
    let own = run::table.find(id).select(run::status);
    Ok(own.first(connection).optional()?)
}

/// Writes how a run ended, unless another worker has taken it over meanwhile; returns whether it was written.
pub fn end(connection: &mut DbConnection, run: &FunctionRun, worker: Uuid) -> Result<bool> {
    let result = run.result.as_ref().map_or(Bound::Null, |result| Bound::Json(result.clone()));
    let set =
        Sql::new("UPDATE task_management_functionrun SET leased_by = NULL, lease_until = NULL, status = ")
            .bind(run.status)
            .sql(", date_status = ")
            .bind(run.date_status)
            .sql(", date_updated = ")
            .bind(run.date_updated)
            .sql(", result = ")
            .bind(result)
            .sql(", error_name = ")
            .bind(&run.error_name)
            .sql(", error_message = ")
            .bind(&run.error_message)
            .sql(", error_type = ")
            .bind(&run.error_type)
            .sql(", retried_by = ")
            .bind(&run.retried_by)
            .sql(" WHERE status = 'IN_PROGRESS' AND id = ")
            .bind(run.id)
            .sql(" AND leased_by = ")
            .bind(worker);
    Ok(set.execute(connection)? == 1)
}

/// Gives up all runs of a function that wait; returns how many there were.
pub fn cancel_waiting(connection: &mut DbConnection, function_id: Uuid, now: NaiveDateTime) -> Result<usize> {
    Ok(Sql::new("UPDATE task_management_functionrun SET status = 'CANCELED', date_status = ")
        .bind(now)
        .sql(", date_updated = ")
        .bind(now)
        .sql(" WHERE status = 'NEW' AND function_id = ")
        .bind(function_id)
        .execute(connection)?)
}

/// Keeps what a run has said.
pub fn keep_log(connection: &mut DbConnection, id: Uuid, lines: Json) -> Result<()> {
    insert(connection, &FunctionLog { id, lines })
}

/// What these runs have said.
pub fn logs(connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<FunctionLog>> {
    select(connection, Sql::new("id ").among(ids))
}

/// The runs for these tasks, the oldest first.
pub fn of_tasks(connection: &mut DbConnection, task_ids: &[Uuid]) -> Result<Vec<FunctionRun>> {
    select(connection, Sql::new("task_id ").among(task_ids).sql(" ORDER BY id"))
}

/// Forgets some runs that ended before `moment`, and what they said; returns how many.
pub fn prune(connection: &mut DbConnection, moment: NaiveDateTime, most: i64) -> Result<usize> {
    Ok(Sql::new(
        "DELETE FROM task_management_functionrun WHERE id IN (SELECT id FROM task_management_functionrun \
         WHERE status NOT IN ('NEW', 'IN_PROGRESS') AND date_status < ",
    )
    .bind(moment)
    .sql(" LIMIT ")
    .bind(most)
    .sql(")")
    .execute(connection)?)
}
