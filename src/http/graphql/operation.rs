//! Reading an operation from the body of a request.

use async_graphql::Variables;
use serde_json::Value;

use crate::config::Limits;
use crate::error::ErrorCode;
use crate::graphql::protocol::document::{self, Document};
use crate::message::Message;

/// An operation that was read.
pub struct Operation {
    /// Its document.
    pub document: Document,
    /// The values of its variables.
    pub variables: Variables,
}

/// Why an operation can't be read.
pub enum Unread {
    /// It is not what it should be.
    Refused(Message, ErrorCode),
    /// It names its document by a hash alone.
    Persisted,
}

impl Operation {
    /// Reads what a body holds.
    ///
    /// # Errors
    /// Why it can't be read.
    pub async fn read(body: Value, limits: &Limits) -> std::result::Result<Self, Unread> {
        let not_a_request = || Unread::Refused(Message::new("not-a-request"), ErrorCode::Validation);
        let Value::Object(mut body) = body else { return Err(not_a_request()) };
        let query = match body.remove("query") {
            Some(Value::String(query)) if !query.trim().is_empty() => query,
            None | Some(Value::Null | Value::String(_)) if asks_for_persisted(&body) => {
                return Err(Unread::Persisted);
            }
            _ => return Err(not_a_request()),
        };
        let operation_name = match body.remove("operationName") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name),
            Some(_) => return Err(not_a_request()),
        };
        let variables = match body.remove("variables") {
            None | Some(Value::Null) => Variables::default(),
            Some(variables @ Value::Object(_)) => Variables::from_json(variables),
            Some(_) => return Err(not_a_request()),
        };
        match document::read(query, operation_name, limits).await {
            Ok(document) => Ok(Self { document, variables }),
            Err(error) => Err(Unread::Refused(error.message().clone(), error.code())),
        }
    }
}

/// Whether a request names its document by a hash alone.
fn asks_for_persisted(body: &serde_json::Map<String, Value>) -> bool {
    body.get("extensions").is_some_and(|extensions| !extensions["persistedQuery"].is_null())
}
