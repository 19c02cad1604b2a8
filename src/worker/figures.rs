//! Figures of the outbox for `/metrics`: how far deliveries lag behind, and how many are dead.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::db::outbox;
use crate::domain::outbox::OutboxFigures;
use crate::service::ServiceContext;

/// Reads the figures every fifteen seconds, until told to stop.
pub async fn run(services: Arc<ServiceContext>, stop: CancellationToken) {
    const PAUSE: Duration = Duration::from_secs(15);
    while !stop.is_cancelled() {
        match services.read(|_, connection| outbox::figures(connection)).await {
            Ok(figures) => show(&services, &figures),
            Err(error) => tracing::debug!(%error, "the outbox can't be counted now"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn show(services: &ServiceContext, figures: &OutboxFigures) {
    let lag = figures.oldest.map_or(0, |oldest| (services.clock.now() - oldest).num_milliseconds().max(0));
    let exact = |number: i64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    metrics::gauge!("tasks_events_pending").set(exact(figures.pending));
    metrics::gauge!("tasks_events_dead").set(exact(figures.dead));
    metrics::gauge!("tasks_events_lag_seconds").set(exact(lag) / 1_000.0);
}
