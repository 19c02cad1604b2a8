//! Attacks by runs of functions in JavaScript.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use tasks_management::{Clock as _, SystemClock};

use super::{Field, Outcome};
use crate::http::document;
use crate::witness::mutate;

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

/// The same person has them executed by schedules, all of which have their first moment at once.
pub async fn scheduled(field: &Field<'_>) -> Result<Outcome, String> {
    let mut fiona = field.people("fiona", 1).await?.remove(0);
    for (name, source) in FUNCTIONS {
        let function = json!({
            "name": format!("{name}-in-time"), "kind": "JAVASCRIPT", "source": source, "timeLimit": 3, "memoryLimit": 64,
            "runsPerMinute": 10_000, "defaultPriority": 1_000_000,
        });
        mutate(&mut fiona, "createTaskFunction", "CreateTaskFunctionMutationInput", &function).await?;
    }
    // Until then all are made, on a busy machine too.
    let making =
        TimeDelta::milliseconds(2_000 + 100 * i64::try_from(field.size.schedules).unwrap_or_default());
    let first = SystemClock.now() + making;
    for number in 0..field.size.schedules {
        let (name, _) = FUNCTIONS[number % FUNCTIONS.len()];
        let schedule = json!({
            "functionName": format!("{name}-in-time"), "intervalSeconds": 60, "priority": 1_000_000,
            "startTimestamp": first.format("%Y-%m-%dT%H:%M:%S").to_string(),
        });
        mutate(&mut fiona, "createFunctionSchedule", "CreateFunctionScheduleMutationInput", &schedule)
            .await?;
        field.tally.note(Some(200));
    }
    let until_first = (first - SystemClock.now()).to_std().unwrap_or_default();
    tokio::time::sleep(until_first + Duration::from_secs(field.size.grace + field.size.seconds)).await;
    let counted = |sql: &str| field.store.number(sql).map_err(|error| error.to_string());
    let runs = "FROM task_management_functionrun WHERE triggered_by = 'SCHEDULE'";
    let moments = counted(&format!("SELECT count(*) {runs}"))?;
    let ended = counted(&format!("SELECT count(*) {runs} AND status IN ('COMPLETE', 'FAILED')"))?;
    let several = counted(&format!(
        "SELECT count(*) FROM (SELECT 1 AS one {runs} GROUP BY schedule_id, date_scheduled HAVING count(*) > 1) AS several"
    ))?;
    let mut violations = Vec::new();
    if usize::try_from(moments).map_err(|error| error.to_string())? < field.size.schedules {
        violations.push(format!("{} schedules had {moments} moments", field.size.schedules));
    }
    if ended == 0 {
        violations.push("no run of a schedule has ended".to_owned());
    }
    if several > 0 {
        violations.push(format!("{several} moments of schedules had more than one run"));
    }
    Ok(Outcome { note: format!("{moments} moments of schedules, {ended} runs ended"), violations })
}
