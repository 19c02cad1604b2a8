//! The vote: one person's verdict on a task, or on one record of it, in the ledger that decides.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::decision::CountedVote;

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
    /// What its caster has to say about it.
    pub comment: Option<String>,
    /// The caster's weight when it was cast.
    pub weight: i32,
    /// The hash of the task's `data` when it was cast, see [`data_hash`]; none in votes older than the hash.
    pub data_hash: Option<String>,
    /// Whether what was voted on has changed since, or was given to another group. A stale vote counts no more.
    pub is_stale: bool,
}

impl Vote {
    /// As the decision counts it.
    #[must_use]
    pub fn counted(&self) -> CountedVote {
        CountedVote {
            user: self.user_id,
            verdict: self.verdict,
            weight: u64::try_from(self.weight).unwrap_or_default(),
        }
    }

    /// Whether it counts for a task whose data has this hash.
    #[must_use]
    pub fn counts_for(&self, hash: &str) -> bool {
        !self.is_deleted && !self.is_stale && self.data_hash.as_deref().is_none_or(|own| own == hash)
    }
}

/// The hash that binds a vote to the data that was voted on: SHA-256 in lower-case hex of the JSON text without white
/// space, keys in the order of their bytes.
#[must_use]
pub fn data_hash(data: &Value) -> String {
    Sha256::digest(sorted(data).to_string()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
        hex.push(digit(byte >> 4));
        hex.push(digit(byte & 15));
        hex
    })
}

/// The same with the keys of all objects in order, whichever order this build of `serde_json` keeps: a host may have chosen
/// that of insertion for the whole program.
fn sorted(data: &Value) -> Value {
    match data {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// The records that somebody rejected by a vote that counts.
#[must_use]
pub fn rejected_records<'a>(votes: impl IntoIterator<Item = &'a Vote>) -> BTreeSet<String> {
    votes
        .into_iter()
        .filter(|vote| vote.verdict == Verdict::Reject)
        .filter_map(|vote| vote.record_id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hash_is_of_what_the_data_says_not_of_how_it_is_written() {
        let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let hash = data_hash(&json!({"a": 1, "b": [true, null]}));
        assert_eq!(hash, data_hash(&read(r#"{ "b":[ true,null ], "a":1 }"#)));
        assert_ne!(hash, data_hash(&json!({"a": 2, "b": [true, null]})));
        let nested = json!([{ "z": { "b": 1, "a": [{ "d": 1, "c": 2 }] } }]);
        assert_eq!(sorted(&nested).to_string(), r#"[{"z":{"a":[{"c":2,"d":1}],"b":1}}]"#);
        assert_eq!(data_hash(&json!({})), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    }
}
