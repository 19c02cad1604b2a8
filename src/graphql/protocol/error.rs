//! Our errors as GraphQL's.

use std::sync::Arc;

use async_graphql::ErrorExtensionValues;

use crate::error::Error;

impl Error {
    /// The error as GraphQL's, with its text in the language of this code, and `code` and `field` in its extensions. This is
    /// for schemas without the module's roots: those of [`crate::TaskManagement::schema`] do as much for every error that a
    /// resolver returns.
    ///
    /// ```
    /// use tasks_management::{Error, Message};
    ///
    /// async fn resolver() -> async_graphql::Result<bool> {
    ///     let refusal = Error::validation("date", Message::words("The office is closed."));
    ///     Err(refusal.into_graphql("en"))
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() {
    /// let error = resolver().await.unwrap_err();
    /// assert_eq!(error.message, "The office is closed.");
    /// let extensions = serde_json::to_value(error.extensions).unwrap();
    /// assert_eq!(extensions, serde_json::json!({ "code": "VALIDATION", "field": "date" }));
    /// # }
    /// ```
    #[must_use]
    pub fn into_graphql(self, language: &str) -> async_graphql::Error {
        let mut extensions = ErrorExtensionValues::default();
        describe(&self, &mut extensions);
        async_graphql::Error {
            message: self.message().text(language),
            extensions: Some(extensions),
            source: Some(Arc::new(self)),
        }
    }
}

/// Adds what clients are told beside the text.
pub fn describe(error: &Error, extensions: &mut ErrorExtensionValues) {
    extensions.set("code", error.code().as_str());
    if let Some(field) = error.field() {
        extensions.set("field", field);
    }
}
