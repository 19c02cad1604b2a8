//! The user: a person who makes, decides or administers tasks.

use chrono::NaiveDateTime;

use super::entity::entity;

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
