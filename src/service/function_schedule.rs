//! Schedules: at which moments functions run by themselves.
//!
//! A schedule has one timer, whose payload says for which moment it is. A timer that is due acts in one transaction: it locks the
//! schedule, adds the run of that moment, which a constraint allows once, and is due again at the next moment. So each moment has one
//! run, however many processes there are, and whichever dies.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::function_run::{self, Cause, CreateFunctionRun, Moment};
use super::unit_of_work::UnitOfWork;
use super::{identity, timer, visibility};
use crate::auth::requester::Requester;
use crate::db;
use crate::db::Lock;
use crate::domain::function_run::RUN_BYTES;
use crate::domain::function_schedule::{CatchUp, INTERVALS, LATE, check_cron};
use crate::domain::json::{Json, json};
use crate::domain::query::ListQuery;
use crate::domain::task_function::{PRIORITIES, check_range};
use crate::domain::text::check_json;
use crate::domain::timer::TimerKind;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::function_schedule::FunctionSchedule;
use crate::model::history::Historical;
use crate::model::record::Record;
use crate::model::slice::Slice;
use crate::model::timer::{MOMENT, Timer};

/// The name of a schedule's timer.
const KEY: &str = "next";

/// A schedule to be made.
#[derive(Debug, Clone)]
pub struct CreateFunctionSchedule {
    /// The name of the function.
    pub function_name: String,
    /// Everything else.
    pub change: FunctionScheduleChange,
}

/// The fields of a schedule that may change. Absent fields stay as they are, or have their usual values.
#[derive(Debug, Clone, Default)]
pub struct FunctionScheduleChange {
    /// The input of its runs.
    pub data: Option<Json>,
    /// The priority of its runs, or that it is as the function says.
    pub priority: Option<Option<i64>>,
    /// From when on there are moments, or that there are at once.
    pub start_timestamp: Option<Option<NaiveDateTime>>,
    /// The seconds between two moments, in place of a line of cron, or that there are none.
    pub interval_seconds: Option<Option<i32>>,
    /// The line of cron, in place of an interval, or that there is none.
    pub cron: Option<Option<String>>,
    /// The time zone of the line, or that it is UTC.
    pub time_zone: Option<Option<String>>,
    /// What becomes of moments that have passed while no process served the timers.
    pub catch_up: Option<CatchUp>,
    /// Whether it has its function run.
    pub is_enabled: Option<bool>,
}

/// Makes a schedule.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND for a function, VALIDATION, or what the database says.
pub fn create(unit: &mut UnitOfWork<'_>, input: &CreateFunctionSchedule) -> Result<FunctionSchedule> {
    let record = unit.new_record();
    add(unit, record, input)
}

/// The same with this record.
pub(super) fn add(
    unit: &mut UnitOfWork<'_>,
    record: Record,
    input: &CreateFunctionSchedule,
) -> Result<FunctionSchedule> {
    unit.requester.need(&unit.settings.gql_function_schedule_perms)?;
    let function = function_run::entrusted(unit, "functionName", &input.function_name)?;
    let mut schedule = FunctionSchedule {
        record,
        function_id: function.id,
        function_name: function.name,
        data: Json::Null,
        priority: None,
        date_start: None,
        interval_seconds: None,
        cron: None,
        time_zone: None,
        catch_up: CatchUp::Skip,
        is_enabled: true,
    };
    fill(&mut schedule, &input.change)?;
    let next = first(unit, &schedule)?;
    unit.insert(&schedule)?;
    plan(unit, &schedule, next)?;
    Ok(schedule)
}

/// Changes a schedule. Its next moment is found anew. Unless it is stopped, whoever changes it answers for its function as its maker did.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT, or what the database says.
pub fn update(
    unit: &mut UnitOfWork<'_>,
    id: Uuid,
    change: &FunctionScheduleChange,
    expected_version: Option<i32>,
) -> Result<FunctionSchedule> {
    unit.requester.need(&unit.settings.gql_function_schedule_perms)?;
    let mut schedule = locked(unit, "id", id)?;
    if let Some(expected) = expected_version.filter(|expected| *expected != schedule.version) {
        let message = Message::new("schedule-changed")
            .with("expected", i64::from(expected))
            .with("version", i64::from(schedule.version));
        return Err(Error::new(ErrorCode::Conflict, message).of_field("expectedVersion"));
    }
    let old = schedule.clone();
    fill(&mut schedule, change)?;
    unit.touch(&schedule);
    // Somebody else takes it over, also as it is.
    if schedule != old || schedule.owner() != unit.requester.id() {
        // Whoever may plan may also stop, whatever the function is.
        if schedule.is_enabled {
            function_run::entrusted(unit, "id", &schedule.function_name)?;
        }
        let next = first(unit, &schedule)?;
        unit.update(&mut schedule)?;
        plan(unit, &schedule, next)?;
    }
    Ok(schedule)
}

