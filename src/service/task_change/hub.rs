//! Who listens in this process, and what waits for each. One reader fills the queues; a queue that is full ends.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::domain::task_change::{ChangeFilter, ChangeSignal};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::history::Historical;
use crate::model::task::Task;
use crate::service::task_change::settling::Settling;

/// How long an event may wait for its reader before rights are asked again.
const FRESH: Duration = Duration::from_secs(1);
/// How many tasks of which somebody was told are remembered, to tell when they are gone.
const REMEMBERED: usize = 128;
/// How many bytes of proposals may wait for one who listens.
const WAITING_BYTES: usize = 4 * 1024 * 1024;

/// Those who listen in this process.
pub struct Hub {
    /// How many changes may wait for one who listens.
    most: usize,
    /// Up to where the log is settled.
    pub settling: Mutex<Settling>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the reader of this process runs.
    is_read: bool,
    /// Up to where everybody who listens has been told.
    published: Option<i64>,
    number: u64,
    subscribers: HashMap<u64, Arc<Subscriber>>,
}

/// What somebody who listens is told.
#[derive(Clone)]
pub struct Event {
    /// The place in the log.
    pub cursor: i64,
    /// What happened.
    pub signal: ChangeSignal,
    /// The task; none when there is none to tell of.
    pub task_id: Option<Uuid>,
    /// The task as it was after the write; none if the person may not see it.
    pub version: Option<Arc<Historical<Task>>>,
    /// The person with rights as they were when it was asked who may be told.
    pub requester: Arc<Requester>,
    /// When that was asked.
    pub asked: Instant,
}

impl Event {
    /// Whether rights may have changed since they were asked.
    pub fn is_stale(&self) -> bool {
        self.asked.elapsed() > FRESH
    }

    fn bytes(&self) -> usize {
        // A rough measure: what else a row holds is short.
        self.version.as_ref().map_or(0, |version| version.row.data.to_string().len())
    }
}

/// Of what somebody wants to be told.
pub enum Wants {
    /// Of each change of these tasks.
    Changes(ChangeFilter),
    /// Only that something has changed.
    Counts,
}

impl Wants {
    /// Whether only what waits for the person is wanted.
    pub const fn awaiting_me(&self) -> bool {
        matches!(self, Self::Changes(filter) if filter.awaiting_me)
    }
}

/// Somebody who listens.
pub struct Subscriber {
    /// The person, as looked up when the subscription began.
    pub requester: Arc<Requester>,
    /// Of what.
    pub wants: Wants,
    /// Breaks off the connection of one who reads too slowly.
    hang_up: Option<CancellationToken>,
    waiting: Mutex<Waiting>,
    woken: Notify,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<(Event, usize)>,
    bytes: usize,
    /// The tasks of which the person was told, and whether each waits for the person.
    told: VecDeque<(Uuid, bool)>,
    /// Whether the reader has gone on without telling this one.
    is_behind: bool,
    end: Option<End>,
}

/// Why a subscription ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The session was ended, or the person may not act any more.
    NoSession,
    /// More changes wait than may.
    Slow,
}

impl End {
    /// What the person is told.
    pub fn error(self) -> Error {
        match self {
            Self::NoSession => Error::new(ErrorCode::Unauthenticated, Message::new("no-session")),
            Self::Slow => {
                let setting = "subscriptions.waiting_changes";
                Error::new(ErrorCode::Limit, Message::new("subscription-slow").with("setting", setting))
            }
        }
    }
}

/// What has come for somebody who waits.
pub enum Came {
    /// An event.
    Event(Box<Event>),
    /// Nothing, but the reader has gone on.
    Behind,
    /// The end.
    End(End),
}

impl Subscriber {
    /// Somebody who has not joined yet.
    pub fn new(requester: Arc<Requester>, wants: Wants, hang_up: Option<CancellationToken>) -> Arc<Self> {
        Arc::new(Self { requester, wants, hang_up, waiting: Mutex::default(), woken: Notify::new() })
    }

    /// Waits for what comes.
    pub async fn wait(&self) -> Came {
        loop {
            if let Some(came) = self.take() {
                return came;
            }
            self.woken.notified().await;
        }
    }

