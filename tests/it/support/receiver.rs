//! A receiver of webhooks that behaves as badly as it is told to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a receiver behaves.
#[derive(Debug, Clone)]
pub enum Manner {
    /// It answers this status, with these further header lines.
    Answers(u16, String),
    /// It answers this status and this body.
    Says(u16, String),
    /// It takes the request and says nothing.
    Silent,
    /// It takes the request and resets the connection.
    Resets,
    /// It answers this status, and a body without end as fast as it is read.
    Endless(u16),
    /// It answers headers without end.
    EndlessHead,
    /// It answers 200, and a body of a byte now and then.
    Drips,
}

/// What it was sent.
#[derive(Debug, Clone)]
pub struct Received {
    /// The first line.
    pub line: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// A header as a text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// Whether a receiver with this secret believes it, by the specification's own library.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        Webhook::new(secret).expect("a secret").verify(&self.body, &self.headers).is_ok()
    }
}

/// A receiver on a port of its own; it goes when it is dropped.
pub struct Receiver {
    /// Where it listens.
    pub url: String,
    manner: Arc<Mutex<Manner>>,
    received: Arc<Mutex<Vec<Received>>>,
    written: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// One that answers 204.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let manner = Arc::new(Mutex::new(Manner::Answers(204, String::new())));
        let (received, written, connections) = (Arc::default(), Arc::default(), Arc::default());
        let serving = tokio::spawn({
            let (manner, received) = (Arc::clone(&manner), Arc::clone(&received));
            let (written, connections): (Arc<AtomicUsize>, Arc<AtomicUsize>) =
                (Arc::clone(&written), Arc::clone(&connections));
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    connections.fetch_add(1, Ordering::SeqCst);
                    let (manner, received, written) =
                        (Arc::clone(&manner), Arc::clone(&received), Arc::clone(&written));
                    tokio::spawn(async move {
                        let _ = serve(stream, &manner, &received, &written).await;
                    });
                }
            }
        });
        Self { url, manner, received, written, connections, serving }
    }

    /// Makes it behave so from now on.
    pub fn be(&self, manner: Manner) {
        *self.manner.lock().expect("unpoisoned") = manner;
    }

    /// Makes it answer this status from now on.
    pub fn answer(&self, status: u16) {
        self.be(Manner::Answers(status, String::new()));
    }

    /// What it was sent, in order.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("unpoisoned").clone()
    }

    /// How many requests it was sent.
    pub fn count(&self) -> usize {
        self.received.lock().expect("unpoisoned").len()
    }

    /// How many bytes of endless answers it could get rid of.
    pub fn written(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    manner: &Mutex<Manner>,
    received: &Mutex<Vec<Received>>,
    written: &AtomicUsize,
) -> std::io::Result<()> {
    let request = read(&mut stream).await?;
    received.lock().expect("unpoisoned").push(request);
    let manner = manner.lock().expect("unpoisoned").clone();
    match manner {
        Manner::Answers(status, head) => {
            let body = if status == 204 { String::new() } else { format!("this is {status}") };
            let head =
                format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n{head}\r\n{body}", body.len());
            stream.write_all(head.as_bytes()).await
        }
        Manner::Says(status, body) => {
            let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(head.as_bytes()).await
        }
        Manner::Silent => {
            // Until the other side goes.
            stream.read(&mut [0]).await.map(|_| ())
        }
        Manner::Resets => {
            stream.set_zero_linger()?;
            Ok(())
        }
        Manner::Endless(status) => {
            let head = format!("HTTP/1.1 {status} Said\r\ncontent-type: text/plain\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            flood(&mut stream, written, &"x".repeat(64 * 1024).into_bytes()).await
        }
        Manner::EndlessHead => {
            stream.write_all(b"HTTP/1.1 200 Said\r\n").await?;
            flood(&mut stream, written, "x-more: of the same\r\n".repeat(1_000).as_bytes()).await
        }
        Manner::Drips => {
            stream.write_all(b"HTTP/1.1 200 Said\r\ncontent-length: 1000\r\n\r\n").await?;
            loop {
                stream.write_all(b".").await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn flood(stream: &mut TcpStream, written: &AtomicUsize, piece: &[u8]) -> std::io::Result<()> {
    loop {
        let count = stream.write(piece).await?;
        written.fetch_add(count, Ordering::SeqCst);
    }
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Received> {
    let mut bytes = Vec::new();
    let end = loop {
        let mut piece = [0; 4_096];
        let count = stream.read(&mut piece).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&piece[..count]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("ASCII");
    let mut lines = head.lines();
    let line = lines.next().expect("a first line").to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name: HeaderName = name.parse().expect("a header's name");
        headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
    }
    let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let mut body = bytes.split_off(end + 4);
    let missing = length.unwrap_or(0_usize).saturating_sub(body.len());
    let mut rest = vec![0; missing];
    stream.read_exact(&mut rest).await?;
    body.extend_from_slice(&rest);
    Ok(Received { line, headers, body })
}
