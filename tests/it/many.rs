//! Many at once: what is done, what is refused, and what a repeat is told.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::{
    BulkMode, CreateTask, Error, ErrorCode, Message, ResolveTask, SeenTask, Signal, Signals,
};

use crate::statements::sent;
use crate::support::scenario::{key, parsed, user_id};
use crate::support::{Client, apply, on_both};

const UNKNOWN: &str = "00000000-0000-7000-b000-000000000009";

fn item(who: &str, task: &str) -> Value {
    json!({ "id": task, "businessStatus": json!({ user_id(who): "APPROVED" }).to_string() })
}

/// What a mutation of many items answers: the status in the journal, the code of its error, and of each item `ok` or the code.
async fn many(client: &mut Client, name: &str, input: Value) -> (i64, Value, Vec<String>) {
    let input_type = format!("{}{}MutationInput", name[..1].to_uppercase(), &name[1..]);
    let query = format!(
        "mutation($input: {input_type}!) {{ {name}(input: $input) {{ internalId outcomes {{ id ok code message }} }} }}"
    );
    let answer = client.graphql_with(&query, json!({ "input": input })).await;
    let payload = answer.data(name).clone();
    let id = payload["internalId"].as_str().unwrap_or_else(|| panic!("{}", answer.text));
    let entry =
        client.rows("mutationLogs", &format!("(id: \"{id}\")"), "status error jsonExt").await.remove(0);
    let outcomes = payload["outcomes"].as_array().map_or(&[][..], Vec::as_slice);
    if payload["outcomes"].is_null() {
        assert_eq!(entry["status"], 1, "refused as a whole");
    } else {
        assert_eq!(parsed(&entry["jsonExt"])["outcomes"], payload["outcomes"], "the journal keeps them");
    }
    for outcome in outcomes {
        assert_eq!(outcome["ok"] == true, outcome["message"].is_null(), "{outcome}");
    }
    let words = outcomes.iter().map(|outcome| outcome["code"].as_str().unwrap_or("ok").to_owned()).collect();
    (entry["status"].as_i64().expect("a status"), parsed(&entry["error"])[0]["code"].clone(), words)
}

#[apply(on_both)]
async fn each_vote_stands_alone_and_the_outcomes_come_in_the_order_of_the_items(app: TestApp) {
    let group = app.group("EACH", Any, &["exec1"]).await;
    let other = app.group("HIDDEN", Any, &["exec4"]).await;
    let (one, two, three) = (app.task_in(&group).await, app.task_in(&group).await, app.task_in(&group).await);
    let hidden = app.task_in(&other).await;
    app.approve("exec1", &two).await;
    let foreign =
        json!({ "id": three, "businessStatus": json!({ user_id("exec2"): "APPROVED" }).to_string() });
    let mut exec1 = app.user("exec1").await;
    let items = json!([
        item("exec1", &three),
        item("exec1", &hidden),
        foreign,
        item("exec1", UNKNOWN),
        item("exec1", &two),
        item("exec1", &one)
    ]);
    let (status, _, outcomes) =
        many(&mut exec1, "resolveTasks", json!({ "items": items, "mode": "EACH" })).await;
    // The first vote on the third task decides it, before the second one is looked at.
    assert_eq!(outcomes, ["ok", "NOT_FOUND", "CONFLICT", "NOT_FOUND", "CONFLICT", "ok"]);
    assert_eq!(status, 2, "some went well");
    for (task, status) in
        [(&one, "COMPLETED"), (&two, "COMPLETED"), (&three, "COMPLETED"), (&hidden, "ACCEPTED")]
    {
        assert_eq!(app.status(task).await, status);
    }
}

