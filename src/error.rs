//! Errors with two texts: one for the caller (a [`Message`]), one for the log (the source).

use std::error::Error as StdError;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::message::Message;

/// The result of everything that can fail in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The class of an error, as clients see it in `extensions.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// Nobody is logged in, or the session has ended.
    Unauthenticated,
    /// The caller lacks a right.
    Forbidden,
    /// There is no such row, or the caller may not know of it.
    NotFound,
    /// The input breaks a rule.
    Validation,
    /// The input contradicts the present state.
    Conflict,
    /// A bound of the server was exceeded.
    Limit,
    /// The server's own fault; the cause is in the log only.
    Internal,
    /// The database can't be reached or is too busy now; trying again later may help.
    Unavailable,
}

impl ErrorCode {
    /// The text in `extensions.code`. `Unavailable` reads `INTERNAL`, because clients know no other word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::Validation => "VALIDATION",
            Self::Conflict => "CONFLICT",
            Self::Limit => "LIMIT",
            Self::Internal | Self::Unavailable => "INTERNAL",
        }
    }
}

impl ErrorCode {
    /// The class with this text.
    pub(crate) fn named(text: &str) -> Option<Self> {
        let all = [
            Self::Unauthenticated,
            Self::Forbidden,
            Self::NotFound,
            Self::Validation,
            Self::Conflict,
            Self::Limit,
            Self::Internal,
        ];
        all.into_iter().find(|code| code.as_str() == text)
    }
}

/// An error with a text for the caller and, if there is one, a cause for the log.
#[derive(Debug)]
pub struct Error {
    code: ErrorCode,
    message: Message,
    field: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// Whether the log has the cause already.
    is_logged: AtomicBool,
}

impl Error {
    /// An error of the given class.
    #[must_use]
    pub const fn new(code: ErrorCode, message: Message) -> Self {
        Self { code, message, field: None, source: None, is_logged: AtomicBool::new(false) }
    }

    /// The error for input that breaks a rule. `field` is the GraphQL name of the input field at fault.
    #[must_use]
    pub fn validation(field: impl Into<String>, message: Message) -> Self {
        Self { field: Some(field.into()), ..Self::new(ErrorCode::Validation, message) }
    }

    /// There is no such row, or the caller may not know of it.
    #[must_use]
    pub fn not_found(field: impl Into<String>, message: Message) -> Self {
        Self { field: Some(field.into()), ..Self::new(ErrorCode::NotFound, message) }
    }

    /// The error for a bound that was exceeded. `field` is the GraphQL name of the input field that exceeds it.
    #[must_use]
    pub fn limit(field: impl Into<String>, message: Message) -> Self {
        Self { field: Some(field.into()), ..Self::new(ErrorCode::Limit, message) }
    }

    /// The caller lacks a right.
    #[must_use]
    pub const fn forbidden(message: Message) -> Self {
        Self::new(ErrorCode::Forbidden, message)
    }

    /// A fault of the server. `source` goes to the log once, where GraphQL or a service answers the error; the caller learns
    /// only that there was a fault.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..Self::new(ErrorCode::Internal, Message::new("internal-error")) }
    }

    /// The error for a database that can't be used now.
    #[must_use]
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(ErrorCode::Unavailable, Message::new("database-unavailable"))
        }
    }

    /// Notes that this input field is at fault.
    #[must_use]
    pub fn of_field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// Its class.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The message for the caller, before translation.
    #[must_use]
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// The GraphQL name of the input field at fault, if it is the fault of one field.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Whether the fault is the server's, so that the cause belongs in the log.
    #[must_use]
    pub const fn is_internal(&self) -> bool {
        matches!(self.code, ErrorCode::Internal | ErrorCode::Unavailable)
    }

    /// The cause of a fault of the server, for the log; none if the log has it already.
    pub(crate) fn unlogged_cause(&self) -> Option<String> {
        let is_news = self.is_internal() && !self.is_logged.swap(true, Ordering::Relaxed);
        is_news.then(|| self.source().map_or_else(String::new, ToString::to_string))
    }

    /// Logs the cause of a fault of the server, unless the log has it already.
    pub(crate) fn log(&self) {
        if let Some(cause) = self.unlogged_cause() {
            tracing::error!(code = self.code.as_str(), cause, "a call of the module failed");
        }
    }
}

/// The words of a panic, if it has some.
pub(crate) fn words_of(panic: &(dyn std::any::Any + Send)) -> Option<&str> {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
}

/// The English text, for logs and for hosts that do not translate.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message.text("en"))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind, Error as Diesel};
        match error {
            Diesel::BrokenTransactionManager
            | Diesel::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                _,
            ) => Self::unavailable(error),
            // What broke a statement off may be an error of ours.
            Diesel::DeserializationError(source) => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(source) => Self::internal(source),
            },
            Diesel::DatabaseError(_, information)
                if information.message() == "canceling statement due to statement timeout" =>
            {
                Self::new(ErrorCode::Limit, Message::new("statement-too-slow"))
            }
            other => Self::internal(other),
        }
    }
}
