//! Timers: tasks become overdue, and escalation rules act, once for each reason.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::{Builder, CreateTask, FixedClock, Settings, Signal, Signals, SignalsBuilder};
use tokio_util::sync::CancellationToken;

use crate::rules_dates::later;
use crate::sessions::beginning;
use crate::statements::sent;
use crate::support::receiver::{Received, Receiver};
use crate::support::scenario::{each, key, user_ids};
use crate::support::{Backend, TestApp, apply, on_both, until};
use crate::webhook_deliveries::{endpoint, nearby};

/// The events that an After-handler was told of: the signal, the task and the data.
type Told = Arc<Mutex<Vec<(Signal, String, Value)>>>;

fn telling(bus: SignalsBuilder, told: &Told) -> SignalsBuilder {
    let told = Arc::clone(told);
    let signals = [Signal::TaskOverdue, Signal::TaskEscalate, Signal::TaskComplete];
    bus.after("told", signals, move |event| {
        let entry = (event.signal, event.entity_id.to_string(), event.data.to_value());
        told.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        async { Ok(()) }
    })
}

/// A clock of its own, and no pause that counts as an outage.
struct Scene {
    app: TestApp,
    clock: FixedClock,
    told: Told,
}

impl Scene {
    async fn start(backend: Backend) -> Self {
        Self::start_with(backend, |settings| settings.timers.outage_s = 1_000_000).await
    }

    async fn start_with(backend: Backend, settings: impl FnOnce(&mut Settings)) -> Self {
        let (clock, told) = (FixedClock::new(beginning()), Told::default());
        let own = clock.clone();
        let build = |builder: Builder| builder.clock(own).signals(telling(Signals::builder(), &told));
        let app = TestApp::start_with(backend, settings, build).await;
        Self { app, clock, told }
    }

    /// A group with these escalation rules, whose executors are exec1 and exec2.
    async fn group(&self, code: &str, rules: Value) -> String {
        let group = self.app.group(code, All, &["exec1", "exec2"]).await;
        self.set_rules(&group, rules).await;
        group
    }

    async fn set_rules(&self, group: &str, rules: Value) {
        let row = self.app.group_row(group).await;
        let input = json!({ "id": group, "code": row["code"], "completionPolicy": row["completionPolicy"],
            "escalations": rules });
        self.app.done("admin", "updateTaskGroup", input).await;
    }

    /// A task in a group that is due in so many seconds.
    async fn task(&self, group: &str, due: i64) -> String {
        let due = beginning_plus(&self.clock, due);
        let input =
            CreateTask { task_group_id: Some(key(group)), due_date: Some(due), ..CreateTask::default() };
        self.app.task(input).await
    }

    /// Lets time pass, and has everything done that is due then.
    async fn pass(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
        self.act().await;
    }

    async fn act(&self) {
        while self.app.module.deliver_due().await.expect("acts") > 0 {}
    }

    /// What was told since this was asked last: `overdue`, `escalate RULE`, `complete_task RESULT`.
    fn told(&self) -> Vec<String> {
        let told: Vec<_> = std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner));
        told.into_iter()
            .map(|(signal, _, data)| match signal {
                Signal::TaskEscalate => {
                    format!("{} {}", data["rule"]["action"], data["rule"]["offsetSeconds"])
                }
                Signal::TaskComplete => format!("complete {} {}", data["result"], data["cause"]),
                _ => signal.as_str().trim_start_matches("task_service.").to_owned(),
            })
            .map(|line| line.replace('"', ""))
            .collect()
    }

    /// How many timers of a task are due at some time, and how many have acted.
    fn timers(&self, task: &str) -> (i64, i64) {
        let count = |which: &str| {
            let sql = format!(
                "SELECT count(*) FROM task_management_timer WHERE entity_id = '{task}' AND due IS {which}"
            );
            self.app.count(&sql)
        };
        (count("NOT NULL"), count("NULL"))
    }
}

fn beginning_plus(clock: &FixedClock, seconds: i64) -> chrono::NaiveDateTime {
    tasks_management::Clock::now(clock) + TimeDelta::seconds(seconds)
}

fn rule(at: &str, offset: i64, action: &str) -> Value {
    json!({ "at": at, "offsetSeconds": offset, "action": action })
}

