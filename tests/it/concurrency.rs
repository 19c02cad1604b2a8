//! Races, with real concurrency: many voters at once, on two server processes.

use std::sync::Arc;

use serde_json::{Value, json};
use tasks_management::CreateTask;

use crate::support::{Client, TestApp, apply, on_both};

const TASKS: usize = 200;
const EXECUTORS: [&str; 5] = ["exec1", "exec2", "exec3", "exec4", "exec5"];

/// A group in which all five executors must approve, bound to the source `Race`.
async fn racing_group(app: &TestApp) {
    let mut triage = app.user("triage").await;
    let mut ids = Vec::new();
    for name in EXECUTORS {
        ids.push(app.module.requester(name).await.expect("an executor").id().to_string());
    }
    let input = json!({
        "code": "RACE", "completionPolicy": "ALL", "userIds": ids, "taskSources": ["Race"],
    });
    assert_eq!(triage.mutate("createTaskGroup", input).await.0, 2);
}

async fn tasks(app: &TestApp, count: usize) -> Vec<uuid::Uuid> {
    let maker = app.module.requester("admin").await.expect("a maker");
    let mut ids = Vec::new();
    for _ in 0..count {
        let input = CreateTask { source: Some("Race".to_owned()), ..CreateTask::default() };
        ids.push(app.module.tasks().create(&maker, input).await.expect("a task").id);
    }
    ids
}

fn vote(task: uuid::Uuid, user: uuid::Uuid, verdict: &str) -> Value {
    let status = json!({ user.to_string(): verdict }).to_string();
    json!({
        "query": "mutation($id: UUID!, $status: JSONString!) { resolveTask(input: {id: $id, businessStatus: $status}) { internalId } }",
        "variables": { "id": task.to_string(), "status": status },
    })
}

/// Everybody votes on every task at the same time, half of them at another process.
async fn everybody_votes(app: &TestApp, other: &TestApp, ids: &[uuid::Uuid]) {
    let mut voters: Vec<(Client, uuid::Uuid)> = Vec::new();
    for (index, name) in EXECUTORS.iter().enumerate() {
        let at = if index % 2 == 0 { app } else { other };
        voters.push((at.user(name).await, at.module.requester(name).await.expect("an executor").id()));
    }
    let mut race = tokio::task::JoinSet::new();
    let start = Arc::new(tokio::sync::Barrier::new(EXECUTORS.len() * 8));
    for (client, user) in voters {
        // Eight hands each, so that one voter's votes overlap too.
        for hand in 0..8 {
            let (mut client, start) = (client.clone(), Arc::clone(&start));
            let own: Vec<uuid::Uuid> = ids.iter().skip(hand).step_by(8).copied().collect();
            race.spawn(async move {
                start.wait().await;
                for id in own {
                    let answer = client.post(vote(id, user, "APPROVED")).await;
                    assert!(answer.data("resolveTask")["internalId"].is_string(), "{}", answer.text);
                }
            });
        }
    }
    while let Some(done) = race.join_next().await {
        done.expect("no voter fails");
    }
}

#[apply(on_both)]
async fn two_hundred_tasks_under_all_with_five_voters_at_once_are_completed_once_each(app: TestApp) {
    racing_group(&app).await;
    let ids = tasks(&app, TASKS).await;
    let other = app.another_process();
    everybody_votes(&app, &other, &ids).await;

    let of_race = "FROM task_management_task WHERE source = 'Race'";
    assert_eq!(app.count(&format!("SELECT count(*) {of_race} AND status = 'COMPLETED'")), 200);
    // Created, five votes, the completion.
    assert_eq!(app.count(&format!("SELECT count(*) {of_race} AND version = 7")), 200);
    let votes = "FROM task_management_taskdecision AS v JOIN task_management_task AS t ON t.id = v.task_id \
                 WHERE t.source = 'Race' AND NOT v.is_deleted";
    assert_eq!(app.count(&format!("SELECT count(*) {votes}")), 1000);
    let per_task = "SELECT count(*) FROM (SELECT v.task_id FROM task_management_taskdecision AS v \
                    GROUP BY v.task_id HAVING count(DISTINCT v.user_id) = 5) AS full_house";
    assert_eq!(app.count(per_task), 200);
    // Versions are consecutive, each kept once, and only the last one is COMPLETED.
    let history = "FROM task_management_historicaltask WHERE source = 'Race'";
    assert_eq!(app.count(&format!("SELECT count(*) {history}")), 1400);
    let consecutive = format!(
        "SELECT count(*) FROM (SELECT id {history} GROUP BY id \
         HAVING min(version) = 1 AND max(version) = 7 AND count(DISTINCT version) = 7) AS whole"
    );
    assert_eq!(app.count(&consecutive), 200);
    assert_eq!(app.count(&format!("SELECT count(*) {history} AND status = 'COMPLETED'")), 200);
    assert_eq!(
        app.count("SELECT count(*) FROM core_mutationlog WHERE mutation = 'resolveTask' AND status = 2"),
        1000
    );
    assert_eq!(
        app.count("SELECT count(*) FROM core_mutationlog WHERE mutation = 'resolveTask' AND status <> 2"),
        0
    );
}

#[apply(on_both)]
async fn an_approval_and_a_refusal_at_once_leave_a_task_failed_for_good(app: TestApp) {
    racing_group(&app).await;
    let ids = tasks(&app, 20).await;
    let other = app.another_process();
    let mut race = tokio::task::JoinSet::new();
    for (index, name) in EXECUTORS.iter().enumerate() {
        let at = if index % 2 == 0 { &app } else { &other };
        let mut client = at.user(name).await;
        let user = at.module.requester(name).await.expect("an executor").id();
        let (ids, verdict) = (ids.clone(), if index == 0 { "FAILED" } else { "APPROVED" });
        race.spawn(async move {
            for id in ids {
                client.post(vote(id, user, verdict)).await;
            }
        });
    }
    while let Some(done) = race.join_next().await {
        done.expect("no voter fails");
    }
    assert_eq!(
        app.count("SELECT count(*) FROM task_management_task WHERE source = 'Race' AND status = 'FAILED'"),
        20
    );
    let closed = "SELECT count(*) FROM task_management_historicaltask \
                  WHERE source = 'Race' AND status IN ('COMPLETED', 'FAILED')";
    assert_eq!(app.count(closed), 20);
}

#[apply(on_both)]
async fn one_code_asked_for_twenty_times_at_once_is_given_once(app: TestApp) {
    let other = app.another_process();
    let mut race = tokio::task::JoinSet::new();
    for index in 0..20 {
        let at = if index % 2 == 0 { &app } else { &other };
        let mut triage = at.user("triage").await;
        race.spawn(async move {
            let input =
                json!({ "code": "HISTORY", "completionPolicy": "ANY", "taskSources": ["TwinSource"] });
            triage.mutate("createTaskGroup", input).await
        });
    }
    let mut given = 0;
    while let Some(done) = race.join_next().await {
        let (status, error) = done.expect("an answer");
        given += i64::from(status == 2);
        assert!(status == 2 || error[0]["code"] == "VALIDATION", "{error}");
    }
    assert_eq!(given, 1);
    assert_eq!(app.count("SELECT count(*) FROM task_management_taskgroup WHERE code = 'HISTORY'"), 1);
}
