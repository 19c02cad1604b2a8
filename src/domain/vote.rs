//! The hash that binds votes to what was voted on.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::json::Json;

/// The hash that binds a vote to the data that was voted on: SHA-256 in lower-case hex of the JSON text without white
/// space, keys in the order of their bytes, numbers as [`crate::domain::json::Number::canonical`] has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataHash {
    now: String,
    /// The hash that versions with 64-bit numbers made, if it differs, so that their votes go on counting.
    then: Option<String>,
}

impl DataHash {
    /// The hash of some data.
    #[must_use]
    pub fn of(data: &Json) -> Self {
        let is_long = data.any(&|part| matches!(part, Json::Number(number) if !number.is_short_integer()));
        Self {
            now: hex(&data.canonical()),
            then: is_long.then(|| hex(&sorted(&data.to_value()).to_string())),
        }
    }

    /// The hash in the form that votes keep.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.now
    }

    /// Whether a vote with this hash was cast on the same data.
    #[must_use]
    pub fn is(&self, hash: &str) -> bool {
        self.now == hash || self.then.as_deref() == Some(hash)
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

/// The same data with sorted keys in all objects. A host may have built `serde_json` for the whole program to keep the order
/// of insertion.
fn sorted(data: &Value) -> Value {
    match data {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hash_is_of_what_the_data_says_not_of_how_it_is_written() {
        let of = |text: &str| DataHash::of(&Json::parse(text).expect("JSON")).now;
        let hash = of(r#"{"a":1.0,"b":[true,null]}"#);
        assert_eq!(hash, of(r#"{ "b":[ true,null ], "a":1.00 }"#));
        assert_eq!(hash, of(r#"{ "b":[ true,null ], "a":10e-1 }"#));
        assert_ne!(hash, of(r#"{"a":2,"b":[true,null]}"#));
        assert_ne!(of("12345678901234567890123"), of("12345678901234567890124"));
        let nested = json!([{ "z": { "b": 1, "a": [{ "d": 1, "c": 2 }] } }]);
        assert_eq!(sorted(&nested).to_string(), r#"[{"z":{"a":[{"c":2,"d":1}],"b":1}}]"#);
        assert_eq!(of("{}"), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    }

    #[test]
    fn hashes_of_numbers_in_64_bits_are_known_again() {
        for text in [r#"{"z":1.50,"a":1e300}"#, "[1.0,12345678901234567890123]", "[0.1,1]", "[1,2]"] {
            let then = hex(&serde_json::from_str::<Value>(text).expect("JSON").to_string());
            let then = if text.starts_with('{') {
                hex(&format!(r#"{{"a":{},"z":1.5}}"#, json!(1e300)))
            } else {
                then
            };
            let stored = Json::stored(text).expect("JSON");
            assert!(DataHash::of(&stored).is(&then), "{text}");
            assert!(!DataHash::of(&Json::stored("[3.5]").expect("JSON")).is(&then), "{text}");
        }
    }
}
