//! Settings of secrets at rest.

use serde::{Deserialize, Serialize};

/// The keys that seal secrets in the database.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SealingSettings {
    /// The key that seals: 32 bytes in hexadecimal digits. Without one, secrets are kept as they are.
    pub key: String,
    /// Keys that only open secrets that were sealed with them.
    pub old_keys: Vec<String>,
}

/// Keys stay out of logs.
impl std::fmt::Debug for SealingSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealingSettings").finish_non_exhaustive()
    }
}

impl SealingSettings {
    /// The bytes of a key.
    ///
    /// # Errors
    /// A sentence that says what form a key has, without quoting the wrong one.
    pub fn bytes(key: &str) -> Result<Vec<u8>, String> {
        const LENGTH: usize = 32;
        let digits: Option<Vec<u8>> = key.chars().map(|c| c.to_digit(16)?.try_into().ok()).collect();
        match digits {
            Some(digits) if digits.len() == 2 * LENGTH => Ok(digits
                .chunks(2)
                .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
                .collect()),
            _ => Err(format!(
                "configuration: sealing.key and sealing.old_keys hold keys of {LENGTH} bytes in hexadecimal digits, as from \
                 `openssl rand -hex {LENGTH}`"
            )),
        }
    }

    /// Checks that the keys are valid.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        let own = Some(&self.key).filter(|key| !key.is_empty());
        own.into_iter().chain(&self.old_keys).try_for_each(|key| Self::bytes(key).map(drop))
    }
}
