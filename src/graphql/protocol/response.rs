//! Completes the errors in the library's answers: translates them, adds codes, and logs their causes.

use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, PathSegment, Response, ServerError};

use crate::error::{Error, ErrorCode};
use crate::graphql::protocol::error::describe;

/// Translates the errors of an answer; returns whether the database was unavailable for one of them.
pub fn localize(response: &mut Response, language: &str, request_id: &str) -> bool {
    let (mut unavailable, mut faults) = (false, Faults::default());
    for error in &mut response.errors {
        unavailable |= translate(error, language, request_id, &mut faults);
    }
    faults.log();
    unavailable
}

/// What went wrong on the server's side in one operation: one line of the log, however many fields failed.
#[derive(Default)]
struct Faults {
    /// How many fields failed.
    fields: usize,
    /// The first causes, each with the first field that it hit.
    causes: Vec<(String, String)>,
    /// How many fields failed for other causes.
    others: usize,
}

impl Faults {
    fn add(&mut self, error: &Error, path: &[PathSegment]) {
        const MOST: usize = 3;
        self.fields += 1;
        let cause = std::error::Error::source(error).map_or_else(String::new, ToString::to_string);
        if self.causes.iter().any(|(known, _)| *known == cause) {
            return;
        }
        if self.causes.len() == MOST {
            self.others += 1;
            return;
        }
        self.causes.push((cause, written(path)));
    }

    fn log(&self) {
        if self.fields == 0 {
            return;
        }
        let causes: Vec<String> =
            self.causes.iter().map(|(cause, path)| format!("{path}: {}", shorten(cause))).collect();
        tracing::error!(fields = self.fields, others = self.others, "fields failed: {}", causes.join("; "));
    }
}

/// A path as `task.edges.3.node`.
fn written(path: &[PathSegment]) -> String {
    let segments = path.iter().map(|segment| match segment {
        PathSegment::Field(name) => name.clone(),
        PathSegment::Index(index) => index.to_string(),
    });
    segments.collect::<Vec<_>>().join(".")
}

/// An error that several resolvers share, because a loader has failed for all of them.
#[must_use]
pub fn shared(error: Arc<Error>) -> Error {
    Arc::try_unwrap(error).unwrap_or_else(|shared| {
        let (code, message) = (shared.code(), shared.message().clone());
        if shared.is_internal() {
            let cause = std::error::Error::source(&*shared).map_or_else(String::new, ToString::to_string);
            return match code {
                ErrorCode::Unavailable => Error::unavailable(cause),
                _ => Error::internal(cause),
            };
        }
        Error::new(code, message)
    })
}

fn translate(error: &mut ServerError, language: &str, request_id: &str, faults: &mut Faults) -> bool {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    extensions.set("requestId", request_id);
    let Some(own) = error.source.as_ref().and_then(|source| source.downcast_ref::<Error>()) else {
        // These are the library's own refusals of documents and values. They quote what the client sent.
        extensions.set("code", ErrorCode::Validation.as_str());
        error.message = shorten(&error.message);
        return false;
    };
    describe(own, extensions);
    error.message = own.message().text(language);
    if own.is_internal() {
        faults.add(own, &error.path);
    }
    own.code() == ErrorCode::Unavailable
}

/// Cuts a text that may quote a whole document.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 300;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
