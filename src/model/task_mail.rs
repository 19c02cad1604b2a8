//! The mail: one row for each recipient. A delivery of the outbox sends it.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use crate::domain::json::Json;
use crate::domain::mail::{MailRecipient, MailStatus};

entity! {
    /// A mail as it is stored. What it says is made when it is sent.
    #[derive(Eq)]
    pub struct TaskMail ("task_mail") in task_management_taskmail (id) {
        /// Primary key, UUIDv7; the event id of its delivery.
        id: Uuid => Uuid,
        /// The stable id of the event of which it tells.
        event_id: Uuid => Uuid,
        /// The signal's name.
        signal: String => Text,
        /// The row that the event is about.
        entity_id: Uuid => Uuid,
        /// The name of its template.
        template: String => Text,
        /// As whom the recipient gets it.
        recipient: MailRecipient => Text,
        /// The person who gets it; none if it goes to an address of a dispatcher.
        user_id: Option<Uuid> => Nullable<Uuid>,
        /// The address of a dispatcher; none if a person gets it.
        address: Option<String> => Nullable<Text>,
        /// What there is one mail of: of two with the same text, only the first is made.
        unique_key: String => Text,
        /// The `Message-ID`, by which receivers tell repeats.
        message_id: String => Text,
        /// What has become of it.
        status: MailStatus => Text,
        /// How often it was tried.
        attempts: i32 => Integer,
        /// Why the last attempt failed, or why it was not sent.
        error: Option<String> => Nullable<Text>,
        /// When it was made, naive UTC.
        date_created: NaiveDateTime => Timestamp,
        /// When the mail server took it, naive UTC.
        date_sent: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// The dispatcher that left it; none if the module itself mails.
        dispatcher_id: Option<Uuid> => Nullable<Uuid>,
        /// The digest with which it goes; none if it goes by itself, or still waits for one.
        digest_id: Option<Uuid> => Nullable<Uuid>,
        /// Of a mail that waits for a digest, what its delivery would say of the event.
        cause: Option<Json> => Nullable<Jsonb>,
    }
}
