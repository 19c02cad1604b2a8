//! Templates of mails where the feature `mail` is missing: there are none.

use super::json::Json;

/// The sources of the parts of a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts<T = String> {
    /// The subject.
    pub subject: T,
    /// The text.
    pub text: T,
    /// The same as HTML.
    pub html: T,
}

/// The part of a template that can't be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The part.
    pub part: &'static str,
    /// The reason.
    pub reason: String,
}

const fn missing() -> Fault {
    Fault { part: "text", reason: String::new() }
}

impl<T: AsRef<str>> Parts<T> {
    /// Nothing can be used.
    pub fn check(&self) -> Result<(), Fault> {
        Err(missing())
    }

    /// Nothing is rendered.
    pub fn render(&self, _: &Json) -> Result<Parts, Fault> {
        Err(missing())
    }
}
