//! Delivery of events to After-handlers and webhook endpoints, and of mails: at least once each, one row's events in their order, none
//! lost when a process dies between commit and delivery.
//!
//! A worker leases deliveries (`FOR UPDATE SKIP LOCKED`) and renews the leases of those in hand. When it dies, another worker takes
//! them over after `outbox.lease_s`, and a late worker can't mark what it has lost. When the process ends, deliveries in hand are
//! finished within the grace, or handed back.
//!
//! Dispatchers take turns by who answers for them (`budget/rests.rs`): who has a thousand of them has no more done at once than who has
//! one. A delivery that waits for its turn is in no hand.
//!
//! Each handler has twenty permits, and each call a thread of its own. So a slow, blocking or panicking handler harms no other, and a
//! slow delivery holds up only later events of its row. A call that does not return within `outbox.handler_timeout_s` is given
//! up; it keeps its permit until it returns, so that it can't use up the threads of the process. A call that only awaits is ended,
//! and its permit is free. After the last attempt a delivery is DEAD for its subscriber only. Claims and results of many deliveries
//! are written together (`gathered.rs`).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::gathered::Gathered;
use super::mail::Mails;
use super::task_dispatcher::{DISPATCHED, DispatchTurn};
use super::webhook::Webhooks;
use crate::clock::new_random_id;
use crate::config::OutboxSettings;
use crate::db::lease::{self, Lease};
use crate::db::outbox::{self, Looked};
use crate::domain::outbox::Subscriber;
use crate::error::{Error, Result};
use crate::model::outbox::Delivery;
use crate::reports::Reports;
use crate::service::{ServiceContext, re_evaluation, webhook_attempt};
use crate::signal::PERMITS;

mod claim;
pub mod settlement;
mod telling;

use claim::Claim;
use settlement::{Attempted, Record, Settlement};

/// How often the log says that deliveries to one subscriber go on failing. What came of each is in the outbox.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// Delivers until told to stop, to each subscriber by itself, so that a slow one holds up no other. Then it finishes the
/// deliveries in hand within `grace`, and hands the others back, for other workers to take at once.
pub async fn run(
    services: Arc<ServiceContext>,
    (webhooks, mails): (Arc<Webhooks>, Arc<Mails>),
    settings: OutboxSettings,
    stop: CancellationToken,
    grace: Duration,
) {
    let worker = Arc::new(Worker::new(&services, (&webhooks, &mails), &settings, stop.clone()));
    let all = Arc::clone(&worker).serve_all();
    let out_of_patience = async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        () = all => {}
        () = out_of_patience => worker.hand_back().await,
    }
}

/// Makes all deliveries once that are due now; returns how many. For hosts that schedule deliveries themselves, and for
/// tests.
pub async fn deliver_due(
    services: &Arc<ServiceContext>,
    senders: (&Arc<Webhooks>, &Arc<Mails>),
    settings: &OutboxSettings,
) -> Result<usize> {
    let worker = Arc::new(Worker::new(services, senders, settings, CancellationToken::new()));
    let (mut made, mut in_hand, mut idle) = (0, HashSet::new(), HashSet::new());
    re_evaluation::register_checked_services(services).await?;
    let mut deliveries = JoinSet::new();
    loop {
        for found in worker.look().await?.into_iter().filter(|found| found.is_due) {
            if in_hand.contains(&found.name) || idle.contains(&found.name) {
                continue;
            }
            in_hand.insert(found.name.clone());
            let worker = Arc::clone(&worker);
            deliveries.spawn(async move { Ok::<_, Error>((worker.deliver_some(&found).await?, found.name)) });
        }
        // Others do not wait for who takes long, such as a dispatcher that waits for its turn.
        let Some(done) = deliveries.join_next().await else { return Ok(made) };
        let (count, name) = done.map_err(Error::internal)??;
        in_hand.remove(&name);
        if count > 0 {
            // What it has done may have left something for anybody.
            idle.clear();
        } else {
            idle.insert(name);
        }
        made += count;
    }
}

/// What a delivery needs to be made. It is free again when nobody holds it any more.
type Permit = Option<Arc<Held>>;

enum Held {
    /// The permit of a handler.
    Handler(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit),
    /// The turn of who answers for a dispatcher.
    Turn(Box<DispatchTurn>),
}

/// What came of an attempt, and what is to be recorded of it.
type Outcome = (Attempted, Option<Record>);

