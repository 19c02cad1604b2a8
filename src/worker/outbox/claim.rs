//! Claims: a worker leases deliveries that are due.

use chrono::NaiveDateTime;
use uuid::Uuid;

use crate::db::connection::DbConnection;
use crate::db::outbox;
use crate::error::Result;
use crate::model::outbox::Delivery;
use crate::service::ServiceContext;
use crate::worker::gathered::Write;

/// A claim to deliveries for one subscriber.
pub struct Claim {
    /// The name of the subscriber.
    pub handler: String,
    /// Who claims.
    pub worker: Uuid,
    /// The moment at which deliveries are due.
    pub now: NaiveDateTime,
    /// When the lease ends.
    pub until: NaiveDateTime,
    /// How many deliveries at most.
    pub most: i64,
}

impl Write for Claim {
    type Done = Vec<Delivery>;

    fn locks(&self) -> &str {
        &self.handler
    }

    fn write(&self, _: &ServiceContext, connection: &mut DbConnection) -> Result<Vec<Delivery>> {
        outbox::lease(connection, &self.handler, self.worker, self.now, self.until, self.most)
    }
}
