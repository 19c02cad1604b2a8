//! An attempt to tell a webhook endpoint of an event, and its result.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;

entity! {
    /// An attempt as it is stored.
    #[derive(Eq)]
    pub struct WebhookAttempt ("webhook_attempt") in task_management_webhookattempt (id) {
        /// Primary key, counted by the database in the order of writes.
        id: i64 => BigInt,
        /// The endpoint.
        endpoint_id: Uuid => Uuid,
        /// The event's stable id, which the receiver sees as `webhook-id`.
        event_id: Uuid => Uuid,
        /// The delivery in the outbox.
        delivery_id: i64 => BigInt,
        /// The number of the attempt at this delivery, from 1.
        attempt: i32 => Integer,
        /// The signal's name.
        signal: String => Text,
        /// The row that the event is about.
        entity_id: Uuid => Uuid,
        /// When the attempt began, naive UTC.
        date: NaiveDateTime => Timestamp,
        /// How long the attempt took, in milliseconds.
        duration_ms: i64 => BigInt,
        /// The HTTP status of the answer; absent if there was no answer.
        status_code: Option<i32> => Nullable<Integer>,
        /// Why the attempt failed; absent after a success.
        error: Option<String> => Nullable<Text>,
        /// The beginning of the answer's body.
        response: Option<String> => Nullable<Text>,
    }
}
