//! The rules of moving through an approval flow: whose votes count, what they decide, and what they leave in the history.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any, N};
use tasks_management::CreateTask;

use crate::support::scenario::{each, parsed, user_id};
use crate::support::{TestApp, apply, on_both};

/// The form in which [`TestApp::place`] tells where a task is.
pub fn place(
    status: &str,
    order: impl Into<Option<i64>>,
    groups: &[&str],
) -> (String, Option<i64>, Vec<String>) {
    (status.to_owned(), order.into(), groups.iter().map(|&group| group.to_owned()).collect())
}

/// How many votes are in the ledger, replaced ones too.
fn votes(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM task_management_taskdecision")
}

#[apply(on_both)]
async fn a_task_goes_through_the_steps_in_their_order_and_the_last_one_completes_it(app: TestApp) {
    let one = app.group("DISTRICT", Any, &["exec1"]).await;
    let two = app.group("SUPERVISORS", All, &["exec2", "exec3"]).await;
    let three = app.group("MINISTRY", Any, &["exec4"]).await;
    let flow = app.flow("LAYERS", &[&one, &two, &three]).await;
    let task = app.task_on(&flow).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 1, &["DISTRICT"]));
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "NOT_FOUND", "not asked yet");
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["SUPERVISORS"]));
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "NOT_FOUND", "asked no more");
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["SUPERVISORS"]));
    assert_eq!(app.vote("exec3", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.place(&task).await, place("ACCEPTED", 3, &["MINISTRY"]));
    assert_eq!(app.vote("exec4", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.place(&task).await, place("COMPLETED", 3, &[]), "the current step stays");
    let row = app.on_its_way(&task).await;
    assert_eq!((&row["taskGroup"]["code"], &row["flow"]["uuid"]), (&json!("MINISTRY"), &json!(flow)));
}

#[apply(on_both)]
async fn the_task_group_always_points_at_the_active_steps_pool(app: TestApp) {
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    let task = app.task_on(&app.flow("POINTS", &[&one, &two]).await).await;
    for (who, group) in [("exec1", &one), ("exec2", &two)] {
        let listed = app.user(who).await.rows("task", &format!("(groupId: \"{group}\")"), "uuid").await;
        assert_eq!(each(&listed, "uuid"), [json!(task)], "{who}");
        assert_eq!(app.task_row(&task).await["taskGroup"]["uuid"], json!(group));
        app.approve(who, &task).await;
    }
}

#[apply(on_both)]
async fn votes_count_for_the_current_step_only(app: TestApp) {
    let one = app.group("ONE", Any, &["exec1", "exec3"]).await;
    let two = app.group("TWO", Any, &["exec2"]).await;
    let three = app.group("THREE", All, &["exec1"]).await;
    let task = app.task_on(&app.flow("AGAIN", &[&one, &two, &three]).await).await;
    app.approve("exec1", &task).await;
    app.approve("exec2", &task).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 3, &["THREE"]), "exec1 spoke at step 1 only");
    app.approve("exec1", &task).await;
    assert_eq!(app.place(&task).await, place("COMPLETED", 3, &[]));
    assert_eq!(votes(&app), 3, "each at a step of its own");
}

#[apply(on_both)]
async fn who_is_asked_at_a_later_step_has_not_voted_yet_as_far_as_clients_read(app: TestApp) {
    let (one, two) =
        (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", All, &["exec1", "exec2"]).await);
    let task = app.task_on(&app.flow("BUTTONS", &[&one, &two]).await).await;
    app.approve("exec1", &task).await;
    let row = app.on_its_way(&task).await;
    assert_eq!(parsed(&row["businessStatus"]), json!({}), "or the front end shows no buttons");
    assert_eq!(row["decisions"].as_array().map(Vec::len), Some(1), "the ledger keeps it");
}

#[apply(on_both)]
async fn failed_ends_it_at_any_step(app: TestApp) {
    let people = ["exec1", "exec2", "exec3"];
    let mut groups = Vec::new();
    for (number, who) in people.iter().enumerate() {
        groups.push(app.group(&format!("STEP{}", number + 1), All, &[who, "exec5"]).await);
    }
    let flow = app.flow("ENDS", &[&groups[0], &groups[1], &groups[2]]).await;
    for (number, who) in people.iter().enumerate() {
        let task = app.task_on(&flow).await;
        for before in &people[..number] {
            app.approve(before, &task).await;
            app.approve("exec5", &task).await;
        }
        assert_eq!(app.vote(who, &task, json!("FAILED")).await, "ok");
        let order = i64::try_from(number + 1).expect("few");
        assert_eq!(app.place(&task).await, place("FAILED", order, &[]), "it ends where it failed");
        for late in ["APPROVED", "FAILED"] {
            assert_eq!(app.vote("exec5", &task, json!(late)).await, "CONFLICT", "it is final");
        }
        assert_eq!(app.status(&task).await, "FAILED");
    }
    assert_eq!(app.flow_row(&flow).await["inFlightCount"], 0);
}

#[apply(on_both)]
async fn a_steps_own_policy_and_threshold_win_over_the_groups(app: TestApp) {
    let three = ["exec1", "exec2", "exec3"];
    let group = app.group("GROUP", All, &three).await;
    let other = app.group_with("OTHER", N, Some(2), &three, &[]).await;
    let flow = app
        .flow_of(json!({ "code": "OWN", "steps": [
            { "taskGroupId": group, "completionPolicy": "N", "threshold": 2 },
            { "taskGroupId": other, "threshold": 1 },
        ]}))
        .await;
    let task = app.task_on(&flow).await;
    app.approve("exec1", &task).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 1, &["GROUP"]));
    app.approve("exec2", &task).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["OTHER"]), "two are enough here");
    app.approve("exec3", &task).await;
    assert_eq!(app.status(&task).await, "COMPLETED", "one is enough here");
}

