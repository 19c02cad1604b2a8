//! The user: a person who makes, decides or administers tasks.

use chrono::NaiveDateTime;

use super::entity::entity;
use super::record::Record;
use crate::domain::mail::{MAIL_HOUR, MAIL_TIME_ZONE, MailFrequency};

entity! {
    /// A user as it is stored. openIMIS splits users into a core user and an interactive user, and the interface shows both.
    /// The hash of the password is not read into this struct.
    pub struct User ("user") in core_user (id), versions in core_historicaluser {
        /// The number of the interactive user, unique.
        interactive_user_id: i32 => Integer,
        /// The name to log in with, unique, case-sensitive.
        username: String => Text,
        /// Family name.
        last_name: String => Text,
        /// Given names.
        other_names: String => Text,
        /// E-mail address.
        email: Option<String> => Nullable<Text>,
        /// Telephone number.
        phone: Option<String> => Nullable<Text>,
        /// Code of the language the user reads.
        language: String => Text,
        /// Whether the user may log in and become an executor.
        is_active: bool => Bool,
        /// When the user last logged in, naive UTC.
        last_login: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// How often the user gets mails about tasks.
        mail_frequency: MailFrequency => Text,
        /// The hour at which digests are sent, if they are not sent each hour.
        mail_hour: i32 => Integer,
        /// The time zone of that hour, by its name in the IANA database.
        mail_time_zone: String => Text,
    }
}

impl User {
    /// A user without names, who is active, reads English and gets each mail at once.
    #[must_use]
    pub fn new(record: Record, interactive_user_id: i32) -> Self {
        Self {
            record,
            interactive_user_id,
            username: String::new(),
            last_name: String::new(),
            other_names: String::new(),
            email: None,
            phone: None,
            language: "en".to_owned(),
            is_active: true,
            last_login: None,
            mail_frequency: MailFrequency::AtOnce,
            mail_hour: MAIL_HOUR,
            mail_time_zone: MAIL_TIME_ZONE.to_owned(),
        }
    }

    /// When the user's next digest is sent, naive UTC; now, if each mail is sent at once.
    #[must_use]
    pub fn next_digest(&self, now: NaiveDateTime) -> NaiveDateTime {
        // A time zone that is not known any more holds no mail back.
        let rhythm = self.mail_frequency.rhythm(self.mail_hour, &self.mail_time_zone).ok().flatten();
        rhythm.and_then(|rhythm| rhythm.after(now)).unwrap_or(now)
    }
}

diesel::table! {
    /// The columns of users that only logging in reads.
    #[sql_name = "core_user"]
    credential (id) {
        id -> Uuid,
        password -> Text,
        reset_key -> Nullable<Text>,
        date_updated -> Timestamp,
    }
}

entity! {
    /// A language that users can choose.
    #[derive(Eq)]
    pub struct Language ("language") in core_language (code) {
        /// The code, such as `en`.
        code: String => Text,
        /// Its name in that language.
        name: String => Text,
        /// Its position in lists.
        sort_order: Option<i32> => Nullable<Integer>,
    }
}
