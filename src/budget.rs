//! What one request may cost: rows, bytes, time of the database and connections. It is counted while rows are read and the
//! answer is written, wherever that happens: the budget goes with the task that executes the request, and with each piece
//! of its work on another thread.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::budget::fair_places::Place;
use crate::budget::turn::Turn;
use crate::config::Limits;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;

pub mod counted;
pub mod fair_places;
pub mod loan;
pub mod rests;
pub mod turn;

/// An answer that takes more bytes than this, and the rows it is made of, is a large one.
const LARGE: u64 = 1024 * 1024;

/// After this many bytes of an answer, other requests have a turn.
const TURN: u64 = 128 * 1024;

tokio::task_local! {
    static OF_REQUEST: Arc<Budget>;
}

thread_local! {
    static AT_WORK: RefCell<Option<AtWork>> = const { RefCell::new(None) };
    static GIVES_WAY: Cell<bool> = const { Cell::new(false) };
}

/// What one request may still cost. Of a mutation, what its transaction reads is counted, and how long that takes.
pub struct Budget {
    /// Whether a request for which something was used up ends at once. Each mutation of a document is done whole or refused
    /// by itself, so a document of mutations goes on.
    ends_at_once: bool,
    rows: Count,
    read: Count,
    written: Count,
    time: Count,
    spent: Mutex<Duration>,
    /// Rows that many rows point to, by kind and key: each costs once.
    shared: Mutex<HashSet<(&'static str, Uuid)>>,
    connections: Arc<Semaphore>,
    is_exhausted: AtomicBool,
    refusal: Mutex<Option<Message>>,
    /// The query's turn, which lasts until its answer is written.
    turn: Turn,
}

/// The permit to use a connection, until it is dropped.
pub struct ConnectionPermit {
    _of_request: OwnedSemaphorePermit,
    _of_person: Option<Place>,
}

/// The budget of the work on a thread, and until when the work may go on.
#[derive(Clone)]
struct AtWork {
    budget: Arc<Budget>,
    until: Instant,
}

/// Ends the work on a thread, also if it panics.
struct Working;

impl Drop for Working {
    fn drop(&mut self) {
        AT_WORK.set(None);
    }
}

/// How much of something was used, and how much may be.
struct Count {
    used: AtomicU64,
    max: u64,
    /// The text for whoever wants more.
    refusal: fn() -> Message,
}

impl Count {
    const fn of(max: u64, refusal: fn() -> Message) -> Self {
        Self { used: AtomicU64::new(0), max, refusal }
    }
}

impl Budget {
    /// What these limits allow a query whose turn it is, where there are so many connections for all.
    #[must_use]
    pub fn of_query(limits: &Limits, connections: usize, turn: Turn) -> Arc<Self> {
        let refusal = || Message::new("too-slow").with("setting", "limits.request_database_ms");
        let time = Count::of(limits.request_database_ms, refusal);
        Arc::new(Self::new(limits, connections, turn, time, true))
    }

    /// What these limits allow a document of mutations, where there are so many connections for all.
    #[must_use]
    pub fn of_mutations(limits: &Limits, connections: usize) -> Arc<Self> {
        let refusal = || Message::new("too-slow").with("setting", "limits.mutation_database_ms");
        let time = Count::of(limits.mutation_database_ms, refusal);
        Arc::new(Self::new(limits, connections, Turn::default(), time, false))
    }

    fn new(limits: &Limits, connections: usize, turn: Turn, time: Count, ends_at_once: bool) -> Self {
        // One request never has all of them, unless there is but one.
        let share = limits.request_connections.min(connections.saturating_sub(1)).max(1);
        Self {
            ends_at_once,
            rows: Count::of(limits.request_rows, || Message::new("too-many-rows")),
            read: Count::of(limits.request_bytes, || Message::new("answer-too-large")),
            written: Count::of(limits.request_bytes, || Message::new("answer-too-large")),
            time,
            spent: Mutex::default(),
            shared: Mutex::default(),
            connections: Arc::new(Semaphore::new(share)),
            is_exhausted: AtomicBool::new(false),
            refusal: Mutex::default(),
            turn,
        }
    }

