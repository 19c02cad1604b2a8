//! Work in the background.

pub mod figures;
pub mod housekeeping;
pub mod listener;
pub mod outbox;
pub mod webhook;
pub mod webhook_client;
