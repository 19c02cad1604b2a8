//! Timers that are due are leased as deliveries are, and act one after the other. A worker sleeps until the next one is due, but
//! looks at least every minute for those that other processes have left; in a process that plans one for an earlier moment it is woken.
//!
//! Each look notes that the timers are served (`db::timer::watch`). When nobody has served them for longer than `timers.outage_s`,
//! people may have been unable to decide meanwhile, so that what would have failed tasks waits as long again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::clock::new_random_id;
use crate::config::{OutboxSettings, TimerSettings};
use crate::db;
use crate::db::lease::{self, Lease};
use crate::domain::timer::{LOOK_SECONDS, TimerKind};
use crate::error::{ErrorCode, Result};
use crate::model::timer::Timer;
use crate::service::{ServiceContext, due_timer, function_schedule};
use crate::worker::outbox::pause;

/// The pause between two looks at least: others wake this worker often.
const LEAST: Duration = Duration::from_millis(200);
/// How many timers one lease takes.
const AT_ONCE: i64 = 20;

/// Serves the timers until told to stop.
pub async fn run(
    services: Arc<ServiceContext>,
    settings: TimerSettings,
    outbox: OutboxSettings,
    stop: CancellationToken,
) {
    let worker = Worker::new(&services, &settings, &outbox);
    let mut woken = worker.services.db.woken();
    while !stop.is_cancelled() {
        let next = match worker.serve(&stop).await {
            Ok((_, next)) => next,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(cause, "timers can't be served now");
                None
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LEAST) => {}
        }
        tokio::select! {
            () = stop.cancelled() => {}
            _ = woken.changed() => {}
            () = tokio::time::sleep(worker.until(next)) => {}
        }
    }
    worker.hand_back().await;
}

/// Has all timers act that are due now; returns how many there were.
pub async fn act_due(
    services: &Arc<ServiceContext>,
    settings: &TimerSettings,
    outbox: &OutboxSettings,
) -> Result<usize> {
    let worker = Worker::new(services, settings, outbox);
    Ok(worker.serve(&CancellationToken::new()).await?.0)
}

struct Worker {
    services: Arc<ServiceContext>,
    settings: TimerSettings,
    outbox: OutboxSettings,
    id: Uuid,
    /// When it noted last that the timers are served.
    noted: Mutex<Option<NaiveDateTime>>,
}

impl Worker {
    fn new(services: &Arc<ServiceContext>, settings: &TimerSettings, outbox: &OutboxSettings) -> Self {
        Self {
            services: Arc::clone(services),
            settings: settings.clone(),
            outbox: outbox.clone(),
            id: new_random_id(),
            noted: Mutex::default(),
        }
    }

    /// Has all timers act that are due; returns how many there were, and when the next one is due.
    async fn serve(&self, stop: &CancellationToken) -> Result<(usize, Option<NaiveDateTime>)> {
        let mut count = 0;
        loop {
            let now = self.services.clock.now();
            self.watch(now).await?;
            let first = self.services.read(move |_, connection| db::timer::next_due(connection, now)).await?;
            // Most looks find nothing, and must not write.
            if stop.is_cancelled() || first.is_none_or(|first| first > now) {
                return Ok((count, first));
            }
            let lease = Lease {
                worker: self.id,
                now,
                until: now + TimeDelta::seconds(self.outbox.lease_s),
                most: AT_ONCE,
            };
            let taken = self.services.db.write(move |connection| db::timer::lease(connection, lease)).await?;
            if taken.is_empty() {
                return Ok((count, None));
            }
            let system = self.services.read(|_, connection| Requester::system(connection)).await;
            let system = system.map(Arc::new)?;
            for timer in taken {
                count += 1;
                if let Err(error) = self.act(&system, timer).await {
                    self.hand_back().await;
                    return Err(error);
                }
            }
        }
    }

    async fn hand_back(&self) {
        let id = self.id;
        let handed =
            self.services.db.write(move |connection| lease::hand_back::<Timer>(connection, id)).await;
        if let Err(error) = handed {
            tracing::warn!(%error, "timers in hand can't be handed back; their leases end");
        }
    }

    /// How long to wait for the next timer, or for the next look.
    fn until(&self, next: Option<NaiveDateTime>) -> Duration {
        let look = self.look();
        let wait = next.map_or(look, |next| (next - self.services.clock.now()).min(look));
        wait.to_std().unwrap_or_default()
    }

    /// The longest pause between two looks.
    fn look(&self) -> TimeDelta {
        TimeDelta::seconds(LOOK_SECONDS.min(self.settings.outage_s / 5).max(1))
    }

    /// Notes that the timers are served, unless that was noted shortly before.
    async fn watch(&self, now: NaiveDateTime) -> Result<()> {
        let (outage, look) = (TimeDelta::seconds(self.settings.outage_s), self.look());
        let is_noted = |noted: NaiveDateTime| now >= noted && now - noted < look;
        if self.noted.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(is_noted) {
            return Ok(());
        }
        let seen =
            self.services.db.write(move |connection| db::timer::watch(connection, now, outage)).await?;
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        if let Some(since) = seen {
            tracing::warn!(%since, "no process has served timers since then: tasks that would have failed are given as much time again");
        }
        Ok(())
    }

    async fn act(&self, system: &Arc<Requester>, timer: Timer) -> Result<()> {
        let id = self.id;
        let own = timer.clone();
        let done = async {
            if timer.kind == TimerKind::Plan {
                return self.plan(system, own).await;
            }
            if timer.kind == TimerKind::Schedule {
                function_schedule::look_ahead(&self.services, timer.entity_id).await?;
            }
            self.services.write(system, move |unit| due_timer::act(unit, own.entity_id, &own, id)).await
        };
        let done = done.await;
        let Err(error) = done else { return Ok(()) };
        if error.code() == ErrorCode::Unavailable {
            return Err(error);
        }
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let due = self.services.clock.now() + pause(&self.outbox, timer.attempts);
        tracing::warn!(kind = %timer.kind, row = %timer.entity_id, %error, cause, again = %due, "a timer could not act");
        self.services.db.write(move |connection| db::timer::failed(connection, timer.id, id, due)).await
    }

    /// Plans the timers of tasks, each task in a transaction of its own. Doing so twice does no harm.
    async fn plan(&self, system: &Arc<Requester>, timer: Timer) -> Result<()> {
        let mut after = None;
        loop {
            let own = timer.clone();
            let page = self
                .services
                .read(move |_, connection| due_timer::tasks_to_plan(connection, &own, after))
                .await?;
            let Some(last) = page.last().copied() else { break };
            for task_id in page {
                let (own, id) = (timer.clone(), self.id);
                self.services.write(system, move |unit| due_timer::act(unit, task_id, &own, id)).await?;
            }
            after = Some(last);
        }
        let id = self.id;
        self.services.db.write(move |connection| db::timer::delete_in_hand(connection, timer.id, id)).await
    }
}
