//! A connection: it is broken off when it is idle, sends a head, or leaves an answer unread for too long.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, sleep_until};

use super::admission::Slot;
use super::watch::Watch;

/// A stream that is broken off when its time is up.
pub struct Watched {
    stream: TcpStream,
    watch: Arc<Watch>,
    reading: Option<Pin<Box<Sleep>>>,
    writing: Option<Pin<Box<Sleep>>>,
    _slot: Slot,
}

impl Watched {
    /// Watches a stream.
    pub fn new(stream: TcpStream, watch: Arc<Watch>, slot: Slot) -> Self {
        Self { stream, watch, reading: None, writing: None, _slot: slot }
    }

    /// Bounds for how long nothing can be written.
    fn wrote(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(outcome) = outcome {
            self.writing = None;
            if let Ok(bytes) = outcome {
                self.watch.progressed(bytes);
            }
            return Poll::Ready(outcome);
        }
        let write = self.watch.write_timeout();
        let waiting = self.writing.get_or_insert_with(|| Box::pin(sleep(write)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Err(out_of_time("http.write_timeout_s")))
    }
}

fn out_of_time(setting: &'static str) -> io::Error {
    metrics::counter!("http_connections_timed_out_total", "bound" => setting).increment(1);
    io::Error::new(io::ErrorKind::TimedOut, setting)
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(outcome) = Pin::new(&mut self.stream).poll_read(cx, buffer) {
            if buffer.filled().len() > before {
                self.watch.received();
            }
            return Poll::Ready(outcome);
        }
        let Some((deadline, setting)) = self.watch.deadline() else {
            // It would keep the memory of the task that waited last, even where a WebSocket has taken over.
            self.reading = None;
            return Poll::Pending;
        };
        let waiting = self.reading.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if waiting.deadline() != deadline {
            waiting.as_mut().reset(deadline);
        }
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Err(out_of_time(setting)))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, data);
        self.wrote(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, data);
        self.wrote(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
