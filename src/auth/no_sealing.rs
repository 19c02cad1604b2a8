//! Secrets at rest where there are none, because the feature `webhooks` is missing.

use crate::config::SealingSettings;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;

/// Takes the place of what seals and opens secrets.
pub struct Sealing;

impl Sealing {
    /// Whatever the keys are: there is nothing to seal.
    pub const fn new(_: &SealingSettings) -> Result<Self> {
        Ok(Self)
    }

    /// Fails.
    ///
    /// # Errors
    /// VALIDATION.
    pub fn seal(&self, _: &str, _: &str) -> Result<String> {
        let words = "Secrets are kept only by a program that was built with the feature `webhooks`.";
        Err(Error::new(ErrorCode::Validation, Message::words(words)))
    }

    /// Fails.
    ///
    /// # Errors
    /// INTERNAL.
    pub fn open(&self, _: &str, _: &str) -> Result<String> {
        Err(missing())
    }

    /// Nothing is sealed anew.
    #[must_use]
    pub const fn is_outdated(&self, _: &str) -> bool {
        false
    }
}

/// Fails.
///
/// # Errors
/// INTERNAL.
pub fn new_webhook_secret() -> Result<String> {
    Err(missing())
}

fn missing() -> Error {
    Error::internal("webhooks need the feature `webhooks`, without which this program was built")
}
