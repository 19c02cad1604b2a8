//! Places lent to operations that a host drives. An executor drives nothing of a WebSocket while it can't write to it, because
//! the client does not read. An operation that is not driven gives its place back, whether it had it or waited for it, and
//! takes a new one before it goes on.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::budget::fair_places::Ticket;

/// An operation that is not driven for so long, and then not for as long after it was woken, gives its place back.
const PATIENCE: Duration = Duration::from_millis(500);

/// A lent place; free again when this is dropped, and when its holder is not driven.
pub struct Loan {
    presence: Arc<Presence>,
    keeper: AbortHandle,
}

/// When the holder of a loan, or who waits for it, was driven.
#[derive(Default)]
struct Presence {
    times: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl Loan {
    /// Waits for a place of this ticket; none if there never will be one, and outside of a runtime.
    pub async fn of(ticket: &Arc<Ticket>) -> Option<Self> {
        let runtime = Handle::try_current().ok()?;
        loop {
            let presence = Arc::new(Presence::default());
            let (answer, mut answered) = oneshot::channel();
            let keeper = runtime.spawn({
                let (ticket, presence) = (Arc::clone(ticket), Arc::clone(&presence));
                async move {
                    let place = tokio::select! {
                        place = ticket.place() => place,
                        () = presence.ends() => {
                            // Whoever waited may be gone.
                            let _ = answer.send(false);
                            return;
                        }
                    };
                    // Nobody listens any more if who waited has gone.
                    if place.is_some() && answer.send(true).is_ok() {
                        presence.ends().await;
                    }
                }
            });
            let loan = Self { presence, keeper: keeper.abort_handle() };
            let is_granted = poll_fn(|cx| {
                loan.presence.note(cx);
                Pin::new(&mut answered).poll(cx)
            });
            match is_granted.await {
                Ok(true) if !loan.keeper.is_finished() => return Some(loan),
                // It was not driven while it waited, or while it already had its place, so it asks once more.
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// Notes that the holder is driven; false if the place was given back meanwhile.
    pub fn lasts(&self, cx: &Context<'_>) -> bool {
        self.presence.note(cx);
        !self.keeper.is_finished()
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Presence {
    fn note(&self, cx: &Context<'_>) {
        self.times.fetch_add(1, Ordering::Relaxed);
        let mut waker = self.waker();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Waits until somebody who was woken has not been driven.
    async fn ends(&self) {
        loop {
            if self.is_still_for_a_while().await {
                // It may only have had nothing to do.
                let waker = self.waker().clone();
                waker.inspect(Waker::wake_by_ref);
                if self.is_still_for_a_while().await {
                    return;
                }
            }
        }
    }

    async fn is_still_for_a_while(&self) -> bool {
        let before = self.times.load(Ordering::Relaxed);
        tokio::time::sleep(PATIENCE).await;
        self.times.load(Ordering::Relaxed) == before
    }

    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::budget::fair_places::FairPlaces;

    fn ticket(places: &Arc<FairPlaces>, name: &str) -> Arc<Ticket> {
        Arc::new(places.ticket(vec![(name.to_owned(), usize::MAX)]).expect("room"))
    }

    #[tokio::test]
    async fn a_loan_ends_when_nobody_drives_its_holder_or_who_waits_for_it() {
        let places = FairPlaces::new(1, usize::MAX);
        let begun = Instant::now();
        let kept = Loan::of(&ticket(&places, "a")).await.expect("free");
        let second = ticket(&places, "b");
        let mut waiting = Box::pin(Loan::of(&second));
        assert!(
            tokio::time::timeout(Duration::ZERO, &mut waiting).await.is_err(),
            "it waits, and is not driven"
        );
        let third = Loan::of(&ticket(&places, "c")).await.expect("after both");
        assert!(begun.elapsed() < PATIENCE * 8, "{:?}", begun.elapsed());
        let lasts = |loan: &Loan| loan.lasts(&Context::from_waker(Waker::noop()));
        assert!(!lasts(&kept));
        drop(third);
        assert!(lasts(&waiting.await.expect("it asks once more")));
    }

    #[tokio::test]
    async fn a_loan_lasts_while_its_holder_only_waits_for_something() {
        let places = FairPlaces::new(1, usize::MAX);
        let loan = Loan::of(&ticket(&places, "a")).await.expect("free");
        let mut work = Box::pin(tokio::time::sleep(PATIENCE * 5));
        let lasted = poll_fn(|cx| {
            let lasts = loan.lasts(cx);
            work.as_mut().poll(cx).map(|()| lasts)
        });
        assert!(lasted.await);
        drop(loan);
        assert!(ticket(&places, "b").place().await.is_some());
    }
}
