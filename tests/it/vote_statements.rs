//! The cost of a vote: who is asked and which votes count is read once.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};

use crate::support::scenario::user_id;
use crate::support::{Client, TestApp, apply, on_both};

/// The tables that say who is asked and what counts.
const READ: [&str; 5] = [
    "task_management_taskdecision",
    "task_management_taskpool",
    "task_management_taskflowstep",
    "task_management_taskgroup",
    "task_management_taskexecutor",
];

/// How often a vote reads each of the tables, and how many statements it is in all.
async fn cost(
    app: &TestApp,
    client: &mut Client,
    who: &str,
    task: &str,
    value: Value,
) -> ([usize; 5], usize) {
    app.statements();
    let status = json!({ user_id(who): value }).to_string();
    assert_eq!(client.outcome("resolveTask", json!({ "id": task, "businessStatus": status })).await, "ok");
    let sent = app.statements();
    let reads = READ.map(|table| {
        let reads = |text: &&String| {
            let from = [format!("FROM \"{table}\""), format!("FROM `{table}`"), format!("FROM {table} ")];
            text.starts_with("SELECT") && from.iter().any(|from| text.contains(from))
        };
        sent.iter().filter(reads).count()
    });
    (reads, sent.len())
}

#[apply(on_both)]
async fn a_vote_reads_who_is_asked_and_what_counts_once(app: TestApp) {
    let (one, two) =
        (app.group("ONE", All, &["exec1", "exec2"]).await, app.group("TWO", Any, &["exec3"]).await);
    let flow = app.flow("FLOW", &[&one, &two]).await;
    let counted = app.counted_process();
    let (mut exec1, mut exec2) = (counted.user("exec1").await, counted.user("exec2").await);
    let mut exec3 = counted.user("exec3").await;
    let warm_up = app.task_in(&one).await;
    cost(&counted, &mut exec1, "exec1", &warm_up, json!("APPROVED")).await;

    let flat = app.task_in(&one).await;
    let (reads, first) = cost(&counted, &mut exec1, "exec1", &flat, json!("APPROVED")).await;
    assert_eq!(reads, [1, 0, 0, 1, 1], "one of two approvals");
    let (reads, last) = cost(&counted, &mut exec2, "exec2", &flat, json!("APPROVED")).await;
    // The function that is to run then is asked for among the groups.
    assert_eq!(reads, [1, 0, 0, 2, 1], "the approval that completes the task");
    let (reads, repeated) = cost(&counted, &mut exec1, "exec1", &warm_up, json!("APPROVED")).await;
    assert_eq!(reads, [1, 0, 0, 1, 1], "a repeat");
    assert!(repeated < first && first < last, "statements are not counted: {repeated} {first} {last}");

    let task = app.task_on(&flow).await;
    let (reads, _) = cost(&counted, &mut exec1, "exec1", &task, json!("APPROVED")).await;
    assert_eq!(reads, [1, 1, 1, 1, 1], "at a step of a flow");
    let (reads, _) = cost(&counted, &mut exec2, "exec2", &task, json!("APPROVED")).await;
    assert_eq!(reads, [1, 1, 1, 2, 2], "who is asked next is read when the task moves on");
    assert_eq!(app.place(&task).await, ("ACCEPTED".to_owned(), Some(2), vec!["TWO".to_owned()]));
    let (reads, _) = cost(&counted, &mut exec3, "exec3", &task, json!("APPROVED")).await;
    let why = "the groups behind the task are read, the one before it is locked, and the function to run is asked for";
    assert_eq!(reads, [1, 1, 1, 3, 1], "{why}");
    assert_eq!(app.status(&task).await, "COMPLETED");
    assert_eq!(app.status(&flat).await, "COMPLETED");
}
