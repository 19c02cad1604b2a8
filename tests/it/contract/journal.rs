//! Mutations answer with a receipt; whether they did anything stands in the journal.

use std::time::Duration;

use serde_json::{Value, json};

use super::bindings::{Bindings, key_of};
use super::case::{Expect, Headers, OneOrMany};
use super::matcher::{Matcher, brief};
use super::session::{Reply, Session};

/// The differences in the receipt and in the journal entry it stands for.
pub async fn journal_diff(
    expect: &Expect,
    reply: &Reply,
    session: &mut Session,
    bindings: &mut Bindings,
) -> Result<Vec<String>, String> {
    if expect.or_errors && !reply.errors().is_empty() && [200, 400].contains(&reply.status) {
        return Ok(Vec::new());
    }
    let payload = reply.data().as_object().and_then(|data| data.values().next());
    let payload =
        payload.filter(|payload| payload.is_object() && reply.status == 200 && reply.errors().is_empty());
    let Some(payload) = payload else {
        return Ok(vec![format!("no payload: HTTP {} {}", reply.status, brief(&reply.body))]);
    };
    let id = expect.client_mutation_id.as_deref().ok_or("the case names no clientMutationId")?;
    let want = json!({"clientMutationId": id, "internalId": format!("<uuid:{}>", expect.bind)});
    let mut lines = Matcher::new(bindings).diff(&want, payload, "payload");
    let entries = entries(session, id).await?;
    match entries.as_slice() {
        [entry] => lines.extend(entry_diff(expect, id, &payload["internalId"], entry)),
        _ => lines.push(format!("{} journal entries, want 1", entries.len())),
    }
    Ok(lines)
}

/// The journal's status of a mutation that failed; 0 is one still under way, 2 one that is done.
const FAILED: u64 = 1;

fn entry_diff(expect: &Expect, id: &str, internal_id: &Value, entry: &Value) -> Vec<String> {
    let want = json!({
        "id": "<gid:MutationLogGQLType>", "status": "<int>", "error": "<any>", "clientMutationId": id,
        "clientMutationLabel": expect.label.clone().unwrap_or_else(|| "<any>".into()), "requestDateTime": "<time>",
    });
    let mut lines = Matcher::new(&mut Bindings::default()).diff(&want, entry, "log");
    let key = entry["id"].as_str().and_then(|global_id| key_of(global_id, "MutationLogGQLType"));
    if key.as_deref() != internal_id.as_str() {
        lines.push(format!("log.id: stands for {key:?}, the payload's internalId is {internal_id}"));
    }
    let (status, error) = (entry["status"].as_u64(), &entry["error"]);
    let allowed = expect.log.as_ref().map_or(&[][..], OneOrMany::values);
    let has_error = !error.is_null() && error != "";
    if !allowed.iter().any(|&allowed| status == Some(allowed.into())) {
        lines.push(format!("log status {status:?}, want {allowed:?} (error {})", brief(error)));
    } else if (status == Some(FAILED)) != has_error {
        lines.push(format!("log status {status:?} with error {}", brief(error)));
    }
    lines
}

const POLL: &str = "query($id: String) { mutationLogs(clientMutationId: $id) { edges { node { \
    id status error clientMutationId clientMutationLabel requestDateTime } } } }";
const PAUSE: Duration = Duration::from_millis(50);
/// For an entry to appear at all: a second.
const POLLS_TO_APPEAR: usize = 20;
/// For an entry to become final: ten seconds.
const POLLS_TO_END: usize = 200;

/// The caller's entries of that id, once they are final or the patience is over.
async fn entries(session: &mut Session, id: &str) -> Result<Vec<Value>, String> {
    let variables = json!({"id": id});
    for poll in 1.. {
        let reply = session.graphql(POLL, Some(&variables), &Headers::new()).await?;
        let edges = reply.data()["mutationLogs"]["edges"].as_array();
        let entries: Vec<Value> = edges.into_iter().flatten().map(|edge| edge["node"].clone()).collect();
        let under_way = entries.iter().any(|entry| entry["status"] == 0);
        let patience = if entries.is_empty() { POLLS_TO_APPEAR } else { POLLS_TO_END };
        if poll > patience || !(entries.is_empty() || under_way) {
            return Ok(entries);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Vec::new())
}

mod tests;
