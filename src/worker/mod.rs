//! Work in the background.

pub mod figures;
mod gathered;
pub mod housekeeping;
pub mod listener;
pub mod outbox;
pub mod timers;
#[cfg(feature = "webhooks")]
pub mod webhook;
#[cfg(not(feature = "webhooks"))]
#[path = "no_webhook.rs"]
pub mod webhook;
#[cfg(feature = "webhooks")]
pub mod webhook_client;
