//! Who asks for something can say what was seen of the task. If that has changed since, it is a conflict, and nothing is done.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::{CreateTask, Host, Seen, SeenTask, UpdateTask};

use crate::races::at_once;
use crate::support::scenario::{key, user_id};
use crate::support::{TestApp, apply, on_both};

/// A hash that no data has.
const OTHER: &str = "0000000000000000000000000000000000000000000000000000000000000000";

async fn hash(app: &TestApp, task: &str) -> String {
    let rows = app.user("admin").await.rows("task", &format!("(id: \"{task}\")"), "dataHash").await;
    rows[0]["dataHash"].as_str().expect("a hash").to_owned()
}

fn ballot(username: &str, task: &str) -> Value {
    json!({ "id": task, "businessStatus": json!({ user_id(username): "APPROVED" }).to_string() })
}

/// An input with something more in it.
fn with(mut input: Value, more: Value) -> Value {
    let more = more.as_object().expect("an object").clone();
    input.as_object_mut().expect("an object").extend(more);
    input
}

#[apply(on_both)]
async fn a_task_shows_the_hash_that_votes_are_bound_to_and_its_versions_show_theirs(app: TestApp) {
    let group = app.group("SHOWN", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(hash(&app, &task).await, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    app.approve("exec1", &task).await;
    assert_eq!(app.on_its_way(&task).await["decisions"][0]["dataHash"], hash(&app, &task).await);
    let then = hash(&app, &task).await;
    app.done("admin", "updateTask", json!({ "id": task, "data": "{\"a\":1}" })).await;
    let versions = app.versions("task", &task, "dataHash").await;
    assert_eq!(
        (&versions[0]["dataHash"], &versions[2]["dataHash"]),
        (&json!(then), &json!(hash(&app, &task).await))
    );
}

#[apply(on_both)]
async fn a_vote_on_other_data_than_the_voter_saw_is_a_conflict(app: TestApp) {
    let group = app.group("SEEN", All, &["exec1", "exec2", "exec3"]).await;
    let task = app.task_in(&group).await;
    let seen = hash(&app, &task).await;
    app.done("exec2", "resolveTask", with(ballot("exec2", &task), json!({ "expectedDataHash": seen }))).await;
    let vote = with(ballot("exec1", &task), json!({ "expectedDataHash": seen.to_uppercase() }));
    app.done("exec1", "resolveTask", vote).await;
    app.done("admin", "updateTask", json!({ "id": task, "data": "{\"a\":1}" })).await;
    let stale = with(ballot("exec3", &task), json!({ "expectedDataHash": seen }));
    assert_eq!(app.refused("exec3", "resolveTask", stale.clone()).await, "CONFLICT expectedDataHash");
    let text = app.refusal_text("exec3", "resolveTask", stale).await;
    assert!(text.contains("has changed since you saw it"), "{text}");
    // Somebody changes it behind the services' back.
    app.run(&format!("UPDATE task_management_task SET data = '{{\"a\": 2}}' WHERE id = '{task}'"));
    let now = hash(&app, &task).await;
    assert_ne!(now, seen);
    app.done("exec3", "resolveTask", with(ballot("exec3", &task), json!({ "expectedDataHash": now }))).await;
}

#[apply(on_both)]
async fn what_is_no_hash_is_refused_and_names_the_field(app: TestApp) {
    let group = app.group("NOHASH", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    for hash in ["", "44136fa", &format!("{}g", &OTHER[1..]), &"é".repeat(32)] {
        let vote = with(ballot("exec1", &task), json!({ "expectedDataHash": hash }));
        assert_eq!(app.refused("exec1", "resolveTask", vote).await, "VALIDATION expectedDataHash", "{hash}");
    }
}

#[apply(on_both)]
async fn every_mutation_of_a_task_is_a_conflict_if_the_task_is_not_as_it_was_seen(app: TestApp) {
    let host = Host::default().action("errand", std::sync::Arc::new(|_, _, _| Ok(())));
    let app = app.another_process_with(|_| {}, |builder| builder.host(host));
    let group = app.group("ALL", All, &["exec1", "exec2", "exec3"]).await;
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    let errand = app
        .task(CreateTask {
            executor_action_event: Some("errand".to_owned()),
            task_group_id: Some(key(&group)),
            ..CreateTask::default()
        })
        .await;
    for (who, mutation, id, input) in [
        ("exec2", "resolveTask", &task, ballot("exec2", &task)),
        ("admin", "updateTask", &task, json!({ "id": task, "priority": 7 })),
        ("admin", "reEvaluateTask", &task, json!({ "id": task })),
        ("exec1", "executeTask", &errand, json!({ "id": errand })),
        ("exec1", "withdrawTaskDecision", &task, json!({ "id": task })),
        ("admin", "deleteTask", &task, json!({ "ids": [task] })),
    ] {
        let version = app.task_row(id).await["version"].as_i64().expect("a number");
        for (seen, refusal) in [
            (json!({ "expectedVersion": version - 1 }), "CONFLICT expectedVersion"),
            (json!({ "expectedVersion": version + 1 }), "CONFLICT expectedVersion"),
            (json!({ "expectedVersion": -1 }), "CONFLICT expectedVersion"),
            (json!({ "expectedDataHash": OTHER }), "CONFLICT expectedDataHash"),
            (json!({ "expectedVersion": version, "expectedDataHash": OTHER }), "CONFLICT expectedDataHash"),
        ] {
            assert_eq!(app.refused(who, mutation, with(input.clone(), seen)).await, refusal, "{mutation}");
        }
        let right = json!({ "expectedVersion": version, "expectedDataHash": hash(&app, id).await });
        app.done(who, mutation, with(input, right)).await;
    }
}

#[apply(on_both)]
async fn what_was_seen_is_said_of_one_task_of_a_deletion_only(app: TestApp) {
    let group = app.group("ONE", All, &["exec1", "exec2"]).await;
    let (one, other) = (app.task_in(&group).await, app.task_in(&group).await);
    let input = json!({ "ids": [one, other], "expectedVersion": 1 });
    assert_eq!(app.refused("admin", "deleteTask", input).await, "VALIDATION ids");
    app.done("admin", "deleteTask", json!({ "ids": [one, one], "expectedVersion": 1 })).await;
    app.done("admin", "deleteTask", json!({ "ids": [other] })).await;
}

#[apply(on_both)]
async fn a_task_that_one_does_not_see_is_missing_whatever_was_expected_of_it(app: TestApp) {
    let group = app.group("HIDDEN", All, &["exec1"]).await;
    let task = app.task_in(&group).await;
    for seen in [json!({ "expectedVersion": 9 }), json!({ "expectedDataHash": OTHER })] {
        let vote = with(ballot("exec4", &task), seen.clone());
        assert_eq!(app.refused("exec4", "resolveTask", vote).await, "NOT_FOUND id");
        let withdrawal = with(json!({ "id": task }), seen);
        assert_eq!(app.refused("exec4", "withdrawTaskDecision", withdrawal).await, "NOT_FOUND id");
    }
}

#[apply(on_both)]
async fn hosts_say_what_they_saw_too(app: TestApp) {
    let group = app.group("HOST", All, &["exec1", "exec2"]).await;
    let task = key(&app.task_in(&group).await);
    let admin = app.module.requester("admin").await.expect("an admin");
    let old = Seen { version: Some(7), ..Seen::default() };
    let tasks = app.module.tasks();
    let update = UpdateTask { id: task, priority: Some(3), seen: old.clone(), ..UpdateTask::default() };
    assert!(tasks.update(&admin, update).await.is_err());
    let seen = |seen: &Seen| SeenTask { id: task, seen: seen.clone() };
    assert!(tasks.re_evaluate_task(&admin, seen(&old)).await.is_err());
    assert!(tasks.delete(&admin, vec![seen(&old)]).await.is_err());
    let present = Seen { version: Some(1), ..Seen::default() };
    assert!(tasks.re_evaluate_task(&admin, seen(&present)).await.is_ok());
    assert!(tasks.delete(&admin, vec![seen(&present)]).await.is_ok());
}

#[apply(on_both)]
async fn a_vote_and_a_change_of_the_data_at_the_same_moment_leave_no_vote_on_what_was_not_seen(app: TestApp) {
    let other = app.another_process();
    let (exec1, admin) = (app.user("exec1").await, other.user("admin").await);
    let group = app.group("RACE", Any, &["exec1"]).await;
    let mut conflicts = 0;
    for round in 0..20 {
        let task = app.task_in(&group).await;
        let vote = with(ballot("exec1", &task), json!({ "expectedDataHash": hash(&app, &task).await }));
        let change = json!({ "id": task, "data": json!({ "round": round }).to_string() });
        let outcomes = at_once([(&exec1, "resolveTask", vote), (&admin, "updateTask", change)]).await;
        match [outcomes[0].as_str(), outcomes[1].as_str()] {
            // The task is decided on what was seen, and then refuses the change.
            ["ok", "CONFLICT"] => assert_eq!(app.status(&task).await, "COMPLETED"),
            ["CONFLICT", "ok"] => {
                conflicts += 1;
                assert_eq!(app.status(&task).await, "ACCEPTED");
                let votes =
                    format!("SELECT count(*) FROM task_management_taskdecision WHERE task_id = '{task}'");
                assert_eq!(app.count(&votes), 0);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(conflicts < 20, "the vote is first at times");
}
