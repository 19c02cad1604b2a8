//! Policies beyond the three that clients of openIMIS know: percentages and weights.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;

use crate::support::scenario::{user_id, user_ids};
use crate::support::{TestApp, apply, on_both, stable};

const FIVE: [&str; 5] = ["exec1", "exec2", "exec3", "exec4", "exec5"];

/// Adds a group with a policy; returns its key.
async fn group_of(app: &TestApp, code: &str, kind: &str, threshold: i32, weights: &[(&str, i32)]) -> String {
    let users: Vec<&str> = weights.iter().map(|(name, _)| *name).collect();
    let weights: Vec<Value> =
        weights.iter().map(|(name, weight)| json!({ "userId": user_id(name), "weight": weight })).collect();
    let input = json!({
        "code": code, "completionPolicy": "N", "policy": { "kind": kind, "threshold": threshold },
        "userIds": user_ids(&users), "weights": weights,
    });
    let mut admin = app.user("admin").await;
    assert_eq!(admin.tried("createTaskGroup", input).await, "ok");
    let rows = admin.rows("taskGroup", &format!("(code: \"{code}\")"), "uuid").await;
    rows[0]["uuid"].as_str().expect("a key").to_owned()
}

/// What a group says of its policy.
async fn policy(app: &TestApp, group: &str) -> Value {
    let selection = "completionPolicy threshold policy { kind threshold } version";
    app.user("admin").await.rows("taskGroup", &format!("(id: \"{group}\")"), selection).await.remove(0)
}

fn said(kind: &str, threshold: i32, version: i32) -> Value {
    json!({ "completionPolicy": "N", "threshold": threshold, "policy": { "kind": kind, "threshold": threshold }, "version": version })
}

async fn update(app: &TestApp, group: &str, code: &str, more: Value) -> String {
    let mut input = json!({ "id": group, "code": code, "completionPolicy": "N" });
    for (name, value) in more.as_object().expect("an object") {
        input[name] = value.clone();
    }
    app.user("admin").await.tried("updateTaskGroup", input).await
}

/// How many approvals of how many people complete a task.
async fn approvals_needed(app: &TestApp, group: &str, voters: &[&str]) -> usize {
    let task = app.task_in(group).await;
    for (number, name) in voters.iter().enumerate() {
        assert_eq!(app.vote(name, &task, json!("APPROVED")).await, "ok");
        if app.status(&task).await == "COMPLETED" {
            return number + 1;
        }
    }
    panic!("{} are not enough", voters.len());
}

#[apply(on_both)]
async fn a_percentage_is_rounded_up_to_whole_people(app: TestApp) {
    for (percent, people, needed) in [
        (1, 5, 1),
        (20, 5, 1),
        (21, 5, 2),
        (60, 5, 3),
        (61, 5, 4),
        (100, 5, 5),
        (67, 3, 3),
        (66, 3, 2),
        (50, 1, 1),
    ] {
        let pool: Vec<(&str, i32)> = FIVE[..people].iter().map(|name| (*name, 1)).collect();
        let code = format!("P{percent}OF{people}");
        let group = group_of(&app, &code, "PERCENT", percent, &pool).await;
        assert_eq!(approvals_needed(&app, &group, &FIVE[..people]).await, needed, "{percent} % of {people}");
    }
}

