//! The hash that binds votes to what was voted on.

use sha2::{Digest, Sha256};

use super::json::{Json, Number};

/// The hash that binds a vote to the data that was voted on: SHA-256 in lower-case hex of the JSON text without white
/// space, keys in the order of their bytes, numbers as [`Number::canonical`] has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataHash {
    now: String,
    /// The hashes that versions with 64-bit numbers made, if they differ, so that their votes go on counting. There are none for
    /// data that those versions could not hold: a vote on `0.1` is not one on `0.1000000000000000001`.
    then: Vec<String>,
}

impl DataHash {
    /// The hash of some data.
    #[must_use]
    pub fn of(data: &Json) -> Self {
        let now = data.canonical();
        let is_lost = |part: &Json| match part {
            Json::Number(number) => !number.is_short_integer() && !number.is_float(),
            _ => false,
        };
        let then = if data.any(&is_lost) {
            Vec::new()
        } else {
            // Releases of serde_json differ in how they write exponents.
            ["e", "e+"].map(|exponent| data.text_by(&|number| short(number, exponent))).to_vec()
        };
        let then = then.into_iter().filter(|text| *text != now).map(|text| hex(&text)).collect();
        Self { now: hex(&now), then }
    }

    /// The hash in the form that votes keep.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.now
    }

    /// Whether a vote with this hash was cast on the same data.
    #[must_use]
    pub fn is(&self, hash: &str) -> bool {
        self.now == hash || self.then.iter().any(|then| then == hash)
    }
}

/// The text of a number in 64 bits, with `exponent` before its exponent, unless that is negative.
fn short(number: &Number, exponent: &str) -> String {
    let text = number.to_value().to_string();
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => {
            format!("{digits}{exponent}{}", power.trim_start_matches('+'))
        }
        _ => text,
    }
}

fn hex(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
        hex.push(digit(byte >> 4));
        hex.push(digit(byte & 15));
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_what_the_data_says_not_of_how_it_is_written() {
        let of = |text: &str| DataHash::of(&Json::parse(text).expect("JSON")).now;
        let hash = of(r#"{"a":1.0,"b":[true,null]}"#);
        assert_eq!(hash, of(r#"{ "b":[ true,null ], "a":1.00 }"#));
        assert_eq!(hash, of(r#"{ "b":[ true,null ], "a":10e-1 }"#));
        assert_ne!(hash, of(r#"{"a":2,"b":[true,null]}"#));
        assert_ne!(of("12345678901234567890123"), of("12345678901234567890124"));
        assert_eq!(
            of(r#"[{"z":{"b":1,"a":[{"d":1,"c":2}]}}]"#),
            hex(r#"[{"z":{"a":[{"c":2,"d":1}],"b":1}}]"#)
        );
        assert_eq!(of("{}"), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    }

    #[test]
    fn hashes_of_numbers_in_64_bits_are_known_again_and_of_others_are_not() {
        let is = |stored: &str, then: &str| DataHash::of(&Json::stored(stored).expect("JSON")).is(&hex(then));
        for (stored, then) in [
            (r#"{"z":1.50,"a":1e300}"#, r#"{"a":1e300,"z":1.5}"#),
            (r#"{"z":1.50,"a":1e+300}"#, r#"{"a":1e+300,"z":1.5}"#),
            ("[18446744073709552000,1e-7]", "[1.8446744073709552e+19,1e-7]"),
            ("[0.1,1,-0.0,18446744073709551615]", "[0.1,1,-0.0,18446744073709551615]"),
        ] {
            assert!(is(stored, then), "{stored}");
            assert!(!is("[3.5]", then), "{stored}");
        }
        // serde_json may read the next number, and earlier versions hashed what it read.
        for stored in ["[1.0,12345678901234568000000]", "[8.41770459817494,0.1,1e22]", "[5e-324]"] {
            let then = serde_json::from_str::<serde_json::Value>(stored).expect("JSON").to_string();
            assert!(is(stored, &then), "{stored} {then}");
        }
        for (stored, near) in [
            ("[0.1000000000000000001]", "[0.1]"),
            ("[12345678901234567890123]", "[1.2345678901234568e22]"),
            ("[18446744073709551616]", "[1.8446744073709552e+19]"),
        ] {
            assert!(!is(stored, near), "{stored}");
        }
    }
}
