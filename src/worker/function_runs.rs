//! Runs of functions are leased as deliveries are, the most urgent of a function first, and executed: each once at most, as many at
//! once as its function and this process allow.
//!
//! A run is begun in the transaction that leases it. Its worker renews the lease while the function is at work, and writes the end of
//! it together with that of other runs (`gathered.rs`). A run whose lease has ended is under way nowhere any more: whichever process
//! notices ends it as `zombieTaskCleaned`. A function that takes longer than its time limit is given up; one that blocks its thread
//! keeps its place until it returns, so that it can't use up the threads of the process.

use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::function_calls::{Asker, Call, FunctionCalls, Place};
use super::gathered::Gathered;
use crate::clock::new_random_id;
use crate::config::OutboxSettings;
use crate::db;
use crate::db::lease::{self, Lease};
use crate::domain::function_run::RunStatus;
use crate::domain::function_run::reason::TIMED_OUT;
use crate::domain::task_function::beginning_of_minute;
use crate::domain::user::SYSTEM_USER;
use crate::error::{Error, ErrorCode, Result};
use crate::model::function_run::FunctionRun;
use crate::model::task_function::TaskFunction;
use crate::service::ServiceContext;
use crate::service::function_handler::Said;
use crate::service::function_run::ending;
use crate::service::function_run::preparation::Errand;

mod ended;

use ended::Ended;

/// How many runs of processes that are gone are ended by one transaction.
const AT_ONCE: i64 = 50;

/// Executes runs until told to stop. Then it finishes those in hand within `grace`; others fail when their leases end.
pub async fn run(
    services: Arc<ServiceContext>,
    calls: Arc<FunctionCalls>,
    settings: OutboxSettings,
    stop: CancellationToken,
    grace: Duration,
) {
    let worker = Worker::new(&services, &calls, &settings);
    let all = Arc::clone(&worker).serve(stop.clone());
    let out_of_patience = async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        () = all => {}
        () = out_of_patience => tracing::warn!("runs of functions are given up; they fail when their leases end"),
    }
}

/// Executes all runs that are due now; returns how many.
pub async fn execute_due(
    services: &Arc<ServiceContext>,
    calls: &Arc<FunctionCalls>,
    settings: &OutboxSettings,
) -> Result<usize> {
    let worker = Worker::new(services, calls, settings);
    let mut count = worker.end_lapsed().await?;
    loop {
        let begun = worker.begin().await?;
        if begun.is_empty() {
            return Ok(count);
        }
        let mut in_hand = JoinSet::new();
        for run in begun {
            let worker = Arc::clone(&worker);
            in_hand.spawn(async move { worker.execute(run).await });
        }
        while let Some(done) = in_hand.join_next().await {
            done.map_err(Error::internal)?;
            count += 1;
        }
    }
}

/// A run that is begun, with its function and its place.
struct Begun {
    run: FunctionRun,
    function: Arc<TaskFunction>,
    place: Arc<Place>,
}

struct Worker {
    services: Arc<ServiceContext>,
    calls: Arc<FunctionCalls>,
    settings: OutboxSettings,
    id: Uuid,
    ended: Arc<Gathered<Ended>>,
}

impl Worker {
    fn new(
        services: &Arc<ServiceContext>,
        calls: &Arc<FunctionCalls>,
        settings: &OutboxSettings,
    ) -> Arc<Self> {
        Arc::new(Self {
            services: Arc::clone(services),
            calls: Arc::clone(calls),
            settings: settings.clone(),
            id: new_random_id(),
            ended: Gathered::new(services),
        })
    }

