//! Reading JSON by serde: from serde_json's texts and values, and into any type.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::number::{Number, ShortInteger};
use super::{Json, JsonError, Object, parse};

/// The name by which serde_json is asked for a value's own text, which it gives in a map with this one key. Its `RawValue`
/// asks by the same name. A format that does not know the name gives numbers in 64 bits.
const RAW: &str = "$serde_json::private::RawValue";
/// The only key of a map that stands for a long number while serde holds values in a form of its own. No text of clients
/// holds a NUL.
const NUMBER: &str = "\0number";

impl Error for JsonError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::form(reason)
    }
}

pub(super) fn read<T: DeserializeOwned>(json: &Json, is_carried: bool) -> Result<T, JsonError> {
    T::deserialize(Reader { json, is_carried })
}

/// Gives a value to serde.
#[derive(Clone, Copy)]
struct Reader<'a> {
    json: &'a Json,
    /// Whether numbers that do not fit in 64 bits are given under [`NUMBER`], for [`Json`] in flattened parts.
    is_carried: bool,
}

impl<'a> Reader<'a> {
    const fn of(self, json: &'a Json) -> Self {
        Self { json, ..self }
    }

    fn map<'de>(
        self,
        map: &'a Object,
    ) -> MapDeserializer<'de, impl Iterator<Item = (&'a str, Self)> + use<'a>, JsonError> {
        MapDeserializer::new(map.iter().map(move |(key, item)| (key.as_str(), self.of(item))))
    }

    fn float<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value, JsonError> {
        match number.as_str().parse::<f64>() {
            Ok(float) if float.is_finite() => visitor.visit_f64(float),
            _ => Err(JsonError::form(format!("the number {} is out of range", number.as_str()))),
        }
    }
}

impl IntoDeserializer<'_, JsonError> for Reader<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads a number that does not fit in 64 bits, if a type asks for it.
macro_rules! long_integers {
    ($($method:ident: $visit:ident $type:ty),+) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
                if let Json::Number(number) = self.json {
                    if let Ok(integer) = number.canonical().parse::<$type>() {
                        return visitor.$visit(integer);
                    }
                }
                self.deserialize_any(visitor)
            }
        )+
    };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.json {
            Json::Null => visitor.visit_unit(),
            Json::Bool(truth) => visitor.visit_bool(*truth),
            Json::Number(number) => match number.as_short_integer() {
                Some(ShortInteger::Signed(integer)) => visitor.visit_i64(integer),
                Some(ShortInteger::Unsigned(integer)) => visitor.visit_u64(integer),
                None if self.is_carried => {
                    visitor.visit_map(MapDeserializer::new(std::iter::once((NUMBER, number.as_str()))))
                }
                None => Self::float(number, visitor),
            },
            Json::String(text) => visitor.visit_str(text),
            Json::Array(items) => {
                let mut items = SeqDeserializer::new(items.iter().map(|item| self.of(item)));
                let value = visitor.visit_seq(&mut items)?;
                items.end().map(|()| value)
            }
            Json::Object(map) => {
                let mut map = self.map(map);
                let value = visitor.visit_map(&mut map)?;
                map.end().map(|()| value)
            }
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.json {
            Json::Number(number) => Self::float(number, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_f64(visitor)
    }

    long_integers!(deserialize_i128: visit_i128 i128, deserialize_u128: visit_u128 u128);

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        if self.json.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        if name == RAW {
            return visitor.visit_map(MapDeserializer::new(std::iter::once((RAW, self.json.to_string()))));
        }
        visitor.visit_newtype_struct(self)
    }

    /// Serde's own structs would take a list too, as the fields in their order.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.json {
            Json::Array(_) => {
                let needed = fields.join(", ");
                Err(JsonError::form(format!("a list stands where an object is needed, with {needed}")))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.json {
            Json::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Json::Object(map) => visitor.visit_enum(MapAccessDeserializer::new(self.map(map))),
            _ => Err(JsonError::form("a text or an object is needed")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        identifier ignored_any
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(RAW, Asking)
    }
}

/// Reads a value's own text, or else the value.
struct Asking;

impl<'de> Visitor<'de> for Asking {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        match map.next_key::<String>()? {
            Some(key) if key == RAW => parse::part(&map.next_value::<String>()?).map_err(A::Error::custom),
            first => Taking::entries(first, map),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(Taking)
    }
}

/// Reads a value as serde gives it.
struct Taking;

impl Taking {
    fn entries<'de, A: MapAccess<'de>>(first: Option<String>, mut map: A) -> Result<Json, A::Error> {
        let mut object = Object::new();
        let mut next = first;
        while let Some(key) = next {
            if key == NUMBER {
                return parse::part(&map.next_value::<String>()?).map_err(A::Error::custom);
            }
            let item = map.next_value::<Inner>()?.0;
            object.insert(key, item);
            next = map.next_key()?;
        }
        Ok(Json::Object(object))
    }
}

/// A value inside one that serde gives. It is not asked for its own text again.
struct Inner(Json);

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Taking).map(Self)
    }
}

impl<'de> Visitor<'de> for Taking {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Json, E> {
        Ok(Json::Bool(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(Number::written(number.to_string())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(Number::written(number.to_string())))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        Ok(serde_json::Number::from_f64(number).map_or(Json::Null, |number| Json::Number(number.into())))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(Self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(Inner(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let first = map.next_key()?;
        Self::entries(first, map)
    }
}
