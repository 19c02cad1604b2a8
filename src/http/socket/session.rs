//! A WebSocket's session: who it is, and when and why it is closed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tungstenite::error::ProtocolError;

use crate::error::ErrorCode;
use crate::http::graphql::{Authenticated, requester};
use crate::http::listeners::Place;
use crate::http::origin::Origin;
use crate::http::request::header as text_header;
use crate::http::server::Greeting;
use crate::http::state::App;
use crate::message::Message;
use crate::service::login::present;

/// How long ago the person of a session may have been looked up.
pub const FRESH: Duration = Duration::from_secs(1);

/// How a connection is closed. Clients of the protocol connect again by themselves, unless it is 4401 or below 1012.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The code.
    pub code: u16,
    /// The reason, at most 123 bytes.
    pub reason: String,
}

impl Closing {
    /// The server stops; another one, or the next, goes on.
    pub const STOPPING: Self = Self { code: 1012, reason: String::new() };
    /// More changes wait than may.
    pub const SLOW: Self = Self { code: 1013, reason: String::new() };

    /// With this code, and as much of this reason as there is room for.
    pub fn new(code: u16, reason: &str) -> Self {
        // A frame that closes has room for no more.
        const LONGEST: usize = 123;
        let end =
            reason.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= LONGEST).last();
        Self { code, reason: reason[..end.unwrap_or_default()].to_owned() }
    }

    /// How a connection is closed on which this came, if that is the client's fault and not the network's.
    pub fn of_fault(error: axum::Error) -> Option<Self> {
        let error = error.into_inner().downcast::<tungstenite::Error>().ok()?;
        match *error {
            tungstenite::Error::Capacity(_) => {
                Some(Self::new(1009, "a message is too long (subscriptions.message_bytes)"))
            }
            tungstenite::Error::Utf8(_) => Some(Self::new(1007, "a text is not UTF-8")),
            // Who goes without a farewell hears nothing.
            tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
            tungstenite::Error::Protocol(error) => Some(Self::new(1002, &error.to_string())),
            _ => None,
        }
    }
}

/// A WebSocket's session.
pub struct Session {
    /// What handlers work with.
    pub app: App,
    /// Where it comes from.
    pub origin: Origin,
    known: OnceLock<Known>,
    /// What it is until it says whose it is.
    stranger: Mutex<Option<Box<Stranger>>>,
    begun: Instant,
    /// Since when no operation is under way.
    idle: Mutex<Instant>,
    under_way: AtomicUsize,
    /// Why the connection is to be closed, where the library would give no reason.
    closing: Mutex<Option<Closing>>,
    /// Is cancelled when the client reads too slowly.
    pub hang_up: CancellationToken,
    /// Is cancelled when the connection has to give way to others.
    pub gives_way: CancellationToken,
}

/// The person of a session.
pub struct Known {
    /// The person, and how that is known.
    pub found: Authenticated,
    _places: Vec<Place>,
}

/// What a connection has until somebody says whose it is.
pub struct Stranger {
    headers: HeaderMap,
    _place: Vec<Place>,
    greeting: Option<Greeting>,
}

impl Stranger {
    /// It came with these headers, and has this place among those of its address. Where the server listens itself, the greeting
    /// tells it that the connection gives way to others no more.
    pub const fn new(headers: HeaderMap, place: Vec<Place>, greeting: Option<Greeting>) -> Self {
        Self { headers, _place: place, greeting }
    }
}

/// An operation under way, until it is dropped.
pub struct UnderWay(Arc<Session>);

impl Session {
    /// The session of a connection that came from there.
    pub fn new(app: App, origin: Origin, stranger: Stranger) -> Arc<Self> {
        let gives_way = stranger.greeting.as_ref().map(Greeting::gives_way).unwrap_or_default();
        Arc::new(Self {
            app,
            origin,
            known: OnceLock::new(),
            stranger: Mutex::new(Some(Box::new(stranger))),
            begun: Instant::now(),
            idle: Mutex::new(Instant::now()),
            under_way: AtomicUsize::new(0),
            closing: Mutex::default(),
            hang_up: CancellationToken::new(),
            gives_way,
        })
    }

    /// The person, once the first message has come.
    pub fn known(&self) -> Option<&Known> {
        self.known.get()
    }