#[apply(on_both)]
async fn a_step_without_a_policy_of_its_own_goes_by_what_its_group_says_at_the_time(app: TestApp) {
    let group = app.group("CHANGES", All, &["exec1", "exec2", "exec3"]).await;
    let task = app.task_on(&app.flow("FOLLOWS", &[&group]).await).await;
    app.approve("exec1", &task).await;
    assert_eq!(app.status(&task).await, "ACCEPTED");
    let change = json!({ "id": group, "code": "CHANGES", "completionPolicy": "N", "threshold": 2 });
    app.done("admin", "updateTaskGroup", change).await;
    app.approve("exec2", &task).await;
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn a_repeated_vote_adds_nothing_but_re_evaluates(app: TestApp) {
    let (one, two) =
        (app.group("ONE", All, &["exec1", "exec2"]).await, app.group("TWO", Any, &["exec3"]).await);
    let task = app.task_on(&app.flow("REPEATS", &[&one, &two]).await).await;
    app.approve("exec1", &task).await;
    let before = app.task_row(&task).await;
    app.approve("exec1", &task).await;
    assert_eq!((app.task_row(&task).await, votes(&app)), (before, 1));
    app.set_executors(&one, &["exec1"]).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 1, &["ONE"]), "nobody has looked yet");
    app.approve("exec1", &task).await;
    assert_eq!((app.place(&task).await, votes(&app)), (place("ACCEPTED", 2, &["TWO"]), 1));
}

#[apply(on_both)]
async fn over_an_empty_pool_a_task_is_held_and_once_that_is_refilled_it_resumes(app: TestApp) {
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    let flow = app.flow("HELD", &[&one, &two]).await;
    let (task, failing) = (app.task_on(&flow).await, app.task_on(&flow).await);
    app.set_executors(&one, &[]).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "NOT_FOUND", "exec1 sits there no more");
    app.approve("admin", &task).await;
    assert_eq!(app.vote("triage", &failing, json!("FAILED")).await, "ok");
    for task in [&task, &failing] {
        assert_eq!(app.place(task).await, place("ACCEPTED", 1, &["ONE"]), "nobody's vote decides");
        assert_eq!(app.on_its_way(task).await["progress"]["held"], true);
    }
    app.set_executors(&one, &["exec3"]).await;
    app.approve("admin", &task).await;
    assert_eq!((app.place(&task).await, votes(&app)), (place("ACCEPTED", 2, &["TWO"]), 2));
    app.done("triage", "reEvaluateTask", json!({ "id": failing })).await;
    assert_eq!(app.status(&failing).await, "FAILED");
}

