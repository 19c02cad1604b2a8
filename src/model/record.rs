//! The record: the fields that every versioned row has.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::bound::{Bound, Embedded};
use crate::clock::new_id;
use crate::domain::json::Json;

/// The fields that every versioned row has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, diesel::Queryable)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Primary key, UUIDv7.
    pub id: Uuid,
    /// Whether the row was deleted. A deleted row is shown in history only.
    pub is_deleted: bool,
    /// Free JSON of hosts, in which the module keeps some data of its own.
    pub json_ext: Option<Json>,
    /// Counts the writes, from 1.
    pub version: i32,
    /// When the row was created, naive UTC.
    pub date_created: NaiveDateTime,
    /// When the row was last written, naive UTC.
    pub date_updated: NaiveDateTime,
    /// The user who created the row.
    pub user_created: Uuid,
    /// The user who wrote the row last.
    pub user_updated: Uuid,
}

impl Record {
    /// The record of a new row.
    #[must_use]
    pub fn new(user: Uuid, now: NaiveDateTime) -> Self {
        Self {
            id: new_id(),
            is_deleted: false,
            json_ext: None,
            version: 1,
            date_created: now,
            date_updated: now,
            user_created: user,
            user_updated: user,
        }
    }

    /// Makes it the record of the next version. That is never dated before the one before it, even if a clock goes back, or
    /// another server's clock is ahead.
    pub fn stamp(&mut self, user: Uuid, now: NaiveDateTime) {
        self.version += 1;
        self.date_updated = now.max(self.date_updated);
        self.user_updated = user;
    }
}

impl Embedded for Record {
    fn values(&self, values: &mut Vec<Bound>) {
        values.extend([
            (&self.id).into(),
            (&self.is_deleted).into(),
            (&self.json_ext).into(),
            (&self.version).into(),
            (&self.date_created).into(),
            (&self.date_updated).into(),
            (&self.user_created).into(),
            (&self.user_updated).into(),
        ]);
    }
}
