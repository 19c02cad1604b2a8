//! Reading JSON from a text.

use std::collections::btree_map::Entry;
use std::fmt;

use serde_json::Value;

use super::number::{MAX_DIGITS, Number};
use super::{Json, Object};

/// How deeply lists and objects of clients may be nested, which is serde_json's own bound.
const GIVEN_DEPTH: usize = 127;
/// How deeply stored lists and objects may be nested: what clients sent may be stored some levels deeper.
const STORED_DEPTH: usize = 256;
/// How many digits a text may gain when exponents are written out, and how many more for each of its bytes. Without a bound a
/// short text would fill the memory.
const GAINED: (usize, usize) = (65_536, 4);

/// Why a text or a value could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong.
    pub fault: JsonFault,
    /// Where, as keys and indexes of lists, the outermost first; empty at the top.
    pub path: Vec<String>,
}

/// What is wrong with JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonFault {
    /// It is no JSON, or does not have the form that it must.
    Form(String),
    /// This key is repeated in one object.
    RepeatedKey(String),
    /// A number has too many digits.
    LongNumber,
    /// Without exponents the numbers are much longer in all.
    ManyZeros,
}

impl JsonError {
    pub(super) fn form(reason: impl fmt::Display) -> Self {
        JsonFault::Form(reason.to_string()).into()
    }

    fn within(mut self, step: impl fmt::Display) -> Self {
        self.path.insert(0, step.to_string());
        self
    }
}

impl From<JsonFault> for JsonError {
    fn from(fault: JsonFault) -> Self {
        Self { fault, path: Vec::new() }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            JsonFault::Form(reason) => f.write_str(reason)?,
            JsonFault::RepeatedKey(key) => write!(f, "the key {key:?} is there twice")?,
            JsonFault::LongNumber => write!(f, "a number has more than {MAX_DIGITS} digits")?,
            JsonFault::ManyZeros => f.write_str("the numbers are too long without exponents")?,
        }
        if self.path.is_empty() { Ok(()) } else { write!(f, " in {}", self.path.join(".")) }
    }
}

impl std::error::Error for JsonError {}

/// Reads a text of a client or a file.
pub(super) fn given(text: &str) -> Result<Json, JsonError> {
    Parser::new(text, true, GIVEN_DEPTH).read()
}

/// Reads a part of a text that is being read, or was read already.
pub(super) fn part(text: &str) -> Result<Json, JsonError> {
    Parser::new(text, true, STORED_DEPTH).read()
}

/// Reads a stored text.
pub(super) fn stored(text: &str) -> Result<Json, JsonError> {
    Parser::new(text, false, STORED_DEPTH).read()
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Whether repeated keys and long numbers are refused, and exponents resolved.
    is_strict: bool,
    /// How many more levels it may go.
    depth: usize,
    /// How many more digits exponents may give.
    spare: usize,
}

impl<'a> Parser<'a> {
    const fn new(text: &'a str, is_strict: bool, depth: usize) -> Self {
        let spare = GAINED.0.saturating_add(text.len().saturating_mul(GAINED.1));
        Self { text, at: 0, is_strict, depth, spare }
    }

    fn read(mut self) -> Result<Json, JsonError> {
        let found =
            self.value().and_then(|json| if self.peek().is_some() { Err(self.wrong()) } else { Ok(json) });
        found.map_err(|error| match error.fault {
            // serde_json has better errors, with line and column.
            JsonFault::Form(own) => JsonFault::Form(
                serde_json::from_str::<Value>(self.text).err().map_or(own, |error| error.to_string()),
            )
            .into(),
            _ => error,
        })
    }

    fn value(&mut self) -> Result<Json, JsonError> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            _ => [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))]
                .into_iter()
                .find(|(word, _)| self.rest().starts_with(word.as_bytes()))
                .map(|(word, json)| {
                    self.at += word.len();
                    json
                })
                .ok_or_else(|| self.wrong()),
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Json, JsonError>) -> Result<Json, JsonError> {
        self.depth = self.depth.checked_sub(1).ok_or_else(|| JsonError::form("it is nested too deep"))?;
        self.at += 1;
        let json = read(self)?;
        self.depth += 1;
        Ok(json)
    }

    fn object(&mut self) -> Result<Json, JsonError> {
        let mut map = Object::new();
        if self.takes(b'}') {
            return Ok(Json::Object(map));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.wrong());
            }
            let key = self.string()?;
            if !self.takes(b':') {
                return Err(self.wrong());
            }
            let item = self.value().map_err(|error| error.within(&key))?;
            match map.entry(key) {
                Entry::Occupied(entry) if self.is_strict => {
                    return Err(JsonFault::RepeatedKey(entry.key().clone()).into());
                }
                Entry::Occupied(mut entry) => {
                    entry.insert(item);
                }
                Entry::Vacant(entry) => {
                    entry.insert(item);
                }
            }
            if self.takes(b'}') {
                return Ok(Json::Object(map));
            }
            if !self.takes(b',') {
                return Err(self.wrong());
            }
        }
    }

    fn array(&mut self) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        if self.takes(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            let item = self.value().map_err(|error| error.within(items.len()))?;
            items.push(item);
            if self.takes(b']') {
                return Ok(Json::Array(items));
            }
            if !self.takes(b',') {
                return Err(self.wrong());
            }
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let mut length = 1;
        loop {
            match self.rest().get(length) {
                Some(b'"') => break,
                Some(b'\\') => length += 2,
                Some(_) => length += 1,
                None => return Err(self.wrong()),
            }
        }
        let written = self.text.get(self.at..=self.at + length).ok_or_else(|| self.wrong())?;
        let text = serde_json::from_str(written).map_err(JsonError::form)?;
        self.at += length + 1;
        Ok(text)
    }

    fn number(&mut self) -> Result<Number, JsonError> {
        let start = self.at;
        self.at += usize::from(self.rest().first() == Some(&b'-'));
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            return Err(self.wrong());
        }
        if self.rest().first() == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.rest().first(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.rest().first(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        if !self.is_strict {
            return Ok(Number::written(text.to_owned()));
        }
        let number = Number::plain(text).ok_or(JsonFault::LongNumber)?;
        let gained = number.as_str().len().saturating_sub(text.len());
        self.spare = self.spare.checked_sub(gained).ok_or(JsonFault::ManyZeros)?;
        Ok(number)
    }

    fn digits(&mut self) -> Result<&str, JsonError> {
        let start = self.at;
        self.at += self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if self.at == start { Err(self.wrong()) } else { Ok(&self.text[start..self.at]) }
    }

    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The next character after white space.
    fn peek(&mut self) -> Option<u8> {
        let white = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().iter().take_while(white).count();
        self.rest().first().copied()
    }

    fn takes(&mut self, letter: u8) -> bool {
        let is_there = self.peek() == Some(letter);
        self.at += usize::from(is_there);
        is_there
    }

    fn wrong(&self) -> JsonError {
        JsonError::form(format!("it is no JSON from byte {} on", self.at))
    }
}