#[apply(on_both)]
async fn a_step_that_is_reached_while_its_pool_is_empty_holds_the_task(app: TestApp) {
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", All, &["exec2"]).await);
    let task = app.task_on(&app.flow("LATER", &[&one, &two]).await).await;
    app.set_executors(&two, &[]).await;
    app.approve("exec1", &task).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["TWO"]));
    app.done("admin", "reEvaluateTask", json!({ "id": task })).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["TWO"]), "nobody at all is not everybody");
    app.set_executors(&two, &["exec4"]).await;
    app.approve("exec4", &task).await;
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn re_evaluate_task_does_the_same_without_a_vote_for_privileged_people_only(app: TestApp) {
    let (one, two) =
        (app.group("ONE", All, &["exec1", "exec2"]).await, app.group("TWO", Any, &["exec3"]).await);
    let flow = app.flow("RE", &[&one, &two]).await;
    let task = app.task_on(&flow).await;
    app.approve("exec1", &task).await;
    app.set_executors(&one, &["exec1"]).await;
    let input = json!({ "id": task });
    for (who, expected) in [("norights", "NOT_FOUND id"), ("exec3", "NOT_FOUND id"), ("exec1", "FORBIDDEN")] {
        assert_eq!(app.refused(who, "reEvaluateTask", input.clone()).await, expected, "{who}");
    }
    app.done("triage", "reEvaluateTask", input.clone()).await;
    assert_eq!((app.place(&task).await, votes(&app)), (place("ACCEPTED", 2, &["TWO"]), 1));
    let before = app.task_row(&task).await;
    app.done("triage", "reEvaluateTask", input.clone()).await;
    assert_eq!(app.task_row(&task).await, before, "there is nothing to be done");
    app.approve("exec3", &task).await;
    assert_eq!(app.refused("triage", "reEvaluateTask", input).await, "CONFLICT", "it is decided");
    let received = app.task(CreateTask::default()).await;
    assert_eq!(app.refused("triage", "reEvaluateTask", json!({ "id": received })).await, "CONFLICT");
    let unknown = json!({ "id": "00000000-0000-7000-a000-00000000ffff" });
    assert_eq!(app.refused("triage", "reEvaluateTask", unknown).await, "NOT_FOUND id");
}

#[apply(on_both)]
async fn re_evaluate_task_weighs_the_votes_on_a_task_in_no_flow_too(app: TestApp) {
    let group = app.group("FLAT", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    app.set_executors(&group, &["exec1"]).await;
    app.done("admin", "reEvaluateTask", json!({ "id": task })).await;
    assert_eq!((app.status(&task).await, votes(&app)), ("COMPLETED".to_owned(), 1));
}

#[apply(on_both)]
async fn a_vote_that_moves_on_makes_two_versions_and_the_second_says_why(app: TestApp) {
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    let task = app.task_on(&app.flow("TOLD", &[&one, &two]).await).await;
    app.approve("exec1", &task).await;
    app.approve("exec2", &task).await;
    let selection =
        "status businessStatus historyChangeReason currentStep { order } taskGroup { code } flow { code }";
    let versions = app.versions("task", &task, selection).await;
    assert_eq!(each(&versions, "version"), [1, 2, 3, 4, 5].map(|version| json!(version)));
    assert_eq!(
        each(&versions, "historyChangeReason"),
        [json!(null), json!(null), json!("passed: step 1 (ONE)"), json!(null), json!(null)]
    );
    assert_eq!(
        each(&versions, "status"),
        ["ACCEPTED", "ACCEPTED", "ACCEPTED", "ACCEPTED", "COMPLETED"].map(|status| json!(status))
    );
    let steps: Vec<Value> = versions.iter().map(|version| version["currentStep"]["order"].clone()).collect();
    assert_eq!(steps, [1, 1, 2, 2, 2].map(|order| json!(order)));
    let groups: Vec<Value> = versions.iter().map(|version| version["taskGroup"]["code"].clone()).collect();
    assert_eq!(groups, ["ONE", "ONE", "TWO", "TWO", "TWO"].map(|code| json!(code)));
    assert!(versions.iter().all(|version| version["flow"]["code"] == "TOLD"));
    assert_eq!(parsed(&versions[1]["businessStatus"]), json!({ user_id("exec1"): "APPROVED" }));
    let (first, last) = (&versions[1]["historyUser"]["username"], &versions[4]["historyUser"]["username"]);
    assert_eq!((first, last), (&json!("exec1"), &json!("exec2")));
}

#[apply(on_both)]
async fn a_vote_on_data_that_was_changed_past_the_module_counts_no_more_and_may_be_cast_again(app: TestApp) {
    let group = app.group("ONE", All, &["exec1", "exec2"]).await;
    let (in_flow, flat) = (app.task_on(&app.flow("FLOW", &[&group]).await).await, app.task_in(&group).await);
    for task in [&in_flow, &flat] {
        app.approve("exec1", task).await;
        app.run(&format!("UPDATE task_management_task SET data = '{{\"changed\": 1}}' WHERE id = '{task}'"));
        app.approve("exec2", task).await;
        assert_eq!(app.status(task).await, "ACCEPTED", "exec1 has not seen what it says now");
        app.approve("exec1", task).await;
        let row = app.on_its_way(task).await;
        let stale = row["decisions"].as_array().expect("a list").iter().map(|vote| vote["isStale"].clone());
        assert_eq!(stale.collect::<Vec<_>>(), [json!(true), json!(false), json!(false)]);
        assert_eq!(row["status"], "COMPLETED");
    }
}
