//! A vote is bound to what was voted on: when that changes, the vote no longer counts, and is shown as stale.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any, N};
use tasks_management::CreateTask;

use crate::support::scenario::{each, key, parsed, user_id};
use crate::support::{TestApp, apply, on_both};

/// Adds a task that proposes something, which a group decides on.
async fn proposal(app: &TestApp, group: &str, data: Value) -> String {
    app.task(CreateTask { task_group_id: Some(key(group)), data: Some(data.into()), ..CreateTask::default() })
        .await
}

/// The votes on a task as the task shows them: who, and whether they are stale.
async fn votes(app: &TestApp, task: &str) -> Vec<(String, bool)> {
    let row = app.on_its_way(task).await;
    let votes = row["decisions"].as_array().expect("a list").iter();
    votes
        .map(|vote| {
            let name = vote["user"]["username"].as_str().expect("a name");
            (name.to_owned(), vote["isStale"].as_bool().expect("yes or no"))
        })
        .collect()
}

fn said(votes: &[(&str, bool)]) -> Vec<(String, bool)> {
    votes.iter().map(|(name, stale)| ((*name).to_owned(), *stale)).collect()
}

/// How many votes on a task a list gives.
async fn listed(app: &TestApp, task: &str, filter: &str) -> usize {
    app.user("admin").await.rows("taskDecision", &format!("(taskId: \"{task}\"{filter})"), "uuid").await.len()
}

#[apply(on_both)]
async fn a_vote_records_the_hash_of_what_was_voted_on(app: TestApp) {
    let group = app.group("HASHED", All, &["exec1", "exec2"]).await;
    let empty = proposal(&app, &group, json!({})).await;
    assert_eq!(app.vote("exec1", &empty, json!("APPROVED")).await, "ok");
    let hash = app.on_its_way(&empty).await["decisions"][0]["dataHash"].clone();
    // The hash of the two bytes `{}`, as anybody can compute.
    assert_eq!(hash, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    let mut hashes = Vec::new();
    for data in [
        json!({ "b": 1, "a": [1.5, "é"] }),
        json!({ "a": [1.5, "é"], "b": 1 }),
        json!({ "a": [1.5, "e"], "b": 1 }),
    ] {
        let task = proposal(&app, &group, data).await;
        assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
        hashes.push(app.on_its_way(&task).await["decisions"][0]["dataHash"].clone());
    }
    assert_eq!(hashes[0], hashes[1], "the order of keys says nothing");
    assert_ne!(hashes[0], hashes[2]);
}

#[apply(on_both)]
async fn what_changes_after_a_vote_makes_the_vote_stale_and_it_counts_no_more(app: TestApp) {
    let group = app.group("CHANGED", All, &["exec1", "exec2"]).await;
    let task = proposal(&app, &group, json!({ "amount": 1 })).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.propose("admin", &task, json!({ "amount": 2 })).await, "ok");
    let row = app.on_its_way(&task).await;
    assert_eq!(row["status"], "ACCEPTED");
    assert_eq!(parsed(&row["businessStatus"]), json!({}), "the front end offers the buttons again");
    assert_eq!(votes(&app, &task).await, said(&[("exec1", true)]));
    let pool = &row["progress"]["pools"][0];
    assert_eq!((&pool["has"], &pool["votes"]), (&json!(0), &json!([])));
    assert_eq!(pool["missing"].as_array().map(Vec::len), Some(2));
    assert_eq!(listed(&app, &task, ", isStale: true").await, 1);
    assert_eq!(listed(&app, &task, ", isStale: false").await, 0);
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "ACCEPTED", "the stale vote is not counted");
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok", "one can vote again");
    assert_eq!(app.status(&task).await, "COMPLETED");
    assert_eq!(votes(&app, &task).await, said(&[("exec1", true), ("exec2", false), ("exec1", false)]));
    assert_eq!(listed(&app, &task, ", isStale: false").await, 2);
}