struct Worker {
    services: Arc<ServiceContext>,
    webhooks: Arc<Webhooks>,
    mails: Arc<Mails>,
    settings: OutboxSettings,
    id: Uuid,
    stop: CancellationToken,
    claims: Arc<Gathered<Claim>>,
    settlements: Arc<Gathered<Settlement>>,
    /// What was said of a subscriber.
    reports: Reports<(String, &'static str)>,
}

impl Worker {
    fn new(
        services: &Arc<ServiceContext>,
        (webhooks, mails): (&Arc<Webhooks>, &Arc<Mails>),
        settings: &OutboxSettings,
        stop: CancellationToken,
    ) -> Self {
        Self {
            services: Arc::clone(services),
            webhooks: Arc::clone(webhooks),
            mails: Arc::clone(mails),
            settings: settings.clone(),
            id: new_random_id(),
            stop,
            claims: Gathered::new(services),
            settlements: Gathered::new(services),
            reports: Reports::every(SAID_EVERY),
        }
    }

    /// The subscribers that are always served: the After-handlers, and the module itself.
    fn handlers(&self) -> impl Iterator<Item = Subscriber> + use<> {
        let own = self.services.checked_services.iter().map(|service| Some(service.name.clone()));
        let own: Vec<Subscriber> = own.chain([None]).map(Subscriber::ReEvaluation).collect();
        let mails = [Subscriber::MailAddressing, Subscriber::Mail, Subscriber::MailDigest];
        let mails = self.services.mail.is_on().then_some(mails);
        let handlers = self.services.bus.after_handlers().into_iter().map(Subscriber::Handler);
        handlers.chain(own).chain(mails.into_iter().flatten())
    }

    fn pause(&self) -> Duration {
        Duration::from_millis(self.settings.poll_ms.max(10))
    }

    /// Looks for all subscribers whether deliveries are due, by one statement.
    async fn look(&self) -> Result<Vec<Looked>> {
        self.webhooks.configure(&self.services).await?;
        let names: Vec<String> = self.handlers().map(|subscriber| subscriber.name()).collect();
        let (has_webhooks, now) = (self.services.bus.has_webhooks(), self.services.clock.now());
        self.services.read(move |_, connection| outbox::look(connection, &names, has_webhooks, now)).await
    }

