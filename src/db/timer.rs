//! Timers in the database.

use chrono::{NaiveDateTime, TimeDelta};
use uuid::Uuid;

use super::connection::{self, DbConnection};
use super::entity::{Lock, insert_counted, insert_with, lock, select, select_locked, update};
use super::lease::{self, Lease, Leased};
use super::sql::Sql;
use crate::domain::json::Json;
use crate::domain::timer::{LOOK_SECONDS, TimerKind};
use crate::error::{Error, Result};
use crate::model::timer::Timer;
use crate::model::timer_watch::TimerWatch;

impl Leased for Timer {
    const WAITS: &'static str = "due IS NOT NULL";
}

/// Kinds that a later program has are left to it.
fn known(sql: Sql, kinds: &[TimerKind]) -> Sql {
    sql.sql("kind ").among(kinds.iter().map(|kind| kind.as_str()))
}

/// Leases timers that are due: the earliest of each row only, so that those of one row act one after the other.
pub fn lease(connection: &mut DbConnection, lease: Lease) -> Result<Vec<Timer>> {
    let due = Sql::new("waiting.due <= ").bind(lease.now).sql(
        " AND NOT EXISTS (SELECT 1 FROM task_management_timer AS earlier WHERE earlier.entity_id = waiting.entity_id \
         AND (earlier.due < waiting.due OR earlier.due = waiting.due AND earlier.id < waiting.id))",
    );
    let mut taken: Vec<Timer> =
        lease::lease(connection, lease, known(Sql::default(), TimerKind::ALL), due, "due, id")?;
    taken.sort_by_key(|timer| (timer.due, timer.id));
    Ok(taken)
}

/// When the first timer that nobody has in hand is due.
pub fn next_due(connection: &mut DbConnection, now: NaiveDateTime) -> Result<Option<NaiveDateTime>> {
    let first = known(Sql::new("due IS NOT NULL AND "), TimerKind::ALL)
        .sql(" AND (lease_until IS NULL OR lease_until < ")
        .bind(now)
        .sql(") ORDER BY due LIMIT 1");
    Ok(select::<Timer>(connection, first)?.pop().and_then(|timer| timer.due))
}

/// The timer with this key, if this worker still has it in hand, locked until the transaction ends.
pub fn in_hand(
    connection: &mut DbConnection,
    id: i64,
    worker: Uuid,
    now: NaiveDateTime,
) -> Result<Option<Timer>> {
    let own = Sql::new("due IS NOT NULL AND id = ")
        .bind(id)
        .sql(" AND leased_by = ")
        .bind(worker)
        .sql(" AND lease_until >= ")
        .bind(now);
    Ok(select_locked(connection, own, Lock::Exclusive)?.pop())
}

/// The timers that are planned for this task, those that have acted too.
pub fn planned_of(connection: &mut DbConnection, task_id: Uuid) -> Result<Vec<Timer>> {
    select(connection, known(Sql::new("entity_id = ").bind(task_id).sql(" AND "), &TimerKind::PLANNED))
}

/// Adds a timer, and wakes the workers of this process if the timer is due before they look again.
pub fn insert(connection: &mut DbConnection, timer: &Timer, now: NaiveDateTime) -> Result<()> {
    insert_counted(connection, timer)?;
    wake_for(timer.due, now);
    Ok(())
}

/// Adds a timer that is due now; if there is one of this name, makes it due now and takes it out of other hands.
pub fn renew(connection: &mut DbConnection, timer: &Timer, now: NaiveDateTime) -> Result<()> {
    insert_with(
        connection,
        timer,
        vec![("id", None)],
        " ON CONFLICT (entity_id, kind, key) DO UPDATE SET due = excluded.due, payload = excluded.payload, \
         leased_by = NULL, lease_until = NULL, attempts = 0",
    )?;
    wake_for(timer.due, now);
    Ok(())
}

/// Adds a timer, unless there is one of this name. If there is, it does not act until the transaction ends.
pub fn insert_once(connection: &mut DbConnection, timer: &Timer, now: NaiveDateTime) -> Result<()> {
    // To do nothing would not wait for a transaction in which the other acts.
    let keep = " ON CONFLICT (entity_id, kind, key) DO UPDATE SET key = excluded.key";
    insert_with(connection, timer, vec![("id", None)], keep)?;
    wake_for(timer.due, now);
    Ok(())
}

