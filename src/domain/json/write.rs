//! Writing JSON by serde.

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::Json;
use super::number::{Number, ShortInteger};

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(map) => map.serialize(serializer),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_short_integer() {
            Some(ShortInteger::Signed(number)) => serializer.serialize_i64(number),
            Some(ShortInteger::Unsigned(number)) => serializer.serialize_u64(number),
            // serde_json writes a raw value as it is.
            None => RawValue::from_string(self.as_str().to_owned())
                .map_err(S::Error::custom)?
                .serialize(serializer),
        }
    }
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}
