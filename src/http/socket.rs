//! `GET` of the endpoint with `/ws` behind it: a WebSocket that speaks `graphql-transport-ws`.
//!
//! The library reads the messages and drives the operations; here stand the connection's bounds. A client says who it is by a
//! cookie, if the page is not a foreign one, or by a Bearer token in its first message.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use async_graphql::Data;
use async_graphql::futures_util::{FutureExt as _, SinkExt as _, StreamExt as _, stream};
use async_graphql::http::{ClientMessage, WebSocketProtocols, WsMessage};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::fault::refuse;
use super::origin::Origin;
use super::server::Greeting;
use super::state::App;
use crate::error::ErrorCode;
use crate::graphql::protocol::context::RequestId;
use crate::message::Message;

mod messages;
mod operations;
mod session;

use messages::Messages;
use operations::Operations;
use session::{Closing, Session, Stranger};

/// The only protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// How many bytes a connection buffers of what it reads, before it doubles that for a longer message. Most messages are shorter.
const BUFFER: usize = 256;
/// How many bytes of messages are written at once, and of how many messages, when several are there.
const BURST_BYTES: usize = 4_096;
const BURST: usize = 32;
/// How many messages of a client wait for the operations before no more are read.
const WAITING: usize = 8;
/// How long a client may take to hear that the connection is closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// Takes a connection.
pub async fn connect(
    State(app): State<App>,
    Extension(request_id): Extension<RequestId>,
    greeting: Option<Extension<Greeting>>,
    origin: Origin,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let refused = |status, message: &Message, code| refuse(status, message, code, "en", &request_id);
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.protocols([PROTOCOL]),
        Err(rejection) => return rejection.into_response(),
    };
    if upgrade.selected_protocol().is_none() {
        let message = Message::new("socket-protocol").with("protocol", PROTOCOL);
        return refused(StatusCode::BAD_REQUEST, &message, ErrorCode::Validation);
    }
    let place = match app.listeners.knock(origin.address) {
        Ok(place) => place,
        Err(setting) => {
            let message = Message::new("server-busy").with("setting", setting);
            return refused(StatusCode::SERVICE_UNAVAILABLE, &message, ErrorCode::Limit);
        }
    };
    let settings = &app.services.subscriptions;
    let upgrade = upgrade
        .read_buffer_size(BUFFER)
        .write_buffer_size(BURST_BYTES)
        .max_message_size(settings.message_bytes)
        .max_frame_size(settings.message_bytes);
    let executed = app.executions.token();
    let stranger = Stranger::new(headers, place, greeting.map(|greeting| greeting.0));
    let session = Session::new(app, origin, stranger);
    upgrade.on_upgrade(async move |socket| {
        // In a box, as what is moved into a future keeps its room there too.
        serve(Box::new(socket), session).await;
        drop(executed);
    })
}

/// What is to be sent next.
enum Next {
    Frame(Frame),
    Close(Closing),
    /// Nothing; the connection goes on.
    Nothing,
    /// The client has closed the connection, and hears that it was heard.
    Closed,
    /// The client has gone.
    End,
}