#[apply(on_both)]
async fn an_open_task_is_told_of_once_for_each_date_that_passes(backend: Backend) {
    let scene = Scene::start(backend).await;
    let group = scene.group("PLAIN", json!([])).await;
    let task = scene.task(&group, 60).await;
    let decided = scene.task(&group, 60).await;
    for who in ["exec1", "exec2"] {
        scene.app.approve(who, &decided).await;
    }
    scene.pass(59).await;
    assert_eq!(scene.told(), ["complete COMPLETED null"]);
    scene.pass(1).await;
    assert_eq!(scene.told(), ["overdue"]);
    scene.pass(3_600).await;
    assert_eq!(scene.told(), Vec::<String>::new(), "once");
    let (soon, soonest) = (later(&scene.clock, 120), later(&scene.clock, 60));
    for due in [&soon, &soonest, &soon] {
        scene.app.done("triage", "updateTask", json!({ "id": task, "dueDate": due })).await;
    }
    scene.pass(300).await;
    assert_eq!(scene.told(), ["overdue"], "only the date that holds");
    // A task of which nobody is asked yet is overdue too.
    scene.app.done("triage", "createTask", json!({ "dueDate": later(&scene.clock, 10) })).await;
    scene.pass(10).await;
    assert_eq!(scene.told(), ["overdue"]);
}

#[apply(on_both)]
async fn rules_act_before_and_after_the_date_and_after_the_group_was_asked_in_that_order(backend: Backend) {
    let scene = Scene::start(backend).await;
    let rules = [("AFTER_DUE", 100), ("BEFORE_DUE", 300), ("AFTER_OPEN", 200)]
        .map(|(at, offset)| rule(at, offset, "NOTIFY"));
    let group = scene.group("RULES", json!(rules)).await;
    scene.task(&group, 1_000).await;
    for (seconds, expected) in [
        (199, vec![]),
        (1, vec!["NOTIFY 200"]),
        (500, vec!["NOTIFY 300"]),
        (300, vec!["overdue"]),
        (100, vec!["NOTIFY 100"]),
        (9_999, vec![]),
    ] {
        scene.pass(seconds).await;
        assert_eq!(scene.told(), expected, "after {seconds} s more");
    }
    // After a pause all that was missed comes in its order.
    scene.task(&group, 1_000).await;
    scene.pass(5_000).await;
    assert_eq!(scene.told(), ["NOTIFY 200", "NOTIFY 300", "overdue", "NOTIFY 100"]);
}

#[apply(on_both)]
async fn a_rule_raises_the_priority_in_the_name_of_the_system_and_never_lowers_it(backend: Backend) {
    let scene = Scene::start(backend).await;
    let mut raise = rule("AFTER_OPEN", 60, "RAISE_PRIORITY");
    raise["priority"] = json!(80);
    let group = scene.group("RAISE", json!([raise])).await;
    let task = scene.app.task_in(&group).await;
    let urgent = scene
        .app
        .task(CreateTask { task_group_id: Some(key(&group)), priority: Some(90), ..CreateTask::default() })
        .await;
    scene.pass(60).await;
    assert_eq!(scene.told(), ["RAISE_PRIORITY 60", "RAISE_PRIORITY 60"]);
    let versions = scene.app.versions("task", &task, "priority historyChangeReason").await;
    assert_eq!(each(&versions, "priority"), [50, 80]);
    assert_eq!(versions[1]["historyUser"]["username"], "(system)");
    assert_eq!(versions[1]["historyChangeReason"], "escalated: RAISE_PRIORITY AFTER_OPEN 60 s 80");
    assert_eq!(each(&scene.app.versions("task", &urgent, "priority").await, "priority"), [90]);
}

