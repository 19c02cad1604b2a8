//! The rules of `createTask`, `deleteTask`, `updateTask` and `executeTask`.

use std::sync::Arc;

use diesel::RunQueryDsl as _;
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::{CreateTask, Error, ErrorCode, Host, Message};

use crate::entities::Zoo;
use crate::support::scenario::{each, key, user_id};
use crate::support::{Client, TestApp, apply, on_both, stable};

/// The tasks that came from a source, as an administrator sees them.
async fn from_source(app: &TestApp, source: &str) -> Vec<Value> {
    let fields =
        "uuid status entityString executorActionEvent businessStatus data jsonExt version taskGroup { code }";
    app.user("admin").await.rows("task", &format!("(source: \"{source}\")"), fields).await
}

fn about(kind: &str, entity: &str) -> Value {
    json!({ "entityType": kind, "entityId": entity, "source": "about" })
}

async fn update(client: &mut Client, task: &str, change: Value) -> String {
    let mut input = change;
    input["id"] = json!(task);
    client.outcome("updateTask", input).await
}

#[apply(on_both)]
async fn creating_needs_the_right(app: TestApp) {
    for (who, expected) in
        [("norights", "FORBIDDEN"), ("exec1", "FORBIDDEN"), ("triage", "ok"), ("admin", "ok")]
    {
        let input = json!({ "source": format!("by-{who}") });
        assert_eq!(app.user(who).await.outcome("createTask", input).await, expected, "{who}");
        assert_eq!(from_source(&app, &format!("by-{who}")).await.len(), usize::from(expected == "ok"));
    }
}

#[apply(on_both)]
async fn a_bound_source_assigns_the_task_at_once_and_an_unbound_one_leaves_it_received(app: TestApp) {
    app.group_with("BOUND", Any, None, &["exec1"], &["bound"]).await;
    let mut triage = app.user("triage").await;
    for source in ["bound", "unbound", "Bound", "OldService"] {
        assert_eq!(triage.outcome("createTask", json!({ "source": source })).await, "ok");
        let row = from_source(&app, source).await.remove(0);
        let expected = match source {
            "bound" => (json!("ACCEPTED"), json!({ "code": "BOUND" })),
            _ => (json!("RECEIVED"), Value::Null),
        };
        assert_eq!((row["status"].clone(), row["taskGroup"].clone()), expected, "{source}");
    }
}

#[apply(on_both)]
async fn what_is_not_said_has_its_default(app: TestApp) {
    assert_eq!(app.user("triage").await.outcome("createTask", json!({ "source": "bare" })).await, "ok");
    insta::assert_snapshot!("defaults", stable(&json!(from_source(&app, "bare").await), &[]));
}

#[apply(on_both)]
async fn an_entity_has_one_open_task_and_a_new_one_once_that_is_decided_or_deleted(app: TestApp) {
    let mut triage = app.user("triage").await;
    let input = about("social.Person", "p1");
    assert_eq!(triage.outcome("createTask", input.clone()).await, "ok");
    for again in [input.clone(), about("social.person", "p1"), about("SOCIAL.PERSON", "p1")] {
        assert_eq!(triage.outcome("createTask", again).await, "CONFLICT");
    }
    for other in [about("social.Person", "P1"), about("social.group", "p1")] {
        assert_eq!(triage.outcome("createTask", other).await, "ok");
    }
    let first = triage.rows("task", "(entityId: \"p1\", source: \"about\")", "uuid").await.remove(0);
    let close = json!({ "id": first["uuid"], "status": "COMPLETED" });
    assert_eq!(triage.outcome("updateTask", close).await, "ok");
    assert_eq!(triage.outcome("createTask", input.clone()).await, "ok", "the first is decided");
    let open = triage.rows("task", "(entityId: \"p1\", status: RECEIVED)", "uuid").await;
    assert_eq!(triage.outcome("createTask", input.clone()).await, "CONFLICT");
    assert_eq!(triage.outcome("deleteTask", json!({ "ids": each(&open, "uuid") })).await, "ok");
    assert_eq!(triage.outcome("createTask", input).await, "ok", "the second is deleted");
}