    async fn serve(self: Arc<Self>, stop: CancellationToken) {
        let mut woken = self.services.db.woken();
        let mut in_hand = JoinSet::new();
        let mut regular = tokio::time::interval(Duration::from_millis(self.settings.poll_ms.max(10)));
        regular.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_regular = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_) = in_hand.join_next() => false,
                _ = regular.tick() => true,
                _ = woken.changed() => false,
            };
            // Those that end together make room together.
            while in_hand.try_join_next().is_some() {}
            let begun = async {
                if is_regular {
                    self.end_lapsed().await?;
                }
                self.begin().await
            };
            match begun.await {
                Ok(begun) => {
                    for run in begun {
                        let worker = Arc::clone(&self);
                        in_hand.spawn(async move { worker.execute(run).await });
                    }
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(cause, "runs of functions can't be begun now");
                    // What ends meanwhile must not ask again and again.
                    tokio::select! {
                        () = stop.cancelled() => break,
                        _ = regular.tick() => {}
                    }
                }
            }
        }
        while in_hand.join_next().await.is_some() {}
    }

    /// Ends runs whose processes are gone; returns how many.
    async fn end_lapsed(&self) -> Result<usize> {
        let now = self.services.clock.now();
        if !self.services.read(move |_, connection| db::function_run::is_any_lapsed(connection, now)).await? {
            return Ok(0);
        }
        let lease = Lease { worker: self.id, now, until: self.lease_end(now), most: AT_ONCE };
        let services = Arc::clone(&self.services);
        let ended = self
            .services
            .db
            .write(move |connection| ending::end_lapsed(&services, connection, lease))
            .await?;
        tracing::warn!(count = ended.len(), "runs whose processes are gone have ended");
        for status in &ended {
            count(*status);
        }
        Ok(ended.len())
    }

    /// Begins as many runs as there are places for, the most urgent first. What is kept for people who have nothing in hand goes to
    /// them one by one.
    async fn begin(&self) -> Result<Vec<Begun>> {
        if !self.calls.have_room() {
            return Ok(Vec::new());
        }
        let now = self.services.clock.now();
        let due = self
            .services
            .read(move |_, connection| db::task_function::with_due_runs(connection, now))
            .await?;
        let due = due.into_iter().filter(|function| self.calls.carries_out(function));
        let mut due: Vec<Arc<TaskFunction>> = due.map(Arc::new).collect();
        let mut begun = Vec::new();
        for function in &due {
            // Requests take places meanwhile, so these are taken first; those that no run needs are free again.
            let places: Vec<Place> =
                std::iter::from_fn(|| self.calls.take(function, Asker::Somebody)).collect();
            if !places.is_empty() {
                begun.extend(self.lease(function, None, places).await?);
            }
        }
        while self.begin_of_others(&mut due, &mut begun).await? {}
        Ok(begun)
    }

    /// Begins the next run of each person who has none in hand, as far as there is room; returns whether there may be more to begin.
    async fn begin_of_others(
        &self,
        due: &mut Vec<Arc<TaskFunction>>,
        begun: &mut Vec<Begun>,
    ) -> Result<bool> {
        // Where somebody who has others in hand would find a place, all that is due is begun.
        let has_room = |function: &TaskFunction, asker| self.calls.take(function, asker).is_some();
        let is_kept = |function: &Arc<TaskFunction>| {
            !has_room(function, Asker::Somebody)
                && (has_room(function, Asker::Newcomer) || has_room(function, Asker::Person(SYSTEM_USER)))
        };
        due.retain(is_kept);
        if due.is_empty() {
            return Ok(false);
        }
        let functions: Vec<Uuid> = due.iter().map(|function| function.id).collect();
        let (now, busy) = (self.services.clock.now(), self.calls.busy_people());
        let next = self
            .services
            .read(move |_, connection| db::function_run::next_of_people(connection, &functions, &busy, now))
            .await?;
        let before = (due.len(), begun.len());
        for (person, id) in next {
            let Some(at) = due.iter().position(|function| function.id == id) else { continue };
            let Some(place) = self.calls.take(&due[at], Asker::Person(person)) else { continue };
            let runs = self.lease(&due[at], Some(person), vec![place]).await?;
            if runs.is_empty() {
                // Other processes have them, or it has begun as many in this minute as it may: the person has others, perhaps.
                due.remove(at);
            }
            begun.extend(runs);
        }
        Ok((due.len(), begun.len()) != before)
    }

    /// Leases runs of a function, of everybody or of one person, one for each place.
    async fn lease(
        &self,
        function: &Arc<TaskFunction>,
        person: Option<Uuid>,
        places: Vec<Place>,
    ) -> Result<Vec<Begun>> {
        let (own, worker, now) = (Arc::clone(function), self.id, self.services.clock.now());
        let until = self.lease_end(now);
        let most = i64::try_from(places.len()).map_err(Error::internal)?;
        let runs = self
            .services
            .db
            .write(move |connection| {
                let minute = beginning_of_minute(now);
                let (meter, room) = db::task_function::room_in_minute(connection, &own, minute)?;
                let most = most.min(room);
                if most == 0 {
                    return Ok(Vec::new());
                }
                let lease = Lease { worker, now, until, most };
                let runs = db::function_run::begin(connection, own.id, person, lease)?;
                if !runs.is_empty() {
                    db::task_function::note_begun(connection, meter, runs.len())?;
                }
                Ok(runs)
            })
            .await?;
        let begin = |(run, mut place): (FunctionRun, Place)| {
            self.calls.give(&mut place, Asker::Person(run.user_created));
            Begun { run, function: Arc::clone(function), place: Arc::new(place) }
        };
        Ok(runs.into_iter().zip(places).map(begin).collect())
    }

    fn lease_end(&self, now: NaiveDateTime) -> NaiveDateTime {
        now + TimeDelta::seconds(self.settings.lease_s)
    }

    /// Executes a run, and writes how it ended.
    async fn execute(&self, begun: Begun) {
        let Begun { run, function, place } = begun;
        let said = Said::new(&self.services.clock);
        let errand = Errand::of_run(&run, &function);
        let call = Call { calls: &self.calls, function: &function, errand, said: &said };
        let Some(outcome) = self.keep(run.id, call.make(Arc::clone(&place))).await else {
            tracing::warn!(run = %run.id, function = %function.name, "a run is given up: it was ended, or its lease had");
            return;
        };
        let outcome = outcome.and_then(ending::kept);
        if let Err(error) = &outcome {
            tracing::debug!(run = %run.id, function = %function.name, name = error.name, message = error.message, "a run failed");
            if error.name == TIMED_OUT {
                tracing::warn!(run = %run.id, function = %function.name, "a run took longer than its function allows");
            }
        }
        let ended = Ended {
            run: Arc::new(run),
            worker: self.id,
            outcome: Arc::new(outcome),
            lines: said.lines().into(),
        };
        self.write_end(ended).await;
        drop(place);
    }

    /// Keeps the lease of a run while there is `work` on it. If the run is not ours any more, because somebody has ended it, or others
    /// took it over, the work stops, and nothing comes of it.
    async fn keep<T>(&self, id: Uuid, work: impl Future<Output = T>) -> Option<T> {
        let lease = Duration::from_secs(self.settings.lease_s.unsigned_abs().max(1));
        let mut renewal = tokio::time::interval_at(tokio::time::Instant::now() + lease / 3, lease / 3);
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                _ = renewal.tick() => {
                    if !self.renew(id).await {
                        return None;
                    }
                }
            }
        }
    }

    /// Writes how a run ended, again and again while the database is away, as long as the run is in hand.
    async fn write_end(&self, ended: Ended) {
        const PAUSE: Duration = Duration::from_millis(500);
        loop {
            match self.ended.write(ended.clone()).await {
                Ok(Some(status)) => return count(status),
                Ok(None) => {
                    tracing::warn!(run = %ended.run.id, "the end of a run comes too late: its lease had ended");
                    return;
                }
                Err(error) if error.code() == ErrorCode::Unavailable => {
                    tokio::time::sleep(PAUSE).await;
                    // If it is ours no more, the next attempt says so.
                    self.renew(ended.run.id).await;
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(run = %ended.run.id, cause, "the end of a run can't be written; it fails when its lease ends");
                    return;
                }
            }
        }
    }

    /// Renews the lease of a run; returns whether the run is still ours. If the database can't be asked, it counts as ours.
    async fn renew(&self, id: Uuid) -> bool {
        let (worker, until) = (self.id, self.lease_end(self.services.clock.now()));
        let renewed = self
            .services
            .db
            .write(move |connection| lease::renew::<FunctionRun>(connection, id, worker, until))
            .await;
        renewed.unwrap_or_else(|error| {
            tracing::warn!(%error, %id, "the lease of a run can't be renewed now");
            true
        })
    }
}

fn count(status: RunStatus) {
    metrics::counter!("tasks_function_runs_total", "result" => status.as_str()).increment(1);
}
