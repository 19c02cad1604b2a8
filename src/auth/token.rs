//! Tokens: signed access tokens, random refresh tokens, and CSRF tokens bound to a session.

use argon2::password_hash::rand_core::{OsRng, RngCore as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{NaiveDateTime, TimeDelta};
use hmac::{Hmac, Mac as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::error::{Error, Result};

mod api;
mod device;
mod reset;

/// The claims of an access token; clients read them as `payload`. The names are the original's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The name of the user who logged in.
    pub username: String,
    /// When the token ends, in seconds since 1970.
    pub exp: i64,
    /// When the session began, in seconds since 1970.
    #[serde(rename = "origIat")]
    pub orig_iat: i64,
    /// The session.
    pub jti: Uuid,
    /// When the token begins, in seconds since 1970.
    pub nbf: i64,
}

/// Signs and reads tokens.
#[derive(Clone)]
pub struct Tokens {
    secret: Vec<u8>,
    encoding: EncodingKey,
    decoding: DecodingKey,
    lifetime: TimeDelta,
}

impl Tokens {
    /// Signs with `secret`. If it is empty, as in commands without a server, nothing is signed. Access tokens live for
    /// `lifetime_s` seconds.
    #[must_use]
    pub fn new(secret: &str, lifetime_s: i64) -> Self {
        Self {
            secret: secret.as_bytes().to_vec(),
            encoding: EncodingKey::from_secret(secret.as_bytes()),
            decoding: DecodingKey::from_secret(secret.as_bytes()),
            lifetime: TimeDelta::seconds(lifetime_s),
        }
    }

    /// A new access token for a session that began at `since`, and its claims.
    ///
    /// # Errors
    /// INTERNAL when signing fails.
    pub fn sign(
        &self,
        username: &str,
        session_id: Uuid,
        since: NaiveDateTime,
        now: NaiveDateTime,
    ) -> Result<(String, Claims)> {
        if self.secret.is_empty() {
            return Err(Error::internal("auth.secret is missing: nothing is signed without it"));
        }
        let claims = Claims {
            username: username.to_owned(),
            exp: (now + self.lifetime).and_utc().timestamp(),
            orig_iat: since.and_utc().timestamp(),
            jti: session_id,
            nbf: now.and_utc().timestamp(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(Error::internal)?;
        Ok((token, claims))
    }

    /// The claims of a token, if we signed it, and it has begun and not expired. It may begin a little later than now,
    /// because the server that signed it has a clock of its own. This does not check whether its session goes on.
    #[must_use]
    pub fn read(&self, token: &str, now: NaiveDateTime) -> Option<Claims> {
        const LONGEST: usize = 4_096;
        /// By how much the clocks of servers may differ.
        const LEEWAY_S: i64 = 30;
        if token.len() > LONGEST || self.secret.is_empty() {
            return None;
        }
        // Times are compared with our clock, not with the library's own.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation).ok()?.claims;
        let now = now.and_utc().timestamp();
        (claims.nbf <= now + LEEWAY_S && now < claims.exp).then_some(claims)
    }

    /// A name for whoever asks with this token, if we signed it: those of one name take turns.
    #[must_use]
    pub fn asker(&self, token: &str, by_cookie: bool, now: NaiveDateTime) -> Option<String> {
        let of_person = || self.read(token, now).map(|claims| claims.username);
        let of_program =
            || self.api_token(token).filter(|_| !by_cookie).map(|token| token.user_id.to_string());
        of_person().or_else(of_program)
    }

    /// The CSRF token of a session, which stays the same as long as the session lasts.
    #[must_use]
    pub fn csrf(&self, session_id: Uuid) -> String {
        self.csrf_mac(session_id)
            .map_or_else(String::new, |mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// Whether this is the CSRF token of the session. It takes the same time for any wrong token.
    #[must_use]
    pub fn is_csrf(&self, session_id: Uuid, token: &str) -> bool {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(token) else {
            return false;
        };
        self.csrf_mac(session_id).is_some_and(|mac| mac.verify_slice(&tag).is_ok())
    }

    /// What stands for a text that somebody typed: the same for the same text, and of no use to who does not know the secret.
    #[must_use]
    pub fn veiled(&self, text: &str) -> String {
        Hmac::<Sha256>::new_from_slice(&self.secret).map_or_else(
            |_| String::new(),
            |mut mac| {
                mac.update(b"typed\0");
                mac.update(text.as_bytes());
                URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
            },
        )
    }

    fn csrf_mac(&self, session_id: Uuid) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        mac.update(b"csrf\0");
        mac.update(session_id.as_bytes());
        Some(mac)
    }
}

/// A new refresh token: 256 random bits.
#[must_use]
pub fn new_refresh_token() -> String {
    let mut bytes = [0_u8; 32];
    OsRng.fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The hash of a refresh token, which the database keeps.
#[must_use]
pub fn refresh_hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::new_random_id;

    fn moment(second: i64) -> NaiveDateTime {
        chrono::DateTime::from_timestamp(1_700_000_000 + second, 0).expect("in range").naive_utc()
    }

    #[test]
    fn a_token_is_read_until_it_ends_and_by_its_own_secret_only() {
        let tokens = Tokens::new("0123456789abcdef0123456789abcdef", 60);
        let (token, claims) = tokens.sign("ada", new_random_id(), moment(0), moment(10)).expect("signs");
        assert_eq!(tokens.read(&token, moment(10)), Some(claims.clone()));
        assert_eq!(tokens.read(&token, moment(69)), Some(claims));
        assert_eq!(tokens.read(&token, moment(70)), None);
        assert!(tokens.read(&token, moment(-20)).is_some(), "another server's clock may be behind");
        assert_eq!(tokens.read(&token, moment(-21)), None);
        assert_eq!(Tokens::new("another secret of thirty-two bytes", 60).read(&token, moment(10)), None);
        let mut parts: Vec<&str> = token.split('.').collect();
        let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        parts[0] = &unsigned;
        assert_eq!(tokens.read(&parts.join("."), moment(10)), None);
        assert_eq!(tokens.read("undefined", moment(10)), None);
    }

    #[test]
    fn without_a_secret_nothing_is_signed_and_no_token_is_ours() {
        let tokens = Tokens::new("", 60);
        assert!(tokens.sign("ada", new_random_id(), moment(0), moment(0)).is_err());
        let key = EncodingKey::from_secret(b"");
        let claims =
            Claims { username: "ada".into(), exp: i64::MAX, orig_iat: 0, jti: new_random_id(), nbf: 0 };
        let forged = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("encodes");
        assert_eq!(tokens.read(&forged, moment(0)), None);
    }

    #[test]
    fn a_csrf_token_belongs_to_one_session() {
        let tokens = Tokens::new("0123456789abcdef0123456789abcdef", 60);
        let (mine, other) = (new_random_id(), new_random_id());
        assert!(tokens.is_csrf(mine, &tokens.csrf(mine)));
        assert!(!tokens.is_csrf(other, &tokens.csrf(mine)));
        for junk in ["", "null", "undefined"] {
            assert!(!tokens.is_csrf(mine, junk));
        }
    }
}
