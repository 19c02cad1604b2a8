//! What every request has: an id, which is in its log lines and its answer, and an address.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use super::state::App;
use crate::clock::new_random_id;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id: the client's or the proxy's own if it is a modest one, else a new one.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Gives the request its id and its log span, and counts it.
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

/// Where a request came from: a trusted proxy's word for it, or the peer's address.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The address, where it is known.
    pub address: Option<IpAddr>,
    /// Whether the browser speaks https, as far as is known.
    pub https: bool,
}

impl FromRequestParts<App> for Origin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let trusted = &app.http.trusted_proxies;
        let is_trusted = |address: IpAddr| trusted.contains(&address);
        if !peer.is_some_and(is_trusted) {
            return Ok(Self { address: peer, https: app.http.secure_cookies });
        }
        // The last address in the list that is not a proxy of ours is the client: what stands before it, it may have
        // written itself.
        let forwarded = header(&parts.headers, "x-forwarded-for").unwrap_or_default();
        let client = forwarded
            .rsplit(',')
            .map_while(|part| part.trim().parse::<IpAddr>().ok())
            .find(|address| !is_trusted(*address));
        let https = app.http.secure_cookies || header(&parts.headers, "x-forwarded-proto") == Some("https");
        Ok(Self { address: client.or(peer), https })
    }
}

/// A header as a text.
pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Keeps answers out of caches and browsers from guessing.
pub async fn secure(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &'static str| {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    };
    set("cache-control", "no-store");
    set("x-content-type-options", "nosniff");
    set("x-frame-options", "DENY");
    set("referrer-policy", "no-referrer");
    set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    if app.http.secure_cookies {
        set("strict-transport-security", "max-age=31536000");
    }
    response
}