    fn take(&self) -> Option<Came> {
        let mut waiting = self.waiting();
        if let Some(end) = waiting.end {
            return Some(Came::End(end));
        }
        if let Some((event, bytes)) = waiting.events.pop_front() {
            waiting.bytes -= bytes;
            if waiting.events.is_empty() {
                // Most of the time nothing waits, and memory is for those for whom something does.
                waiting.events = VecDeque::new();
            }
            return Some(Came::Event(Box::new(event)));
        }
        std::mem::take(&mut waiting.is_behind).then_some(Came::Behind)
    }

    /// Notes that the person was told of a task, and whether it waits for the person; answers what was noted before.
    pub fn remember(&self, task_id: Uuid, waits: bool) -> Option<bool> {
        let mut waiting = self.waiting();
        if let Some((_, waited)) = waiting.told.iter_mut().rfind(|(told, _)| *told == task_id) {
            return Some(std::mem::replace(waited, waits));
        }
        if waiting.told.len() == REMEMBERED {
            waiting.told.pop_front();
        }
        waiting.told.push_back((task_id, waits));
        None
    }

    /// Forgets that the person was told of a task; answers whether the person was.
    pub fn forget(&self, task_id: Uuid) -> bool {
        let mut waiting = self.waiting();
        let place = waiting.told.iter().rposition(|(told, _)| *told == task_id);
        place.and_then(|place| waiting.told.remove(place)).is_some()
    }

    /// What these say of the tasks of which the person was told.
    pub fn told_of(&self, of_task: &HashMap<Uuid, Vec<usize>>) -> Vec<usize> {
        let waiting = self.waiting();
        waiting.told.iter().filter_map(|(task_id, _)| of_task.get(task_id)).flatten().copied().collect()
    }

    /// Tells the person that something waits.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Whether something waits that the person has not taken.
    pub fn has_waiting(&self) -> bool {
        !self.waiting().events.is_empty()
    }

    /// Whether the person takes what comes as soon as the person is woken: one for whom something waits already reads slowly, and
    /// counts are told seldom.
    fn takes_at_once(&self) -> bool {
        matches!(self.wants, Wants::Changes(_)) && !self.has_waiting()
    }

    /// Leaves an event, of which the person hears when woken.
    fn push(&self, event: Event, most: usize) {
        let bytes = event.bytes();
        let mut waiting = self.waiting();
        if matches!(self.wants, Wants::Counts) {
            waiting.events.clear();
            waiting.bytes = 0;
        }
        if waiting.events.len() >= most || (waiting.bytes > 0 && waiting.bytes + bytes > WAITING_BYTES) {
            drop(waiting);
            self.end(End::Slow);
            return;
        }
        waiting.bytes += bytes;
        waiting.events.push_back((event, bytes));
    }

    /// Ends it; nothing that waits is told any more.
    fn end(&self, end: End) {
        let mut waiting = self.waiting();
        waiting.events = VecDeque::new();
        waiting.end = Some(end);
        drop(waiting);
        if end == End::Slow {
            metrics::counter!("subscriptions_ended_total", "reason" => "slow").increment(1);
            if let Some(hang_up) = &self.hang_up {
                hang_up.cancel();
            }
        }
        self.wake();
    }

    /// Forgets what waits, which is read again.
    pub fn forget_waiting(&self) {
        let mut waiting = self.waiting();
        waiting.events = VecDeque::new();
        (waiting.bytes, waiting.is_behind) = (0, false);
    }

    /// Why it has ended, if it has.
    pub fn ended(&self) -> Option<End> {
        self.waiting().end
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody is told of a piece of the log.
pub struct Delivery {
    /// The number under which the person joined.
    pub number: u64,
    /// The events in their order, or that the session has ended.
    pub told: Result<Vec<Event>, End>,
}

/// Those who listen, with the numbers under which they joined.
pub type Listeners = Vec<(u64, Arc<Subscriber>)>;

/// What came of joining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// The number of who has joined; whether a reader is to be started.
    As(u64, bool),
    /// The reader is ahead: what is between has to be read first.
    Behind,
}

impl Hub {
    /// Nobody listens yet.
    pub fn new(most: usize) -> Self {
        Self { most, settling: Mutex::default(), state: Mutex::default() }
    }

    /// Up to where everybody who listens was told, if anybody does.
    pub fn published(&self) -> Option<i64> {
        self.state().published
    }

