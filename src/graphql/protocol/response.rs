//! Completes the errors in the library's answers: translates them, adds codes, and logs their causes.

use std::any::Any;
use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, PathSegment, Response, ServerError};

use crate::error::{Error, ErrorCode};
use crate::graphql::protocol::error::describe;

/// Translates the errors of an answer that are the module's; returns whether the database was unavailable for one of them.
/// `is_own` says whether the field at a path is the module's. What else a host says stays as it is.
pub fn localize(
    response: &mut Response,
    language: &str,
    request_id: &str,
    is_own: impl Fn(&[PathSegment]) -> bool,
) -> bool {
    let (mut unavailable, mut faults) = (false, Faults::default());
    for error in &mut response.errors {
        if is_foreign(error, &is_own) {
            continue;
        }
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
        let Some(cause) = error.unlogged_cause() else { return };
        self.fields += 1;
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

/// Whether an error is a host's: it has a code already, or it is neither an error of ours nor one of a field of ours.
fn is_foreign(error: &ServerError, is_own: &impl Fn(&[PathSegment]) -> bool) -> bool {
    let has_code = error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some());
    has_code || (own(error.source.as_ref()).is_none() && !is_own(&error.path))
}

/// The error of ours that is the source of an answer's.
fn own(source: Option<&Arc<dyn Any + Send + Sync>>) -> Option<&Error> {
    source.and_then(|source| source.downcast_ref())
}

fn translate(error: &mut ServerError, language: &str, request_id: &str, faults: &mut Faults) -> bool {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    extensions.set("requestId", request_id);
    let Some(own) = own(error.source.as_ref()) else {
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
