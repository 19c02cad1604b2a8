//! Advice about errors at the command line, where the operator also reads their causes.

use crate::error::{Error, ErrorCode};

/// The text of an error: what went wrong, and what to do.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
#[must_use]
pub fn say(error: Error) -> String {
    let text = what_failed(&error);
    match advice(&error, &text) {
        Some(advice) => format!("{}; {advice}", text.trim_end_matches('.')),
        None => text,
    }
}

/// What went wrong, in one line.
pub fn what_failed(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => cause.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
        None => error.to_string(),
    }
}

/// The advice about an error; none if the text itself says what is needed.
fn advice(error: &Error, text: &str) -> Option<&'static str> {
    Some(match (error.code(), error.field()) {
        (ErrorCode::Unavailable, _) if text.contains("database.") => return None,
        (ErrorCode::Unavailable, _) => {
            "see that the database runs, and that database.url (TASKS__DATABASE__URL, --database-url) leads to it"
        }
        (ErrorCode::NotFound, Some("username")) => {
            "`tasks-management user list` shows users, and `user add` adds one"
        }
        (ErrorCode::NotFound, Some("role")) => {
            "`tasks-management role list` shows roles; `role create` and `tasks-management load` add them"
        }
        (_, Some("ids")) => "`tasks-management events list` shows which there are",
        (ErrorCode::Limit | ErrorCode::Validation, Some("first")) => "change --limit",
        (ErrorCode::Validation, Some("username")) => {
            "take another name; `tasks-management user set-password` and `user grant` change a user who is there"
        }
        (ErrorCode::Internal, _) if text.contains("no such table") || text.contains("does not exist") => {
            "`tasks-management migrate` brings the database up to date"
        }
        (ErrorCode::Internal, _) => {
            "see that this user may read and write the database; if so, the program is at fault: please report it"
        }
        _ => return None,
    })
}
