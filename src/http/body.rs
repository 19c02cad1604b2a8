//! The bodies of requests, within bounds and in time: JSON for GraphQL, perhaps compressed, and for functions anything.

use std::net::IpAddr;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use tower_http::timeout::TimeoutError;

use self::held::{HELD, Hold};
use super::compression::{Unpacking, unpack};
use super::fault::refuse;
use super::request::header as text_header;
use super::state::App;
use crate::domain::network::Network;
use crate::error::ErrorCode;
use crate::graphql::protocol::context::RequestId;
use crate::message::Message;

pub mod held;

/// A body that was received; it is counted among the held ones until this is dropped.
pub struct Received {
    /// The bytes.
    pub bytes: Bytes,
    hold: Hold,
}

/// The refusal to read a body.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    message: Message,
    code: ErrorCode,
}

impl Refusal {
    /// A refusal with this status, message and code.
    pub const fn new(status: StatusCode, message: Message, code: ErrorCode) -> Self {
        Self { status, message, code }
    }

    /// The answer that tells the refusal.
    #[must_use]
    pub fn into_response(self, request_id: &RequestId) -> Response {
        let mut response = refuse(self.status, &self.message, self.code, "en", request_id);
        let more = match self.status {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Some((header::ACCEPT_ENCODING, "gzip, identity")),
            StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "1")),
            _ => None,
        };
        if let Some((name, value)) = more {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// How much of a body is read, and the refusal of a larger one.
#[derive(Debug)]
pub struct Room {
    /// The most bytes, compressed or not.
    pub bytes: usize,
    /// The refusal of a larger body.
    pub refusal: Refusal,
}

impl Room {
    /// The room for clients that are logged in.
    #[must_use]
    pub fn usual(app: &App) -> Self {
        let bytes = app.services.limits.body_bytes;
        let message = Message::new("body-too-large").with("max", bytes);
        Self { bytes, refusal: Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message, ErrorCode::Limit) }
    }

    /// The refusal of this many bytes, if they are too many.
    #[must_use]
    pub fn refusal(self, bytes: usize) -> Option<Refusal> {
        (bytes > self.bytes).then_some(self.refusal)
    }
}

/// Reads the body of a request from this address, decompressed.
///
/// # Errors
/// The refusal: 415 for another type or coding, that of `room` for too many bytes, compressed or not, 408 for a client that
/// stopped sending, 503 when too many bytes of bodies are held, 400 for a broken body.
pub async fn read(
    app: &App,
    headers: &HeaderMap,
    address: Option<IpAddr>,
    body: Body,
    room: Room,
) -> Result<Received, Refusal> {
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
    let most = room.bytes;
    let (mut received, room) = as_sent(app, address, body, room).await?;
    if !packed {
        return Ok(received);
    }
    let bytes = unpack(received.bytes, most).await.map_err(|reason| match reason {
        Unpacking::TooLarge => room.refusal,
        Unpacking::Broken => broken(),
    })?;
    if !received.hold.grow(bytes.len()) {
        return Err(no_room());
    }
    received.bytes = bytes;
    Ok(received)
}

/// Reads the body of a request from this address as it was sent; returns the room again, for what is made of it.
///
/// # Errors
/// The refusal, as for [`read`].
pub async fn as_sent(
    app: &App,
    address: Option<IpAddr>,
    body: Body,
    room: Room,
) -> Result<(Received, Room), Refusal> {
    let mut hold = app.bodies.hold(address.map(Network::around));
    let most = app.services.limits.body_bytes.max(room.bytes);
    match keep(body, room.bytes, most, &mut hold).await {
        Ok(bytes) => Ok((Received { bytes, hold }, room)),
        Err(Failure::TooLarge) => Err(room.refusal),
        Err(Failure::Broken) => Err(broken()),
        Err(Failure::NoRoom) => Err(no_room()),
        Err(Failure::OutOfTime) => {
            let message = Message::new("body-timeout").with("seconds", app.http.body_timeout_s.to_string());
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, message, ErrorCode::Limit))
        }
    }
}

fn broken() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, Message::new("body-broken"), ErrorCode::Validation)
}

fn no_room() -> Refusal {
    let message = Message::new("server-busy").with("setting", HELD);
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message, ErrorCode::Limit)
}

/// Why a body could not be received.
enum Failure {
    TooLarge,
    OutOfTime,
    Broken,
    NoRoom,
}

/// Keeps at most `room` bytes. Further bytes are read up to `most` but not kept, because a client that is refused while it
/// sends would not read why.
async fn keep(mut body: Body, room: usize, most: usize, hold: &mut Hold) -> Result<Bytes, Failure> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > most {
        return Err(Failure::TooLarge);
    }
    let (mut kept, mut length) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|error| if is_out_of_time(&error) { Failure::OutOfTime } else { Failure::Broken })?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > most {
            return Err(Failure::TooLarge);
        }
        if length <= room {
            if !hold.grow(data.len()) {
                return Err(Failure::NoRoom);
            }
            kept.extend_from_slice(&data);
        } else {
            kept = Vec::new();
        }
    }
    if length > room { Err(Failure::TooLarge) } else { Ok(kept.into()) }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = text_header(headers, "content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

/// The coding of the body: all codings joined, so that two codings together are an unknown one.
fn coding(headers: &HeaderMap) -> String {
    let lines = headers.get_all(header::CONTENT_ENCODING).iter();
    let lines: Vec<_> = lines.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    lines.join(",").trim().to_ascii_lowercase()
}

fn is_out_of_time(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<TimeoutError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