    /// Has somebody told of all that comes after `position`.
    pub fn join(&self, subscriber: &Arc<Subscriber>, position: i64) -> Joined {
        let mut state = self.state();
        if state.published.is_some_and(|published| published > position) {
            return Joined::Behind;
        }
        state.published.get_or_insert(position);
        state.number += 1;
        let number = state.number;
        subscriber.waiting().is_behind = false;
        state.subscribers.insert(number, Arc::clone(subscriber));
        metrics::gauge!("subscriptions").set(count(state.subscribers.len()));
        Joined::As(number, !std::mem::replace(&mut state.is_read, true))
    }

    /// Tells somebody no more.
    pub fn leave(&self, number: u64) {
        let mut state = self.state();
        state.subscribers.remove(&number);
        metrics::gauge!("subscriptions").set(count(state.subscribers.len()));
    }

    /// Those who listen, and up to where they were told; none, and the reader must end, if nobody does.
    pub fn listeners(&self) -> Option<(Listeners, i64)> {
        let mut state = self.state();
        let Some(published) = state.published.filter(|_| !state.subscribers.is_empty()) else {
            state.is_read = false;
            state.published = None;
            return None;
        };
        let listeners = state.subscribers.iter().map(|(number, one)| (*number, Arc::clone(one)));
        Some((listeners.collect(), published))
    }

    /// Notes that the reader broke off.
    pub fn broke_off(&self) {
        self.state().is_read = false;
    }

    /// Leaves for everybody what is told of a piece of the log up to `published`; answers who is to be woken for it, and takes it at
    /// once. Who has joined since it was asked who may be told reads it alone.
    pub fn deliver(&self, published: i64, deliveries: Vec<Delivery>) -> Vec<Arc<Subscriber>> {
        let mut to_wake = Vec::new();
        let mut state = self.state();
        let is_new = state.published < Some(published);
        state.published = state.published.max(Some(published));
        let mut left: HashMap<u64, Arc<Subscriber>> = std::mem::take(&mut state.subscribers);
        for Delivery { number, told } in deliveries {
            let Some(subscriber) = left.remove(&number) else { continue };
            match told {
                Ok(events) if events.is_empty() => {}
                Ok(events) => {
                    let takes_at_once = subscriber.takes_at_once();
                    for event in events {
                        subscriber.push(event, self.most);
                    }
                    if takes_at_once {
                        to_wake.push(Arc::clone(&subscriber));
                    } else {
                        subscriber.wake();
                    }
                }
                Err(end) => subscriber.end(end),
            }
            if subscriber.ended().is_none() {
                state.subscribers.insert(number, subscriber);
            }
        }
        for (number, subscriber) in left {
            if is_new {
                subscriber.waiting().is_behind = true;
                subscriber.wake();
            } else {
                state.subscribers.insert(number, subscriber);
            }
        }
        to_wake
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number as metrics take it.
fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::permission::Rights;
    use crate::domain::user::SYSTEM_USER;
    use crate::model::record::Record;
    use crate::model::user::User;

    fn requester() -> Arc<Requester> {
        let user = User::new(Record::new(SYSTEM_USER, chrono::NaiveDateTime::MIN), 1);
        Arc::new(Requester::new(user, Rights::default(), None))
    }

    fn joined(hub: &Hub, wants: Wants) -> u64 {
        let Joined::As(number, _) = hub.join(&Subscriber::new(requester(), wants, None), 0) else {
            panic!("nothing was published");
        };
        number
    }

    fn told(number: u64, cursor: i64) -> Delivery {
        let signal = ChangeSignal::Changed;
        let asked = Instant::now();
        let event = Event { cursor, signal, task_id: None, version: None, requester: requester(), asked };
        Delivery { number, told: Ok(vec![event]) }
    }

    #[test]
    fn nobody_waits_for_one_who_reads_slowly_or_is_told_of_counts() {
        let hub = Hub::new(10);
        let changes = || Wants::Changes(ChangeFilter::default());
        let (quick, slow, counts) =
            (joined(&hub, changes()), joined(&hub, changes()), joined(&hub, Wants::Counts));
        let nothing = |number| Delivery { number, told: Ok(Vec::new()) };
        let first = hub.deliver(1, vec![told(slow, 1), nothing(quick), nothing(counts)]);
        assert_eq!(first.len(), 1, "nothing has waited before");
        let waited_for = hub.deliver(2, [quick, slow, counts].map(|number| told(number, 2)).into());
        assert_eq!(waited_for.len(), 1, "something waits for the slow one still");
        assert!(waited_for.iter().all(|one| one.waiting().events.len() == 1));
        assert!(hub.deliver(3, [quick, slow, counts].map(nothing).into()).is_empty());
    }
}
