//! The record: what every versioned row has.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::bound::{Bound, Embedded};
use crate::clock::new_id;
use crate::domain::json::Json;

/// What every versioned row has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, diesel::Queryable)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Primary key, UUIDv7.
    pub id: Uuid,
    /// Whether it was deleted; such a row is shown in history only.
    pub is_deleted: bool,
    /// Free JSON of hosts; the module keeps some of its own in it.
    pub json_ext: Option<Json>,
    /// Counts the writes, from 1.
    pub version: i32,
    /// When it was created, naive UTC.
    pub date_created: NaiveDateTime,
    /// When it was last written, naive UTC.
    pub date_updated: NaiveDateTime,
    /// Who created it.
    pub user_created: Uuid,
    /// Who wrote it last.
    pub user_updated: Uuid,
}

impl Record {
    /// That of a new row.
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

    /// Marks it as the next version, which is never dated before the one before it: a clock may go back, or another server's be
    /// ahead.
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