    /// The budget of the request that the present task executes.
    #[must_use]
    pub fn of_request() -> Option<Arc<Self>> {
        OF_REQUEST.try_with(Arc::clone).ok()
    }

    /// Executes a request within this budget, when it is its turn.
    pub async fn within<T>(self: Arc<Self>, execution: impl Future<Output = T>) -> T {
        let budget = Arc::clone(&self);
        OF_REQUEST.scope(self, async move { budget.turn.drive(execution).await }).await
    }

    /// A permit for one of the connections that the request, and all of the person's requests, may use at once.
    ///
    /// # Errors
    /// LIMIT when its budget is used up.
    pub async fn connection(&self) -> Result<ConnectionPermit> {
        let of_request = Arc::clone(&self.connections).acquire_owned().await.map_err(Error::internal)?;
        let of_person = self.turn.connection().await;
        self.check()?;
        Ok(ConnectionPermit { _of_request: of_request, _of_person: of_person })
    }

    /// The same, if none has to be waited for.
    ///
    /// # Errors
    /// LIMIT when its budget is used up.
    pub fn free_connection(&self) -> Result<Option<ConnectionPermit>> {
        let Ok(of_request) = Arc::clone(&self.connections).try_acquire_owned() else { return Ok(None) };
        let Ok(of_person) = self.turn.free_connection() else { return Ok(None) };
        self.check()?;
        Ok(Some(ConnectionPermit { _of_request: of_request, _of_person: of_person }))
    }

    /// Does a piece of the request's work on this thread, and counts its time.
    ///
    /// # Errors
    /// LIMIT when it went on beyond the budget; else what `work` answers.
    pub fn work<T>(self: &Arc<Self>, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        let left = Duration::from_millis(self.time.max).saturating_sub(self.spent());
        AT_WORK.set(Some(AtWork { budget: Arc::clone(self), until: begun + left }));
        let working = Working;
        let outcome = work();
        drop(working);
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner) += begun.elapsed();
        match outcome {
            // It broke off for want of time, whatever the database makes of that.
            Err(error) if error.is_internal() && self.is_late() => Err(self.exhaust(&self.time)),
            other => other,
        }
    }

    fn spent(&self) -> Duration {
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_late(&self) -> bool {
        self.spent() >= Duration::from_millis(self.time.max)
    }

    /// Counts bytes of the answer to the request that the present task executes. From time to time others have a turn.
    pub async fn write(bytes: usize) {
        let Some(budget) = Self::of_request() else { return };
        // Whoever drives the execution looks whether it may go on.
        let _ = budget.spend(&budget.written, bytes);
        let written = budget.written.used.load(Ordering::Relaxed);
        if written / TURN != written.saturating_sub(u64::try_from(bytes).unwrap_or(u64::MAX)) / TURN {
            budget.make_room().await;
            give_way().await;
        }
    }

    /// Waits for a place among the large answers if the request has become one of them. It must hold no connection.
    pub async fn make_room(&self) {
        if self.is_large() {
            self.turn.become_large().await;
        }
    }

    /// About how many bytes the answer has as a text, more rather than less.
    #[must_use]
    pub fn answer_bytes(&self) -> usize {
        let written = self.written.used.load(Ordering::Relaxed);
        // Quotation marks inside of texts take two bytes.
        usize::try_from(written.saturating_add(written / 4)).unwrap_or(0)
    }

    /// Whether the answer and its rows take much memory.
    #[must_use]
    pub fn is_large(&self) -> bool {
        let used = |count: &Count| count.used.load(Ordering::Relaxed);
        used(&self.read) + used(&self.written) > LARGE
    }

    /// Whether the request that the present task executes ends, because something was used up.
    #[must_use]
    pub fn ends_request() -> bool {
        OF_REQUEST.try_with(|budget| budget.ends()).unwrap_or(false)
    }

    /// Whether the request ends, because something was used up.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.ends_at_once && self.is_exhausted.load(Ordering::Relaxed)
    }

