//! Nothing waits silently: what happens to open tasks at a change of who is asked, or of how many must agree.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any, N};
use tasks_management::{
    Approved, Builder, CheckedService, CreateTask, DbConnection, ExecutionMode, Json, MakerChecker,
    Reevaluate, Requester, Result, Settings,
};

use crate::races::at_once;
use crate::support::anything::host_of;
use crate::support::people::{EXECUTOR, People};
use crate::support::scenario::{each, key, user_id, user_ids};
use crate::support::{TestApp, apply, on_both};

/// Another process on the same database that decides.
fn deciding(app: &TestApp) -> TestApp {
    app.another_process_with(decide, |builder| builder)
}

fn decide(settings: &mut Settings) {
    settings.tasks_management.reevaluate = Reevaluate::Decide;
}

async fn deliver(app: &TestApp) -> usize {
    app.module.deliver_due().await.expect("delivers")
}

/// Whether a task is held, and why, as an administrator sees it.
async fn held(app: &TestApp, task: &str) -> (bool, Value) {
    let progress = app.on_its_way(task).await["progress"].clone();
    (progress["held"].as_bool().expect("a truth value"), progress["heldReason"].clone())
}

fn ready() -> (bool, Value) {
    (true, json!("READY_TO_DECIDE"))
}

/// The tasks that are held for a reason.
async fn held_for(app: &TestApp, reason: &str) -> Vec<Value> {
    let rows = app.user("admin").await.rows("task", &format!("(heldReason: {reason})"), "uuid").await;
    // Some of the fixture's tasks are held as well.
    let is_own = |uuid: &Value| uuid.as_str().is_some_and(|uuid| !uuid.starts_with("00000000-"));
    each(&rows, "uuid").into_iter().filter(is_own).collect()
}

