//! The security log: who got in or was refused, and who gave and took what. It outlives what it tells of.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use crate::domain::security_log::SecurityEvent;

entity! {
    /// An entry as it is stored.
    #[derive(Eq)]
    pub struct SecurityEntry ("security_entry") in core_securitylog (id) {
        /// Primary key, UUIDv7.
        id: Uuid => Uuid,
        /// When it happened, naive UTC.
        date: NaiveDateTime => Timestamp,
        /// What happened.
        kind: SecurityEvent => Text,
        /// Who did it; none for a stranger.
        user_id: Option<Uuid> => Nullable<Uuid>,
        /// The user to whom it was done, if there is one.
        subject_id: Option<Uuid> => Nullable<Uuid>,
        /// The network from which it came, where that is known.
        address: Option<String> => Nullable<Text>,
        /// What more there is to say: the name that was tried, if there is such a user; the role, the token's name.
        detail: Option<String> => Nullable<Text>,
    }
}
