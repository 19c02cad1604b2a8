//! The defects of the original that must not come back (section 7 of the contract), one test each.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::{Error, ErrorCode, Message, Signal, Signals};

use crate::support::scenario::{each, nodes, parsed, user_id};
use crate::support::{Client, apply, on_both};

/// Two people vote at the same moment, each through a server process of their own; returns the outcomes.
async fn at_once(voters: &[(Client, &str, &str); 2], task: &str) -> Vec<String> {
    let votes = voters.clone().map(|(mut client, who, value)| {
        let status = json!({ user_id(who): value }).to_string();
        let input = json!({ "id": task, "businessStatus": status });
        tokio::spawn(async move { client.outcome("resolveTask", input).await })
    });
    let mut outcomes = Vec::new();
    for vote in votes {
        outcomes.push(vote.await.expect("the vote is cast"));
    }
    outcomes
}

#[apply(on_both)]
async fn lost_approvals_under_two_simultaneous_votes(app: TestApp) {
    let other = app.another_process();
    let group = app.group("BOTH", All, &["exec1", "exec2"]).await;
    let voters =
        [(app.user("exec1").await, "exec1", "APPROVED"), (other.user("exec2").await, "exec2", "APPROVED")];
    for _ in 0..40 {
        let task = app.task_in(&group).await;
        assert_eq!(at_once(&voters, &task).await, ["ok", "ok"]);
        let versions = app.versions("task", &task, "status businessStatus").await;
        assert_eq!(each(&versions, "status"), ["ACCEPTED", "ACCEPTED", "ACCEPTED", "COMPLETED"]);
        let both = json!({ user_id("exec1"): "APPROVED", user_id("exec2"): "APPROVED" });
        assert_eq!(parsed(&versions[3]["businessStatus"]), both);
    }
}

