//! An attempt to tell a webhook endpoint of an event, and what came of it.

use chrono::NaiveDateTime;
use uuid::Uuid;

/// An attempt that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhookAttempt {
    /// The endpoint.
    pub endpoint_id: Uuid,
    /// The event's stable id, which the receiver sees as `webhook-id`.
    pub event_id: Uuid,
    /// The delivery in the outbox.
    pub delivery_id: i64,
    /// Which try of the delivery it was, from 1.
    pub attempt: i32,
    /// The signal's name.
    pub signal: String,
    /// The row that the event is about.
    pub entity_id: Uuid,
    /// When it began, naive UTC.
    pub date: NaiveDateTime,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// The status that was answered; absent where there was no answer.
    pub status_code: Option<i32>,
    /// Why it failed; absent after a success.
    pub error: Option<String>,
    /// The beginning of what was answered.
    pub response: Option<String>,
}

/// An attempt as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookAttempt {
    /// Primary key, counting up in the order of writes.
    pub id: i64,
    /// What is recorded of it.
    pub record: NewWebhookAttempt,
}
