//! The role that grants everything.

/// `is_system` of the role whose holders have every right (openIMIS' administrator).
pub const SUPERUSER_ROLE: i32 = 64;