/// Deletes schedules: all of them, or none.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, LIMIT, or what the database says.
pub fn delete(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<()> {
    unit.requester.need(&unit.settings.gql_function_schedule_perms)?;
    unit.check_list("ids", ids.len())?;
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let schedule = locked(unit, "ids", id)?;
        end(unit, schedule)?;
    }
    Ok(())
}

/// Ends the schedules of a function, which is deleted.
pub(super) fn end_of_function(unit: &mut UnitOfWork<'_>, function_id: Uuid) -> Result<()> {
    for schedule in db::function_schedule::lock_of_function(unit.connection, function_id)? {
        end(unit, schedule)?;
    }
    Ok(())
}

fn end(unit: &mut UnitOfWork<'_>, mut schedule: FunctionSchedule) -> Result<()> {
    unit.delete(&mut schedule)?;
    db::timer::delete_of(unit.connection, schedule.id)
}

/// Lists the schedules that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<FunctionSchedule>> {
    services.list(requester, query, place, visibility::function_schedules, db::list::<FunctionSchedule>).await
}

/// Lists the versions of schedules.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list_history(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<Historical<FunctionSchedule>>> {
    query.leave_out_deleted_versions();
    let list = db::list_history::<FunctionSchedule>;
    services.list(requester, query, ListScope::Root, visibility::function_schedules, list).await
}