#[apply(on_both)]
async fn an_entity_type_is_app_and_model_and_comes_with_an_id(app: TestApp) {
    let mut triage = app.user("triage").await;
    for kind in ["", "person", ".person", "social.", "a.b.c", "."] {
        assert_eq!(triage.outcome("createTask", about(kind, "1")).await, "VALIDATION", "{kind:?}");
    }
    for half in [json!({ "entityType": "a.b" }), json!({ "entityId": "1" })] {
        assert_eq!(triage.outcome("createTask", half).await, "VALIDATION");
    }
    assert_eq!(triage.outcome("createTask", about("a.B", "1")).await, "ok");
}

#[apply(on_both)]
async fn a_new_task_brings_nobodys_vote(app: TestApp) {
    let mut triage = app.user("triage").await;
    let own = user_id("triage");
    for status in [
        json!({ own: "APPROVED" }),
        json!({ own.to_uppercase(): 1 }),
        json!({ own.replace('-', ""): 1 }),
        json!([]),
        json!("APPROVED"),
        json!(null),
    ] {
        let input = json!({ "source": "votes", "businessStatus": status.to_string() });
        assert_eq!(triage.outcome("createTask", input).await, "VALIDATION", "{status}");
    }
    let input = json!({ "source": "votes", "businessStatus": json!({ "note": { "a": 1 } }).to_string() });
    assert_eq!(triage.outcome("createTask", input).await, "ok");
    assert_eq!(from_source(&app, "votes").await.len(), 1);
}

#[apply(on_both)]
async fn only_privileged_people_choose_the_group_of_a_new_task(app: TestApp) {
    app.load(json!({
        "roles": [{ "name": "Maker", "rights": [191_002] }],
        "users": [{ "id": "00000000-0000-7000-b000-000000000003", "username": "maker", "password": "maker123",
                    "roles": ["Maker"] }],
    }))
    .await;
    let group = app.group_with("CHOSEN", Any, None, &["exec1"], &[]).await;
    app.group_with("BOUND", Any, None, &["exec1"], &["bound"]).await;
    let input = json!({ "source": "bound", "taskGroupId": group });
    let mut maker = app.user("maker").await;
    assert_eq!(maker.outcome("createTask", input.clone()).await, "FORBIDDEN");
    assert_eq!(maker.outcome("createTask", json!({ "source": "own" })).await, "ok");
    assert_eq!(app.user("triage").await.outcome("createTask", input).await, "ok");
    let row = from_source(&app, "bound").await.remove(0);
    assert_eq!((&row["status"], &row["taskGroup"]["code"]), (&json!("ACCEPTED"), &json!("CHOSEN")));
}

#[apply(on_both)]
async fn the_hosts_provider_names_the_entity_and_knows_which_exist(app: TestApp) {
    let host = Host::default().entity("zoo.animal", Zoo::default());
    let other = app.another_process_with(|_| {}, |builder| builder.host(host));
    let mut triage = other.user("triage").await;
    let input =
        json!({ "entityType": "zoo.Animal", "entityId": "1", "entityString": "a lie", "source": "zoo" });
    assert_eq!(triage.outcome("createTask", input).await, "ok");
    assert_eq!(from_source(&app, "zoo").await[0]["entityString"], "A lion");
    let missing = json!({ "entityType": "zoo.animal", "entityId": "200" });
    assert_eq!(triage.outcome("createTask", missing).await, "NOT_FOUND");
    let elsewhere =
        json!({ "entityType": "zoo.plant", "entityId": "1", "entityString": "A fern", "source": "fern" });
    assert_eq!(triage.outcome("createTask", elsewhere).await, "ok");
    assert_eq!(from_source(&app, "fern").await[0]["entityString"], "A fern");
}

