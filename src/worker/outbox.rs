//! Delivery of events to After-handlers: at least once each, one row's events in their order, none lost when a process
//! dies between commit and delivery.

use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::new_random_id;
use crate::config::OutboxSettings;
use crate::db::outbox::{self, Delivery};
use crate::domain::signal::Signal;
use crate::error::{Error, Result};
use crate::service::Core;
use crate::signal::Event;

/// Delivers until told to stop, each handler on its own, so that a slow one holds up no other. What is in hand then is
/// finished first.
pub async fn run(core: Arc<Core>, settings: OutboxSettings, stop: CancellationToken) {
    let worker = Arc::new(Worker { core, settings, id: new_random_id() });
    let mut handlers = JoinSet::new();
    for handler in worker.core.bus.after_handlers() {
        handlers.spawn(Arc::clone(&worker).serve(handler, stop.clone()));
    }
    while handlers.join_next().await.is_some() {}
}

/// Delivers what is due now to every handler, once; answers how many deliveries were made. For hosts that schedule
/// deliveries themselves, and for tests.
///
/// # Errors
/// What the database says.
pub async fn deliver_due(core: &Arc<Core>, settings: &OutboxSettings) -> Result<usize> {
    let worker = Arc::new(Worker { core: Arc::clone(core), settings: settings.clone(), id: new_random_id() });
    let mut made = 0;
    for handler in core.bus.after_handlers() {
        loop {
            let round = worker.round(&handler).await?;
            made += round;
            if round == 0 {
                break;
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

/// How many deliveries are taken at once.
const BATCH: i64 = 20;

impl Worker {
    async fn serve(self: Arc<Self>, handler: String, stop: CancellationToken) {
        let pause = Duration::from_millis(self.settings.poll_ms.max(10));
        let mut woken = self.core.bus.woken();
        while !stop.is_cancelled() {
            match self.round(&handler).await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(handler, cause, "the outbox can't be read now");
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                _ = woken.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Takes what is due and delivers it, all at once: each is about another row, and all leases run alike.
    async fn round(self: &Arc<Self>, handler: &str) -> Result<usize> {
        let (name, id) = (handler.to_owned(), self.id);
        let now = self.core.clock.now();
        let until = now + TimeDelta::seconds(self.settings.lease_s);
        let taken = self
            .core
            .db
            .write(move |connection| outbox::claim(connection, &name, id, now, until, BATCH))
            .await?;
        let count = taken.len();
        let mut deliveries = JoinSet::new();
        for delivery in taken {
            let worker = Arc::clone(self);
            deliveries.spawn(async move { worker.deliver(delivery).await });
        }
        while let Some(done) = deliveries.join_next().await {
            done.map_err(Error::internal)??;
        }
        Ok(count)
    }

    async fn deliver(&self, delivery: Delivery) -> Result<()> {
        let outcome = self.call(&delivery).await;
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

    /// Calls the handler in a task of its own, so that its panic is an error like any other.
    async fn call(&self, delivery: &Delivery) -> Result<(), String> {
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
        let patience = Duration::from_secs(self.settings.lease_s.unsigned_abs());
        let mut task = tokio::spawn(work);
        match tokio::time::timeout(patience, &mut task).await {
            Ok(Ok(outcome)) => outcome.map_err(|error| error.to_string()),
            Ok(Err(error)) => Err(format!("the handler broke off: {error}")),
            Err(_) => {
                task.abort();
                Err("the handler took longer than its lease".to_owned())
            }
        }
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
