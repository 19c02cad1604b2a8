//! Delivery of events to After-handlers: at least once each, one row's events in their order, none lost when a process
//! dies between commit and delivery.

use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::new_random_id;
use crate::config::OutboxSettings;
use crate::db::outbox;
use crate::domain::outbox::Delivery;
use crate::domain::signal::Signal;
use crate::error::{Error, Result};
use crate::service::Core;
use crate::signal::{Event, PLACES};

/// Delivers until told to stop, each handler on its own, so that a slow one holds up no other. What is in hand then is
/// finished within `grace`; what is not is handed back for others to take at once.
pub async fn run(core: Arc<Core>, settings: OutboxSettings, stop: CancellationToken, grace: Duration) {
    let worker = Arc::new(Worker::new(&core, &settings));
    let mut handlers = JoinSet::new();
    for handler in worker.core.bus.after_handlers() {
        handlers.spawn(Arc::clone(&worker).serve(handler, stop.clone()));
    }
    let all = async { while handlers.join_next().await.is_some() {} };
    let out_of_patience = async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        () = all => {}
        () = out_of_patience => worker.hand_back().await,
    }
}

/// Delivers what is due now to every handler, once; answers how many deliveries were made. For hosts that schedule
/// deliveries themselves, and for tests.
///
/// # Errors
/// What the database says.
pub async fn deliver_due(core: &Arc<Core>, settings: &OutboxSettings) -> Result<usize> {
    let worker = Arc::new(Worker::new(core, settings));
    let mut made = 0;
    for handler in core.bus.after_handlers() {
        loop {
            let mut deliveries = JoinSet::new();
            worker.take(&handler, &mut deliveries).await?;
            if deliveries.is_empty() {
                break;
            }
            while let Some(done) = deliveries.join_next().await {
                done.map_err(Error::internal)??;
                made += 1;
            }
        }
    }
    Ok(made)
}

struct Worker {
    core: Arc<Core>,
    settings: OutboxSettings,
    id: Uuid,
}

impl Worker {
    fn new(core: &Arc<Core>, settings: &OutboxSettings) -> Self {
        Self { core: Arc::clone(core), settings: settings.clone(), id: new_random_id() }
    }

