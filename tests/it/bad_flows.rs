//! Flows, groups and votes that can't be are refused with the code and the field, and nothing half-done stays.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any, N};
use tasks_management::Settings;

use crate::bad_input::assert_refused;
use crate::support::scenario::user_id;
use crate::support::{TestApp, apply, on_both};

const UNKNOWN: &str = "00000000-0000-7000-a000-00000000ffff";
const DELETED: &str = "00000000-0000-7000-8000-000000000005";

/// The refusal of creating a flow of these steps, or of replacing one by them.
async fn of_steps(app: &TestApp, flow: &str, steps: &Value) -> String {
    let create = app.refused("admin", "createTaskFlow", json!({ "code": "BAD", "steps": steps })).await;
    let replace = app.refused("admin", "replaceTaskFlow", json!({ "id": flow, "steps": steps })).await;
    assert_eq!(create, replace, "{steps}");
    create
}

/// A vote that accepts records with these numbers and rejects those.
fn records(who: &str, task: &str, accept: std::ops::Range<usize>, reject: std::ops::Range<usize>) -> Value {
    let list =
        |range: std::ops::Range<usize>| range.map(|number| format!("record-{number:05}")).collect::<Vec<_>>();
    let value = json!({ "ACCEPT": list(accept), "REJECT": list(reject) });
    json!({ "id": task, "businessStatus": json!({ user_id(who): value }).to_string() })
}

#[apply(on_both)]
async fn steps_that_cannot_be_are_refused(app: TestApp) {
    let one = app.group("ONE", Any, &["exec1", "exec2"]).await;
    let two = app.group_with("TWO", N, Some(2), &["exec1", "exec2"], &[]).await;
    let high = app.group_with("HIGH", N, Some(3), &["exec1"], &[]).await;
    let empty = app.group("NOBODY", Any, &[]).await;
    let flow = app.flow("FLOW", &[&one]).await;
    let many = vec![json!({ "taskGroupId": one }); 1001];
    for (steps, expected) in [
        (json!([]), "VALIDATION steps"),
        (json!(many), "LIMIT steps"),
        (json!([{ "taskGroupId": UNKNOWN }]), "NOT_FOUND steps[0].taskGroupId"),
        (json!([{ "taskGroupId": one }, { "taskGroupId": DELETED }]), "NOT_FOUND steps[1].taskGroupId"),
        (json!([{ "taskGroupId": flow }]), "NOT_FOUND steps[0].taskGroupId"),
        (json!([{ "taskGroupId": empty }]), "VALIDATION steps[0].taskGroupId"),
        (
            json!([{ "taskGroupId": one }, { "taskGroupId": two }, { "taskGroupId": one }]),
            "VALIDATION steps[2].taskGroupId",
        ),
        (
            json!([{ "taskGroupId": one, "order": 1 }, { "taskGroupId": one, "order": 1 }]),
            "VALIDATION steps[1].taskGroupId",
        ),
        (json!([{ "taskGroupId": one, "order": 0 }]), "VALIDATION steps[0].order"),
        (json!([{ "taskGroupId": one, "order": -1 }]), "VALIDATION steps[0].order"),
        (
            json!([{ "taskGroupId": one, "order": 2 }, { "taskGroupId": two, "order": 1 }]),
            "VALIDATION steps[1].order",
        ),
        (
            json!([{ "taskGroupId": one, "order": i32::MAX }, { "taskGroupId": two }]),
            "VALIDATION steps[0].order",
        ),
        (json!([{ "taskGroupId": one, "threshold": 1 }]), "VALIDATION steps[0].threshold"),
        (json!([{ "taskGroupId": two, "threshold": 0 }]), "VALIDATION steps[0].threshold"),
        (json!([{ "taskGroupId": two, "threshold": -1 }]), "VALIDATION steps[0].threshold"),
        (json!([{ "taskGroupId": two, "threshold": 3 }]), "VALIDATION steps[0].threshold"),
        (json!([{ "taskGroupId": two, "threshold": i32::MAX }]), "VALIDATION steps[0].threshold"),
        (
            json!([{ "taskGroupId": two, "completionPolicy": "ALL", "threshold": 2 }]),
            "VALIDATION steps[0].threshold",
        ),
        (
            json!([{ "taskGroupId": two, "completionPolicy": "ANY", "threshold": 1 }]),
            "VALIDATION steps[0].threshold",
        ),
        (
            json!([{ "taskGroupId": one, "completionPolicy": "N", "threshold": 3 }]),
            "VALIDATION steps[0].threshold",
        ),
        (json!([{ "taskGroupId": high }]), "VALIDATION steps[0].threshold"),
        (
            json!([{ "taskGroupId": one, "policy": { "kind": "N", "threshold": 3 } }]),
            "VALIDATION steps[0].threshold",
        ),
        (
            json!([{ "taskGroupId": one, "policy": { "kind": "N", "threshold": 0 } }]),
            "VALIDATION steps[0].threshold",
        ),
        (json!([{ "taskGroupId": one, "policy": { "kind": "PERCENT" } }]), "VALIDATION steps[0].threshold"),
        (
            json!([{ "taskGroupId": one, "policy": { "kind": "PERCENT", "threshold": 101 } }]),
            "VALIDATION steps[0].threshold",
        ),
        (
            json!([{ "taskGroupId": one, "policy": { "kind": "WEIGHT", "threshold": 3 } }]),
            "VALIDATION steps[0].threshold",
        ),
        (
            json!([{ "taskGroupId": one, "policy": { "kind": "ALL", "threshold": 1 } }]),
            "VALIDATION steps[0].threshold",
        ),
        (
            json!([{ "taskGroupId": one, "completionPolicy": "ALL", "policy": { "kind": "PERCENT", "threshold": 50 } }]),
            "VALIDATION steps[0].policy",
        ),
    ] {
        let what = steps.to_string().chars().take(200).collect::<String>();
        assert_eq!(of_steps(&app, &flow, &steps).await, expected, "{what}");
    }
    assert_eq!(app.flow_row(&flow).await["replacementUuid"], Value::Null);
}

