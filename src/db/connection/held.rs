//! One connection for all that a request does at the database, on one thread: it begins on a thread that holds a connection,
//! and each piece of its work at the database is done right there. As soon as it has to wait for anything else, thread and
//! connection are given back, and it goes on among the async tasks, where each piece of work takes a connection for itself.
//! So nothing waits while it holds a connection, and whatever bounds requests bounds them as it would without this.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use tokio::sync::OwnedSemaphorePermit;

use super::lane::{Lane, Lent};
use super::{Database, DbConnection};
use crate::budget::fair_places::Place;
use crate::budget::{Budget, give_way};
use crate::error::{Error, ErrorCode, Result};

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// The connection that a thread holds, and what allows it to.
struct Held {
    connection: Lent,
    lane: Arc<Lane>,
    _permit: OwnedSemaphorePermit,
    _place: Option<Place>,
    /// Gone when nobody waits for the request any more.
    awaited: Weak<()>,
}

/// Ends the holding of a connection, also if the request panics.
struct Holding;

impl Drop for Holding {
    fn drop(&mut self) {
        give_back();
    }
}

impl Database {
    /// Runs a request with a connection at hand, until it is done or has to wait for something else. `place` is the place
    /// among the connections of whoever asks. If nobody waits for the request any more, it is dropped where it has to wait.
    ///
    /// # Errors
    /// UNAVAILABLE when there is no connection in time.
    pub async fn at_hand<F>(&self, place: Option<Place>, request: F) -> Result<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let permit = self.reading.permit().await?;
        let (lane, span, present) = (Arc::clone(&self.reading), tracing::Span::current(), Arc::new(()));
        let awaited = Arc::downgrade(&present);
        let mut request = Box::pin(request);
        let begun = tokio::task::spawn_blocking(move || {
            let _entered = span.entered();
            let connection = lane.lend()?;
            HELD.set(Some(Held { connection, lane, _permit: permit, _place: place, awaited }));
            let holding = Holding;
            let polled = request.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            drop(holding);
            Ok(match polled {
                Poll::Ready(done) => Begun::Done(done),
                Poll::Pending => Begun::Waits(request),
            })
        });
        match begun.await {
            Ok(Ok(Begun::Done(done))) => Ok(done),
            Ok(Ok(Begun::Waits(request))) => Ok(request.await),
            Ok(Err(error)) => Err(error),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(error) => Err(Error::internal(error)),
            },
        }
    }

    /// Whether this thread holds a connection of the database.
    #[must_use]
    pub fn is_at_hand(&self) -> bool {
        is_held(&self.reading)
    }

    /// Gives back the connection that this thread holds, as the request that it runs needs none any more.
    pub fn give_back(&self) {
        give_back();
    }
}

/// How far a request has come.
enum Begun<F: Future> {
    Done(F::Output),
    Waits(Pin<Box<F>>),
}

/// Runs `work` right here with the connection that this thread holds of the lane, or else on another thread with a connection
/// of its own.
///
/// # Errors
/// UNAVAILABLE when there is no connection in time, LIMIT when the budget is used up, or the error of `work`.
pub async fn run<T, F>(lane: &Arc<Lane>, budget: Option<&Arc<Budget>>, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&mut DbConnection) -> Result<T> + Send + 'static,
{
    if is_held(lane)
        && let Some(budget) = budget
    {
        budget.check()?;
    }
    match run_here(lane, work) {
        Ok(outcome) => outcome,
        // Boxed, because futures inside each other count towards the compiler's limit of hosts.
        Err(work) => Box::pin(lane.run(budget, work)).await,
    }
}

/// Does `work` with the connection that this thread holds of the lane; gives the work back if it holds none.
///
/// # Errors
/// The work.
fn run_here<T, F>(lane: &Arc<Lane>, work: F) -> std::result::Result<Result<T>, F>
where
    F: FnOnce(&mut DbConnection) -> Result<T>,
{
    // One of another lane goes back, because what follows may have to wait for a connection.
    let held = HELD.take().filter(|held| Arc::ptr_eq(&held.lane, lane));
    let Some(mut held) = held else { return Err(work) };
    // A panic takes the connection with it, in whatever state that is, as it would on a thread of its own.
    let done = catch_unwind(AssertUnwindSafe(move || {
        let outcome = held.connection.run(&held.lane, work);
        (held, outcome)
    }));
    Ok(match done {
        Ok((held, outcome)) => {
            // One that is gone is of no more use.
            let is_gone = outcome.as_ref().is_err_and(|error| error.code() == ErrorCode::Unavailable);
            HELD.set((!is_gone).then_some(held));
            outcome
        }
        Err(panic) => Err(Error::internal(said(&*panic))),
    })
}

/// Whether this thread holds a connection of the lane.
fn is_held(lane: &Arc<Lane>) -> bool {
    HELD.with_borrow(|held| held.as_ref().is_some_and(|held| Arc::ptr_eq(&held.lane, lane)))
}

/// Lets a request be dropped, if this thread holds its connection and nobody waits for it any more.
pub async fn leave_if_unwanted() {
    if HELD.with_borrow(|held| held.as_ref().is_some_and(|held| held.awaited.strong_count() == 0)) {
        give_back();
        give_way().await;
    }
}

fn give_back() {
    drop(HELD.take());
}

/// What a panic says.
fn said(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the work at the database panicked: {}", text.unwrap_or_default())
}