async fn serve(mut socket: Box<WebSocket>, session: Arc<Session>) {
    // No channel, which would keep room for many: nobody has to be woken, as the loop below asks for what comes next each time.
    let feed = Arc::new(Mutex::new(VecDeque::new()));
    let waiting = Arc::clone(&feed);
    let incoming = stream::poll_fn(move |_| {
        let mut waiting = lock(&waiting);
        let Some(message) = waiting.pop_front() else { return Poll::Pending };
        if waiting.is_empty() {
            // Most of the time nothing waits, and room for messages is large.
            *waiting = VecDeque::new();
        }
        Poll::Ready(Some(serde_json::Result::Ok(message)))
    });
    let mut messages = Messages::default();
    let init = {
        let session = Arc::clone(&session);
        async move |first: Value| session.identify(first).await.map(|()| Data::default())
    };
    let operations = Operations(Arc::clone(&session));
    let operations = async_graphql::http::WebSocket::from_message_stream(
        operations,
        Box::pin(incoming),
        WebSocketProtocols::GraphQLWS,
    )
    .on_connection_init(init);
    let mut operations = pin!(operations);
    let ping = Duration::from_secs(session.app.services.subscriptions.ping_s);
    let mut ticks = interval_at(Instant::now() + session.first_tick(ping), ping);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    // Whether the client has sent what is no frame, or too long.
    let mut is_broken = false;
    loop {
        let next = tokio::select! {
            () = session.app.stopping.cancelled() => Next::Close(Closing::STOPPING),
            () = session.hang_up.cancelled() => Next::Close(Closing::SLOW),
            () = session.gives_way.cancelled() => Next::End,
            said = operations.next() => said_next(said, &mut messages, &session),
            _ = ticks.tick() => match Box::pin(session.ends(heard, ping)).await {
                Some(closing) => Next::Close(closing),
                None => Next::Frame(Frame::Ping(Bytes::new())),
            },
            frame = socket.recv(), if lock(&feed).len() < WAITING => {
                heard = Instant::now();
                match frame {
                    Some(Ok(Frame::Text(text))) => received(&feed, messages.read(text.as_bytes())),
                    Some(Ok(Frame::Binary(bytes))) => received(&feed, messages.read(&bytes)),
                    Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => Next::Nothing,
                    Some(Err(error)) => {
                        is_broken = true;
                        Closing::of_fault(error).map_or(Next::End, Next::Close)
                    }
                    Some(Ok(Frame::Close(_))) => Next::Closed,
                    None => Next::End,
                }
            }
        };
        let next = match next {
            // A client that reads nothing is broken off by `http.write_timeout_s`, or before, when changes wait for it.
            Next::Frame(frame) => {
                let more = || Some(said_next(operations.next().now_or_never()?, &mut messages, &session));
                tokio::select! {
                    // In a box, as most of the time nothing is sent.
                    next = Box::pin(send(&mut socket, frame, more)) => next,
                    () = session.hang_up.cancelled() => return,
                    () = session.gives_way.cancelled() => return,
                    () = session.app.stopping.cancelled() => return,
                }
            }
            next => next,
        };
        match next {
            Next::Nothing | Next::Frame(_) => {}
            Next::Close(Closing { code, reason }) => {
                let frame = Frame::Close(Some(CloseFrame { code, reason: reason.into() }));
                let farewell = async {
                    if socket.send(frame).await.is_ok() {
                        while let Some(Ok(_)) = socket.recv().await {}
                        // Nothing more can be read then, and what waits unread would take the frame back if this closed at once.
                        if is_broken {
                            pending::<()>().await;
                        }
                    }
                };
                // Who does not hear it is gone.
                let _ = timeout(FAREWELL, farewell).await;
                return;
            }
            Next::Closed => {
                let _ = timeout(FAREWELL, async { while let Some(Ok(_)) = socket.recv().await {} }).await;
                return;
            }
            Next::End => return,
        }
    }
}

/// Sends a frame, and with it what else is there to be sent; answers what comes next.
async fn send(socket: &mut WebSocket, first: Frame, mut more: impl FnMut() -> Option<Next>) -> Next {
    let (mut next, mut left) = (Some(Next::Frame(first)), BURST);
    while let Some(Next::Frame(_) | Next::Nothing) = &next {
        if let Some(Next::Frame(frame)) = next
            && socket.feed(frame).await.is_err()
        {
            return Next::End;
        }
        left -= 1;
        next = if left > 0 { more() } else { None };
        // Many are told of a change at one moment: whoever asks something meanwhile does not wait for all of them.
        tokio::task::yield_now().await;
    }
    if socket.flush().await.is_ok() { next.unwrap_or(Next::Nothing) } else { Next::End }
}

/// What is to be sent of what the operations say.
fn said_next(said: Option<WsMessage>, messages: &mut Messages, session: &Session) -> Next {
    match said {
        Some(WsMessage::Text(text)) => match messages.told(text) {
            Some(text) => Next::Frame(Frame::Text(text.into())),
            None => Next::Nothing,
        },
        Some(WsMessage::Close(code, reason)) => Next::Close(session.closing(code, &reason)),
        None => Next::End,
    }
}

fn received(feed: &Mutex<VecDeque<ClientMessage>>, message: Result<ClientMessage, Closing>) -> Next {
    match message {
        Ok(message) => {
            lock(feed).push_back(message);
            Next::Nothing
        }
        Err(closing) => Next::Close(closing),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
