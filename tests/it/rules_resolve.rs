//! The rules of `resolveTask`: who votes, what a vote may say, and what it decides.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any, N};
use tasks_management::CreateTask;

use crate::support::scenario::{each, key, parsed, user_id};
use crate::support::{TestApp, apply, on_both};

/// A task of an event that the policy does not decide, in a group of exec1.
async fn other_task(app: &TestApp) -> String {
    let group = app.group("OTHER", Any, &["exec1"]).await;
    app.task(CreateTask {
        executor_action_event: Some("other".to_owned()),
        task_group_id: Some(key(&group)),
        ..CreateTask::default()
    })
    .await
}

#[apply(on_both)]
async fn executors_of_the_tasks_group_and_privileged_people_vote_and_nobody_else(app: TestApp) {
    let group = app.group("VOTERS", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    for (who, expected) in [
        ("norights", "NOT_FOUND"),
        ("exec3", "NOT_FOUND"),
        ("exec1", "ok"),
        ("triage", "ok"),
        ("admin", "ok"),
    ] {
        assert_eq!(app.vote(who, &task, json!("APPROVED")).await, expected, "{who}");
    }
    let votes = parsed(&app.task_row(&task).await["businessStatus"]);
    let mut voters: Vec<&str> = votes.as_object().expect("an object").keys().map(String::as_str).collect();
    let mut expected = [user_id("exec1"), user_id("triage"), user_id("admin")];
    voters.sort_unstable();
    expected.sort_unstable();
    assert_eq!(voters, expected);
}

#[apply(on_both)]
async fn who_sees_all_tasks_without_a_seat_does_not_vote(app: TestApp) {
    app.load(json!({
        "roles": [{ "name": "Auditor", "rights": [191_005, 191_001, 191_003] }],
        "users": [{ "id": "00000000-0000-7000-b000-000000000001", "username": "auditor",
                    "password": "auditor123", "roles": ["Auditor"] }],
    }))
    .await;
    let group = app.group("AUDITED", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let status = json!({ "00000000-0000-7000-b000-000000000001": "APPROVED" }).to_string();
    let input = json!({ "id": task, "businessStatus": status });
    assert_eq!(app.user("auditor").await.outcome("resolveTask", input).await, "FORBIDDEN");
    assert_eq!(app.status(&task).await, "ACCEPTED");
}

#[apply(on_both)]
async fn the_only_key_is_ones_own_user_id(app: TestApp) {
    let group = app.group("OWN", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    let (own, other) = (user_id("exec1"), user_id("exec2"));
    let mut exec1 = app.user("exec1").await;
    let mut admin = app.user("admin").await;
    for status in [
        json!({}),
        json!({ other: "APPROVED" }),
        json!({ own: "APPROVED", other: "APPROVED" }),
        json!({ own: "APPROVED", "note": 1 }),
        json!({ "note": "APPROVED" }),
        json!([{ own: "APPROVED" }]),
        json!("APPROVED"),
        Value::Null,
    ] {
        let input = json!({ "id": task, "businessStatus": status.to_string() });
        assert_eq!(exec1.outcome("resolveTask", input).await, "VALIDATION", "{status}");
    }
    let input = json!({ "id": task, "businessStatus": json!({ own: "APPROVED" }).to_string() });
    assert_eq!(admin.outcome("resolveTask", input).await, "VALIDATION", "not even an administrator");
    let row = app.task_row(&task).await;
    assert_eq!((&row["version"], parsed(&row["businessStatus"])), (&json!(1), json!({})));
}

#[apply(on_both)]
async fn nobody_votes_in_anothers_name_for_other_events_either(app: TestApp) {
    let task = other_task(&app).await;
    let input = json!({ "id": task, "businessStatus": json!({ user_id("exec2"): 1 }).to_string() });
    assert_eq!(app.user("exec1").await.outcome("resolveTask", input).await, "VALIDATION");
    assert_eq!(app.task_row(&task).await["version"], 1);
}

#[apply(on_both)]
async fn a_vote_says_approved_or_failed_or_lists_records_and_nothing_else(app: TestApp) {
    let group = app.group("VALUES", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    for value in [
        json!("approved"),
        json!("COMPLETED"),
        json!(" APPROVED"),
        json!(""),
        json!(1),
        json!(true),
        json!(null),
        json!([]),
        json!(["APPROVED"]),
        json!({}),
        json!({ "ACCEPT": [] }),
        json!({ "ACCEPT": [], "REJECT": [] }),
        json!({ "ACCEPT": "a" }),
        json!({ "ACCEPT": null }),
        json!({ "ACCEPT": [1] }),
        json!({ "ACCEPT": [null] }),
        json!({ "ACCEPT": ["a", ""] }),
        json!({ "REJECT": [" \t"] }),
        json!({ "accept": ["a"] }),
        json!({ "ACCEPT": ["a"], "OTHER": ["b"] }),
        json!({ "ACCEPT": ["a", "b"], "REJECT": ["b"] }),
    ] {
        assert_eq!(app.vote("exec1", &task, value.clone()).await, "VALIDATION", "{value}");
    }
    assert_eq!(app.task_row(&task).await["version"], 1);
}

#[apply(on_both)]
async fn records_of_a_task_in_no_flow_are_merged_and_decide_nothing(app: TestApp) {
    let group = app.group("RECORDS", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    for value in
        [json!({ "ACCEPT": ["a"] }), json!({ "ACCEPT": ["b"], "REJECT": ["c"] }), json!({ "REJECT": ["d"] })]
    {
        assert_eq!(app.vote("exec1", &task, value.clone()).await, "ok", "{value}");
    }
    let row = app.task_row(&task).await;
    assert_eq!((&row["status"], &row["version"]), (&json!("ACCEPTED"), &json!(4)));
    let merged = json!({ user_id("exec1"): { "ACCEPT": ["a", "b"], "REJECT": ["c", "d"] } });
    assert_eq!(parsed(&row["businessStatus"]), merged);
}

#[apply(on_both)]
async fn a_repeated_list_of_records_writes_nothing(app: TestApp) {
    let group = app.group("REPEATED", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    for value in [json!({ "ACCEPT": ["a"] }), json!({ "ACCEPT": ["b"] })] {
        assert_eq!(app.vote("exec1", &task, value).await, "ok");
    }
    let before = app.task_row(&task).await;
    for value in [json!({ "ACCEPT": ["b"] }), json!({ "ACCEPT": ["b", "a", "b"] })] {
        assert_eq!(app.vote("exec1", &task, value).await, "ok");
    }
    assert_eq!(app.task_row(&task).await, before);
}

#[apply(on_both)]
async fn records_listed_later_replace_an_approval_of_the_whole(app: TestApp) {
    let group = app.group("MIND", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.vote("exec1", &task, json!({ "REJECT": ["r"] })).await, "ok");
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "ACCEPTED", "exec1 no longer approves");
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn other_events_merge_any_json_and_decide_nothing(app: TestApp) {
    let task = other_task(&app).await;
    for value in
        [json!({ "a": { "x": [1] }, "b": 1 }), json!({ "a": { "x": [2], "y": null }, "b": "FAILED" })]
    {
        assert_eq!(app.vote("exec1", &task, value).await, "ok");
    }
    let row = app.task_row(&task).await;
    let merged = json!({ user_id("exec1"): { "a": { "x": [1, 2], "y": null }, "b": "FAILED" } });
    assert_eq!(parsed(&row["businessStatus"]), merged);
    for value in [json!("FAILED"), json!("APPROVED"), json!(7), json!(null), json!([1])] {
        assert_eq!(app.vote("exec1", &task, value.clone()).await, "ok", "{value}");
        let row = app.task_row(&task).await;
        assert_eq!(parsed(&row["businessStatus"]), json!({ user_id("exec1"): value }));
        assert_eq!(row["status"], "ACCEPTED");
    }
}

#[apply(on_both)]
async fn all_waits_for_every_executor(app: TestApp) {
    let group = app.group("A", All, &["exec1", "exec2", "exec3"]).await;
    let task = app.task_in(&group).await;
    for (who, status) in [("exec1", "ACCEPTED"), ("exec3", "ACCEPTED"), ("exec2", "COMPLETED")] {
        assert_eq!(app.vote(who, &task, json!("APPROVED")).await, "ok");
        assert_eq!(app.status(&task).await, status, "after {who}");
    }
}

#[apply(on_both)]
async fn any_takes_one_approval(app: TestApp) {
    let group = app.group("O", Any, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn n_takes_as_many_people_as_the_threshold_says(app: TestApp) {
    let group = app.group_with("N2", N, Some(2), &["exec1", "exec2", "exec3"], &[]).await;
    let task = app.task_in(&group).await;
    for (who, status) in [("exec1", "ACCEPTED"), ("exec1", "ACCEPTED"), ("exec3", "COMPLETED")] {
        assert_eq!(app.vote(who, &task, json!("APPROVED")).await, "ok");
        assert_eq!(app.status(&task).await, status, "after {who}");
    }
}

#[apply(on_both)]
async fn n_without_threshold_takes_one(app: TestApp) {
    let group = app.group("N1", N, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn a_privileged_vote_counts_as_one_under_any_and_n_and_is_not_enough_under_all(app: TestApp) {
    for privileged in ["triage", "admin"] {
        let any = app.group(&format!("PANY-{privileged}"), Any, &["exec1", "exec2"]).await;
        let n = app.group_with(&format!("PN-{privileged}"), N, Some(2), &["exec1", "exec2"], &[]).await;
        let all = app.group(&format!("PALL-{privileged}"), All, &["exec1"]).await;
        for (group, alone, with_exec1) in [
            (any, "COMPLETED", None),
            (n, "ACCEPTED", Some("COMPLETED")),
            (all, "ACCEPTED", Some("COMPLETED")),
        ] {
            let task = app.task_in(&group).await;
            assert_eq!(app.vote(privileged, &task, json!("APPROVED")).await, "ok");
            assert_eq!(app.status(&task).await, alone);
            if let Some(then) = with_exec1 {
                assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
                assert_eq!(app.status(&task).await, then);
            }
        }
    }
}

#[apply(on_both)]
async fn over_an_empty_pool_nobodys_vote_decides_until_it_is_filled(app: TestApp) {
    for (code, policy) in [("EALL", All), ("EANY", Any), ("EN", N)] {
        let group = app.group(code, policy, &[]).await;
        let approved = app.task_in(&group).await;
        let failed = app.task_in(&group).await;
        for (task, value) in [(&approved, "APPROVED"), (&failed, "FAILED")] {
            assert_eq!(app.vote("triage", task, json!(value)).await, "ok");
            assert_eq!(app.status(task).await, "ACCEPTED", "{code} {value}");
        }
        app.set_executors(&group, &["triage"]).await;
        let before = app.task_row(&approved).await["version"].as_i64().expect("a number");
        for (task, value, decided) in [(&approved, "APPROVED", "COMPLETED"), (&failed, "FAILED", "FAILED")] {
            assert_eq!(app.vote("triage", task, json!(value)).await, "ok");
            assert_eq!(app.status(task).await, decided, "{code}");
        }
        assert_eq!(app.task_row(&approved).await["version"], before + 1, "the vote itself was there");
    }
}

#[apply(on_both)]
async fn failed_from_anyone_entitled_is_at_once_and_for_good(app: TestApp) {
    let group = app.group("F", All, &["exec1", "exec2"]).await;
    for who in ["exec2", "triage"] {
        let task = app.task_in(&group).await;
        assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
        assert_eq!(app.vote(who, &task, json!("FAILED")).await, "ok");
        let before = app.task_row(&task).await;
        assert_eq!(before["status"], "FAILED");
        for (who, value) in
            [("exec2", "APPROVED"), ("exec1", "APPROVED"), ("admin", "APPROVED"), ("exec1", "FAILED")]
        {
            assert_eq!(app.vote(who, &task, json!(value)).await, "CONFLICT");
        }
        assert_eq!(app.task_row(&task).await, before);
    }
}

#[apply(on_both)]
async fn a_repeated_vote_writes_nothing(app: TestApp) {
    let group = app.group("R", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    let before = (app.task_row(&task).await, app.total("taskHistory").await);
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!((app.task_row(&task).await, app.total("taskHistory").await), before);
}

#[apply(on_both)]
async fn a_change_of_mind_replaces_the_vote(app: TestApp) {
    let group = app.group("C", Any, &[]).await;
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("triage", &task, json!("FAILED")).await, "ok");
    assert_eq!(app.vote("triage", &task, json!("APPROVED")).await, "ok");
    assert_eq!(
        parsed(&app.task_row(&task).await["businessStatus"]),
        json!({ user_id("triage"): "APPROVED" })
    );
    app.set_executors(&group, &["exec1"]).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED", "the refusal no longer counts");
}

#[apply(on_both)]
async fn additional_data_is_kept_under_the_voters_id(app: TestApp) {
    let group = app.group("D", All, &["exec1", "exec2"]).await;
    let task = app
        .task(CreateTask {
            task_group_id: Some(key(&group)),
            json_ext: Some(json!({ "kept": true }).into()),
            ..CreateTask::default()
        })
        .await;
    for (who, value, data) in [("exec1", "APPROVED", json!({ "why": [1] })), ("exec2", "FAILED", json!("no"))]
    {
        let status = json!({ user_id(who): value }).to_string();
        let input = json!({ "id": task, "businessStatus": status, "additionalData": data.to_string() });
        assert_eq!(app.user(who).await.outcome("resolveTask", input).await, "ok");
    }
    let kept = json!({ "kept": true, "additional_resolve_data": {
        user_id("exec1"): { "why": [1] }, user_id("exec2"): "no",
    } });
    assert_eq!(parsed(&app.task_row(&task).await["jsonExt"]), kept);
}

#[apply(on_both)]
async fn a_deciding_vote_makes_two_versions(app: TestApp) {
    let group = app.group("V", Any, &["exec1"]).await;
    for (value, last) in [("APPROVED", "COMPLETED"), ("FAILED", "FAILED")] {
        let task = app.task_in(&group).await;
        assert_eq!(app.vote("exec1", &task, json!(value)).await, "ok");
        let versions = app.versions("task", &task, "status businessStatus").await;
        assert_eq!(each(&versions, "status"), ["ACCEPTED", "ACCEPTED", last]);
        let votes: Vec<Value> = versions.iter().map(|version| parsed(&version["businessStatus"])).collect();
        let vote = json!({ user_id("exec1"): value });
        assert_eq!(votes, [json!({}), vote.clone(), vote]);
    }
}

#[apply(on_both)]
async fn only_accepted_tasks_are_voted_on(app: TestApp) {
    let received = app.task(CreateTask::default()).await;
    assert_eq!(app.vote("admin", &received, json!("APPROVED")).await, "CONFLICT");
    assert_eq!(app.task_row(&received).await["version"], 1);
}
