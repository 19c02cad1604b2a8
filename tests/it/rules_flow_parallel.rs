//! The rules of parallel steps: steps that share an order are asked at the same time, and all of them must pass.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};

use crate::rules_flow::place;
use crate::support::scenario::user_id;
use crate::support::{TestApp, apply, on_both};

/// Two steps at once and one after them; the flow and the groups.
async fn both_then_one(app: &TestApp, health: &[&str], finance: &[&str]) -> String {
    let one = app.group("HEALTH", Any, health).await;
    let two = app.group("FINANCE", Any, finance).await;
    let three = app.group("BOARD", Any, &["exec3"]).await;
    app.flow_of(json!({ "code": "BOTH", "steps": [
        { "taskGroupId": one, "order": 1 }, { "taskGroupId": two, "order": 1 }, { "taskGroupId": three },
    ]}))
    .await
}

async fn vote_at(app: &TestApp, who: &str, task: &str, step: &str, value: Value) -> String {
    let status = json!({ user_id(who): value }).to_string();
    let input = json!({ "id": task, "businessStatus": status, "stepId": step });
    app.user(who).await.outcome("resolveTask", input).await
}

#[apply(on_both)]
async fn parallel_steps_must_all_pass_before_the_flow_moves_on(app: TestApp) {
    let flow = both_then_one(&app, &["exec1"], &["exec2"]).await;
    let task = app.task_on(&flow).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 1, &["HEALTH", "FINANCE"]));
    assert_eq!(app.on_its_way(&task).await["taskGroup"]["code"], "HEALTH", "the first");
    app.approve("exec1", &task).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 1, &["FINANCE"]));
    assert_eq!(app.on_its_way(&task).await["taskGroup"]["code"], "FINANCE", "the first that is still asked");
    app.approve("exec2", &task).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["BOARD"]));
    app.approve("exec3", &task).await;
    assert_eq!(app.place(&task).await, place("COMPLETED", 2, &[]));
}

#[apply(on_both)]
async fn the_second_may_pass_before_the_first(app: TestApp) {
    let flow = both_then_one(&app, &["exec1"], &["exec2"]).await;
    let task = app.task_on(&flow).await;
    app.approve("exec2", &task).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 1, &["HEALTH"]));
    app.approve("exec1", &task).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["BOARD"]));
}

