//! Reading a vote from the input.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::ResolveTask;
use crate::domain::decision::Mode;
use crate::domain::json::Json;
use crate::domain::text::{MAX_TEXT, check_json, check_object, check_text, is_blank};
use crate::domain::verdict::Verdict;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::task::Task;
use crate::service::task::action::Forms;
use crate::service::unit_of_work::UnitOfWork;

/// A vote as it was read from the input.
pub struct Cast {
    /// The value under the caller's id, to be merged into `businessStatus`.
    pub value: Json,
    /// The verdicts in it, on the whole task or on records; none if the completion policy does not decide.
    pub verdicts: Vec<(Option<String>, Verdict)>,
    /// The reason.
    pub comment: Option<String>,
}

/// The form of verdicts on records, as errors show it.
const RECORDS: &str = r#"{"ACCEPT": […], "REJECT": […]}"#;

/// Reads the vote. It must be in the requester's own name, with a verdict that the task can have.
///
/// # Errors
/// VALIDATION or LIMIT, naming the field.
pub fn read(
    unit: &UnitOfWork<'_>,
    input: &ResolveTask,
    task: &Task,
    mode: Mode,
    by_policy: bool,
) -> Result<Cast> {
    let foreign = || Error::validation("businessStatus", Message::new("vote-in-own-name"));
    check_json("businessStatus", &input.business_status, unit.services.limits.json_bytes)?;
    if let Some(additional) = &input.additional_data {
        check_json("additionalData", additional, unit.services.limits.json_bytes)?;
    }
    let mut entries = check_object("businessStatus", &input.business_status)?.iter();
    let (Some((key, value)), None) = (entries.next(), entries.next()) else {
        return Err(foreign());
    };
    if key.parse::<Uuid>().ok() != Some(unit.requester.id()) {
        return Err(foreign());
    }
    let verdicts = if by_policy { read_verdicts(unit, task, mode, value)? } else { Vec::new() };
    let comment = read_comment(unit, input.comment.as_deref())?;
    let rejects = verdicts.iter().any(|(_, verdict)| matches!(verdict, Verdict::Failed | Verdict::Reject));
    if rejects {
        need_reason(unit, comment.is_some())?;
    }
    Ok(Cast { value: value.clone(), verdicts, comment })
}

/// The comment without outer white space; none if it is invisible.
///
/// # Errors
/// VALIDATION for a comment that is too long.
pub fn read_comment(unit: &UnitOfWork<'_>, comment: Option<&str>) -> Result<Option<String>> {
    let comment = comment.map(str::trim);
    if let Some(comment) = comment {
        check_text("comment", comment, unit.services.limits.comment_length)?;
    }
    Ok(comment.filter(|comment| !is_blank(comment)).map(str::to_owned))
}

/// Refuses a rejection without a reason, if the settings want one.
///
/// # Errors
/// VALIDATION, naming `comment`.
pub fn need_reason(unit: &UnitOfWork<'_>, has_reason: bool) -> Result<()> {
    if unit.settings.require_rejection_comment && !has_reason {
        return Err(Error::validation("comment", Message::new("rejection-needs-comment")));
    }
    Ok(())
}

fn read_verdicts(
    unit: &UnitOfWork<'_>,
    task: &Task,
    mode: Mode,
    value: &Json,
) -> Result<Vec<(Option<String>, Verdict)>> {
    let settings = &unit.settings;
    let Forms { whole: of_whole, records: of_records } = Forms::of(task, mode, settings);
    let unknown = || {
        let mut allowed = Vec::new();
        if of_whole {
            allowed.extend([settings.task_user_approved.as_str(), settings.task_user_failed.as_str()]);
        }
        if of_records {
            allowed.push(RECORDS);
        }
        Error::validation("businessStatus", Message::new("unknown-verdict").with_list("allowed", &allowed))
    };
    match value {
        Json::String(text) if of_whole && *text == settings.task_user_approved => {
            Ok(vec![(None, Verdict::Approved)])
        }
        Json::String(text) if of_whole && *text == settings.task_user_failed => {
            Ok(vec![(None, Verdict::Failed)])
        }
        Json::Object(map) if of_records => {
            let mut verdicts = Vec::new();
            let mut records = BTreeSet::new();
            for (key, listed) in map {
                let verdict = [Verdict::Accept, Verdict::Reject]
                    .into_iter()
                    .find(|verdict| verdict.as_str() == key)
                    .ok_or_else(unknown)?;
                let listed = listed.as_array().ok_or_else(unknown)?;
                check_count(unit, records.len() + listed.len())?;
                let mut own = BTreeSet::new();
                for record in listed {
                    let record = record.as_str().ok_or_else(unknown)?;
                    check_text("businessStatus", record, MAX_TEXT)?;
                    if is_blank(record) {
                        return Err(Error::validation("businessStatus", Message::new("blank-record")));
                    }
                    if own.insert(record) {
                        verdicts.push((Some(record.to_owned()), verdict));
                    }
                }
                if own.iter().any(|record| !records.insert(*record)) {
                    return Err(Error::validation("businessStatus", Message::new("record-in-both")));
                }
            }
            if verdicts.is_empty() { Err(unknown()) } else { Ok(verdicts) }
        }
        _ => Err(unknown()),
    }
}

fn check_count(unit: &UnitOfWork<'_>, count: usize) -> Result<()> {
    let max = unit.services.limits.records_per_vote;
    if count > max {
        let message = Message::new("list-too-long").with("field", "businessStatus").with("max", max);
        return Err(Error::limit("businessStatus", message));
    }
    Ok(())
}