#[apply(on_both)]
async fn a_rule_fails_a_task_through_the_one_door_and_nothing_is_approved_by_silence(backend: Backend) {
    let scene = Scene::start(backend).await;
    let group = scene.group("FAIL", json!([rule("AFTER_DUE", 600, "FAIL")])).await;
    let task = scene.task(&group, 60).await;
    scene.app.approve("exec1", &task).await;
    scene.pass(659).await;
    assert_eq!(scene.told(), ["overdue"]);
    assert_eq!(scene.app.status(&task).await, "ACCEPTED");
    scene.pass(1).await;
    assert_eq!(scene.told(), ["FAIL 600", "complete FAILED timeout"]);
    let versions = scene.app.versions("task", &task, "status historyChangeReason").await;
    let last = versions.last().expect("a version");
    assert_eq!(
        (&last["status"], &last["historyChangeReason"]),
        (&json!("FAILED"), &json!("FAIL AFTER_DUE 600 s; timeout"))
    );
    assert_eq!(last["historyUser"]["username"], "(system)");
    assert_eq!(scene.timers(&task), (0, 0));
    assert_eq!(
        scene.app.count("SELECT count(*) FROM task_management_taskdecision WHERE verdict = 'FAILED'"),
        0
    );
}

#[apply(on_both)]
async fn a_task_that_is_held_for_want_of_people_does_not_fail_and_is_looked_at_again(backend: Backend) {
    let scene = Scene::start(backend).await;
    let group = scene.group("HELD", json!([rule("AFTER_OPEN", 600, "FAIL")])).await;
    let task = scene.app.task_in(&group).await;
    scene.app.set_executors(&group, &[]).await;
    scene.pass(600).await;
    assert_eq!((scene.app.status(&task).await.as_str(), scene.told()), ("ACCEPTED", vec![]));
    scene.app.set_executors(&group, &["exec1"]).await;
    scene.pass(3_599).await;
    assert_eq!(scene.app.status(&task).await, "ACCEPTED", "who came has an hour");
    scene.pass(1).await;
    assert_eq!(scene.told(), ["FAIL 600", "complete FAILED timeout"]);
}

#[apply(on_both)]
async fn what_would_have_failed_in_an_outage_waits_as_long_again_and_at_least_an_hour(backend: Backend) {
    let scene = Scene::start_with(backend, |_| {}).await;
    let group = scene
        .group("OUTAGE", json!([rule("AFTER_OPEN", 1_000, "FAIL"), rule("AFTER_OPEN", 1_000, "NOTIFY")]))
        .await;
    scene.act().await;
    for (outage, waits) in [(1_200, 3_600), (10_000, 10_000)] {
        let task = scene.app.task_in(&group).await;
        scene.pass(outage).await;
        assert_eq!(scene.told(), ["NOTIFY 1000"], "late, and once");
        let mut waited = 0;
        while waited + 300 < waits {
            scene.pass(300).await;
            waited += 300;
        }
        assert_eq!(scene.app.status(&task).await, "ACCEPTED");
        scene.pass(waits - waited).await;
        assert_eq!(scene.told(), ["FAIL 1000", "complete FAILED timeout"], "after {waits} s");
    }
    // A pause that is shorter than the setting says is none.
    scene.app.task_in(&group).await;
    for _ in 0..4 {
        scene.pass(250).await;
    }
    assert_eq!(scene.told(), ["FAIL 1000", "complete FAILED timeout"]);
}

#[apply(on_both)]
async fn a_decided_or_deleted_task_has_no_timer_and_a_change_of_dates_plans_anew(backend: Backend) {
    let scene = Scene::start(backend).await;
    let group =
        scene.group("PLAN", json!([rule("AFTER_DUE", 60, "NOTIFY"), rule("AFTER_OPEN", 60, "NOTIFY")])).await;
    let dateless = scene.app.task_in(&group).await;
    assert_eq!(scene.timers(&dateless), (1, 0), "only the rule that needs no date");
    let task = scene.task(&group, 600).await;
    assert_eq!(scene.timers(&task), (3, 0));
    scene.pass(60).await;
    assert_eq!(scene.timers(&task), (2, 1), "what has acted is known");
    scene.app.done("triage", "updateTask", json!({ "id": task, "dueDate": null })).await;
    assert_eq!(scene.timers(&task), (0, 1));
    scene.app.done("triage", "updateTask", json!({ "id": task, "dueDate": later(&scene.clock, 60) })).await;
    assert_eq!(scene.timers(&task), (2, 1));
    for who in ["exec1", "exec2"] {
        scene.app.approve(who, &task).await;
    }
    assert_eq!(scene.timers(&task), (0, 0));
    scene.app.done("triage", "deleteTask", json!({ "ids": [dateless] })).await;
    assert_eq!(scene.timers(&dateless), (0, 0));
    let closed = scene.task(&group, 600).await;
    scene.app.done("triage", "updateTask", json!({ "id": closed, "status": "COMPLETED" })).await;
    assert_eq!(scene.timers(&closed), (0, 0));
    let named = scene.app.task(CreateTask::default()).await;
    scene.app.done("triage", "updateTask", json!({ "id": named, "taskGroupId": group })).await;
    assert_eq!(scene.timers(&named), (0, 0), "its group is not asked yet");
    scene.app.done("triage", "deleteTask", json!({ "ids": [named] })).await;
    scene.act().await;
    scene.told();
    scene.pass(9_999).await;
    assert_eq!(scene.told(), Vec::<String>::new());
}

