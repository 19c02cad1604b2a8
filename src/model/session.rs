//! The session of a user who is logged in. It is in the database, so that every process knows at once when it ends.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;

entity! {
    /// A session as it is stored.
    #[derive(Eq)]
    pub struct Session ("session") in core_session (id) {
        /// Primary key; tokens name it.
        id: Uuid => Uuid,
        /// The user who is logged in.
        user_id: Uuid => Uuid,
        /// Hash of the refresh token.
        refresh_hash: String => Text,
        /// When the session began, naive UTC.
        date_created: NaiveDateTime => Timestamp,
        /// When the session ends by itself, naive UTC.
        date_expires: NaiveDateTime => Timestamp,
        /// When the session was ended before that, naive UTC.
        date_revoked: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}
