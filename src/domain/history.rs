//! The versions of a row: one history row for each write.

use chrono::NaiveDateTime;
use uuid::Uuid;

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryType {
    /// The row was created.
    Created,
    /// The row was changed.
    Changed,
    /// The row was marked deleted.
    Deleted,
}

impl HistoryType {
    /// The character kept in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "+",
            Self::Changed => "~",
            Self::Deleted => "-",
        }
    }

    /// The type of this character, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Created, Self::Changed, Self::Deleted].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A row as it was after a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Historical<T> {
    /// Primary key of the history row, counting up in the order of writes.
    pub history_id: i64,
    /// When it was written, naive UTC.
    pub history_date: NaiveDateTime,
    /// What the write did.
    pub history_type: HistoryType,
    /// Who wrote it; none for rows that were loaded.
    pub history_user: Option<Uuid>,
    /// Why, where the writer said so.
    pub history_change_reason: Option<String>,
    /// The row after the write.
    pub row: T,
}
