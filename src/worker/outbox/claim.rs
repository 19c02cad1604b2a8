//! Claims: a worker leases deliveries that are due.

use crate::db::connection::DbConnection;
use crate::db::lease::Lease;
use crate::db::outbox;
use crate::error::Result;
use crate::model::outbox::Delivery;
use crate::service::ServiceContext;
use crate::worker::gathered::Write;

/// A claim to deliveries for one subscriber.
pub struct Claim {
    /// The name of the subscriber.
    pub handler: String,
    /// Who claims how many, and until when.
    pub lease: Lease,
}

impl Write for Claim {
    type Done = Vec<Delivery>;

    fn locks(&self) -> &str {
        &self.handler
    }

    fn write(&self, _: &ServiceContext, connection: &mut DbConnection) -> Result<Vec<Delivery>> {
        outbox::lease(connection, &self.handler, self.lease)
    }
}
