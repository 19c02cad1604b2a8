//! The bus: which handlers are bound to which signal, and when each is called.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::db::connection::DbConnection;
use crate::db::entity::insert_counted;
use crate::db::outbox::{self, Listening};
use crate::domain::mail;
use crate::domain::outbox::Subscriber;
use crate::domain::signal::Signal;
use crate::domain::text::{MAX_TEXT, check_text};
use crate::domain::webhook_endpoint::wants;
use crate::error::Result;
use crate::signal::event::Event;

/// Why an After-handler failed. Its text goes to the log and into the outbox.
pub type HandlerError = Box<dyn std::error::Error + Send + Sync>;

type InTransaction = Arc<dyn Fn(&mut DbConnection, &Event) -> Result<()> + Send + Sync>;
type AfterCommit =
    Arc<dyn Fn(Event) -> Pin<Box<dyn Future<Output = Result<(), HandlerError>> + Send>> + Send + Sync>;

/// Binds handlers to signals, before the bus starts.
#[derive(Default)]
pub struct BusBuilder {
    before: HashMap<Signal, Vec<InTransaction>>,
    within: HashMap<Signal, Vec<InTransaction>>,
    after: HashMap<String, AfterHandler>,
    /// A sentence on the first After-handler that can't have its name.
    contradiction: Option<String>,
    has_webhooks: bool,
    sends_mails: bool,
}

/// How many permits each handler has: so many of its calls can be under way at once.
pub const PERMITS: usize = 20;

struct AfterHandler {
    signals: HashSet<Signal>,
    handle: AfterCommit,
    permits: Arc<Semaphore>,
}

impl BusBuilder {
    /// Calls `handler` in the transaction before the change; its error refuses the change and is shown to the caller.
    #[must_use]
    pub fn before(
        mut self,
        signal: Signal,
        handler: impl Fn(&mut DbConnection, &Event) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.before.entry(signal).or_default().push(Arc::new(handler));
        self
    }

    /// Calls `handler` in the transaction after the change; its error undoes the change and is shown to the caller.
    #[must_use]
    pub fn within(
        mut self,
        signal: Signal,
        handler: impl Fn(&mut DbConnection, &Event) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.within.entry(signal).or_default().push(Arc::new(handler));
        self
    }

    /// Calls `handler` after the commit, at least once for each event; events about one row come in their order. Deliveries
    /// in the outbox hold `name`, so it must stay the same from one start to the next, and each has its own. Names of the form `webhook:<uuid>` and
    /// `dispatcher:<uuid>` belong to webhook endpoints and dispatchers, and `tasks.re_evaluation`, `tasks.mail` and `tasks.mail_addressing` to the module itself.
    #[must_use]
    pub fn after<F>(
        mut self,
        name: &str,
        signals: impl IntoIterator<Item = Signal>,
        handler: impl Fn(Event) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let handle: AfterCommit = Arc::new(move |event| Box::pin(handler(event)));
        let (signals, permits) = (signals.into_iter().collect(), Arc::new(Semaphore::new(PERMITS)));
        let can_be_kept = !name.is_empty() && check_text("name", name, MAX_TEXT).is_ok();
        let is_own = !matches!(Subscriber::of_name(name), Subscriber::Handler(_));
        let is_taken =
            self.after.insert(name.to_owned(), AfterHandler { signals, handle, permits }).is_some();
        if !can_be_kept {
            let sentence = format!(
                "An After-handler has the name {name:?}: a name has 1 to {MAX_TEXT} characters, and no NUL among them."
            );
            self.contradiction.get_or_insert(sentence);
        } else if is_own {
            let sentence = format!("An After-handler has the name {name}, which belongs to the module.");
            self.contradiction.get_or_insert(sentence);
        } else if is_taken {
            self.contradiction.get_or_insert(format!("Two After-handlers have the name {name}."));
        }
        self
    }

    /// A sentence on the first After-handler that has a name of another one or of the module; none if all is well.
    #[must_use]
    pub(crate) fn contradiction(&self) -> Option<String> {
        self.contradiction.clone()
    }

    /// Sets whether webhook endpoints are told too.
    #[must_use]
    pub(crate) const fn webhooks(mut self, has_webhooks: bool) -> Self {
        self.has_webhooks = has_webhooks;
        self
    }

    /// Sets whether people get mails about events.
    #[must_use]
    pub(crate) const fn mails(mut self, sends_mails: bool) -> Self {
        self.sends_mails = sends_mails;
        self
    }

    /// Makes the bus. After that, nothing can be bound.
    #[must_use]
    pub(crate) fn build(self) -> Bus {
        Bus { handlers: Arc::new(self) }
    }
}

