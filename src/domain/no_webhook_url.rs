//! The URLs at which webhook endpoints may stand where there are none, because the feature `webhooks` is missing.

use super::webhook_endpoint::Reach;
use crate::error::{Error, Result};
use crate::message::Message;

/// Refuses every URL.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_url(field: &str, _: &str, _: Reach) -> Result<()> {
    let words = "Webhooks need the feature `webhooks`, without which this program was built.";
    Err(Error::validation(field, Message::words(words)))
}
