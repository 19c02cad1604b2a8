//! What a connection does at the moment: how long it may be idle, and what is held for it.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::config::HttpSettings;

/// What a connection does at the moment, and the bounds on that.
pub struct Watch {
    head: Duration,
    idle: Duration,
    write: Duration,
    phase: Mutex<Phase>,
    written: AtomicU64,
    end: CancellationToken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The first head is awaited, or a head has begun to come.
    Head(Instant),
    /// Between an answer and the next request.
    Idle(Instant),
    /// A request is worked on, for as long as that takes, or the connection is no longer HTTP.
    Working,
    /// The connection is no longer HTTP, and nobody has said yet whose it is.
    Greeting(Instant),
}

/// Whose a connection is that is no longer HTTP is still to be said. Until then it may have to give way.
#[derive(Clone)]
pub struct Greeting(Arc<Watch>);

impl Greeting {
    /// Notes that it is somebody's.
    pub fn is_answered(&self) {
        *self.0.phase() = Phase::Working;
    }

    /// Is cancelled when the connection has to give way: who took it over must end it.
    pub fn gives_way(&self) -> CancellationToken {
        self.0.end.clone()
    }
}

impl Watch {
    /// The watch of a new connection.
    pub fn new(settings: &HttpSettings) -> Arc<Self> {
        Arc::new(Self {
            head: Duration::from_secs(settings.head_timeout_s),
            idle: Duration::from_secs(settings.idle_timeout_s),
            write: Duration::from_secs(settings.write_timeout_s),
            phase: Mutex::new(Phase::Head(Instant::now())),
            written: AtomicU64::new(0),
            end: CancellationToken::new(),
        })
    }

    /// Notes that a request has come, which is worked on until the guard is dropped.
    pub fn begin(self: &Arc<Self>) -> Working {
        *self.phase() = Phase::Working;
        Working { watch: Arc::clone(self), goes_on: false }
    }

    /// How many bytes were written.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// For how long a client may read nothing of its answer.
    pub const fn write_timeout(&self) -> Duration {
        self.write
    }

    /// Breaks off the connection.
    pub fn break_off(&self) {
        self.end.cancel();
    }

    /// Whether the connection is to be broken off.
    #[cfg(test)]
    pub fn is_broken_off(&self) -> bool {
        self.end.is_cancelled()
    }

    /// Waits until the connection is to be broken off.
    pub fn ended(&self) -> WaitForCancellationFuture<'_> {
        self.end.cancelled()
    }

    /// Notes that bytes have come.
    pub fn received(&self) {
        let mut phase = self.phase();
        if let Phase::Idle(_) = *phase {
            *phase = Phase::Head(Instant::now());
        }
    }

    /// Notes that bytes were written.
    pub fn progressed(&self, bytes: usize) {
        self.written.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
        let mut phase = self.phase();
        if let Phase::Idle(_) = *phase {
            *phase = Phase::Idle(Instant::now());
        }
    }

    /// What the handler of a request is given, which may make the connection another than HTTP.
    pub fn greeting(self: &Arc<Self>) -> Greeting {
        Greeting(Arc::clone(self))
    }

    /// Since when nothing of a request, or of whose it is, has come, if none is worked on.
    pub fn quiet_since(&self) -> Option<Instant> {
        match *self.phase() {
            Phase::Head(since) | Phase::Idle(since) | Phase::Greeting(since) => Some(since),
            Phase::Working => None,
        }
    }

    /// Until when something must be read, and the setting that says so.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        match *self.phase() {
            Phase::Head(since) => Some((since + self.head, "http.head_timeout_s")),
            Phase::Idle(since) => Some((since + self.idle, "http.idle_timeout_s")),
            Phase::Working | Phase::Greeting(_) => None,
        }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is worked on.
pub struct Working {
    watch: Arc<Watch>,
    goes_on: bool,
}

impl Working {
    /// The body of the request's answer. When it ends, the connection is idle. `hold` is dropped when the last piece has
    /// been taken.
    pub fn body(self, body: Body, hold: Option<Box<dyn Send>>) -> Body {
        Body::new(AnswerBody { body, hold, rest: Bytes::new(), _working: self })
    }

    /// Notes that the connection is no longer HTTP.
    pub fn go_on(&mut self) {
        *self.watch.phase() = Phase::Greeting(Instant::now());
        self.goes_on = true;
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if !self.goes_on {
            *self.watch.phase() = Phase::Idle(Instant::now());
        }
    }
}

/// The body of an answer. It is handed on in pieces, so that its memory is freed when the last piece has been taken.
struct AnswerBody {
    body: Body,
    hold: Option<Box<dyn Send>>,
    rest: Bytes,
    _working: Working,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        const PIECE: usize = 32 * 1024;
        if self.hold.is_none() {
            return Pin::new(&mut self.body).poll_frame(cx);
        }
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(PIECE);
        // A copy, because a part would keep the whole body in memory.
        let piece = Bytes::copy_from_slice(&self.rest.split_to(length));
        if self.rest.is_empty() {
            // An empty part would still keep the whole body.
            self.rest = Bytes::new();
            if self.body.is_end_stream() {
                self.hold = None;
            }
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        match self.body.size_hint().exact() {
            Some(body) => SizeHint::with_exact(body.saturating_add(rest)),
            None => SizeHint::default(),
        }
    }
}
