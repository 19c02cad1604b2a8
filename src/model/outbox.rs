//! The outbox: deliveries of events, one row for each event and subscriber.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use crate::domain::json::Json;
use crate::domain::outbox::DeliveryStatus;

entity! {
    /// A delivery: an event for one subscriber.
    pub struct Delivery ("delivery") in task_management_outbox (id) {
        /// Primary key, counted by the database in the order of writes.
        id: i64 => BigInt,
        /// The event's stable id, by which handlers tell repeats.
        event_id: Uuid => Uuid,
        /// The signal's name.
        signal: String => Text,
        /// The subscriber's name.
        handler: String => Text,
        /// The row that the event is about. Deliveries about one row keep their order.
        entity_id: Uuid => Uuid,
        /// The user who caused the event.
        user_id: Uuid => Uuid,
        /// The event's data.
        data: Json => Jsonb,
        /// When the event happened, naive UTC.
        date_created: NaiveDateTime => Timestamp,
        /// The status of the delivery.
        status: DeliveryStatus => Text,
        /// How often the delivery has been tried.
        attempts: i32 => Integer,
        /// When the delivery is due, or due again, naive UTC.
        date_due: NaiveDateTime => Timestamp,
        /// The worker that has the delivery in hand.
        leased_by: Option<Uuid> => Nullable<Uuid>,
        /// Until when that worker has it in hand, naive UTC.
        lease_until: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// Why the last attempt failed.
        last_error: Option<String> => Nullable<Text>,
        /// When the delivery was made, naive UTC.
        date_delivered: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// How many runs of functions stand behind the event, one causing the next.
        cause_depth: i32 => Integer,
    }
}
