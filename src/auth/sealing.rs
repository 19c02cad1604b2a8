//! Secrets at rest: they are sealed before they go into the database, and opened where they are used. A person who reads the
//! database or its backups does not get the secrets, and can't replace them without the key.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use sha2::{Digest as _, Sha256};

use crate::config::SealingSettings;
use crate::error::{Error, Result};

/// The prefix of a sealed text.
const MARK: &str = "sealed:";

/// Seals with one key and opens with several. Without a key, secrets are kept as they are.
pub struct Sealing {
    /// The keys, of which the first one seals.
    keys: Vec<Key>,
    seals: bool,
}

struct Key {
    /// The name by which sealed texts call the key.
    name: String,
    key: LessSafeKey,
}

impl Sealing {
    /// Sealing with the keys of the settings.
    ///
    /// # Errors
    /// UNAVAILABLE, with a sentence that names the setting as the cause.
    pub fn new(settings: &SealingSettings) -> Result<Self> {
        let own = Some(&settings.key).filter(|key| !key.is_empty());
        let keys = own.into_iter().chain(&settings.old_keys).map(|text| {
            let bytes = SealingSettings::bytes(text).map_err(Error::unavailable)?;
            let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes)
                .map_err(|_| Error::internal("a key has 32 bytes"))?;
            Ok(Key { name: name(&bytes), key: LessSafeKey::new(key) })
        });
        Ok(Self { seals: own.is_some(), keys: keys.collect::<Result<_>>()? })
    }

    /// The form in which the database keeps a secret. `place` names the row that keeps it; in another place it can't be
    /// opened.
    ///
    /// # Errors
    /// INTERNAL when it can't be sealed.
    pub fn seal(&self, secret: &str, place: &str) -> Result<String> {
        let Some(Key { name, key }) = self.keys.first().filter(|_| self.seals) else {
            return Ok(secret.to_owned());
        };
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut bytes = secret.as_bytes().to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut bytes)
            .map_err(|_| Error::internal("a secret can't be sealed"))?;
        Ok(format!("{MARK}{name}:{}", URL_SAFE_NO_PAD.encode([nonce.as_slice(), &bytes].concat())))
    }

    /// The secret that the database keeps in this form. A secret that was never sealed is its own form.
    ///
    /// # Errors
    /// INTERNAL for a secret that was sealed with an unknown key or for another place, or was changed.
    pub fn open(&self, kept: &str, place: &str) -> Result<String> {
        let Some(sealed) = kept.strip_prefix(MARK) else {
            return Ok(kept.to_owned());
        };
        let (name, text) = sealed.split_once(':').unwrap_or((sealed, ""));
        let Some(Key { key, .. }) = self.keys.iter().find(|key| key.name == name) else {
            return Err(Error::internal(format!(
                "a secret is sealed with the key {name}, which is neither sealing.key nor among sealing.old_keys"
            )));
        };
        let spoilt = || {
            Error::internal(format!("what was sealed with the key {name} can't be opened: it was changed"))
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| spoilt())?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(spoilt)?;
        let mut sealed = sealed.to_vec();
        let opened = key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(place), &mut sealed)
            .map_err(|_| spoilt())?;
        String::from_utf8(opened.to_vec()).map_err(|_| spoilt())
    }

    /// Whether the secret would be kept in another form now: it is plain, or sealed with an old key.
    #[must_use]
    pub fn is_outdated(&self, kept: &str) -> bool {
        let sealed_by =
            kept.strip_prefix(MARK).and_then(|sealed| sealed.split_once(':')).map(|(name, _)| name);
        self.seals && sealed_by != self.keys.first().map(|key| key.name.as_str())
    }
}

/// A new secret to sign webhooks with, in the form of Standard Webhooks.
///
/// # Errors
/// INTERNAL when the system has no random bytes.
pub fn new_webhook_secret() -> Result<String> {
    let bytes: [u8; 32] = random()?;
    Ok(format!("whsec_{}", STANDARD.encode(bytes)))
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH]> {
    let mut bytes = [0_u8; LENGTH];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::internal("the system has no random bytes"))?;
    Ok(bytes)
}

/// A name by which a key is found, but from which the key can't be computed.
fn name(key: &[u8]) -> String {
    let digest = Sha256::new().chain_update(b"the name of a sealing key\0").chain_update(key).finalize();
    digest.iter().take(4).fold(String::new(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const NEW: &str = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f";

    fn with(key: &str, old_keys: &[&str]) -> Sealing {
        let old_keys = old_keys.iter().map(ToString::to_string).collect();
        Sealing::new(&SealingSettings { key: key.to_owned(), old_keys }).expect("good keys")
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_key_in_its_place_only() {
        let sealing = with(NEW, &[]);
        let kept = sealing.seal("whsec_abc", "here").expect("seals");
        assert!(!kept.contains("whsec"), "{kept}");
        assert_ne!(
            kept,
            sealing.seal("whsec_abc", "here").expect("seals"),
            "equal secrets do not look equal"
        );
        assert_eq!(sealing.open(&kept, "here").expect("opens"), "whsec_abc");
        let mut changed = kept.clone().into_bytes();
        *changed.last_mut().expect("a letter") ^= 1;
        let changed = String::from_utf8(changed).expect("ASCII");
        for (sealing, kept, place) in [
            (&sealing, kept.as_str(), "there"),
            (&sealing, changed.as_str(), "here"),
            (&sealing, "sealed:", "here"),
            (&sealing, &kept[..30], "here"),
            (&with(OLD, &[]), kept.as_str(), "here"),
            (&with("", &[]), kept.as_str(), "here"),
        ] {
            assert!(sealing.open(kept, place).is_err(), "{kept} {place}");
        }
    }

    #[test]
    fn a_key_is_changed_without_a_moment_in_which_something_can_not_be_opened() {
        let (before, between, after) = (with(OLD, &[NEW]), with(NEW, &[OLD]), with(NEW, &[]));
        let old = before.seal("secret", "here").expect("seals");
        assert!(!before.is_outdated(&old) && between.is_outdated(&old));
        assert_eq!(between.open(&old, "here").expect("opens"), "secret");
        let new = between.seal("secret", "here").expect("seals");
        for sealing in [&before, &between, &after] {
            assert_eq!(sealing.open(&new, "here").expect("opens"), "secret");
        }
    }

    #[test]
    fn without_a_key_secrets_are_kept_as_they_are_and_with_one_they_stay_readable() {
        let kept = with("", &[]).seal("whsec_abc", "here").expect("keeps");
        assert_eq!(kept, "whsec_abc");
        assert!(!with("", &[OLD]).is_outdated(&kept) && with(OLD, &[]).is_outdated(&kept));
        assert_eq!(with(OLD, &[]).open(&kept, "here").expect("opens"), "whsec_abc");
    }
}
