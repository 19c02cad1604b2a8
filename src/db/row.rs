//! What every row conversion needs.

use serde_json::Value;
use uuid::Uuid;

use super::types::{DbJson, DbUuid};
use crate::error::{Error, Result};

/// A text of the database as the enum it stands for. The database checks its values, so a stranger is its fault.
///
/// # Errors
/// INTERNAL for a value outside the enum.
pub fn known<T>(what: &str, text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    parse(text).ok_or_else(|| Error::internal(format!("the database holds the {what} {text:?}")))
}

pub fn json(value: Option<DbJson>) -> Option<Value> {
    value.map(|value| value.0)
}

pub fn id(value: Option<DbUuid>) -> Option<Uuid> {
    value.map(|value| value.0)
}

/// Whether an error is the database's refusal of a second row by this constraint. SQLite does not name constraints in
/// its refusals, but there the rules are checked under the one write lock, so the question does not come up.
#[must_use]
pub fn violates_unique(error: &Error, constraint: &str) -> bool {
    use diesel::result::{DatabaseErrorKind, Error as Diesel};
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Diesel>());
    matches!(
        source,
        Some(Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, information))
            if information.constraint_name() == Some(constraint)
    )
}
