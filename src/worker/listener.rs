//! Listening for what other processes on the same PostgreSQL leave in the outbox, so that deliveries do not wait for the
//! next look.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::db::connection::DbConnection;
use crate::db::outbox;
use crate::error::Result;
use crate::service::ServiceContext;

/// How often the connection is asked whether something came. Asking is a look at a socket, not at the database.
const LOOK: Duration = Duration::from_millis(50);
/// How long a lost connection is left alone. Meanwhile workers look into the outbox now and then.
const PAUSE: Duration = Duration::from_secs(5);

/// Wakes the workers whenever another process leaves something, until told to stop. On SQLite there is no other process.
pub async fn run(services: Arc<ServiceContext>, stop: CancellationToken) {
    if services.bus.after_handlers().is_empty() && !services.bus.has_webhooks() {
        return;
    }
    while !stop.is_cancelled() {
        let (listening, until) = (Arc::clone(&services), stop.clone());
        let ended = tokio::task::spawn_blocking(move || listen(&listening, &until)).await;
        match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(cause, "the database can't be listened to now");
            }
            Err(error) => tracing::error!(%error, "listening broke off"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn listen(services: &ServiceContext, stop: &CancellationToken) -> Result<()> {
    let mut connection = services.db.connect_once()?;
    let DbConnection::Pg(pg) = &mut connection else {
        return Ok(());
    };
    outbox::listen(pg)?;
    while !stop.is_cancelled() {
        let mut came = false;
        for notification in pg.notifications_iter() {
            notification?;
            came = true;
        }
        if came {
            services.bus.wake();
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}