#[apply(on_both)]
async fn what_is_no_step_is_refused_as_malformed(app: TestApp) {
    let mut client = app.user("admin").await;
    let group = app.group("ONE", Any, &["exec1"]).await;
    let flow = app.flow("FLOW", &[&group]).await;
    let before = app.row_counts();
    for steps in [
        json!([{}]),
        json!([{ "threshold": 1 }]),
        json!([{ "taskGroupId": null }]),
        json!([{ "taskGroupId": "xxx" }]),
        json!([{ "taskGroupId": group, "completionPolicy": "MOST" }]),
        json!([{ "taskGroupId": group, "threshold": "1" }]),
        json!([{ "taskGroupId": group, "threshold": 4_294_967_297_i64 }]),
        json!([{ "taskGroupId": group, "nonsense": 1 }]),
        json!([{ "taskGroupId": group, "policy": { "kind": "MOST" } }]),
        json!([{ "taskGroupId": group, "policy": { "threshold": 1 } }]),
    ] {
        for (name, ty) in [("createTaskFlow", "CreateTaskFlow"), ("replaceTaskFlow", "ReplaceTaskFlow")] {
            let query = format!("mutation($i: {ty}MutationInput!) {{ {name}(input: $i) {{ internalId }} }}");
            let mut input = json!({ "steps": steps });
            match name {
                "createTaskFlow" => input["code"] = json!("BAD"),
                _ => input["id"] = json!(flow),
            }
            let answer = client.graphql_with(&query, json!({ "i": input })).await;
            assert_refused(&answer, &format!("{name} {steps}"));
        }
    }
    assert_eq!(app.row_counts(), before);
    for steps in [json!([]), json!([null])] {
        let input = json!({ "code": "BAD", "steps": steps });
        assert_eq!(app.refused("admin", "createTaskFlow", input).await, "VALIDATION steps", "{steps}");
        let input = json!({ "id": flow, "steps": steps });
        assert_eq!(app.refused("admin", "replaceTaskFlow", input).await, "VALIDATION steps", "{steps}");
    }
    let nameless = json!({ "steps": [{ "taskGroupId": group }] });
    assert_eq!(app.refused("admin", "createTaskFlow", nameless).await, "VALIDATION code");
}

