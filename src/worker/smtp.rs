//! The SMTP client of mails: one connection for each mail, bounded in number and time. TLS is ours, because lettre's own would
//! choose a provider of cryptography; lettre is handed a stream that is protected already.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::tls::{connect, connector, reason};
use crate::config::{MailSecurity, MailSettings};

/// The longest answer that is read before TLS begins, in bytes.
const LONGEST_ANSWER: usize = 8 * 1024;

/// Gives mails to the mail server.
pub struct SmtpClient {
    host: String,
    port: u16,
    security: MailSecurity,
    certificates: Option<PathBuf>,
    credentials: Option<Credentials>,
    hello: ClientId,
    timeout: Duration,
    /// Permits to have a connection.
    connections: Semaphore,
    /// TLS, made at the first attempt, because making it reads certificates.
    tls: OnceCell<TlsConnector>,
}

/// Why a mail was not taken.
#[derive(Debug)]
pub enum Refusal {
    /// It may be taken later.
    ForNow(String),
    /// It will never be taken.
    ForGood(String),
}

impl SmtpClient {
    /// A client with the bounds of the settings, that says it is of this domain.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn new(settings: &MailSettings, domain: &str) -> Result<Self, String> {
        let password = settings.secret()?;
        let has_name = !settings.username.is_empty();
        Ok(Self {
            host: settings.host.clone(),
            port: settings.port(),
            security: settings.security,
            certificates: Some(settings.ca_file.clone()).filter(|file| !file.as_os_str().is_empty()),
            credentials: has_name.then(|| Credentials::new(settings.username.clone(), password)),
            hello: ClientId::Domain(domain.to_owned()),
            timeout: Duration::from_secs(settings.timeout_s),
            connections: Semaphore::new(settings.connections),
            tls: OnceCell::new(),
        })
    }

    /// Gives a mail to the server.
    ///
    /// # Errors
    /// Why the server did not take it, in words for operators.
    pub async fn send(&self, message: &Message) -> Result<(), Refusal> {
        let _place = self.connections.acquire().await.map_err(|error| Refusal::ForNow(reason(&error)))?;
        match timeout(self.timeout, self.exchange(message)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Refusal::ForNow(format!(
                "the mail server did not take it within {} s",
                self.timeout.as_secs()
            ))),
        }
    }

    async fn exchange(&self, message: &Message) -> Result<(), Refusal> {
        let stream = self.stream().await.map_err(Refusal::ForNow)?;
        let for_now =
            |what: &str, error: &dyn std::error::Error| Refusal::ForNow(format!("{what}: {}", reason(error)));
        let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &self.hello)
            .await
            .map_err(|error| for_now("the mail server does not greet", &error))?;
        if let Some(credentials) = &self.credentials {
            // A wrong password is no fault of the mail, which waits until it is mended.
            connection
                .auth(&[Mechanism::Plain, Mechanism::Login], credentials)
                .await
                .map_err(|error| for_now("the mail server does not let us in", &error))?;
        }
        connection.send(message.envelope(), &message.formatted()).await.map_err(|error| {
            // The server was not asked: its protocol has no words for the address, as for letters beyond ASCII.
            if error.is_client() {
                return Refusal::ForGood(format!("it can't be sent to this address: {}", reason(&error)));
            }
            let said = format!("the mail server refuses it: {}", reason(&error));
            if error.is_permanent() { Refusal::ForGood(said) } else { Refusal::ForNow(said) }
        })?;
        // It has taken the mail; whether it says goodbye changes nothing.
        drop(connection.quit().await);
        Ok(())
    }

    /// A connection that is protected as the settings want it.
    async fn stream(&self) -> Result<Box<dyn AsyncTokioStream>, String> {
        let addresses = lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|error| format!("the mail server can't be looked up: {}", reason(&error)))?;
        let mut stream = connect(addresses.collect()).await?;
        let peer = stream.peer_addr().map_err(|error| reason(&error))?;
        match self.security {
            MailSecurity::None => Ok(Box::new(stream)),
            MailSecurity::Tls => {
                Ok(Box::new(Protected { first: &[], stream: self.tls(stream).await?, peer }))
            }
            MailSecurity::Starttls => {
                self.begin_tls(&mut stream).await?;
                // The server greets once only, but lettre waits for a greeting.
                Ok(Box::new(Protected { first: b"220 TLS\r\n", stream: self.tls(stream).await?, peer }))
            }
        }
    }

    async fn tls(&self, stream: TcpStream) -> Result<tokio_rustls::client::TlsStream<TcpStream>, String> {
        let name = ServerName::try_from(self.host.clone()).map_err(|error| reason(&error))?;
        let made = || async { connector(self.certificates.as_deref()) };
        let tls = self.tls.get_or_try_init(made).await?;
        tls.connect(name, stream).await.map_err(|error| format!("TLS fails: {}", reason(&error)))
    }

    /// Asks the server to begin TLS. Answers are read byte by byte, so that what somebody has slipped in behind them in plain text
    /// is never taken for what comes by TLS.
    async fn begin_tls(&self, stream: &mut TcpStream) -> Result<(), String> {
        expect(&answer(stream).await?, "220", "the mail server does not greet")?;
        say(stream, &format!("EHLO {}", self.hello)).await?;
        let offered = answer(stream).await?;
        expect(&offered, "250", "the mail server does not answer EHLO")?;
        if !offered
            .lines()
            .any(|line| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS")))
        {
            return Err("the mail server does not offer STARTTLS, so it gets no mail".to_owned());
        }
        say(stream, "STARTTLS").await?;
        expect(&answer(stream).await?, "220", "the mail server does not begin TLS")
    }
}

async fn say(stream: &mut TcpStream, line: &str) -> Result<(), String> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.map_err(|error| reason(&error))
}

/// The lines of an answer, to the one with a blank behind its code.
async fn answer(stream: &mut TcpStream) -> Result<String, String> {
    let mut read = Vec::new();
    let mut begin = 0;
    loop {
        let byte =
            stream.read_u8().await.map_err(|error| format!("the mail server is gone: {}", reason(&error)))?;
        read.push(byte);
        if read.len() > LONGEST_ANSWER {
            return Err("the mail server answers without end".to_owned());
        }
        if byte == b'\n' {
            if read.get(begin + 3) != Some(&b'-') {
                return Ok(String::from_utf8_lossy(&read).into_owned());
            }
            begin = read.len();
        }
    }
}

fn expect(answer: &str, code: &str, otherwise: &str) -> Result<(), String> {
    if answer.starts_with(code) {
        return Ok(());
    }
    let said: String = answer.trim_end().chars().take(200).collect();
    Err(format!("{otherwise}: {said}"))
}

/// A connection that is protected, before which some bytes are read.
struct Protected<S> {
    first: &'static [u8],
    stream: S,
    peer: SocketAddr,
}

impl<S> fmt::Debug for Protected<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protected").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> AsyncTokioStream for Protected<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Protected<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let (now, later) = self.first.split_at(self.first.len().min(buf.remaining()));
        buf.put_slice(now);
        self.first = later;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Protected<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
