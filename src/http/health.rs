//! Whether the server lives, whether it can work, and how it does.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::state::App;
use crate::db::migration;

/// Alive: answers as soon as the server listens.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: the database answers and its migrations are current.
pub async fn readyz(State(app): State<App>) -> Response {
    match app.services.db.read(migration::is_pending).await {
        Ok(false) => "ready\n".into_response(),
        Ok(true) => (StatusCode::SERVICE_UNAVAILABLE, "migrations are missing\n").into_response(),
        Err(error) => {
            tracing::warn!(cause = ?std::error::Error::source(&error).map(ToString::to_string), "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database can't be reached\n").into_response()
        }
    }
}

/// Metrics, where they are kept.
pub async fn metrics(State(app): State<App>) -> Response {
    match &app.metrics {
        Some(render) => render().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
