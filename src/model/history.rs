//! The versions of a row: one history row for each write, with a copy of the row as it was then.

use std::ops::Deref;

use chrono::NaiveDateTime;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::bound::{Bound, Embedded};
use crate::domain::history::HistoryType;

/// A row as it was after a write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, QueryableByName)]
#[serde(rename_all = "camelCase")]
pub struct Historical<T> {
    /// What history keeps about the write.
    #[serde(flatten)]
    #[diesel(embed)]
    pub history: History,
    /// The row after the write.
    #[serde(flatten)]
    #[diesel(embed)]
    pub row: T,
}

impl<T> Deref for Historical<T> {
    type Target = History;

    fn deref(&self) -> &History {
        &self.history
    }
}

/// What history keeps about a write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, QueryableByName)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "they are the columns' names")]
pub struct History {
    /// Primary key of the history row, counting up in the order of writes.
    #[diesel(sql_type = BigInt)]
    pub history_id: i64,
    /// When the row was written, naive UTC.
    #[diesel(sql_type = Timestamp)]
    pub history_date: NaiveDateTime,
    /// What the write did.
    #[diesel(sql_type = Text)]
    pub history_type: HistoryType,
    /// The person who wrote the row; none for rows that were loaded.
    #[diesel(sql_type = Nullable<diesel::sql_types::Uuid>)]
    pub history_user: Option<Uuid>,
    /// The reason, if the writer gave one.
    #[diesel(sql_type = Nullable<Text>)]
    pub history_change_reason: Option<String>,
}

/// The columns that every twin has besides the copy, in the order of `History`.
pub const COLUMNS: [&str; 5] =
    ["history_id", "history_date", "history_type", "history_user", "history_change_reason"];

impl Embedded for History {
    fn values(&self, values: &mut Vec<Bound>) {
        values.extend([
            (&self.history_id).into(),
            (&self.history_date).into(),
            (&self.history_type).into(),
            (&self.history_user).into(),
            (&self.history_change_reason).into(),
        ]);
    }
}
