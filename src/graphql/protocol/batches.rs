//! When the batches of loaders are fetched: as soon as the execution can't go on without them, and not before.
//!
//! If a batch ran in a tokio task of its own, it would begin while the execution still goes through the list, and a list of
//! fifty rows would be fetched in twenty-five pieces. Here the execution and its batches take turns.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

type Batch = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The batches that a request's loaders have begun and nobody has fetched yet.
#[derive(Clone, Default)]
pub struct Batches(Arc<Mutex<Vec<Batch>>>);

impl Batches {
    /// The function by which a loader begins a batch.
    pub fn spawner(&self) -> impl Fn(Batch) + Send + Sync + 'static {
        let wanted = self.clone();
        move |batch| wanted.0.lock().unwrap_or_else(PoisonError::into_inner).push(batch)
    }

    /// Runs an execution. All keys that it has asked of a loader by the time it waits are one batch.
    pub async fn drive<T>(&self, execution: impl Future<Output = T>) -> T {
        let mut execution = pin!(execution);
        let mut running: Vec<Batch> = Vec::new();
        let turn = Arc::new(Turn::default());
        poll_fn(|cx| {
            loop {
                turn.begin(cx.waker());
                let waker = Waker::from(Arc::clone(&turn));
                if let Poll::Ready(outcome) = execution.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Poll::Ready(outcome);
                }
                if turn.goes_on() {
                    return Poll::Pending;
                }
                running.append(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
                let before = running.len();
                running.retain_mut(|batch| batch.as_mut().poll(cx).is_pending());
                if running.len() == before {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// Tells an execution that waits from one that has only yielded, and goes on with its list when it is polled again: one that
/// yields has woken itself.
#[derive(Default)]
struct Turn {
    is_woken: AtomicBool,
    outer: Mutex<Option<Waker>>,
}

impl Turn {
    fn begin(&self, outer: &Waker) {
        *self.outer.lock().unwrap_or_else(PoisonError::into_inner) = Some(outer.clone());
        self.is_woken.store(false, Ordering::SeqCst);
    }

    fn goes_on(&self) -> bool {
        self.is_woken.load(Ordering::SeqCst)
    }
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        let outer = self.outer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}