fn wake_for(due: Option<NaiveDateTime>, now: NaiveDateTime) {
    if due.is_some_and(|due| due - now < TimeDelta::seconds(LOOK_SECONDS)) {
        connection::announce();
    }
}

/// Removes timers.
pub fn delete(connection: &mut DbConnection, ids: &[i64]) -> Result<()> {
    if !ids.is_empty() {
        Sql::new("DELETE FROM task_management_timer WHERE id ")
            .among(ids.iter().copied())
            .execute(connection)?;
    }
    Ok(())
}

/// Removes a timer that this worker has in hand.
pub fn delete_in_hand(connection: &mut DbConnection, id: i64, worker: Uuid) -> Result<()> {
    Sql::new("DELETE FROM task_management_timer WHERE id = ")
        .bind(id)
        .sql(" AND leased_by = ")
        .bind(worker)
        .execute(connection)?;
    Ok(())
}

/// Removes the timer of this name of a row.
pub fn delete_named(
    connection: &mut DbConnection,
    entity_id: Uuid,
    kind: TimerKind,
    key: &str,
) -> Result<()> {
    Sql::new("DELETE FROM task_management_timer WHERE entity_id = ")
        .bind(entity_id)
        .sql(" AND kind = ")
        .bind(kind.as_str())
        .sql(" AND key = ")
        .bind(key)
        .execute(connection)?;
    Ok(())
}

/// Removes all timers of a row.
pub fn delete_of(connection: &mut DbConnection, entity_id: Uuid) -> Result<()> {
    Sql::new("DELETE FROM task_management_timer WHERE entity_id = ").bind(entity_id).execute(connection)?;
    Ok(())
}

/// Has a timer due at another moment, or never again if there is none, and ends its lease.
pub fn set_due(connection: &mut DbConnection, id: i64, due: Option<NaiveDateTime>) -> Result<()> {
    Sql::new("UPDATE task_management_timer SET attempts = 0, leased_by = NULL, lease_until = NULL, due = ")
        .bind(&due)
        .sql(" WHERE id = ")
        .bind(id)
        .execute(connection)?;
    Ok(())
}

/// Has a timer be due at another moment for what this payload says, and ends its lease.
pub fn set_next(connection: &mut DbConnection, id: i64, due: NaiveDateTime, payload: &Json) -> Result<()> {
    Sql::new("UPDATE task_management_timer SET payload = ")
        .bind(payload)
        .sql(" WHERE id = ")
        .bind(id)
        .execute(connection)?;
    set_due(connection, id, Some(due))
}

/// Notes that a timer could not act, unless another worker has taken it over meanwhile: it is due again then.
pub fn failed(connection: &mut DbConnection, id: i64, worker: Uuid, due: NaiveDateTime) -> Result<()> {
    Sql::new("UPDATE task_management_timer SET leased_by = NULL, lease_until = NULL, due = ")
        .bind(due)
        .sql(" WHERE due IS NOT NULL AND id = ")
        .bind(id)
        .sql(" AND leased_by = ")
        .bind(worker)
        .execute(connection)?;
    Ok(())
}

/// Notes that a process serves the timers now; returns since when none did, if that is longer than `outage`. What would have
/// failed tasks since then waits as long again, and at least an hour.
pub fn watch(
    connection: &mut DbConnection,
    now: NaiveDateTime,
    outage: TimeDelta,
) -> Result<Option<NaiveDateTime>> {
    let none = || Error::internal("the watch of the timers is not there");
    let mut watch = lock::<TimerWatch>(connection, 1_i32, Lock::Exclusive)?.ok_or_else(none)?;
    let seen = watch.date_seen;
    if seen.is_none_or(|seen| seen < now) {
        watch.date_seen = Some(now);
        update(connection, &watch)?;
    }
    let Some(seen) = seen.filter(|seen| now - *seen > outage) else { return Ok(None) };
    let until = now + (now - seen).max(TimeDelta::hours(1));
    Sql::new("UPDATE task_management_timer SET leased_by = NULL, lease_until = NULL, due = ")
        .bind(until)
        .sql(" WHERE kind = ")
        .bind(TimerKind::Timeout.as_str())
        .sql(" AND due <= ")
        .bind(now)
        .execute(connection)?;
    Ok(Some(seen))
}
