//! The role: a named set of rights.

use chrono::NaiveDateTime;
use uuid::Uuid;

/// `is_system` of the role whose holders have every right (openIMIS' administrator).
pub const SUPERUSER_ROLE: i32 = 64;

/// A role as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Primary key.
    pub id: i32,
    /// A second key, which the interface shows.
    pub uuid: Uuid,
    /// Its name, unique.
    pub name: String,
    /// Its name in another language.
    pub alt_language: Option<String>,
    /// Non-zero for roles that come with the system; [`SUPERUSER_ROLE`] is the administrator's.
    pub is_system: i32,
    /// Whether it grants nothing at present.
    pub is_blocked: bool,
    /// Since when it exists, naive UTC.
    pub date_created: NaiveDateTime,
}

/// That a user has a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRole {
    /// Primary key.
    pub id: i32,
    /// The user.
    pub user_id: Uuid,
    /// The role.
    pub role_id: i32,
    /// Since when, naive UTC.
    pub date_created: NaiveDateTime,
}
