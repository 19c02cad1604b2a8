//! Attacks by rows that are left in the database.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};

use super::answers::refused_and_done;
use super::{Field, Outcome};
use crate::http::{document, login};

/// How much the database may grow by one person without rights, in MiB.
const GROWTH_MIB: u64 = 20;
/// How many endpoints there may be, and how many sessions of one person: the defaults of `webhooks.max_endpoints` and
/// `auth.sessions_per_user`.
const MOST: i64 = 100;
/// How long it makes endpoints by one request, or logs in.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where nobody listens.
pub const NOWHERE: &str = "https://127.0.0.1:9/hook";

/// Large requests of somebody without rights, many endpoints, many sessions.
pub async fn fill(field: &Field<'_>) -> Result<Outcome, String> {
    let mut violations = Vec::new();
    let before = size_mib(field)?;
    let nils = field.people("nils", 4).await?;
    field.flood(nils, (0..8).flat_map(refused_and_done).collect()).await;
    let grown = size_mib(field)?.saturating_sub(before);
    if grown > GROWTH_MIB {
        violations.push(format!("somebody without rights makes the database grow by {grown} MiB"));
    }
    let mut trudy = field.people("trudy", 1).await?;
    // In short they want what does not happen; else all, so that each decision is to be told to each of them.
    let events: &[&str] = if field.size.timed { &[] } else { &["task_flow_service.delete"] };
    for part in 0..3 {
        let (mut parameters, mut fields, mut variables) = (String::new(), String::new(), json!({}));
        for number in 0..field.size.endpoints {
            let _ = write!(parameters, "$v{number}: CreateWebhookEndpointMutationInput! ");
            let _ = write!(fields, "a{number}: createWebhookEndpoint(input: $v{number}) {{ internalId }} ");
            let name = format!("endpoint {part} {number}");
            variables[format!("v{number}")] = json!({ "name": name, "url": NOWHERE, "events": events });
        }
        let body = document(&format!("mutation({parameters}) {{ {fields} }}"), &variables);
        let answer = timeout(PATIENCE, trudy[0].post(body)).await;
        field.tally.note(answer.ok().and_then(Result::ok).map(|answer| answer.status));
    }
    let endpoints = count(field, "SELECT count(*) FROM task_management_webhookendpoint")?;
    if endpoints > MOST {
        violations.push(format!("{endpoints} endpoints were made"));
    }
    let mut mallory = field.strangers(1);
    let begun = Instant::now();
    for _ in 0..field.size.logins {
        if begun.elapsed() > PATIENCE {
            break;
        }
        let answer = mallory[0].post(login("mallory", "mallory12345")).await;
        field.tally.note(answer.ok().map(|answer| answer.status));
    }
    let sessions = "SELECT count(*) FROM core_session WHERE date_revoked IS NULL \
                    AND user_id = (SELECT id FROM core_user WHERE username = 'mallory')";
    let sessions = count(field, sessions)?;
    if sessions > MOST {
        violations.push(format!("one person has {sessions} sessions"));
    }
    let note = format!("grown by {grown} MiB; {endpoints} endpoints; {sessions} sessions");
    Ok(Outcome { note, violations })
}

fn count(field: &Field<'_>, sql: &str) -> Result<i64, String> {
    field.store.number(sql).map_err(|error| error.to_string())
}

fn size_mib(field: &Field<'_>) -> Result<u64, String> {
    let bytes = match field.store.url.strip_prefix("sqlite://") {
        Some(file) => [file.to_owned(), format!("{file}-wal")]
            .iter()
            .filter_map(|file| std::fs::metadata(file).ok())
            .map(|file| file.len())
            .sum(),
        None => u64::try_from(count(field, "SELECT pg_database_size(current_database())")?).unwrap_or(0),
    };
    Ok(bytes / (1024 * 1024))
}