    /// Finds the person by the first message, which may hold `Authorization`, or by the cookie.
    pub async fn identify(&self, first: Value) -> async_graphql::Result<()> {
        // It is asked once. What only strangers have is given back at the end.
        let stranger = self.stranger.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Stranger { mut headers, _place, greeting }) = stranger.map(|stranger| *stranger) else {
            return Err(self.close(4429, &Message::new("no-session")));
        };
        let foreign = foreign_origin(&headers, &self.app);
        let had_cookie = headers.contains_key(header::COOKIE);
        if let Some(Ok(given)) = authorization(&first).map(HeaderValue::from_str) {
            headers.insert(header::AUTHORIZATION, given);
        }
        if foreign.is_some() {
            headers.remove(header::COOKIE);
        }
        let found = match requester(&self.app, &headers).await {
            Ok(Some(found)) => found,
            Ok(None) => {
                return Err(match foreign.as_ref().filter(|_| had_cookie) {
                    Some(origin) => {
                        let message =
                            Message::new("subscription-foreign-origin").with("origin", origin.as_str());
                        self.close(4403, &message)
                    }
                    None => self.close(4401, &Message::new("no-session")),
                });
            }
            Err(error) if error.code() == ErrorCode::Unavailable => {
                error.log();
                return Err(self.close(1013, error.message()));
            }
            Err(error) => {
                error.log();
                return Err(self.close(1011, error.message()));
            }
        };
        let places = match self.app.listeners.admit(self.origin.address, found.requester.id()) {
            Ok(places) => places,
            Err(setting) => {
                return Err(self.close(1013, &Message::new("server-busy").with("setting", setting)));
            }
        };
        // It is set once, as it is asked once.
        let _ = self.known.set(Known { found, _places: places });
        if let Some(greeting) = greeting {
            greeting.is_answered();
        }
        Ok(())
    }

    fn close(&self, code: u16, message: &Message) -> async_graphql::Error {
        let text = message.text("en");
        *self.closing.lock().unwrap_or_else(PoisonError::into_inner) = Some(Closing::new(code, &text));
        text.into()
    }

    /// How the connection is closed when the library closes it.
    pub fn closing(&self, code: u16, reason: &str) -> Closing {
        let own = self.closing.lock().unwrap_or_else(PoisonError::into_inner).take();
        own.unwrap_or_else(|| Closing::new(code, reason))
    }

    /// When to look for the first time whether the connection is to be closed.
    pub fn first_tick(&self, ping: Duration) -> Duration {
        ping.min(Duration::from_secs(self.app.http.head_timeout_s))
    }

    /// How the connection is to be closed, if it is: it [is due](Self::is_due), or nothing is under way and the person may not act any
    /// more. Whatever is under way is ended by itself then.
    pub async fn ends(&self, heard: Instant, ping: Duration) -> Option<Closing> {
        if let Some(closing) = self.is_due(heard, ping) {
            return Some(closing);
        }
        let known = self.known.get().filter(|_| self.under_way.load(Ordering::Relaxed) == 0)?;
        match present(&self.app.services, &known.found.requester, FRESH).await {
            Ok(None) => Some(Closing::new(4401, &Message::new("no-session").text("en"))),
            Ok(Some(_)) => None,
            Err(error) => {
                error.log();
                None
            }
        }
    }

    /// How the connection is to be closed, if it is: nobody has said who it is, nothing was heard for two pings, or nothing is
    /// under way for too long.
    fn is_due(&self, heard: Instant, ping: Duration) -> Option<Closing> {
        let (http, subscriptions) = (&self.app.http, &self.app.services.subscriptions);
        if self.known.get().is_none() && self.begun.elapsed() >= Duration::from_secs(http.head_timeout_s) {
            return Some(Closing::new(4408, "connection_init did not come (http.head_timeout_s)"));
        }
        if heard.elapsed() > ping * 2 {
            return Some(Closing::new(1013, "no pong came (subscriptions.ping_s)"));
        }
        let idle = *self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = self.under_way.load(Ordering::Relaxed) == 0
            && idle.elapsed() >= Duration::from_secs(subscriptions.idle_s);
        is_idle.then(|| Closing::new(1000, "nothing was under way (subscriptions.idle_s)"))
    }

    /// Counts an operation; none if there are as many as there may be.
    pub fn begin(self: &Arc<Self>) -> Option<UnderWay> {
        let most = self.app.services.subscriptions.operations_per_connection;
        let counted = self
            .under_way
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < most).then_some(count + 1));
        counted.is_ok().then(|| UnderWay(Arc::clone(self)))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
        *self.0.idle.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// What the first message says of who it is: `{ "Authorization": "Bearer …" }`, the key in any case.
fn authorization(first: &Value) -> Option<&str> {
    let found = first.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case("authorization"));
    found.and_then(|(_, value)| value.as_str())
}

/// The origin of the page, if a browser says so, and it is neither that of this server nor one that may call with cookies.
fn foreign_origin(headers: &HeaderMap, app: &App) -> Option<String> {
    let origin = headers.get(header::ORIGIN)?;
    let Ok(text) = origin.to_str() else { return Some("?".to_owned()) };
    let authority = text.strip_prefix("https://").or_else(|| {
        // A page that came without TLS may be anybody's.
        text.strip_prefix("http://").filter(|_| !app.http.secure_cookies)
    });
    let is_own = authority.is_some() && authority == text_header(headers, "host");
    let is_allowed = app.http.cors_origins.iter().any(|allowed| allowed == text);
    (!is_own && !is_allowed).then(|| text.to_owned())
}