    /// Looks when somebody wakes the workers, and regularly, and tells the subscribers for whom deliveries are due. Each is served by
    /// itself. Handlers stay, but endpoints come and go.
    async fn serve_all(self: Arc<Self>) {
        let stop = &self.stop;
        let mut woken = self.services.db.woken();
        let mut at_work = JoinSet::new();
        let mut served: HashMap<String, (watch::Sender<Looked>, CancellationToken)> = HashMap::new();
        let mut is_registered = false;
        let mut regular = tokio::time::interval(self.pause());
        regular.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            let is_regular = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = regular.tick() => true,
                _ = woken.changed() => false,
                Some(_) = at_work.join_next() => continue,
            };
            if !is_registered {
                let registered = re_evaluation::register_checked_services(&self.services).await;
                is_registered = registered.inspect_err(warn_unread).is_ok();
            }
            let found = match self.look().await {
                Ok(found) => found,
                Err(error) => {
                    warn_unread(&error);
                    continue;
                }
            };
            served.retain(|name, (_, until)| {
                let stays = found.iter().any(|found| found.name == *name);
                if !stays {
                    until.cancel();
                }
                stays
            });
            for found in found {
                let (tell, _) = served.entry(found.name.clone()).or_insert_with_key(|name| {
                    let ((tell, told), until) = (watch::channel(found.clone()), stop.child_token());
                    let subscriber = Subscriber::of_name(name);
                    at_work.spawn(Arc::clone(&self).serve(subscriber, told, until.clone()));
                    (tell, until)
                });
                // However many endpoints fail, they keep nobody waiting.
                if found.is_due && (is_regular || !found.is_failing) {
                    tell.send_replace(found);
                }
            }
        }
        while at_work.join_next().await.is_some() {}
    }

    /// Takes what is due when it is `told` so, and when a delivery ends. Uses all permits of the subscriber: a slow delivery
    /// takes one, and holds up only later events of its row.
    async fn serve(
        self: Arc<Self>,
        subscriber: Subscriber,
        mut told: watch::Receiver<Looked>,
        stop: CancellationToken,
    ) {
        let handler = subscriber.name();
        let mut in_hand = JoinSet::new();
        let mut may_be_due = false;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(done) = in_hand.join_next() => may_be_due |= self.note(&handler, done),
                told = told.changed(), if in_hand.len() < PERMITS => match told {
                    Ok(()) => may_be_due = true,
                    Err(_) => break,
                },
            }
            while let Some(done) = in_hand.try_join_next() {
                may_be_due |= self.note(&handler, done);
            }
            if may_be_due {
                let (found, was_busy) = (told.borrow().clone(), !in_hand.is_empty());
                let is_failing = found.is_failing;
                let permits = tokio::select! {
                    biased;
                    () = stop.cancelled() => break,
                    permits = self.permits(&subscriber, &found, in_hand.len()) => permits,
                };
                let taken = self.take(&subscriber, permits, &mut in_hand).await;
                if let Err(error) = &taken {
                    let cause = std::error::Error::source(error).map(ToString::to_string);
                    self.warn(&handler, "the outbox can't be read now", cause.as_deref());
                }
                // What is due may have to wait for what is in hand.
                may_be_due = taken.is_ok() && was_busy && !is_failing;
            }
        }
        while let Some(done) = in_hand.join_next().await {
            self.note(&handler, done);
        }
    }

    /// Makes some deliveries that are due to a subscriber; returns how many.
    async fn deliver_some(self: &Arc<Self>, found: &Looked) -> Result<usize> {
        let subscriber = Subscriber::of_name(&found.name);
        // In a set of its own, because its length says how many permits are free.
        let mut own = JoinSet::new();
        let permits = self.permits(&subscriber, found, 0).await;
        self.take(&subscriber, permits, &mut own).await?;
        let mut made = 0;
        while let Some(done) = own.join_next().await {
            done.map_err(Error::internal)??;
            made += 1;
        }
        Ok(made)
    }

    /// Takes as many due deliveries as there are permits, and begins to make them.
    async fn take(
        self: &Arc<Self>,
        subscriber: &Subscriber,
        permits: Vec<Permit>,
        in_hand: &mut JoinSet<Result<bool>>,
    ) -> Result<()> {
        if permits.is_empty() {
            return Ok(());
        }
        let (now, until) = (self.services.clock.now(), self.lease_end());
        let most = i64::try_from(permits.len()).map_err(Error::internal)?;
        let claim = Claim { handler: subscriber.name(), lease: Lease { worker: self.id, now, until, most } };
        let taken = self.claims.write(claim).await?;
        for (delivery, permit) in taken.into_iter().zip(permits) {
            let worker = Arc::clone(self);
            in_hand.spawn(async move { worker.deliver(delivery, permit).await });
        }
        Ok(())
    }

    /// The permits for more deliveries to a subscriber. At an endpoint where the last attempt failed it is one at a time. A dispatcher
    /// waits for its turn: its owner has no other until all deliveries are made that hold it.
    async fn permits(&self, subscriber: &Subscriber, found: &Looked, in_hand: usize) -> Vec<Permit> {
        match found.owner {
            Some(_) if in_hand > 0 => Vec::new(),
            Some(owner) => {
                let turn = self.services.dispatching.turn(owner, self.stop.clone()).await;
                let turn = Held::Turn(Box::new(DispatchTurn::new(&self.services, turn)));
                vec![Some(Arc::new(turn)); DISPATCHED]
            }
            None => {
                let mut permits = self.free_permits(subscriber, in_hand);
                if found.is_failing {
                    permits.truncate(1_usize.saturating_sub(in_hand));
                }
                permits
            }
        }
    }

    /// The free permits of a subscriber. An attempt at an endpoint ends when it is given up. The call of a handler may go
    /// on, and keeps its permit then.
    fn free_permits(&self, subscriber: &Subscriber, in_hand: usize) -> Vec<Permit> {
        let Subscriber::Handler(handler) = subscriber else {
            return vec![None; PERMITS.saturating_sub(in_hand)];
        };
        let permits = self.services.bus.take_permits(handler);
        if permits.is_empty() && in_hand == 0 {
            tracing::warn!(
                handler,
                "nothing is delivered: all calls of the handler were given up and do not return"
            );
        }
        permits.into_iter().map(|permit| Some(Arc::new(Held::Handler(permit)))).collect()
    }

    fn lease_end(&self) -> NaiveDateTime {
        self.services.clock.now() + TimeDelta::seconds(self.settings.lease_s)
    }

    async fn hand_back(&self) {
        let id = self.id;
        match self.services.db.write(move |connection| lease::hand_back::<Delivery>(connection, id)).await {
            Ok(count) => tracing::warn!(count, "deliveries in hand are handed back"),
            Err(error) => tracing::warn!(%error, "deliveries in hand can't be handed back; their leases end"),
        }
    }

    /// Makes a delivery; returns whether another may be due for the same subscriber.
    async fn deliver(&self, delivery: Delivery, permit: Permit) -> Result<bool> {
        let outcome = self.call(&delivery, permit.clone()).await;
        let now = self.services.clock.now();
        // A failure on our side, not at the receiver, is tried again as with handlers.
        let (attempted, record) = outcome.unwrap_or_else(|reason| {
            (Attempted::Failed(reason, self.due_again(delivery.attempts, now)), None)
        });
        let Delivery { id, handler, attempts, event_id, .. } = delivery;
        let result = match &attempted {
            Attempted::Delivered => Some("delivered"),
            Attempted::Failed(_, Some(_)) => Some("retried"),
            Attempted::Failed(_, None) => Some("dead"),
            Attempted::Withheld => None,
        };
        if let Some(result) = result {
            metrics::counter!("tasks_events_total", "result" => result).increment(1);
            if let Attempted::Failed(reason, _) = &attempted
                && let Some(times) = self.reports.times((handler.clone(), result))
            {
                tracing::warn!(handler, times, event = %event_id, attempts, result, reason, "a delivery failed");
            }
        }
        let settlement = Settlement { id, handler, worker: self.id, now, attempted, record };
        let settled = self.settlements.write(settlement).await?;
        if let Some(disabled) = &settled.disabled {
            webhook_attempt::tell_disabled(&self.services, disabled);
        }
        Ok(settled.is_more_due)
    }

    /// Tells the subscriber in a tokio task of its own, so that a panic is an error like any other. Keeps the lease of the
    /// delivery meanwhile.
    async fn call(&self, delivery: &Delivery, permit: Permit) -> Result<Outcome, String> {
        let given_up = CancellationToken::new();
        let mut work = self.begin(delivery, permit, given_up.clone())?;
        // If this delivery is dropped, the token tells the work on it to stop.
        let _guard = given_up.drop_guard();
        let lease = Duration::from_secs(self.settings.lease_s.unsigned_abs().max(1));
        let mut renewal = tokio::time::interval_at(tokio::time::Instant::now() + lease / 3, lease / 3);
        let patience = tokio::time::sleep(Duration::from_secs(self.settings.handler_timeout_s));
        tokio::pin!(patience);
        loop {
            tokio::select! {
                outcome = &mut work => {
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

    /// Logs a delivery whose result could not be written to the outbox. It is tried again when its lease ends. Returns whether
    /// another may be due.
    fn note(&self, handler: &str, done: Result<Result<bool>, tokio::task::JoinError>) -> bool {
        match done {
            Ok(Ok(is_more_due)) => return is_more_due,
            Ok(Err(error)) => {
                self.warn(handler, "the end of a delivery can't be noted", Some(&error.to_string()));
            }
            Err(error) => tracing::error!(handler, %error, "a delivery broke off"),
        }
        false
    }

    /// Says at intervals that something goes wrong with a subscriber.
    fn warn(&self, handler: &str, what: &'static str, cause: Option<&str>) {
        if let Some(times) = self.reports.times((handler.to_owned(), what)) {
            tracing::warn!(handler, times, cause, "{what}");
        }
    }

    /// Renews the lease of a delivery; returns whether the delivery is still ours. If the database can't be asked, it counts
    /// as ours.
    async fn renew(&self, id: i64) -> bool {
        let (worker, until) = (self.id, self.lease_end());
        let renewed = self
            .services
            .db
            .write(move |connection| lease::renew::<Delivery>(connection, id, worker, until))
            .await;
        renewed.unwrap_or_else(|error| {
            tracing::warn!(%error, id, "the lease of a delivery can't be renewed now");
            true
        })
    }

    /// When a delivery that failed at a handler is due again; none after the last attempt.
    fn due_again(&self, attempts: i32, now: NaiveDateTime) -> Option<NaiveDateTime> {
        if attempts >= self.settings.attempts {
            return None;
        }
        Some(now + pause(&self.settings, attempts))
    }
}

/// How long to wait after so many attempts. Pauses double, and have a little jitter, so that retries do not come all at once.
pub fn pause(settings: &OutboxSettings, attempts: i32) -> TimeDelta {
    let doubled = settings.first_pause_ms.saturating_mul(1 << attempts.clamp(1, 30) >> 1);
    let pause = doubled.min(settings.longest_pause_s.saturating_mul(1_000));
    TimeDelta::milliseconds(pause + i64::from(crate::clock::jitter()) * pause / 1_024)
}

fn warn_unread(error: &Error) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(cause, "who is to be told of events can't be read now");
}
