//! Four eyes: where a rule says so, the maker of a task may not decide it, and nobody may decide two steps of one task.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::CreateTask;

use crate::support::scenario::{key, user_id, user_ids};
use crate::support::{Client, TestApp, apply, on_both};

/// Adds a group with rules of its own; returns its key.
async fn group_with_rules(app: &TestApp, code: &str, users: &[&str], rules: Value) -> String {
    let mut input = json!({ "code": code, "completionPolicy": "ANY", "userIds": user_ids(users) });
    for (name, rule) in rules.as_object().expect("an object") {
        input[name] = rule.clone();
    }
    let mut admin = app.user("admin").await;
    assert_eq!(admin.outcome("createTaskGroup", input).await, "ok");
    let rows = admin.rows("taskGroup", &format!("(code: \"{code}\")"), "uuid").await;
    rows[0]["uuid"].as_str().expect("a key").to_owned()
}

/// A vote of somebody who is logged in already; returns `ok`, or the code and the text of the refusal.
async fn approve(client: &mut Client, username: &str, task: &str) -> String {
    let status = json!({ user_id(username): "APPROVED" }).to_string();
    client.tried("resolveTask", json!({ "id": task, "businessStatus": status })).await
}

fn assert_refused(verdict: &str, rule: &str) {
    assert!(verdict.starts_with("FORBIDDEN ") && verdict.contains(rule), "{rule}: {verdict}");
}

/// The values of a rule in a step, a group or the settings: yes, no, or absent.
const SAID: [Option<bool>; 3] = [None, Some(false), Some(true)];

