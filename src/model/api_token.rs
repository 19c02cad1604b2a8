//! The token of a program, which asks in the name of a user. It is a session that has a name and rights of its own, and is
//! found by the statement that finds sessions.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use crate::domain::json::Json;

entity! {
    /// A token as it is stored.
    #[derive(Eq)]
    pub struct ApiToken ("api_token") in core_session (id) {
        /// Primary key.
        id: Uuid => Uuid,
        /// The user in whose name the program asks.
        user_id: Uuid => Uuid,
        /// Hash of the token.
        refresh_hash: String => Text,
        /// When the token was made, naive UTC.
        date_created: NaiveDateTime => Timestamp,
        /// When the token ends by itself, naive UTC.
        date_expires: NaiveDateTime => Timestamp,
        /// When the token was revoked before that, naive UTC.
        date_revoked: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// What the token is for; absent for the sessions of people.
        token_name: Option<String> => Nullable<Text>,
        /// The numbers of the rights that the program has at most, as a list.
        token_rights: Option<Json> => Nullable<Jsonb>,
        /// When the token was last used, naive UTC, to the minute.
        date_used: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}

impl ApiToken {
    /// The numbers of the rights that the program has at most.
    #[must_use]
    pub fn rights(&self) -> Vec<i32> {
        numbers(self.token_rights.as_ref())
    }
}

/// The numbers in a list as it is stored.
#[must_use]
pub fn numbers(stored: Option<&Json>) -> Vec<i32> {
    stored.and_then(|list| list.read().ok()).unwrap_or_default()
}