#[apply(on_both)]
async fn only_the_steps_that_are_asked_escalate_by_their_own_rules_or_those_of_their_groups(
    backend: Backend,
) {
    let scene = Scene::start(backend).await;
    let one = scene.group("ONE", json!([rule("AFTER_OPEN", 100, "NOTIFY")])).await;
    let two = scene.group("TWO", json!([rule("AFTER_OPEN", 200, "NOTIFY")])).await;
    let three = scene.group("THREE", json!([rule("AFTER_OPEN", 300, "NOTIFY")])).await;
    let flow = scene
        .app
        .flow_of(json!({ "code": "WAY", "steps": [
            { "taskGroupId": one },
            { "taskGroupId": two, "order": 1, "escalations": [rule("AFTER_OPEN", 250, "NOTIFY")] },
            { "taskGroupId": three, "order": 2, "escalations": [] },
        ] }))
        .await;
    let steps = scene
        .app
        .user("admin")
        .await
        .rows("taskFlow", "(code: \"WAY\")", "steps { escalations { offsetSeconds } }")
        .await;
    assert_eq!(
        steps[0]["steps"],
        json!([{ "escalations": null }, { "escalations": [{ "offsetSeconds": 250 }] }, { "escalations": [] }])
    );
    let task = scene.app.task_on(&flow).await;
    scene.pass(50).await;
    for who in ["exec1", "exec2"] {
        let vote = scene
            .app
            .vote_with(who, &task, json!("APPROVED"), json!({ "stepId": step_of(&scene, &flow, 0).await }))
            .await;
        assert_eq!(vote, "ok");
    }
    assert_eq!(scene.timers(&task), (1, 0), "the step that has passed waits for nobody");
    scene.pass(100).await;
    assert_eq!(scene.told(), Vec::<String>::new());
    scene.pass(100).await;
    assert_eq!(scene.told(), ["NOTIFY 250"]);
    // The flow begins anew with other data, and so do its rules.
    assert_eq!(scene.app.propose("triage", &task, json!({ "other": 1 })).await, "ok");
    scene.pass(250).await;
    assert_eq!(scene.told(), ["NOTIFY 100", "NOTIFY 250"]);
    for who in ["exec1", "exec2"] {
        scene.app.approve(who, &task).await;
    }
    assert_eq!(scene.timers(&task).0, 0);
    scene.pass(9_999).await;
    assert_eq!(scene.told(), Vec::<String>::new(), "the last step has no rules");
}

async fn step_of(scene: &Scene, flow: &str, index: usize) -> Value {
    scene.app.flow_row(flow).await["steps"][index]["uuid"].clone()
}

