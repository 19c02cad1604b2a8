//! The interface's own scalars.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};
use uuid::Uuid;

use crate::domain::json::{Json, JsonError, JsonFault};
use crate::domain::query::YEARS;
use crate::domain::text::unread_json;
use crate::error::Result;

/// A moment: naive UTC, ISO 8601, with microseconds only if they are not zero. Input may have `Z` or an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub NaiveDateTime);

impl Moment {
    /// Reads a moment. A date alone is not a moment.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let moment = DateTime::parse_from_rfc3339(text)
            .map_or_else(|_| read_leniently(text), |zoned| Some(zoned.naive_utc()))?;
        // Leap seconds are read as more than a second's fraction, which databases understand each in its own way.
        (YEARS.contains(&moment.year()) && moment.nanosecond() < 1_000_000_000).then_some(Self(moment))
    }
}

/// Reads the forms that Python's clients write: offsets without a colon, and a space instead of the T.
fn read_leniently(text: &str) -> Option<NaiveDateTime> {
    let text = text.replacen(' ', "T", 1);
    ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z"]
        .iter()
        .find_map(|form| DateTime::parse_from_str(&text, form).ok().map(|zoned| zoned.naive_utc()))
        .or_else(|| {
            ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
                .iter()
                .find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok())
        })
}

#[Scalar(name = "DateTime")]
impl ScalarType for Moment {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        Self::parse(text).ok_or_else(|| "a date and time such as 2026-01-31T08:00:00 is needed".into())
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if Self::parse(text).is_some())
    }

    fn to_value(&self) -> Value {
        let form = if self.0.nanosecond() == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.6f" };
        Value::String(self.0.format(form).to_string())
    }
}

/// A day, ISO 8601.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub NaiveDate);

impl Day {
    /// Reads a day.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let day: NaiveDate = text.trim().parse().ok()?;
        YEARS.contains(&day.year()).then_some(Self(day))
    }
}

#[Scalar(name = "Date")]
impl ScalarType for Day {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        Self::parse(text).ok_or_else(|| "a date such as 2026-01-31 is needed".into())
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if Self::parse(text).is_some())
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A whole number beyond what an Int holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BigInt(pub i64);

/// A whole number of at most 64 bits; which are allowed, the field says.
#[Scalar(name = "BigInt")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => {
                number.as_i64().map(Self).ok_or_else(|| "a whole number is needed".into())
            }
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::Number(number) if number.is_i64())
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}

/// JSON in a string.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonString(std::result::Result<Json, JsonError>);

impl JsonString {
    /// What it says.
    ///
    /// # Errors
    /// VALIDATION, naming `field`, for a repeated key or a number that is too long.
    pub fn read(&self, field: &str) -> Result<Json> {
        self.0.clone().map_err(|error| unread_json(field, &error))
    }
}

impl From<Json> for JsonString {
    fn from(json: Json) -> Self {
        Self(Ok(json))
    }
}

#[Scalar(name = "JSONString")]
impl ScalarType for JsonString {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        match Json::parse(text) {
            Err(JsonError { fault: JsonFault::Form(reason), .. }) => {
                Err(format!("not JSON: {reason}").into())
            }
            // What else is wrong is told by who knows the field.
            read => Ok(Self(read)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        <Self as ScalarType>::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.as_ref().map(ToString::to_string).unwrap_or_default())
    }
}

/// JSON in a string: data that other modules add to mutations.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedJsonString(JsonString);

#[Scalar(name = "ParsedJSONString")]
impl ScalarType for ParsedJsonString {
    fn parse(value: Value) -> InputValueResult<Self> {
        <JsonString as ScalarType>::parse(value).map(Self).map_err(InputValueError::propagate)
    }

    fn is_valid(value: &Value) -> bool {
        <JsonString as ScalarType>::is_valid(value)
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }
}

/// Any JSON value, as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct GenericScalar(pub Value);

#[Scalar(name = "GenericScalar")]
impl ScalarType for GenericScalar {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(value))
    }

    fn to_value(&self) -> Value {
        self.0.clone()
    }
}

/// A key: a UUID in upper or lower case, with or without dashes, or a global id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UuidOrGlobalId(pub Uuid);

#[Scalar(name = "UUID")]
impl ScalarType for UuidOrGlobalId {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        read_uuid(text, None).map(Self).ok_or_else(|| "a UUID is needed".into())
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if read_uuid(text, None).is_some())
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// Relay's global id of a row: base64 of `TypeName:key`.
#[must_use]
pub fn global_id(type_name: &str, key: impl std::fmt::Display) -> async_graphql::ID {
    async_graphql::ID(STANDARD.encode(format!("{type_name}:{key}")))
}

/// The type name and the key of a global id.
#[must_use]
pub fn read_global_id(id: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(id.trim()).ok()?).ok()?;
    let (type_name, key) = text.split_once(':')?;
    Some((type_name.to_owned(), key.to_owned()))
}

/// A UUID, raw or in a global id (of the type `of`, if that matters).
#[must_use]
pub fn read_uuid(text: &str, of: Option<&str>) -> Option<Uuid> {
    const LONGEST: usize = 200;
    let text = text.trim();
    if text.len() > LONGEST {
        return None;
    }
    text.parse().ok().or_else(|| {
        let (type_name, key) = read_global_id(text)?;
        (of.is_none_or(|of| of == type_name)).then_some(())?;
        key.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_and_without_an_offset_and_a_bare_date_is_none() {
        let read = |text: &str| Moment::parse(text).map(|moment| moment.to_value().to_string());
        assert_eq!(read("2024-03-02T00:00:00+05:00").as_deref(), Some("\"2024-03-01T19:00:00\""));
        assert_eq!(read("2024-03-02T00:00:00Z").as_deref(), Some("\"2024-03-02T00:00:00\""));
        assert_eq!(read("2024-03-01T11:00:00.123456").as_deref(), Some("\"2024-03-01T11:00:00.123456\""));
        assert_eq!(read("2024-03-01T11:00:00.5").as_deref(), Some("\"2024-03-01T11:00:00.500000\""));
        for wrong in ["2024-03-01", "", "yesterday", "2024-13-01T00:00:00", "+99999-01-01T00:00:00"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_is_read_in_every_form_and_of_the_right_type_only() {
        let id: Uuid = "00000000-0000-7000-a000-00000000000a".parse().expect("a uuid");
        let global = global_id("TaskGQLType", id);
        for text in
            ["00000000-0000-7000-A000-00000000000A", "0000000000007000a00000000000000a", global.as_str()]
        {
            assert_eq!(read_uuid(text, Some("TaskGQLType")), Some(id), "{text}");
        }
        assert_eq!(read_uuid(&global, Some("TaskGroupGQLType")), None);
        for junk in ["xxx", "", "é", "VGFzaw=="] {
            assert_eq!(read_uuid(junk, None), None, "{junk}");
        }
    }
}
