//! The user: who makes, decides and administers.

use chrono::NaiveDateTime;
use serde_json::Value;
use uuid::Uuid;

/// A user as it is stored. openIMIS splits it in a core user and an interactive user; the interface shows both.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Primary key.
    pub id: Uuid,
    /// The number of the interactive user, unique.
    pub interactive_user_id: i32,
    /// The name to log in with, unique, case-sensitive.
    pub username: String,
    /// Family name.
    pub last_name: String,
    /// Given names.
    pub other_names: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Code of the language the user reads.
    pub language: String,
    /// Whether the user may log in and be given executors.
    pub is_active: bool,
    /// Counts the writes, from 1.
    pub version: i32,
    /// Free JSON of hosts.
    pub json_ext: Option<Value>,
    /// When the user was created, naive UTC.
    pub date_created: NaiveDateTime,
    /// When the row was last written, naive UTC.
    pub date_updated: NaiveDateTime,
    /// When the user last logged in, naive UTC.
    pub last_login: Option<NaiveDateTime>,
}

/// A language that users can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language {
    /// The code, such as `en`.
    pub code: String,
    /// Its name in that language.
    pub name: String,
    /// Its place in lists.
    pub sort_order: Option<i32>,
}
