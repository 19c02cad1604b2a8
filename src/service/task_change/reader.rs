//! Reading the log: by the one reader of a process for all who listen, and for one who has missed something.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::task_change::{Change, ChangeSignal};
use crate::error::Result;
use crate::model::history::Historical;
use crate::model::task::Task;
use crate::reports::Reports;
use crate::service::context::ServiceContext;
use crate::service::task_change::audience::{Audience, Person, Presence, Scope, Sight, listener};
use crate::service::task_change::hub::{Delivery, End, Event, Listeners, Subscriber, Wants};

/// How many changes are read at once.
const PIECE: i64 = 500;
/// How many versions one statement reads, and after how many bytes of proposals a piece ends.
const VERSIONS: usize = 50;
const BYTES: usize = 8 * 1024 * 1024;
/// How much longer than a look the pause after it lasts, so that asking takes a twentieth of the time at most; and the least and the
/// longest pause.
const REST: u32 = 19;
const LEAST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_millis(600);
/// How often the reader gives way, at most, to one who takes what waits, and for how long to all of them: what has waited too long
/// is asked for again.
const WAYS: usize = 64;
const PACED: Duration = Duration::from_millis(300);
/// How often sessions and rights are asked for when nothing changes.
const SWEEP: Duration = Duration::from_secs(5);
/// From when on it is said that changes wait for a transaction, and how often.
const LONG: Duration = Duration::from_secs(5);
const SAID_EVERY: Duration = Duration::from_secs(60);

/// Reads for all who listen, until nobody does.
pub async fn run(services: Arc<ServiceContext>, poll: Duration) {
    let _ended = Ended(&services);
    let mut woken = services.db.woken();
    let (reports, mut swept) = (Reports::every(SAID_EVERY), Instant::now());
    while let Some((listeners, published)) = services.changes.listeners() {
        let begun = Instant::now();
        let is_sweep = swept.elapsed() >= SWEEP;
        if is_sweep {
            swept = begun;
        }
        let read = read(&services, listeners, published, is_sweep).await;
        if let Err(error) = &read
            && let Some(times) = reports.times("unread")
        {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(cause, times, "the log of changes can't be read now");
        }
        say_what_waits(&services, &reports);
        let pause = (begun.elapsed() * REST).clamp(LEAST, LONGEST);
        let may_be_more = match read {
            Ok(Read { may_be_more, to_wake }) => {
                wake(&to_wake).await;
                may_be_more
            }
            Err(_) => false,
        };
        tokio::time::sleep(pause).await;
        if !may_be_more {
            tokio::select! {
                _ = woken.changed() => {}
                () = tokio::time::sleep(poll.saturating_sub(pause)) => {}
            }
        }
    }
}

/// Wakes those for whom something waits, one after the other: if all of them were woken at one moment, whoever asks something else
/// would wait for all of them.
async fn wake(subscribers: &[Arc<Subscriber>]) {
    let begun = Instant::now();
    for one in subscribers {
        one.wake();
        let mut ways = WAYS;
        while ways > 0 && begun.elapsed() < PACED && one.has_waiting() {
            tokio::task::yield_now().await;
            ways -= 1;
        }
    }
}

/// If the reader panics, another may begin.
struct Ended<'a>(&'a ServiceContext);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.changes.broke_off();
        }
    }
}

fn say_what_waits(services: &ServiceContext, reports: &Reports<&'static str>) {
    let settling = services.changes.settling.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((long, processes)) = settling.waits(Instant::now()).filter(|(long, _)| *long >= LONG) else {
        return;
    };
    drop(settling);
    if reports.times("waits").is_some() {
        tracing::warn!(
            seconds = long.as_secs(),
            ?processes,
            "changes of tasks are told to nobody who listens until a transaction has ended that writes tasks: see \
             pg_stat_activity"
        );
    }
}

/// Up to where the log is settled, as of now.
pub fn settled(services: &ServiceContext, connection: &mut DbConnection) -> Result<(Option<i64>, i64)> {
    let written = db::task_change::written(connection)?;
    let mut settling = services.changes.settling.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((settling.note(&written, Instant::now()), written.last))
}

/// What came of reading a piece of the log.
#[derive(Default)]
struct Read {
    /// Whether there may be more.
    may_be_more: bool,
    /// Those for whom something waits now, and who take it at once.
    to_wake: Vec<Arc<Subscriber>>,
}