#[apply(on_both)]
async fn a_rule_that_is_set_or_taken_away_holds_for_tasks_that_are_open_already(backend: Backend) {
    let scene = Scene::start(backend).await;
    let group = scene.app.group("LATER", All, &["exec1", "exec2"]).await;
    let flow = scene.app.flow("LATER", &[&group]).await;
    let tasks = [scene.app.task_in(&group).await, scene.app.task_on(&flow).await];
    scene
        .set_rules(&group, json!([rule("AFTER_OPEN", 100, "NOTIFY"), rule("AFTER_OPEN", 200, "NOTIFY")]))
        .await;
    scene.act().await;
    for task in &tasks {
        assert_eq!(scene.timers(task), (2, 0));
    }
    scene.pass(100).await;
    assert_eq!(scene.told(), ["NOTIFY 100", "NOTIFY 100"]);
    let row = scene
        .app
        .user("admin")
        .await
        .rows(
            "taskGroup",
            &format!("(id: {group:?})"),
            "escalations { at offsetSeconds action taskGroupId priority }",
        )
        .await;
    assert_eq!(
        row[0]["escalations"][0],
        json!({ "at": "AFTER_OPEN", "offsetSeconds": 100, "action": "NOTIFY", "taskGroupId": null, "priority": null })
    );
    // What is absent is unchanged, and plans nothing.
    scene.app.set_executors(&group, &["exec1"]).await;
    assert_eq!(scene.app.count("SELECT count(*) FROM task_management_timer WHERE kind = 'PLAN'"), 0);
    scene.set_rules(&group, json!([])).await;
    scene.clock.advance(TimeDelta::seconds(500));
    scene.act().await;
    assert_eq!(scene.told(), Vec::<String>::new());
    assert_eq!(scene.timers(&tasks[0]), (0, 1));
    scene.set_rules(&group, json!([rule("AFTER_OPEN", 100, "NOTIFY")])).await;
    scene.act().await;
    assert_eq!(scene.told(), Vec::<String>::new(), "the same rule does not act again for the same opening");
}

#[apply(on_both)]
async fn bad_rules_are_refused_with_the_field(backend: Backend) {
    let scene = Scene::start(backend).await;
    let group = scene.app.group("BAD", Any, &["exec1"]).await;
    let gone = scene.app.group("GONE", Any, &["exec1"]).await;
    scene.app.done("admin", "deleteTaskGroup", json!({ "ids": [gone] })).await;
    let with = |name: &str, value: Value| {
        let mut rule = rule("AFTER_DUE", 60, "NOTIFY");
        rule[name] = value;
        rule
    };
    let mut priority_for_fail = with("action", json!("FAIL"));
    priority_for_fail["priority"] = json!(70);
    let mut group_for_fail = with("action", json!("FAIL"));
    group_for_fail["taskGroupId"] = json!(group);
    let mut too_urgent = with("action", json!("RAISE_PRIORITY"));
    too_urgent["priority"] = json!(101);
    let stranger = "00000000-0000-7000-8000-00000000dead";
    for (rules, expected) in [
        (vec![with("offsetSeconds", json!(-1))], "VALIDATION escalations[0].offsetSeconds"),
        (vec![with("offsetSeconds", json!(i32::MIN))], "VALIDATION escalations[0].offsetSeconds"),
        (vec![with("offsetSeconds", json!(i32::MAX))], "VALIDATION escalations[0].offsetSeconds"),
        (vec![with("offsetSeconds", json!(315_360_001))], "VALIDATION escalations[0].offsetSeconds"),
        (
            vec![with("offsetSeconds", json!(0)), with("taskGroupId", json!(stranger))],
            "NOT_FOUND escalations[1].taskGroupId",
        ),
        (vec![with("taskGroupId", json!(gone))], "NOT_FOUND escalations[0].taskGroupId"),
        (vec![with("action", json!("RAISE_PRIORITY"))], "VALIDATION escalations[0].priority"),
        (vec![too_urgent], "VALIDATION escalations[0].priority"),
        (vec![priority_for_fail], "VALIDATION escalations[0].priority"),
        (vec![group_for_fail], "VALIDATION escalations[0].taskGroupId"),
        (vec![with("offsetSeconds", json!(1)); 11], "LIMIT escalations"),
        (vec![with("offsetSeconds", json!(1)); 1_000], "LIMIT escalations"),
    ] {
        let own = json!({ "id": group, "code": "BAD", "completionPolicy": "ANY", "escalations": rules });
        let new = json!({ "code": "NEW", "completionPolicy": "ANY", "escalations": rules });
        let steps = json!({ "code": "NEW", "steps": [{ "taskGroupId": group, "escalations": rules }] });
        assert_eq!(scene.app.refused("admin", "updateTaskGroup", own).await, expected);
        assert_eq!(scene.app.refused("admin", "createTaskGroup", new).await, expected);
        let expected = expected.replace("escalations", "steps[0].escalations");
        assert_eq!(scene.app.refused("admin", "createTaskFlow", steps).await, expected);
    }
    // Ten are allowed, and the longest offset there is acts never, or at once.
    let mut ten = vec![with("offsetSeconds", json!(315_360_000)); 9];
    ten.push(
        json!({ "at": "BEFORE_DUE", "offsetSeconds": 315_360_000, "action": "NOTIFY", "taskGroupId": group }),
    );
    scene.set_rules(&group, json!(ten)).await;
    scene.task(&group, 60).await;
    scene
        .app
        .done("triage", "createTask", json!({ "taskGroupId": group, "dueDate": "9999-12-31T23:59:59" }))
        .await;
    scene.act().await;
    assert_eq!(scene.told(), ["NOTIFY 315360000"]);
}

