//! Passwords: argon2id, and the form of the original, which is replaced at the next login.

use argon2::password_hash::rand_core::{OsRng, RngCore as _};
use argon2::password_hash::{Output, PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version, password_hash};
use sha2::{Digest as _, Sha256};

use super::password_form::LEGACY;
pub use super::password_form::{LONGEST, Verdict, legacy_hash};
use crate::config::AuthSettings;
use crate::error::{Error, Result};

/// Makes and checks hashes at a set cost.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    nobody: String,
}

impl Passwords {
    /// Hashes at the cost that the settings say.
    ///
    /// # Errors
    /// INTERNAL when the settings ask for a cost that argon2 does not allow.
    pub fn new(settings: &AuthSettings) -> Result<Self> {
        let params = Params::new(settings.password_memory_kib, settings.password_passes, 1, None)
            .map_err(|error| Error::internal(error.to_string()))?;
        let nobody = nobodys(&params).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), nobody })
    }

    /// Hashes a password, for the database to keep.
    ///
    /// # Errors
    /// INTERNAL when hashing fails.
    pub fn hash(&self, password: &str) -> Result<String> {
        hash(&self.argon2, password)
    }

    /// What tells a secret from others, the same for the same salt: as dear to guess as a password.
    ///
    /// # Errors
    /// INTERNAL when hashing fails.
    pub fn mark(&self, secret: &str, salt: &[u8]) -> Result<[u8; 32]> {
        count();
        let mut mark = [0; 32];
        self.argon2
            .hash_password_into(secret.as_bytes(), salt, &mut mark)
            .map_err(|error| Error::internal(error.to_string()))?;
        Ok(mark)
    }

    /// Checks a password against a kept hash. It takes as long if there is no hash, because no user has the name.
    #[must_use]
    pub fn verify(&self, password: &str, kept: Option<&str>) -> Verdict {
        // Whoever has no password takes as long as nobody.
        let kept = kept.filter(|kept| !kept.is_empty());
        if password.len() > LONGEST {
            return Verdict::Wrong;
        }
        if let Some((private_key, digest)) =
            kept.and_then(|kept| kept.strip_prefix(LEGACY)).and_then(|rest| rest.rsplit_once('$'))
        {
            // Done in vain, so that an old hash can't be told from a new one by the time it takes.
            let _ = self.matches(password, &self.nobody);
            return if legacy_digest(password, private_key) == digest {
                Verdict::RightButOutdated
            } else {
                Verdict::Wrong
            };
        }
        let right = self.matches(password, kept.unwrap_or(&self.nobody));
        if right && kept.is_some() { Verdict::Right } else { Verdict::Wrong }
    }

    fn matches(&self, password: &str, kept: &str) -> bool {
        PasswordHash::new(kept).is_ok_and(|kept| {
            count();
            self.argon2.verify_password(password.as_bytes(), &kept).is_ok()
        })
    }
}

/// Counts what costs most of a login: whoever looks at the sums sees that it costs as much, whatever was wrong.
fn count() {
    metrics::counter!("tasks_password_hashes_total").increment(1);
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String> {
    count();
    let salt = SaltString::generate(&mut OsRng);
    let hash = argon2
        .hash_password(password.as_bytes(), &salt)
        .map_err(|error| Error::internal(error.to_string()))?;
    Ok(hash.to_string())
}

/// What looks like a hash at this cost, and is none of any password. A hash would take most of the time of a start.
fn nobodys(params: &Params) -> password_hash::Result<String> {
    let (salt, mut random) = (SaltString::generate(&mut OsRng), [0_u8; Params::DEFAULT_OUTPUT_LEN]);
    OsRng.fill_bytes(&mut random);
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: params.try_into()?,
        salt: Some(salt.as_salt()),
        hash: Some(Output::new(&random)?),
    };
    Ok(hash.to_string())
}

fn legacy_digest(password: &str, private_key: &str) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::new().chain_update(password).chain_update(private_key).finalize();
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Passwords {
        let settings = AuthSettings { password_memory_kib: 8, password_passes: 1, ..AuthSettings::default() };
        Passwords::new(&settings).expect("allowed")
    }

    #[test]
    fn a_password_matches_its_own_hash_only() {
        let passwords = cheap();
        let kept = passwords.hash("right").expect("hashes");
        assert!(kept.starts_with("$argon2id$"));
        assert_eq!(passwords.verify("right", Some(&kept)), Verdict::Right);
        assert_eq!(passwords.verify("wrong", Some(&kept)), Verdict::Wrong);
        assert_eq!(passwords.verify("right", None), Verdict::Wrong);
        let (own, nobodys) = (PasswordHash::new(&kept), PasswordHash::new(&passwords.nobody));
        let (own, nobodys) = (own.expect("a hash"), nobodys.expect("a hash"));
        assert_eq!(own.params, nobodys.params, "an unknown name takes as long");
        assert_eq!(own.hash.map(|hash| hash.len()), nobodys.hash.map(|hash| hash.len()));
        assert_eq!(passwords.verify(&"x".repeat(LONGEST + 1), Some(&kept)), Verdict::Wrong);
        assert_eq!(passwords.verify("right", Some("no hash")), Verdict::Wrong);
    }

    #[test]
    fn a_mark_is_the_same_for_one_secret_and_salt_only() {
        let mark = |secret: &str, salt: &[u8; 8]| cheap().mark(secret, salt).expect("hashes");
        assert_eq!(mark("a", b"of one's"), mark("a", b"of one's"));
        assert_ne!(mark("a", b"of one's"), mark("b", b"of one's"));
        assert_ne!(mark("a", b"of one's"), mark("a", b"another!"));
    }

    #[test]
    fn a_hash_of_the_original_is_accepted_and_said_to_be_outdated() {
        // printf 'admin123key' | sha256sum
        let digest = legacy_digest("admin123", "key");
        assert_eq!(digest.len(), 64);
        assert_eq!(digest, digest.to_uppercase());
        let kept = legacy_hash("key", &digest);
        assert_eq!(cheap().verify("admin123", Some(&kept)), Verdict::RightButOutdated);
        assert_eq!(cheap().verify("admin124", Some(&kept)), Verdict::Wrong);
    }
}
