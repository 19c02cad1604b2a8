//! Settlements: what came of a delivery is written down.

use chrono::NaiveDateTime;
use uuid::Uuid;

use crate::db::connection::DbConnection;
use crate::db::{lease, outbox};
use crate::error::Result;
use crate::model::outbox::Delivery;
use crate::model::webhook_attempt::WebhookAttempt;
use crate::service::ServiceContext;
use crate::service::webhook_attempt::{self, Disabled};
use crate::worker::gathered::Write;

/// The result of telling a subscriber.
#[derive(Debug)]
pub enum Attempted {
    /// The subscriber has accepted it.
    Delivered,
    /// It failed, for this reason. It is made again at this moment, or never.
    Failed(String, Option<NaiveDateTime>),
    /// It was not made, because the endpoint is disabled.
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
    /// What webhooks record of it.
    pub record: Option<WebhookAttempt>,
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
                self.record.is_none()
            }
            Attempted::Withheld => {
                lease::put_back::<Delivery>(connection, id, worker)?;
                false
            }
        };
        let disabled = match &self.record {
            Some(attempt) => webhook_attempt::record(services, connection, attempt, self.now)?,
            None => None,
        };
        Ok(Settled { is_more_due, disabled })
    }
}