#[apply(on_both)]
async fn of_a_thousand_escalation_rules_ten_are_allowed_and_the_refusal_names_the_bound(app: TestApp) {
    let group = app.group("FULL", Any, &["exec1"]).await;
    let rules = vec![rule("AFTER_OPEN", 60, "NOTIFY"); 1_000];
    let before: Vec<_> =
        app.row_counts().into_iter().filter(|(table, _)| *table != "core_mutationlog").collect();
    for (mutation, input) in [
        ("createTaskGroup", json!({ "code": "NEW", "completionPolicy": "ANY", "escalations": rules })),
        (
            "updateTaskGroup",
            json!({ "id": group, "code": "FULL", "completionPolicy": "ANY", "escalations": rules }),
        ),
        (
            "createTaskFlow",
            json!({ "code": "NEW", "steps": [{ "taskGroupId": group, "escalations": rules }] }),
        ),
    ] {
        let text = app.refusal_text("admin", mutation, input.clone()).await;
        assert!(text.contains("at most 10"), "{mutation}: {text}");
        assert!(app.refused("admin", mutation, input).await.starts_with("LIMIT"), "{mutation}");
    }
    let after: Vec<_> =
        app.row_counts().into_iter().filter(|(table, _)| *table != "core_mutationlog").collect();
    assert_eq!(after, before, "nothing is half done");
}

/// What a task costs in its group does not depend on the rules of others.
#[apply(on_both)]
async fn a_thousand_groups_with_rules_cost_a_task_no_more_statements_than_one(backend: Backend) {
    let scene = Scene::start(backend).await;
    let rules = json!([rule("AFTER_OPEN", 60, "NOTIFY"), rule("AFTER_DUE", 60, "NOTIFY")]);
    let group = scene.group("ONE", rules).await;
    let clock = scene.clock.clone();
    let counted = scene
        .app
        .counted_process_of(|settings| settings.timers.outage_s = 1_000_000, |builder| builder.clock(clock));
    let mut admin = counted.user("admin").await;
    let round = async |admin: &mut crate::support::Client| {
        let input = json!({ "taskGroupId": group, "dueDate": later(&scene.clock, 30) });
        sent(&counted);
        assert_eq!(admin.outcome("createTask", input).await, "ok");
        let created = sent(&counted).len();
        scene.clock.advance(TimeDelta::seconds(100));
        while counted.module.deliver_due().await.expect("acts") > 0 {}
        (created, sent(&counted).len())
    };
    // The first one learns what later ones know.
    round(&mut admin).await;
    let alone = round(&mut admin).await;
    let key = match backend {
        Backend::Postgres => {
            "CAST('0d000000-0000-7000-8000-' || lpad(CAST(number AS text), 12, '0') AS uuid)"
        }
        Backend::Sqlite => "'0d000000-0000-7000-8000-' || substr('000000000000' || number, -12)",
    };
    scene.app.run(&format!(
        "WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 1000) \
         INSERT INTO task_management_taskgroup (id, is_deleted, version, date_created, date_updated, user_created, user_updated, \
         code, completion_policy, escalations) SELECT {key}, is_deleted, version, date_created, date_updated, user_created, \
         user_updated, 'COPY ' || number, completion_policy, escalations FROM task_management_taskgroup CROSS JOIN numbers \
         WHERE task_management_taskgroup.id = '{group}'"
    ));
    let groups = "SELECT count(*) FROM task_management_taskgroup WHERE escalations IS NOT NULL";
    assert_eq!(scene.app.count(groups), 1_001);
    assert_eq!(round(&mut admin).await, alone);
}

