//! The vote: one person's verdict on a task, or on one record of it, in the ledger that decides.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// What a vote says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// The whole task may go ahead.
    Approved,
    /// The whole task is refused, at once and for good.
    Failed,
    /// One record of the task is accepted.
    Accept,
    /// One record of the task is rejected.
    Reject,
}

impl Verdict {
    /// All values.
    pub const ALL: [Self; 4] = [Self::Approved, Self::Failed, Self::Accept, Self::Reject];

    /// The text kept in the database and shown to clients.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::Failed => "FAILED",
            Self::Accept => "ACCEPT",
            Self::Reject => "REJECT",
        }
    }

    /// The verdict of this text, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == text)
    }
}

/// A row of the ledger. Rows are only added; a vote that its caster replaced is marked deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vote {
    /// Primary key, UUIDv7.
    pub id: Uuid,
    /// Whether its caster has replaced it by another verdict.
    pub is_deleted: bool,
    /// Free JSON of hosts.
    pub json_ext: Option<Value>,
    /// Counts the writes, from 1.
    pub version: i32,
    /// When it was cast, naive UTC.
    pub date_created: NaiveDateTime,
    /// When the row was last written, naive UTC.
    pub date_updated: NaiveDateTime,
    /// Who cast it; always equal to `user_id`, as nobody votes in another's name.
    pub user_created: Uuid,
    /// Who wrote the row last.
    pub user_updated: Uuid,
    /// The task voted on.
    pub task_id: Uuid,
    /// The step of the flow it was cast at; none for tasks in no flow.
    pub step_id: Option<Uuid>,
    /// Whose vote it is.
    pub user_id: Uuid,
    /// The record voted on; none for a vote on the whole task.
    pub record_id: Option<String>,
    /// What it says.
    pub verdict: Verdict,
}