#[apply(on_both)]
async fn names_and_sources_that_cannot_be_kept_are_refused(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let steps = json!([{ "taskGroupId": group }]);
    for (field, value, expected) in [
        ("name", json!("x".repeat(256)), "VALIDATION name"),
        ("name", json!("a\0"), "VALIDATION name"),
        ("taskSources", json!(["x".repeat(256)]), "VALIDATION taskSources"),
        ("taskSources", json!(["fine", " "]), "VALIDATION taskSources"),
        ("taskSources", json!(["a\0"]), "VALIDATION taskSources"),
        ("taskSources", json!(vec!["x"; 1001]), "LIMIT taskSources"),
    ] {
        let mut input = json!({ "code": "BAD", "steps": steps });
        input[field] = value;
        assert_eq!(app.refused("admin", "createTaskFlow", input).await, expected);
    }
}

#[apply(on_both)]
async fn weights_that_are_none_are_refused(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    for weight in [0, -1, 1_000_001, i32::MAX, i32::MIN] {
        let weights = json!([{ "userId": user_id("exec1"), "weight": weight }]);
        let users = json!([user_id("exec1")]);
        let create =
            json!({ "code": "NEW", "completionPolicy": "ANY", "userIds": users, "weights": weights });
        assert_eq!(app.refused("admin", "createTaskGroup", create).await, "VALIDATION weights", "{weight}");
        let update = json!({ "id": group, "code": "ONE", "completionPolicy": "ANY", "weights": weights });
        assert_eq!(app.refused("admin", "updateTaskGroup", update).await, "VALIDATION weights", "{weight}");
    }
}

#[apply(on_both)]
async fn a_groups_policy_that_contradicts_itself_is_refused_in_the_journal(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    for (known, policy, expected) in [
        ("ALL", json!({ "kind": "PERCENT", "threshold": 50 }), "VALIDATION policy"),
        ("N", json!({ "kind": "ALL" }), "VALIDATION policy"),
        ("N", json!({ "kind": "PERCENT", "threshold": 0 }), "VALIDATION threshold"),
        ("N", json!({ "kind": "PERCENT", "threshold": 101 }), "VALIDATION threshold"),
        ("N", json!({ "kind": "WEIGHT" }), "VALIDATION threshold"),
    ] {
        let mut input = json!({ "code": "NEW", "completionPolicy": known, "policy": policy });
        assert_eq!(app.refused("admin", "createTaskGroup", input.clone()).await, expected, "{input}");
        input["id"] = json!(group);
        assert_eq!(app.refused("admin", "updateTaskGroup", input.clone()).await, expected, "{input}");
    }
}

#[apply(on_both)]
async fn a_flow_is_not_replaced_in_a_circle(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let first = app.flow("LINE", &[&group]).await;
    let second = app.replace_flow(&first, &[&group]).await;
    let third = app.replace_flow(&second, &[&group]).await;
    let steps = json!([{ "taskGroupId": group }]);
    for superseded in [&first, &second] {
        let input = json!({ "id": superseded, "steps": steps });
        assert_eq!(app.refused("admin", "replaceTaskFlow", input).await, "CONFLICT id");
        let task = json!({ "flowId": superseded });
        assert_eq!(app.refused("admin", "createTask", task).await, "CONFLICT flowId");
    }
    for (version, next) in [(&first, json!(second)), (&second, json!(third)), (&third, Value::Null)] {
        assert_eq!(app.flow_row(version).await["replacementUuid"], next);
    }
}

