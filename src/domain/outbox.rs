//! The outbox: events for After-handlers, and how their delivery stands.

use chrono::NaiveDateTime;
use uuid::Uuid;

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// It is still to be made, now or after a pause.
    Pending,
    /// The handler has done its work.
    Delivered,
    /// It was tried too often; it stays until somebody replays or discards it.
    Dead,
    /// An operator gave it up.
    Discarded,
}

impl DeliveryStatus {
    /// All values.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Dead, Self::Discarded];

    /// The text kept in the database and shown to clients.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Delivered => "DELIVERED",
            Self::Dead => "DEAD",
            Self::Discarded => "DISCARDED",
        }
    }

    /// The status of this text, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// Who is told of events after the commit; a delivery names it in `handler`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subscriber {
    /// A bound After-handler, by its name.
    Handler(String),
    /// A webhook endpoint, by its key.
    Endpoint(Uuid),
}

impl Subscriber {
    const ENDPOINT: &'static str = "webhook:";

    /// The subscriber that goes by this name. No handler can have the name of an endpoint.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
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
        }
    }
}

/// An event for one handler.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Primary key, counting up in the order of writes.
    pub id: i64,
    /// The event's stable id, by which handlers tell repeats.
    pub event_id: Uuid,
    /// The signal's name.
    pub signal: String,
    /// The subscriber's name.
    pub handler: String,
    /// What the event is about; deliveries about one row keep their order.
    pub entity_id: Uuid,
    /// Who caused it.
    pub user_id: Uuid,
    /// What happened.
    pub data: serde_json::Value,
    /// When it happened, naive UTC.
    pub date_created: NaiveDateTime,
    /// How it stands.
    pub status: DeliveryStatus,
    /// How often it has been tried.
    pub attempts: i32,
    /// When it is tried again, naive UTC.
    pub date_due: NaiveDateTime,
    /// Until when a worker has it in hand, naive UTC.
    pub lease_until: Option<NaiveDateTime>,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When the handler had done its work, naive UTC.
    pub date_delivered: Option<NaiveDateTime>,
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
