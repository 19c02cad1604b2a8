//! Failed logins, counted for each user name and each address.

use chrono::NaiveDateTime;

use super::entity::entity;

entity! {
    /// How often logins under a key have failed.
    #[derive(Eq)]
    pub struct LoginFailure ("login_failure") in core_loginfailure (key) {
        /// The user name or address.
        key: String => Text,
        /// How often, since then.
        failures: i32 => Integer,
        /// When the first of them was, naive UTC.
        date_first: NaiveDateTime => Timestamp,
    }
}