    /// Refuses when nothing more may be done for the request.
    ///
    /// # Errors
    /// LIMIT, with a text that says of what there was too much, and what to ask for instead.
    pub fn check(&self) -> Result<()> {
        if self.is_late() {
            return Err(self.exhaust(&self.time));
        }
        self.check_answer()
    }

    /// Refuses an answer for which something was used up.
    ///
    /// # Errors
    /// LIMIT, with a text that says of what there was too much, and what to ask for instead.
    pub fn check_answer(&self) -> Result<()> {
        match &*self.refusal.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(message) => Err(Error::new(ErrorCode::Limit, message.clone())),
            None => Ok(()),
        }
    }

    fn spend(&self, count: &Count, amount: usize) -> Result<()> {
        let amount = u64::try_from(amount).unwrap_or(u64::MAX);
        let before = count.used.fetch_add(amount, Ordering::Relaxed);
        if before.saturating_add(amount) > count.max { Err(self.exhaust(count)) } else { Ok(()) }
    }

    fn exhaust(&self, count: &Count) -> Error {
        let message = (count.refusal)().with("max", i64::try_from(count.max).unwrap_or(i64::MAX));
        let mut refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        let first = refusal.get_or_insert(message).clone();
        self.is_exhausted.store(true, Ordering::Relaxed);
        Error::new(ErrorCode::Limit, first)
    }
}

/// Lets other tasks run. It wakes its own waker, unlike tokio's `yield_now`, so that loaders are not asked early.
pub async fn give_way() {
    let mut gave_way = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut gave_way, true) {
            return Poll::Ready(());
        }
        GIVES_WAY.set(true);
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Whether a request has given way on this thread since this was asked last.
pub fn gives_way() -> bool {
    GIVES_WAY.take()
}

/// Whether the work on this thread is counted.
#[must_use]
pub fn is_counted() -> bool {
    AT_WORK.with_borrow(Option::is_some)
}

/// Counts rows of a list that the work on this thread has read.
///
/// # Errors
/// LIMIT when they are too many.
pub fn rows(count: usize) -> Result<()> {
    at_work().map_or(Ok(()), |budget| budget.spend(&budget.rows, count))
}

/// Counts rows that other rows point to, each the first time that the request reads it.
///
/// # Errors
/// LIMIT when they are too many.
pub fn shared_rows<'a>(kind: &'static str, ids: impl IntoIterator<Item = &'a Uuid>) -> Result<()> {
    let Some(budget) = at_work() else { return Ok(()) };
    let new = {
        let mut shared = budget.shared.lock().unwrap_or_else(PoisonError::into_inner);
        ids.into_iter().filter(|id| shared.insert((kind, **id))).count()
    };
    budget.spend(&budget.rows, new)
}

/// How many rows the work on this thread may read by one statement: one more than allowed, so that too many are noticed.
#[must_use]
pub fn most_rows() -> i64 {
    at_work().map_or(i64::MAX, |budget| {
        i64::try_from(budget.rows.max).map_or(i64::MAX, |max| max.saturating_add(1))
    })
}

/// Counts bytes that the work on this thread has read.
///
/// # Errors
/// LIMIT when they are too many.
pub fn bytes(count: usize) -> Result<()> {
    at_work().map_or(Ok(()), |budget| budget.spend(&budget.read, count))
}

/// Refuses to go on with the work on this thread when its time is used up.
///
/// # Errors
/// LIMIT.
pub fn go_on() -> Result<()> {
    AT_WORK.with_borrow(|at_work| {
        let Some(AtWork { budget, until }) = at_work else { return Ok(()) };
        if Instant::now() < *until { Ok(()) } else { Err(budget.exhaust(&budget.time)) }
    })
}

fn at_work() -> Option<Arc<Budget>> {
    AT_WORK.with_borrow(|at_work| at_work.as_ref().map(|at_work| Arc::clone(&at_work.budget)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_never_has_all_connections_unless_there_is_but_one() {
        for (connections, share) in [(1, 1), (2, 1), (3, 2), (10, 3)] {
            let budget = Budget::of_query(&Limits::default(), connections, Turn::default());
            assert_eq!(budget.connections.available_permits(), share, "{connections}");
        }
    }
}
