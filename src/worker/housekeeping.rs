//! Housekeeping: deleting rows that nobody needs any more (ended sessions, old failures, the old security log, delivered events, attempts, mails,
//! old runs and requests of functions, old entries
//! of the journal), renewing statistics, and bringing the copies of a host's users up to date.

use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use tokio_util::sync::CancellationToken;

use crate::config::OutboxSettings;
use crate::db::connection::DbConnection;
use crate::db::{
    function_request, function_run, login_failure, mutation_log, outbox, security_log, session, statistics,
    task_mail, webhook_attempt,
};
use crate::error::{Error, Result};
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
    let logged = now - TimeDelta::days(services.auth.security_log_days);
    let failures = now - TimeDelta::seconds(services.auth.failure_window_s);
    services
        .db
        .write(move |connection| {
            connection.take_time()?;
            session::prune(connection, now)?;
            login_failure::prune(connection, failures)?;
            security_log::prune(connection, logged)?;
            outbox::prune(connection, delivered)?;
            outbox::discard_ownerless(connection)?;
            webhook_attempt::prune(connection, delivered)?;
            task_mail::prune(connection, delivered)?;
            statistics::refresh(connection)
        })
        .await?;
    let ended = now - TimeDelta::days(services.function_settings.keep_days);
    forget(services, ended, function_run::prune).await?;
    forget(services, ended, function_request::prune).await?;
    forget(services, now - TimeDelta::days(services.journal.keep_days), mutation_log::prune).await
}

/// Forgets what need not be kept any more, a piece at a time, lest others wait long.
async fn forget(
    services: &Arc<ServiceContext>,
    moment: NaiveDateTime,
    prune: fn(&mut DbConnection, NaiveDateTime, i64) -> Result<usize>,
) -> Result<()> {
    const PIECE: i64 = 1_000;
    loop {
        let forgotten = services
            .db
            .write(move |connection| {
                connection.take_time()?;
                prune(connection, moment, PIECE)
            })
            .await?;
        if i64::try_from(forgotten).map_err(Error::internal)? < PIECE {
            return Ok(());
        }
    }
}
