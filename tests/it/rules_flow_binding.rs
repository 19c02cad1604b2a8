//! The rules by which tasks come to flows and leave them: by their source, and by hand.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::CreateTask;

use crate::rules_flow::place;
use crate::support::scenario::key;
use crate::support::{TestApp, apply, on_both};

async fn bound(app: &TestApp, code: &str, group: &str, sources: &[&str]) -> String {
    app.flow_of(json!({ "code": code, "taskSources": sources, "steps": [{ "taskGroupId": group }] })).await
}

#[apply(on_both)]
async fn a_task_from_a_bound_source_starts_at_step_1(app: TestApp) {
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    let flow = app
        .flow_of(json!({ "code": "BOUND", "taskSources": ["bound"],
        "steps": [{ "taskGroupId": one }, { "taskGroupId": two }] }))
        .await;
    app.done("triage", "createTask", json!({ "source": "bound" })).await;
    let rows = app.user("admin").await.rows("task", "(source: \"bound\")", "uuid version").await;
    let task = rows[0]["uuid"].as_str().expect("a key");
    assert_eq!((app.place(task).await, &rows[0]["version"]), (place("ACCEPTED", 1, &["ONE"]), &json!(1)));
    assert_eq!(app.on_its_way(task).await["flow"]["uuid"], json!(flow));
    for unbound in ["Bound", "other"] {
        let task = app.task_from(unbound).await;
        assert_eq!(app.place(&task).await, place("RECEIVED", None, &[]), "{unbound}");
    }
    // Nobody sees the difference.
    let refused = app.refused("triage", "createTask", json!({ "source": "bound " })).await;
    assert_eq!(refused, "VALIDATION source");
}

#[apply(on_both)]
async fn only_tasks_of_the_default_executor_event_are_bound_to_a_flow(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let flow = bound(&app, "BOUND", &group, &["bound"]).await;
    let other = CreateTask {
        source: Some("bound".to_owned()),
        executor_action_event: Some("other".to_owned()),
        ..CreateTask::default()
    };
    let task = app.task(other).await;
    assert_eq!(app.place(&task).await, place("RECEIVED", None, &[]));
    assert_eq!(
        app.refused("admin", "updateTask", json!({ "id": task, "flowId": flow })).await,
        "VALIDATION flowId"
    );
    let input = json!({ "executorActionEvent": "other", "flowId": flow });
    assert_eq!(app.refused("admin", "createTask", input).await, "VALIDATION flowId");
}

#[apply(on_both)]
async fn a_source_has_one_claimant_among_groups_and_flows(app: TestApp) {
    let group = app.group_with("ONE", Any, None, &["exec1"], &["groups"]).await;
    let flow = bound(&app, "FLOW", &group, &["flows"]).await;
    let steps = json!([{ "taskGroupId": group }]);
    for taken in ["groups", "flows", "PaymentService"] {
        let sources = json!(["free", taken]);
        let of_flow = json!({ "code": "NEW", "taskSources": sources, "steps": steps });
        assert_eq!(
            app.refused("admin", "createTaskFlow", of_flow).await,
            "VALIDATION taskSources",
            "{taken}"
        );
        let of_group = json!({ "code": "NEW", "completionPolicy": "ANY", "taskSources": sources });
        assert_eq!(
            app.refused("admin", "createTaskGroup", of_group).await,
            "VALIDATION taskSources",
            "{taken}"
        );
    }
    let to_flow = json!({ "id": flow, "taskSources": ["groups"] });
    assert_eq!(app.refused("admin", "updateTaskFlow", to_flow.clone()).await, "VALIDATION taskSources");
    let replace = json!({ "id": flow, "taskSources": ["flows", "groups"], "steps": steps });
    assert_eq!(app.refused("admin", "replaceTaskFlow", replace).await, "VALIDATION taskSources");
    let to_group = json!({ "id": group, "code": "ONE", "completionPolicy": "ANY", "taskSources": ["flows"] });
    assert_eq!(app.refused("admin", "updateTaskGroup", to_group.clone()).await, "VALIDATION taskSources");
    let free = json!({ "id": group, "code": "ONE", "completionPolicy": "ANY", "taskSources": [] });
    app.done("admin", "updateTaskGroup", free).await;
    app.done("admin", "updateTaskFlow", to_flow).await;
    app.done("admin", "updateTaskGroup", to_group).await;
    assert_eq!(app.on_its_way(&app.task_from("groups").await).await["flow"]["uuid"], json!(flow));
    let row = app.on_its_way(&app.task_from("flows").await).await;
    assert_eq!((&row["flow"], &row["taskGroup"]["code"]), (&Value::Null, &json!("ONE")));
}

