//! A mail server on loopback that behaves as badly as it is told to, and keeps what it was given. Its certificate is from
//! `smtp/`: `authority.pem` vouches for it, and the key is no secret.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// How a mail server behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// It takes every mail.
    Takes,
    /// It answers so to the command that begins with this word, or to the end of a mail for `.`.
    Answers(&'static str, &'static str),
    /// It greets and says nothing more.
    Silent,
    /// It takes a mail, and breaks off before it says so.
    BreaksOff,
    /// It offers no TLS.
    OffersNoTls,
    /// It sends an answer in plain text behind the word that TLS begins, as somebody in between might.
    Slips,
}

/// How its connections are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    Plain,
    Starttls,
    Tls,
}

/// A mail that it was given.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The address of the sender, as the envelope says it.
    pub from: String,
    /// The addresses of the recipients, as the envelope says them.
    pub to: Vec<String>,
    /// Name and password with which the client logged in.
    pub login: Option<String>,
    /// Whether it came by TLS.
    pub by_tls: bool,
    /// The mail itself.
    pub raw: String,
}

impl Mail {
    /// The lines before the body, each header in one line.
    pub fn headers(&self) -> Vec<String> {
        let head = self.raw.split("\r\n\r\n").next().expect("a head");
        head.replace("\r\n ", " ").replace("\r\n\t", " ").lines().map(str::to_owned).collect()
    }

    /// A header, decoded.
    pub fn header(&self, name: &str) -> String {
        let start = format!("{}: ", name.to_lowercase());
        let headers = self.headers();
        let mut own = headers.iter().filter(|line| line.to_lowercase().starts_with(&start));
        let value =
            own.next().unwrap_or_else(|| panic!("no {name} in {headers:?}"))[start.len()..].to_owned();
        assert!(own.next().is_none(), "two headers {name}: {headers:?}");
        words(&value)
    }

    /// The part of this type, decoded; empty if there is none.
    pub fn part(&self, kind: &str) -> String {
        for piece in self.raw.split("\r\n--") {
            let Some((head, body)) = piece.split_once("\r\n\r\n") else { continue };
            let head = head.to_lowercase();
            if !head.contains(&format!("content-type: {kind}")) {
                continue;
            }
            let bytes = if head.contains("quoted-printable") {
                quoted(&body.replace("=\r\n", ""), '=')
            } else if head.contains("base64") {
                STANDARD.decode(body.replace("\r\n", "")).expect("base64")
            } else {
                body.as_bytes().to_vec()
            };
            return String::from_utf8(bytes).expect("UTF-8").replace("\r\n", "\n");
        }
        String::new()
    }

    /// The text.
    pub fn text(&self) -> String {
        self.part("text/plain")
    }

    /// The HTML.
    pub fn html(&self) -> String {
        self.part("text/html")
    }
}

fn quoted(text: &str, mark: char) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == u8::try_from(mark).expect("ASCII") {
            let digits = [rest.next(), rest.next()].map(|digit| char::from(digit.expect("two digits")));
            let digits = String::from_iter(digits);
            bytes.push(u8::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("{digits} in {text}")));
        } else {
            bytes.push(byte);
        }
    }
    bytes
}

/// Decodes the encoded words of a header.
fn words(value: &str) -> String {
    let mut decoded = String::new();
    let mut rest = value.replace("?= =?", "?==?");
    while let Some(start) = rest.find("=?utf-8?") {
        decoded.push_str(&rest[..start]);
        let after = rest[start + "=?utf-8?".len()..].to_owned();
        let (how, after) = after.split_once('?').expect("an encoding");
        let (content, after) = after.split_once("?=").expect("an end");
        let bytes = match how {
            "b" | "B" => STANDARD.decode(content).expect("base64"),
            _ => quoted(&content.replace('_', " "), '='),
        };
        decoded.push_str(&String::from_utf8(bytes).expect("UTF-8"));
        rest = after.to_owned();
    }
    decoded + &rest
}

/// A mail server on a port of its own; it goes when it is dropped.
pub struct MailServer {
    /// Its port.
    pub port: u16,
    manner: Arc<Mutex<Manner>>,
    mails: Arc<Mutex<Vec<Mail>>>,
    serving: JoinHandle<()>,
}

/// A file beside this one.
pub fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/smtp").join(name)
}