/// The next moments of these schedules, by their keys.
pub async fn next_moments(
    services: &Arc<ServiceContext>,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, NaiveDateTime>> {
    let found =
        services.read(move |_, connection| db::function_schedule::next_moments(connection, &ids)).await?;
    Ok(found.into_iter().collect())
}

/// Looks up who answers for a schedule, where users are a host's.
///
/// # Errors
/// What the host or the database says.
pub async fn look_ahead(services: &Arc<ServiceContext>, id: Uuid) -> Result<()> {
    let found = services.read(move |_, connection| db::get::<FunctionSchedule>(connection, id)).await?;
    let owner = found.map(|schedule| schedule.owner());
    services.users.ahead(&Vec::from_iter(owner)).await
}

/// Has the function of a schedule run whose timer is due, if this worker still has it in hand.
///
/// # Errors
/// LIMIT if too many runs wait, or what the database says.
pub fn act(unit: &mut UnitOfWork<'_>, timer: &Timer, worker: Uuid) -> Result<()> {
    let schedule = db::lock::<FunctionSchedule>(unit.connection, timer.entity_id, Lock::Exclusive)?;
    let Some(schedule) = schedule.filter(|schedule| !schedule.is_deleted && schedule.is_enabled) else {
        return db::timer::delete_of(unit.connection, timer.entity_id);
    };
    let Some(timer) = db::timer::in_hand(unit.connection, timer.id, worker, unit.now)? else {
        return Ok(());
    };
    let Some(moment) = timer.moment() else {
        return Err(Error::internal(format!("the timer of the schedule {} has no moment", schedule.id)));
    };
    let rhythm = schedule.rhythm()?;
    let is_missed = unit.now - moment > LATE;
    let (wanted, next) = match schedule.catch_up {
        _ if !is_missed => (Some(moment), rhythm.after(moment)),
        CatchUp::Skip => (None, rhythm.after(unit.now)),
        CatchUp::Once => (rhythm.until(unit.now).or(Some(moment)), rhythm.after(unit.now)),
    };
    if let Some(wanted) = wanted {
        run(unit, &schedule, wanted)?;
    }
    match next {
        Some(next) => db::timer::set_next(unit.connection, timer.id, next, &at(next)),
        None => db::timer::delete(unit.connection, &[timer.id]),
    }
}

/// Has the function of a schedule run, in the name and by the rights of who answers for the schedule. If these do not suffice any more,
/// the run fails, and so shows why nothing happens.
fn run(unit: &mut UnitOfWork<'_>, schedule: &FunctionSchedule, date: NaiveDateTime) -> Result<()> {
    let input = CreateFunctionRun {
        data: schedule.data.clone(),
        priority: schedule.priority,
        ..CreateFunctionRun::default()
    };
    let cause = Cause::Moment(Moment { schedule_id: schedule.id, date });
    let owner = identity::answering_by_id(unit.services, unit.connection, schedule.owner())?;
    let owner = owner.filter(|owner| visibility::may_have_schedules(owner, &unit.settings));
    let refusal = if let Some(owner) = owner {
        let depth = unit.cause_depth();
        let mut unit = UnitOfWork::new(unit.services, &owner, unit.connection, depth)?;
        match function_run::entrusted(&mut unit, "functionName", &schedule.function_name) {
            Ok(function) if function.is_enabled => {
                return function_run::add(&mut unit, &function, cause, &input).map(drop);
            }
            Ok(_) => return Ok(()),
            Err(error) if error.code() == ErrorCode::Forbidden => {
                "may not have the function run any more, or lacks rights of its account"
            }
            Err(error) => return Err(error),
        }
    } else {
        "may not have schedules any more, or has left"
    };
    match function_run::live(unit, schedule.function_id)? {
        Some(function) if function.is_enabled => {
            let reason = format!("{}, who answers for the schedule, {refusal}", schedule.owner());
            function_run::add_failed(unit, &function, cause, &input, &reason)
        }
        _ => Ok(()),
    }
}

fn locked(unit: &mut UnitOfWork<'_>, field: &str, id: Uuid) -> Result<FunctionSchedule> {
    let schedule = db::lock::<FunctionSchedule>(unit.connection, id, Lock::Exclusive)?;
    let schedule = schedule.filter(|schedule| !schedule.is_deleted);
    schedule.ok_or_else(|| Error::not_found(field, Message::new("no-function-schedule")))
}

/// Takes the fields that are given, once they are checked.
fn fill(schedule: &mut FunctionSchedule, change: &FunctionScheduleChange) -> Result<()> {
    if let Some(data) = &change.data {
        check_json("data", data, RUN_BYTES)?;
        schedule.data = data.clone();
    }
    if let Some(priority) = change.priority {
        if let Some(priority) = priority {
            check_range("priority", priority, PRIORITIES)?;
        }
        schedule.priority = priority;
    }
    if let Some(start) = change.start_timestamp {
        schedule.date_start = start;
    }
    fill_rhythm(schedule, change)?;
    if let Some(catch_up) = change.catch_up {
        schedule.catch_up = catch_up;
    }
    if let Some(is_enabled) = change.is_enabled {
        schedule.is_enabled = is_enabled;
    }
    Ok(())
}

/// Takes the interval or the line of cron that is given. One takes the place of the other, and a schedule keeps one.
fn fill_rhythm(schedule: &mut FunctionSchedule, change: &FunctionScheduleChange) -> Result<()> {
    const UTC: &str = "UTC";
    let either = |field: &str| Error::validation(field, Message::new("interval-or-cron"));
    match (change.interval_seconds, &change.cron) {
        (Some(Some(_)), Some(Some(_))) => return Err(either("cron")),
        (Some(Some(seconds)), _) => {
            check_range("intervalSeconds", seconds, INTERVALS)?;
            schedule.interval_seconds = Some(seconds);
            schedule.cron = None;
            schedule.time_zone = None;
        }
        (_, Some(Some(line))) => {
            // Here and not where a line is read, so that those from before this rule go on.
            check_cron(line)?;
            schedule.cron = Some(line.clone());
            schedule.interval_seconds = None;
            schedule.time_zone.get_or_insert_with(|| UTC.to_owned());
        }
        (Some(None), _) if schedule.interval_seconds.is_some() => return Err(either("intervalSeconds")),
        (_, Some(None)) if schedule.cron.is_some() => return Err(either("cron")),
        _ => {}
    }
    match (&change.time_zone, &schedule.cron) {
        (Some(zone), Some(_)) => schedule.time_zone = Some(zone.clone().unwrap_or_else(|| UTC.to_owned())),
        (Some(Some(_)), None) => {
            return Err(Error::validation("timeZone", Message::new("zone-without-cron")));
        }
        (Some(None) | None, _) => {}
    }
    if schedule.interval_seconds.is_none() && schedule.cron.is_none() {
        return Err(either("cron"));
    }
    Ok(())
}

/// The first moment from now on; a schedule without one is refused.
fn first(unit: &UnitOfWork<'_>, schedule: &FunctionSchedule) -> Result<NaiveDateTime> {
    let next = schedule.next(unit.now)?;
    next.ok_or_else(|| Error::validation("cron", Message::new("no-moment")))
}

/// Has the timer of a schedule be due at the next moment, if it is enabled.
fn plan(unit: &mut UnitOfWork<'_>, schedule: &FunctionSchedule, next: NaiveDateTime) -> Result<()> {
    if !schedule.is_enabled {
        return db::timer::delete_of(unit.connection, schedule.id);
    }
    let timer = timer::new(TimerKind::Schedule, schedule.id, KEY.to_owned(), next, at(next));
    db::timer::renew(unit.connection, &timer, unit.now)
}

/// What a timer says of the moment that it is for; it may be due again later than that.
fn at(moment: NaiveDateTime) -> Json {
    json!({ MOMENT: moment })
}
