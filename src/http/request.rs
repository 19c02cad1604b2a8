//! What every request has: an id, which is in its log lines and its answer, and headers for browsers.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use super::state::App;
use crate::clock::new_random_id;
use crate::graphql::protocol::context::RequestId;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request its id and its log span, and counts it. The id is the one that the client or a proxy sent, if it is at
/// most 64 letters, digits and hyphens, else a new one.
pub async fn identify(mut request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            (1..=64).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
        .map_or_else(|| new_random_id().simple().to_string(), str::to_owned);
    let span = tracing::info_span!(
        "request",
        id,
        method = %request.method(),
        path = request.uri().path(),
        operation = tracing::field::Empty
    );
    request.extensions_mut().insert(RequestId(id.clone()));
    let started = tokio::time::Instant::now();
    let mut response = async {
        let response = next.run(request).await;
        let status = response.status().as_u16();
        let elapsed = started.elapsed();
        tracing::info!(status, ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX), "answered");
        metrics::counter!("http_requests_total", "status" => status.to_string()).increment(1);
        metrics::histogram!("http_request_seconds").record(elapsed.as_secs_f64());
        response
    }
    .instrument(span)
    .await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    response
}

/// A header as a text.
pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// How strangers are told to say who they are.
pub const CHALLENGE: &str = "Bearer realm=\"tasks-management\"";

/// Keeps answers out of caches and browsers from guessing, and tells strangers how to say who they are.
pub async fn secure(State(app): State<App>, request: Request, next: Next) -> Response {
    let challenge = if request.headers().contains_key(header::AUTHORIZATION) {
        "Bearer realm=\"tasks-management\", error=\"invalid_token\""
    } else {
        CHALLENGE
    };
    let mut response = next.run(request).await;
    let is_stranger = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &'static str| {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    };
    set("cache-control", "no-store");
    set("x-content-type-options", "nosniff");
    set("x-frame-options", "DENY");
    set("referrer-policy", "no-referrer");
    set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    if is_stranger {
        set("www-authenticate", challenge);
    }
    if app.http.secure_cookies {
        set("strict-transport-security", "max-age=31536000");
    }
    response
}
