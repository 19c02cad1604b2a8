//! Attacks by connections alone.

use std::time::Duration;

use hyper::body::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep_until, timeout};

use super::{Field, Outcome, documents};
use crate::http::{connect, place};

/// How many open files this process keeps for other things.
const RESERVED: usize = 200;
/// How many clients never read.
const SILENT: usize = 40;

/// Connections on which nothing is sent.
pub async fn idle(field: &Field<'_>, places: &[u8]) -> Result<Outcome, String> {
    let count = affordable(field.size.connections);
    let kept = open(field, places, count).await;
    sleep_until(field.until).await;
    let closed = kept.iter().filter(|stream| is_closed(stream)).count();
    Ok(Outcome {
        note: format!("{} connections, {closed} closed by the server", kept.len()),
        ..Outcome::default()
    })
}

/// Requests whose heads or bodies go on for ever, a line or a byte at a time.
pub async fn endless(field: &Field<'_>) -> Result<Outcome, String> {
    let count = affordable(field.size.connections.min(200));
    let mut kept = open(field, &[66], count).await;
    let token = field.people("eve", 1).await?.remove(0).token.unwrap_or_default();
    for (number, stream) in kept.iter_mut().enumerate() {
        let body = format!(
            "Content-Type: application/json\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000000\r\n\r\n{{"
        );
        let more = if number % 2 == 0 { "" } else { &body };
        let head = format!("POST /api/graphql HTTP/1.1\r\nHost: localhost\r\n{more}");
        let _ = stream.write_all(head.as_bytes()).await;
    }
    while tokio::time::Instant::now() < field.until {
        for (number, stream) in kept.iter_mut().enumerate() {
            let more: &[u8] = if number % 2 == 0 { b"X-More: and more\r\n" } else { b" " };
            let _ = timeout(Duration::from_millis(10), stream.write_all(more)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let closed = kept.iter().filter(|stream| is_closed(stream)).count();
    Ok(Outcome {
        note: format!("{} connections, {closed} ended by the server", kept.len()),
        ..Outcome::default()
    })
}

/// Clients who ask for large answers and read nothing of them.
pub async fn never_read(field: &Field<'_>) -> Result<Outcome, String> {
    let token = field.people("eve", 1).await?.remove(0).token.unwrap_or_default();
    let body = documents::lists_with_data(1);
    let head = format!(
        "POST /api/graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut kept = Vec::new();
    for _ in 0..SILENT {
        let Ok(mut stream) = narrow(field).await else {
            field.tally.note(None);
            continue;
        };
        // Several on one connection, as if they were read.
        for _ in 0..3 {
            let request: Bytes = [head.as_bytes(), &body].concat().into();
            let _ = timeout(Duration::from_secs(1), stream.write_all(&request)).await;
        }
        field.tally.note(Some(200));
        kept.push(stream);
    }
    sleep_until(field.until).await;
    Ok(Outcome { note: format!("{} clients", kept.len()), ..Outcome::default() })
}

/// WebSockets of many addresses that listen to all changes, answer no ping and read nothing; and such as say nothing at all.
pub async fn deaf(field: &Field<'_>) -> Result<Outcome, String> {
    let token = field.people("eve", 1).await?.remove(0).token.unwrap_or_default();
    let init = format!(r#"{{"type":"connection_init","payload":{{"Authorization":"Bearer {token}"}}}}"#);
    let subscribe = r#"{"id":"1","type":"subscribe","payload":{"query":"subscription { taskChanged { cursor task { data } } }"}}"#;
    let handshake = "GET /api/graphql/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                     Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
    let places: Vec<u8> = (100..140).collect();
    let mut kept = Vec::new();
    let most = affordable(field.size.connections.saturating_mul(10));
    for (number, from) in places.iter().cycle().take(most).enumerate() {
        if tokio::time::Instant::now() >= field.until && number > 0 {
            break;
        }
        let connected = timeout(Duration::from_millis(500), connect(field.server, place(*from))).await;
        let Ok(Ok(mut stream)) = connected else {
            field.tally.note(None);
            continue;
        };
        let mut bytes = handshake.as_bytes().to_vec();
        // A tenth says who it is and listens; the others leave it at that.
        for text in [init.as_str(), subscribe].iter().filter(|_| number % 10 == 0) {
            bytes.extend(frame(text));
        }
        let sent = timeout(Duration::from_millis(500), stream.write_all(&bytes)).await;
        field.tally.note(matches!(sent, Ok(Ok(()))).then_some(101));
        kept.push(stream);
    }
    sleep_until(field.until).await;
    let closed = kept.iter().filter(|stream| is_closed(stream)).count();
    Ok(Outcome {
        note: format!("{} sockets, {closed} closed by the server", kept.len()),
        ..Outcome::default()
    })
}

/// A text as a frame that is masked by nothing.
fn frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let mut frame = vec![0x81];
    match u8::try_from(length) {
        Ok(short) if short < 126 => frame.push(0x80 | short),
        _ => {
            frame.push(0xFE);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

async fn open(field: &Field<'_>, places: &[u8], count: usize) -> Vec<TcpStream> {
    let mut kept = Vec::new();
    for (number, from) in places.iter().cycle().take(count).enumerate() {
        if tokio::time::Instant::now() >= field.until && number > 0 {
            break;
        }
        match timeout(Duration::from_millis(500), connect(field.server, place(*from))).await {
            Ok(Ok(stream)) => {
                field.tally.note(Some(200));
                kept.push(stream);
            }
            Ok(Err(_)) | Err(_) => field.tally.note(None),
        }
    }
    kept
}

/// Opens a connection with a receive window of a few KB.
async fn narrow(field: &Field<'_>) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4_096)?;
    socket.bind((place(66), 0).into())?;
    socket.connect(field.server).await
}

/// Whether the server has closed the connection.
fn is_closed(stream: &TcpStream) -> bool {
    let mut bytes = [0; 1_024];
    loop {
        match stream.try_read(&mut bytes) {
            Ok(0) => return true,
            // Bytes that the server sent before it closed.
            Ok(_) => {}
            Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}

/// How many of the wanted connections this process may open.
pub fn affordable(wanted: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let limit = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    limit.map_or(wanted, |limit| wanted.min(limit.saturating_sub(RESERVED)))
}
