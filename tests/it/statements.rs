//! How many statements requests send to the database. Commands of transactions are not counted, nor what is sent once: by each
//! connection to ask for types, and in each second to look at the settings in the database. A mutation is counted with the look at its entry in the
//! journal that follows, which is two statements.

use serde_json::json;
use tasks_management::CompletionPolicy::All;

use crate::support::scenario::user_id;
use crate::support::{TestApp, apply, on_both};

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
    check("a list by somebody who sees all", &sent(&counted), 3, 3);
    exec1.graphql(list).await.data("task");
    check("a list by an executor", &sent(&counted), 3, 3);
    let one = format!("{{task(id:{}){{edges{{node{{id taskGroup{{code}}}}}}}}}}", json!(task));
    exec1.graphql(&one).await.data("task");
    check("one task", &sent(&counted), 3, 3);
    let create = json!({ "source": "Few", "data": "{\"a\":1}" });
    assert_eq!(admin.outcome("createTask", create).await, "ok");
    check("a task", &sent(&counted), 11, 13);
    let vote =
        |who: &str| json!({ "id": task, "businessStatus": json!({ user_id(who): "APPROVED" }).to_string() });
    assert_eq!(exec1.outcome("resolveTask", vote("exec1")).await, "ok");
    check("a vote", &sent(&counted), 13, 16);
    assert_eq!(exec2.outcome("resolveTask", vote("exec2")).await, "ok");
    check("a vote that completes", &sent(&counted), 15, 19);
    assert_eq!(app.status(&task).await, "COMPLETED");
}
