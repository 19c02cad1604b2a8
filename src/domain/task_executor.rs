//! What an executor's approval counts.

/// The weight of an executor about which nothing was said.
pub const DEFAULT_WEIGHT: i32 = 1;
/// The largest weight of an executor.
pub const MAX_WEIGHT: i32 = 1_000_000;
