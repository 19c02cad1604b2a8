//! The role: a named set of rights.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::{Archived, entity};

entity! {
    /// A role as it is stored.
    #[derive(Eq)]
    pub struct Role ("role") in core_role (id) {
        /// Primary key.
        id: i32 => Integer,
        /// A second key, which the interface shows.
        uuid: Uuid => Uuid,
        /// Its name, unique.
        name: String => Text,
        /// Its name in another language.
        alt_language: Option<String> => Nullable<Text>,
        /// Non-zero for roles that come with the system; [`crate::domain::role::SUPERUSER_ROLE`] is the administrator's.
        is_system: i32 => Integer,
        /// Whether the role is blocked, so that it grants nothing.
        is_blocked: bool => Bool,
        /// When the role was created, naive UTC.
        date_created: NaiveDateTime => Timestamp,
    }
}

entity! {
    /// A right that a role grants.
    #[derive(Eq)]
    pub struct RoleRight ("role_right") in core_roleright (role_id, right_id) {
        /// The role.
        role_id: i32 => Integer,
        /// The number of the right.
        right_id: i32 => Integer,
    }
}

entity! {
    /// A role that a user has.
    #[derive(Eq)]
    pub struct UserRole ("user_role") in core_userrole (id) {
        /// Primary key, counted by the database.
        id: i32 => Integer,
        /// The user.
        user_id: Uuid => Uuid,
        /// The role.
        role_id: i32 => Integer,
        /// Since when the user has the role, naive UTC.
        date_created: NaiveDateTime => Timestamp,
    }
}

impl Archived for Role {
    const HISTORY_TABLE: &'static str = "core_historicalrole";
}

impl Archived for RoleRight {
    const HISTORY_TABLE: &'static str = "core_historicalroleright";
}

impl Archived for UserRole {
    const HISTORY_TABLE: &'static str = "core_historicaluserrole";
}

diesel::allow_tables_to_appear_in_same_query!(core_role, core_roleright, core_userrole);