#[apply(on_both)]
async fn many_processes_share_the_timers_and_each_acts_once(backend: Backend) {
    let scene = Scene::start(backend).await;
    let group =
        scene.group("SHARED", json!([rule("AFTER_DUE", 0, "NOTIFY"), rule("AFTER_DUE", 10, "FAIL")])).await;
    for _ in 0..30 {
        scene.task(&group, 60).await;
    }
    let (clock, told) = (scene.clock.clone(), Arc::clone(&scene.told));
    let far = |settings: &mut Settings| settings.timers.outage_s = 1_000_000;
    let others: Vec<TestApp> = (0..2)
        .map(|_| {
            let (clock, told) = (clock.clone(), Arc::clone(&told));
            scene.app.another_process_with(far, move |builder| {
                builder.clock(clock).signals(telling(Signals::builder(), &told))
            })
        })
        .collect();
    scene.clock.advance(TimeDelta::seconds(100));
    for _ in 0..5 {
        let (one, two, three) = tokio::join!(
            scene.app.module.deliver_due(),
            others[0].module.deliver_due(),
            others[1].module.deliver_due()
        );
        for acted in [one, two, three] {
            acted.expect("acts");
        }
    }
    scene.act().await;
    let told = scene.told();
    for line in ["overdue", "NOTIFY 0", "FAIL 10", "complete FAILED timeout"] {
        assert_eq!(told.iter().filter(|told| *told == line).count(), 30, "{line}");
    }
    assert_eq!(scene.app.count("SELECT count(*) FROM task_management_timer"), 0);
}

#[apply(on_both)]
async fn a_timer_of_a_worker_that_died_acts_when_the_lease_ends_and_a_late_worker_does_nothing(
    backend: Backend,
) {
    let scene = Scene::start(backend).await;
    let group = scene.group("LEASE", json!([])).await;
    scene.task(&group, 60).await;
    let (worker, until) = (
        "00000000-0000-4000-8000-00000000dead",
        beginning_plus(&scene.clock, 160).format("%Y-%m-%d %H:%M:%S"),
    );
    scene.app.run(&format!(
        "UPDATE task_management_timer SET leased_by = '{worker}', lease_until = '{until}', attempts = 1"
    ));
    scene.pass(100).await;
    assert_eq!(scene.told(), Vec::<String>::new(), "another has it in hand");
    scene.pass(61).await;
    assert_eq!(scene.told(), ["overdue"]);
    assert_eq!(
        scene.app.count(&format!("SELECT count(*) FROM task_management_timer WHERE leased_by = '{worker}'")),
        0
    );
}

#[apply(on_both)]
async fn a_timer_that_a_handler_refuses_acts_later_and_harms_no_other(backend: Backend) {
    let clock = FixedClock::new(beginning());
    let told = Told::default();
    let refused = Arc::new(Mutex::new(true));
    let (own, refuses) = (clock.clone(), Arc::clone(&refused));
    let bus = telling(Signals::builder(), &told).within(Signal::TaskOverdue, move |_, event| {
        let is_refused = *refuses.lock().unwrap_or_else(PoisonError::into_inner);
        if is_refused && event.task()?.source.as_deref() == Some("refused") {
            return Err(tasks_management::Error::internal("on purpose"));
        }
        Ok(())
    });
    let far = |settings: &mut Settings| settings.timers.outage_s = 1_000_000;
    let app = TestApp::start_with(backend, far, |builder| builder.clock(own).signals(bus)).await;
    let scene = Scene { app, clock, told };
    for source in ["refused", "fine"] {
        let input = json!({ "source": source, "dueDate": later(&scene.clock, 60) });
        scene.app.done("triage", "createTask", input).await;
    }
    scene.clock.advance(TimeDelta::seconds(60));
    scene.app.module.deliver_due().await.expect("acts");
    assert_eq!(scene.told(), ["overdue"], "the other one");
    *refused.lock().unwrap_or_else(PoisonError::into_inner) = false;
    scene.pass(7_200).await;
    assert_eq!(scene.told(), ["overdue"]);
}

