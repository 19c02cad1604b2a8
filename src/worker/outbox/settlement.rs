//! Settlements: what came of a delivery is written down.

use chrono::{NaiveDateTime, TimeDelta};
use uuid::Uuid;

use crate::db::connection::DbConnection;
use crate::db::{lease, outbox};
use crate::error::Result;
use crate::model::outbox::Delivery;
use crate::model::webhook_attempt::WebhookAttempt;
use crate::service::webhook_attempt::{self, Disabled};
use crate::service::{ServiceContext, task_mail};
use crate::worker::gathered::Write;

/// The result of telling a subscriber.
#[derive(Debug)]
pub enum Attempted {
    /// The subscriber has accepted it.
    Delivered,
    /// It failed, for this reason. It is made again at this moment, or never.
    Failed(String, Option<NaiveDateTime>),
    /// It was not made, because the endpoint or the dispatcher is disabled.
    Withheld,
}

/// What came of a delivery.
pub struct Settlement {
    /// The key of the delivery.
    pub id: i64,
    /// The name of its subscriber.
    pub handler: String,
    /// Who made it.
    pub worker: Uuid,
    /// The moment of the result.
    pub now: NaiveDateTime,
    /// The result.
    pub attempted: Attempted,
    /// What is recorded of it.
    pub record: Option<Record>,
}

/// What is recorded of an attempt.
#[derive(Debug)]
pub enum Record {
    /// An attempt at a webhook endpoint.
    Webhook(WebhookAttempt),
    /// What has become of a mail.
    Mail(task_mail::Attempted),
}

/// What follows from a settlement.
#[derive(Debug, Default)]
pub struct Settled {
    /// Whether another delivery to the same subscriber may be due now.
    pub is_more_due: bool,
    /// The endpoint that is disabled because of it.
    pub disabled: Option<Disabled>,
}

impl Write for Settlement {
    type Done = Settled;

    fn locks(&self) -> &str {
        &self.handler
    }

    fn write(&self, services: &ServiceContext, connection: &mut DbConnection) -> Result<Settled> {
        let (id, worker) = (self.id, self.worker);
        let is_more_due = match &self.attempted {
            Attempted::Delivered => outbox::delivered(connection, id, worker, self.now)?,
            Attempted::Failed(reason, due) => {
                outbox::failed(connection, id, worker, reason, *due)?;
                // An endpoint that fails is tried again at regular looks only.
                !matches!(self.record, Some(Record::Webhook(_)))
            }
            Attempted::Withheld => {
                lease::put_back::<Delivery>(connection, id, worker)?;
                false
            }
        };
        let disabled = match &self.record {
            Some(Record::Webhook(attempt)) => {
                webhook_attempt::record(services, connection, attempt, self.now)?
            }
            Some(Record::Mail(attempted)) => {
                task_mail::settle(connection, attempted, self.now)?;
                None
            }
            None => None,
        };
        Ok(Settled { is_more_due, disabled })
    }
}

/// How long after a failed attempt the next one is made; none after the last. A receiver that asks for a longer pause gets
/// it. Pauses have a little jitter, so that retries do not come all at once.
#[must_use]
pub fn due_again(pauses_s: &[i64], attempts: i32, wanted: Option<TimeDelta>) -> Option<TimeDelta> {
    let place = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let pause_ms = pauses_s.get(place)?.saturating_mul(1_000);
    let jitter_ms = i64::from(crate::clock::jitter()) * (pause_ms / 2_560);
    let pause = TimeDelta::try_milliseconds(pause_ms.saturating_add(jitter_ms))?;
    Some(wanted.map_or(pause, |wanted| wanted.max(pause)))
}