/// A task of a group of two, all of whom must agree, of whom one has.
async fn half_decided(app: &TestApp, code: &str) -> (String, String) {
    let group = app.group(code, All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    (group, task)
}

#[apply(on_both)]
async fn a_task_that_has_enough_votes_since_an_executor_left_is_shown_as_ready_until_somebody_votes(
    app: TestApp,
) {
    let (group, task) = half_decided(&app, "LEFT").await;
    assert_eq!(held(&app, &task).await, (false, json!(null)));
    app.set_executors(&group, &["exec1"]).await;
    assert_eq!(held(&app, &task).await, ready());
    assert_eq!(deliver(&app).await, 1);
    assert_eq!(held_for(&app, "READY_TO_DECIDE").await, [json!(task)]);
    assert_eq!(app.status(&task).await, "ACCEPTED", "REPORT is the default");
    let versions = app.versions("task", &task, "status").await;
    assert_eq!(versions.len(), 2, "showing it is no version");
    app.approve("exec1", &task).await;
    assert_eq!(app.status(&task).await, "COMPLETED");
    assert!(held_for(&app, "READY_TO_DECIDE").await.is_empty());
}

#[apply(on_both)]
async fn whatever_makes_the_votes_enough_is_noticed(app: TestApp) {
    let admin = app.module.requester("admin").await.expect("the fixture has an admin");
    let update = async |group: &str, change: Value| {
        let mut input = json!({ "id": group, "completionPolicy": "ALL" });
        for (name, value) in change.as_object().expect("an object") {
            input[name] = value.clone();
        }
        assert_eq!(app.user("triage").await.outcome("updateTaskGroup", input).await, "ok");
    };
    let noticed = async |task: &str, what: &str| {
        deliver(&app).await;
        assert_eq!(held(&app, task).await, ready(), "{what}");
        assert_eq!(held_for(&app, "READY_TO_DECIDE").await, [json!(task)], "{what}");
        assert_eq!(app.weigh_again(task).await, "ok", "{what}");
        assert_eq!(app.status(task).await, "COMPLETED", "{what}");
    };
    let (group, task) = half_decided(&app, "POLICY").await;
    update(&group, json!({ "code": "POLICY", "completionPolicy": "ANY" })).await;
    noticed(&task, "another policy").await;

    let group = app.group_with("THRESHOLD", N, Some(2), &["exec1", "exec2"], &[]).await;
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    update(&group, json!({ "code": "THRESHOLD", "completionPolicy": "N", "threshold": 1 })).await;
    noticed(&task, "another threshold").await;

    let group = app.group("EYES", All, &["exec1", "admin"]).await;
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    update(&group, json!({ "code": "EYES", "forbidMaker": true })).await;
    noticed(&task, "four eyes").await;

    let (group, task) = half_decided(&app, "REMOVED").await;
    let executor =
        app.group_row(&group).await["executors"]["exec2"]["uuid"].as_str().map(key).expect("an executor");
    app.module.task_executors().delete(&admin, vec![executor]).await.expect("is removed");
    noticed(&task, "an executor removed").await;

    let (group, task) = half_decided(&app, "GIVEN").await;
    app.set_executors(&group, &["exec2"]).await;
    let executor =
        app.group_row(&group).await["executors"]["exec2"]["uuid"].as_str().map(key).expect("an executor");
    app.module.task_executors().update(&admin, executor, key(user_id("exec1"))).await.expect("is given");
    noticed(&task, "an executor given to who has voted").await;

    let group = app.group("WEIGHT", All, &["exec1", "exec2"]).await;
    let weigh = json!({ "kind": "WEIGHT", "threshold": 3 });
    update(&group, json!({ "code": "WEIGHT", "completionPolicy": "N", "policy": weigh, "weights": [{ "userId": user_id("exec1"), "weight": 2 }] })).await;
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    update(
        &group,
        json!({ "code": "WEIGHT", "completionPolicy": "N", "policy": { "kind": "WEIGHT", "threshold": 2 } }),
    )
    .await;
    noticed(&task, "another weight that is needed").await;
}

#[apply(on_both)]
async fn what_changes_nothing_of_who_decides_asks_for_nothing(app: TestApp) {
    let (group, _) = half_decided(&app, "SAME").await;
    let before = app.count("SELECT count(*) FROM task_management_outbox");
    let renamed = json!({ "id": group, "code": "OTHER", "completionPolicy": "ALL", "userIds": user_ids(&["exec1", "exec2"]) });
    assert_eq!(app.user("triage").await.outcome("updateTaskGroup", renamed).await, "ok");
    app.group("NEW", Any, &["exec1"]).await;
    assert_eq!(app.count("SELECT count(*) FROM task_management_outbox"), before);
}

#[apply(on_both)]
async fn where_the_settings_say_so_it_is_decided_by_the_system_user_and_the_history_names_the_cause(
    app: TestApp,
) {
    let app = deciding(&app);
    let (group, task) = half_decided(&app, "DECIDED").await;
    app.set_executors(&group, &["exec1"]).await;
    assert_eq!(deliver(&app).await, 1);
    assert_eq!(app.status(&task).await, "COMPLETED");
    let last = app.versions("task", &task, "status historyChangeReason").await.pop().expect("a version");
    assert_eq!(last["historyUser"]["username"], "(system)");
    let reason = last["historyChangeReason"].as_str().expect("a reason").to_owned();
    assert!(reason.contains("task_group_service.update"), "{reason}");
    let events = app
        .user("admin")
        .await
        .rows(
            "taskEvents",
            "(handler: \"tasks.re_evaluation\")",
            "id eventId status signal entityId user { username }",
        )
        .await;
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0]["status"], &events[0]["signal"], &events[0]["entityId"], &events[0]["user"]["username"]),
        (&json!("DELIVERED"), &json!("task_group_service.update"), &json!(group), &json!("admin"))
    );
    assert!(reason.contains(events[0]["eventId"].as_str().expect("an id")), "{reason}");

    // A repeated delivery changes nothing.
    let before = app.row_counts();
    assert_eq!(
        app.user("admin").await.outcome("replayTaskEvents", json!({ "ids": [events[0]["id"]] })).await,
        "ok"
    );
    assert_eq!(deliver(&app).await, 1);
    for ((table, then), (_, now)) in before.iter().zip(app.row_counts()) {
        assert_eq!(now, then + i64::from(*table == "core_mutationlog"), "{table}");
    }
}

