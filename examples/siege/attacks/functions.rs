//! Attacks by a function that answers strangers.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::{Field, Outcome};
use crate::http::{Client, place};
use crate::witness::mutate;

/// A function that does what the path says: it answers, never ends, takes memory without end, or answers much.
const SOURCE: &str = "export default async (task) => {\n\
      const { path } = task.data;\n\
      if (path === '/loops') for (;;);\n\
      if (path === '/fills') { const all = []; for (;;) all.push(new Array(100000).fill(all.length)); }\n\
      if (path === '/large') return { statusCode: 200, body: 'x'.repeat(6 * 1024 * 1024) };\n\
      if (path === '/cookie') return { statusCode: 200, headers: { 'set-cookie': 'JWT=forged' } };\n\
      if (path === '/breaks') return { statusCode: 200, headers: { x: '1\\r\\nset-cookie: JWT=forged' } };\n\
      return { statusCode: 200, body: path };\n\
    };";
/// What strangers ask for, and how large a body they send.
const REQUESTS: [(&str, &str, usize); 9] = [
    ("POST", "/api/functions/door/loops", 60_000),
    ("POST", "/api/functions/door/fills", 0),
    ("GET", "/api/functions/door/large", 0),
    ("GET", "/api/functions/door/cookie", 0),
    ("GET", "/api/functions/door/breaks", 0),
    ("PUT", "/api/functions/door/%00/../../x?__proto__=1", 65_536),
    ("POST", "/api/functions/door/", 1_000_000),
    ("GET", "/api/functions/vault/x", 0),
    ("OPTIONS", "/api/functions/none", 2_000_000),
];
/// The last numbers of the addresses from which they come.
const PLACES: std::ops::Range<u8> = 60..66;

/// Strangers of several addresses call a public function, and others that are not theirs, as often as they can.
pub async fn public(field: &Field<'_>) -> Result<Outcome, String> {
    let mut admin = Client::logged_in(field.server, place(9), "admin").await?;
    for (name, mode) in [("door", "public"), ("vault", "allUsers")] {
        let input = json!({
            "name": name, "kind": "JAVASCRIPT", "source": SOURCE, "permissionMode": mode, "timeLimit": 3, "memoryLimit": 64,
            "maxConcurrency": 2,
        });
        mutate(&mut admin, "createTaskFunction", "CreateTaskFunctionMutationInput", &input).await?;
    }
    let mut attackers = JoinSet::new();
    let grace = Duration::from_secs(field.size.grace);
    for number in PLACES {
        let (server, until, tally) = (field.server, field.until, Arc::clone(&field.tally));
        attackers.spawn(async move {
            let mut client = Client::new(server, place(number));
            let mut wrong = Vec::new();
            for (method, path, bytes) in REQUESTS.iter().cycle().skip(usize::from(number)) {
                let body = Bytes::from(vec![b'x'; *bytes]);
                let end = until.max(Instant::now()) + grace;
                let answer = timeout_at(end, client.send(method, path, body)).await.ok().and_then(Result::ok);
                let status = answer.as_ref().map(|answer| answer.status);
                tally.note(status);
                if path.contains("vault") && status.is_some_and(|status| status != 401) {
                    wrong.push(format!("a function that is not public answers a stranger: {status:?}"));
                }
                if answer.is_some_and(|answer| answer.sets_cookies) {
                    wrong.push(format!("{path} has set a cookie"));
                }
                if status.is_none() {
                    client.hang_up();
                }
                if Instant::now() >= until {
                    break;
                }
            }
            wrong.dedup();
            wrong
        });
    }
    let mut violations = Vec::new();
    while let Some(wrong) = attackers.join_next().await {
        violations.extend(wrong.map_err(|error| error.to_string())?);
    }
    let counted = "SELECT '' AS a, '' AS b, '' AS c, count(*) AS n FROM task_management_functionrequest";
    let counted = field.store.rows(counted).map_err(|error| error.to_string())?;
    let kept = counted.first().map_or(0, |row| row.n);
    let most = i64::from(PLACES.end - PLACES.start) * 2 * 60;
    if kept == 0 || kept > most {
        violations
            .push(format!("{kept} calls are kept: there must be some, and {most} at most in two minutes"));
    }
    Ok(Outcome { note: format!("{kept} calls"), violations })
}