    /// Keeps the places of a handler filled. A slow delivery takes one place and holds up nothing but later events of its row.
    async fn serve(self: Arc<Self>, handler: String, stop: CancellationToken) {
        let pause = Duration::from_millis(self.settings.poll_ms.max(10));
        let mut woken = self.core.bus.woken();
        let mut in_hand = JoinSet::new();
        while !stop.is_cancelled() {
            let took = self.take(&handler, &mut in_hand).await.unwrap_or_else(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(handler, cause, "the outbox can't be read now");
                0
            });
            if took > 0 && in_hand.len() < PLACES {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                // A place is free, and the next event of the same row may be due.
                Some(done) = in_hand.join_next() => note(&handler, done),
                _ = woken.changed(), if in_hand.len() < PLACES => {}
                () = tokio::time::sleep(pause) => {}
            }
            while let Some(done) = in_hand.try_join_next() {
                note(&handler, done);
            }
        }
        while let Some(done) = in_hand.join_next().await {
            note(&handler, done);
        }
    }

    /// Takes what is due into the free places and begins to deliver it; answers how many there were.
    async fn take(self: &Arc<Self>, handler: &str, in_hand: &mut JoinSet<Result<()>>) -> Result<usize> {
        let places = self.core.bus.take_places(handler);
        if places.is_empty() {
            if in_hand.is_empty() {
                tracing::warn!(
                    handler,
                    "nothing is delivered: all calls of the handler were given up and do not return"
                );
            }
            return Ok(0);
        }
        let free = i64::try_from(places.len()).map_err(Error::internal)?;
        let (name, id) = (handler.to_owned(), self.id);
        let (now, until) = (self.core.clock.now(), self.lease_end());
        let taken = self
            .core
            .db
            .write(move |connection| outbox::claim(connection, &name, id, now, until, free))
            .await?;
        let count = taken.len();
        for (delivery, place) in taken.into_iter().zip(places) {
            let worker = Arc::clone(self);
            in_hand.spawn(async move { worker.deliver(delivery, Arc::new(place)).await });
        }
        Ok(count)
    }

    fn lease_end(&self) -> NaiveDateTime {
        self.core.clock.now() + TimeDelta::seconds(self.settings.lease_s)
    }

    async fn hand_back(&self) {
        let id = self.id;
        match self.core.db.write(move |connection| outbox::hand_back(connection, id)).await {
            Ok(count) => tracing::warn!(count, "deliveries in hand are handed back"),
            Err(error) => tracing::warn!(%error, "deliveries in hand can't be handed back; their leases end"),
        }
    }

    async fn deliver(&self, delivery: Delivery, place: Arc<OwnedSemaphorePermit>) -> Result<()> {
        let outcome = self.call(&delivery, Arc::clone(&place)).await;
        let now = self.core.clock.now();
        let (id, attempts, worker) = (delivery.id, delivery.attempts, self.id);
        match outcome {
            Ok(()) => {
                metrics::counter!("tasks_events_total", "result" => "delivered").increment(1);
                self.core.db.write(move |connection| outbox::delivered(connection, id, worker, now)).await
            }
            Err(reason) => {
                let due = self.due_again(attempts, now);
                let result = if due.is_some() { "retried" } else { "dead" };
                metrics::counter!("tasks_events_total", "result" => result).increment(1);
                tracing::warn!(handler = delivery.handler, event = %delivery.event_id, attempts, result, reason, "an After-handler failed");
                self.core
                    .db
                    .write(move |connection| outbox::failed(connection, id, worker, &reason, due))
                    .await
            }
        }
    }

    /// Calls the handler on a thread of its own, so that its panic is an error like any other and its blocking blocks nobody
    /// else, and keeps the delivery in hand meanwhile. Its place is free again when the thread is.
    async fn call(&self, delivery: &Delivery, place: Arc<OwnedSemaphorePermit>) -> Result<(), String> {
        let signal =
            Signal::parse(&delivery.signal).ok_or_else(|| format!("unknown signal {}", delivery.signal))?;
        let event = Event {
            id: delivery.event_id,
            signal,
            entity_id: delivery.entity_id,
            user_id: delivery.user_id,
            date: delivery.date_created,
            data: delivery.data.clone(),
        };
        let work = self.core.bus.deliver(&delivery.handler, event).ok_or("the handler is not bound")?;
        let given_up = CancellationToken::new();
        let cancelled = given_up.clone().cancelled_owned();
        let runtime = tokio::runtime::Handle::current();
        let mut thread = tokio::task::spawn_blocking(move || {
            let _place = place;
            runtime.block_on(async {
                tokio::select! {
                    outcome = work => outcome.map_err(|error| error.to_string()),
                    () = cancelled => Err("the handler was given up".to_owned()),
                }
            })
        });
        // When this delivery is dropped, its handler is told so.
        let _guard = given_up.drop_guard();
        let lease = Duration::from_secs(self.settings.lease_s.unsigned_abs().max(1));
        let mut renewal = tokio::time::interval_at(tokio::time::Instant::now() + lease / 3, lease / 3);
        let patience = tokio::time::sleep(Duration::from_secs(self.settings.handler_timeout_s));
        tokio::pin!(patience);
        loop {
            tokio::select! {
                outcome = &mut thread => {
                    return outcome.unwrap_or_else(|error| Err(format!("the handler broke off: {error}")));
                }
                _ = renewal.tick() => {
                    if !self.renew(delivery.id).await {
                        return Err("another worker has taken the delivery over".to_owned());
                    }
                }
                () = &mut patience => {
                    return Err(format!("the handler took longer than {} s", self.settings.handler_timeout_s));
                }
            }
        }
    }

    /// Keeps a delivery in hand; answers whether it still is. A database that can't be asked takes nothing away.
    async fn renew(&self, id: i64) -> bool {
        let (worker, until) = (self.id, self.lease_end());
        let renewed =
            self.core.db.write(move |connection| outbox::renew(connection, id, worker, until)).await;
        renewed.unwrap_or_else(|error| {
            tracing::warn!(%error, id, "the lease of a delivery can't be renewed now");
            true
        })
    }

    /// When a failed delivery is due again; never, after the last attempt. Pauses double, and differ a little, lest all
    /// retries come at once.
    fn due_again(&self, attempts: i32, now: NaiveDateTime) -> Option<NaiveDateTime> {
        if attempts >= self.settings.attempts {
            return None;
        }
        let doubled = self.settings.first_pause_ms.saturating_mul(1 << attempts.clamp(1, 30) >> 1);
        let pause = doubled.min(self.settings.longest_pause_s.saturating_mul(1_000));
        let jitter = i64::from(rand::random::<u8>()) * pause / 1_024;
        Some(now + TimeDelta::milliseconds(pause + jitter))
    }
}

/// What came of a delivery stands in the outbox; what could not even be written there is tried again when its lease ends.
fn note(handler: &str, done: Result<Result<()>, tokio::task::JoinError>) {
    match done {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(handler, %error, "the end of a delivery can't be noted"),
        Err(error) => tracing::error!(handler, %error, "a delivery broke off"),
    }
}