#[apply(on_both)]
async fn replacing_moves_the_claims_to_the_new_head(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let flow = bound(&app, "FLOW", &group, &["a", "b"]).await;
    let head = app.replace_flow(&flow, &[&group]).await;
    for source in ["a", "b"] {
        assert_eq!(
            app.on_its_way(&app.task_from(source).await).await["flow"]["uuid"],
            json!(head),
            "{source}"
        );
    }
    let other = json!({ "code": "OTHER", "taskSources": ["a"], "steps": [{ "taskGroupId": group }] });
    assert_eq!(app.refused("admin", "createTaskFlow", other).await, "VALIDATION taskSources");
    assert_eq!(
        app.count("SELECT count(*) FROM task_management_tasksource WHERE task_flow_id IS NOT NULL"),
        2
    );
}

#[apply(on_both)]
async fn ineligible_sources_join_no_flow(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let flow = app.flow("FLOW", &[&group]).await;
    let steps = json!([{ "taskGroupId": group }]);
    let sources = json!(["fine", "claim_sampling"]);
    for (mutation, input) in [
        ("createTaskFlow", json!({ "code": "NEW", "taskSources": sources, "steps": steps })),
        ("updateTaskFlow", json!({ "id": flow, "taskSources": sources })),
        ("replaceTaskFlow", json!({ "id": flow, "taskSources": sources, "steps": steps })),
    ] {
        assert_eq!(app.refused("admin", mutation, input).await, "VALIDATION taskSources", "{mutation}");
    }
    let input = json!({ "source": "claim_sampling", "flowId": flow });
    assert_eq!(app.refused("admin", "createTask", input).await, "VALIDATION flowId");
    let task = app.task_from("claim_sampling").await;
    assert_eq!(
        app.refused("admin", "updateTask", json!({ "id": task, "flowId": flow })).await,
        "VALIDATION flowId"
    );
}

#[apply(on_both)]
async fn privileged_people_assign_tasks_to_flows_by_hand(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let flow = app.flow("FLOW", &[&group]).await;
    let flat = app.group("FLAT", Any, &["exec2"]).await;
    let (received, accepted) = (app.task(CreateTask::default()).await, app.task_in(&flat).await);
    let assign = |task: &str| json!({ "id": task, "flowId": flow });
    assert_eq!(app.refused("exec2", "updateTask", assign(&accepted)).await, "FORBIDDEN");
    for task in [&received, &accepted] {
        app.done("triage", "updateTask", assign(task)).await;
        assert_eq!(app.place(task).await, place("ACCEPTED", 1, &["ONE"]));
        let before = app.task_row(task).await;
        app.done("triage", "updateTask", assign(task)).await;
        assert_eq!(app.task_row(task).await, before, "it is there already");
    }
    app.done("triage", "createTask", json!({ "source": "by hand", "flowId": flow })).await;
    let row =
        app.user("admin").await.rows("task", "(source: \"by hand\")", "status flow { code }").await.remove(0);
    assert_eq!(row, json!({ "status": "ACCEPTED", "flow": { "code": "FLOW" } }));
    assert_eq!(app.flow_row(&flow).await["inFlightCount"], 3);
}

#[apply(on_both)]
async fn a_flow_that_is_named_wins_over_the_one_that_the_source_is_bound_to(app: TestApp) {
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    bound(&app, "BOUND", &one, &["bound"]).await;
    let named = app.flow("NAMED", &[&two]).await;
    let task =
        CreateTask { source: Some("bound".to_owned()), flow_id: Some(key(&named)), ..CreateTask::default() };
    let task = app.task(task).await;
    assert_eq!(app.on_its_way(&task).await["flow"]["code"], "NAMED");
}

