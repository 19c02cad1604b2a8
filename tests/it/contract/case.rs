//! The form of a recorded case in the file.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// One recorded request and what is expected of the answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique, `area/what`.
    pub name: String,
    /// The user whose browser sends the request; none for a stranger.
    pub as_user: Option<String>,
    /// The request.
    pub request: Request,
    /// What is compared.
    pub mode: Mode,
    /// The expectations.
    pub expect: Expect,
    /// The rule of the contract that the case shows.
    pub note: String,
    /// Cases of one chain share state.
    pub chain: Option<String>,
    /// Whether the case only prepares the cases after it.
    #[serde(default)]
    pub setup: bool,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The whole answer.
    Exact,
    /// HTTP status and presence of errors.
    Status,
    /// The mutation's payload and its entry in the journal.
    Journal,
    /// As one of the others, where the contract departs from the original.
    Custom,
}

/// What a browser sends; a header that is null is left out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Request {
    /// A document posted to the GraphQL endpoint.
    Graphql {
        /// The document.
        query: String,
        /// Its variables.
        variables: Option<Value>,
        /// Headers besides the browser's own.
        #[serde(default)]
        headers: Headers,
    },
    /// Anything else; the body goes out as it is.
    Rest {
        /// The HTTP method.
        method: String,
        /// Path and query string.
        path: String,
        /// The body's text.
        body: Option<String>,
        /// Headers besides the browser's own.
        #[serde(default)]
        headers: Headers,
    },
}

/// Headers by name; null removes one.
pub type Headers = BTreeMap<String, Option<String>>;

/// What is expected of an answer, and of the state after it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Expect {
    /// Any of these; 200 when absent.
    pub status: Option<OneOrMany<u16>>,
    /// Top-level errors.
    #[serde(default)]
    pub errors: Errors,
    /// The answer's `data`.
    #[serde(default, deserialize_with = "present")]
    pub data: Option<Value>,
    /// The whole body of a REST answer.
    #[serde(default, deserialize_with = "present")]
    pub body: Option<Value>,
    /// Paths of lists that are sets.
    #[serde(default)]
    pub unordered: Vec<String>,
    /// Paths of lists sorted by keys that repeat: lengths of the runs of equal keys.
    #[serde(default)]
    pub blocks: BTreeMap<String, Vec<usize>>,
    /// Cookies that the answer sets, with some of their attributes.
    #[serde(default)]
    pub set_cookie: BTreeMap<String, Vec<String>>,
    /// State read back afterwards.
    #[serde(default)]
    pub read: Vec<Read>,
    /// The mutation's id as its caller chose it.
    #[serde(rename = "clientMutationId")]
    pub client_mutation_id: Option<String>,
    /// Statuses that the journal entry may have; their presence makes it a journal case.
    pub log: Option<OneOrMany<u8>>,
    /// The journal entry's label; any when absent, null is none.
    #[serde(default, deserialize_with = "present")]
    pub label: Option<Value>,
    /// The name to which the payload's `internalId` is bound.
    #[serde(default)]
    pub bind: String,
    /// Whether a refusal at the top will do as well as one in the journal.
    #[serde(default)]
    pub or_errors: bool,
}

/// A query after the request, and the data it must give.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The user who reads.
    pub as_user: Option<String>,
    /// The document.
    pub query: String,
    /// The expected `data`.
    pub data: Value,
}

/// One value, or any of several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// This one.
    One(T),
    /// Any of these.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// The values that will do.
    pub fn values(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// Which top-level errors an answer must have.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Errors {
    /// None at all.
    #[default]
    None,
    /// Some, and then no root field holds data.
    Some,
    /// One at each of these paths, in any order.
    At(Vec<Value>),
    /// Errors or none, all the same.
    Any,
}

impl TryFrom<Value> for Errors {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::Null | Value::Bool(false) => Ok(Self::None),
            Value::Bool(true) => Ok(Self::Some),
            Value::Array(paths) if paths.is_empty() => Ok(Self::None),
            Value::Array(paths) => Ok(Self::At(paths)),
            Value::String(word) if word == "any" => Ok(Self::Any),
            other => Err(format!("errors: {other} says nothing")),
        }
    }
}

/// Tells an expected null from no expectation.
fn present<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(input).map(Some)
}

mod tests {
    use serde_json::json;

    use super::*;

    fn expect(value: Value) -> Result<Expect, serde_json::Error> {
        serde_json::from_value(value)
    }

    #[test]
    fn an_unknown_expectation_is_refused_instead_of_passing_unseen() {
        assert!(expect(json!({"daat": {}})).is_err());
        assert!(expect(json!({"errors": "some"})).is_err());
    }

    #[test]
    fn null_data_is_an_expectation() {
        assert_eq!(expect(json!({"data": null})).map(|e| e.data).ok(), Some(Some(Value::Null)));
        assert_eq!(expect(json!({})).map(|e| e.data).ok(), Some(None));
    }

    #[test]
    fn errors_are_none_unless_said_otherwise() {
        let errors = |value| expect(value).map(|e| e.errors).ok();
        assert_eq!(errors(json!({})), Some(Errors::None));
        assert_eq!(errors(json!({"errors": [["task"]]})), Some(Errors::At(vec![json!(["task"])])));
        assert_eq!(errors(json!({"errors": "any"})), Some(Errors::Any));
    }
}