#[apply(on_both)]
async fn without_rules_the_maker_decides_and_one_person_decides_every_step(app: TestApp) {
    let one = app.group("ONE", Any, &["admin"]).await;
    let two = app.group("TWO", All, &["admin"]).await;
    let task = app.task_on(&app.flow("FREE", &[&one, &two]).await).await;
    assert_eq!(app.vote("admin", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.vote("admin", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn the_maker_decides_no_task_of_a_group_that_forbids_it_whatever_the_rights(app: TestApp) {
    let group = group_with_rules(&app, "EYES", &["admin", "exec1"], json!({ "forbidMaker": true })).await;
    let task = app.task_in(&group).await;
    let before = app.row_counts();
    for value in [json!("APPROVED"), json!("FAILED"), json!({ "ACCEPT": ["1"] })] {
        assert_refused(&app.vote_with("admin", &task, value, json!({})).await, "forbidMaker");
    }
    let after = app.row_counts();
    let beside_the_journal = |counts: &[(&'static str, i64)]| {
        counts
            .iter()
            .filter(|(table, _)| !["core_mutationlog", "task_management_taskmutation"].contains(table))
            .copied()
            .collect::<Vec<_>>()
    };
    assert_eq!(beside_the_journal(&after), beside_the_journal(&before), "nothing is written");
    assert_eq!(app.task_row(&task).await["businessStatus"], "{}");
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
    // It is about the maker: others with every right decide.
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("triage", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
    // Without an executor the maker is refused too.
    let elsewhere = group_with_rules(&app, "ELSEWHERE", &["exec1"], json!({ "forbidMaker": true })).await;
    let task = app.task_in(&elsewhere).await;
    assert_refused(&app.vote_with("admin", &task, json!("APPROVED"), json!({})).await, "forbidMaker");
}

#[apply(on_both)]
async fn a_maker_without_great_rights_is_held_to_the_rule_too(app: TestApp) {
    app.add_maker().await;
    let group = group_with_rules(
        &app,
        "MADE",
        &["maker", "exec1"],
        json!({ "forbidMaker": true, "taskSources": ["made"] }),
    )
    .await;
    let mut maker = app.user("maker").await;
    assert_eq!(maker.outcome("createTask", json!({ "source": "made" })).await, "ok");
    let tasks = maker.rows("task", "(source: \"made\")", "uuid status").await;
    assert_eq!(tasks[0]["status"], "ACCEPTED");
    let task = tasks[0]["uuid"].as_str().expect("a key");
    assert_refused(&approve(&mut maker, "maker", task).await, "forbidMaker");
    assert_eq!(app.vote("admin", task, json!("APPROVED")).await, "ok");
    // The maker decides tasks of others.
    let task = app.task_in(&group).await;
    assert_eq!(approve(&mut maker, "maker", &task).await, "ok");
    let row = app.task_row(tasks[0]["uuid"].as_str().expect("a key")).await;
    assert_eq!(row["status"], "COMPLETED");
    assert_eq!(row["taskGroup"]["uuid"], json!(group));
}

#[apply(on_both)]
async fn for_the_maker_a_step_is_asked_first_then_its_group_then_the_settings(app: TestApp) {
    let strict =
        app.another_process_with(|settings| settings.tasks_management.forbid_maker = true, |builder| builder);
    let mut clients = [(false, app.user("admin").await), (true, strict.user("admin").await)];
    for (number, of_group) in SAID.into_iter().enumerate() {
        let group = group_with_rules(
            &app,
            &format!("G{number}"),
            &["admin", "exec1"],
            json!({ "forbidMaker": of_group }),
        )
        .await;
        for (index, of_step) in SAID.into_iter().enumerate() {
            let flow = app.flow_of(json!({
                "code": format!("F{number}{index}"), "steps": [{ "taskGroupId": group, "forbidMaker": of_step }],
            })).await;
            for (of_settings, client) in &mut clients {
                let task = app.task_on(&flow).await;
                let verdict = approve(client, "admin", &task).await;
                let is_barred = of_step.or(of_group).unwrap_or(*of_settings);
                assert_eq!(
                    verdict != "ok",
                    is_barred,
                    "step {of_step:?}, group {of_group:?}, settings {of_settings}: {verdict}"
                );
                if is_barred {
                    assert_refused(&verdict, "forbidMaker");
                }
            }
        }
    }
}

#[apply(on_both)]
async fn for_two_steps_a_step_is_asked_first_then_its_group_then_the_settings(app: TestApp) {
    let strict = app.another_process_with(
        |settings| settings.tasks_management.distinct_deciders = true,
        |builder| builder,
    );
    let mut clients = [(false, app.user("exec1").await), (true, strict.user("exec1").await)];
    let first = app.group("FIRST", Any, &["exec1"]).await;
    for (number, of_group) in SAID.into_iter().enumerate() {
        let group = group_with_rules(
            &app,
            &format!("G{number}"),
            &["exec1", "exec2"],
            json!({ "distinctDeciders": of_group }),
        )
        .await;
        for (index, of_step) in SAID.into_iter().enumerate() {
            let flow = app
                .flow_of(json!({ "code": format!("F{number}{index}"), "steps": [
                    { "taskGroupId": first }, { "taskGroupId": group, "distinctDeciders": of_step },
                ]}))
                .await;
            for (of_settings, client) in &mut clients {
                let task = app.task_on(&flow).await;
                assert_eq!(
                    approve(client, "exec1", &task).await,
                    "ok",
                    "the first step has no other before it"
                );
                let verdict = approve(client, "exec1", &task).await;
                let is_barred = of_step.or(of_group).unwrap_or(*of_settings);
                assert_eq!(
                    verdict != "ok",
                    is_barred,
                    "step {of_step:?}, group {of_group:?}, settings {of_settings}: {verdict}"
                );
                if is_barred {
                    assert_refused(&verdict, "distinctDeciders");
                }
            }
        }
    }
}

#[apply(on_both)]
async fn the_row_of_settings_in_the_database_turns_the_rules_on(app: TestApp) {
    app.load(json!({ "moduleConfigurations": [{
        "module": "tasks_management", "layer": "BE", "config": { "forbid_maker": true, "distinct_deciders": true },
    }]})).await;
    let app = app.another_process();
    let one = app.group("ONE", Any, &["admin", "exec1"]).await;
    let two = app.group("TWO", Any, &["exec1", "exec2"]).await;
    let task = app.task_on(&app.flow("STRICT", &[&one, &two]).await).await;
    assert_refused(&app.vote_with("admin", &task, json!("APPROVED"), json!({})).await, "forbidMaker");
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_refused(&app.vote_with("exec1", &task, json!("APPROVED"), json!({})).await, "distinctDeciders");
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn who_has_every_right_and_decided_one_step_decides_no_other(app: TestApp) {
    let one = app.group("ONE", Any, &["exec1"]).await;
    let two = group_with_rules(&app, "TWO", &["exec2"], json!({ "distinctDeciders": true })).await;
    let task = app.task_on(&app.flow("APART", &[&one, &two]).await).await;
    assert_eq!(app.vote("triage", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.place(&task).await.1, Some(2));
    for value in ["APPROVED", "FAILED"] {
        assert_refused(&app.vote_with("triage", &task, json!(value), json!({})).await, "distinctDeciders");
    }
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn who_sits_in_two_parallel_pools_decides_the_first_only_where_deciders_are_to_be_distinct(
    app: TestApp,
) {
    let one = group_with_rules(&app, "ONE", &["exec1", "exec2"], json!({ "distinctDeciders": true })).await;
    let two = app.group("TWO", All, &["exec1", "exec2"]).await;
    let three = app.group("THREE", Any, &["exec3"]).await;
    let flow = app.flow_of(json!({ "code": "BESIDE", "steps": [
        { "taskGroupId": one, "order": 1 }, { "taskGroupId": two, "order": 1, "distinctDeciders": true }, { "taskGroupId": three },
    ]})).await;
    let task = app.task_on(&flow).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.place(&task).await, ("ACCEPTED".to_owned(), Some(1), vec!["TWO".to_owned()]));
    assert_refused(&app.vote_with("exec1", &task, json!("APPROVED"), json!({})).await, "distinctDeciders");
    let progress = app.on_its_way(&task).await["progress"]["pools"][0].clone();
    assert_eq!(
        progress["barred"],
        json!([{ "reason": "DECIDED_OTHER_STEP", "user": { "username": "exec1" } }])
    );
    assert_eq!(progress["missing"], json!([{ "username": "exec2" }]), "ALL asks those who may");
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.place(&task).await.1, Some(2));
}

#[apply(on_both)]
async fn without_the_rule_a_vote_counts_in_every_pool_of_the_voter_or_in_the_one_that_is_named(app: TestApp) {
    let one = app.group("ONE", Any, &["exec1"]).await;
    let two = app.group("TWO", Any, &["exec1"]).await;
    let flow = app
        .flow_of(json!({ "code": "BESIDE", "steps": [
            { "taskGroupId": one, "order": 1 }, { "taskGroupId": two, "order": 1 },
        ]}))
        .await;
    let task = app.task_on(&flow).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
    assert_eq!(app.on_its_way(&task).await["decisions"].as_array().map(Vec::len), Some(2));
    let task = app.task_on(&flow).await;
    let steps = app.flow_row(&flow).await["steps"].clone();
    let named = json!({ "stepId": steps[1]["uuid"] });
    assert_eq!(app.vote_with("exec1", &task, json!("APPROVED"), named.clone()).await, "ok");
    assert_eq!(app.place(&task).await, ("ACCEPTED".to_owned(), Some(1), vec!["ONE".to_owned()]));
    let passed = app.vote_with("exec1", &task, json!("APPROVED"), named).await;
    assert!(passed.starts_with("CONFLICT "), "{passed}");
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn nothing_waits_for_who_may_not_decide(app: TestApp) {
    let group =
        group_with_rules(&app, "THREE", &["admin", "exec1", "exec2"], json!({ "forbidMaker": true })).await;
    let input = json!({ "id": group, "code": "THREE", "completionPolicy": "ALL" });
    assert_eq!(app.user("admin").await.outcome("updateTaskGroup", input).await, "ok");
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    let pool = app.on_its_way(&task).await["progress"]["pools"][0].clone();
    assert_eq!((&pool["needed"], &pool["has"], &pool["forbidMaker"]), (&json!(2), &json!(1), &json!(true)));
    assert_eq!(pool["missing"], json!([{ "username": "exec2" }]));
    assert_eq!(pool["barred"], json!([{ "reason": "MAKER", "user": { "username": "admin" } }]));
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
    // The percentage is of the people who may decide.
    let percent = json!({ "id": group, "code": "THREE", "completionPolicy": "N", "policy": { "kind": "PERCENT", "threshold": 50 } });
    assert_eq!(app.user("admin").await.outcome("updateTaskGroup", percent).await, "ok");
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn a_pool_of_people_who_may_not_decide_is_held_until_somebody_comes_who_may(app: TestApp) {
    let group = group_with_rules(&app, "ALONE", &["admin"], json!({ "forbidMaker": true })).await;
    let task = app.task_in(&group).await;
    let progress = app.on_its_way(&task).await["progress"].clone();
    assert_eq!((&progress["held"], &progress["heldReason"]), (&json!(true), &json!("NOBODY_MAY_DECIDE")));
    assert_eq!(progress["pools"][0]["outcome"], "HELD");
    assert_eq!(app.vote("triage", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "ACCEPTED", "over nobody, nobody decides");
    app.set_executors(&group, &["admin", "exec1"]).await;
    assert_eq!(app.status(&task).await, "ACCEPTED");
    assert_eq!(app.weigh_again(&task).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED", "the vote that was cast counts now");
}

#[apply(on_both)]
async fn the_maker_closes_no_task_by_hand_where_the_maker_may_not_decide(app: TestApp) {
    let group = group_with_rules(&app, "CLOSED", &["exec1"], json!({ "forbidMaker": true })).await;
    for status in ["COMPLETED", "FAILED"] {
        let task = app.task_in(&group).await;
        let close = json!({ "id": task, "status": status });
        assert_refused(&app.user("admin").await.tried("updateTask", close.clone()).await, "forbidMaker");
        assert_eq!(app.status(&task).await, "ACCEPTED");
        assert_eq!(app.user("triage").await.outcome("updateTask", close).await, "ok");
        assert_eq!(app.status(&task).await, status);
    }
    let strict =
        app.another_process_with(|settings| settings.tasks_management.forbid_maker = true, |builder| builder);
    let in_no_group = app.task(CreateTask::default()).await;
    let close = json!({ "id": in_no_group, "status": "COMPLETED" });
    assert_refused(&strict.user("admin").await.tried("updateTask", close.clone()).await, "forbidMaker");
    assert_eq!(app.status(&in_no_group).await, "RECEIVED");
    assert_eq!(strict.user("triage").await.outcome("updateTask", close).await, "ok");
    assert_eq!(app.status(&in_no_group).await, "COMPLETED");
}

#[apply(on_both)]
async fn who_changed_what_a_task_proposes_is_its_maker_too(app: TestApp) {
    let group = group_with_rules(&app, "CHANGED", &["exec1", "exec2"], json!({ "forbidMaker": true })).await;
    let task = app.task_in(&group).await;
    assert_eq!(app.propose("triage", &task, json!({ "amount": 9 })).await, "ok");
    for who in ["admin", "triage"] {
        assert_refused(&app.vote_with(who, &task, json!("APPROVED"), json!({})).await, "forbidMaker");
    }
    let closing = json!({ "id": task, "status": "COMPLETED" });
    assert_refused(&app.user("triage").await.tried("updateTask", closing).await, "forbidMaker");
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn reassigning_and_closing_in_one_go_asks_the_new_group(app: TestApp) {
    let free = app.group("FREE", Any, &["exec1"]).await;
    let strict = group_with_rules(&app, "STRICT", &["exec1"], json!({ "forbidMaker": true })).await;
    let task = app.task_in(&free).await;
    let close = json!({ "id": task, "taskGroupId": strict, "status": "COMPLETED" });
    assert_refused(&app.user("admin").await.tried("updateTask", close).await, "forbidMaker");
    let row = app.task_row(&task).await;
    assert_eq!(
        (&row["status"], &row["taskGroup"]["uuid"]),
        (&json!("ACCEPTED"), &json!(free)),
        "nothing is half done"
    );
}

#[apply(on_both)]
async fn a_rule_of_a_group_stays_when_it_is_not_named_and_goes_when_it_is_null(app: TestApp) {
    let rules = json!({ "forbidMaker": true, "distinctDeciders": false });
    let group = group_with_rules(&app, "RULES", &["admin"], rules).await;
    let mut admin = app.user("admin").await;
    let mut said = async |more: Value| {
        let mut input = json!({ "id": group, "code": "RULES", "completionPolicy": "ANY" });
        for (name, value) in more.as_object().expect("an object") {
            input[name] = value.clone();
        }
        assert_eq!(admin.outcome("updateTaskGroup", input).await, "ok");
        let rows = admin
            .rows("taskGroup", &format!("(id: \"{group}\")"), "forbidMaker distinctDeciders version")
            .await;
        (rows[0]["forbidMaker"].clone(), rows[0]["distinctDeciders"].clone(), rows[0]["version"].clone())
    };
    assert_eq!(said(json!({})).await, (json!(true), json!(false), json!(1)), "not named");
    assert_eq!(said(json!({ "forbidMaker": null })).await, (json!(null), json!(false), json!(2)));
    assert_eq!(
        said(json!({ "distinctDeciders": null, "forbidMaker": false })).await,
        (json!(false), json!(null), json!(3))
    );
    assert_eq!(said(json!({ "distinctDeciders": true })).await, (json!(false), json!(true), json!(4)));
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("admin", &task, json!("APPROVED")).await, "ok");
}

#[apply(on_both)]
async fn a_rule_that_comes_later_takes_no_vote_back_and_bars_the_next(app: TestApp) {
    let group = app.group("LATER", All, &["admin", "exec1"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("admin", &task, json!("APPROVED")).await, "ok");
    let input = json!({ "id": group, "code": "LATER", "completionPolicy": "ALL", "forbidMaker": true });
    assert_eq!(app.user("admin").await.outcome("updateTaskGroup", input).await, "ok");
    assert_refused(&app.vote_with("admin", &task, json!("FAILED"), json!({})).await, "forbidMaker");
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn records_are_held_to_the_rules_too(app: TestApp) {
    let one = group_with_rules(&app, "ONE", &["admin", "exec1"], json!({ "forbidMaker": true })).await;
    let two = group_with_rules(&app, "TWO", &["exec1", "exec2"], json!({ "distinctDeciders": true })).await;
    let flow = app.flow("BATCH", &[&one, &two]).await;
    let task = app
        .task(CreateTask {
            source: Some("import_valid_items".to_owned()),
            flow_id: Some(key(&flow)),
            ..CreateTask::default()
        })
        .await;
    assert_refused(
        &app.vote_with("admin", &task, json!({ "ACCEPT": ["1"] }), json!({})).await,
        "forbidMaker",
    );
    assert_eq!(app.vote("exec1", &task, json!({ "REJECT": ["1"] })).await, "ok");
    assert_refused(
        &app.vote_with("exec1", &task, json!({ "ACCEPT": ["1"] }), json!({})).await,
        "distinctDeciders",
    );
    assert_eq!(app.vote("exec2", &task, json!({ "ACCEPT": ["1"] })).await, "ok");
    let row = app.on_its_way(&task).await;
    assert_eq!((&row["status"], &row["rejectedRecordIds"]), (&json!("COMPLETED"), &json!(["1"])));
}
