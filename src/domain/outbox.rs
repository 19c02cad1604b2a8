//! Subscribers of events, and the status of deliveries.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::text_enum::text_enum;

text_enum! {
    /// The status of a delivery.
    pub enum DeliveryStatus {
        /// The delivery is still to be made, now or after a pause.
        Pending = "PENDING",
        /// The handler or endpoint has done its work.
        Delivered = "DELIVERED",
        /// The delivery failed too often. It stays until somebody replays or discards it.
        Dead = "DEAD",
        /// An operator gave the delivery up.
        Discarded = "DISCARDED",
    }
}

/// Who is told of events after the commit; a delivery names it in `handler`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subscriber {
    /// A bound After-handler, by its name.
    Handler(String),
    /// A webhook endpoint, by its key.
    Endpoint(Uuid),
    /// A dispatcher, by its key.
    Dispatcher(Uuid),
    /// The module itself: it weighs the votes on a group's tasks again after a change of who is asked, or of how many must
    /// agree. With a service's name, only a process that puts that service under maker-checker does so.
    ReEvaluation(Option<String>),
    /// The module itself: it finds out who gets mails about an event.
    MailAddressing,
    /// The module itself: it sends a mail.
    Mail,
    /// The module itself: it sends a mail that lists others.
    MailDigest,
}

impl Subscriber {
    const ENDPOINT: &'static str = "webhook:";
    const DISPATCHER: &'static str = "dispatcher:";
    const RE_EVALUATION: &'static str = "tasks.re_evaluation";
    const MAIL_ADDRESSING: &'static str = "tasks.mail_addressing";
    const MAIL: &'static str = "tasks.mail";
    const MAIL_DIGEST: &'static str = "tasks.mail_digest";

    /// The subscriber with this name. No handler can have the name of an endpoint or of the module.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        match name.strip_prefix(Self::RE_EVALUATION).map(|rest| rest.strip_prefix(':').ok_or(rest)) {
            Some(Err("")) => return Self::ReEvaluation(None),
            Some(Ok(service)) => return Self::ReEvaluation(Some(service.to_owned())),
            _ => {}
        }
        match name {
            Self::MAIL_ADDRESSING => return Self::MailAddressing,
            Self::MAIL => return Self::Mail,
            Self::MAIL_DIGEST => return Self::MailDigest,
            _ => {}
        }
        let key_after = |prefix| name.strip_prefix(prefix).and_then(|key| key.parse().ok());
        if let Some(id) = key_after(Self::ENDPOINT) {
            return Self::Endpoint(id);
        }
        key_after(Self::DISPATCHER).map_or_else(|| Self::Handler(name.to_owned()), Self::Dispatcher)
    }

    /// Its name in the outbox.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Handler(name) => name.clone(),
            Self::Endpoint(id) => format!("{}{id}", Self::ENDPOINT),
            Self::Dispatcher(id) => format!("{}{id}", Self::DISPATCHER),
            Self::ReEvaluation(None) => Self::RE_EVALUATION.to_owned(),
            Self::ReEvaluation(Some(service)) => format!("{}:{service}", Self::RE_EVALUATION),
            Self::MailAddressing => Self::MAIL_ADDRESSING.to_owned(),
            Self::Mail => Self::MAIL.to_owned(),
            Self::MailDigest => Self::MAIL_DIGEST.to_owned(),
        }
    }
}

/// Figures of the outbox for operators.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxFigures {
    /// How many deliveries are still to be made.
    pub pending: i64,
    /// How many deliveries are dead.
    pub dead: i64,
    /// When the oldest delivery that is still to be made was created, naive UTC.
    pub oldest: Option<NaiveDateTime>,
}
