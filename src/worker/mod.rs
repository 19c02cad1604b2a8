//! Work in the background.

pub mod figures;
pub mod function_calls;
pub mod function_runs;
mod gathered;
pub mod housekeeping;
pub mod listener;
#[cfg(feature = "mail")]
pub mod mail;
#[cfg(not(feature = "mail"))]
#[path = "no_mail.rs"]
pub mod mail;
pub mod outbox;
#[cfg(feature = "mail")]
mod smtp;
pub mod task_dispatcher;
pub mod timers;
#[cfg(any(feature = "mail", feature = "webhooks"))]
mod tls;
#[cfg(feature = "webhooks")]
pub mod webhook;
#[cfg(not(feature = "webhooks"))]
#[path = "no_webhook.rs"]
pub mod webhook;
#[cfg(feature = "webhooks")]
pub mod webhook_client;