#[apply(on_both)]
async fn a_refusal_that_nobody_could_count_fails_the_task_once_somebody_is_asked(app: TestApp) {
    let app = deciding(&app);
    let group = app.group("REFUSED", All, &[]).await;
    let task = app.task_in(&group).await;
    assert_eq!(held_for(&app, "EMPTY_POOL").await, [json!(task)], "from the beginning");
    assert_eq!(app.vote("admin", &task, json!("FAILED")).await, "ok");
    assert_eq!(held(&app, &task).await, (true, json!("EMPTY_POOL")));
    app.set_executors(&group, &["exec1"]).await;
    deliver(&app).await;
    assert_eq!(app.status(&task).await, "FAILED");
}

#[apply(on_both)]
async fn a_flow_moves_on_and_both_of_its_present_pools_are_weighed(app: TestApp) {
    let app = deciding(&app);
    let one = app.group("ONE", All, &["exec1", "exec2"]).await;
    let beside = app.group("BESIDE", All, &["exec3", "exec4"]).await;
    let last = app.group("LAST", Any, &["exec5"]).await;
    let flow = app
        .flow_of(json!({ "code": "FLOW", "steps": [
            { "taskGroupId": one, "order": 1 }, { "taskGroupId": beside, "order": 1 }, { "taskGroupId": last, "order": 2 },
        ]}))
        .await;
    let task = app.task_on(&flow).await;
    app.approve("exec1", &task).await;
    app.approve("exec3", &task).await;
    app.set_executors(&beside, &["exec3"]).await;
    deliver(&app).await;
    assert_eq!(
        app.place(&task).await,
        ("ACCEPTED".to_owned(), Some(1), vec!["ONE".to_owned()]),
        "the second pool passed"
    );
    app.set_executors(&one, &["exec1"]).await;
    deliver(&app).await;
    assert_eq!(app.place(&task).await, ("ACCEPTED".to_owned(), Some(2), vec!["LAST".to_owned()]));
    app.set_executors(&last, &[]).await;
    deliver(&app).await;
    assert_eq!(held_for(&app, "EMPTY_POOL").await, [json!(task)]);
}

