//! Housekeeping: deleting rows that nobody needs any more (ended sessions, old failures, delivered events, attempts),
//! renewing statistics, and bringing the copies of a host's users up to date.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::config::OutboxSettings;
use crate::db::{login_failure, outbox, session, statistics, webhook_attempt};
use crate::error::Result;
use crate::service::{ServiceContext, user};

/// Tidies up every ten minutes until told to stop.
pub async fn run(services: Arc<ServiceContext>, settings: OutboxSettings, stop: CancellationToken) {
    const PAUSE: Duration = Duration::from_secs(600);
    while !stop.is_cancelled() {
        if let Err(error) = tidy_up(&services, &settings).await {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(cause, "tidying up has to wait");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Tidies up once.
///
/// # Errors
/// An error of the host.
pub async fn tidy_up(services: &Arc<ServiceContext>, settings: &OutboxSettings) -> Result<()> {
    user::refresh(services).await?;
    let now = services.clock.now();
    let delivered = now - TimeDelta::days(settings.keep_days);
    let failures = now - TimeDelta::seconds(services.auth.failure_window_s);
    services
        .db
        .write(move |connection| {
            session::prune(connection, now)?;
            login_failure::prune(connection, failures)?;
            outbox::prune(connection, delivered)?;
            outbox::discard_ownerless(connection)?;
            webhook_attempt::prune(connection, delivered)?;
            statistics::refresh(connection)
        })
        .await
}
