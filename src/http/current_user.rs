//! `GET …/core/users/current_user/`, by which the front end learns who is logged in.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::graphql::requester;
use super::state::App;
use crate::error::ErrorCode;

/// Answers with the user who is logged in and the numbers of the user's rights; with exactly 401 for a stranger.
pub async fn current_user(State(app): State<App>, headers: HeaderMap) -> Response {
    let found = match requester(&app, &headers).await {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(cause = ?std::error::Error::source(&error).map(ToString::to_string), "the session can't be looked up");
            let status = match error.code() {
                ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            return (status, Json(json!({ "detail": error.to_string() }))).into_response();
        }
    };
    let Some(found) = found else {
        let detail = json!({ "detail": "Authentication credentials were not provided." });
        return (StatusCode::UNAUTHORIZED, Json(detail)).into_response();
    };
    let user = &found.requester.user;
    Json(json!({
        "id": user.id,
        "username": user.username,
        "t_user": null,
        "i_user": {
            "id": user.interactive_user_id,
            "language": user.language,
            "last_name": user.last_name,
            "other_names": user.other_names,
            "health_facility_id": null,
            "rights": found.requester.rights.numbers,
            "has_password": true,
        },
    }))
    .into_response()
}
