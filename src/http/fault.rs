//! Answers that say what went wrong, also after a panic, and when the time is up.

use std::time::Duration;

use axum::extract::{Extension, Request};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use super::media_type::MediaType;
use crate::error::{Error, ErrorCode};
use crate::graphql::protocol::context::RequestId;
use crate::message::Message;

/// Bounds the time of every request, and catches its panic. Both are answered like any other fault of the server.
pub fn contained<S: Clone + Send + Sync + 'static>(router: Router<S>, patience: Duration) -> Router<S> {
    router
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, patience))
        .layer(CatchPanicLayer::custom(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()))
        .layer(from_fn(explain))
}

/// Adds an explaining body to the bare answers of the layers below.
async fn explain(Extension(id): Extension<RequestId>, request: Request, next: Next) -> Response {
    let media_type = MediaType::asked(request.headers());
    let answer = next.run(request).await;
    if answer.headers().contains_key(header::CONTENT_TYPE) {
        return answer;
    }
    let status = answer.status();
    let message = match status {
        StatusCode::GATEWAY_TIMEOUT => {
            Message::new("request-timeout").with("setting", "http.request_timeout_s")
        }
        StatusCode::INTERNAL_SERVER_ERROR => Message::new("internal-error"),
        _ => return answer,
    };
    tracing::error!("{}", message.text("en"));
    media_type.mark(refuse(status, &message, ErrorCode::Internal, "en", &id))
}

/// An answer that refuses a request and says why.
pub fn refuse(
    status: StatusCode,
    message: &Message,
    code: ErrorCode,
    language: &str,
    request_id: &RequestId,
) -> Response {
    (status, Json(error_body(&message.text(language), code, request_id))).into_response()
}

/// The answer when the session could not be looked up.
pub fn failed(error: &Error, request_id: &RequestId) -> Response {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(cause, "the session can't be looked up");
    let status = match error.code() {
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let body = error_body(&error.message().text("en"), error.code(), request_id);
    (status, Json(body)).into_response()
}

/// A body with one error.
pub fn error_body(message: &str, code: ErrorCode, request_id: &RequestId) -> Value {
    let extensions = json!({ "code": code.as_str(), "requestId": request_id.0 });
    json!({ "errors": [{ "message": message, "extensions": extensions }] })
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;
    use crate::http::request::identify;

    #[tokio::test]
    async fn a_panic_and_a_lack_of_time_are_answered_with_code_and_request_id() {
        let router = Router::new()
            .route("/panics", get(|| async { panic!("a secret reason") as &str }))
            .route("/hangs", get(std::future::pending::<()>))
            .route("/empty", get(|| async { StatusCode::NO_CONTENT }));
        let router = contained(router, Duration::from_millis(50)).layer(from_fn(identify));
        for (path, status) in [("/panics", 500), ("/hangs", 504), ("/empty", 204), ("/panics", 500)] {
            let request = Request::get(path).header("x-request-id", "abc-123").body(Body::empty());
            let answer = router.clone().oneshot(request.expect("a request")).await.expect("an answer");
            assert_eq!(answer.status(), status, "{path}");
            assert_eq!(answer.headers()["x-request-id"], "abc-123");
            let text = to_bytes(answer.into_body(), 10_000).await.expect("a body");
            if status == 204 {
                assert!(text.is_empty());
                continue;
            }
            let body: Value = serde_json::from_slice(&text).expect("JSON");
            let extensions = json!({ "code": "INTERNAL", "requestId": "abc-123" });
            assert_eq!(body["errors"][0]["extensions"], extensions, "{body}");
            assert!(!body.to_string().contains("secret"), "{body}");
        }
    }
}