#[apply(on_both)]
async fn the_last_steps_may_be_parallel_too(app: TestApp) {
    let (one, two) =
        (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", All, &["exec2", "exec3"]).await);
    let flow = app
        .flow_of(json!({ "code": "END", "steps": [
            { "taskGroupId": one, "order": 7 }, { "taskGroupId": two, "order": 7 },
        ]}))
        .await;
    let task = app.task_on(&flow).await;
    for who in ["exec2", "exec1", "exec3"] {
        assert_eq!(app.status(&task).await, "ACCEPTED", "before {who}");
        app.approve(who, &task).await;
    }
    assert_eq!(app.place(&task).await, place("COMPLETED", 7, &[]));
}

#[apply(on_both)]
async fn an_executor_of_any_active_pool_sees_the_task_and_of_no_other(app: TestApp) {
    let task = app.task_on(&both_then_one(&app, &["exec1"], &["exec2"]).await).await;
    let sees = async |who: &str| {
        let mut client = app.user(who).await;
        let lists = ["task", "taskHistory"].map(|field| format!("{field}(id: \"{task}\") {{ totalCount }}"));
        let answer = client.graphql(&format!("{{ {} }}", lists.join(" "))).await;
        let counts =
            (answer.data("task")["totalCount"].as_i64(), answer.data("taskHistory")["totalCount"].as_i64());
        assert_eq!(counts.0 > Some(0), counts.1 > Some(0), "{who}: the task and its history");
        counts.0 == Some(1)
    };
    for (who, expected) in [("exec1", true), ("exec2", true), ("exec3", false), ("exec4", false)] {
        assert_eq!(sees(who).await, expected, "{who}");
    }
    app.approve("exec1", &task).await;
    for (who, expected) in [("exec1", false), ("exec2", true), ("exec3", false)] {
        assert_eq!(sees(who).await, expected, "{who} after one of the two has passed");
    }
    app.approve("exec2", &task).await;
    for (who, expected) in [("exec1", false), ("exec2", false), ("exec3", true)] {
        assert_eq!(sees(who).await, expected, "{who} at the next step");
    }
}

#[apply(on_both)]
async fn a_vote_counts_in_every_pool_in_which_one_sits_unless_it_names_a_step(app: TestApp) {
    let flow = both_then_one(&app, &["exec1"], &["exec1", "exec2"]).await;
    let (both, one) = (app.task_on(&flow).await, app.task_on(&flow).await);
    app.approve("exec1", &both).await;
    assert_eq!(app.place(&both).await, place("ACCEPTED", 2, &["BOARD"]));
    let (health, finance) = (app.step(&flow, 0).await, app.step(&flow, 1).await);
    assert_eq!(vote_at(&app, "exec1", &one, &finance, json!("APPROVED")).await, "ok");
    assert_eq!(app.place(&one).await, place("ACCEPTED", 1, &["HEALTH"]));
    let decisions = app.on_its_way(&one).await["decisions"].clone();
    assert_eq!(decisions.as_array().map(Vec::len), Some(1), "{decisions}");
    assert_eq!(vote_at(&app, "exec1", &one, &health, json!("APPROVED")).await, "ok");
    assert_eq!(app.place(&one).await, place("ACCEPTED", 2, &["BOARD"]));
}

#[apply(on_both)]
async fn a_step_that_is_named_must_be_asked_now_and_of_the_voter(app: TestApp) {
    let flow = both_then_one(&app, &["exec1"], &["exec1", "exec2"]).await;
    let task = app.task_on(&flow).await;
    let mut steps = Vec::new();
    for number in 0..3 {
        steps.push(app.step(&flow, number).await);
    }
    let at = |who: &str, step: &str| {
        let status = json!({ user_id(who): "APPROVED" }).to_string();
        json!({ "id": task, "businessStatus": status, "stepId": step })
    };
    assert_eq!(
        app.refused("exec1", "resolveTask", at("exec1", &steps[2])).await,
        "CONFLICT stepId",
        "not reached"
    );
    assert_eq!(
        app.refused("exec2", "resolveTask", at("exec2", &steps[0])).await,
        "FORBIDDEN",
        "no executor there"
    );
    assert_eq!(
        app.refused("exec1", "resolveTask", at("exec1", &task)).await,
        "NOT_FOUND stepId",
        "no such step"
    );
    assert_eq!(vote_at(&app, "exec1", &task, &steps[0], json!("APPROVED")).await, "ok");
    assert_eq!(
        app.refused("exec1", "resolveTask", at("exec1", &steps[0])).await,
        "CONFLICT stepId",
        "passed"
    );
    app.approve("exec2", &task).await;
    assert_eq!(
        app.refused("exec3", "resolveTask", at("exec3", &steps[1])).await,
        "CONFLICT stepId",
        "passed"
    );
    let flat = app.task_in(&app.group("FLAT", Any, &["exec1"]).await).await;
    let mut input = at("exec1", &steps[0]);
    input["id"] = json!(flat);
    assert_eq!(app.refused("exec1", "resolveTask", input).await, "NOT_FOUND stepId", "in no flow");
}

#[apply(on_both)]
async fn failed_in_one_of_them_ends_the_task_whatever_the_others_say(app: TestApp) {
    let flow = both_then_one(&app, &["exec1", "exec4"], &["exec2", "exec4"]).await;
    let (early, late, at_once) =
        (app.task_on(&flow).await, app.task_on(&flow).await, app.task_on(&flow).await);
    assert_eq!(app.vote("exec2", &early, json!("FAILED")).await, "ok");
    app.approve("exec1", &late).await;
    assert_eq!(app.vote("exec2", &late, json!("FAILED")).await, "ok");
    assert_eq!(app.vote("exec4", &at_once, json!("FAILED")).await, "ok");
    for task in [&early, &late, &at_once] {
        assert_eq!(app.place(task).await, place("FAILED", 1, &[]));
        assert_eq!(app.vote("exec2", task, json!("APPROVED")).await, "CONFLICT");
    }
}

#[apply(on_both)]
async fn one_that_is_held_does_not_hold_the_other(app: TestApp) {
    let flow = both_then_one(&app, &["exec1"], &["exec2"]).await;
    let task = app.task_on(&flow).await;
    let empty =
        app.flow_row(&flow).await["steps"][0]["taskGroup"]["uuid"].as_str().expect("a key").to_owned();
    app.set_executors(&empty, &[]).await;
    app.approve("exec2", &task).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 1, &["HEALTH"]));
    app.set_executors(&empty, &["exec5"]).await;
    app.approve("exec5", &task).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["BOARD"]));
}

#[apply(on_both)]
async fn a_privileged_vote_without_a_seat_counts_in_all_of_them(app: TestApp) {
    let task = app.task_on(&both_then_one(&app, &["exec1"], &["exec2"]).await).await;
    app.approve("triage", &task).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["BOARD"]));
    let versions = app.versions("task", &task, "historyChangeReason").await;
    let reason = &versions.last().expect("some")["historyChangeReason"];
    assert_eq!(reason, "passed: step 1 (HEALTH), step 1 (FINANCE)");
}

#[apply(on_both)]
async fn a_group_whose_pool_is_asked_beside_the_first_is_not_deleted(app: TestApp) {
    let flow = both_then_one(&app, &["exec1"], &["exec2"]).await;
    let task = app.task_on(&flow).await;
    let finance = app.flow_row(&flow).await["steps"][1]["taskGroup"]["uuid"].clone();
    let input = json!({ "ids": [finance] });
    assert_eq!(app.refused("admin", "deleteTaskGroup", input).await, "CONFLICT");
    assert_eq!(app.place(&task).await, place("ACCEPTED", 1, &["HEALTH", "FINANCE"]));
}
