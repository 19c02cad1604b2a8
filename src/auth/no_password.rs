//! Passwords where nobody logs in, because the feature `server` is missing: none can be hashed, and none is right.

use sha2::{Digest as _, Sha256};

pub use super::password_form::{LONGEST, Verdict, legacy_hash};
use crate::config::AuthSettings;
use crate::error::{Error, Result};

/// Takes the place of what hashes passwords.
#[derive(Clone)]
pub struct Passwords;

impl Passwords {
    /// Whatever the settings say.
    pub const fn new(_: &AuthSettings) -> Result<Self> {
        Ok(Self)
    }

    /// Fails.
    ///
    /// # Errors
    /// INTERNAL.
    pub fn hash(&self, _: &str) -> Result<String> {
        Err(Error::internal("passwords need the feature `server`, without which this program was built"))
    }

    /// What tells a secret from others, the same for the same salt. Whoever has no salt can't guess it.
    pub fn mark(&self, secret: &str, salt: &[u8]) -> Result<[u8; 32]> {
        Ok(Sha256::new().chain_update(salt).chain_update(secret).finalize().into())
    }

    /// Wrong.
    #[must_use]
    pub const fn verify(&self, _: &str, _: Option<&str>) -> Verdict {
        Verdict::Wrong
    }
}
