//! A tape of what was done in which order, and its replay: by the rules of the contract, which are implemented here a second
//! time, and by the engine.
//!
//! Dates can't tell the order of changes at the same moment. The tape can: an entry is written in the transaction that it
//! tells of, while that transaction holds the locks of the task and of its pools.

use std::collections::{BTreeMap, BTreeSet};

use diesel::RunQueryDsl as _;
use serde_json::{Value, json};
use tasks_management::decision::{CountedVote, Deciders, Mode, Outcome, Policy, evaluate};
use tasks_management::{Builder, DbConnection, Event, Result, Signal, Signals, Verdict};

use crate::support::scenario::key;
use crate::support::{Backend, TestApp};

/// Makes the table of the tape.
pub fn insert_tape(app: &TestApp) {
    let key = match app.backend {
        Backend::Postgres => "bigserial PRIMARY KEY",
        Backend::Sqlite => "integer PRIMARY KEY AUTOINCREMENT",
    };
    app.run(&format!("CREATE TABLE tape (id {key}, entry text NOT NULL)"));
}

/// A module that writes on the tape.
pub fn taped(builder: Builder) -> Builder {
    let signals = [
        Signal::TaskResolve,
        Signal::TaskUpdate,
        Signal::TaskComplete,
        Signal::TaskExecutorCreate,
        Signal::TaskExecutorDelete,
    ];
    builder.signals(signals.into_iter().fold(Signals::builder(), |bus, signal| bus.within(signal, write)))
}

fn write(connection: &mut DbConnection, event: &Event) -> Result<()> {
    let row = if event.data["new"].is_null() { &event.data["old"] } else { &event.data["new"] };
    let entry = match event.signal {
        Signal::TaskExecutorCreate | Signal::TaskExecutorDelete => {
            json!({ "signal": event.signal.as_str(), "group": row["taskGroupId"], "user": row["userId"] })
        }
        _ => {
            let step = &row["currentStepId"];
            json!({ "signal": event.signal.as_str(), "task": event.entity_id, "step": step, "user": event.user_id })
        }
    };
    diesel::sql_query(format!("INSERT INTO tape (entry) VALUES ('{entry}')")).execute(connection)?;
    Ok(())
}

/// Texts that a query gives as `line`, joined by line breaks in the order of `id`.
pub fn lines(app: &TestApp, query: &str) -> Vec<String> {
    let joined = match app.backend {
        Backend::Postgres => "string_agg(line, chr(10) ORDER BY id)",
        Backend::Sqlite => "group_concat(line, char(10))",
    };
    let sql = format!(
        "SELECT coalesce({joined}, '') AS value FROM (SELECT * FROM ({query}) AS rows ORDER BY id) AS ordered"
    );
    app.text(&sql).lines().map(str::to_owned).collect()
}

/// How many must approve at a step.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    All,
    AtLeast(usize),
    Percent(usize),
}

impl Rule {
    fn is_met(self, pool: &BTreeSet<String>, approved: &BTreeSet<String>) -> bool {
        let is_met = !pool.is_empty()
            && match self {
                Self::All => pool.is_subset(approved),
                Self::AtLeast(people) => approved.len() >= people,
                Self::Percent(percent) => approved.len() * 100 >= pool.len() * percent,
            };
        assert_eq!(
            is_met,
            self.passes(pool, approved),
            "the engine says otherwise: {self:?} {pool:?} {approved:?}"
        );
        is_met
    }

    /// Whether the pool passes by the engine itself.
    fn passes(self, pool: &BTreeSet<String>, approved: &BTreeSet<String>) -> bool {
        let policy = match self {
            Self::All => Policy::All,
            Self::AtLeast(people) => Policy::AtLeast(people as u64),
            Self::Percent(percent) => Policy::Percent(percent as u64),
        };
        let pool = Deciders::new(policy, pool.iter().map(|user| (key(user), 1)), |_| None);
        let counted: Vec<CountedVote> = approved
            .iter()
            .map(|user| CountedVote { user: key(user), verdict: Verdict::Approved, weight: 1 })
            .collect();
        evaluate(&pool, Mode::Whole, &counted).outcome == Outcome::Passed
    }
}

/// A step of the flow as it was agreed on.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its key.
    pub id: String,
    /// The group that is asked.
    pub group: String,
    /// How many of its executors must approve.
    pub rule: Rule,
}

/// The result of the replay: who approved which task at which step, as `task step user`; and which tasks are completed.
#[derive(Debug, Default)]
pub struct Replayed {
    /// Who approved what.
    pub votes: BTreeSet<String>,
    /// Tasks that are completed.
    pub completed: BTreeSet<String>,
    /// How often a pool changed.
    pub pool_changes: usize,
}

#[derive(Default)]
struct Way {
    step: usize,
    approved: BTreeSet<String>,
    /// Whether the last vote has made the step pass, so that the consequence must be the next entry.
    due: bool,
}

/// Replays the tape: at each entry the state must allow it, and what a vote brings about must follow at once.
pub fn replay(app: &TestApp, steps: &[Step]) -> Replayed {
    let mut pools: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut ways: BTreeMap<String, Way> = BTreeMap::new();
    let mut done = Replayed::default();
    for line in lines(app, "SELECT id, entry AS line FROM tape") {
        let entry: Value = serde_json::from_str(&line).expect("an entry");
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let (signal, task, user) = (text("signal"), text("task"), text("user"));
        if signal.starts_with("task_executor_service.") {
            let pool = pools.entry(text("group")).or_default();
            let is_new = if signal.ends_with("create") { pool.insert(user) } else { pool.remove(&user) };
            assert!(is_new, "{line}");
            done.pool_changes += 1;
            continue;
        }
        assert!(!done.completed.contains(&task), "after the end: {line}");
        let way = ways.entry(task.clone()).or_default();
        let step = &steps[way.step];
        let nobody = BTreeSet::new();
        let pool = pools.get(&step.group).unwrap_or(&nobody);
        if signal == Signal::TaskResolve.as_str() {
            assert!(!way.due, "a step that had passed was asked again: {line}");
            assert_eq!(text("step"), step.id, "a vote at another step than the present one: {line}");
            assert!(pool.contains(&user), "a vote of one who does not sit there: {line}");
            done.votes.insert(format!("{task} {} {user}", step.id));
            way.approved.insert(user);
            way.due = step.rule.is_met(pool, &way.approved);
            continue;
        }
        assert!(
            step.rule.is_met(pool, &way.approved),
            "passed too early: {line}, {pool:?}, {:?}",
            way.approved
        );
        (way.due, way.approved) = (false, BTreeSet::new());
        way.step += 1;
        if signal == Signal::TaskComplete.as_str() {
            assert_eq!(way.step, steps.len(), "completed with steps to come: {line}");
            done.completed.insert(task);
        } else {
            assert_eq!(text("step"), steps[way.step].id, "a step was skipped: {line}");
        }
    }
    assert!(ways.values().all(|way| !way.due), "something passed and nothing followed");
    done
}
