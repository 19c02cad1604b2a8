//! Noticing that nobody makes the deliveries: a host may have forgotten to spawn the workers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

/// How long a host may take to spawn the workers.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Whether somebody makes the deliveries of a module.
#[derive(Clone)]
pub struct Served(Arc<AtomicBool>);

impl Served {
    /// Nobody does yet; if that stays so, it is warned about. Where a module is built outside a runtime, nobody watches.
    pub fn watched(patience: Duration) -> Self {
        let served = Self(Arc::default());
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(warn_if_unserved(Arc::downgrade(&served.0), patience));
        }
        served
    }

    /// Notes that somebody does.
    pub fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Warns once, unless the module is gone by then.
async fn warn_if_unserved(served: Weak<AtomicBool>, patience: Duration) {
    tokio::time::sleep(patience).await;
    if served.upgrade().is_some_and(|served| !served.load(Ordering::Relaxed)) {
        tracing::warn!(
            "nothing is delivered to After-handlers, maker-checker, webhooks, mails and re-evaluation: neither `workers` nor \
             `deliver_due` was called"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// How often it is warned about a module that is used so.
    async fn warnings(use_it: impl FnOnce(Served) -> Option<Served>) -> usize {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let served = Served(Arc::default());
        let watched = Arc::downgrade(&served.0);
        let _kept = use_it(served);
        warn_if_unserved(watched, Duration::from_millis(1)).await;
        let text = String::from_utf8(lines.0.lock().expect("nobody panicked").clone()).expect("text");
        text.matches("nothing is delivered").count()
    }

    #[tokio::test]
    async fn workers_that_were_never_spawned_are_warned_about() {
        assert_eq!(warnings(Some).await, 1);
        let spawned = |served: Served| {
            served.note();
            Some(served)
        };
        assert_eq!(warnings(spawned).await, 0);
        assert_eq!(warnings(|_| None).await, 0, "the module is gone");
    }
}
