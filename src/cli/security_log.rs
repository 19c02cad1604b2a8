//! The security log as JSON lines.

use std::io::Write as _;

use chrono::NaiveDateTime;
use serde_json::json;

use super::{present, say};
use crate::config::Settings;
use crate::service::security_log::part_for_operator;

/// Writes the entries since a moment to the standard output, a JSON object in each line, the oldest first.
///
/// # Errors
/// A sentence that says what can't be read, or what is wrong with the database.
pub async fn export_security_log(settings: Settings, since: Option<String>) -> Result<String, String> {
    let since = since.map(|text| read(&text)).transpose()?;
    let module = present(settings)?;
    let (mut after, mut lines) = (None, Vec::new());
    loop {
        let part = part_for_operator(module.services(), since, after).await.map_err(say)?;
        let Some((_, cursor)) = part.rows.last() else { break };
        after = Some(cursor.clone());
        for (entry, _) in part.rows {
            let line = json!({
                "id": entry.id, "date": entry.date.format("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
                "kind": entry.kind.as_str(), "userId": entry.user_id, "subjectId": entry.subject_id,
                "address": entry.address, "detail": entry.detail,
            });
            lines.push(line.to_string());
        }
        let mut out = std::io::stdout().lock();
        for line in lines.drain(..) {
            writeln!(out, "{line}").map_err(|error| format!("the lines can't be written: {error}"))?;
        }
    }
    Ok(String::new())
}

fn read(text: &str) -> Result<NaiveDateTime, String> {
    let day = || text.parse::<chrono::NaiveDate>().ok().and_then(|day| day.and_hms_opt(0, 0, 0));
    text.parse::<NaiveDateTime>().ok().or_else(day).ok_or_else(|| {
        format!("--since {text} is no moment: it looks like 2026-01-31 or 2026-01-31T12:00:00, in UTC")
    })
}
