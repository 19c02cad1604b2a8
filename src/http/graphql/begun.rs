//! An execution that has begun on the thread of its connection, before it is known whether it has to wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::budget::gives_way;

/// Goes on with an execution until it waits; what it answers, if it is done by then, or that it panicked. A task of its own
/// is needed only from then on: nothing breaks off what does not wait. With a connection at hand it goes on up to `turns`
/// times when only the library has yielded, as it does while fields of an object wait for a loader. When the execution gives
/// way to others, because its answer is large, it goes on among them.
pub fn begin<F: Future>(
    execution: &mut Pin<Box<F>>,
    turns: usize,
) -> Option<std::result::Result<F::Output, String>> {
    let yielded = Arc::new(Yielded::default());
    let waker = Waker::from(Arc::clone(&yielded));
    gives_way();
    for _ in 0..turns {
        let poll = || execution.as_mut().poll(&mut Context::from_waker(&waker));
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Poll::Ready(done)) => return Some(Ok(done)),
            Ok(Poll::Pending) if yielded.0.swap(false, Ordering::SeqCst) && !gives_way() => {}
            Ok(Poll::Pending) => return None,
            Err(_) => return Some(Err("it panicked".to_owned())),
        }
    }
    None
}

/// Whether an execution has woken itself, and so waits for nothing else.
#[derive(Default)]
struct Yielded(AtomicBool);

impl Wake for Yielded {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
