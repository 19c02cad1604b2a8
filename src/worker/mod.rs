//! Work in the background.

pub mod figures;
pub mod housekeeping;
pub mod listener;
pub mod outbox;