#[apply(on_both)]
async fn what_is_refused_leaves_nothing_behind(app: TestApp) {
    // A handler that writes before it refuses: the savepoint of the item takes that back.
    let refused: Arc<Mutex<Option<String>>> = Arc::default();
    let which = Arc::clone(&refused);
    let signals = Signals::builder().within(Signal::TaskComplete, move |_, event| {
        if which.lock().expect("nobody panicked").as_deref() == Some(event.entity_id.to_string().as_str()) {
            return Err(Error::new(ErrorCode::Conflict, Message::words("not this one")));
        }
        Ok(())
    });
    let app = app.another_process_with(|_| {}, |builder| builder.signals(signals));
    let group = app.group("HALF", Any, &["exec1"]).await;
    let (one, two) = (app.task_in(&group).await, app.task_in(&group).await);
    *refused.lock().expect("nobody panicked") = Some(one.clone());
    let mut exec1 = app.user("exec1").await;
    let items = json!([item("exec1", &one), item("exec1", &two)]);
    let (status, _, outcomes) = many(
        &mut exec1,
        "resolveTasks",
        json!({ "items": items, "mode": "EACH", "clientMutationId": "half" }),
    )
    .await;
    assert_eq!((status, outcomes), (2, vec!["CONFLICT".to_owned(), "ok".to_owned()]));
    assert_eq!((app.status(&one).await.as_str(), app.status(&two).await.as_str()), ("ACCEPTED", "COMPLETED"));
    let votes = format!("SELECT count(*) FROM task_management_taskdecision WHERE task_id = '{one}'");
    assert_eq!(app.count(&votes), 0);
    let touched = exec1.rows("task", "(clientMutationId: \"half\")", "uuid").await;
    assert_eq!(touched, [json!({ "uuid": two })], "the journal is linked to what was done");
}

#[apply(on_both)]
async fn of_all_or_none_one_refusal_undoes_the_others_and_each_is_told(app: TestApp) {
    let group = app.group("ALL", Any, &["exec1"]).await;
    let (one, two, done) = (app.task_in(&group).await, app.task_in(&group).await, app.task_in(&group).await);
    app.approve("exec1", &done).await;
    let before = app.row_counts();
    let mut exec1 = app.user("exec1").await;
    let items = json!([item("exec1", &one), item("exec1", &done), item("exec1", &two)]);
    for input in [json!({ "items": items, "mode": "ALL" }), json!({ "items": items })] {
        let (status, code, outcomes) = many(&mut exec1, "resolveTasks", input).await;
        assert_eq!((status, code), (1, json!("CONFLICT")));
        assert_eq!(outcomes, ["CONFLICT", "CONFLICT", "CONFLICT"]);
    }
    for ((table, then), (_, now)) in before.iter().zip(app.row_counts()) {
        assert_eq!(now, then + 2 * i64::from(*table == "core_mutationlog"), "{table}");
    }
    let items = json!([item("exec1", &one), item("exec1", &two)]);
    let (status, _, outcomes) = many(&mut exec1, "resolveTasks", json!({ "items": items })).await;
    assert_eq!((status, outcomes), (2, vec!["ok".to_owned(), "ok".to_owned()]));
}

#[apply(on_both)]
async fn if_none_went_well_the_mutation_failed_with_the_first_reason(app: TestApp) {
    let mut exec1 = app.user("exec1").await;
    let task = app.task(CreateTask::default()).await;
    let items = json!([item("exec1", &task), item("exec1", UNKNOWN)]);
    let (status, code, outcomes) =
        many(&mut exec1, "resolveTasks", json!({ "items": items, "mode": "EACH" })).await;
    assert_eq!((status, code), (1, json!("NOT_FOUND")));
    assert_eq!(outcomes, ["NOT_FOUND", "NOT_FOUND"]);
    let (status, _, outcomes) =
        many(&mut exec1, "resolveTasks", json!({ "items": [], "mode": "EACH" })).await;
    assert_eq!((status, outcomes.len()), (2, 0), "nothing was asked for");
}

#[apply(on_both)]
async fn a_repeat_is_answered_with_the_same_outcomes_and_does_nothing(app: TestApp) {
    let group = app.group("AGAIN", All, &["exec1", "exec2"]).await;
    let (one, two) = (app.task_in(&group).await, app.task_in(&group).await);
    let mut exec1 = app.user("exec1").await;
    for (mode, id, expected) in
        [("EACH", "each", ["ok", "NOT_FOUND"]), ("ALL", "all", ["CONFLICT", "NOT_FOUND"])]
    {
        let task = if mode == "EACH" { &one } else { &two };
        let items = json!([item("exec1", task), item("exec1", UNKNOWN)]);
        let input = json!({ "items": items, "mode": mode, "clientMutationId": id });
        let first = many(&mut exec1, "resolveTasks", input.clone()).await;
        assert_eq!(first.2, expected);
        let before = app.row_counts();
        assert_eq!(many(&mut exec1, "resolveTasks", input).await, first);
        assert_eq!(app.row_counts(), before);
    }
    let other = json!({ "items": [item("exec1", &two)], "mode": "EACH", "clientMutationId": "each" });
    let query = "mutation($input: ResolveTasksMutationInput!) { resolveTasks(input: $input) { internalId } }";
    assert_eq!(exec1.graphql_with(query, json!({ "input": other })).await.codes(), ["CONFLICT"]);
}

