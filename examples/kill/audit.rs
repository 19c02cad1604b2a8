//! Compares what the clients were told with what is in the database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use tasks_management::{HandlerError, Signal};

use crate::hooks::AFTER;
use crate::load::{Told, VOTERS};
use crate::store::{Row, Store};

/// The counts of a run, and what does not match.
#[derive(Default)]
pub struct Audit {
    /// The lines of the report: what was counted, and how many there are.
    pub counts: Vec<(String, usize)>,
    /// A sentence for each mismatch.
    pub violations: Vec<String>,
}

type Key = (String, String);

/// Compares everything.
pub fn audit(store: &Store, told: &Told) -> Result<Audit, HandlerError> {
    let mut audit = Audit::default();
    let wrong = told.wrong.lock().unwrap_or_else(PoisonError::into_inner);
    audit.violations.extend(wrong.iter().map(|reason| format!("a client: {reason}")));
    let completed = audit.tasks(store, told)?;
    audit.votes(store, told)?;
    for handler in AFTER {
        audit.deliveries(store, handler, &completed)?;
    }
    Ok(audit)
}

impl Audit {
    fn check(&mut self, holds: bool, sentence: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(sentence());
        }
    }

    fn count(&mut self, what: impl Into<String>, number: usize) {
        self.counts.push((what.into(), number));
    }

    /// Checks that every acknowledged task exists, is completed once everybody has voted, and has all its versions; returns
    /// the completed ones.
    fn tasks(&mut self, store: &Store, told: &Told) -> Result<BTreeSet<String>, HandlerError> {
        let tasks = store.rows("SELECT CAST(id AS text) AS a, status AS b, '' AS c, CAST(version AS bigint) AS n FROM task_management_task")?;
        let of_task: BTreeMap<&str, &Row> = tasks.iter().map(|row| (row.a.as_str(), row)).collect();
        let acknowledged = told.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for task in acknowledged.iter() {
            let row = of_task.get(task.as_str());
            self.check(row.is_some(), || format!("task {task} was acknowledged and is not there"));
            // Everybody was asked, and clients repeat their votes until they are acknowledged.
            let is_done = row.is_none_or(|row| row.b == "COMPLETED");
            self.check(is_done, || format!("all have voted on task {task}, and it is not completed"));
        }
        self.check(tasks.len() == acknowledged.len(), || {
            format!("{} tasks were acknowledged, {} are there", acknowledged.len(), tasks.len())
        });
        let counters = "SELECT status AS a, '' AS b, '' AS c, CAST(sum(tally) AS bigint) AS n FROM task_management_taskcount \
                        WHERE NOT is_deleted GROUP BY status";
        for counter in store.rows(counters)? {
            let there = tasks.iter().filter(|task| task.b == counter.a).count();
            self.check(usize::try_from(counter.n) == Ok(there), || {
                format!("{} tasks are {}, and {} are counted", there, counter.a, counter.n)
            });
        }
        let history = "SELECT CAST(id AS text) AS a, CAST(count(DISTINCT version) AS text) AS b, \
                       CAST(max(version) AS text) AS c, count(*) AS n FROM task_management_historicaltask GROUP BY id";
        let history: BTreeMap<String, Row> =
            store.rows(history)?.into_iter().map(|row| (row.a.clone(), row)).collect();
        for task in &tasks {
            let all = task.n.to_string();
            let fits =
                history.get(&task.a).is_some_and(|row| row.n == task.n && row.b == all && row.c == all);
            self.check(fits, || format!("the history of task {} has gaps or repeats", task.a));
        }
        let completed: BTreeSet<String> =
            tasks.iter().filter(|task| task.b == "COMPLETED").map(|task| task.a.clone()).collect();
        let booked =
            store.rows("SELECT task_id AS a, '' AS b, '' AS c, CAST(1 AS bigint) AS n FROM kill_booking")?;
        let booked: BTreeSet<String> = booked.into_iter().map(|row| row.a).collect();
        self.check(booked == completed, || "the bookings of Within are not those of the tasks".to_owned());
        self.count("tasks acknowledged", acknowledged.len());
        self.count("tasks completed", completed.len());
        self.count("bookings by Within", booked.len());
        Ok(completed)
    }

    /// Checks that every acknowledged vote is once in the ledger, in its history and in the journal, and has told one event.
    fn votes(&mut self, store: &Store, told: &Told) -> Result<(), HandlerError> {
        let live = "SELECT CAST(v.task_id AS text) AS a, CAST(v.user_id AS text) AS b, v.verdict AS c, \
                    (SELECT count(*) FROM task_management_historicaltaskdecision AS h WHERE h.id = v.id AND h.version = 1) AS n \
                    FROM task_management_taskdecision AS v WHERE NOT v.is_deleted";
        let mut ledger: BTreeMap<Key, Vec<Row>> = BTreeMap::new();
        for row in store.rows(live)? {
            ledger.entry((row.a.clone(), row.b.clone())).or_default().push(row);
        }
        let journal = "SELECT CAST(user_id AS text) AS a, client_mutation_id AS b, '' AS c, CAST(status AS bigint) AS n \
                       FROM core_mutationlog WHERE mutation = 'resolveTask'";
        let journal: BTreeSet<Key> =
            store.rows(journal)?.into_iter().filter(|row| row.n == 2).map(|row| (row.a, row.b)).collect();
        let told_of = format!(
            "SELECT CAST(entity_id AS text) AS a, CAST(user_id AS text) AS b, '' AS c, count(DISTINCT event_id) AS n \
             FROM task_management_outbox WHERE signal = '{}' GROUP BY entity_id, user_id",
            Signal::TaskResolve
        );
        let told_of: BTreeMap<Key, i64> =
            store.rows(&told_of)?.into_iter().map(|row| ((row.a, row.b), row.n)).collect();
        let votes = told.votes.lock().unwrap_or_else(PoisonError::into_inner);
        for vote in votes.iter() {
            let key = (vote.task.clone(), vote.user.clone());
            let rows = ledger.get(&key).map(Vec::as_slice).unwrap_or_default();
            let fits = matches!(rows, [row] if row.c == "APPROVED" && row.n == 1);
            self.check(fits, || format!("the vote {} has {} whole rows", vote.mutation, rows.len()));
            let entered = journal.contains(&(vote.user.clone(), vote.mutation.clone()));
            self.check(entered, || format!("the vote {} is not in the journal", vote.mutation));
            let events = told_of.get(&key).copied().unwrap_or(0);
            self.check(events == 1, || format!("the vote {} has told {events} events", vote.mutation));
        }
        self.check(votes.len() == ledger.len(), || {
            format!("{} votes were acknowledged, {} are in the ledger", votes.len(), ledger.len())
        });
        self.count("votes acknowledged", votes.len());
        self.count("votes in the ledger", ledger.len());
        Ok(())
    }

    /// Checks that a handler was called for every event, in order for each task, and had each effect once.
    fn deliveries(
        &mut self,
        store: &Store,
        handler: &str,
        completed: &BTreeSet<String>,
    ) -> Result<(), HandlerError> {
        let of_handler = format!("WHERE handler = '{handler}' ORDER BY");
        let events = store.rows(&format!(
            "SELECT CAST(event_id AS text) AS a, CAST(entity_id AS text) AS b, signal || ' ' || status AS c, CAST(id AS bigint) AS n \
             FROM task_management_outbox {of_handler} id"
        ))?;
        let calls = store.rows(&format!(
            "SELECT event_id AS a, task_id AS b, '' AS c, CAST(id AS bigint) AS n FROM kill_call {of_handler} id"
        ))?;
        let effects = store.rows(&format!(
            "SELECT event_id AS a, '' AS b, '' AS c, CAST(1 AS bigint) AS n FROM kill_effect {of_handler} event_id"
        ))?;
        let balances = store.rows(&format!(
            "SELECT task_id AS a, '' AS b, '' AS c, effects AS n FROM kill_balance {of_handler} task_id"
        ))?;

        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut decided = BTreeMap::<String, usize>::new();
        for event in &events {
            told.entry(event.b.clone()).or_default().push(event.a.clone());
            let is_delivered = event.c.ends_with(" DELIVERED");
            self.check(is_delivered, || format!("{handler}: event {} is {}", event.a, event.c));
            if event.c.starts_with(Signal::TaskComplete.as_str()) {
                *decided.entry(event.b.clone()).or_default() += 1;
            }
        }
        let once: BTreeMap<String, usize> = completed.iter().map(|task| (task.clone(), 1)).collect();
        self.check(decided == once, || format!("{handler}: completed tasks have not one event each"));
        for (task, of_task) in &told {
            let all = !completed.contains(task) || of_task.len() == VOTERS.len() + 1;
            self.check(all, || format!("{handler}: task {task} has told {} events", of_task.len()));
        }

        // First calls, in the order in which they came.
        let (mut seen, mut called): (BTreeSet<&str>, BTreeMap<String, Vec<String>>) = Default::default();
        for call in &calls {
            if seen.insert(&call.a) {
                called.entry(call.b.clone()).or_default().push(call.a.clone());
            }
        }
        for (task, of_task) in &told {
            let came = called.get(task);
            self.check(came == Some(of_task), || {
                format!("{handler}: the events of task {task} came as {came:?} and not as {of_task:?}")
            });
        }
        let unknown = called.keys().filter(|task| !told.contains_key(*task)).count();
        self.check(unknown == 0, || format!("{handler}: {unknown} tasks had calls without events"));

        let had: BTreeSet<&str> = effects.iter().map(|row| row.a.as_str()).collect();
        let due: BTreeSet<&str> = events.iter().map(|row| row.a.as_str()).collect();
        self.check(had == due, || {
            let (missing, strange) = (due.difference(&had).count(), had.difference(&due).count());
            format!("{handler}: {missing} effects are missing, {strange} have no event")
        });
        let sums: BTreeMap<String, i64> = balances.into_iter().map(|row| (row.a, row.n)).collect();
        for (task, of_task) in &told {
            let sum = sums.get(task).copied().unwrap_or(0);
            let fits = usize::try_from(sum).is_ok_and(|sum| sum == of_task.len());
            self.check(fits, || format!("{handler}: {} events of task {task} added {sum}", of_task.len()));
        }
        self.count(format!("events for `{handler}`"), events.len());
        self.count(format!("calls of `{handler}`"), calls.len());
        self.count("repeats among them", calls.len() - seen.len());
        self.count(format!("effects of `{handler}`"), effects.len());
        Ok(())
    }
}