#[apply(on_both)]
async fn deleting_needs_the_right_and_is_for_undecided_tasks_all_or_nothing(app: TestApp) {
    let group = app.group("DEL", Any, &["exec1"]).await;
    let (received, accepted) = (app.task(CreateTask::default()).await, app.task_in(&group).await);
    let (completed, failed) = (app.task_in(&group).await, app.task_in(&group).await);
    for (task, value) in [(&completed, "APPROVED"), (&failed, "FAILED")] {
        assert_eq!(app.vote("exec1", task, json!(value)).await, "ok");
    }
    for who in ["norights", "exec1"] {
        let outcome = app.user(who).await.outcome("deleteTask", json!({ "ids": [accepted] })).await;
        assert_eq!(outcome, "FORBIDDEN", "{who}");
    }
    let mut triage = app.user("triage").await;
    let unknown = "00000000-0000-7000-a000-00000000ffff".to_owned();
    for (bad, expected) in [(&completed, "CONFLICT"), (&failed, "CONFLICT"), (&unknown, "NOT_FOUND")] {
        let ids = json!({ "ids": [received, bad, accepted] });
        assert_eq!(triage.outcome("deleteTask", ids).await, expected);
        assert_eq!(
            (app.status(&received).await, app.status(&accepted).await),
            ("RECEIVED".into(), "ACCEPTED".into())
        );
    }
    assert_eq!(triage.outcome("deleteTask", json!({ "ids": [received, accepted, received] })).await, "ok");
    assert_eq!((app.task_row(&received).await, app.task_row(&accepted).await), (Value::Null, Value::Null));
    let versions = app.versions("task", &accepted, "isDeleted").await;
    assert_eq!(each(&versions, "isDeleted"), [json!(false), json!(true)], "soft");
    assert_eq!(triage.outcome("deleteTask", json!({ "ids": [accepted] })).await, "NOT_FOUND");
    assert_eq!(update(&mut triage, &accepted, json!({ "status": "COMPLETED" })).await, "NOT_FOUND");
    assert_eq!(app.vote("exec1", &accepted, json!("APPROVED")).await, "NOT_FOUND");
}

