//! The hash that binds votes to what was voted on.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The hash that binds a vote to the data that was voted on: SHA-256 in lower-case hex of the JSON text without white
/// space, keys in the order of their bytes.
#[must_use]
pub fn data_hash(data: &Value) -> String {
    Sha256::digest(sorted(data).to_string()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
        hex.push(digit(byte >> 4));
        hex.push(digit(byte & 15));
        hex
    })
}

/// The same with the keys of all objects in order, whichever order this build of `serde_json` keeps: a host may have chosen
/// that of insertion for the whole program.
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
        let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let hash = data_hash(&json!({"a": 1, "b": [true, null]}));
        assert_eq!(hash, data_hash(&read(r#"{ "b":[ true,null ], "a":1 }"#)));
        assert_ne!(hash, data_hash(&json!({"a": 2, "b": [true, null]})));
        let nested = json!([{ "z": { "b": 1, "a": [{ "d": 1, "c": 2 }] } }]);
        assert_eq!(sorted(&nested).to_string(), r#"[{"z":{"a":[{"c":2,"d":1}],"b":1}}]"#);
        assert_eq!(data_hash(&json!({})), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    }
}
