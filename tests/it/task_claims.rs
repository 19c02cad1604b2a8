//! Claims: who works on a task, until when, and what others may do meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any, N};
use tasks_management::{CreateTask, FixedClock, Settings, Signal, Signals};

use crate::races::at_once;
use crate::sessions::beginning;
use crate::support::scenario::{each, key, user_id, user_ids};
use crate::support::{Backend, TestApp, apply, on_both};

/// The events of claims that a handler was told of: the signal, and the claim.
type Told = Arc<Mutex<Vec<(Signal, Value)>>>;

/// The module with a clock that stands.
struct Scene {
    app: TestApp,
    clock: FixedClock,
    told: Told,
}

impl Scene {
    async fn start(backend: Backend, settings: impl FnOnce(&mut Settings)) -> Self {
        let (clock, told) = (FixedClock::new(beginning()), Told::default());
        let (own, keeps) = (clock.clone(), Arc::clone(&told));
        let signals = [Signal::TaskClaim, Signal::TaskRelease];
        let mut bus = Signals::builder();
        for signal in signals {
            let keeps = Arc::clone(&keeps);
            bus = bus.within(signal, move |_, event| {
                let claim = event.data["claim"].to_value();
                keeps.lock().unwrap_or_else(PoisonError::into_inner).push((event.signal, claim));
                Ok(())
            });
        }
        let app = TestApp::start_with(backend, settings, |builder| builder.clock(own).signals(bus)).await;
        Self { app, clock, told }
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    async fn act(&self) {
        while self.app.module.deliver_due().await.expect("delivers") > 0 {}
    }

    fn told(&self) -> Vec<(Signal, Value)> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A group with claims; returns its key.
pub async fn group(app: &TestApp, code: &str, mode: &str, users: &[&str]) -> String {
    let input = json!({ "code": code, "completionPolicy": "ANY", "claimMode": mode, "claimSeconds": 600, "userIds": user_ids(users) });
    app.done("admin", "createTaskGroup", input).await;
    let rows = app.user("admin").await.rows("taskGroup", &format!("(code: \"{code}\")"), "uuid").await;
    rows[0]["uuid"].as_str().expect("a key").to_owned()
}

pub async fn claim(app: &TestApp, who: &str, task: &str) -> String {
    app.user(who).await.tried("claimTask", json!({ "id": task })).await.replace(['\u{2068}', '\u{2069}'], "")
}

pub async fn release(app: &TestApp, who: &str, task: &str) -> String {
    app.user(who).await.tried("releaseTask", json!({ "id": task })).await
}

async fn assign(app: &TestApp, who: &str, task: &str, to: &str) -> String {
    app.user(who).await.tried("assignTask", json!({ "id": task, "userId": user_id(to) })).await
}

/// Who works on a task.
async fn holders(app: &TestApp, task: &str) -> Vec<String> {
    let rows = app
        .user("admin")
        .await
        .rows("task", &format!("(id: \"{task}\")"), "claims { user { username } }")
        .await;
    let claims = rows[0]["claims"].as_array().expect("a list").clone();
    claims.iter().map(|claim| claim["user"]["username"].as_str().expect("a name").to_owned()).collect()
}

/// How the claims on a task ended, in their order.
fn ends(app: &TestApp, task: &str) -> String {
    app.text(&format!(
        "SELECT COALESCE(string_agg(COALESCE(ended_as, 'lasts'), ' '), '') AS value FROM (SELECT ended_as FROM \
         task_management_taskclaim WHERE task_id = '{task}' ORDER BY date_claimed, id) AS ended"
    ))
}

#[apply(on_both)]
async fn a_claim_is_held_by_one_person_and_a_conflict_names_the_holder(app: TestApp) {
    let group = group(&app, "CLAIMS", "EXCLUSIVE", &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(claim(&app, "exec1", &task).await, "ok");
    let taken = claim(&app, "exec2", &task).await;
    assert!(taken.starts_with("CONFLICT exec1 has claimed this task"), "{taken}");
    assert!(claim(&app, "exec1", &task).await.starts_with("CONFLICT exec1"), "once is enough");
    assert_eq!(holders(&app, &task).await, ["exec1"]);
    let version = app.task_row(&task).await["version"].clone();
    assert_eq!(version, 1, "a claim is no version of the task");
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "CONFLICT");
    assert_eq!(release(&app, "exec1", &task).await, "ok");
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
    assert_eq!(ends(&app, &task), "RELEASED");
}

#[apply(on_both)]
async fn privileged_people_vote_whoever_has_claimed_a_task_and_a_mark_binds_nobody(app: TestApp) {
    let exclusive = group(&app, "EXCLUSIVE", "EXCLUSIVE", &["exec1", "exec2"]).await;
    let task = app.task_in(&exclusive).await;
    assert_eq!(claim(&app, "exec1", &task).await, "ok");
    assert_eq!(app.vote("triage", &task, json!("APPROVED")).await, "ok");
    assert_eq!((app.status(&task).await, ends(&app, &task)), ("COMPLETED".to_owned(), "CLOSED".to_owned()));
    let mark = group(&app, "MARK", "MARK", &["exec1", "exec2"]).await;
    let task = app.task_in(&mark).await;
    assert_eq!(claim(&app, "exec1", &task).await, "ok");
    assert!(claim(&app, "exec2", &task).await.starts_with("CONFLICT exec1"));
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn who_may_not_decide_claims_nothing(app: TestApp) {
    let claimed = group(&app, "CLAIMS", "EXCLUSIVE", &["exec1", "exec2"]).await;
    let without = app.group("WITHOUT", Any, &["exec1"]).await;
    let task = app.task_in(&claimed).await;
    for (who, expected) in [("norights", "NOT_FOUND"), ("exec3", "NOT_FOUND"), ("triage", "FORBIDDEN")] {
        assert!(claim(&app, who, &task).await.starts_with(expected), "{who}");
    }
    let (other, received) = (app.task_in(&without).await, app.task(CreateTask::default()).await);
    assert!(claim(&app, "exec1", &other).await.starts_with("CONFLICT The group"), "a group without claims");
    assert!(claim(&app, "triage", &received).await.starts_with("CONFLICT"), "not accepted yet");
    assert!(claim(&app, "exec1", "00000000-0000-7000-b000-000000000009").await.starts_with("NOT_FOUND"));
    app.approve("exec2", &task).await;
    assert!(claim(&app, "exec1", &task).await.starts_with("CONFLICT"), "a decided task");
    let input = json!({ "id": claimed, "code": "CLAIMS", "completionPolicy": "ANY", "forbidMaker": true });
    app.done("admin", "updateTaskGroup", input).await;
    app.set_executors(&claimed, &["exec1", "admin"]).await;
    let own = app.task_in(&claimed).await;
    assert!(claim(&app, "admin", &own).await.starts_with("FORBIDDEN You have made"), "four eyes");
}

#[apply(on_both)]
async fn exclusive_claims_are_for_policies_under_which_one_approval_decides(app: TestApp) {
    let input = |code: &str, more: Value| {
        let mut input = json!({ "code": code, "completionPolicy": "ALL", "claimMode": "EXCLUSIVE" });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    };
    assert_eq!(
        app.refused("admin", "createTaskGroup", input("ALL", json!({}))).await,
        "VALIDATION claimMode"
    );
    let two = json!({ "completionPolicy": "N", "threshold": 2 });
    assert_eq!(app.refused("admin", "createTaskGroup", input("TWO", two)).await, "VALIDATION claimMode");
    for seconds in [59, 86_401, -1, 0, i32::MAX] {
        let absurd = json!({ "claimMode": "MARK", "claimSeconds": seconds });
        assert_eq!(
            app.refused("admin", "createTaskGroup", input("LONG", absurd)).await,
            "VALIDATION claimSeconds"
        );
    }
    app.done("admin", "createTaskGroup", input("ONE", json!({ "completionPolicy": "N", "threshold": 1 })))
        .await;
    let of = async |code: &str| {
        app.user("admin")
            .await
            .rows("taskGroup", &format!("(code: \"{code}\")"), "uuid claimMode claimSeconds")
            .await
            .remove(0)
    };
    let one = of("ONE").await;
    assert_eq!((&one["claimMode"], &one["claimSeconds"]), (&json!("EXCLUSIVE"), &json!(3600)));
    app.done(
        "admin",
        "updateTaskGroup",
        json!({ "id": one["uuid"], "code": "ONE", "completionPolicy": "ALL" }),
    )
    .await;
    assert_eq!(of("ONE").await["claimMode"], "MARK", "a change of the policy makes it a mark");
    app.done(
        "admin",
        "updateTaskGroup",
        json!({ "id": one["uuid"], "code": "ONE", "completionPolicy": "ALL", "claimMode": "NONE" }),
    )
    .await;
    assert_eq!(of("ONE").await["claimMode"], "NONE");
    let versions = app.versions("taskGroup", one["uuid"].as_str().expect("a key"), "claimMode").await;
    assert_eq!(each(&versions, "claimMode"), ["EXCLUSIVE", "MARK", "NONE"]);
}

#[apply(on_both)]
async fn a_step_that_needs_more_than_one_approval_makes_the_claim_a_mark(app: TestApp) {
    let both = ["exec1", "exec2"];
    let (first, second) =
        (group(&app, "FIRST", "EXCLUSIVE", &both).await, group(&app, "SECOND", "EXCLUSIVE", &both).await);
    let steps = json!([{ "taskGroupId": first, "completionPolicy": "ALL" }, { "taskGroupId": second }]);
    let flow = app.flow_of(json!({ "code": "STEPS", "steps": steps })).await;
    let task = app.task_on(&flow).await;
    assert_eq!(claim(&app, "exec1", &task).await, "ok");
    app.approve("exec2", &task).await;
    assert!(claim(&app, "exec2", &task).await.starts_with("CONFLICT"), "after a vote");
    app.approve("exec1", &task).await;
    assert_eq!(ends(&app, &task), "VOTED", "the vote ends it");
    assert_eq!(claim(&app, "exec2", &task).await, "ok", "the next step has a claim of its own");
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "CONFLICT");
    app.approve("exec2", &task).await;
    assert_eq!(
        (app.status(&task).await, ends(&app, &task)),
        ("COMPLETED".to_owned(), "VOTED VOTED".to_owned())
    );
}

#[apply(on_both)]
async fn a_claim_lapses_once_by_a_timer_and_its_holder_leaves_the_task_to_others_for_as_long(
    backend: Backend,
) {
    let scene = Scene::start(backend, |_| {}).await;
    let app = &scene.app;
    let group = group(app, "LAPSE", "EXCLUSIVE", &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(claim(app, "exec1", &task).await, "ok");
    scene.pass(599);
    scene.act().await;
    assert_eq!(holders(app, &task).await, ["exec1"]);
    scene.told();
    scene.pass(1);
    assert_eq!(holders(app, &task).await, [""; 0], "its time is up, whether or not a timer has acted");
    scene.act().await;
    scene.act().await;
    let told = scene.told();
    assert_eq!(told.len(), 1, "once: {told:?}");
    assert_eq!((told[0].0, &told[0].1["endedAs"]), (Signal::TaskRelease, &json!("LAPSED")));
    assert_eq!(told[0].1["userId"], user_id("exec1"));
    let rests = claim(app, "exec1", &task).await;
    assert!(rests.starts_with("CONFLICT Your claim on this task has ended"), "{rests}");
    assert_eq!(claim(app, "exec2", &task).await, "ok", "others may take it");
    assert_eq!(release(app, "exec2", &task).await, "ok");
    app.set_executors(&group, &["exec1"]).await;
    assert_eq!(claim(app, "exec1", &task).await, "ok", "nobody else may");
    assert_eq!(release(app, "exec1", &task).await, "ok");
    app.set_executors(&group, &["exec1", "exec2"]).await;
    scene.pass(601);
    assert_eq!(claim(app, "exec1", &task).await, "ok", "as long has passed");
}

#[apply(on_both)]
async fn a_claim_that_was_given_back_goes_on_for_what_is_left_of_its_time(backend: Backend) {
    let scene = Scene::start(backend, |_| {}).await;
    let app = &scene.app;
    let group = group(app, "BACK", "EXCLUSIVE", &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    for _ in 0..3 {
        assert_eq!(claim(app, "exec1", &task).await, "ok");
        scene.pass(100);
        assert_eq!(release(app, "exec1", &task).await, "ok");
    }
    assert_eq!(claim(app, "exec1", &task).await, "ok");
    scene.pass(300);
    assert_eq!(holders(app, &task).await, [""; 0], "nobody blocks a task by giving it back in time");
    scene.act().await;
    assert_eq!(ends(app, &task), "RELEASED RELEASED RELEASED LAPSED");
    assert!(claim(app, "exec1", &task).await.starts_with("CONFLICT Your claim"));
}

#[apply(on_both)]
async fn whoever_gives_a_task_back_late_leaves_it_to_others_for_as_long_as_it_was_held(backend: Backend) {
    let scene = Scene::start(backend, |_| {}).await;
    let app = &scene.app;
    let group = group(app, "AGAIN", "EXCLUSIVE", &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(claim(app, "exec1", &task).await, "ok");
    scene.pass(100);
    assert_eq!(release(app, "exec1", &task).await, "ok");
    assert_eq!(claim(app, "exec1", &task).await, "ok", "for what is left");
    scene.pass(490);
    assert_eq!(release(app, "exec1", &task).await, "ok");
    scene.pass(10);
    let rests = claim(app, "exec1", &task).await;
    assert!(
        rests.starts_with("CONFLICT Your claim on this task has ended"),
        "a claim can't be renewed for ever: {rests}"
    );
    assert_eq!(claim(app, "exec2", &task).await, "ok", "others may take it");
    scene.pass(1);
    assert_eq!(release(app, "exec2", &task).await, "ok");
    scene.pass(578);
    assert!(claim(app, "exec1", &task).await.starts_with("CONFLICT Your claim"));
    scene.pass(1);
    assert_eq!(
        claim(app, "exec1", &task).await,
        "ok",
        "it was held for 590 seconds, and as many have passed"
    );
    // From whom it was taken rests from nothing.
    assert_eq!(release(app, "triage", &task).await, "ok");
    scene.pass(600);
    assert_eq!(claim(app, "exec1", &task).await, "ok");
    // Nor is it renewed by a vote that is taken back.
    let marked = self::group(app, "MARKED", "MARK", &["exec1", "exec2"]).await;
    app.done(
        "admin",
        "updateTaskGroup",
        json!({ "id": marked, "code": "MARKED", "completionPolicy": "ALL" }),
    )
    .await;
    let other = app.task_in(&marked).await;
    assert_eq!(claim(app, "exec1", &other).await, "ok");
    scene.pass(300);
    assert_eq!(app.vote("exec1", &other, json!("APPROVED")).await, "ok");
    app.done("exec1", "withdrawTaskDecision", json!({ "id": other })).await;
    assert_eq!(claim(app, "exec1", &other).await, "ok", "for what is left");
    scene.pass(299);
    assert_eq!(app.vote("exec1", &other, json!("APPROVED")).await, "ok");
    app.done("exec1", "withdrawTaskDecision", json!({ "id": other })).await;
    scene.pass(1);
    assert!(
        claim(app, "exec1", &other).await.starts_with("CONFLICT Your claim"),
        "it was held for 599 seconds"
    );
    scene.pass(599);
    assert_eq!(claim(app, "exec1", &other).await, "ok");
}

#[apply(on_both)]
async fn nobody_has_more_claims_than_the_setting_says(backend: Backend) {
    let app =
        TestApp::start_with(backend, |settings| settings.limits.claims_per_person = 2, |builder| builder)
            .await;
    let group = group(&app, "FEW", "MARK", &["exec1", "exec2"]).await;
    let mut tasks = Vec::new();
    for _ in 0..4 {
        tasks.push(app.task_in(&group).await);
    }
    assert_eq!(claim(&app, "exec1", &tasks[0]).await, "ok");
    let (one, two) = (app.user("exec1").await, app.user("exec1").await);
    let outcomes = at_once([
        (&one, "claimTask", json!({ "id": tasks[1] })),
        (&two, "claimTask", json!({ "id": tasks[2] })),
    ])
    .await;
    assert_eq!(crate::races::sorted(outcomes), ["LIMIT", "ok"]);
    assert!(assign(&app, "triage", &tasks[3], "exec1").await.starts_with("LIMIT"));
    assert_eq!(app.user("exec1").await.outcome("claimNextTask", json!({})).await, "LIMIT");
    let mut exec1 = app.user("exec1").await;
    let rows = exec1.rows("task", &format!("(id: \"{}\")", tasks[3]), "allowedActions").await;
    assert!(!rows[0]["allowedActions"].to_string().contains("\"CLAIM\""), "{rows:?}");
    assert_eq!(release(&app, "exec1", &tasks[0]).await, "ok");
    assert_eq!(assign(&app, "triage", &tasks[3], "exec1").await, "ok");
}

#[apply(on_both)]
async fn assigners_give_tasks_to_people_who_may_decide_and_take_them_from_others(app: TestApp) {
    app.load(json!({
        "roles": [{ "id": 50, "name": "Dispatcher", "rights": [191_001, 191_005, 191_006] }],
        "users": [{ "id": user_id("maker"), "username": "maker", "password": "maker123", "interactiveUserId": 50, "roles": ["Dispatcher"] }],
    }))
    .await;
    let group = group(&app, "GIVEN", "EXCLUSIVE", &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(assign(&app, "exec1", &task, "exec2").await.split(' ').next(), Some("FORBIDDEN"));
    assert_eq!(assign(&app, "maker", &task, "exec1").await, "ok");
    assert_eq!(holders(&app, &task).await, ["exec1"]);
    for who in ["norights", "exec3", "admin"] {
        let input = json!({ "id": task, "userId": user_id(who) });
        assert_eq!(app.refused("maker", "assignTask", input).await, "VALIDATION userId", "{who}");
    }
    let nobody = json!({ "id": task, "userId": "00000000-0000-7000-b000-000000000009" });
    assert_eq!(app.refused("maker", "assignTask", nobody).await, "VALIDATION userId");
    assert!(assign(&app, "maker", &task, "exec1").await.starts_with("CONFLICT"), "the holder has it");
    assert_eq!(assign(&app, "triage", &task, "exec2").await, "ok");
    assert_eq!(
        (holders(&app, &task).await, ends(&app, &task)),
        (vec!["exec2".to_owned()], "RELEASED lasts".to_owned())
    );
    assert!(release(&app, "exec1", &task).await.starts_with("CONFLICT"), "only one's own");
    assert_eq!(release(&app, "maker", &task).await, "ok");
    assert_eq!(holders(&app, &task).await, [""; 0]);
    let items = json!({ "items": [{ "id": task, "userId": user_id("exec1") }, { "id": task, "userId": user_id("exec3") }], "mode": "EACH" });
    let query =
        "mutation($input: AssignTasksMutationInput!) { assignTasks(input: $input) { outcomes { ok code } } }";
    let answer = app.user("maker").await.graphql_with(query, json!({ "input": items })).await;
    assert_eq!(
        answer.data("assignTasks")["outcomes"],
        json!([{ "ok": true, "code": null }, { "ok": false, "code": "VALIDATION" }])
    );
}

#[apply(on_both)]
async fn a_claim_ends_with_the_place_of_its_holder_with_the_pool_and_with_the_task(app: TestApp) {
    let (one, two) =
        (group(&app, "ONE", "EXCLUSIVE", &["exec1", "exec2"]).await, app.group("TWO", All, &["exec3"]).await);
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let task = app.task_in(&one).await;
        assert_eq!(claim(&app, "exec1", &task).await, "ok");
        tasks.push(task);
    }
    app.done("triage", "updateTask", json!({ "id": tasks[0], "taskGroupId": two })).await;
    app.done("triage", "updateTask", json!({ "id": tasks[1], "status": "FAILED" })).await;
    app.done("triage", "deleteTask", json!({ "ids": [tasks[2]] })).await;
    assert_eq!(
        tasks[..3].iter().map(|task| ends(&app, task)).collect::<Vec<_>>(),
        ["LOST", "CLOSED", "CLOSED"]
    );
    app.set_executors(&one, &["exec2"]).await;
    assert_eq!(holders(&app, &tasks[3]).await, [""; 0], "at once");
    app.approve("exec2", &tasks[3]).await;
    assert_eq!(ends(&app, &tasks[3]), "LOST");
    let task = app.task_in(&one).await;
    assert_eq!(claim(&app, "exec2", &task).await, "ok");
    app.set_executors(&one, &["exec1"]).await;
    while app.module.deliver_due().await.expect("delivers") > 0 {}
    assert_eq!(ends(&app, &task), "LOST", "without anybody touching the task");
    assert_eq!(app.count("SELECT count(*) FROM task_management_timer WHERE kind = 'LAPSE'"), 0);
}

#[apply(on_both)]
async fn the_next_task_is_the_most_urgent_then_the_one_due_first_then_the_oldest(app: TestApp) {
    let group = group(&app, "NEXT", "EXCLUSIVE", &["exec1", "exec2"]).await;
    let due = |day: u32| beginning().checked_add_signed(TimeDelta::days(40_000 + i64::from(day)));
    let mut tasks = Vec::new();
    for (priority, due_date) in [(50, None), (50, due(2)), (50, due(1)), (90, None), (10, due(1)), (50, None)]
    {
        let input = CreateTask {
            task_group_id: Some(key(&group)),
            priority: Some(priority),
            due_date,
            ..CreateTask::default()
        };
        tasks.push(app.task(input).await);
    }
    let next = async |who: &str, input: Value| {
        let query = "mutation($input: ClaimNextTaskMutationInput!) { claimNextTask(input: $input) { outcomes { id ok } } }";
        let answer = app.user(who).await.graphql_with(query, json!({ "input": input })).await;
        answer.data("claimNextTask")["outcomes"][0]["id"].as_str().map(str::to_owned)
    };
    let mut order = Vec::new();
    for who in ["exec1", "exec2", "exec1", "exec2", "exec1", "exec2"] {
        order.push(next(who, json!({})).await.expect("a task"));
    }
    let expected: Vec<String> =
        [3, 2, 1, 0, 5, 4].iter().map(|place: &usize| tasks[*place].clone()).collect();
    assert_eq!(order, expected);
    assert_eq!(next("exec1", json!({})).await, None, "nothing is left");
    assert_eq!(next("exec3", json!({})).await, None);
    let again = json!({ "clientMutationId": "again" });
    assert_eq!(release(&app, "exec1", &tasks[3]).await, "ok");
    let first = next("exec1", again.clone()).await;
    assert_eq!(
        (first.as_ref(), next("exec1", again).await),
        (Some(&tasks[3]), first.clone()),
        "a repeat is told the same"
    );
    assert_eq!(next("exec2", json!({ "priority_Gte": 80 })).await, None);
}

#[apply(on_both)]
async fn the_next_task_passes_over_what_somebody_works_on_at_this_moment(backend: Backend) {
    if backend == Backend::Sqlite {
        return;
    }
    let app = TestApp::start(backend).await;
    let group = group(&app, "OVER", "EXCLUSIVE", &["exec1", "exec2"]).await;
    let (first, second) = (app.task_in(&group).await, app.task_in(&group).await);
    let held = app.hold_task(&first);
    assert_eq!(app.user("exec1").await.outcome("claimNextTask", json!({})).await, "ok");
    held.release();
    assert_eq!(holders(&app, &second).await, ["exec1"]);
    assert_eq!(holders(&app, &first).await, [""; 0]);
}

#[apply(on_both)]
async fn what_awaits_me_is_what_i_can_decide_and_nobody_works_on_alone(app: TestApp) {
    let shared = group(&app, "AWAIT", "EXCLUSIVE", &["exec1", "exec2", "admin"]).await;
    let all = app.group_with("BOTH", N, Some(2), &["exec1", "exec2"], &[]).await;
    let flow = app.flow_of(json!({ "code": "AWAIT", "steps": [{ "taskGroupId": all, "distinctDeciders": true }, { "taskGroupId": shared, "distinctDeciders": true, "forbidMaker": true }] })).await;
    let mine = async |who: &str| {
        let mut rows = app.user(who).await.rows("task", "(awaitingMe: true, source: \"mine\")", "uuid").await;
        rows.iter_mut().map(|row| row["uuid"].as_str().expect("a key").to_owned()).collect::<Vec<_>>()
    };
    let of = |group: Option<&str>, flow: Option<&str>| CreateTask {
        source: Some("mine".to_owned()),
        task_group_id: group.map(key),
        flow_id: flow.map(key),
        ..CreateTask::default()
    };
    let task = app.task(of(Some(&shared), None)).await;
    let voted = app.task(of(Some(&all), None)).await;
    let at_step = app.task(of(None, Some(&flow))).await;
    assert_eq!(mine("exec1").await.len(), 3);
    assert_eq!(mine("admin").await, [task.as_str()], "who sees all is asked about few");
    assert_eq!(mine("triage").await, [""; 0]);
    app.approve("exec1", &voted).await;
    assert!(!mine("exec1").await.contains(&voted), "a vote was cast");
    assert_eq!(claim(&app, "exec2", &task).await, "ok");
    assert!(!mine("exec1").await.contains(&task), "somebody works on it alone");
    assert!(mine("exec2").await.contains(&task));
    let claimed = app.user("exec2").await.rows("task", "(claimedByMe: true)", "uuid").await;
    assert_eq!(each(&claimed, "uuid"), [task.as_str()]);
    let others = app.user("exec2").await.rows("task", "(claimedByMe: false, source: \"mine\")", "uuid").await;
    assert_eq!(others.len(), 2);
    app.approve("exec1", &at_step).await;
    app.approve("exec2", &at_step).await;
    assert_eq!(app.place(&at_step).await.1, Some(2));
    assert!(!mine("exec1").await.contains(&at_step), "who decided another step");
    assert!(!mine("admin").await.contains(&at_step), "the maker");
    app.done("triage", "updateTask", json!({ "id": voted, "followUpDate": "2999-01-01T00:00:00" })).await;
    assert!(!mine("exec2").await.contains(&voted), "not before its follow-up date");
    let total =
        app.user("exec2").await.graphql(r#"{ task(awaitingMe: true, source: "mine") { totalCount } }"#).await;
    assert_eq!(total.data("task")["totalCount"], 1);
    let not_mine =
        app.user("exec2").await.rows("task", "(awaitingMe: false, source: \"mine\")", "uuid").await;
    assert_eq!(not_mine.len(), 2);
}

#[apply(on_both)]
async fn counts_tell_how_many_there_are_of_each_kind_among_what_one_sees(app: TestApp) {
    let shared = group(&app, "COUNTS", "EXCLUSIVE", &["exec1", "exec2"]).await;
    let other = app.group("OTHER", Any, &["exec3"]).await;
    let of = |group: &str| CreateTask {
        source: Some("counted".to_owned()),
        task_group_id: Some(key(group)),
        ..CreateTask::default()
    };
    let one = app.task(of(&shared)).await;
    app.task(of(&shared)).await;
    app.task(of(&other)).await;
    app.task_from("counted").await;
    assert_eq!(claim(&app, "exec1", &one).await, "ok");
    let counts = async |who: &str, arguments: &str| {
        let query = format!(
            "{{ taskCounts({arguments}) {{ status taskGroup {{ code }} source priority overdue claimant {{ username }} count }} }}"
        );
        app.user(who).await.graphql(&query).await
    };
    let number = |answer: &Value| each(answer.as_array().expect("a list"), "count");
    let by_status = counts("admin", "groupBy: [STATUS], source: \"counted\"").await;
    assert_eq!(by_status.data("taskCounts")[0]["status"], "ACCEPTED");
    assert_eq!(number(by_status.data("taskCounts")), [3, 1]);
    let by_group = counts("admin", "groupBy: [TASK_GROUP, STATUS], source: \"counted\"").await;
    assert_eq!(number(by_group.data("taskCounts")), [2, 1, 1]);
    assert_eq!(by_group.data("taskCounts")[0]["taskGroup"]["code"], "COUNTS");
    assert_eq!(
        number(counts("exec1", "groupBy: [], source: \"counted\"").await.data("taskCounts")),
        [2],
        "what one sees"
    );
    let claimants = counts("exec2", "groupBy: [CLAIMANT], status: ACCEPTED, source: \"counted\"").await;
    let told = claimants.data("taskCounts").clone();
    assert!(
        told.as_array()
            .expect("a list")
            .contains(&json!({ "status": null, "taskGroup": null, "source": null, "priority": null,
        "overdue": null, "claimant": { "username": "exec1" }, "count": 1 })),
        "{told}"
    );
    assert_eq!(
        number(
            counts("exec2", "groupBy: [PRIORITY, OVERDUE, SOURCE], awaitingMe: true, source: \"counted\"")
                .await
                .data("taskCounts")
        ),
        [1]
    );
    assert_eq!(counts("norights", "groupBy: [STATUS]").await.codes(), ["FORBIDDEN"]);
    assert!(!counts("admin", "").await.body["errors"].is_null(), "groupBy is needed");
    assert!(!counts("admin", "groupBy: [COLOUR]").await.body["errors"].is_null());
}

#[apply(on_both)]
async fn many_are_claimed_at_once_and_repeats_unknown_and_invisible_ones_are_refused_each_for_itself(
    app: TestApp,
) {
    let (mine, others) =
        (group(&app, "MINE", "MARK", &["exec1"]).await, group(&app, "OTHERS", "MARK", &["exec2"]).await);
    let (one, two, invisible) =
        (app.task_in(&mine).await, app.task_in(&mine).await, app.task_in(&others).await);
    let unknown = "00000000-0000-7000-b000-000000000009";
    let query = "mutation($input: ClaimTasksMutationInput!) { claimTasks(input: $input) { outcomes { id ok code } } }";
    let claimed = async |ids: &[&str], mode: &str| {
        let items: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        let answer = app
            .user("exec1")
            .await
            .graphql_with(query, json!({ "input": { "items": items, "mode": mode } }))
            .await;
        each(answer.data("claimTasks")["outcomes"].as_array().expect("a list"), "code")
    };
    let none = claimed(&[one.as_str(), unknown], "ALL").await;
    assert_eq!(none, ["CONFLICT", "NOT_FOUND"], "all or none");
    assert_eq!(holders(&app, &one).await, [""; 0]);
    let codes = claimed(&[one.as_str(), &one, unknown, &invisible, &two], "EACH").await;
    assert_eq!(codes, [json!(null), json!("CONFLICT"), json!("NOT_FOUND"), json!("NOT_FOUND"), json!(null)]);
    assert_eq!(
        (holders(&app, &one).await, holders(&app, &two).await),
        (vec!["exec1".to_owned()], vec!["exec1".to_owned()])
    );
}

#[apply(on_both)]
async fn a_blocked_person_has_no_claim_and_gets_none(app: TestApp) {
    let group = group(&app, "BLOCKED", "EXCLUSIVE", &["exec1", "exec2"]).await;
    let (task, other) = (app.task_in(&group).await, app.task_in(&group).await);
    assert_eq!(claim(&app, "exec1", &task).await, "ok");
    app.run(&format!("UPDATE core_user SET is_active = FALSE WHERE id = '{}'", user_id("exec1")));
    assert_eq!(holders(&app, &task).await, [""; 0]);
    let input = json!({ "id": other, "userId": user_id("exec1") });
    assert_eq!(app.refused("triage", "assignTask", input).await, "VALIDATION userId");
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(ends(&app, &task), "LOST");
}

#[apply(on_both)]
async fn unknown_inactive_and_removed_people_are_given_nothing(app: TestApp) {
    let group = group(&app, "GONE", "EXCLUSIVE", &["exec1", "exec2", "exec3"]).await;
    let task = app.task_in(&group).await;
    app.done("admin", "updateUser", json!({ "username": "exec2", "isActive": false })).await;
    app.done("admin", "deleteUser", json!({ "uuids": [user_id("exec3")] })).await;
    for who in ["00000000-0000-7000-b000-000000000009", user_id("exec2"), user_id("exec3")] {
        let given = json!({ "id": task, "userId": who });
        assert_eq!(app.refused("triage", "assignTask", given).await, "VALIDATION userId", "{who}");
        let said = json!({ "taskId": task, "text": "look", "mentions": [who] });
        assert_eq!(app.refused("admin", "createTaskComment", said).await, "VALIDATION mentions", "{who}");
        let asked = json!({ "code": "NEW", "completionPolicy": "ANY", "userIds": [who] });
        assert_eq!(app.refused("admin", "createTaskGroup", asked).await, "VALIDATION userIds", "{who}");
    }
    let rows = app
        .user("admin")
        .await
        .rows("task", &format!("(id: \"{task}\")"), "progress { pools { missing { username } } }")
        .await;
    assert_eq!(
        rows[0]["progress"]["pools"][0]["missing"],
        json!([{ "username": "exec1" }]),
        "nobody else is waited for"
    );
}

#[apply(on_both)]
async fn a_vote_a_claim_and_an_assignment_in_the_same_instant_leave_one_holder_or_a_decided_task(
    app: TestApp,
) {
    let group = group(&app, "INSTANT", "EXCLUSIVE", &["exec1", "exec2"]).await;
    for _ in 0..10 {
        let task = app.task_in(&group).await;
        let (one, two) = (app.user("exec1").await, app.user("exec2").await);
        let outcomes =
            at_once([(&one, "claimTask", json!({ "id": task })), (&two, "claimTask", json!({ "id": task }))])
                .await;
        assert_eq!(crate::races::sorted(outcomes), ["CONFLICT", "ok"]);
        let holder = holders(&app, &task).await;
        assert_eq!(holder.len(), 1);
        let triage = app.user("triage").await;
        let voter = app.user(&holder[0]).await;
        let vote =
            json!({ "id": task, "businessStatus": json!({ user_id(&holder[0]): "APPROVED" }).to_string() });
        let other = if holder[0] == "exec1" { "exec2" } else { "exec1" };
        let given = json!({ "id": task, "userId": user_id(other) });
        let [voted, assigned] =
            at_once([(&voter, "resolveTask", vote), (&triage, "assignTask", given)]).await;
        match (voted.as_str(), assigned.as_str()) {
            ("ok", "CONFLICT") => assert_eq!(app.status(&task).await, "COMPLETED"),
            ("CONFLICT", "ok") => assert_eq!(holders(&app, &task).await, [other]),
            both => panic!("{both:?}"),
        }
    }
}