#[apply(on_both)]
async fn before_the_first_vote_a_task_may_go_to_another_flow_or_be_detached(app: TestApp) {
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    let (first, second) = (app.flow("FIRST", &[&one, &two]).await, app.flow("SECOND", &[&two]).await);
    let task = app.task_on(&first).await;
    app.done("triage", "updateTask", json!({ "id": task, "flowId": second })).await;
    assert_eq!(app.place(&task).await, place("ACCEPTED", 1, &["TWO"]));
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "NOT_FOUND", "asked no more");
    app.done("triage", "updateTask", json!({ "id": task, "detachFlow": true })).await;
    assert_eq!(app.place(&task).await, place("RECEIVED", None, &[]));
    let row = app.on_its_way(&task).await;
    assert_eq!(
        (&row["flow"], &row["currentStep"], &row["taskGroup"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "NOT_FOUND");
    assert_eq!(app.count("SELECT count(*) FROM task_management_taskpool"), 0);
    app.done("triage", "updateTask", json!({ "id": task, "flowId": first })).await;
    for who in ["exec1", "exec2"] {
        app.approve(who, &task).await;
    }
    assert_eq!(app.place(&task).await, place("COMPLETED", 2, &[]));
    app.done("triage", "updateTask", json!({ "id": app.task_on(&first).await, "detachFlow": false })).await;
    assert_eq!(app.flow_row(&first).await["inFlightCount"], 1, "false detaches nothing");
}

#[apply(on_both)]
async fn once_a_vote_exists_a_task_is_neither_given_to_a_flow_nor_detached(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1", "exec2"]).await;
    let two = app.group("TWO", Any, &["exec3"]).await;
    let (flow, other) = (app.flow("FLOW", &[&group, &two]).await, app.flow("OTHER", &[&two]).await);
    let task = app.task_on(&flow).await;
    app.approve("exec1", &task).await;
    let detach = json!({ "id": task, "detachFlow": true });
    assert_eq!(app.refused("admin", "updateTask", detach).await, "CONFLICT detachFlow");
    assert_eq!(
        app.refused("admin", "updateTask", json!({ "id": task, "flowId": other })).await,
        "CONFLICT flowId"
    );
    let all = app.group("ALL", tasks_management::CompletionPolicy::All, &["exec1", "exec2"]).await;
    let flat = app.task_in(&all).await;
    app.approve("exec1", &flat).await;
    assert_eq!(
        app.refused("admin", "updateTask", json!({ "id": flat, "flowId": flow })).await,
        "CONFLICT flowId"
    );
}

#[apply(on_both)]
async fn what_else_refuses_assigning_and_detaching(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let old = app.flow("FLOW", &[&group]).await;
    let head = app.replace_flow(&old, &[&group]).await;
    let (task, loose) = (app.task_on(&head).await, app.task(CreateTask::default()).await);
    for (change, expected) in [
        (json!({ "id": loose, "flowId": old }), "CONFLICT flowId"),
        (json!({ "id": loose, "flowId": group }), "NOT_FOUND flowId"),
        (json!({ "id": loose, "detachFlow": true }), "CONFLICT detachFlow"),
        (json!({ "id": task, "flowId": head, "detachFlow": true }), "VALIDATION flowId"),
        (json!({ "id": task, "taskGroupId": head, "detachFlow": true }), "NOT_FOUND taskGroupId"),
        (json!({ "id": loose, "taskGroupId": group, "detachFlow": true }), "CONFLICT detachFlow"),
        (json!({ "id": task, "detachFlow": true, "status": "ACCEPTED" }), "VALIDATION status"),
    ] {
        assert_eq!(app.refused("triage", "updateTask", change.clone()).await, expected, "{change}");
    }
    assert_eq!(
        app.refused("exec1", "updateTask", json!({ "id": task, "detachFlow": true })).await,
        "FORBIDDEN"
    );
    for (input, expected) in [
        (json!({ "flowId": head, "taskGroupId": group }), "VALIDATION flowId"),
        (json!({ "flowId": old }), "CONFLICT flowId"),
    ] {
        assert_eq!(app.refused("triage", "createTask", input).await, expected);
    }
    app.approve("exec1", &task).await;
    for change in [json!({ "id": task, "detachFlow": true }), json!({ "id": task, "flowId": head })] {
        assert_eq!(app.refused("triage", "updateTask", change).await, "CONFLICT", "it is decided");
    }
}

#[apply(on_both)]
async fn a_flow_tasks_group_is_not_set_by_hand(app: TestApp) {
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    let task = app.task_on(&app.flow("FLOW", &[&one]).await).await;
    for change in [
        json!({ "id": task, "taskGroupId": two }),
        json!({ "id": task, "taskGroupId": two, "status": "ACCEPTED" }),
    ] {
        assert_eq!(app.refused("admin", "updateTask", change).await, "CONFLICT taskGroupId");
    }
    app.done("admin", "updateTask", json!({ "id": task, "taskGroupId": one, "status": "ACCEPTED" })).await;
    assert_eq!(app.task_row(&task).await["version"], 1, "as it is, is no change");
}

#[apply(on_both)]
async fn a_flow_task_is_not_closed_by_hand(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let flow = app.flow("FLOW", &[&group]).await;
    let (task, loose) = (app.task_on(&flow).await, app.task(CreateTask::default()).await);
    for status in ["COMPLETED", "FAILED"] {
        assert_eq!(
            app.refused("admin", "updateTask", json!({ "id": task, "status": status })).await,
            "CONFLICT status"
        );
        let at_once = json!({ "id": loose, "status": status, "flowId": flow });
        assert_eq!(app.refused("admin", "updateTask", at_once).await, "CONFLICT status");
        assert_eq!(
            app.refused("exec1", "updateTask", json!({ "id": task, "status": status })).await,
            "FORBIDDEN"
        );
    }
}