#[apply(on_both)]
async fn one_vote_has_as_many_records_as_the_setting_says_and_is_fast(backend: Backend) {
    // How fast it is on a busy machine is not the question here.
    let patient = |settings: &mut Settings| settings.limits.mutation_database_ms = 60_000;
    let app = TestApp::start_with(backend, patient, |builder| builder).await;
    let group = app.group("ONE", All, &["exec1", "exec2"]).await;
    app.flow_of(
        json!({ "code": "MANY", "taskSources": ["import_valid_items"], "steps": [{ "taskGroupId": group }] }),
    )
    .await;
    let task = app.task_from("import_valid_items").await;
    let too_many = records("exec1", &task, 0..6000, 6000..10_001);
    assert_eq!(app.refused("exec1", "resolveTask", too_many).await, "LIMIT businessStatus");
    let begin = std::time::Instant::now();
    for (what, vote) in [
        ("a vote", records("exec1", &task, 0..5000, 5000..10_000)),
        ("the same again", records("exec1", &task, 0..5000, 5000..10_000)),
        ("the other way round", records("exec1", &task, 5000..10_000, 0..5000)),
    ] {
        let own = std::time::Instant::now();
        app.done("exec1", "resolveTask", vote).await;
        println!("{what}: {:?}", own.elapsed());
    }
    let live = "SELECT count(*) FROM task_management_taskdecision WHERE NOT is_deleted";
    assert_eq!(app.count(live), 10_000);
    assert_eq!(app.count("SELECT count(*) FROM task_management_taskdecision WHERE is_deleted"), 10_000);
    let kept = "SELECT count(*) FROM task_management_historicaltaskdecision";
    assert_eq!(app.count(kept), 30_000, "each was added, and half of them replaced");
    let rejected =
        app.user("admin").await.rows("task", &format!("(id: \"{task}\")"), "rejectedRecordIds").await;
    assert_eq!(rejected[0]["rejectedRecordIds"].as_array().map(Vec::len), Some(5000));
    let own = std::time::Instant::now();
    app.done("admin", "updateTask", json!({ "id": task, "data": "{\"changed\": true}" })).await;
    println!("what was voted on changes: {:?}", own.elapsed());
    assert_eq!(app.count("SELECT count(*) FROM task_management_taskdecision WHERE is_stale"), 10_000);
    let own = std::time::Instant::now();
    for who in ["exec1", "exec2"] {
        app.done(who, "resolveTask", records(who, &task, 0..9999, 9999..10_000)).await;
    }
    println!("two people again: {:?}", own.elapsed());
    assert_eq!(app.status(&task).await, "COMPLETED");
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
}

#[apply(on_both)]
async fn lists_of_records_that_cannot_be_are_refused(app: TestApp) {
    let group = app.group("ONE", All, &["exec1", "exec2"]).await;
    app.flow_of(json!({ "code": "LISTS", "taskSources": ["import_valid_items"], "steps": [{ "taskGroupId": group }] })).await;
    let task = app.task_from("import_valid_items").await;
    for value in [
        json!({ "ACCEPT": ["a"], "REJECT": ["a"] }),
        json!({ "ACCEPT": ["a", "b"], "REJECT": ["c", "b"] }),
        json!({}),
        json!([]),
        json!(null),
        json!({ "ACCEPT": [] }),
        json!({ "REJECT": [], "ACCEPT": [] }),
        json!({ "ACCEPT": ["a", ""] }),
        json!({ "ACCEPT": ["a", " \t"] }),
        json!({ "ACCEPT": [1] }),
        json!({ "ACCEPT": "a" }),
        json!({ "ACCEPT": null, "REJECT": ["a"] }),
        json!({ "accept": ["a"] }),
        json!({ "ACCEPT": ["a"], "KEEP": ["b"] }),
        json!({ "ACCEPT": ["x".repeat(256)] }),
        json!({ "ACCEPT": ["a\0"] }),
    ] {
        let input = json!({ "id": task, "businessStatus": json!({ user_id("exec1"): value }).to_string() });
        assert_eq!(app.refused("exec1", "resolveTask", input).await, "VALIDATION businessStatus", "{value}");
    }
    let repeated = json!({ "ACCEPT": ["a", "a"], "REJECT": ["b", "b"] });
    assert_eq!(app.vote("exec1", &task, repeated).await, "ok", "repeats in one list collapse");
    assert_eq!(app.on_its_way(&task).await["decisions"].as_array().map(Vec::len), Some(2));
}
