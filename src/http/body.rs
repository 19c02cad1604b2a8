//! The body of a request of GraphQL: JSON, perhaps packed, within bounds and in time.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use tower_http::timeout::TimeoutError;

use super::compression::{Unpacking, unpack};
use super::fault::refuse;
use super::request::{RequestId, header as text_header};
use super::state::App;
use crate::error::ErrorCode;
use crate::message::Message;

/// Why a body is not read.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    message: Message,
    code: ErrorCode,
}

impl Refusal {
    const fn new(status: StatusCode, message: Message, code: ErrorCode) -> Self {
        Self { status, message, code }
    }

    /// The answer that says why.
    #[must_use]
    pub fn into_response(self, request_id: &RequestId) -> Response {
        let mut response = refuse(self.status, &self.message, self.code, "en", request_id);
        if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            response
                .headers_mut()
                .insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity"));
        }
        response
    }
}

/// The bytes of a body, unpacked.
///
/// # Errors
/// Why it is not read: 415 for another type or coding, 413 for too many bytes, packed or not, 408 for a client that stopped
/// sending, 400 for what is broken.
pub async fn read(
    app: &App,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Bytes, Refusal> {
    let unsupported =
        |message| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, ErrorCode::Validation);
    if !is_json(headers) {
        return Err(unsupported(Message::new("not-json-content")));
    }
    let packed = match coding(headers).as_str() {
        "" | "identity" => false,
        "gzip" | "x-gzip" => true,
        _ => return Err(unsupported(Message::new("unknown-coding"))),
    };
    let max = app.services.limits.body_bytes;
    let too_large = || {
        let message = Message::new("body-too-large").with("max", max);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message, ErrorCode::Limit)
    };
    let broken = || Refusal::new(StatusCode::BAD_REQUEST, Message::new("body-broken"), ErrorCode::Validation);
    let body = body.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            too_large()
        } else if is_out_of_time(&rejection) {
            let message = Message::new("body-timeout").with("seconds", app.http.body_timeout_s.to_string());
            Refusal::new(StatusCode::REQUEST_TIMEOUT, message, ErrorCode::Limit)
        } else {
            broken()
        }
    })?;
    if !packed {
        return Ok(body);
    }
    unpack(body, max).await.map_err(|reason| match reason {
        Unpacking::TooLarge => too_large(),
        Unpacking::Broken => broken(),
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = text_header(headers, "content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

/// How the body is packed: all codings in a row, so that two of them are none that is known.
fn coding(headers: &HeaderMap) -> String {
    let lines = headers.get_all(header::CONTENT_ENCODING).iter();
    let lines: Vec<_> = lines.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    lines.join(",").trim().to_ascii_lowercase()
}

fn is_out_of_time(rejection: &BytesRejection) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(rejection);
    while let Some(error) = cause {
        if error.is::<TimeoutError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
