//! Whether the server lives, whether it can work, and its metrics.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::state::App;

/// Alive: answers as soon as the server listens.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Answers whether the server is ready: the database answers, has the right schema, and can be written.
pub async fn readyz(State(app): State<App>) -> Response {
    match app.health.check().await {
        Ok(()) => "ready\n".into_response(),
        Err(ailment) => {
            tracing::warn!(cause = ailment.cause, "not ready: {}", ailment.what);
            (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", ailment.what)).into_response()
        }
    }
}

/// The metrics, if they are kept.
pub async fn metrics(State(app): State<App>) -> Response {
    match &app.metrics {
        Some(render) => render().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
