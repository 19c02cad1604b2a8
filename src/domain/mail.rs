//! Mails: to whom they go, what becomes of them, and which the module sends by itself.

use super::signal::Signal;
use super::text_enum::text_enum;

text_enum! {
    /// As whom somebody gets a mail. It is asked again when the mail is sent.
    pub enum MailRecipient {
        /// The people who have made the task.
        Maker = "MAKER",
        /// The people who are asked about the task and may decide.
        Pool = "POOL",
        /// Those of them whose vote is missing.
        Missing = "MISSING",
        /// Whoever has claimed the task.
        Claimant = "CLAIMANT",
        /// An address that stands in a dispatcher.
        Address = "ADDRESS",
        /// A person, whatever the task.
        Person = "PERSON",
    }
}

text_enum! {
    /// What has become of a mail.
    pub enum MailStatus {
        /// It is still to be sent, now or after a pause.
        Queued = "QUEUED",
        /// It is given to the mail server. If that breaks off, it is sent again.
        Sending = "SENDING",
        /// The mail server has taken it.
        Sent = "SENT",
        /// It was not sent; `error` says why.
        Failed = "FAILED",
    }
}

/// The template of mails to people who are asked about a task.
pub const AWAITS: &str = "task_awaits";
/// The template of mails to people who are asked about a task that is overdue.
pub const OVERDUE: &str = "task_overdue";
/// The template of mails to the makers of a task that is decided.
pub const DECIDED: &str = "task_decided";
/// The template of mails by which people set a new password.
pub const PASSWORD_RESET: &str = "password_reset";

/// What a delivery is about that sends a token for a new password. No handler is told of it.
pub const RESET_SIGNAL: &str = "user_service.reset_password";

/// The template and the recipients of what the module itself mails about an event.
#[must_use]
pub const fn built_in(signal: Signal) -> Option<(&'static str, MailRecipient)> {
    match signal {
        // A task that goes on to other people is updated.
        Signal::TaskCreate | Signal::TaskUpdate => Some((AWAITS, MailRecipient::Missing)),
        Signal::TaskOverdue => Some((OVERDUE, MailRecipient::Missing)),
        Signal::TaskComplete => Some((DECIDED, MailRecipient::Maker)),
        _ => None,
    }
}
