//! A value that was given for an argument.

use async_graphql::Value;
use async_graphql::resolver_utils::{EnumItem, EnumType};

use crate::domain::text::check_text;
use crate::error::{Error, Result};
use crate::graphql::protocol::scalars::read_uuid;
use crate::graphql::protocol::validation::values::{beyond_int, is_beyond_int};
use crate::message::Message;

/// The longest text that a filter takes, in characters: longer than any column by which lists are filtered.
pub const LONGEST_TEXT: usize = 2_000;

/// A value that was given for an argument, and the person who gave it.
pub struct Given<'a> {
    /// The argument's name.
    pub name: &'a str,
    /// The value.
    pub value: &'a Value,
    /// Who asks.
    pub requester: &'a crate::auth::requester::Requester,
    /// How many items a list may have.
    pub list_length: usize,
    /// The present moment, naive UTC.
    pub now: chrono::NaiveDateTime,
}

impl Given<'_> {
    /// The value as a text without outer white space; none when it is empty.
    pub fn text(&self) -> Result<Option<String>> {
        let Value::String(text) = self.value else {
            return Err(self.wrong(Message::new("need-text")));
        };
        check_text(self.name, text, LONGEST_TEXT)?;
        let text = text.trim();
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// The value as a GraphQL `Int`. That has 32 bits, but the library accepts larger numbers.
    pub fn int(&self) -> Result<i64> {
        match self.value {
            Value::Number(number) if is_beyond_int(number) => {
                Err(Error::validation(self.name, beyond_int(self.name)))
            }
            Value::Number(number) => number.as_i64().ok_or_else(|| self.wrong(Message::new("need-int"))),
            _ => Err(self.wrong(Message::new("need-int"))),
        }
    }

    /// The value as a boolean.
    pub fn bool(&self) -> Result<bool> {
        match self.value {
            Value::Boolean(truth) => Ok(*truth),
            _ => Err(self.wrong(Message::new("need-bool"))),
        }
    }

    /// The value as a key, raw or in a global id of this type.
    pub fn uuid(&self, of: &str) -> Result<uuid::Uuid> {
        let Value::String(text) = self.value else {
            return Err(self.wrong(Message::new("need-uuid")));
        };
        read_uuid(text, Some(of)).ok_or_else(|| self.wrong(Message::new("need-uuid")))
    }

    /// The value as a value of an enum.
    pub fn one_of<E: EnumType>(&self) -> Result<&'static EnumItem<E>> {
        let name = match self.value {
            Value::Enum(name) => name.as_str(),
            Value::String(text) => text.as_str(),
            _ => "",
        };
        E::items().iter().find(|item| item.name == name).ok_or_else(|| {
            let allowed: Vec<&str> = E::items().iter().map(|item| item.name).collect();
            self.wrong(Message::new("need-one-of").with_list("allowed", &allowed))
        })
    }

    /// The items of the value. A single item counts as a list of one. Nulls are left out.
    pub fn items(&self) -> Result<Vec<Given<'_>>> {
        let values = match self.value {
            Value::List(values) => values.as_slice(),
            single => std::slice::from_ref(single),
        };
        if values.len() > self.list_length {
            let message = Message::new("list-too-long")
                .with("field", self.name.to_owned())
                .with("max", self.list_length);
            return Err(Error::limit(self.name, message));
        }
        Ok(values
            .iter()
            .filter(|value| !matches!(value, Value::Null))
            .map(|value| Given { value, ..*self })
            .collect())
    }

    pub(super) fn wrong(&self, message: Message) -> Error {
        Error::validation(self.name, message.with("field", self.name))
    }

    pub(super) fn text_of_any_length(&self) -> Result<Option<String>> {
        match self.value {
            Value::String(text) if text.is_empty() => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            _ => Err(self.wrong(Message::new("need-text"))),
        }
    }
}
