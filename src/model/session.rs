//! The session: that somebody is logged in, so that every process knows at once when that ends.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;

entity! {
    /// A session as it is stored.
    #[derive(Eq)]
    pub struct Session ("session") in core_session (id) {
        /// Primary key; tokens name it.
        id: Uuid => Uuid,
        /// Whose it is.
        user_id: Uuid => Uuid,
        /// Hash of the refresh token.
        refresh_hash: String => Text,
        /// When it began, naive UTC.
        date_created: NaiveDateTime => Timestamp,
        /// When it ends unless it is ended before, naive UTC.
        date_expires: NaiveDateTime => Timestamp,
        /// When it was ended before, naive UTC.
        date_revoked: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}
