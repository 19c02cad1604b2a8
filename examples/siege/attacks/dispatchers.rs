//! Attacks by dispatchers: many events, of each of which many dispatchers are told, whose functions cause each other.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Field, Outcome};
use crate::http::{Client, document, place};
use crate::witness::mutate;

/// The source of the tasks that the attackers make.
const SOURCE: &str = "A flood";
/// How many functions each dispatcher has run.
const FUNCTIONS: usize = 10;
/// How many runs may stand behind one that fails for having too many behind it.
const DEEPEST: i64 = 9;

/// Somebody who may make dispatchers has each new task do as much as the server lets, by ten functions of each dispatcher, and whoever makes tasks makes many.
pub async fn many(field: &Field<'_>) -> Result<Outcome, String> {
    let mut admin = Client::logged_in(field.server, place(9), "admin").await?;
    let told: Vec<String> = (1..FUNCTIONS).map(|number| format!("told-{number}")).collect();
    let all: Vec<&str> = told.iter().map(String::as_str).chain(["fails"]).collect();
    for name in &all {
        let source = match *name {
            "fails" => "export default async () => { throw null }",
            _ => "export default async () => 1",
        };
        let function = json!({
            "name": name, "kind": "JAVASCRIPT", "source": source, "timeLimit": 3, "memoryLimit": 64,
            "maxConcurrency": 1_000, "runsPerMinute": 10_000,
        });
        mutate(&mut admin, "createTaskFunction", "CreateTaskFunctionMutationInput", &function).await?;
    }
    // All conditions hold, and each is looked at.
    let deep = "/data/task/data/a".to_owned() + &"/a".repeat(20);
    let mut when = vec![json!({ "path": deep, "op": "EXISTS", "value": "false" }); 19];
    when.push(json!({ "path": "/data/task/source", "op": "EQ", "value": json!(SOURCE).to_string() }));
    for number in 0..field.size.dispatchers {
        let name = format!("flood {number}");
        dispatcher(&mut admin, &name, "task_service.create", &when, &all).await?;
    }
    // A run that fails causes the next.
    dispatcher(&mut admin, "circle", "task_function.failed", &[], &["fails"]).await?;
    let query = "mutation($t: CreateTaskMutationInput!) { createTask(input: $t) { internalId } }";
    let data = json!({ "a": vec![json!({ "a": "x".repeat(500) }); 100] }).to_string();
    let task = document(query, &json!({ "t": { "source": SOURCE, "data": data } }));
    field.flood(field.people("admin", 4).await?, vec![task]).await;
    tokio::time::sleep(Duration::from_secs(field.size.grace)).await;
    let counted = |sql: &str| field.store.number(sql).map_err(|error| error.to_string());
    let runs = "FROM task_management_functionrun WHERE triggered_by = 'EVENT'";
    // What was asked for first has its end within this time, on a machine that others use too.
    let patience = Instant::now() + Duration::from_secs(30);
    let ended = loop {
        let ended = counted(&format!("SELECT count(*) {runs} AND status IN ('COMPLETE', 'FAILED')"))?;
        if ended > 0 || Instant::now() > patience {
            break ended;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let made = counted(&format!("SELECT count(*) {runs}"))?;
    let deepest = counted(&format!("SELECT CAST(COALESCE(max(cause_depth), 0) AS bigint) {runs}"))?;
    let several = counted(&format!(
        "SELECT count(*) FROM (SELECT 1 AS one {runs} GROUP BY dispatcher_id, event_id, function_id HAVING count(*) > 1) AS several"
    ))?;
    let mut violations = Vec::new();
    if ended == 0 {
        violations.push("no run of a dispatcher has ended".to_owned());
    }
    if deepest > DEEPEST {
        violations.push(format!("{deepest} runs stand behind one, {DEEPEST} at most may"));
    }
    if several > 0 {
        violations.push(format!("a dispatcher had its function run more than once for {several} events"));
    }
    Ok(Outcome {
        note: format!("{made} runs of dispatchers, {ended} ended, the deepest {deepest}"),
        violations,
    })
}

async fn dispatcher(
    admin: &mut Client,
    name: &str,
    signal: &str,
    when: &[Value],
    functions: &[&str],
) -> Result<(), String> {
    let action = |function: &&str| json!({ "kind": "FUNCTION", "functionName": function });
    let actions: Vec<Value> = functions.iter().map(action).collect();
    let input = json!({ "name": name, "signal": signal, "when": when, "actions": actions });
    mutate(admin, "createTaskDispatcher", "CreateTaskDispatcherMutationInput", &input).await
}