#[apply(on_both)]
async fn weights_add_up_to_the_threshold(app: TestApp) {
    let group = group_of(&app, "WEIGHED", "WEIGHT", 4, &[("exec1", 3), ("exec2", 1), ("exec3", 2)]).await;
    assert_eq!(approvals_needed(&app, &group, &["exec1", "exec2"]).await, 2, "3 + 1");
    assert_eq!(approvals_needed(&app, &group, &["exec2", "exec3", "exec1"]).await, 3, "1 + 2 + 3");
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    let pool = app.on_its_way(&task).await["progress"]["pools"][0].clone();
    assert_eq!((&pool["needed"], &pool["has"]), (&json!(4), &json!(1)));
    assert_eq!(pool["policy"], json!({ "kind": "WEIGHT", "threshold": 4 }));
    // A person who is no executor here counts 1, whatever rights the person has.
    assert_eq!(app.vote("triage", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.on_its_way(&task).await["progress"]["pools"][0]["has"], 2);
    assert_eq!(app.on_its_way(&task).await["decisions"][1]["weight"], 1);
}

#[apply(on_both)]
async fn a_vote_counts_what_its_caster_weighed_when_it_was_cast(app: TestApp) {
    let group = group_of(&app, "KEPT", "WEIGHT", 4, &[("exec1", 3), ("exec2", 1)]).await;
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    let lighter = json!({ "weights": [{ "userId": user_id("exec1"), "weight": 1 }] });
    assert_eq!(update(&app, &group, "KEPT", lighter).await, "ok");
    let row = app.on_its_way(&task).await;
    assert_eq!(row["decisions"][0]["weight"], 3);
    assert_eq!(row["progress"]["pools"][0]["has"], 3);
    // A repeated vote changes nothing.
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.on_its_way(&task).await["progress"]["pools"][0]["has"], 3);
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
    // A new vote weighs what an executor weighs now.
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    let progress = app.on_its_way(&task).await["progress"].clone();
    assert_eq!(progress["pools"][0]["has"], 2);
    assert_eq!(progress["heldReason"], "TOO_FEW_EXECUTORS");
}

#[apply(on_both)]
async fn weights_are_kept_where_they_are_not_named_and_checked_where_they_are(app: TestApp) {
    let group = group_of(&app, "SEATS", "WEIGHT", 4, &[("exec1", 3), ("exec2", 2)]).await;
    let weights = async || {
        let selection = "taskexecutorSet { edges { node { weight version user { username } } } }";
        let row = app
            .user("admin")
            .await
            .rows("taskGroup", &format!("(id: \"{group}\")"), selection)
            .await
            .remove(0);
        let mut executors: Vec<(String, i64, i64)> = row["taskexecutorSet"]["edges"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|edge| {
                let node = &edge["node"];
                (
                    node["user"]["username"].as_str().expect("a name").to_owned(),
                    node["weight"].as_i64().expect("a weight"),
                    node["version"].as_i64().expect("a version"),
                )
            })
            .collect();
        executors.sort();
        executors
    };
    let executor = |name: &str, weight, version| (name.to_owned(), weight, version);
    assert_eq!(
        update(&app, &group, "SEATS", json!({ "userIds": user_ids(&["exec1", "exec2", "exec3"]) })).await,
        "ok"
    );
    assert_eq!(weights().await, [executor("exec1", 3, 1), executor("exec2", 2, 1), executor("exec3", 1, 1)]);
    let named = json!({ "weights": [{ "userId": user_id("exec3"), "weight": 1_000_000 }, { "userId": user_id("exec1"), "weight": 3 }] });
    assert_eq!(update(&app, &group, "SEATS", named).await, "ok");
    assert_eq!(
        weights().await,
        [executor("exec1", 3, 1), executor("exec2", 2, 1), executor("exec3", 1_000_000, 2)],
        "only what differs is written"
    );
    for weight in [0, -1, 1_000_001, i32::MAX, i32::MIN] {
        for more in [json!({}), json!({ "userIds": user_ids(&["exec1", "exec4"]) })] {
            for name in ["exec1", "exec4"] {
                let mut input = more.clone();
                input["weights"] = json!([{ "userId": user_id(name), "weight": weight }]);
                let refused = update(&app, &group, "SEATS", input).await;
                assert!(refused.starts_with("VALIDATION "), "{weight} of {name}: {refused}");
            }
        }
    }
    let nobody = json!({ "weights": [{ "userId": user_id("exec5"), "weight": 2 }] });
    let refused = update(&app, &group, "SEATS", nobody).await;
    assert!(refused.starts_with("VALIDATION "), "{refused}");
    assert_eq!(weights().await.len(), 3, "nothing is half done");
}