/// Reads a piece of the log for all who listen.
async fn read(
    services: &Arc<ServiceContext>,
    listeners: Listeners,
    published: i64,
    is_sweep: bool,
) -> Result<Read> {
    if services.users.is_hosts() {
        let people: Vec<Uuid> = listeners.iter().map(|(_, one)| one.requester.id()).collect();
        services.users.ahead(&people).await?;
    }
    services
        .read(move |services, connection| {
            let Some(settled) = settled(services, connection)?.0 else { return Ok(Read::default()) };
            if settled <= published && !is_sweep {
                return Ok(Read::default());
            }
            let changes = if settled > published {
                db::task_change::changes(connection, published, settled, PIECE)?
            } else {
                Vec::new()
            };
            let subscribers: Vec<&Subscriber> = listeners.iter().map(|(_, one)| &**one).collect();
            // Now and then all are asked for, so that who may not act any more hears of it.
            let told = tell(services, connection, (&subscribers, is_sweep), &changes)?;
            let is_all = told.until.is_none() && i64::try_from(changes.len()).is_ok_and(|read| read < PIECE);
            let last = changes.last().map_or(settled, |change| change.cursor);
            let until = if is_all { settled } else { told.until.unwrap_or(last) };
            let deliveries = listeners.iter().zip(told.events);
            let deliveries = deliveries.map(|((number, _), told)| Delivery { number: *number, told });
            let to_wake = services.changes.deliver(until.max(published), deliveries.collect());
            Ok(Read { may_be_more: !is_all, to_wake })
        })
        .await
}

/// A page of what somebody has missed.
pub struct Missed {
    /// The events.
    pub events: Vec<Event>,
    /// Up to where it goes.
    pub until: i64,
    /// Whether it is the last one.
    pub is_all: bool,
}

/// A page of what somebody has missed after `position`.
pub async fn missed(
    services: &Arc<ServiceContext>,
    subscriber: &Arc<Subscriber>,
    position: i64,
) -> Result<Missed> {
    const PAGE: i64 = 100;
    services.users.ahead(&[subscriber.requester.id()]).await?;
    let subscriber = Arc::clone(subscriber);
    services
        .read(move |services, connection| {
            let settled = settled(services, connection)?.0.unwrap_or(position).max(position);
            let changes = db::task_change::changes(connection, position, settled, PAGE)?;
            let mut told = tell(services, connection, (&[&subscriber], true), &changes)?;
            let is_all = told.until.is_none() && i64::try_from(changes.len()).is_ok_and(|read| read < PAGE);
            let last = changes.last().map_or(settled, |change| change.cursor);
            let until = if is_all { settled } else { told.until.unwrap_or(last) };
            let events = told.events.pop().unwrap_or_else(|| Ok(Vec::new())).map_err(End::error)?;
            Ok(Missed { events, until, is_all })
        })
        .await
}

/// What subscribers are told.
struct Told {
    /// For each of them.
    events: Vec<Result<Vec<Event>, End>>,
    /// Up to where, if not all changes are told of yet, because their proposals are long.
    until: Option<i64>,
}