#[apply(on_both)]
async fn the_change_is_in_the_history_with_its_reason(app: TestApp) {
    let group = app.group("TOLD", All, &["exec1", "exec2", "exec3"]).await;
    let task = proposal(&app, &group, json!({ "amount": 1 })).await;
    for name in ["exec1", "exec2"] {
        assert_eq!(app.vote(name, &task, json!("APPROVED")).await, "ok");
    }
    assert_eq!(app.propose("triage", &task, json!({ "amount": 2 })).await, "ok");
    let versions = app.versions("task", &task, "data historyChangeReason").await;
    assert_eq!(each(&versions, "version"), [1, 2, 3, 4]);
    let last = versions.last().expect("four of them");
    assert_eq!(parsed(&last["data"]), json!({ "amount": 2 }));
    assert_eq!(last["historyUser"]["username"], "triage");
    let reason = last["historyChangeReason"].as_str().expect("a reason");
    assert!(reason.contains('2') && reason.contains("stale"), "{reason}");
    let of_votes = format!(
        "SELECT count(*) FROM task_management_historicaltaskdecision WHERE task_id = '{task}' AND version = 2 AND is_stale"
    );
    assert_eq!(app.count(&of_votes), 2, "each vote has a version that says so");
}

#[apply(on_both)]
async fn a_flow_begins_again_at_its_first_step(app: TestApp) {
    let one = app.group("ONE", Any, &["exec1"]).await;
    let two = app.group("TWO", Any, &["exec2"]).await;
    let three = app.group("THREE", All, &["exec2", "exec3"]).await;
    let flow = app
        .flow_of(json!({ "code": "AGAIN", "steps": [
            { "taskGroupId": one }, { "taskGroupId": two, "order": 2 }, { "taskGroupId": three, "order": 2 },
        ]}))
        .await;
    let task = app
        .task(CreateTask {
            flow_id: Some(key(&flow)),
            data: Some(json!({ "amount": 1 }).into()),
            ..CreateTask::default()
        })
        .await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.place(&task).await, ("ACCEPTED".to_owned(), Some(2), vec!["THREE".to_owned()]));
    assert_eq!(app.propose("admin", &task, json!({ "amount": 2 })).await, "ok");
    assert_eq!(app.place(&task).await, ("ACCEPTED".to_owned(), Some(1), vec!["ONE".to_owned()]));
    let row = app.on_its_way(&task).await;
    assert_eq!((&row["taskGroup"]["code"], &row["progress"]["passedCount"]), (&json!("ONE"), &json!(0)));
    assert_eq!(app.vote("exec3", &task, json!("APPROVED")).await, "NOT_FOUND", "asked no more");
    for name in ["exec1", "exec2"] {
        assert_eq!(app.vote(name, &task, json!("APPROVED")).await, "ok", "{name} again");
    }
    assert_eq!(app.place(&task).await, ("ACCEPTED".to_owned(), Some(2), vec!["THREE".to_owned()]));
    assert_eq!(app.vote("exec3", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
    let stale = votes(&app, &task).await.into_iter().filter(|(_, stale)| *stale).count();
    assert_eq!(stale, 3);
    let versions = app.versions("task", &task, "status").await;
    let numbers: Vec<Value> = (1..=versions.len()).map(|number| json!(number)).collect();
    assert_eq!(each(&versions, "version"), numbers);
}

#[apply(on_both)]
async fn the_same_data_written_otherwise_is_no_change(app: TestApp) {
    let group = app.group("SAME", All, &["exec1", "exec2"]).await;
    let task = proposal(&app, &group, json!({ "a": 1, "b": [true, null] })).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    let input = json!({ "id": task, "data": "{ \"b\" : [ true, null ], \"a\" : 1 }" });
    assert_eq!(app.user("admin").await.tried("updateTask", input).await, "ok");
    assert_eq!(app.task_row(&task).await["version"], 2);
    assert_eq!(votes(&app, &task).await, said(&[("exec1", false)]));
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn only_the_maker_and_the_privileged_change_what_is_proposed(app: TestApp) {
    app.add_maker().await;
    let group = app.group_with("GUARDED", All, None, &["exec1", "exec2"], &["guarded"]).await;
    let mut maker = app.user("maker").await;
    assert_eq!(
        maker.outcome("createTask", json!({ "source": "guarded", "data": "{\"amount\":1}" })).await,
        "ok"
    );
    let task = maker.rows("task", "(source: \"guarded\")", "uuid").await[0]["uuid"]
        .as_str()
        .expect("a key")
        .to_owned();
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    let refused = app.propose("exec2", &task, json!({ "amount": 9 })).await;
    assert!(refused.starts_with("FORBIDDEN "), "who decides does not decide what on: {refused}");
    assert_eq!(app.propose("exec2", &task, json!({ "amount": 1 })).await, "ok", "nothing changes");
    assert_eq!(votes(&app, &task).await, said(&[("exec1", false)]));
    assert_eq!(app.propose("maker", &task, json!({ "amount": 2 })).await, "ok");
    assert_eq!(app.propose("triage", &task, json!({ "amount": 3 })).await, "ok");
    assert_eq!(votes(&app, &task).await, said(&[("exec1", true)]));
    let others = proposal(&app, &group, json!({ "amount": 1 })).await;
    let refused = app.propose("maker", &others, json!({ "amount": 2 })).await;
    assert!(refused.starts_with("FORBIDDEN "), "the maker of another task: {refused}");
}

#[apply(on_both)]
async fn a_decided_task_proposes_what_it_proposed(app: TestApp) {
    let group = app.group("DONE", Any, &["exec1"]).await;
    let task = proposal(&app, &group, json!({ "amount": 1 })).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    let refused = app.propose("admin", &task, json!({ "amount": 2 })).await;
    assert!(refused.starts_with("CONFLICT "), "{refused}");
    assert_eq!(votes(&app, &task).await, said(&[("exec1", false)]));
}

#[apply(on_both)]
async fn data_that_was_changed_past_the_service_unbinds_votes_all_the_same(app: TestApp) {
    let group = app.group("BEHIND", All, &["exec1", "exec2"]).await;
    let task = proposal(&app, &group, json!({ "amount": 1 })).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    app.run(&format!("UPDATE task_management_task SET data = '{{\"amount\":1000}}' WHERE id = '{task}'"));
    assert_eq!(votes(&app, &task).await, said(&[("exec1", true)]));
    assert_eq!(app.on_its_way(&task).await["progress"]["pools"][0]["has"], 0);
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "ACCEPTED", "the vote on other data is not counted");
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok", "one can vote again");
    assert_eq!(app.status(&task).await, "COMPLETED");
    assert_eq!(votes(&app, &task).await, said(&[("exec1", true), ("exec2", false), ("exec1", false)]));
    assert_eq!(listed(&app, &task, ", isStale: true").await, 1, "the ledger says so by itself");
}

#[apply(on_both)]
async fn a_flow_whose_data_was_changed_past_the_service_begins_again_before_anybody_goes_on(app: TestApp) {
    let one = app.group("ONE", Any, &["exec1"]).await;
    let two = app.group("TWO", Any, &["exec2"]).await;
    let task = app.task_on(&app.flow("LAYERS", &[&one, &two]).await).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    app.run(&format!("UPDATE task_management_task SET data = '{{\"amount\":1000}}' WHERE id = '{task}'"));
    let refused = app.vote_with("exec2", &task, json!("APPROVED"), json!({})).await;
    assert!(refused.starts_with("CONFLICT ") && refused.contains("re-evaluate"), "{refused}");
    assert_eq!(app.weigh_again(&task).await, "ok");
    assert_eq!(app.place(&task).await, ("ACCEPTED".to_owned(), Some(1), vec!["ONE".to_owned()]));
    for who in ["exec1", "exec2"] {
        assert_eq!(app.vote(who, &task, json!("APPROVED")).await, "ok");
    }
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn json_that_a_database_writes_in_its_own_way_keeps_its_hash(app: TestApp) {
    let group = app.group("NUMBERS", All, &["exec1", "exec2"]).await;
    for text in [
        "{\"n\": 1e2}",
        "{\"n\": 1.50}",
        "{\"n\": -0.0}",
        "{\"n\": 1e30}",
        "{\"n\": 1e-7}",
        "{\"n\": 18446744073709551616}",
        "{\"zz\": 1, \"b\": 2, \"aaa\": 3}",
    ] {
        let input = json!({ "data": text, "source": text, "taskGroupId": group });
        let mut admin = app.user("admin").await;
        assert_eq!(admin.outcome("createTask", input).await, "ok", "{text}");
        let source = text.replace('"', "\\\"");
        let task = admin.rows("task", &format!("(source: \"{source}\")"), "uuid").await[0]["uuid"]
            .as_str()
            .expect("a key")
            .to_owned();
        assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
        let mut same = admin.clone();
        assert_eq!(same.outcome("updateTask", json!({ "id": task, "data": text })).await, "ok", "{text}");
        assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
        assert_eq!(app.status(&task).await, "COMPLETED", "{text}");
    }
}

#[apply(on_both)]
async fn a_task_that_is_given_to_another_group_is_decided_by_that_group(app: TestApp) {
    let one = app.group_with("ONE", N, Some(2), &["exec1", "exec2"], &[]).await;
    let two = app.group_with("TWO", N, Some(2), &["exec1", "exec3"], &[]).await;
    let task = app.task_in(&one).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    let give = json!({ "id": task, "taskGroupId": two });
    assert_eq!(app.user("triage").await.outcome("updateTask", give.clone()).await, "ok");
    assert_eq!(votes(&app, &task).await, said(&[("exec1", true)]));
    assert_eq!(parsed(&app.task_row(&task).await["businessStatus"]), json!({}));
    assert_eq!(app.vote("exec3", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "ACCEPTED");
    // Assigning the task to the same group again changes nothing.
    assert_eq!(app.user("triage").await.outcome("updateTask", give).await, "ok");
    assert_eq!(votes(&app, &task).await, said(&[("exec1", true), ("exec3", false)]));
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn records_voted_on_are_stale_too_and_rejections_of_them_are_gone(app: TestApp) {
    let group = app.group_with("RECORDS", N, Some(2), &["exec1", "exec2"], &[]).await;
    let flow = app.flow("BATCH", &[&group]).await;
    let task = app
        .task(CreateTask {
            source: Some("import_valid_items".to_owned()),
            flow_id: Some(key(&flow)),
            data: Some(json!({ "rows": 2 }).into()),
            ..CreateTask::default()
        })
        .await;
    assert_eq!(app.vote("exec1", &task, json!({ "ACCEPT": ["1"], "REJECT": ["2"] })).await, "ok");
    assert_eq!(app.on_its_way(&task).await["rejectedRecordIds"], json!(["2"]));
    assert_eq!(app.propose("admin", &task, json!({ "rows": 3 })).await, "ok");
    let row = app.on_its_way(&task).await;
    assert_eq!(row["rejectedRecordIds"], json!([]));
    assert_eq!(votes(&app, &task).await, said(&[("exec1", true), ("exec1", true)]));
    assert_eq!(app.vote("exec1", &task, json!({ "ACCEPT": ["1", "2"] })).await, "ok");
    assert_eq!(app.vote("exec2", &task, json!({ "ACCEPT": ["1"], "REJECT": ["3"] })).await, "ok");
    let row = app.on_its_way(&task).await;
    assert_eq!((&row["status"], &row["rejectedRecordIds"]), (&json!("COMPLETED"), &json!(["3"])));
}

#[apply(on_both)]
async fn who_decided_a_step_whose_votes_are_stale_may_decide_another(app: TestApp) {
    let one = app.group("ONE", Any, &["exec1", "exec2"]).await;
    let two = app.group("TWO", Any, &["exec1"]).await;
    let flow = app
        .flow_of(json!({ "code": "FRESH", "steps": [
            { "taskGroupId": one }, { "taskGroupId": two, "distinctDeciders": true },
        ]}))
        .await;
    let task = app.task_on(&flow).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.on_its_way(&task).await["progress"]["heldReason"], "NOBODY_MAY_DECIDE");
    assert_eq!(app.propose("admin", &task, json!({ "amount": 2 })).await, "ok");
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn a_change_of_data_and_of_the_verdict_race_without_loss(app: TestApp) {
    let other = app.another_process();
    let group = app.group("RACE", All, &["exec1", "exec2"]).await;
    let (exec1, admin) = (app.user("exec1").await, other.user("admin").await);
    for round in 0..10 {
        let task = proposal(&app, &group, json!({ "amount": 1 })).await;
        let vote =
            json!({ "id": task, "businessStatus": json!({ user_id("exec1"): "APPROVED" }).to_string() });
        let change = json!({ "id": task, "data": json!({ "amount": 2 + round }).to_string() });
        let (mut one, mut two) = (exec1.clone(), admin.clone());
        let (voted, changed) = tokio::join!(
            tokio::spawn(async move { one.outcome("resolveTask", vote).await }),
            tokio::spawn(async move { two.outcome("updateTask", change).await }),
        );
        assert_eq!((voted.expect("it runs").as_str(), changed.expect("it runs").as_str()), ("ok", "ok"));
        // The vote is on the old data, and stale, or on the new data, and counts.
        let row = app.on_its_way(&task).await;
        let is_stale = row["decisions"][0]["isStale"].as_bool().expect("yes or no");
        let has = row["progress"]["pools"][0]["has"].as_i64();
        assert_eq!(has, Some(i64::from(!is_stale)), "round {round}");
    }
}
