//! How many statements requests send to the database. Commands of transactions are not counted, nor what is sent once: by each
//! connection to ask for types, and in each second to look at the settings in the database. A mutation is counted with the look at its entry in the
//! journal that follows, which is two statements.

use serde_json::json;
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::{Signal, Signals};
use tokio_util::sync::CancellationToken;

use crate::support::scenario::user_id;
use crate::support::{TestApp, apply, on_both, until};

/// The statements that were sent since this was asked last.
pub fn sent(app: &TestApp) -> Vec<String> {
    let command = ["BEGIN", "COMMIT", "SAVEPOINT", "ROLLBACK", "RELEASE", "NOTIFY", "SET"];
    let once = ["core_moduleconfiguration", "pg_type"];
    let mut sent = app.statements();
    sent.retain(|text| {
        !command.iter().any(|command| text.starts_with(command))
            && !once.iter().any(|table| text.contains(table))
    });
    sent
}

fn check(name: &str, sent: &[String], on_postgres: usize, on_sqlite: usize) {
    let is_postgres = sent.iter().any(|text| text.contains("$1"));
    let most = if is_postgres { on_postgres } else { on_sqlite };
    assert_eq!(sent.len(), most, "{name}: {sent:#?}");
}

#[apply(on_both)]
async fn requests_send_few_statements(app: TestApp) {
    let group = app.group_with("FEW", All, None, &["exec1", "exec2"], &["Few"]).await;
    let counted = app.counted_process();
    let (mut admin, mut exec1, mut exec2) =
        (counted.user("admin").await, counted.user("exec1").await, counted.user("exec2").await);
    let list = r#"{task(first:10, orderBy:["-dateCreated"]){edges{node{id status taskGroup{id code}}}}}"#;
    let task = app.task_in(&group).await;
    admin.graphql(list).await.data("task");
    sent(&counted);

    admin.graphql(list).await.data("task");
    check("a list by somebody who sees all", &sent(&counted), 2, 2);
    exec1.graphql(list).await.data("task");
    check("a list by an executor", &sent(&counted), 2, 2);
    let one = format!("{{task(id:{}){{edges{{node{{id taskGroup{{code}}}}}}}}}}", json!(task));
    exec1.graphql(&one).await.data("task");
    check("one task", &sent(&counted), 2, 2);
    admin.graphql(&with_executors(&task)).await.data("task");
    check("one task with the executors of its group and their users", &sent(&counted), 3, 3);
    let create = json!({ "source": "Few", "data": "{\"a\":1}" });
    assert_eq!(admin.outcome("createTask", create).await, "ok");
    check("a task", &sent(&counted), 11, 13);
    let vote =
        |who: &str| json!({ "id": task, "businessStatus": json!({ user_id(who): "APPROVED" }).to_string() });
    assert_eq!(exec1.outcome("resolveTask", vote("exec1")).await, "ok");
    check("a vote", &sent(&counted), 13, 16);
    assert_eq!(exec2.outcome("resolveTask", vote("exec2")).await, "ok");
    // One of them asks for the function that is to run then.
    check("a vote that completes", &sent(&counted), 16, 20);
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn a_delivery_sends_few_statements_and_what_is_not_due_sends_none(app: TestApp) {
    let group = app.group("TOLD", Any, &["exec1"]).await;
    let bus = Signals::builder().after("told", [Signal::TaskComplete], |_| async { Ok(()) }).after(
        "also told",
        [Signal::TaskCreate],
        |_| async { Ok(()) },
    );
    let seldom = |settings: &mut tasks_management::Settings| settings.outbox.poll_ms = 600_000;
    let counted = app.counted_process_of(seldom, |builder| builder.signals(bus));
    let stop = CancellationToken::new();
    let workers = tokio::spawn(counted.module.workers(&stop));
    let mut exec1 = counted.user("exec1").await;
    for number in 0..4 {
        let task = app.task_in(&group).await;
        let vote =
            json!({ "id": task, "businessStatus": json!({ user_id("exec1"): "APPROVED" }).to_string() });
        assert_eq!(exec1.outcome("resolveTask", vote).await, "ok");
        let done = "SELECT count(*) FROM task_management_outbox WHERE status = 'DELIVERED'";
        until("it is delivered", || app.count(done) == number + 1).await;
        if number == 0 {
            counted.statements();
        }
    }
    // Figures for operators are read by typed queries, which quote names. The test itself counts what is delivered.
    let is_of_workers =
        |text: &String| text.contains(" task_management_outbox ") && !text.contains("SELECT count(*)");
    let of_the_outbox: Vec<String> = counted.statements().into_iter().filter(is_of_workers).collect();
    let added = of_the_outbox.iter().filter(|text| text.starts_with("INSERT")).count();
    assert_eq!(
        (added, of_the_outbox.len()),
        (3, 3 * 4),
        "left, looked for, leased, settled: {of_the_outbox:#?}"
    );
    stop.cancel();
    workers.await.expect("the workers end");
}

/// One task with its group, the group's executors and their users.
fn with_executors(task: &str) -> String {
    let executors = "taskexecutorSet{edges{node{user{username}}}}";
    format!("{{task(id:{}){{edges{{node{{id taskGroup{{code {executors}}}}}}}}}}}", json!(task))
}

#[apply(on_both)]
async fn a_request_runs_on_one_thread_with_one_connection(app: TestApp) {
    let group = app.group_with("ONE", All, None, &["exec1", "exec2"], &["One"]).await;
    let task = app.task_in(&group).await;
    let counted = app.counted_process();
    let mut admin = counted.user("admin").await;
    let create = format!(
        "mutation{{createTask(input:{{clientMutationId:\"one\",source:{}}}){{internalId}}}}",
        json!("One")
    );
    let reads = [
        r#"{task(first:10, orderBy:["-dateCreated"]){totalCount edges{node{taskGroup{code}}}}}"#.to_owned(),
        with_executors(&task),
        "{task{edges{node{progress{held} userCreated{username} decisions{totalCount}}}} taskGroup{totalCount}}".to_owned(),
    ];
    // On SQLite whoever writes takes the only connection that may.
    let is_postgres = counted.statements().iter().any(|text| text.contains("$1"));
    for request in reads.into_iter().chain(is_postgres.then_some(create)) {
        counted.statements();
        admin.graphql(&request).await;
        assert_eq!(counted.ways(), 1, "{request}");
    }
}

#[apply(on_both)]
async fn what_comes_with_a_list_is_what_loaders_fetch(app: TestApp) {
    let group = app.group_with("WITH", All, None, &["exec1", "exec2"], &["With"]).await;
    app.task_in(&group).await;
    let counted = app.counted_process();
    let mut admin = counted.user("admin").await;
    for order in [
        "",
        r#", orderBy:["-assignee"]"#,
        r#", orderBy:["source","-dateUpdated"]"#,
        r#", orderBy:["businessStatus"]"#,
    ] {
        let mut answers = Vec::new();
        // Longer pages leave the rows of other tables to loaders.
        for first in [50, 51] {
            let fields = "id userCreated{username} userUpdated{username} flow{code} currentStep{id} taskGroup{code userCreated{username}}";
            let list = format!("{{task(first:{first}{order}){{edges{{node{{{fields}}}}}}}}}");
            sent(&counted);
            answers.push(admin.graphql(&list).await.data("task").clone());
            let is_ahead = sent(&counted).iter().any(|text| text.contains("related_task_group"));
            assert_eq!(is_ahead, first == 50, "{list}");
        }
        assert_eq!(answers[0], answers[1], "{order}");
        assert!(answers[0].to_string().contains("\"WITH\""), "{answers:?}");
    }
}
