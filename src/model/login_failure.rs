//! Failed logins, counted for each user name and each address.

use chrono::NaiveDateTime;

use super::entity::entity;

entity! {
    /// The failed logins under one key.
    #[derive(Eq)]
    pub struct LoginFailure ("login_failure") in core_loginfailure (key) {
        /// The address, or what stands for the name that was typed.
        key: String => Text,
        /// How many logins have failed since `date_first`.
        failures: i32 => Integer,
        /// When the first of them failed, naive UTC.
        date_first: NaiveDateTime => Timestamp,
    }
}
