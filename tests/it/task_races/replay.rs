//! The tape, replayed by the rules of pools, votes and claims, which are implemented here a second time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDateTime, TimeDelta};
use serde_json::Value;

/// Who may do what in the race, and how long claims last.
pub struct Rules {
    /// The keys of people whose votes are taken whoever has claimed a task, and in every pool.
    pub privileged: BTreeSet<&'static str>,
    /// The keys of people who end the claims of others.
    pub assigners: BTreeSet<&'static str>,
    /// The group in which one approval decides, and whose claims are exclusive. In others, everybody must approve, and claims
    /// are marks.
    pub exclusive: String,
    /// How long a claim lasts.
    pub claim_seconds: i64,
    /// How many claims a person may have.
    pub most_claims: usize,
}

/// What is known when the tape is at its end.
#[derive(Default)]
pub struct Replayed {
    /// How often each signal was told.
    pub told: BTreeMap<String, usize>,
    /// The executors of each group.
    pub pools: BTreeMap<String, BTreeSet<String>>,
    tasks: BTreeMap<String, Task>,
}

#[derive(Default)]
struct Task {
    group: Option<String>,
    data: Value,
    /// The votes that count.
    votes: BTreeMap<String, String>,
    holder: Option<(String, NaiveDateTime)>,
    /// Until when people leave the task to others.
    rests: BTreeMap<String, NaiveDateTime>,
    /// Whether the votes are enough, so that the end must come next.
    is_due: bool,
    /// Whether a claim has ended because the task does, so that its end must come next.
    is_closing: bool,
    is_over: bool,
}

impl Replayed {
    /// Those whose votes count, as `task user`.
    pub fn votes(&self) -> BTreeSet<String> {
        let of_task = |(id, task): (&String, &Task)| {
            task.votes.keys().map(|user| format!("{id} {user}")).collect::<Vec<_>>()
        };
        self.tasks.iter().flat_map(of_task).collect()
    }

    /// The tasks that the tape tells of.
    pub fn knows(&self, task: &str) -> bool {
        self.tasks.contains_key(task)
    }
}

impl Task {
    /// Whether the votes are enough in this pool.
    fn is_decided(&self, pool: &BTreeSet<String>, rules: &Rules) -> bool {
        let has_failed = self.votes.values().any(|value| value == "FAILED");
        let is_exclusive = self.group.as_deref() == Some(rules.exclusive.as_str());
        let has_passed = if is_exclusive {
            !self.votes.is_empty()
        } else {
            pool.iter().all(|user| self.votes.contains_key(user))
        };
        !pool.is_empty() && (has_failed || has_passed)
    }

    /// Whether somebody leaves the task to others.
    fn rests(&self, user: &str, now: NaiveDateTime) -> bool {
        self.rests.get(user).is_some_and(|until| *until > now)
    }
}

fn moment(text: &Value) -> NaiveDateTime {
    text.as_str().expect("a moment").parse().expect("a moment")
}

/// Replays the tape: at each entry the state must allow it, and what it brings about must follow at once.
pub fn replay(tape: &[String], rules: &Rules) -> Replayed {
    let mut done = Replayed::default();
    for line in tape {
        let entry: Value = serde_json::from_str(line).expect("JSON");
        let text = |name: &str| entry[name].as_str().unwrap_or_default();
        *done.told.entry(text("signal").to_owned()).or_default() += 1;
        if text("signal").starts_with("task_executor_service.") {
            let pool = done.pools.entry(text("group").to_owned()).or_default();
            let executor = text("executor").to_owned();
            let is_new = if text("signal").ends_with("create") {
                pool.insert(executor)
            } else {
                pool.remove(&executor)
            };
            assert!(is_new, "{line}");
        } else {
            on_task(&mut done, &entry, line, rules);
        }
    }
    assert!(done.tasks.values().all(|task| !task.is_due && !task.is_closing), "something did not follow");
    done
}

