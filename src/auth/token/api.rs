//! Tokens of programs: random, with a signature by which those that were made up are told apart before the database is asked.

use argon2::password_hash::rand_core::{OsRng, RngCore as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Tokens;
use crate::error::{Error, Result};

/// What every such token begins with, so that people and scanners know it.
const PREFIX: &str = "tmt_";

/// The bytes of the token's key, of the owner's key, of what is random, and of the signature.
const PARTS: [usize; 4] = [16, 16, 32, 16];

/// A token of a program that was made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// The key of its row.
    pub id: Uuid,
    /// The user in whose name the program asks.
    pub user_id: Uuid,
    /// The hash of the token, which the database keeps.
    pub hash: String,
}

impl Tokens {
    /// A new token with this key for a program of this user, and its hash.
    ///
    /// # Errors
    /// INTERNAL without a secret.
    pub fn new_api_token(&self, id: Uuid, user_id: Uuid) -> Result<(String, String)> {
        let mut random = [0_u8; PARTS[2]];
        OsRng.fill_bytes(&mut random);
        let signed = [&id.as_bytes()[..], user_id.as_bytes(), &random].concat();
        let mac = self.api_mac(&signed).ok_or_else(|| {
            Error::internal("auth.secret (TASKS__AUTH__SECRET) is missing: nothing is signed without it")
        })?;
        let tag = &mac.finalize().into_bytes()[..PARTS[3]];
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&signed, tag].concat()));
        let hash = api_hash(&token);
        Ok((token, hash))
    }

    /// The token of a program, if we signed it. This does not check whether it goes on.
    #[must_use]
    pub fn api_token(&self, token: &str) -> Option<ApiToken> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (signed, tag) = bytes.split_at_checked(bytes.len().checked_sub(PARTS[3])?)?;
        if bytes.len() != PARTS.iter().sum::<usize>() {
            return None;
        }
        self.api_mac(signed)?.verify_truncated_left(tag).ok()?;
        let id = Uuid::from_slice(&signed[..PARTS[0]]).ok()?;
        let user_id = Uuid::from_slice(&signed[PARTS[0]..PARTS[0] + PARTS[1]]).ok()?;
        Some(ApiToken { id, user_id, hash: api_hash(token) })
    }

    fn api_mac(&self, signed: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.secret).ok().filter(|_| !self.secret.is_empty())?;
        mac.update(b"api\0");
        mac.update(signed);
        Some(mac)
    }
}

/// It differs from the hash of a refresh token, so that no program renews a session by its token.
fn api_hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::new().chain_update(b"api\0").chain_update(token).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::token::refresh_hash;

    #[test]
    fn a_token_is_known_by_its_secret_only_and_is_no_refresh_token() {
        let tokens = Tokens::new("0123456789abcdef0123456789abcdef", 60);
        let (id, user) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (token, hash) = tokens.new_api_token(id, user).expect("signs");
        assert_eq!(tokens.api_token(&token), Some(ApiToken { id, user_id: user, hash: hash.clone() }));
        assert_ne!(hash, refresh_hash(&token));
        assert_eq!(Tokens::new("another secret of thirty-two bytes", 60).api_token(&token), None);
        assert_eq!(Tokens::new("", 60).api_token(&token), None);
        assert!(Tokens::new("", 60).new_api_token(id, user).is_err());
        for junk in ["", "tmt_", "tmt_AAAA", &token[4..], &token[..token.len() - 1]] {
            assert_eq!(tokens.api_token(junk), None, "{junk}");
        }
        let mut forged = token.clone().into_bytes();
        forged[6] = if forged[6] == b'A' { b'B' } else { b'A' };
        assert_eq!(tokens.api_token(&String::from_utf8(forged).expect("ASCII")), None);
    }
}
