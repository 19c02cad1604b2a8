//! JSON that keeps exactly what it says: numbers of any length keep their digits, and repeated keys are refused.
//!
//! `serde_json::Value` holds numbers in 64 bits, which changes long ones. It has a feature that keeps them, but that would
//! hold for the whole program, a host's own code included.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

mod number;
mod parse;
mod read;
mod write;

pub use number::{MAX_DIGITS, Number};
pub use parse::{JsonError, JsonFault};

/// The entries of an object, in the order of their keys.
pub type Object = BTreeMap<String, Json>;

/// A JSON value. Its text is written by `to_string`, without white space.
///
/// ```
/// use tasks_management::Json;
///
/// let json = Json::parse(r#"{"amount": 12345678901234567890.10}"#)?;
/// assert_eq!(json.to_string(), r#"{"amount":12345678901234567890.10}"#);
/// assert_eq!(json["amount"], Json::parse("12345678901234567890.1")?);
/// assert_eq!(Json::from(serde_json::json!({ "a": [1, null] }))["a"][0], 1);
/// # Ok::<(), tasks_management::JsonError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Json {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    String(String),
    /// A list.
    Array(Vec<Json>),
    /// An object.
    Object(Object),
}

impl Json {
    /// Reads a text. Exponents of numbers are written out.
    ///
    /// # Errors
    /// The reason why it is not JSON, the key that is repeated, or the number that has too many digits.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        parse::given(text)
    }

    /// Reads a stored text as it is, even if clients may no longer send such a text.
    ///
    /// # Errors
    /// The reason why it is not JSON.
    pub(crate) fn stored(text: &str) -> Result<Self, JsonError> {
        parse::stored(text)
    }

    /// The JSON that serde writes of `value`; null if that is no JSON, such as a map whose keys are lists.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        let text = serde_json::to_string(value).ok();
        text.and_then(|text| Self::stored(&text).ok()).unwrap_or_default()
    }

    /// Reads it as another type.
    ///
    /// # Errors
    /// The reason why it does not have that form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        read::read(self, false)
    }

    /// Reads it as one of our types with flattened parts, in which serde would otherwise hold numbers in 64 bits.
    ///
    /// # Errors
    /// The reason why it does not have that form.
    pub(crate) fn read_flattened<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        read::read(self, true)
    }

    /// serde_json's own value, which holds numbers as `i64`, `u64` or `f64`. Long numbers lose digits, and numbers beyond
    /// the range of `f64` become texts.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Number(number) => number.to_value(),
            Self::String(text) => Value::String(text.clone()),
            Self::Array(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(map) => map.iter().map(|(key, item)| (key.clone(), item.to_value())).collect(),
        }
    }

    /// The value under a key of an object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// Whether it is `null`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it is an object.
    #[must_use]
    pub const fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// The boolean, if it is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(truth) = self { Some(*truth) } else { None }
    }

    /// The number, if it is one that fits in `i64`.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Number(number) = self { number.canonical().parse().ok() } else { None }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The items, if it is a list.
    #[must_use]
    pub const fn as_array(&self) -> Option<&Vec<Self>> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The entries, if it is an object.
    #[must_use]
    pub const fn as_object(&self) -> Option<&Object> {
        if let Self::Object(map) = self { Some(map) } else { None }
    }

    /// The entries to be changed, if it is an object.
    #[must_use]
    pub const fn as_object_mut(&mut self) -> Option<&mut Object> {
        if let Self::Object(map) = self { Some(map) } else { None }
    }

    /// Whether `holds` is true of it or of any value in it.
    pub(crate) fn any(&self, holds: &impl Fn(&Self) -> bool) -> bool {
        holds(self)
            || match self {
                Self::Array(items) => items.iter().any(|item| item.any(holds)),
                Self::Object(map) => map.values().any(|item| item.any(holds)),
                _ => false,
            }
    }

    /// The text with every number in its canonical form, so that equal values have equal texts.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.text_by(&|number| number.canonical().into_owned())
    }

    /// The text with numbers as `written` has them.
    pub(crate) fn text_by(&self, written: &impl Fn(&Number) -> String) -> String {
        match self {
            Self::Number(number) => written(number),
            Self::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| item.text_by(written)).collect();
                format!("[{}]", items.join(","))
            }
            Self::Object(map) => {
                let entry = |(key, item): (&String, &Self)| {
                    format!("{}:{}", write::quoted(key), item.text_by(written))
                };
                format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(","))
            }
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Bool(truth),
            Value::Number(number) => Self::Number(number.into()),
            Value::String(text) => Self::String(text),
            Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Object(map) => {
                Self::Object(map.into_iter().map(|(key, item)| (key, item.into())).collect())
            }
        }
    }
}

impl FromIterator<(String, Self)> for Json {
    fn from_iter<T: IntoIterator<Item = (String, Self)>>(entries: T) -> Self {
        Self::Object(entries.into_iter().collect())
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl PartialEq<Value> for Json {
    fn eq(&self, other: &Value) -> bool {
        let other = Self::from(other.clone());
        *self == other
    }
}

impl PartialEq<str> for Json {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Json {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}

impl PartialEq<i64> for Json {
    fn eq(&self, other: &i64) -> bool {
        self.as_i64() == Some(*other)
    }
}

static NULL: Json = Json::Null;

/// The value under a key; null if there is none.
impl Index<&str> for Json {
    type Output = Self;

    fn index(&self, key: &str) -> &Self {
        self.get(key).unwrap_or(&NULL)
    }
}

/// The value at an index of a list; null if there is none.
impl Index<usize> for Json {
    type Output = Self;

    fn index(&self, place: usize) -> &Self {
        self.as_array().and_then(|items| items.get(place)).unwrap_or(&NULL)
    }
}

/// Makes [`Json`] from the JSON written here, which may contain expressions of any type that serde can write.
macro_rules! json {
    ({}) => {
        $crate::domain::json::Json::Object($crate::domain::json::Object::new())
    };
    ({ $($key:tt: $value:expr),+ $(,)? }) => {
        $crate::domain::json::Json::Object($crate::domain::json::Object::from([
            $((String::from($key), $crate::domain::json::Json::of(&$value))),+
        ]))
    };
    ($value:expr) => {
        $crate::domain::json::Json::of(&$value)
    };
}
pub(crate) use json;

#[cfg(test)]
mod tests;
