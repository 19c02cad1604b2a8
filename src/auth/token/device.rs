//! Devices from which people have logged in before. Failed logins of others with the same name do not count for these
//! devices.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::Tokens;
use crate::clock::new_random_id;

/// How many people one device is known for. With more, the first ones are forgotten.
const MOST_PEOPLE: usize = 10;

/// The bytes of a signature. Guessing one takes longer than guessing passwords.
const SIGNATURE: usize = 16;

impl Tokens {
    /// The token of a device from which this person has logged in: a name of the device, and a signature for each person. It
    /// gives no right to anything.
    #[must_use]
    pub fn device(&self, known: Option<&str>, username: &str) -> String {
        let mut parts = known.unwrap_or_default().split('.');
        let id = parts.next().filter(|id| is_id(id)).map(str::to_owned);
        let others: Vec<&str> = if id.is_some() { parts.collect() } else { Vec::new() };
        let id = id.unwrap_or_else(|| new_random_id().simple().to_string());
        let own = self.device_mac(&id, username).map_or_else(String::new, |mac| {
            URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..SIGNATURE])
        });
        let others = others.into_iter().filter(|other| **other != own && other.len() == own.len());
        let all: Vec<&str> =
            [id.as_str(), own.as_str()].into_iter().chain(others.take(MOST_PEOPLE - 1)).collect();
        all.join(".")
    }

    /// The name of the device, if this person has logged in from it.
    #[must_use]
    pub fn device_of<'a>(&self, token: &'a str, username: &str) -> Option<&'a str> {
        let (id, signatures) = token.split_once('.').filter(|(id, _)| is_id(id))?;
        let is_right = |signature: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(signature).ok().filter(|bytes| bytes.len() == SIGNATURE);
            let mac = self.device_mac(id, username);
            bytes.zip(mac).is_some_and(|(bytes, mac)| mac.verify_truncated_left(&bytes).is_ok())
        };
        signatures.split('.').take(MOST_PEOPLE).any(is_right).then_some(id)
    }

    fn device_mac(&self, id: &str, username: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        mac.update(b"device\0");
        mac.update(id.as_bytes());
        mac.update(b"\0");
        mac.update(username.as_bytes());
        Some(mac)
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_known_for_those_who_logged_in_from_it_and_for_nobody_else() {
        let tokens = Tokens::new("0123456789abcdef0123456789abcdef", 60);
        let first = tokens.device(None, "ada");
        let both = tokens.device(Some(&first), "ben");
        let id = tokens.device_of(&first, "ada").expect("known");
        assert_eq!(tokens.device_of(&both, "ada"), Some(id));
        assert_eq!(tokens.device_of(&both, "ben"), Some(id));
        assert_eq!(tokens.device(Some(&both), "ben"), both, "once is enough");
        for name in ["chi", "", "ada\0", "ADA"] {
            assert_eq!(tokens.device_of(&both, name), None, "{name}");
        }
        let other = tokens.device(None, "ada");
        let moved = format!("{}.{}", &other[..32], &first[33..]);
        for wrong in ["", ".", "nonsense", &first[..32], &format!("{}.", &first[..32]), &moved, &first[..40]]
        {
            assert_eq!(tokens.device_of(wrong, "ada"), None, "{wrong}");
        }
        assert_eq!(Tokens::new("another secret of thirty-two bytes", 60).device_of(&both, "ada"), None);
        let many = (0..50).fold(first, |token, n| tokens.device(Some(&token), &format!("user{n}")));
        assert!(many.len() < 300 && tokens.device_of(&many, "user49").is_some(), "{many}");
        assert_eq!(tokens.device_of(&many, "ada"), None, "the first are forgotten");
        assert!(tokens.device_of(&tokens.device(Some("x.y.z"), "ada"), "ada").is_some());
    }
}