#[apply(on_both)]
async fn items_are_bounded_and_say_what_was_seen(app: TestApp) {
    let group = app.group("BOUND", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    let few = app.another_process_with(|settings| settings.limits.list_length = 2, |builder| builder);
    let three = json!({ "items": [item("exec1", &task), item("exec1", &task), item("exec1", &task)], "mode": "EACH" });
    assert_eq!(few.refused("exec1", "resolveTasks", three).await, "LIMIT items");
    assert_eq!(few.refused("admin", "deleteTask", json!({ "ids": [task, task, task] })).await, "LIMIT ids");
    assert_eq!(
        few.refused("admin", "reEvaluateTasks", json!({ "ids": [task, task, task] })).await,
        "LIMIT ids"
    );
    let mut old = item("exec1", &task);
    old["expectedVersion"] = json!(7);
    let mut exec1 = app.user("exec1").await;
    let (.., outcomes) = many(&mut exec1, "resolveTasks", json!({ "items": [old], "mode": "EACH" })).await;
    assert_eq!(outcomes, ["CONFLICT"]);
    // The data changes with the first vote of another; the version does, the hash does not.
    let rows = exec1.rows("task", &format!("(id: \"{task}\")"), "dataHash").await;
    app.approve("exec2", &task).await;
    let mut seen = item("exec1", &task);
    seen["expectedDataHash"] = rows[0]["dataHash"].clone();
    let (.., outcomes) = many(&mut exec1, "resolveTasks", json!({ "items": [seen], "mode": "EACH" })).await;
    assert_eq!((outcomes, app.status(&task).await), (vec!["ok".to_owned()], "COMPLETED".to_owned()));
}

#[apply(on_both)]
async fn a_task_may_be_named_for_two_steps_that_are_asked_at_once(app: TestApp) {
    let (one, two) = (app.group("L", All, &["exec1"]).await, app.group("R", All, &["exec1", "exec2"]).await);
    let flow = app
        .flow_of(json!({ "code": "TWICE", "steps": [{ "taskGroupId": one, "order": 1 }, { "taskGroupId": two, "order": 1 }]}))
        .await;
    let task = app.task_on(&flow).await;
    let mut items = [item("exec1", &task), item("exec1", &task), item("exec1", &task)];
    items[0]["stepId"] = json!(app.step(&flow, 0).await);
    items[1]["stepId"] = json!(app.step(&flow, 1).await);
    let mut exec1 = app.user("exec1").await;
    let (_, _, outcomes) = many(&mut exec1, "resolveTasks", json!({ "items": items, "mode": "EACH" })).await;
    assert_eq!(outcomes, ["ok", "ok", "ok"], "the third repeats the second");
    let pools = app.on_its_way(&task).await["progress"]["pools"].clone();
    assert_eq!(
        (pools.as_array().map(Vec::len), &pools[0]["has"]),
        (Some(1), &json!(1)),
        "the first step has passed"
    );
}

#[apply(on_both)]
async fn many_are_deleted_or_weighed_again_each_for_itself(app: TestApp) {
    let group = app.group("GONE", Any, &["exec1"]).await;
    let (one, two, done) = (app.task_in(&group).await, app.task_in(&group).await, app.task_in(&group).await);
    app.approve("exec1", &done).await;
    let mut admin = app.user("admin").await;
    let ids = json!([two, done, UNKNOWN, one, two]);
    let (status, _, outcomes) =
        many(&mut admin, "reEvaluateTasks", json!({ "ids": ids, "mode": "EACH" })).await;
    assert_eq!(
        (status, outcomes.as_slice()),
        (2, ["ok", "CONFLICT", "NOT_FOUND", "ok", "ok"].map(str::to_owned).as_slice()),
        "what is named twice is done once, and told twice"
    );
    let (status, code, outcomes) = many(&mut admin, "deleteTask", json!({ "ids": ids })).await;
    assert_eq!((status, outcomes.len()), (1, 5), "{code}");
    assert_eq!(app.status(&one).await, "ACCEPTED", "all or none, as before");
    let (status, _, outcomes) = many(&mut admin, "deleteTask", json!({ "ids": ids, "mode": "EACH" })).await;
    assert_eq!(
        (status, outcomes.as_slice()),
        (2, ["ok", "CONFLICT", "NOT_FOUND", "ok", "ok"].map(str::to_owned).as_slice())
    );
    assert_eq!((app.status(&one).await.as_str(), app.status(&done).await.as_str()), ("gone", "COMPLETED"));
    let mut exec1 = app.user("exec1").await;
    let (status, code, outcomes) =
        many(&mut exec1, "deleteTask", json!({ "ids": [done], "mode": "EACH" })).await;
    assert_eq!(
        (status, code, outcomes.len()),
        (1, json!("FORBIDDEN"), 0),
        "without the right no item is looked at"
    );
}

#[apply(on_both)]
async fn hosts_do_many_at_once_too(app: TestApp) {
    let group = app.group("HOST", Any, &["admin"]).await;
    let (one, two) = (key(&app.task_in(&group).await), key(&app.task_in(&group).await));
    let admin = app.module.requester("admin").await.expect("an admin");
    let status = json!({ admin.id().to_string(): "APPROVED" });
    let vote = |id| ResolveTask { id, business_status: status.clone().into(), ..ResolveTask::default() };
    let outcomes =
        app.module.tasks().resolve_tasks(&admin, vec![vote(one), vote(key(UNKNOWN))], BulkMode::Each).await;
    let outcomes = outcomes.expect("one went well");
    assert_eq!((outcomes[0].ok, outcomes[1].code.as_deref()), (true, Some("NOT_FOUND")));
    assert!(
        app.module.tasks().resolve_tasks(&admin, vec![vote(two), vote(one)], BulkMode::All).await.is_err()
    );
    let outcomes =
        app.module.tasks().delete_each(&admin, vec![SeenTask::from(one), SeenTask::from(two)]).await;
    let outcomes = outcomes.expect("one went well");
    assert_eq!((outcomes[0].ok, outcomes[1].ok), (false, true));
}

#[apply(on_both)]
async fn votes_in_opposite_orders_at_the_same_moment_do_not_block_each_other(app: TestApp) {
    let other = app.another_process();
    let group = app.group("CROSS", All, &["exec1", "exec2"]).await;
    let (mut exec1, mut exec2) = (app.user("exec1").await, other.user("exec2").await);
    for _ in 0..5 {
        let mut tasks = Vec::new();
        for _ in 0..6 {
            tasks.push(app.task_in(&group).await);
        }
        let items = |who: &str| tasks.iter().map(|task| item(who, task)).collect::<Vec<_>>();
        let (forth, mut back) = (items("exec1"), items("exec2"));
        back.reverse();
        let (one, two) = tokio::join!(
            many(&mut exec1, "resolveTasks", json!({ "items": forth, "mode": "ALL" })),
            many(&mut exec2, "resolveTasks", json!({ "items": back, "mode": "EACH" })),
        );
        assert_eq!((one.0, two.0), (2, 2), "{one:?} {two:?}");
        for task in &tasks {
            assert_eq!(app.status(task).await, "COMPLETED", "no vote is lost");
        }
    }
}

#[apply(on_both)]
async fn votes_together_send_at_most_half_of_the_statements_of_single_ones(app: TestApp) {
    let group = app.group("COUNT", All, &["exec1", "exec2"]).await;
    let mut tasks = Vec::new();
    for _ in 0..20 {
        tasks.push(app.task_in(&group).await);
    }
    let counted = app.counted_process();
    let mut exec1 = counted.user("exec1").await;
    assert_eq!(exec1.outcome("resolveTask", item("exec1", &tasks[0])).await, "ok");
    sent(&counted);
    for task in &tasks[1..10] {
        assert_eq!(exec1.outcome("resolveTask", item("exec1", task)).await, "ok");
    }
    let single = sent(&counted).len();
    let items: Vec<Value> = tasks[11..].iter().map(|task| item("exec1", task)).collect();
    assert_eq!(exec1.outcome("resolveTasks", json!({ "items": items })).await, "ok");
    let together = sent(&counted).len();
    assert!(2 * together <= single, "{together} for nine votes together, {single} for nine single ones");
}