#[apply(on_both)]
async fn events_and_webhooks_tell_of_the_rule(backend: Backend) {
    let clock = FixedClock::new(beginning());
    let (own, told) = (clock.clone(), Told::default());
    let build = |builder: Builder| builder.clock(own).signals(telling(Signals::builder(), &told));
    let far = |settings: &mut Settings| {
        nearby(settings);
        settings.timers.outage_s = 1_000_000;
    };
    let app = TestApp::start_with(backend, far, build).await;
    let scene = Scene { app, clock, told };
    let receiver = Receiver::start().await;
    let signals = ["task_service.overdue", "task_service.escalate", "task_service.complete_task"];
    endpoint(&scene.app, "late", &receiver.url, &signals).await;
    let chiefs = scene.app.group("CHIEFS", Any, &["exec3"]).await;
    let mut notify = rule("AFTER_DUE", 0, "NOTIFY");
    notify["taskGroupId"] = json!(chiefs);
    let group = scene.group("TOLD", json!([notify, rule("AFTER_DUE", 60, "FAIL")])).await;
    let task = scene.task(&group, 60).await;
    scene.pass(60).await;
    scene.pass(60).await;
    let bodies: Vec<Value> = receiver.received().iter().map(Received::json).collect();
    let types: Vec<Value> = each(&bodies, "type");
    assert_eq!(
        types,
        [
            "task_service.overdue",
            "task_service.escalate",
            "task_service.escalate",
            "task_service.complete_task"
        ]
    );
    for body in &bodies {
        assert_eq!(body["data"]["task"]["uuid"], json!(task));
        assert_eq!(body["data"]["user"]["username"], "(system)");
    }
    assert_eq!(
        bodies[1]["data"]["rule"],
        json!({ "at": "AFTER_DUE", "offsetSeconds": 0, "action": "NOTIFY", "taskGroupId": chiefs, "priority": null })
    );
    assert_eq!(
        (&bodies[3]["data"]["cause"], &bodies[3]["data"]["comment"]),
        (&json!("timeout"), &json!("FAIL AFTER_DUE 60 s"))
    );
    let events = scene
        .app
        .user("admin")
        .await
        .rows("taskEvents", "(signal: \"task_service.escalate\", handler: \"told\")", "status")
        .await;
    assert_eq!(each(&events, "status"), ["DELIVERED", "DELIVERED"]);
}

#[apply(on_both)]
async fn a_worker_wakes_when_a_timer_is_due_and_others_find_what_a_process_left(backend: Backend) {
    let told = Told::default();
    let bus = || telling(Signals::builder(), &told);
    let app = TestApp::start_with(backend, |_| {}, |builder| builder.signals(bus())).await;
    // The process that plans the timer serves none, and the one that serves looks every second.
    let quick = |settings: &mut Settings| settings.timers.outage_s = 5;
    let server = app.another_process_with(quick, |builder| builder.signals(bus()));
    let stop = CancellationToken::new();
    let workers = tokio::spawn(server.module.workers(&stop));
    let due = tasks_management::Clock::now(&tasks_management::SystemClock) + TimeDelta::milliseconds(1_500);
    app.task(CreateTask { due_date: Some(due), ..CreateTask::default() }).await;
    let count = || told.lock().unwrap_or_else(PoisonError::into_inner).len();
    until("it is told of", || count() == 1).await;
    // In the serving process it is woken at once.
    let due = tasks_management::Clock::now(&tasks_management::SystemClock) + TimeDelta::milliseconds(500);
    server.task(CreateTask { due_date: Some(due), ..CreateTask::default() }).await;
    until("the second is told of", || count() == 2).await;
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn tasks_that_are_loaded_with_a_date_have_timers(backend: Backend) {
    let scene = Scene::start(backend).await;
    let group = scene.group("LOADED", json!([rule("AFTER_DUE", 60, "NOTIFY")])).await;
    scene
        .app
        .load(json!({ "tasks": [{
            "id": "00000000-0000-7000-8000-0000000000c7", "isDeleted": false, "jsonExt": null, "version": 1,
            "dateCreated": "2026-01-02T03:04:05", "dateUpdated": "2026-01-02T03:04:05",
            "userCreated": user_ids(&["admin"])[0], "userUpdated": user_ids(&["admin"])[0], "status": "ACCEPTED",
            "executorActionEvent": "default", "businessStatus": {}, "taskGroup": group, "data": {},
            "dueDate": "2026-01-03T03:04:05",
        }] }))
        .await;
    scene.act().await;
    assert_eq!(scene.told(), ["overdue", "NOTIFY 60"]);
}
