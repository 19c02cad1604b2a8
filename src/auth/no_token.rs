//! Tokens where nobody logs in, because the feature `server` is missing: none is signed, and none is ours.

use chrono::NaiveDateTime;
use uuid::Uuid;

use crate::error::{Error, Result};

/// The claims of an access token, of which there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The name of the user who logged in.
    pub username: String,
    /// When the token ends, in seconds since 1970.
    pub exp: i64,
    /// The session.
    pub jti: Uuid,
}

/// A token of a program, of which there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// The key of its row.
    pub id: Uuid,
    /// The hash of the token.
    pub hash: String,
}

/// Takes the place of what signs and reads tokens.
#[derive(Clone)]
pub struct Tokens;

impl Tokens {
    /// Whatever the secret is.
    #[must_use]
    pub const fn new(_: &str, _: i64) -> Self {
        Self
    }

    /// Fails.
    ///
    /// # Errors
    /// INTERNAL.
    pub fn sign(&self, _: &str, _: Uuid, _: NaiveDateTime, _: NaiveDateTime) -> Result<(String, Claims)> {
        Err(Error::internal("logging in needs the feature `server`, without which this program was built"))
    }

    /// None.
    #[must_use]
    pub const fn read(&self, _: &str, _: NaiveDateTime) -> Option<Claims> {
        None
    }

    /// Fails.
    ///
    /// # Errors
    /// INTERNAL.
    pub fn reset_token(&self, _: Uuid, _: Uuid, _: NaiveDateTime, _: &str) -> Result<String> {
        Err(Error::internal("logging in needs the feature `server`, without which this program was built"))
    }

    /// Fails.
    ///
    /// # Errors
    /// INTERNAL.
    pub fn new_api_token(&self, _: Uuid, _: Uuid) -> Result<(String, String)> {
        Err(Error::internal("tokens need the feature `server`, without which this program was built"))
    }

    /// None.
    #[must_use]
    pub const fn api_token(&self, _: &str) -> Option<ApiToken> {
        None
    }

    /// Nobody.
    #[must_use]
    pub const fn reset_people(_: &str) -> Option<(Uuid, Uuid)> {
        None
    }

    /// None is.
    #[must_use]
    pub const fn is_reset(&self, _: &str, _: &str, _: NaiveDateTime) -> bool {
        false
    }

    /// Nothing: nobody types anything.
    #[must_use]
    pub const fn veiled(&self, _: &str) -> String {
        String::new()
    }

    /// No device is known.
    #[must_use]
    pub const fn device(&self, _: Option<&str>, _: &str) -> String {
        String::new()
    }

    /// None.
    #[must_use]
    pub const fn device_of<'a>(&self, _: &'a str, _: &str) -> Option<&'a str> {
        None
    }
}

/// A token that nobody gets.
#[must_use]
pub const fn new_refresh_token() -> String {
    String::new()
}

/// The hash of no token.
#[must_use]
pub const fn refresh_hash(_: &str) -> String {
    String::new()
}
