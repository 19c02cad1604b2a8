//! What roles grant everything.

/// `is_system` of the role whose holders have every right (openIMIS' administrator).
pub const SUPERUSER_ROLE: i32 = 64;
