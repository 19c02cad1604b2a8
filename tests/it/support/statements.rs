//! Which statements go to a database, and how many.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::ThreadId;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

use tasks_management::{Builder, Settings};

use super::app::TestApp;

/// Statements without their values by database, of the connections that were made after counting began.
static SENT: Mutex<BTreeMap<String, Vec<Sent>>> = Mutex::new(BTreeMap::new());

/// A statement, and the way that it took: from which thread, by which connection.
struct Sent {
    text: String,
    way: (ThreadId, usize),
}

struct Counting {
    url: String,
    number: usize,
}

impl Default for Counting {
    fn default() -> Self {
        static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);
        Self { url: String::new(), number: CONNECTIONS.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Instrumentation for Counting {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => self.url = url.to_owned(),
            InstrumentationEvent::StartQuery { query, .. } => {
                let text = query.to_string();
                let text = text.split(" -- binds").next().unwrap_or_default().to_owned();
                let mut sent = SENT.lock().unwrap_or_else(PoisonError::into_inner);
                let way = (std::thread::current().id(), self.number);
                sent.entry(self.url.clone()).or_default().push(Sent { text, way });
            }
            _ => {}
        }
    }
}

impl TestApp {
    /// Another server process on the same database, whose statements are counted.
    pub fn counted_process(&self) -> Self {
        self.counted_process_with(|_| {})
    }

    /// The same with settings of the test's own.
    pub fn counted_process_with(&self, settings: impl FnOnce(&mut Settings)) -> Self {
        self.counted_process_of(settings, |builder| builder)
    }

    /// The same with what else the test gives the builder.
    pub fn counted_process_of(
        &self,
        settings: impl FnOnce(&mut Settings),
        build: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        set_default_instrumentation(|| Some(Box::new(Counting::default()))).expect("nobody panicked");
        // Connections are made when they are needed, so those of this process are new.
        self.another_process_with(settings, build)
    }

    /// The statements that counted processes have sent since this was asked last.
    pub fn statements(&self) -> Vec<String> {
        self.sent().into_iter().map(|sent| sent.text).collect()
    }

    /// How many ways they took, of threads and connections.
    pub fn ways(&self) -> usize {
        self.sent().into_iter().map(|sent| sent.way).collect::<HashSet<_>>().len()
    }

    fn sent(&self) -> Vec<Sent> {
        let mut sent = SENT.lock().unwrap_or_else(PoisonError::into_inner);
        sent.remove(self.database_url().trim_start_matches("sqlite://")).unwrap_or_default()
    }
}
