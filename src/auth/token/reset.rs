//! Tokens by which a person sets a password without the old one: signed, for one person, for a while, and for one time,
//! because they are bound to the hash of the password that they replace and to a key that the next token replaces.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::NaiveDateTime;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use super::Tokens;
use crate::error::{Error, Result};

/// The bytes of the person's key, of the key of who made the token, of the moment in seconds since 1970, and of the signature.
const PARTS: [usize; 4] = [16, 16, 8, 32];

impl Tokens {
    /// A token for this person, made by the second person and bound to what the database keeps; it ends at `expires`.
    ///
    /// # Errors
    /// INTERNAL without a secret.
    pub fn reset_token(&self, user_id: Uuid, by: Uuid, expires: NaiveDateTime, kept: &str) -> Result<String> {
        if self.secret.is_empty() {
            return Err(Error::internal("auth.secret is missing: nothing is signed without it"));
        }
        let ends = expires.and_utc().timestamp().to_be_bytes();
        let people = [*user_id.as_bytes(), *by.as_bytes()].concat();
        let mac = self.reset_mac(&people, &ends, kept);
        let mac = mac.ok_or_else(|| Error::internal("a token can't be signed"))?.finalize().into_bytes();
        Ok(URL_SAFE_NO_PAD.encode([&people[..], &ends, &mac].concat()))
    }

    /// The person for whom a token was made, and who made it, if it is one; whether that is true is for [`Self::is_reset`] to say.
    #[must_use]
    pub fn reset_people(token: &str) -> Option<(Uuid, Uuid)> {
        let bytes = decoded(token)?;
        let (owner, rest) = bytes.split_at(PARTS[0]);
        Some((Uuid::from_slice(owner).ok()?, Uuid::from_slice(&rest[..PARTS[1]]).ok()?))
    }

    /// Whether the token was bound to what the database keeps now, and has not ended.
    #[must_use]
    pub fn is_reset(&self, token: &str, kept: &str, now: NaiveDateTime) -> bool {
        let Some(bytes) = decoded(token) else { return false };
        let (people, rest) = bytes.split_at(PARTS[0] + PARTS[1]);
        let (ends, tag) = rest.split_at(PARTS[2]);
        let is_right = self.reset_mac(people, ends, kept).is_some_and(|mac| mac.verify_slice(tag).is_ok());
        let ends = <[u8; 8]>::try_from(ends).map_or(0, i64::from_be_bytes);
        is_right && now.and_utc().timestamp() < ends
    }

    fn reset_mac(&self, people: &[u8], ends: &[u8], kept: &str) -> Option<Hmac<Sha256>> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.secret).ok().filter(|_| !self.secret.is_empty())?;
        mac.update(b"reset\0");
        mac.update(people);
        mac.update(ends);
        mac.update(kept.as_bytes());
        Some(mac)
    }
}

fn decoded(token: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| bytes.len() == PARTS.iter().sum::<usize>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(second: i64) -> NaiveDateTime {
        chrono::DateTime::from_timestamp(1_700_000_000 + second, 0).expect("in range").naive_utc()
    }

    #[test]
    fn a_token_is_for_one_person_one_password_and_a_while() {
        let tokens = Tokens::new("0123456789abcdef0123456789abcdef", 60);
        let (ada, ben) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let token = tokens.reset_token(ada, ben, moment(60), "hash").expect("signs");
        assert_eq!(Tokens::reset_people(&token), Some((ada, ben)));
        assert!(tokens.is_reset(&token, "hash", moment(59)));
        assert!(!tokens.is_reset(&token, "hash", moment(60)), "it has ended");
        assert!(!tokens.is_reset(&token, "another hash", moment(0)), "it was used");
        let mut bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64");
        bytes[..16].copy_from_slice(ben.as_bytes());
        assert!(!tokens.is_reset(&URL_SAFE_NO_PAD.encode(&bytes), "hash", moment(0)), "it is another's");
        bytes[..32].copy_from_slice(&[*ada.as_bytes(), *ada.as_bytes()].concat());
        assert!(!tokens.is_reset(&URL_SAFE_NO_PAD.encode(&bytes), "hash", moment(0)), "another made it");
        assert!(!Tokens::new("another secret of thirty-two bytes", 60).is_reset(&token, "hash", moment(0)));
        assert!(!Tokens::new("", 60).is_reset(&token, "hash", moment(0)));
        for junk in ["", "x", &token[1..]] {
            assert_eq!(Tokens::reset_people(junk), None, "{junk}");
        }
    }
}
