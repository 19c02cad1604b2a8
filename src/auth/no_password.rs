//! Passwords where nobody logs in, because the feature `server` is missing: none can be hashed, and none is right.

use crate::config::AuthSettings;
use crate::error::{Error, Result};

/// As with the feature.
pub const LONGEST: usize = 1_024;

/// Takes the place of what hashes passwords.
#[derive(Clone)]
pub struct Passwords;

/// The result of checking a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the password.
    Wrong,
    /// It is the password.
    Right,
    /// It is the password, but its hash should be replaced.
    RightButOutdated,
}

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

    /// Wrong.
    #[must_use]
    pub const fn verify(&self, _: &str, _: Option<&str>) -> Verdict {
        Verdict::Wrong
    }
}

/// A hash of the original as it is kept.
#[must_use]
pub fn legacy_hash(private_key: &str, digest: &str) -> String {
    format!("openimis${private_key}${digest}")
}