/// Asks who may be told of these changes, of all who listen or of those whom some change may concern, and reads what they are told.
fn tell(
    services: &ServiceContext,
    connection: &mut DbConnection,
    (subscribers, asks_for_all): (&[&Subscriber], bool),
    changes: &[Change],
) -> Result<Told> {
    let asked = Instant::now();
    let listeners: Vec<Arc<Requester>> = subscribers.iter().map(|one| Arc::clone(&one.requester)).collect();
    let waiting = |one: &&&Subscriber| one.wants.awaiting_me();
    let mut awaiting: Vec<Uuid> = subscribers.iter().filter(waiting).map(|one| one.requester.id()).collect();
    awaiting.sort_unstable();
    awaiting.dedup();
    let mut of_task: HashMap<Uuid, Vec<usize>> = HashMap::new();
    for (place, change) in changes.iter().enumerate() {
        of_task.entry(change.task_id).or_default().push(place);
    }
    // For each who listens, the changes of tasks of which the person was told before.
    let told_before: Vec<Vec<usize>> = subscribers.iter().map(|one| one.told_of(&of_task)).collect();
    let told = subscribers.iter().zip(&told_before).filter(|(_, before)| !before.is_empty());
    let told: HashSet<Uuid> = told.map(|(one, _)| one.requester.id()).collect();
    let scope = if asks_for_all { Scope::All } else { Scope::Concerned(&told) };
    let audience = Audience::ask(services, connection, (&listeners, scope), &awaiting, changes)?;
    let people: Vec<Presence<'_>> =
        subscribers.iter().map(|one| audience.presence(listener(&one.requester))).collect();
    // Most changes concern few of those who listen, so it is not asked of each change and each of them.
    let concerned = people.iter().zip(told_before).map(|(presence, told_before)| match presence {
        Presence::Acts(person) => match audience.concerns(person) {
            None => (0..changes.len()).collect(),
            Some(concerns) => {
                let mut places: Vec<usize> = concerns.iter().copied().chain(told_before).collect();
                places.sort_unstable();
                places.dedup();
                places
            }
        },
        Presence::Ended | Presence::Unconcerned => Vec::new(),
    });
    let concerned: Vec<Vec<usize>> = concerned.collect();
    let mut is_seen = vec![false; changes.len()];
    for ((one, person), places) in subscribers.iter().zip(&people).zip(&concerned) {
        let (Wants::Changes(filter), Presence::Acts(person)) = (&one.wants, person) else { continue };
        for place in places {
            is_seen[*place] = is_seen[*place]
                || (filter.wants(&changes[*place])
                    && audience.sight(person, &changes[*place]) == Sight::Sees);
        }
    }
    let seen = changes.iter().zip(is_seen).filter(|(_, is_seen)| *is_seen);
    let keys: Vec<i64> = seen.map(|(change, _)| change.cursor).collect();
    let (versions, until) = versions(connection, &keys)?;
    let events = subscribers.iter().zip(people).zip(concerned).map(|((one, presence), places)| {
        let person: &Person = match presence {
            Presence::Acts(person) => person,
            Presence::Ended => return Err(End::NoSession),
            Presence::Unconcerned => return Ok(Vec::new()),
        };
        let event = |change: &Change| {
            if let Wants::Changes(filter) = &one.wants
                && !filter.wants(change)
            {
                return None;
            }
            let signal = match audience.sight(person, change) {
                Sight::Sees => {
                    let waits = audience.awaits(person, change);
                    // What is told last of a task must be as it is: a later version is told too.
                    let is_last =
                        versions.get(&change.cursor).is_some_and(|last| audience.is_last(&last.row));
                    let waited = one.remember(change.task_id, waits || !is_last);
                    let waited = waited.unwrap_or_else(|| audience.may_have_awaited(person, change));
                    if one.wants.awaiting_me() && !waits && !waited {
                        one.remember(change.task_id, false);
                        return None;
                    }
                    ChangeSignal::of(change.history_type, change.place.status)
                }
                Sight::Saw => {
                    one.forget(change.task_id);
                    ChangeSignal::Gone
                }
                Sight::Nothing if one.forget(change.task_id) => ChangeSignal::Gone,
                Sight::Nothing => return None,
            };
            let version = versions.get(&change.cursor).filter(|_| signal != ChangeSignal::Gone);
            Some(Event {
                cursor: change.cursor,
                signal,
                task_id: Some(change.task_id),
                version: version.cloned(),
                requester: Arc::clone(&person.requester),
                asked,
            })
        };
        let told = places.iter().map(|place| &changes[*place]);
        let told = told.take_while(|change| until.is_none_or(|until| change.cursor <= until));
        Ok(told.filter_map(event).collect())
    });
    Ok(Told { events: events.collect(), until })
}

/// Versions by their keys.
type Versions = HashMap<i64, Arc<Historical<Task>>>;

/// The versions with these keys; and up to which key, if the rest is too long to be read at once.
fn versions(connection: &mut DbConnection, keys: &[i64]) -> Result<(Versions, Option<i64>)> {
    let (mut found, mut bytes) = (Versions::new(), 0);
    for (place, some) in keys.chunks(VERSIONS).enumerate() {
        for version in db::task_change::versions(connection, some)? {
            bytes += version.row.data.to_string().len();
            found.insert(version.history_id, Arc::new(version));
        }
        if bytes > BYTES && (place + 1) * VERSIONS < keys.len() {
            return Ok((found, some.last().copied()));
        }
    }
    Ok((found, None))
}