impl MailServer {
    /// One that takes every mail, and whose connections are protected so.
    pub async fn start(protection: Protection) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let manner = Arc::new(Mutex::new(Manner::Takes));
        let mails: Arc<Mutex<Vec<Mail>>> = Arc::default();
        let serving = tokio::spawn({
            let (manner, mails) = (Arc::clone(&manner), Arc::clone(&mails));
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let manner = manner.lock().expect("unpoisoned").clone();
                    let mails = Arc::clone(&mails);
                    tokio::spawn(async move {
                        let _ = serve(stream, protection, manner, mails).await;
                    });
                }
            }
        });
        Self { port, manner, mails, serving }
    }

    /// Makes it behave so from now on.
    pub fn be(&self, manner: Manner) {
        *self.manner.lock().expect("unpoisoned") = manner;
    }

    /// What it was given, in order.
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().expect("unpoisoned").clone()
    }

    /// What it was given since this was asked last.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.mails.lock().expect("unpoisoned"))
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(file("certificate.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file("key.pem")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate with its key");
    TlsAcceptor::from(Arc::new(config))
}

type Kept = Arc<Mutex<Vec<Mail>>>;

async fn serve(
    mut stream: TcpStream,
    protection: Protection,
    manner: Manner,
    mails: Kept,
) -> std::io::Result<()> {
    match protection {
        Protection::Tls => {
            let stream = acceptor().accept(stream).await?;
            converse(stream, true, true, manner, mails).await
        }
        Protection::Plain => converse(stream, true, false, manner, mails).await,
        Protection::Starttls => {
            if !begin_tls(&mut stream, &manner).await? {
                return Ok(());
            }
            let stream = acceptor().accept(stream).await?;
            converse(stream, false, true, manner, mails).await
        }
    }
}

/// Talks in plain text until TLS is to begin; returns whether it is.
async fn begin_tls(stream: &mut TcpStream, manner: &Manner) -> std::io::Result<bool> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220-mail.example.org\r\n220 at your service\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        if *manner == Manner::Silent {
            continue;
        }
        let said: &[u8] = match line.split(' ').next().unwrap_or_default() {
            "EHLO" if *manner == Manner::OffersNoTls => b"250-mail.example.org\r\n250 AUTH PLAIN\r\n",
            "EHLO" => b"250-mail.example.org\r\n250-STARTTLS\r\n250 SIZE 1000000\r\n",
            "STARTTLS" if *manner == Manner::Slips => {
                write.write_all(b"220 go on\r\n250 what came in plain text\r\n").await?;
                return Ok(true);
            }
            "STARTTLS" => {
                write.write_all(b"220 go on\r\n").await?;
                return Ok(true);
            }
            "QUIT" => return Ok(false),
            _ => b"530 STARTTLS first\r\n",
        };
        write.write_all(said).await?;
    }
    Ok(false)
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    greets: bool,
    by_tls: bool,
    manner: Manner,
    mails: Kept,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    if greets {
        stream.write_all(b"220 mail.example.org\r\n").await?;
        stream.flush().await?;
    }
    let mut mail = Mail { from: String::new(), to: Vec::new(), login: None, by_tls, raw: String::new() };
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        if manner == Manner::Silent {
            continue;
        }
        let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let path = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let mut said = match word.as_str() {
            "EHLO" => "250-mail.example.org\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME".to_owned(),
            "AUTH" => {
                let secret = line.rsplit(' ').next().unwrap_or_default();
                let secret = STANDARD.decode(secret).expect("base64");
                mail.login =
                    Some(String::from_utf8(secret).expect("UTF-8").replace('\0', " ").trim().to_owned());
                "235 welcome".to_owned()
            }
            "MAIL" => {
                mail.from = path();
                "250 well".to_owned()
            }
            "RCPT" => {
                mail.to.push(path());
                "250 well".to_owned()
            }
            "DATA" => "354 go on".to_owned(),
            "QUIT" => "221 goodbye".to_owned(),
            _ => "500 what?".to_owned(),
        };
        if let Manner::Answers(command, answer) = manner
            && command == word
        {
            said = answer.to_owned();
        }
        stream.write_all(format!("{said}\r\n").as_bytes()).await?;
        stream.flush().await?;
        if said.starts_with("354") {
            mail.raw = body(&mut stream).await?;
            let refusal = match manner {
                Manner::Answers(".", answer) => Some(answer),
                _ => None,
            };
            if refusal.is_none() {
                mails.lock().expect("unpoisoned").push(mail.clone());
            }
            if manner == Manner::BreaksOff {
                return Ok(());
            }
            stream.write_all(format!("{}\r\n", refusal.unwrap_or("250 taken")).as_bytes()).await?;
            stream.flush().await?;
            mail.to.clear();
        }
        if word == "QUIT" {
            return Ok(());
        }
    }
}

/// What stands up to the line with a single dot, as it was before dots were doubled.
async fn body<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<String> {
    let mut raw = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(raw);
        }
        raw.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
