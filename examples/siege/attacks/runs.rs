//! Attacks by runs of functions in JavaScript.

use std::time::Duration;

use serde_json::json;

use super::{Field, Outcome};
use crate::http::document;

/// Functions that harm whoever executes them: their names and sources. The first one harms nobody.
const FUNCTIONS: [(&str, &str); 5] = [
    ("kind", "export default async () => 1"),
    ("endless", "export default async () => { for (;;); }"),
    (
        "greedy",
        "export default async () => { const all = []; for (;;) all.push(new Array(10000).fill(all.length)); }",
    ),
    ("talkative", "export default async () => { for (;;) console.log('x'.repeat(10000)); }"),
    ("deep", "export default async () => { const down = () => down() + 1; return down(); }"),
];

/// Somebody who may make functions has as many of them executed as the server lets, and waits for some.
pub async fn many(field: &Field<'_>) -> Result<Outcome, String> {
    let mut fiona = field.people("fiona", 1).await?;
    for (name, source) in FUNCTIONS {
        let query =
            "mutation($f: CreateTaskFunctionMutationInput!) { createTaskFunction(input: $f) { internalId } }";
        let function = json!({
            "name": name, "kind": "JAVASCRIPT", "source": source, "timeLimit": 3, "memoryLimit": 64, "runsPerMinute": 10_000,
        });
        let answer = fiona[0].post(document(query, &json!({ "f": function }))).await;
        field.tally.note(answer.ok().map(|answer| answer.status));
    }
    let runs = FUNCTIONS.iter().map(|(name, _)| {
        let query =
            "mutation($r: CreateFunctionRunMutationInput!) { createFunctionRun(input: $r) { internalId } }";
        document(query, &json!({ "r": { "functionName": name } }))
    });
    let waits = "mutation { executeTaskFunction(input: { functionName: \"kind\" }) { internalId } }";
    let bodies = runs.chain([document(waits, &json!({}))]).collect();
    field.flood(field.people("fiona", 4).await?, bodies).await;
    // What was begun is broken off within its limit.
    tokio::time::sleep(Duration::from_secs(field.size.grace)).await;
    let count = |status: &str| {
        let sql = format!("SELECT count(*) FROM task_management_functionrun WHERE status = '{status}'");
        field.store.number(&sql).map_err(|error| error.to_string())
    };
    let (complete, failed, waiting) = (count("COMPLETE")?, count("FAILED")?, count("NEW")?);
    let violations = if complete + failed == 0 { vec!["no run has ended".to_owned()] } else { Vec::new() };
    Ok(Outcome { note: format!("{complete} runs complete, {failed} failed, {waiting} wait"), violations })
}