#[apply(on_both)]
async fn clients_that_know_three_policies_read_n_and_give_it_back_without_harm(app: TestApp) {
    let pool: Vec<(&str, i32)> = FIVE.iter().map(|name| (*name, 1)).collect();
    for (code, kind, threshold) in [("PC", "PERCENT", 60), ("WT", "WEIGHT", 4), ("NN", "N", 2)] {
        let group = group_of(&app, code, kind, threshold, &pool).await;
        assert_eq!(policy(&app, &group).await, said(kind, threshold, 1));
        for back in [
            json!({}),
            json!({ "threshold": threshold }),
            json!({ "threshold": null }),
            json!({ "policy": { "kind": kind, "threshold": threshold } }),
        ] {
            assert_eq!(update(&app, &group, code, back).await, "ok");
            assert_eq!(policy(&app, &group).await, said(kind, threshold, 1));
        }
        // A different threshold is a different policy: it counts people.
        assert_eq!(update(&app, &group, code, json!({ "threshold": 3 })).await, "ok");
        assert_eq!(policy(&app, &group).await, said("N", 3, 2));
        assert_eq!(
            update(&app, &group, code, json!({ "policy": { "kind": kind, "threshold": threshold } })).await,
            "ok"
        );
        assert_eq!(policy(&app, &group).await, said(kind, threshold, 3));
        assert_eq!(update(&app, &group, code, json!({ "completionPolicy": "ALL" })).await, "ok");
        let row = policy(&app, &group).await;
        assert_eq!(
            (&row["completionPolicy"], &row["threshold"], &row["policy"]["kind"]),
            (&json!("ALL"), &json!(null), &json!("ALL"))
        );
    }
}

#[apply(on_both)]
async fn a_policy_that_says_something_else_than_completion_policy_is_refused(app: TestApp) {
    let mut admin = app.user("admin").await;
    for (known, kind, threshold) in [
        ("ALL", "PERCENT", json!(50)),
        ("ANY", "WEIGHT", json!(2)),
        ("ALL", "N", json!(1)),
        ("N", "ALL", json!(null)),
        ("ANY", "ALL", json!(null)),
    ] {
        let query = "mutation($input: CreateTaskGroupMutationInput!) { createTaskGroup(input: $input) { internalId } }";
        let input = json!({ "code": "WRONG", "completionPolicy": known, "policy": { "kind": kind, "threshold": threshold } });
        let answer = admin.graphql_with(query, json!({ "input": input })).await;
        let refused = match answer.codes().first() {
            Some(code) => (*code).to_owned(),
            None => admin.outcome("createTaskGroup", input).await,
        };
        assert_eq!(refused, "VALIDATION", "{known} and {kind}: {}", answer.text);
    }
    assert_eq!(app.count("SELECT count(*) FROM task_management_taskgroup WHERE code = 'WRONG'"), 0);
    for kind in ["ALL", "ANY"] {
        let input = json!({ "code": kind, "completionPolicy": kind, "policy": { "kind": kind } });
        assert_eq!(admin.outcome("createTaskGroup", input).await, "ok");
    }
}

#[apply(on_both)]
async fn thresholds_are_checked(app: TestApp) {
    let mut admin = app.user("admin").await;
    let wrong = [
        ("PERCENT", json!(0)),
        ("PERCENT", json!(101)),
        ("PERCENT", json!(-1)),
        ("PERCENT", json!(null)),
        ("WEIGHT", json!(0)),
        ("WEIGHT", json!(-5)),
        ("WEIGHT", json!(i32::MAX)),
        ("WEIGHT", json!(null)),
        ("N", json!(0)),
    ];
    for (kind, threshold) in wrong {
        let input = json!({ "code": "RANGE", "completionPolicy": "N", "policy": { "kind": kind, "threshold": threshold }, "userIds": user_ids(&FIVE) });
        let refused = admin.tried("createTaskGroup", input).await;
        assert!(refused.starts_with("VALIDATION "), "{kind} {threshold}: {refused}");
    }
    let group = app.group("POOL", Any, &["exec1", "exec2"]).await;
    let steps = [
        (json!({ "policy": { "kind": "PERCENT", "threshold": 101 } }), "VALIDATION"),
        (json!({ "policy": { "kind": "PERCENT", "threshold": 0 } }), "VALIDATION"),
        (json!({ "policy": { "kind": "PERCENT" } }), "VALIDATION"),
        (json!({ "policy": { "kind": "WEIGHT", "threshold": 3 } }), "VALIDATION"),
        (json!({ "policy": { "kind": "N", "threshold": 3 } }), "VALIDATION"),
        (json!({ "completionPolicy": "N", "threshold": 3 }), "VALIDATION"),
        (json!({ "completionPolicy": "ALL", "threshold": 1 }), "VALIDATION"),
        (json!({ "threshold": 1 }), "VALIDATION"),
        (
            json!({ "completionPolicy": "ANY", "policy": { "kind": "PERCENT", "threshold": 50 } }),
            "VALIDATION",
        ),
        (json!({ "policy": { "kind": "PERCENT", "threshold": 100 } }), "ok"),
        (json!({ "policy": { "kind": "WEIGHT", "threshold": 2 } }), "ok"),
    ];
    for (number, (more, expected)) in steps.into_iter().enumerate() {
        let mut step = more.clone();
        step["taskGroupId"] = json!(group);
        let input = json!({ "code": format!("STEP{number}"), "steps": [step] });
        let verdict = admin.tried("createTaskFlow", input).await;
        assert!(verdict.starts_with(expected), "{more}: {verdict}");
    }
}

