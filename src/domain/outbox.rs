//! Who is told of events, and how their delivery stands.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::text_enum::text_enum;

text_enum! {
    /// How a delivery stands.
    pub enum DeliveryStatus {
        /// It is still to be made, now or after a pause.
        Pending = "PENDING",
        /// The handler has done its work.
        Delivered = "DELIVERED",
        /// It was tried too often; it stays until somebody replays or discards it.
        Dead = "DEAD",
        /// An operator gave it up.
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
    /// The module itself, which weighs the votes on a group's tasks again once who is asked, or how many must agree, has
    /// changed; with a name, only where that service is put under maker-checker.
    ReEvaluation(Option<String>),
}

impl Subscriber {
    const ENDPOINT: &'static str = "webhook:";
    const RE_EVALUATION: &'static str = "tasks.re_evaluation";

    /// The subscriber that goes by this name. No handler can have the name of an endpoint or of the module.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        match name.strip_prefix(Self::RE_EVALUATION).map(|rest| rest.strip_prefix(':').ok_or(rest)) {
            Some(Err("")) => return Self::ReEvaluation(None),
            Some(Ok(service)) => return Self::ReEvaluation(Some(service.to_owned())),
            _ => {}
        }
        match name.strip_prefix(Self::ENDPOINT).and_then(|key| key.parse().ok()) {
            Some(id) => Self::Endpoint(id),
            None => Self::Handler(name.to_owned()),
        }
    }

    /// Its name in the outbox.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Handler(name) => name.clone(),
            Self::Endpoint(id) => format!("{}{id}", Self::ENDPOINT),
            Self::ReEvaluation(None) => Self::RE_EVALUATION.to_owned(),
            Self::ReEvaluation(Some(service)) => format!("{}:{service}", Self::RE_EVALUATION),
        }
    }
}

/// What operators look at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxFigures {
    /// How many deliveries are still to be made.
    pub pending: i64,
    /// How many are dead.
    pub dead: i64,
    /// Since when the oldest that is to be made waits, naive UTC.
    pub oldest: Option<NaiveDateTime>,
}
