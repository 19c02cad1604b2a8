//! Runs of functions are leased as deliveries are, the most urgent of a function first, and executed: each once at most, as many at
//! once as its function and this process allow.
//!
//! A run is begun in the transaction that leases it. Its worker renews the lease while the function is at work, and writes the end of
//! it together with that of other runs (`gathered.rs`). A run whose lease has ended is under way nowhere any more: whichever process
//! notices ends it as `zombieTaskCleaned`. A function that takes longer than its time limit is given up; one that blocks its thread
//! keeps its place until it returns, so that it can't use up the threads of the process.

use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta, Timelike as _};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::gathered::Gathered;
use super::webhook::Webhooks;
use crate::budget::counted::{Counted, Held};
use crate::clock::new_random_id;
use crate::config::OutboxSettings;
use crate::db;
use crate::db::lease::{self, Lease};
use crate::domain::function_run::{RunStatus, TIMED_OUT};
use crate::domain::task_function::FunctionKind;
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::Schema;
use crate::model::function_run::FunctionRun;
use crate::model::task_function::TaskFunction;
use crate::service::ServiceContext;
use crate::service::function_handler::Said;
use crate::service::function_run::ending;

mod call;
mod ended;
#[cfg(feature = "javascript")]
mod javascript;
#[cfg(not(feature = "javascript"))]
#[path = "function_runs/no_javascript.rs"]
mod javascript;

use call::Call;
use ended::Ended;

/// How many runs of processes that are gone are ended by one transaction.
const AT_ONCE: i64 = 50;

/// Executes runs until told to stop. Then it finishes those in hand within `grace`; others fail when their leases end.
pub async fn run(
    services: Arc<ServiceContext>,
    (webhooks, schema): (Arc<Webhooks>, Schema),
    settings: OutboxSettings,
    stop: CancellationToken,
    grace: Duration,
) {
    let worker = Worker::new(&services, (&webhooks, &schema), &settings);
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
    callers: (&Arc<Webhooks>, &Schema),
    settings: &OutboxSettings,
) -> Result<usize> {
    let worker = Worker::new(services, callers, settings);
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

/// The place of a run of this function, and of one in JavaScript. It is free again when nobody holds it any more.
struct Place {
    _of_function: Held<Uuid>,
    _of_javascript: Option<Held<FunctionKind>>,
}

/// A run that is begun, with its function and its place.
struct Begun {
    run: FunctionRun,
    function: Arc<TaskFunction>,
    place: Arc<Place>,
}

struct Worker {
    services: Arc<ServiceContext>,
    webhooks: Arc<Webhooks>,
    schema: Schema,
    settings: OutboxSettings,
    id: Uuid,
    /// How many runs of each function are under way here.
    taken: Counted<Uuid>,
    /// How many of those in JavaScript, each of which is a process.
    taken_by_processes: Counted<FunctionKind>,
    ended: Arc<Gathered<Ended>>,
}

impl Worker {
    fn new(
        services: &Arc<ServiceContext>,
        (webhooks, schema): (&Arc<Webhooks>, &Schema),
        settings: &OutboxSettings,
    ) -> Arc<Self> {
        Arc::new(Self {
            services: Arc::clone(services),
            webhooks: Arc::clone(webhooks),
            schema: schema.clone(),
            settings: settings.clone(),
            id: new_random_id(),
            taken: Counted::default(),
            taken_by_processes: Counted::default(),
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

    /// Begins as many runs as there are places for, the most urgent first.
    async fn begin(&self) -> Result<Vec<Begun>> {
        let mut room = self.room();
        let mut begun = Vec::new();
        if room == 0 {
            return Ok(begun);
        }
        let now = self.services.clock.now();
        let due = self
            .services
            .read(move |_, connection| db::task_function::with_due_runs(connection, now))
            .await?;
        for function in due.into_iter().filter(|function| self.carries_out(function)) {
            let free = self.free_places(&function).min(room);
            if free == 0 {
                continue;
            }
            let function = Arc::new(function);
            let runs = self.lease(&function, free).await?;
            room -= runs.len().min(room);
            for run in runs {
                let place = Arc::new(self.place(&function));
                begun.push(Begun { run, function: Arc::clone(&function), place });
            }
        }
        Ok(begun)
    }

    async fn lease(&self, function: &Arc<TaskFunction>, most: usize) -> Result<Vec<FunctionRun>> {
        let (function, worker, now) = (Arc::clone(function), self.id, self.services.clock.now());
        let until = self.lease_end(now);
        let most = i64::try_from(most).map_err(Error::internal)?;
        self.services
            .db
            .write(move |connection| {
                let minute = beginning_of_minute(now);
                let (meter, room) = db::task_function::room_in_minute(connection, &function, minute)?;
                let most = most.min(room);
                if most == 0 {
                    return Ok(Vec::new());
                }
                let lease = Lease { worker, now, until, most };
                let runs = db::function_run::begin(connection, function.id, lease)?;
                if !runs.is_empty() {
                    db::task_function::note_begun(connection, meter, runs.len())?;
                }
                Ok(runs)
            })
            .await
    }

    /// Whether this process can carry out the function.
    fn carries_out(&self, function: &TaskFunction) -> bool {
        match function.kind {
            FunctionKind::Handler => self.services.functions.knows(&function.name),
            FunctionKind::Http => self.services.bus.has_webhooks(),
            FunctionKind::Javascript => self.services.sources.runner().is_some(),
        }
    }

    /// How many more runs this process may execute.
    fn room(&self) -> usize {
        self.services.function_settings.runs_at_once.saturating_sub(self.taken.all())
    }

    /// How many more runs of the function this process may execute.
    fn free_places(&self, function: &TaskFunction) -> usize {
        let most = usize::try_from(function.max_concurrency).unwrap_or(1);
        let free = most.saturating_sub(self.taken.of(&function.id));
        if function.kind != FunctionKind::Javascript {
            return free;
        }
        let processes = self.services.function_settings.javascript_at_once;
        free.min(processes.saturating_sub(self.taken_by_processes.all()))
    }

    fn place(&self, function: &TaskFunction) -> Place {
        let is_process = function.kind == FunctionKind::Javascript;
        Place {
            _of_function: self.taken.add(function.id),
            _of_javascript: is_process.then(|| self.taken_by_processes.add(function.kind)),
        }
    }

    fn lease_end(&self, now: NaiveDateTime) -> NaiveDateTime {
        now + TimeDelta::seconds(self.settings.lease_s)
    }

    /// Executes a run, and writes how it ended.
    async fn execute(&self, begun: Begun) {
        let Begun { run, function, place } = begun;
        let said = Said::new(&self.services.clock);
        let call = Call { worker: self, run: &run, function: &function, said: &said };
        let outcome = call.make(Arc::clone(&place)).await.and_then(ending::kept);
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

fn beginning_of_minute(moment: NaiveDateTime) -> NaiveDateTime {
    moment.with_second(0).and_then(|moment| moment.with_nanosecond(0)).unwrap_or(moment)
}
