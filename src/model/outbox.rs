//! The outbox: events that are to be told, one row for each event and subscriber.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use crate::domain::json::Json;
use crate::domain::outbox::DeliveryStatus;

entity! {
    /// An event for one handler.
    pub struct Delivery ("delivery") in task_management_outbox (id) {
        /// Primary key, counted by the database in the order of writes.
        id: i64 => BigInt,
        /// The event's stable id, by which handlers tell repeats.
        event_id: Uuid => Uuid,
        /// The signal's name.
        signal: String => Text,
        /// The subscriber's name.
        handler: String => Text,
        /// What the event is about; deliveries about one row keep their order.
        entity_id: Uuid => Uuid,
        /// Who caused it.
        user_id: Uuid => Uuid,
        /// What happened.
        data: Json => Jsonb,
        /// When it happened, naive UTC.
        date_created: NaiveDateTime => Timestamp,
        /// How it stands.
        status: DeliveryStatus => Text,
        /// How often it has been tried.
        attempts: i32 => Integer,
        /// When it is tried again, naive UTC.
        date_due: NaiveDateTime => Timestamp,
        /// The worker that has it in hand.
        leased_by: Option<Uuid> => Nullable<Uuid>,
        /// Until when a worker has it in hand, naive UTC.
        lease_until: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// Why the last try failed.
        last_error: Option<String> => Nullable<Text>,
        /// When the handler had done its work, naive UTC.
        date_delivered: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}