#[apply(on_both)]
async fn approving_in_others_names(app: TestApp) {
    let group = app.group("NAMES", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    for who in ["exec1", "triage", "admin"] {
        let mut client = app.user(who).await;
        let all = json!({ user_id(who): "APPROVED", user_id("exec2"): "APPROVED" });
        for status in [json!({ user_id("exec2"): "APPROVED" }), all] {
            let input = json!({ "id": task, "businessStatus": status.to_string() });
            assert_eq!(client.outcome("resolveTask", input).await, "VALIDATION", "{who}: {status}");
        }
    }
    assert_eq!(app.task_row(&task).await["version"], 1);
}

#[apply(on_both)]
async fn all_with_an_empty_group_completing_on_nothing(app: TestApp) {
    let group = app.group("NOBODY", All, &[]).await;
    let task = app.task_in(&group).await;
    for who in ["triage", "admin", "triage"] {
        assert_eq!(app.vote(who, &task, json!("APPROVED")).await, "ok");
        assert_eq!(app.status(&task).await, "ACCEPTED");
    }
    let left = app.group("LEFT", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&left).await;
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
    app.set_executors(&left, &[]).await;
    assert_eq!(app.vote("admin", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "ACCEPTED", "everybody left");
}

#[apply(on_both)]
async fn failed_overwritten_by_completed(app: TestApp) {
    let other = app.another_process();
    let group = app.group("RACE", Any, &["exec1", "exec2"]).await;
    let voters =
        [(app.user("exec1").await, "exec1", "FAILED"), (other.user("exec2").await, "exec2", "APPROVED")];
    for _ in 0..20 {
        let task = app.task_in(&group).await;
        let outcomes = at_once(&voters, &task).await;
        let versions = app.versions("task", &task, "status").await;
        let decided = match outcomes.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["ok", "CONFLICT"] => "FAILED",
            ["CONFLICT", "ok"] => "COMPLETED",
            _ => panic!("one of them decides: {outcomes:?}"),
        };
        assert_eq!(each(&versions, "status"), ["ACCEPTED", "ACCEPTED", decided]);
        let close = json!({ "id": task, "status": "COMPLETED" });
        assert_eq!(app.user("triage").await.outcome("updateTask", close).await, "CONFLICT");
        assert_eq!(app.status(&task).await, decided);
    }
}

#[apply(on_both)]
async fn removed_executors_still_seeing_tasks(app: TestApp) {
    let group = app.group("REMOVED", All, &["exec5"]).await;
    let task = app.task_in(&group).await;
    let query =
        format!("{{ task(id: \"{task}\") {{ totalCount }} taskHistory(id: \"{task}\") {{ totalCount }} }}");
    let mut exec5 = app.user("exec5").await;
    for (executors, expected) in [(&["exec5"][..], 1), (&[], 0), (&["exec5"], 1)] {
        app.set_executors(&group, executors).await;
        let answer = exec5.graphql(&query).await;
        for field in ["task", "taskHistory"] {
            assert_eq!(answer.data(field)["totalCount"], expected, "{field} for {executors:?}");
        }
    }
}

#[apply(on_both)]
async fn delete_task_group_reporting_success_while_deleting_only_the_executors(app: TestApp) {
    let (busy, free) = (app.group("BUSY", All, &["exec1"]).await, app.group("FREE", All, &["exec1"]).await);
    app.task_in(&busy).await;
    let mut triage = app.user("triage").await;
    assert_eq!(triage.outcome("deleteTaskGroup", json!({ "ids": [busy] })).await, "CONFLICT");
    assert_eq!(app.executors_in(&busy).await, ["exec1"]);
    assert_eq!(triage.outcome("deleteTaskGroup", json!({ "ids": [free] })).await, "ok");
    assert_eq!(app.group_row(&free).await, Value::Null);
}

#[apply(on_both)]
async fn an_unknown_user_emptying_a_group(app: TestApp) {
    let group = app.group("STAYS", All, &["exec1", "exec2"]).await;
    let before = app.group_row(&group).await;
    let users = json!([user_id("exec1"), "00000000-0000-7000-b000-00000000ffff"]);
    let input = json!({ "id": group, "code": "STAYS", "completionPolicy": "ALL", "userIds": users });
    assert_eq!(app.user("triage").await.outcome("updateTaskGroup", input).await, "VALIDATION");
    assert_eq!(app.group_row(&group).await, before);
}

#[apply(on_both)]
async fn duplicate_rows_from_search(app: TestApp) {
    app.group("exec team", All, &["exec1", "exec2", "exec3", "exec4", "exec5"]).await;
    let mut admin = app.user("admin").await;
    for search in ["exec", "Executor", "Exe"] {
        let query = "query($s: String) { taskGroup(search: $s) { totalCount edges { node { uuid } } } }";
        let answer = admin.graphql_with(query, json!({ "s": search })).await;
        let found = each(&nodes(answer.data("taskGroup")), "uuid");
        let mut once: Vec<String> = found.iter().map(Value::to_string).collect();
        once.sort_unstable();
        once.dedup();
        assert!(found.len() > 1, "{search} finds some");
        assert_eq!(
            (found.len(), &answer.data("taskGroup")["totalCount"]),
            (once.len(), &json!(once.len())),
            "{search}"
        );
    }
}

#[apply(on_both)]
async fn anonymous_node_reading_e_mail_addresses(app: TestApp) {
    use base64::Engine as _;
    let keys = [
        ("UserGQLType", user_id("admin")),
        ("InteractiveUserGQLType", "1"),
        ("TaskGroupGQLType", "00000000-0000-7000-8000-000000000001"),
    ];
    for (kind, key) in keys {
        let id = base64::engine::general_purpose::STANDARD.encode(format!("{kind}:{key}"));
        let query = format!(
            "{{ node(id: \"{id}\") {{ id ... on UserGQLType {{ email }} ... on InteractiveUserGQLType {{ email }} ... on \
             TaskGroupGQLType {{ user {{ email }} }} }} }}"
        );
        let answer = app.stranger().graphql(&query).await;
        assert_eq!(answer.status, 401, "{kind}");
        assert!(!answer.text.contains('@'), "{}", answer.text);
        let known = app.user("admin").await.graphql(&query).await;
        assert!(known.text.contains("@example.org"), "the query itself does read them: {}", known.text);
    }
}

#[apply(on_both)]
async fn deleted_tasks_and_groups_still_usable(app: TestApp) {
    let group = app.group("USED", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let mut admin = app.user("admin").await;
    assert_eq!(admin.outcome("deleteTask", json!({ "ids": [task] })).await, "ok");
    assert_eq!(admin.outcome("deleteTaskGroup", json!({ "ids": [group] })).await, "ok");
    let free = app.task(tasks_management::CreateTask::default()).await;
    for (name, input) in [
        ("updateTask", json!({ "id": task, "status": "COMPLETED" })),
        (
            "resolveTask",
            json!({ "id": task, "businessStatus": json!({ user_id("admin"): "APPROVED" }).to_string() }),
        ),
        ("executeTask", json!({ "id": task })),
        ("deleteTask", json!({ "ids": [task] })),
        ("updateTaskGroup", json!({ "id": group, "code": "AGAIN", "completionPolicy": "ANY" })),
        ("deleteTaskGroup", json!({ "ids": [group] })),
        ("updateTask", json!({ "id": free, "taskGroupId": group, "status": "ACCEPTED" })),
        ("createTask", json!({ "taskGroupId": group })),
    ] {
        assert_eq!(admin.outcome(name, input).await, "NOT_FOUND", "{name}");
    }
}

#[apply(on_both)]
async fn hooks_errors_swallowed(app: TestApp) {
    let refusal = || Error::new(ErrorCode::Conflict, Message::new("no-entity"));
    let group = app.group("HOOKED", Any, &["exec1"]).await;
    let before = Signals::builder().before(Signal::TaskResolve, move |_, _| Err(refusal()));
    let within = Signals::builder().within(Signal::TaskComplete, move |_, _| Err(refusal()));
    let fault =
        Signals::builder().within(Signal::TaskComplete, |_, _| Err(Error::internal("the host broke")));
    for (signals, code) in [(before, "CONFLICT"), (within, "CONFLICT"), (fault, "INTERNAL")] {
        let hooked = app.another_process_with(|_| {}, |builder| builder.signals(signals));
        let task = app.task_in(&group).await;
        assert_eq!(hooked.vote("exec1", &task, json!("APPROVED")).await, code);
        let versions = app.versions("task", &task, "status businessStatus").await;
        assert_eq!(each(&versions, "status"), ["ACCEPTED"], "the vote is undone with it");
        assert_eq!(parsed(&versions[0]["businessStatus"]), json!({}));
        assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok", "it can be cast again");
        assert_eq!(app.status(&task).await, "COMPLETED");
    }
}