#[apply(on_both)]
async fn a_step_has_a_policy_of_its_own_or_that_of_its_group(app: TestApp) {
    let weighed = group_of(&app, "WEIGHED", "WEIGHT", 3, &[("exec1", 3), ("exec2", 1)]).await;
    let percent = group_of(&app, "PERCENT", "PERCENT", 50, &[("exec1", 1), ("exec2", 1), ("exec3", 1)]).await;
    let flow = app.flow_of(json!({ "code": "MIXED", "steps": [
        { "taskGroupId": weighed }, { "taskGroupId": percent, "policy": { "kind": "PERCENT", "threshold": 100 } },
    ]})).await;
    let known = [("weighed", weighed.as_str()), ("percent", &percent)];
    insta::assert_snapshot!("steps", stable(&app.flow_row(&flow).await["steps"], &known));
    let task = app.task_on(&flow).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.place(&task).await.1, Some(2), "a weight of 3 is enough");
    for (name, status) in [("exec1", "ACCEPTED"), ("exec2", "ACCEPTED"), ("exec3", "COMPLETED")] {
        assert_eq!(app.vote(name, &task, json!("APPROVED")).await, "ok");
        assert_eq!(app.status(&task).await, status);
    }
}

#[apply(on_both)]
async fn clients_that_know_three_policies_give_the_steps_of_a_flow_back_without_harm(app: TestApp) {
    let pool: Vec<(&str, i32)> = FIVE.iter().map(|name| (*name, 1)).collect();
    let one = group_of(&app, "ONE", "N", 2, &pool).await;
    let two = group_of(&app, "TWO", "N", 2, &pool).await;
    let flow = app
        .flow_of(json!({ "code": "READ", "steps": [
            { "taskGroupId": one, "policy": { "kind": "PERCENT", "threshold": 60 } },
            { "taskGroupId": two, "policy": { "kind": "WEIGHT", "threshold": 4 } },
        ]}))
        .await;
    let steps = app.flow_row(&flow).await["steps"].clone();
    let back: Vec<Value> = steps.as_array().expect("a list").iter().map(|step| json!({
        "taskGroupId": step["taskGroup"]["uuid"], "completionPolicy": step["completionPolicy"], "threshold": step["threshold"],
    })).collect();
    let mut admin = app.user("admin").await;
    assert_eq!(
        admin.tried("updateTaskFlow", json!({ "id": flow, "name": "Read", "steps": back })).await,
        "ok"
    );
    assert_eq!(app.flow_row(&flow).await["steps"], steps);
    assert_eq!(admin.tried("replaceTaskFlow", json!({ "id": flow, "steps": back })).await, "ok");
    let head =
        admin.rows("taskFlow", "(code: \"READ\")", "version steps { policy { kind threshold } }").await;
    assert_eq!(head[0]["version"], 3, "created, renamed, replaced");
    assert_eq!(head[0]["steps"][0]["policy"], json!({ "kind": "PERCENT", "threshold": 60 }));
    assert_eq!(head[0]["steps"][1]["policy"], json!({ "kind": "WEIGHT", "threshold": 4 }));
}
