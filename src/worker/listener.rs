//! Listening for deliveries that other processes on the same PostgreSQL leave in the outbox, so that these do not wait for
//! the next look.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::db::connection::DbConnection;
use crate::db::outbox;
use crate::error::Result;
use crate::service::ServiceContext;

/// How often the connection is asked for notifications. That looks at a socket, not at the database.
const LOOK: Duration = Duration::from_millis(50);
/// The pause before a lost connection is opened again. Meanwhile workers find deliveries by looking into the outbox
/// regularly.
const PAUSE: Duration = Duration::from_secs(5);

/// Wakes the workers whenever another process leaves a delivery, until told to stop. On SQLite it does nothing.
pub async fn run(services: Arc<ServiceContext>, stop: CancellationToken) {
    let has_functions = !services.functions.names().is_empty();
    let is_told = has_functions || services.bus.has_webhooks() || services.mail.is_on();
    if services.bus.after_handlers().is_empty() && !is_told {
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
    let Some(mut connection) = services.db.connector().connect_to_listen()? else {
        return Ok(());
    };
    outbox::listen(&mut connection)?;
    let listened = until_told_to_stop(services, &mut connection, stop);
    // A connection that goes back to a host's pool is not notified any more.
    let ended = outbox::listen_no_more(&mut connection);
    listened.and(ended)
}

fn until_told_to_stop(
    services: &ServiceContext,
    connection: &mut DbConnection,
    stop: &CancellationToken,
) -> Result<()> {
    while !stop.is_cancelled() {
        if outbox::is_notified(connection, services.db.announcer())? {
            services.db.wake();
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}