fn on_task(done: &mut Replayed, entry: &Value, line: &str, rules: &Rules) {
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    let (signal, user, now) = (text("signal"), text("user"), moment(&entry["date"]));
    let claim = &entry["claim"];
    let holder = claim["userId"].as_str().unwrap_or_default().to_owned();
    let held = done.tasks.values().filter_map(|task| task.holder.as_ref());
    let held = held.filter(|(who, until)| *who == holder && *until > now).count();
    let task = done.tasks.entry(text("task").to_owned()).or_default();
    assert!(!task.is_over, "after the end: {line}");
    let ends =
        ["task_service.release", "task_service.complete_task", "task_service.delete"].contains(&signal);
    assert!(ends || !task.is_due && !task.is_closing, "the end should come: {line}");
    let nobody = BTreeSet::new();
    let pool = task.group.as_ref().and_then(|group| done.pools.get(group)).unwrap_or(&nobody);
    match signal {
        "task_service.create" => {
            task.group = entry["group"].as_str().map(str::to_owned);
            task.data = entry["data"].clone();
        }
        "task_service.update" => {
            let group = entry["group"].as_str().map(str::to_owned);
            if group.is_none() && task.group.is_some() {
                assert!(task.votes.is_empty(), "voted on, and given back: {line}");
            }
            if group != task.group || entry["data"] != task.data {
                task.votes.clear();
            }
            (task.group, task.data) = (group, entry["data"].clone());
        }
        "task_service.claim" => {
            assert!(task.holder.is_none(), "claimed twice: {line}");
            assert!(pool.contains(&holder), "claimed by who is not asked: {line} {pool:?}");
            assert!(!task.votes.contains_key(&holder), "claimed after a vote: {line}");
            assert!(held < rules.most_claims, "hoarded: {line}");
            let until = moment(&claim["dateUntil"]);
            assert!(now < until && until <= now + TimeDelta::seconds(rules.claim_seconds), "{line}");
            let may = |other: &&String| {
                **other != holder && !task.votes.contains_key(*other) && !task.rests(other, now)
            };
            if claim["assignedBy"].is_null() && task.rests(&holder, now) {
                assert_eq!(pool.iter().find(may), None, "too early again: {line}");
            }
            task.holder = Some((holder, until));
        }
        "task_service.release" => {
            let (who, until) = task.holder.take().expect("somebody had it");
            assert_eq!(who, holder, "{line}");
            match claim["endedAs"].as_str().unwrap_or_default() {
                "LAPSED" => {
                    assert!(until <= now, "too early: {line}");
                    task.rests.insert(holder, until + TimeDelta::seconds(rules.claim_seconds));
                }
                "VOTED" => assert!(task.votes.contains_key(&holder), "no vote: {line}"),
                "LOST" => assert!(!pool.contains(&holder), "asked still: {line}"),
                "RELEASED" => assert!(holder == user || rules.assigners.contains(user), "{line}"),
                "CLOSED" => task.is_closing = task.group.is_some(),
                other => panic!("{other}: {line}"),
            }
        }
        "task_service.resolve_task" => {
            let is_privileged = rules.privileged.contains(user);
            assert!(pool.contains(user) || is_privileged, "a vote of one who is not asked: {line}");
            if let Some((holder, until)) = &task.holder
                && task.group.as_deref() == Some(rules.exclusive.as_str())
            {
                let is_free = holder == user || *until <= now || !pool.contains(holder) || is_privileged;
                assert!(is_free, "a vote beside the holder's: {line}");
            }
            let value = entry["vote"][user].as_str().expect("a vote in the own name").to_owned();
            task.votes.insert(user.to_owned(), value);
            task.is_due = task.is_decided(pool, rules);
        }
        "task_service.withdraw_task_decision" => {
            assert!(task.votes.remove(user).is_some(), "there was no vote: {line}");
        }
        "task_service.complete_task" | "task_service.delete" => {
            assert!(task.holder.is_none(), "the end leaves a claim: {line}");
            if signal == "task_service.complete_task" {
                assert!(task.is_decided(pool, rules), "decided without votes: {line}");
                let has_failed = task.votes.values().any(|value| value == "FAILED");
                assert_eq!(text("result") == "FAILED", has_failed, "{line}");
            } else {
                assert!(!task.is_due, "decided and deleted: {line}");
            }
            (task.is_over, task.is_due, task.is_closing) = (true, false, false);
        }
        other => panic!("{other} is not taped"),
    }
}
