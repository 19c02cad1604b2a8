//! Runs of functions are leased as deliveries are, the most urgent of a function first, and executed: each once at most, as many at
//! once as its function and this process allow.
//!
//! A run is begun in the transaction that leases it. Its worker renews the lease while the function is at work, and writes the end of
//! it together with that of other runs (`gathered.rs`). A run whose lease has ended is under way nowhere any more: whichever process
//! notices ends it as `zombieTaskCleaned`. A function that takes longer than its time limit is given up; one that blocks its thread
//! keeps its place until it returns, so that it can't use up the threads of the process.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
use crate::db::connection::DbConnection;
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
use crate::service::function_run::preparation::{Errand, check_asker};

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
        let mut in_hand = JoinSet::new();
        let all = worker.begin(&mut in_hand).await;
        if in_hand.is_empty() {
            return all.map(|()| count);
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

/// Runs that are wanted: of a function, of everybody or of one person, one for each place.
struct Wanted {
    function: Arc<TaskFunction>,
    person: Option<Uuid>,
    places: Vec<Place>,
}

impl Wanted {
    /// No runs of a function yet.
    const fn nothing(function: Arc<TaskFunction>) -> Self {
        Self { function, person: None, places: Vec::new() }
    }
}

struct Worker {
    services: Arc<ServiceContext>,
    calls: Arc<FunctionCalls>,
    settings: OutboxSettings,
    id: Uuid,
    ended: Arc<Gathered<Ended>>,
    /// Of functions of which more is due than they may have at once: when runs of each person were begun last.
    turns: Mutex<HashMap<Uuid, HashMap<Uuid, Instant>>>,
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
            turns: Mutex::default(),
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
            let all = async {
                if is_regular {
                    self.end_lapsed().await?;
                }
                self.begin(&mut in_hand).await
            };
            if let Err(error) = all.await {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(cause, "runs of functions can't be begun now");
                // What ends meanwhile must not ask again and again.
                tokio::select! {
                    () = stop.cancelled() => break,
                    _ = regular.tick() => {}
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

    /// Begins as many runs as there are places for, the most urgent first, and executes them in tasks of `in_hand`. What is kept for
    /// people who have nothing in hand goes to them one by one; and they come first where more of a function is due than it may have at
    /// once, however long somebody's queue is.
    async fn begin(self: &Arc<Self>, in_hand: &mut JoinSet<()>) -> Result<()> {
        if !self.calls.have_room() {
            return Ok(());
        }
        let now = self.services.clock.now();
        let due = self
            .services
            .read(move |_, connection| {
                db::task_function::with_due_runs(connection, now, beginning_of_minute(now))
            })
            .await?;
        let due = due.into_iter().filter(|function| self.calls.carries_out(function));
        let mut due: Vec<Arc<TaskFunction>> = due.map(Arc::new).collect();
        let mut short = due.clone();
        short
            .retain(|function| self.turns().contains_key(&function.id) && self.has_room_for_others(function));
        let mut served = HashSet::new();
        let busy = self.calls.busy_people();
        self.begin_of_people(&mut short, &busy, &mut served, in_hand).await?;
        // Where some have more in hand than others, these come first, however urgent what the busiest ask for is.
        let busiest = self.calls.busiest_people();
        if !busiest.is_empty() {
            let mut of_others = due.clone();
            self.begin_of_people(&mut of_others, &busiest, &mut served, in_hand).await?;
        }
        // Until somebody who has others in hand would find no place: then people who have none may still find one.
        while self.begin_some(&mut due, in_hand).await? {}
        self.note_short(&due);
        loop {
            due.retain(|function| self.has_room_for_others(function));
            let busy = self.calls.busy_people();
            if !self.begin_of_people(&mut due, &busy, &mut served, in_hand).await? {
                return Ok(());
            }
        }
    }

    /// Begins runs of these functions, whoever they are of, as far as there is room; returns whether there is more of it, because fewer
    /// are due than there was room for. Of functions that are left in `due` more may be due.
    async fn begin_some(
        self: &Arc<Self>,
        due: &mut Vec<Arc<TaskFunction>>,
        in_hand: &mut JoinSet<()>,
    ) -> Result<bool> {
        let mut wanted: Vec<Wanted> =
            due.iter().map(|function| Wanted::nothing(Arc::clone(function))).collect();
        // One after the other, or the first one would hold places that it has no runs for, and others none. Requests take places
        // meanwhile, so these are taken first; those that no run needs are free again.
        loop {
            let mut is_full = true;
            for Wanted { function, places, .. } in &mut wanted {
                if let Some(place) = self.calls.take(function, Asker::Somebody) {
                    places.push(place);
                    is_full = false;
                }
            }
            if is_full {
                break;
            }
        }
        wanted.retain(|wanted| !wanted.places.is_empty());
        if wanted.is_empty() {
            return Ok(false);
        }
        let asked: HashMap<Uuid, usize> =
            wanted.iter().map(|wanted| (wanted.function.id, wanted.places.len())).collect();
        let found = self.lease(wanted, in_hand).await?;
        let before = due.len();
        due.retain(|function| asked.get(&function.id) == found.get(&function.id));
        Ok(due.len() != before)
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<Uuid, HashMap<Uuid, Instant>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes at which functions people take turns from now on: those that have as many calls as they may have, and more that is due.
    fn note_short(&self, due: &[Arc<TaskFunction>]) {
        let short: HashSet<Uuid> =
            due.iter().filter(|function| self.calls.is_full(function)).map(|function| function.id).collect();
        let mut turns = self.turns();
        turns.retain(|function, _| short.contains(function));
        for function in short {
            turns.entry(function).or_default();
        }
    }

    /// Whether people who have nothing in hand find a place for this function, or what carries out decisions does.
    fn has_room_for_others(&self, function: &TaskFunction) -> bool {
        let has_room = |asker| self.calls.take(function, asker).is_some();
        has_room(Asker::Newcomer) || has_room(Asker::Person(SYSTEM_USER))
    }

    /// Begins the next run of each person who is not among the `busy` and not `served` yet, as far as there is room, in turns; returns
    /// whether there may be more to begin.
    async fn begin_of_people(
        self: &Arc<Self>,
        due: &mut Vec<Arc<TaskFunction>>,
        busy: &[Uuid],
        served: &mut HashSet<Uuid>,
        in_hand: &mut JoinSet<()>,
    ) -> Result<bool> {
        if due.is_empty() {
            return Ok(false);
        }
        let functions: Vec<Uuid> = due.iter().map(|function| function.id).collect();
        let now = self.services.clock.now();
        let passed_over: Vec<Uuid> = busy.iter().chain(&*served).copied().collect();
        let mut next = self
            .services
            .read(move |_, connection| {
                db::function_run::next_of_people(connection, &functions, &passed_over, now)
            })
            .await?;
        let last = |person: &Uuid, function: &Uuid| self.turns().get(function)?.get(person).copied();
        next.sort_by_key(|(person, function)| last(person, function));
        let wanted = next.into_iter().filter_map(|(person, id)| {
            let function = due.iter().find(|function| function.id == id)?;
            let place = self.calls.take(function, Asker::Person(person))?;
            Some(Wanted { function: Arc::clone(function), person: Some(person), places: vec![place] })
        });
        let wanted: Vec<Wanted> = wanted.collect();
        let mut asked: HashMap<Uuid, usize> = HashMap::new();
        for wanted in &wanted {
            *asked.entry(wanted.function.id).or_default() += 1;
            served.extend(wanted.person);
        }
        let found = self.lease(wanted, in_hand).await?;
        let before = due.len();
        // Other processes have those that are missing, or a function has begun as many in this minute as it may: the people have others,
        // perhaps.
        due.retain(|function| asked.get(&function.id) == found.get(&function.id));
        Ok(due.len() != before || !found.is_empty())
    }

    /// Leases runs of functions, one for each place, all in one transaction: whoever has something waits for one of them, and not for
    /// as many as there are functions. They are executed at once; returns how many of each function there are.
    async fn lease(
        self: &Arc<Self>,
        mut wanted: Vec<Wanted>,
        in_hand: &mut JoinSet<()>,
    ) -> Result<HashMap<Uuid, usize>> {
        let mut found = HashMap::new();
        if wanted.is_empty() {
            return Ok(found);
        }
        // All processes lock in this order, so that no two wait for each other.
        wanted.sort_by_key(|wanted| wanted.function.id);
        let asked = wanted.iter().map(|wanted| {
            let most = i64::try_from(wanted.places.len()).map_err(Error::internal)?;
            Ok((Arc::clone(&wanted.function), wanted.person, most))
        });
        let asked = asked.collect::<Result<Vec<_>>>()?;
        let (worker, now) = (self.id, self.services.clock.now());
        let until = self.lease_end(now);
        let taken = self
            .services
            .db
            .write(move |connection| {
                let leases = asked.iter().map(|(function, person, most)| {
                    let lease = Lease { worker, now, until, most: *most };
                    lease_of(connection, function, *person, lease)
                });
                leases.collect::<Result<Vec<_>>>()
            })
            .await?;
        for (Wanted { function, places, .. }, runs) in wanted.into_iter().zip(taken) {
            for (run, mut place) in runs.into_iter().zip(places) {
                if let Some(turns) = self.turns().get_mut(&function.id) {
                    turns.insert(run.user_created, Instant::now());
                }
                self.calls.give(&mut place, Asker::Person(run.user_created));
                *found.entry(function.id).or_default() += 1;
                let begun = Begun { run, function: Arc::clone(&function), place: Arc::new(place) };
                let worker = Arc::clone(self);
                in_hand.spawn(async move { worker.execute(begun).await });
            }
        }
        Ok(found)
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
        let work = async {
            check_asker(&self.services, &run, &function).await?;
            call.make(Arc::clone(&place)).await
        };
        let Some(outcome) = self.keep(run.id, work).await else {
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

/// Leases runs of a function, as many as it may begin in this minute.
fn lease_of(
    connection: &mut DbConnection,
    function: &TaskFunction,
    person: Option<Uuid>,
    lease: Lease,
) -> Result<Vec<FunctionRun>> {
    let minute = beginning_of_minute(lease.now);
    let (meter, room) = db::task_function::room_in_minute(connection, function, minute)?;
    let most = lease.most.min(room);
    if most == 0 {
        return Ok(Vec::new());
    }
    let runs = db::function_run::begin(connection, function.id, person, Lease { most, ..lease })?;
    if !runs.is_empty() {
        db::task_function::note_begun(connection, meter, runs.len())?;
    }
    Ok(runs)
}

fn count(status: RunStatus) {
    metrics::counter!("tasks_function_runs_total", "result" => status.as_str()).increment(1);
}