#[apply(on_both)]
async fn who_may_not_decide_does_not_decide_by_changing_the_pool(app: TestApp) {
    let app = deciding(&app);
    // `admin` makes the tasks of these tests.
    let group = app.group("BARRED", All, &["exec1", "exec2"]).await;
    let eyes = json!({ "id": group, "code": "BARRED", "completionPolicy": "ALL", "forbidMaker": true });
    assert_eq!(app.user("triage").await.outcome("updateTaskGroup", eyes).await, "ok");
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    app.set_executors(&group, &["exec1"]).await;
    deliver(&app).await;
    assert_eq!(app.status(&task).await, "ACCEPTED");
    assert_eq!(held(&app, &task).await, (true, json!("CHANGED_BY_BARRED")));
    assert_eq!(held_for(&app, "CHANGED_BY_BARRED").await, [json!(task)]);
    assert_eq!(app.user("admin").await.outcome("reEvaluateTask", json!({ "id": task })).await, "FORBIDDEN");
    let all = json!({ "heldReason": "CHANGED_BY_BARRED" });
    assert_eq!(app.user("admin").await.outcome("reEvaluateTasks", all.clone()).await, "ok");
    assert_eq!(app.status(&task).await, "ACCEPTED", "it waits for somebody else");
    assert_eq!(app.user("triage").await.outcome("reEvaluateTasks", all).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");

    // Somebody else's vote decides as well, a repeated one too.
    app.set_executors(&group, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    app.set_executors(&group, &["exec1"]).await;
    deliver(&app).await;
    app.approve("exec1", &task).await;
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn many_are_weighed_again_at_once_by_ids_or_by_the_reason(app: TestApp) {
    let (group, one) = half_decided(&app, "MANY").await;
    let two = app.task_in(&group).await;
    app.approve("exec1", &two).await;
    let undecided = app.task_in(&group).await;
    app.set_executors(&group, &["exec1"]).await;
    deliver(&app).await;
    let mut found = held_for(&app, "READY_TO_DECIDE").await;
    found.sort_by_key(ToString::to_string);
    let mut both = [json!(one), json!(two)];
    both.sort_by_key(ToString::to_string);
    assert_eq!(found, both);
    let by_reason = json!({ "heldReason": "READY_TO_DECIDE" });
    assert_eq!(app.user("exec1").await.outcome("reEvaluateTasks", by_reason.clone()).await, "FORBIDDEN");
    assert_eq!(app.user("triage").await.outcome("reEvaluateTasks", by_reason).await, "ok");
    assert_eq!(
        (app.status(&one).await, app.status(&two).await),
        ("COMPLETED".to_owned(), "COMPLETED".to_owned())
    );
    assert_eq!(app.status(&undecided).await, "ACCEPTED");

    let ids = json!({ "ids": [undecided, one] });
    assert_eq!(app.user("triage").await.outcome("reEvaluateTasks", ids).await, "CONFLICT", "one is decided");
    assert_eq!(
        app.user("triage").await.outcome("reEvaluateTasks", json!({ "ids": [undecided] })).await,
        "ok"
    );
    for which in [json!({}), json!({ "ids": [undecided], "heldReason": "EMPTY_POOL" })] {
        let mut triage = app.user("triage").await;
        let query = "mutation($input: ReEvaluateTasksMutationInput!) { reEvaluateTasks(input: $input) { internalId } }";
        let answer = triage.graphql_with(query, json!({ "input": which })).await;
        assert_eq!(answer.codes(), ["VALIDATION"], "{}", answer.text);
    }
}

#[apply(on_both)]
async fn more_tasks_than_a_delivery_is_about_are_weighed_all_the_same(app: TestApp) {
    let group = app.group("LARGE", All, &["exec1"]).await;
    let admin = app.module.requester("admin").await.expect("the fixture has an admin");
    let input = CreateTask { task_group_id: Some(key(&group)), ..CreateTask::default() };
    app.module.tasks().create_many(&admin, vec![input; 501]).await.expect("many tasks");
    app.set_executors(&group, &[]).await;
    assert_eq!(deliver(&app).await, 2);
    let query = format!("{{ task(heldReason: EMPTY_POOL, groupId: \"{group}\") {{ totalCount }} }}");
    let answer = app.user("admin").await.graphql(&query).await;
    assert_eq!(answer.data("task")["totalCount"], 501);
}

#[apply(on_both)]
async fn who_is_not_active_is_not_asked(app: TestApp) {
    let group = app.group("INACTIVE", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    app.run("UPDATE core_user SET is_active = false WHERE username = 'exec2'");
    let pool = app.on_its_way(&task).await["progress"]["pools"][0].clone();
    assert_eq!((&pool["needed"], &pool["missing"]), (&json!(1), &json!([{ "username": "exec1" }])));
    app.approve("exec1", &task).await;
    assert_eq!(app.status(&task).await, "COMPLETED");
    app.run("UPDATE core_user SET is_active = false WHERE username = 'exec1'");
    let task = app.task_in(&group).await;
    assert_eq!(held(&app, &task).await, (true, json!("EMPTY_POOL")));
    let flow = json!({ "code": "NOBODY", "steps": [{ "taskGroupId": group }] });
    assert_eq!(app.refused("admin", "createTaskFlow", flow).await, "VALIDATION steps[0].taskGroupId");
}

#[apply(on_both)]
async fn who_sits_in_a_group_and_is_not_active_may_stay_and_somebody_new_is_refused_by_name(app: TestApp) {
    let group = app.group("STAY", All, &["exec1", "exec2"]).await;
    app.run("UPDATE core_user SET is_active = false WHERE username IN ('exec2', 'exec3')");
    app.set_executors(&group, &["exec1", "exec2", "exec4"]).await;
    assert_eq!(app.executors_in(&group).await, ["exec1", "exec2", "exec4"]);
    let input = json!({ "id": group, "code": "STAY", "completionPolicy": "ALL", "userIds": user_ids(&["exec1", "exec3"]) });
    let text = app.refusal_text("admin", "updateTaskGroup", input).await;
    assert!(text.contains("exec3"), "{text}");
    assert_eq!(app.executors_in(&group).await, ["exec1", "exec2", "exec4"]);
    // An executor who was removed is new again.
    app.set_executors(&group, &["exec1"]).await;
    let input = json!({ "id": group, "code": "STAY", "completionPolicy": "ALL", "userIds": user_ids(&["exec1", "exec2"]) });
    assert_eq!(app.refused("admin", "updateTaskGroup", input).await, "VALIDATION userIds");
}

#[apply(on_both)]
async fn when_a_host_blocks_somebody_or_forgets_them_the_votes_are_weighed_again(backend: Backend) {
    let people = People::usual();
    let chi =
        people.add(5, "chi", tasks_management::Rights { numbers: EXECUTOR.into(), ..Default::default() });
    let known = people.clone();
    let app = TestApp::start_empty(backend, decide, |builder: Builder| builder.users(known)).await;
    let root = app.module.requester("root").await.expect("the host knows root");
    let ada = app.module.requester("ada").await.expect("the host knows ada");
    let group = |code: &str, users: Vec<uuid::Uuid>| tasks_management::TaskGroupInput {
        user_ids: Some(users),
        ..tasks_management::TaskGroupInput::new(code, All)
    };
    let status = |id: uuid::Uuid| {
        app.text(&format!("SELECT status AS value FROM task_management_task WHERE id = '{id}'"))
    };
    for (code, gone) in [("BEN", people.id("ben")), ("CHI", chi)] {
        let group =
            app.module.task_groups().create(&root, group(code, vec![ada.id(), gone])).await.expect("a group");
        let input = CreateTask { task_group_id: Some(group.id), ..CreateTask::default() };
        let task = app.module.tasks().create(&root, input).await.expect("a task");
        app.module.tasks().vote(&ada, task.id, true, None).await.expect("a vote");
        assert_eq!(status(task.id), "ACCEPTED");
        if code == "BEN" {
            people.change(gone, |person, _| person.is_active = false);
        } else {
            people.remove(gone);
        }
        app.module.refresh_users().await.expect("refreshes");
        assert_eq!(deliver(&app).await, 1, "{code}");
        assert_eq!(status(task.id), "COMPLETED", "{code}");
    }
}

#[apply(on_both)]
async fn loaded_tasks_that_have_enough_votes_are_shown_as_ready(app: TestApp) {
    let (group, task) = ("7a6f0a5e-7a50-4c1f-8a1f-000000000001", "7a6f0a5e-7a50-4c1f-8a1f-000000000002");
    let written = json!({ "isDeleted": false, "jsonExt": null, "version": 1, "dateCreated": "2026-01-01T00:00:00",
        "dateUpdated": "2026-01-01T00:00:00", "userCreated": user_id("admin"), "userUpdated": user_id("admin") });
    let with = |more: Value| {
        let mut row = written.clone();
        for (name, value) in more.as_object().expect("an object") {
            row[name] = value.clone();
        }
        row
    };
    app.load(json!({
        "taskGroups": [with(json!({ "id": group, "code": "LOADED", "completionPolicy": "ANY", "threshold": null }))],
        "taskExecutors": [with(json!({ "id": "7a6f0a5e-7a50-4c1f-8a1f-000000000003", "taskGroup": group, "user": user_id("exec1") }))],
        "tasks": [with(json!({
            "id": task, "source": "loaded", "status": "ACCEPTED", "executorActionEvent": "default", "taskGroup": group, "data": {},
            "businessStatus": { user_id("exec1"): "APPROVED" },
        }))],
    }))
    .await;
    assert_eq!(held_for(&app, "READY_TO_DECIDE").await, [json!(task)]);
    deliver(&deciding(&app)).await;
    assert_eq!(app.status(task).await, "COMPLETED");
}

#[apply(on_both)]
async fn an_executor_who_leaves_while_somebody_votes_leaves_no_task_waiting(app: TestApp) {
    let (one, other) = (deciding(&app), deciding(&app));
    let (exec1, triage) = (one.user("exec1").await, other.user("triage").await);
    for round in 0..10 {
        let code = format!("LEAVES{round}");
        let group = app.group(&code, All, &["exec1", "exec2"]).await;
        let task = app.task_in(&group).await;
        let vote =
            json!({ "id": task, "businessStatus": json!({ user_id("exec1"): "APPROVED" }).to_string() });
        let leaves =
            json!({ "id": group, "code": code, "completionPolicy": "ALL", "userIds": user_ids(&["exec1"]) });
        let delivering = {
            let module = one.module.clone();
            tokio::spawn(async move {
                for _ in 0..3 {
                    module.deliver_due().await.expect("delivers");
                }
            })
        };
        let outcomes = at_once([(&exec1, "resolveTask", vote), (&triage, "updateTaskGroup", leaves)]).await;
        assert_eq!(outcomes, ["ok", "ok"]);
        delivering.await.expect("it runs");
        deliver(&other).await;
        let versions = app.versions("task", &task, "status").await;
        assert_eq!(each(&versions, "status"), ["ACCEPTED", "ACCEPTED", "COMPLETED"], "once");
    }
}

#[apply(on_both)]
async fn two_processes_that_are_told_at_once_decide_once(app: TestApp) {
    let (one, other) = (deciding(&app), deciding(&app));
    let (group, task) = half_decided(&app, "TWICE").await;
    let mut tasks = vec![task];
    for _ in 0..20 {
        let task = app.task_in(&group).await;
        app.approve("exec1", &task).await;
        tasks.push(task);
    }
    app.set_executors(&group, &["exec1"]).await;
    // Another change leaves another delivery.
    let any = json!({ "id": group, "code": "TWICE", "completionPolicy": "ANY" });
    assert_eq!(app.user("triage").await.outcome("updateTaskGroup", any).await, "ok");
    let (left, right) = tokio::join!(one.module.deliver_due(), other.module.deliver_due());
    left.expect("delivers");
    right.expect("delivers");
    deliver(&one).await;
    for task in tasks {
        let versions = app.versions("task", &task, "status").await;
        assert_eq!(each(&versions, "status"), ["ACCEPTED", "ACCEPTED", "COMPLETED"]);
    }
    assert_eq!(app.count("SELECT count(*) FROM task_management_outbox WHERE status <> 'DELIVERED'"), 0);
}

#[apply(on_both)]
async fn a_version_that_is_written_past_the_module_takes_the_mark_back(app: TestApp) {
    let (group, task) = half_decided(&app, "OLDER").await;
    app.set_executors(&group, &["exec1"]).await;
    deliver(&app).await;
    assert_eq!(held_for(&app, "READY_TO_DECIDE").await.len(), 1);
    // Writes the task as a process does that does not know holds.
    app.run(&format!("UPDATE task_management_task SET version = version + 1 WHERE id = '{task}'"));
    assert!(held_for(&app, "READY_TO_DECIDE").await.is_empty());
}

/// A service whose one operation notes nothing.
#[derive(Clone)]
struct Lamps;

impl CheckedService for Lamps {
    type Create = Value;
    type Update = Value;
    const NAME: &'static str = "LampService";
    const ENTITY_TYPE: &'static str = "office.lamp";

    fn current(&self, _: &mut DbConnection, _: &str) -> Result<Option<Json>> {
        Ok(Some(json!("off").into()))
    }

    fn validate_create(&self, _: &mut DbConnection, _: &Requester, _: &Value) -> Result<()> {
        Ok(())
    }

    fn validate_update(&self, _: &mut DbConnection, _: &Requester, _: &str, _: &Value) -> Result<()> {
        Ok(())
    }

    fn validate_delete(&self, _: &mut DbConnection, _: &Requester, _: &str) -> Result<()> {
        Ok(())
    }

    fn create(&self, _: &mut Approved<'_>, _: Value) -> Result<()> {
        Ok(())
    }

    fn update(&self, approved: &mut Approved<'_>, id: &str, _: Value) -> Result<()> {
        assert_eq!((approved.decider.user.username.as_str(), id), ("(system)", "desk"));
        Ok(())
    }

    fn delete(&self, _: &mut Approved<'_>, _: &str) -> Result<()> {
        Ok(())
    }
}

#[apply(on_both)]
async fn a_process_that_does_not_know_a_tasks_checker_leaves_it_to_one_that_does(app: TestApp) {
    let lamps = MakerChecker::new(Lamps, ExecutionMode::Within);
    let host = host_of(&[Lamps::ENTITY_TYPE]);
    let knowing = app.another_process_with(decide, |builder| builder.host(host).maker_checker(&lamps));
    let admin = knowing.module.requester("admin").await.expect("the fixture has an admin");
    let group =
        app.group_with("LAMPS", All, None, &["exec1", "exec2"], &["LampService", "OtherService"]).await;
    let checked = lamps
        .create_update_task(&knowing.module.tasks(), &admin, "desk", &json!("on"))
        .await
        .expect("a task");
    // The same form, but no process has a checker for it.
    let other = app
        .task(CreateTask {
            source: Some("OtherService".to_owned()),
            business_event: Some("OtherService.update".to_owned()),
            ..CreateTask::default()
        })
        .await;
    let checked = checked.id.to_string();
    app.approve("exec1", &checked).await;
    app.approve("exec1", &other).await;
    app.set_executors(&group, &["exec1"]).await;
    let ignorant = deciding(&app);
    assert_eq!(deliver(&ignorant).await, 1);
    assert_eq!(app.status(&other).await, "COMPLETED");
    assert_eq!(held(&app, &checked).await, ready());
    assert_eq!(deliver(&ignorant).await, 0, "it is not for this process");
    let left = app.user("admin").await.rows("taskEvents", "(status: PENDING)", "handler entityId").await;
    assert_eq!(left, [json!({ "handler": "tasks.re_evaluation:LampService", "entityId": checked })]);
    assert_eq!(deliver(&knowing).await, 1);
    assert_eq!(app.status(&checked).await, "COMPLETED");
}

#[apply(on_both)]
async fn the_system_user_is_nobody_who_can_be_met(app: TestApp) {
    let mut admin = app.user("admin").await;
    for arguments in ["", "(username_Icontains: \"system\")", "(iUser_LastName_Icontains: \"System\")"] {
        let rows = admin.rows("users", arguments, "username").await;
        assert!(rows.iter().all(|row| row["username"] != "(system)"), "{arguments}");
    }
    let system = tasks_management::SYSTEM_USER;
    assert_eq!(app.count(&format!("SELECT count(*) FROM core_user WHERE id = '{system}'")), 1);
    for password in ["", "(system)", "(system)123"] {
        assert_eq!(app.stranger().try_log_in("(system)", password).await.codes(), ["UNAUTHENTICATED"]);
    }
    assert!(app.module.requester("(system)").await.is_err());
    assert!(app.module.requester_by_id(system).await.is_err());
    let input = json!({ "code": "SYSTEM", "completionPolicy": "ALL", "userIds": [system] });
    assert_eq!(app.refused("admin", "createTaskGroup", input).await, "VALIDATION userIds");
    // A file that brings it along changes nothing.
    app.load(json!({ "users": [{ "id": system, "username": "mallory", "password": "mallory123", "lastName": "M", "roles": [] }] })).await;
    assert_eq!(app.stranger().try_log_in("mallory", "mallory123").await.codes(), ["UNAUTHENTICATED"]);
}