/// The handlers, webhook endpoints and dispatchers that are told of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audience {
    within: bool,
    after: Vec<String>,
}

impl Audience {
    /// The audience with another handler, if there is one.
    pub(crate) fn and(mut self, handler: Option<String>) -> Self {
        self.after.extend(handler);
        self
    }

    /// Whether nobody is told, so that the event's data need not be made.
    #[must_use]
    pub(crate) const fn is_empty(&self) -> bool {
        !self.within && self.after.is_empty()
    }
}

/// Which handlers are bound to which signal. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    handlers: Arc<BusBuilder>,
}

impl Bus {
    /// A builder to which nothing is bound yet.
    #[must_use]
    pub fn builder() -> BusBuilder {
        BusBuilder::default()
    }

    /// Whether a Before-handler is bound to this signal.
    #[must_use]
    pub(crate) fn is_bound_before_change(&self, signal: Signal) -> bool {
        self.handlers.before.contains_key(&signal)
    }

    /// Whether handlers act in the transactions of changes, where they may change other rows.
    #[must_use]
    pub(crate) fn acts_within_changes(&self) -> bool {
        !self.handlers.before.is_empty() || !self.handlers.within.is_empty()
    }

    /// The webhook endpoints and dispatchers that are told of events. They are looked up in the transaction of a change, so that none
    /// misses an event after any process has added it.
    pub(crate) fn listening(&self, connection: &mut DbConnection) -> Result<Vec<Listening>> {
        outbox::listening(connection, self.handlers.has_webhooks)
    }

    /// The audience of this signal once the change is made.
    pub(crate) fn audience(&self, signal: Signal, listening: &[Listening]) -> Audience {
        let bound = self.handlers.after.iter().filter(|(_, handler)| handler.signals.contains(&signal));
        let mut after: Vec<String> = bound.map(|(name, _)| name.clone()).collect();
        let wanting = listening.iter().filter(|listening| wants(&listening.signals, signal));
        after.extend(wanting.map(|listening| listening.name.clone()));
        if self.handlers.sends_mails && mail::built_in(signal).is_some() {
            after.push(Subscriber::MailAddressing.name());
        }
        Audience { within: self.handlers.within.contains_key(&signal), after }
    }

    /// Calls the Before-handlers.
    ///
    /// # Errors
    /// The first refusal.
    pub(crate) fn before(&self, connection: &mut DbConnection, event: &Event) -> Result<()> {
        let handlers = self.handlers.before.get(&event.signal).into_iter().flatten();
        handlers.into_iter().try_for_each(|handler| handler(connection, event))
    }

    /// Calls the Within-handlers, and leaves a delivery in the outbox for each other member of the audience.
    ///
    /// # Errors
    /// The first error of a handler.
    pub(crate) fn changed(
        &self,
        connection: &mut DbConnection,
        event: &Event,
        audience: &Audience,
    ) -> Result<()> {
        for handler in self.handlers.within.get(&event.signal).into_iter().flatten() {
            handler(connection, event)?;
        }
        if audience.after.is_empty() {
            return Ok(());
        }
        for name in &audience.after {
            insert_counted(connection, &event.delivery_to(name))?;
        }
        outbox::announce(connection)
    }

    /// Whether webhook endpoints are told too.
    #[must_use]
    pub(crate) fn has_webhooks(&self) -> bool {
        self.handlers.has_webhooks
    }

    /// The names of the After-handlers.
    #[must_use]
    pub(crate) fn after_handlers(&self) -> Vec<String> {
        self.handlers.after.keys().cloned().collect()
    }

    /// Takes the free permits of this After-handler, until they are dropped. A call that never returns keeps its permit,
    /// even if it is given up. So a handler can't take more threads than it has permits.
    #[must_use]
    pub(crate) fn take_permits(&self, handler: &str) -> Vec<OwnedSemaphorePermit> {
        let permits = self.handlers.after.get(handler).map(|bound| &bound.permits);
        let free = std::iter::from_fn(|| Arc::clone(permits?).try_acquire_owned().ok());
        free.collect()
    }

    /// A future that calls the After-handler of this name on an event; none if no such handler is bound.
    #[must_use]
    pub(crate) fn deliver(
        &self,
        handler: &str,
        event: Event,
    ) -> Option<impl Future<Output = Result<(), HandlerError>> + Send + use<>> {
        let handle = Arc::clone(&self.handlers.after.get(handler)?.handle);
        // The handler is not called before the future is awaited, so its synchronous part runs on the same thread.
        Some(async move { handle(event).await })
    }
}