#[apply(on_both)]
async fn updating_needs_the_right_and_the_sight_of_the_task(app: TestApp) {
    let group = app.group("SEEN", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let hidden = app.task(CreateTask::default()).await;
    for (who, task, expected) in [
        ("norights", &task, "FORBIDDEN"),
        ("exec2", &task, "NOT_FOUND"),
        ("exec1", &hidden, "NOT_FOUND"),
        ("exec1", &task, "ok"),
        ("triage", &hidden, "ok"),
    ] {
        assert_eq!(update(&mut app.user(who).await, task, json!({})).await, expected, "{who}");
        let same = json!({ "taskGroupId": group, "status": "ACCEPTED" });
        if *task != hidden {
            assert_eq!(update(&mut app.user(who).await, task, same).await, expected, "{who}: as it is");
        }
    }
}

#[apply(on_both)]
async fn only_privileged_people_assign_and_close(app: TestApp) {
    let (group, other) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec1"]).await);
    let task = app.task_in(&group).await;
    let mut exec1 = app.user("exec1").await;
    for change in [
        json!({ "taskGroupId": other }),
        json!({ "status": "COMPLETED" }),
        json!({ "status": "FAILED" }),
        json!({ "taskGroupId": other, "status": "ACCEPTED" }),
    ] {
        assert_eq!(update(&mut exec1, &task, change.clone()).await, "FORBIDDEN", "{change}");
    }
    assert_eq!(app.task_row(&task).await["version"], 1);
    let mut triage = app.user("triage").await;
    assert_eq!(update(&mut triage, &task, json!({ "taskGroupId": other, "status": "ACCEPTED" })).await, "ok");
    assert_eq!(app.task_row(&task).await["taskGroup"]["uuid"], json!(other));
    assert_eq!(update(&mut triage, &task, json!({ "status": "COMPLETED" })).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn accepted_needs_a_live_group(app: TestApp) {
    let task = app.task(CreateTask::default()).await;
    let mut triage = app.user("triage").await;
    assert_eq!(update(&mut triage, &task, json!({ "status": "ACCEPTED" })).await, "VALIDATION");
    let deleted = "00000000-0000-7000-8000-000000000005";
    let change = json!({ "status": "ACCEPTED", "taskGroupId": deleted });
    assert_eq!(update(&mut triage, &task, change).await, "NOT_FOUND");
    assert_eq!(app.status(&task).await, "RECEIVED");
    let group = app.group("LIVE", Any, &[]).await;
    assert_eq!(update(&mut triage, &task, json!({ "status": "ACCEPTED", "taskGroupId": group })).await, "ok");
    assert_eq!(app.status(&task).await, "ACCEPTED");
}

#[apply(on_both)]
async fn a_decided_task_refuses_every_change(app: TestApp) {
    let group = app.group("DONE", Any, &["exec1"]).await;
    for (value, status) in [("APPROVED", "COMPLETED"), ("FAILED", "FAILED")] {
        let task = app.task_in(&group).await;
        assert_eq!(app.vote("exec1", &task, json!(value)).await, "ok");
        let before = app.task_row(&task).await;
        assert_eq!(before["status"], status);
        let mut triage = app.user("triage").await;
        for change in [
            json!({}),
            json!({ "status": "ACCEPTED" }),
            json!({ "status": "COMPLETED" }),
            json!({ "status": "FAILED" }),
            json!({ "taskGroupId": group }),
        ] {
            assert_eq!(update(&mut triage, &task, change.clone()).await, "CONFLICT", "{status} {change}");
        }
        for name in ["executeTask", "deleteTask"] {
            let input = if name == "deleteTask" { json!({ "ids": [task] }) } else { json!({ "id": task }) };
            assert_eq!(triage.outcome(name, input).await, "CONFLICT", "{status} {name}");
        }
        assert_eq!(app.task_row(&task).await, before);
    }
}

#[apply(on_both)]
async fn an_update_that_changes_nothing_makes_no_version(app: TestApp) {
    let group = app.group("SAME", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let before = (app.task_row(&task).await, app.total("taskHistory").await);
    let mut triage = app.user("triage").await;
    for change in [
        json!({}),
        json!({ "status": "ACCEPTED" }),
        json!({ "taskGroupId": group }),
        json!({ "taskGroupId": group, "status": "ACCEPTED" }),
        json!({ "taskGroupId": null, "status": null }),
    ] {
        assert_eq!(update(&mut triage, &task, change).await, "ok");
    }
    assert_eq!((app.task_row(&task).await, app.total("taskHistory").await), before);
}

#[apply(on_both)]
async fn executing_without_a_handler_is_an_error(app: TestApp) {
    let group = app.group("EXEC", Any, &["exec1"]).await;
    let task = CreateTask {
        executor_action_event: Some("carry-out".to_owned()),
        task_group_id: Some(key(&group)),
        ..CreateTask::default()
    };
    let task = app.task(task).await;
    let (status, error) = app.user("exec1").await.mutate("executeTask", json!({ "id": task })).await;
    assert_eq!((status, &error[0]["code"]), (1, &json!("VALIDATION")));
    assert!(error[0]["message"].as_str().is_some_and(|text| text.contains("carry-out")), "{error}");
}

#[apply(on_both)]
async fn a_task_on_which_votes_decide_is_not_carried_out_before(app: TestApp) {
    let host = Host::default().action("default", Arc::new(|_, _, _| Ok(())));
    let other = app.another_process_with(|_| {}, |builder| builder.host(host));
    let group = app.group("EXEC", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let outcome = other.user("exec1").await.outcome("executeTask", json!({ "id": task })).await;
    assert_eq!(outcome, "CONFLICT");
    assert_eq!(app.status(&task).await, "ACCEPTED");
}

#[apply(on_both)]
async fn executing_runs_the_handler_of_the_event_in_the_transaction(app: TestApp) {
    let host = Host::default().action(
        "carry-out",
        Arc::new(|connection, requester, task| {
            let name = format!("{} did {}", requester.user.username, task.id);
            diesel::sql_query(format!("UPDATE core_user SET last_name = '{name}' WHERE username = 'exec1'"))
                .execute(connection)?;
            match task.data["fails"].as_bool() {
                Some(true) => Err(Error::new(ErrorCode::Conflict, Message::new("no-entity"))),
                _ => Ok(()),
            }
        }),
    );
    let other = app.another_process_with(|_| {}, |builder| builder.host(host));
    let group = app.group("EXEC", Any, &["exec1"]).await;
    let mut exec1 = other.user("exec1").await;
    let mut name = async || exec1.graphql("{ user { lastName } }").await.data("user")["lastName"].clone();
    for (fails, expected) in [(true, "CONFLICT"), (false, "ok")] {
        let task = app
            .task(CreateTask {
                executor_action_event: Some("carry-out".to_owned()),
                data: Some(json!({ "fails": fails }).into()),
                task_group_id: Some(key(&group)),
                ..CreateTask::default()
            })
            .await;
        for (who, expected) in [("norights", "NOT_FOUND"), ("exec2", "NOT_FOUND"), ("exec1", expected)] {
            let outcome = other.user(who).await.outcome("executeTask", json!({ "id": task })).await;
            assert_eq!(outcome, expected, "{who}");
            let acted = format!("exec1 did {task}");
            let expected = if who == "exec1" && !fails { acted.as_str() } else { "Executor1" };
            assert_eq!(name().await, expected, "an error undoes what the handler wrote");
        }
    }
}
